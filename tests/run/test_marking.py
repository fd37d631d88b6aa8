"""Marks for *find the leak*: what is right pays, accusing everything does not, and no file stops the others."""

import csv

import pytest

from course_lib.data.sabotage import LEAKS
from course_lib.errors import CourseError
from course_lib.run import marking

KEY = {"set-1": "lens", "set-2": "clean", "set-3": "mark", "set-4": "clean", "set-5": "edge"}


def points(answers, evidence="0.9, others 0.3"):
    return marking.judge(KEY, "ada", {name: (leak, evidence) for name, leak in answers.items()}, []).points


@pytest.fixture
def file(tmp_path):
    """`file("ada.csv", "text")`: the path of a student's file."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_strategies_without_looking_do_not_pay():
    assert points(KEY) == marking.full_marks(KEY) == 8
    assert points({}) == 0
    assert points(dict.fromkeys(KEY, "clean")) == 0  # what is gained on the innocent is lost on the others
    accused = KEY | {"set-2": "edge", "set-4": "edge"}  # all that leak are right, and the others accused as well
    assert points(accused) == 4 < points({name: leak for name, leak in KEY.items() if leak != "clean"}) == 6
    for leak in LEAKS.keys() - {"clean"}:
        assert points(dict.fromkeys(KEY, leak)) == 0


def test_every_verdict():
    answers = {"set-1": ("lens", "1.3"), "set-2": ("clean", ""), "set-3": ("light", "x"), "set-4": ("mark", "x")}
    marks = marking.judge(KEY, "ada", answers, [])
    assert list(marks.verdicts.values()) == ["found", "cleared", "wrong", "false accusation", "not answered"]
    others = marking.judge(KEY, "bob", {"set-1": ("lens", ""), "set-3": ("clean", "x")}, [])
    assert [others.verdicts[name] for name in ("set-1", "set-3")] == ["without evidence", "missed"]
    assert marks.points == 2 and others.points == 0
    assert {*marks.verdicts.values(), *others.verdicts.values()} == set(marking.POINTS)


@pytest.mark.parametrize(
    ("content", "answers"),
    [
        ("set,leak,evidence\nset-1,lens,a b\n", {"set-1": ("lens", "a b")}),
        ("\ufeffSet;Leak;Evidence;\r\nSET-1; Lens ;0,9;\r\n;;;\r\n", {"set-1": ("lens", "0,9")}),  # a spreadsheet's
        ('evidence,set,leak\n"0.9, others 0.3",set-1,lens\n', {"set-1": ("lens", "0.9, others 0.3")}),
        ("set,leak,evidence\nset-1,lens,0.9, others 0.3\nset-2,\nset-3\n", {"set-1": ("lens", "0.9")}),
        ("set,leak,evidence\nset-1,lens,gr\xfcn\n".encode("latin-1"), {"set-1": ("lens", "gr\ufffdn")}),
    ],
)
def test_what_spreadsheets_write_is_read(file, content, answers):
    assert marking.read_answers(file("ada.csv", content), list(KEY)) == (answers, [])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "The first line must name the columns set, leak, evidence; it lacks set, leak, evidence."),
        ("set,answer,evidence\nset-1,lens,x\n", "it lacks leak."),
        ("set,leak,evidence\nset-8,lens,x\n", "There is no set 'set-8'."),
        ("set,leak,evidence\nset-1,lense,x\n", "set-1: there is no leak 'lense'."),
        ("set,leak,evidence\nset-1,lens,x\nset-1,clean,x\n", "set-1 is answered more than once."),
        (b"\x00\xff\x00" * 100, ""),
        ("set,leak,evidence\nset-1,lens," + "x" * 200_000, "The file is no table of text"),
        ('set,leak,evidence\n"set-1,lens', "There is no set"),
        ("set,leak,evidence\n".encode("utf-16"), ""),
    ],
)
def test_what_cannot_be_understood_is_a_sentence(file, content, sentence):
    answers, problems = marking.read_answers(file("ada.csv", content), list(KEY))
    assert answers == {} and len(problems) == 1 and sentence in problems[0] and problems[0].endswith(".")


def test_no_file_stops_the_others(file, tmp_path):
    good = "set,leak,evidence\nset-1,lens,x\n"
    file("in/ada.csv", good)
    file("in/bob.csv", b"\xff\xfe\x00")
    file("in/Zoe/answers.csv", good)
    file("in/cy.csv", "set,leak,evidence\nset-1,lens,x\nset-2,=1+1,x\n")
    (tmp_path / "in" / "folder.csv").mkdir()
    marks = marking.mark(KEY, marking.files([tmp_path / "in", tmp_path / "nowhere.csv"]))
    found = {each.student: (each.points, len(each.problems)) for each in marks}
    assert found == {"Zoe": (2, 0), "ada": (2, 0), "bob": (0, 1), "cy": (2, 1), "folder": (0, 1), "nowhere": (0, 1)}
    marking.write(tmp_path / "marks.csv", KEY, marks)
    with open(tmp_path / "marks.csv", encoding="utf-8", newline="") as table:
        rows = {row["student"]: row for row in csv.DictReader(table)}
    assert rows["cy"]["set-1"] == "found" and "no leak '=1+1'" in rows["cy"]["problems"] and rows["ada"]["of"] == "8"
    text = marking.as_text(KEY, marks)
    assert "ada: 2 of 8 (4 not answered, 1 found)" in text and "set-1, lens: 3 found, 3 not answered" in text


def test_two_files_of_one_name_are_told_apart(file):
    paths = [file("a/ada.csv", ""), file("b/ada.csv", "")]
    assert [each.student for each in marking.mark(KEY, paths)] == [str(path) for path in paths]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"leaks": {}}', '{"leaks": {"set-1": "draught"}}', '{"leaks": ["lens"]}',
                                     '{"leaks": {"set-1": ["lens"]}}'])  # fmt: skip
def test_what_is_no_key_is_refused(file, content):
    with pytest.raises(CourseError, match="cannot be read as a key"):
        marking.read_key(file("key.json", content))


def test_evidence_stands_beside_the_verdict_and_is_no_formula(tmp_path):
    marks = marking.judge(KEY, "ada", {"set-1": ("lens", "=HYPERLINK(1)"), "set-2": ("clean", "0.3")}, [])
    marking.write(tmp_path / "marks.csv", KEY, [marks])
    (row,) = csv.DictReader((tmp_path / "marks.csv").read_text().splitlines())
    assert row["set-1"] == "found" and row["set-1 evidence"] == "'=HYPERLINK(1)" and row["set-2 evidence"] == "0.3"
