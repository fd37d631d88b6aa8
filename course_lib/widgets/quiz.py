"""The quiz at the end of a notebook: every option answers back, and going on until it is right costs nothing.

A file `course_lib/quizzes/X.toml` holds the questions of one notebook:

    [[question]]
    text = "What is asked?"

    [[question.option]]
    text = "What can be answered."
    right = true                       # for exactly one of at least three options
    feedback = "Why it is right, or why it is not."

Line breaks within a text count as spaces, so that long ones can be wrapped.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import ipywidgets
import torch

from course_lib.errors import CourseError
from course_lib.widgets import headless, progress, show_error, show_panel

FOLDER = Path(__file__).resolve().parent.parent / "quizzes"
MIN_OPTIONS = 3
_KINDS = {str: "a text in quotes that is not empty", bool: "true or false", list: "a list in [[double brackets]]"}
# Buttons keep to one line and cut off the rest, and no trait of theirs changes that. A button beside a text would wrap,
# but a screen reader would call it "A"; among radio buttons, an arrow key would answer while a student still reads. So
# the button holds the whole option, and this style, which travels with the quiz, lets it wrap. Its two classes outweigh
# the one by which ipywidgets styles its buttons.
_STYLE = """<style>
.jupyter-widgets.course-quiz-option {
  width: auto; max-width: 60em; height: auto; padding: 0.4em 0.8em;
  white-space: normal; text-align: left; line-height: 1.4;
}
.course-quiz-question, .course-quiz-feedback { max-width: 60em; }
.course-quiz-question .widget-html-content, .course-quiz-feedback .widget-html-content { line-height: 1.4; }
</style>"""


@dataclass(frozen=True)
class Option:
    """One answer to choose: its text, whether it is right, and why."""

    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Question:
    """A question and its options, exactly one of them right."""

    text: str
    options: tuple[Option, ...]


def load(name: str) -> list[Question]:
    """The questions of `course_lib/quizzes/<name>.toml`, in the file's order.

    Raises:
        CourseError: there is no such quiz, or its file is malformed.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.toml"))
    if name not in known:
        raise CourseError(f"There is no quiz '{name}'; there are {', '.join(known)}.")
    return read(FOLDER / f"{name}.toml")


