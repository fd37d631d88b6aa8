"""The one exception that students see."""


class CourseError(Exception):
    """A mistake that the user can mend: one sentence saying what is wrong, what was expected and what to do.

    The command line prints the sentence and exits with code 2; a notebook shows the sentence without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks the exception itself how it wants to be shown.
        return [f"CourseError: {self}"]
