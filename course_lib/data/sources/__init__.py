"""One file a source of data sets; `course_lib.data` says what such a file holds."""
