"""A lecture without a screen: which section is due, how a poll stands, and a file that outlives the kernel.

The minutes that each section is meant to take stand in the notebook's source, as a table in the note for the instructor:

    | section | on the short path | on the long path |
    | 3 · Train | 8 | 12 |
"""

import contextlib
import html
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filelock import FileLock, Timeout

from course_lib.errors import CourseError
from course_lib.paths import output_directory, project, write_atomically
from course_lib.plots.style import BLUE, GREY

PATHS = (45, 90)  # minutes
FORGOTTEN = 4 * 3600  # seconds after which a clock that still runs belongs to another day
MOMENTS = ("before", "after")  # of a demo, when a question is asked
OPTIONS = (2, 6)  # the fewest and the most that a poll may have
_ROW = re.compile(r"^# \| (\d+ · [^|]+?) \| (\d+) \| (\d+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A section of a notebook, and the minutes planned for it by path; none where the path leaves it out."""

    title: str
    minutes: dict[int, int]


def _source(notebook: str) -> str:
    return (project() / "notebooks" / "source" / f"{notebook}.py").read_text(encoding="utf-8")


def sections(notebook: str) -> list[Section]:
    """The sections of a notebook with their minutes; none where its source has no such table."""
    return [
        Section(title, dict(zip(PATHS, map(int, minutes), strict=True))) for title, *minutes in _ROW.findall(_source(notebook))
    ]


def subject(notebook: str) -> str:
    """The name under which the quiz and the demos of a notebook are filed: `rotation` for `02_rotation`."""
    found = re.search(r'Quiz\("(\w+)"', _source(notebook))
    return found[1] if found else re.sub(r"^\d+_", "", notebook)


class Clock:
    """How long a lecture has run, in which section it is, and where it should be.

    Args:
        sections: at least one.
        kept: a `state` of an earlier clock, to go on from.
        now: seconds since some moment that all kernels agree on.
    """

    def __init__(self, sections: Sequence[Section], kept: dict | None = None, now: Callable[[], float] = time.time):
        self.sections, self._now = list(sections), now
        self.path, self.at, self._spent, self._since = PATHS[0], 0, 0.0, None
        with contextlib.suppress(LookupError, TypeError, ValueError):  # what is damaged is forgotten
            since = None if kept["since"] is None else float(kept["since"])
            path, at, spent = PATHS[PATHS.index(kept["path"])], range(len(self.sections))[kept["at"]], float(kept["spent"])
            self.path, self.at, self._spent, self._since = path, at, spent, since
        if self.seconds > FORGOTTEN:
            self.stop()

    @property
    def state(self) -> dict:
        """All that there is to keep."""
        return {"path": self.path, "at": self.at, "spent": self._spent, "since": self._since}

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        """That the lecture has run, without its pauses."""
        return self._spent + (self._now() - self._since if self.running else 0.0)

    def start(self) -> None:
        """Begin, or go on after a pause."""
        if not self.running:
            self._since = self._now()

    def pause(self) -> None:
        """Stand still; `start` goes on from here."""
        self._spent, self._since = self.seconds, None

    def stop(self) -> None:
        """Back to the beginning, standing still."""
        self.at, self._spent, self._since = 0, 0.0, None

    def move(self, by: int) -> None:
        """On to the next section of this path (1), or back to the one before (-1); at the ends, nothing."""
        there = [k for k, section in enumerate(self.sections) if section.minutes[self.path]]
        beyond = [k for k in there if (k > self.at if by > 0 else k < self.at)]
        if beyond:
            self.at = beyond[0] if by > 0 else beyond[-1]

    def span(self, number: int) -> tuple[int, int]:
        """When a section is planned to begin and to end, in minutes from the beginning."""
        begins = sum(section.minutes[self.path] for section in self.sections[:number])
        return begins, begins + self.sections[number].minutes[self.path]

    @property
    def due(self) -> int:
        """The section that should be on now; the last one when the time is over."""
        minutes = self.seconds / 60
        there = [k for k, section in enumerate(self.sections) if section.minutes[self.path]]
        return next((k for k in there if minutes < self.span(k)[1]), there[-1])

    @property
    def lead(self) -> float:
        """Minutes ahead of the plan, or behind it (below zero); 0 while this section's own time runs."""
        begins, ends = self.span(self.at)
        minutes = self.seconds / 60
        return begins - minutes if minutes < begins else min(0.0, ends - minutes)

    def words(self) -> str:
        """Where the lecture stands, in two sentences."""
        here, lead = self.sections[self.at].title, self.lead
        pace = "on time" if abs(lead) < 0.5 else f"{_minutes(abs(lead))} {'ahead' if lead > 0 else 'behind'}"
        total = self.span(len(self.sections) - 1)[1]
        over = f" The {total} planned minutes are over." if self.seconds >= 60 * total else ""
        return f"Should be on now: {self.sections[self.due].title}. You are in {here}, {pace}.{over}"

    def time(self) -> str:
        """Minutes and seconds: 07:30."""
        return "{:02d}:{:02d}".format(*divmod(int(self.seconds), 60))


def _minutes(count: float) -> str:
    whole = max(1, round(count))
    return f"{whole} minute{'' if whole == 1 else 's'}"


class Tally:
    """How many hands each option of a question got, before a demo and after it.

    Args:
        question, options: in words.
        kept: a `state` of an earlier tally of this question, to go on from.

    Raises:
        CourseError: fewer than two options or more than six, one twice, or no question.
    """

    def __init__(self, question: str, options: Sequence[str], kept: dict | None = None):
        least, most = OPTIONS
        if not question:
            raise CourseError("A poll needs a question.")
        if not least <= len(options) <= most or len(set(options)) != len(options):
            raise CourseError(f"A poll has {least} to {most} different options; this one has {len(options)}.")
        self.question, self.options = question, list(options)
        self.counts = {moment: [0] * len(options) for moment in MOMENTS}
        if isinstance(kept, dict) and kept.get("options") == self.options:
            self.counts = {moment: list(kept[moment]) for moment in MOMENTS}

    @property
    def state(self) -> dict:
        """All that there is to keep."""
        return {"options": self.options} | self.counts

    def asked(self) -> list[str]:
        """The moments at which a hand was raised."""
        return [moment for moment in MOMENTS if sum(self.counts[moment])]

    def words(self) -> str:
        """The result, for those who cannot see it."""
        parts = []
        for moment in self.asked():
            counts = self.counts[moment]
            each = ", ".join(f"{option}: {count}" for option, count in zip(self.options, counts, strict=True))
            parts.append(f"{moment} the demo, of {sum(counts)} hands: {each}.")
        return f"{self.question} " + (" ".join(parts) or "Nobody has raised a hand yet.")

    def bars(self) -> str:
        """The result as HTML: a bar for each option, by its number, and for each moment; they grow with the type."""
        rows = []
        for number in range(len(self.options)):
            for moment in self.asked() or MOMENTS[:1]:
                counts = self.counts[moment]
                share = counts[number] / max(1, sum(counts))
                bar = f"width:{70 * share:.1f}%;background:{GREY if moment == 'before' else BLUE}"
                rows.append(
                    f'<div class="course-poll-row"><span class="course-poll-moment"><b>{number + 1}</b> {moment}</span>'
                    f'<span class="course-poll-bar" style="{bar}"></span> {counts[number]} ({100 * share:.0f} %)</div>'
                )
        return f'<div role="img" aria-label="{html.escape(self.words(), quote=True)}">{"".join(rows)}</div>'


# --- what outlives the kernel: build/teaching.json, by notebook


def kept(notebook: str) -> dict:
    """What `keep` has kept of a lecture; a file that cannot be read holds nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return dict(json.loads((output_directory() / "teaching.json").read_text(encoding="utf-8")).get(notebook, {}))
    return {}


def keep(notebook: str, **changes) -> str:
    """Keep plain values of a lecture by name. What cannot be kept must not stop a lecture: then a sentence, otherwise ""."""
    path = output_directory() / "teaching.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=10):
            everything = {}
            with contextlib.suppress(OSError, ValueError):
                everything = dict(json.loads(path.read_text(encoding="utf-8")))
            everything[notebook] = kept(notebook) | changes
            write_atomically(path, json.dumps(everything, indent=1) + "\n")
    except (CourseError, OSError, Timeout) as error:
        return f"The lecture's state could not be kept: {error}"
    return ""
