# Short names for course.py, which says what each does: `python3 course.py --help`. More arguments: make test ARGS="-k rotation"
PYTHON ?= python3

.PHONY: setup course test lab bench
setup course test lab bench:
	@$(PYTHON) course.py $@ $(ARGS)
