"""`course sabotage grade`: many students' answers to *find the leak*, marked against the key.

A mistake in one student's file costs that student points and nobody else: it becomes a sentence beside the marks.
"""

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.data.sabotage import LEAKS
from course_lib.errors import CourseError
from course_lib.paths import write_atomically

FIELDS = ("set", "leak", "evidence")  # of a student's file
LONGEST = 2**20  # bytes of it that are read
POINTS = {
    "found": 2,  # the leak's name, with evidence
    "cleared": 1,  # an innocent set called clean
    "without evidence": 0,  # the leak's name alone, which may be a guess
    "wrong": 0,  # another leak's name
    "missed": -1,  # a spoilt set called clean: else one would call all of them so
    "not answered": 0,
    "false accusation": -1,  # an innocent set called spoilt
}


@dataclass
class Marks:
    """One student's.

    Attributes:
        student: the name of the file, or of its folder where the file has kept the name of the form.
        verdicts: set -> one of `POINTS`.
        evidence: set -> what the student gives for it, in words.
        problems: sentences about what could not be read.
    """

    student: str
    verdicts: dict[str, str]
    evidence: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def points(self) -> int:
        """Their sum, and never less than nothing."""
        return max(0, sum(POINTS[verdict] for verdict in self.verdicts.values()))


def read_key(path: Path) -> dict[str, str]:
    """Set -> leak, as `course sabotage make` wrote it.

    Raises:
        CourseError: it is missing or no such key.
    """
    try:
        leaks = json.loads(path.read_text(encoding="utf-8"))["leaks"]
        if leaks and set(leaks.values()) <= LEAKS.keys():
            return leaks
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    raise CourseError(f"{path} cannot be read as a key; give the key.json that `course sabotage make` wrote.")


def full_marks(key: dict[str, str]) -> int:
    """The points of somebody who is right about every set."""
    return sum(POINTS["cleared" if leak == "clean" else "found"] for leak in key.values())


def files(paths: list[Path]) -> list[Path]:
    """The students' files: those named, and every .csv in the folders named, sorted."""
    return [file for path in paths for file in (sorted(path.rglob("*.csv")) if path.is_dir() else [path])]


def mark(key: dict[str, str], paths: list[Path]) -> list[Marks]:
    """The marks of every file; where two would have one name, their whole paths are the students' names."""
    names = [path.parent.name if path.stem == "answers" else path.stem for path in map(Path.absolute, paths)]
    taken, marks = Counter(names), []
    for name, path in zip(names, paths, strict=True):
        student = name if taken[name] == 1 else str(path)
        student = student.encode("utf-8", "replace").decode()  # a file's name need not be text
        marks.append(judge(key, student, *read_answers(path, list(key))))
    return marks


def judge(key: dict[str, str], student: str, answers: dict[str, tuple[str, str]], problems: list[str]) -> Marks:
    """Compare answers, set -> (leak, evidence), with the key."""
    answers = {name: answers.get(name, ("", "")) for name in key}
    verdicts = {name: _verdict(leak, *answers[name]) for name, leak in key.items()}
    return Marks(student, verdicts, {name: evidence for name, (_, evidence) in answers.items()}, problems)


def _verdict(leak: str, answer: str, evidence: str) -> str:
    if not answer:
        return "not answered"
    if leak == "clean":
        return "cleared" if answer == leak else "false accusation"
    if answer != leak:
        return "missed" if answer == "clean" else "wrong"
    return "found" if evidence else "without evidence"


def read_answers(path: Path, sets: list[str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """A student's file: set -> (leak, evidence), and a sentence on everything that could not be understood and counts as no
    answer. Commas or semicolons part the columns, as the spreadsheet likes; case and spaces do not matter."""
    try:
        with open(path, "rb") as file:
            text = file.read(LONGEST).decode("utf-8-sig", errors="replace")
    except OSError as error:
        return {}, [f"The file cannot be read ({error.strerror or error})."]
    heading = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in heading else ",", restval="")
    try:
        lines = list(reader)
    except csv.Error as error:
        return {}, [f"The file is no table of text ({error})."]
    columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
    if missing := [name for name in FIELDS if name not in columns]:
        return {}, [f"The first line must name the columns {', '.join(FIELDS)}; it lacks {', '.join(missing)}."]
    rows = [{str(name).strip().lower(): _words(value) for name, value in line.items()} for line in lines]
    answers, problems, seen = {}, [], Counter(row["set"].lower() for row in rows)
    for row in rows:
        name, leak = row["set"].lower(), row["leak"].lower()
        if not name and not leak:
            continue
        if name not in sets:
            problems.append(f"There is no set {row['set']!r}.")
        elif seen[name] > 1:
            problems.append(f"{name} is answered more than once.")
        elif leak and leak not in LEAKS:
            problems.append(f"{name}: there is no leak {row['leak']!r}.")
        elif leak:
            answers[name] = leak, row["evidence"]
    return answers, list(dict.fromkeys(problems))


def _words(value: str | list[str]) -> str:
    """A cell as text; what lies beyond the last column, after a comma without quotes, is a list."""
    return " ".join((value if isinstance(value, str) else " ".join(value)).split())


def write(path: Path, key: dict[str, str], marks: list[Marks]) -> None:
    """The marks as a table: a student a row, the verdict on each set a column, and the evidence another, to be read."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["student", "points", "of", *key, "problems", *(f"{name} evidence" for name in key)])
    for each in marks:
        writer.writerow([each.student, each.points, full_marks(key), *each.verdicts.values(), " ".join(each.problems),
                         *map(_harmless, each.evidence.values())])  # fmt: skip
    write_atomically(path, table.getvalue())


def _harmless(words: str) -> str:
    """A spreadsheet executes a cell that begins like a formula; with an apostrophe before it, it is text."""
    return f"'{words}" if words[:1] in tuple("=+-@") else words


def as_text(key: dict[str, str], marks: list[Marks]) -> str:
    """For the terminal: points and verdicts of each student, then how the class did on each set."""
    lines = []
    for each in marks:
        lines.append(f"{each.student}: {each.points} of {full_marks(key)} ({_counted(each.verdicts.values())})")
        lines += [f"    {problem}" for problem in each.problems]
    lines.append("")
    lines += [f"{name}, {leak}: {_counted(each.verdicts[name] for each in marks)}" for name, leak in key.items()]
    return "\n".join(lines)


def _counted(verdicts) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).most_common())
