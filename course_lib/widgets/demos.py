"""What has been shown in this kernel, how its controls stood at first, and states worth showing to a class.

Whatever is shown has a `panel`. Its controls go by the last part of their hook (`course-counterfactual-number` is `number`),
and what one of them holds is its `value`. A demo that remembers more than its controls do, a game's score for instance, has
a method `start_over()`, which forgets it.

A file `course_lib/demos/X.toml` holds the states of one notebook's demos:

    rehearse = ["rotation"]            # the training runs that `course rehearse` trains beforehand

    [[demo]]
    name = "explorer"                  # what the notebook calls it
    title = "One thing changed"        # what the instructor reads
    section = 7                        # where it is made

    [[demo.preset]]
    name = "no ground"
    ask = "What to ask the class."
    set = { change = "without ground", number = "number 10003" }     # control = its value, or the words for it
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

from course_lib.errors import CourseError

FOLDER = Path(__file__).resolve().parent.parent / "demos"
DISPLAYS = (ipywidgets.HTML, ipywidgets.Label, ipywidgets.IntProgress)  # have a `value`, and nobody moves it


@dataclass(frozen=True)
class Shown:
    """A demo that has been displayed, and how its controls stood then: pairs of control and value, from the top down."""

    demo: Any
    at_first: tuple[tuple[ipywidgets.Widget, Any], ...]


@dataclass(frozen=True)
class Preset:
    """A state worth showing: control -> its value; and what to ask about it."""

    name: str
    ask: str
    set: Mapping[str, Any]


@dataclass(frozen=True)
class Demo:
    """What a notebook calls a demo, and the states worth showing."""

    name: str
    title: str
    section: int
    presets: tuple[Preset, ...]


shown: list[Shown] = []  # in this kernel, oldest first


def note(demo) -> None:
    """Remember how the controls of a demo stand, which is about to be displayed; showing it again changes nothing."""
    if all(known.demo is not demo for known in shown):
        shown.append(Shown(demo, tuple((control, control.value) for _, control in controls(demo.panel))))


def controls(panel: ipywidgets.Widget) -> Iterator[tuple[str, ipywidgets.Widget]]:
    """What somebody can move in a panel, from the top down: pairs of name and control."""
    if isinstance(panel, ipywidgets.ValueWidget) and not isinstance(panel, DISPLAYS):
        hooks = [hook for hook in panel._dom_classes if hook.startswith("course-")]
        yield (hooks[0].split("-", 2)[2] if hooks else panel.description), panel
    for child in getattr(panel, "children", ()):
        yield from controls(child)


def put_back(demo) -> None:
    """A demo as it was when it was first shown.

    Raises:
        CourseError: it has not been shown.
    """
    known = next((known for known in shown if known.demo is demo), None)
    if known is None:
        raise CourseError("This demo has not been shown yet: run its cell first.")
    if hasattr(demo, "start_over"):
        demo.start_over()
    for control, value in known.at_first:
        control.value = value


def apply(demo, values: Mapping[str, Any]) -> None:
    """Move controls of a demo, in the order of `values`: name -> value, or the words that stand for it in a menu.

    Raises:
        CourseError: there is no such control, it cannot be moved now, or it cannot take the value.
    """
    known = dict(controls(demo.panel))
    for name, value in values.items():
        if name not in known:
            raise CourseError(f"This demo has no control '{name}'; it has {', '.join(known)}.")
        control = known[name]
        if control.disabled:
            raise CourseError(f"The control '{name}' cannot be moved now; if a training has ended, run its cell again.")
        words = isinstance(value, str) and value in getattr(control, "_options_labels", ())
        try:
            setattr(control, "label" if words else "value", value)
        except traitlets.TraitError:
            raise CourseError(f"The control '{name}' cannot be set to {value!r}.") from None
        if control.value != value and not words:
            raise CourseError(f"The control '{name}' was set to {value!r} and stands at {control.value!r}: it goes no further.")


def load(name: str) -> tuple[list[Demo], list[str]]:
    """The demos of `course_lib/demos/<name>.toml`, in the file's order, and the training runs to rehearse.

    Raises:
        CourseError: there is no such file, or it is malformed.
    """
    path = FOLDER / f"{name}.toml"
    if not path.exists():
        known = sorted(path.stem for path in FOLDER.glob("*.toml"))
        raise CourseError(f"There are no demos '{name}'; there are {', '.join(known)}.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        demos = [
            Demo(**demo | {"presets": tuple(Preset(**preset) for preset in demo.pop("preset"))})
            for demo in content.pop("demo", [])
        ]
        rehearse = content.pop("rehearse")
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{path.name} is not as course_lib/widgets/demos.py describes it: {error}.") from error
    if content:
        raise CourseError(f"{path.name} has {', '.join(content)}, which means nothing; it may have rehearse and demo.")
    return demos, rehearse