def read(path: Path) -> list[Question]:
    """The questions of a file, in its order.

    Raises:
        CourseError: the file is malformed; the sentence names file, question and what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise CourseError(f"{path.name} cannot be read as TOML: {error}.") from error
    (tables,) = _values(path.name, content, question=list)
    return [_question(f"{path.name}, question {number}", table) for number, table in enumerate(tables, 1)]


def _question(where: str, table) -> Question:
    text, tables = _values(where, table, text=str, option=list)
    options = tuple(
        Option(*_values(f"{where}, option {number}", option, text=str, right=bool, feedback=str))
        for number, option in enumerate(tables, 1)
    )
    right = sum(option.right for option in options)
    if len(options) < MIN_OPTIONS:
        raise CourseError(f"{where} has too few options: {len(options)}; give it at least {MIN_OPTIONS}.")
    if right != 1:
        raise CourseError(f"{where} has {right} options with right = true; exactly one must be right.")
    return Question(text, options)


def _values(where: str, table, **kinds: type) -> list:
    """The table's values in the order of `kinds`, texts with their line breaks as spaces.

    Raises:
        CourseError: the table has not exactly these keys, or a value is empty or of another kind.
    """
    found = list(table) if isinstance(table, dict) else []
    if set(found) != set(kinds):
        raise CourseError(f"{where} must have {_and(kinds)}, and nothing else; it has {_and(found) or 'no keys'}.")
    values = []
    for key, kind in kinds.items():
        value = " ".join(table[key].split()) if isinstance(table[key], str) else table[key]
        if not isinstance(value, kind) or value in ("", []):
            raise CourseError(f"{where}: {key} must be {_KINDS[kind]}.")
        values.append(value)
    return values


def _and(words) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1))


def shuffled(questions: Sequence[Question], rng: torch.Generator) -> list[Question]:
    """The same questions in the same order, the options of each in an order drawn from `rng` (a CPU generator)."""
    return [
        replace(question, options=tuple(
            question.options[i] for i in torch.randperm(len(question.options), generator=rng).tolist()
        ))
        for question in questions
    ]  # fmt: skip


class Score:
    """Which options were tried at which question; the quiz's logic, without a screen.

    Attributes:
        tried: of every question, the options tried so far, in order.
    """

    def __init__(self, questions: Sequence[Question]):
        self.questions = list(questions)
        self.tried: list[list[Option]] = [[] for _ in self.questions]

    def answer(self, question: int, option: int) -> Option:
        """Try an option, counted from 0, of a question, likewise; returns it. After the right one, others may be tried
        to read why they are wrong: the score stays. Raises IndexError where there is no such question or option."""
        chosen = self.questions[question].options[option]
        self.tried[question].append(chosen)
        return chosen

    @property
    def solved(self) -> int:
        """Questions whose right option has been found."""
        return sum(any(option.right for option in tried) for tried in self.tried)

    @property
    def at_first_try(self) -> int:
        """Questions whose right option was the first to be tried."""
        return sum(tried[0].right for tried in self.tried if tried)

    def words(self) -> str:
        """Where the quiz stands: how many are solved, and when all are, how many at the first try."""
        if self.solved < len(self.questions):
            return f"{self.solved} of {len(self.questions)} solved"
        return f"{self.at_first_try} of {len(self.questions)} at the first try"


class Quiz:
    """All questions of a quiz, a button for each option, and its feedback when it is pressed.

    Args:
        name: of the quiz, the stem of its file in `course_lib/quizzes`.
        rng: shuffles the options; the same seed gives the same order.

    Raises:
        CourseError: there is no such quiz, or its file is malformed.
    """

    def __init__(self, name: str, rng: torch.Generator):
        self.score = Score(shuffled(load(name), rng))
        self.buttons: list[list[ipywidgets.Button]] = []  # a list for each question, as the options are shown
        self.feedback: list[ipywidgets.HTML] = []  # one for each question
        self.result = ipywidgets.HTML(self.score.words())
        self.result.add_class("course-quiz-result")
        rows = [self._row(number) for number in range(len(self.score.questions))]
        self.panel = ipywidgets.VBox([ipywidgets.HTML(_STYLE), *rows, self.result])

    def show(self) -> "Quiz":
        """Display the quiz; headless, its questions and options as text."""
        if headless():
            print("Quiz. (Open this notebook in JupyterLab to answer it.)")
            for number, question in enumerate(self.score.questions, 1):
                print(f"\n{number}. {question.text}")
                for letter, option in zip("abcdefgh", question.options, strict=False):
                    print(f"   {letter}) {option.text}")
        else:
            show_panel(self)
        return self

    def play(self, question: int, option: int) -> bool:
        """Try an option, both counted from 0 as shown, as a press of its button does; returns whether it is right."""
        chosen = self.score.answer(question, option)
        mark, verdict = ("✓", "Right.") if chosen.right else ("✗", "No.")
        self.buttons[question][option].description = f"{mark} {chosen.text}"
        # An alert is read aloud although the focus stays on the button.
        self.feedback[question].value = f'<span role="alert">{mark} {verdict} {escape(chosen.feedback)}</span>'
        self.result.value = f"{self.score.words()} {escape(progress.answered(question, chosen.right))}".strip()
        return chosen.right

    def start_over(self) -> None:
        """Forget what was tried; what has been kept of first tries stays."""
        self.score = Score(self.score.questions)
        self.result.value = self.score.words()
        for question, buttons, feedback in zip(self.score.questions, self.buttons, self.feedback, strict=True):
            feedback.value = ""
            for option, button in zip(question.options, buttons, strict=True):
                button.description = option.text

    def _row(self, number: int) -> ipywidgets.VBox:
        """One question: its text, its buttons, the place for feedback."""
        question = self.score.questions[number]
        place = f"{number + 1} of {len(self.score.questions)}"
        text = ipywidgets.HTML(f"<b>{place}.</b> {escape(question.text)}")
        text.add_class("course-quiz-question")
        buttons = []
        for choice, option in enumerate(question.options):
            button = ipywidgets.Button(description=option.text, tooltip=f"Answer to question {place}")
            button.on_click(lambda _, choice=choice: self._clicked(number, choice))
            button.add_class("course-quiz-option")
            buttons.append(button)
        feedback = ipywidgets.HTML()
        feedback.add_class("course-quiz-feedback")
        self.buttons.append(buttons)
        self.feedback.append(feedback)
        return ipywidgets.VBox([text, *buttons, feedback])

    def _clicked(self, question: int, option: int) -> None:
        try:
            self.play(question, option)
        except Exception as error:
            show_error(self.feedback[question], error)
