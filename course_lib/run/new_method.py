"""`course new-method NAME`: every file of a new pretext task, working from the start; edits none that exists."""

import keyword
import re
from pathlib import Path

import jinja2

from course_lib.errors import CourseError
from course_lib.paths import project, write_atomically
from course_lib.run import notebooks


def files(name: str, notebook: str) -> dict[str, str]:
    """What a new method consists of, in reading order: path in the project -> the template that it is made from."""
    return {
        f"course_lib/pretext/{name}.py": "method_pretext.py.jinja",
        f"tests/pretext/test_{name}.py": "method_test.py.jinja",
        f"course_lib/exercises/{name}.py": "method_exercises.py.jinja",
        f"tests/exercises/test_{name}_exercises.py": "method_exercises_test.py.jinja",
        f"notebooks/source/{notebook}.py": "method_notebook.py.jinja",
        f"course_lib/claims/{name}.csv": "method_claims.csv.jinja",
        f"course_lib/papers/{name}.csv": "method_papers.csv.jinja",
        f"course_lib/quizzes/{name}.toml": "method_quiz.toml.jinja",
        f"course_lib/demos/{name}.toml": "method_demos.toml.jinja",
    }


def next_notebook(name: str) -> str:
    """The notebook of a new method: numbered after the last one there is."""
    numbers = [int(found[0]) for notebook in notebooks.sources() if (found := re.match(r"\d+", notebook))]
    return f"{max(numbers, default=0) + 1:02d}_{name}"


def write(name: str) -> list[Path]:
    """Write the files of the pretext task `name` (snake_case); returns their paths in the project, in reading order.

    Raises `CourseError`, and leaves nothing behind, when the name will not do or the method is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name) or len(name) > 30:
        raise CourseError(
            f"{name!r} cannot name a method; use words in lower case joined by _, thirty characters at most, "
            "such as relative_position."
        )
    from course_lib import pretext

    taken = [*pretext.names(), *(re.sub(r"^\d+_", "", notebook) for notebook in notebooks.sources())]
    if name in taken or (Path(pretext.__file__).parent / f"{name}.py").exists():
        raise CourseError(f"There is a method {name!r} already; choose another name, or edit course_lib/pretext/{name}.py.")
    notebook = next_notebook(name)
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    words = {
        "name": name,
        "class_name": "".join(word.capitalize() for word in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
        "notebook": notebook,
    }
    texts = {project() / path: templates.get_template(template).render(words) for path, template in files(name, notebook).items()}
    generated = project() / "notebooks" / f"{notebook}.ipynb"
    for path in [*texts, generated]:
        if path.exists():
            raise CourseError(f"{path.relative_to(project())} exists already; move it away, or choose another name.")
    try:
        for path, text in texts.items():
            write_atomically(path, text)
        notebooks.generate(only=notebook)
    except BaseException:
        for path in [*texts, generated]:
            path.unlink(missing_ok=True)
        raise
    return [path.relative_to(project()) for path in [*texts, generated]]
