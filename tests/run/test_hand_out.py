"""A hand-out of *find the leak*: nothing but pixels can tell the sets apart, its code runs, and the key is worth the points."""

import csv
import importlib
import json
import re
import zipfile
from collections import Counter

import pytest
import torch

from course_lib.data import open_dataset
from course_lib.data.sabotage import LEAKS
from course_lib.errors import CourseError
from course_lib.run import hand_out, marking


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """Noise instead of scenes, and few of them."""

    def render(seed, index, factors):
        rng = torch.Generator().manual_seed(seed + index[0])
        return {"images": torch.randint(0, 256, (len(index), 3, 64, 64), dtype=torch.uint8, generator=rng)}

    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    for name, value in {"render": render, "KINDS": 2, "TRAIN": 12, "TEST": 4}.items():
        monkeypatch.setattr(hand_out, name, value)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return [(m.filename, m.date_time, m.file_size, m.compress_size, m.external_attr, m.extra) for m in archive.infolist()]


def test_nothing_but_pixels_tells_sets_apart(tmp_path):
    folder, key = hand_out.write(tmp_path / "out", 13, 5, say=lambda text: None)
    leaks = json.loads(key.read_text())["leaks"]
    archives = sorted(folder.glob("*.zip"))
    assert [path.stem for path in archives] == list(leaks) and set(leaks.values()) == set(LEAKS)
    assert {path.name for path in folder.iterdir()} == {"README.md", "answers.csv", *(path.name for path in archives)}
    assert all(members(path) == members(archives[0]) for path in archives)
    assert len({(path.stat().st_size, path.stat().st_mtime) for path in archives}) == 1
    assert len({path.read_bytes() for path in archives}) == 13  # no two show the same scenes
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["hand-out", "key.json"]


def test_a_set_opens_as_what_was_spoilt(tmp_path):
    folder, key = hand_out.write(tmp_path, 3, 0, say=lambda text: None)
    for place, (name, leak) in enumerate(json.loads(key.read_text())["leaks"].items()):
        photos = open_dataset(f"folder:{folder / name}.zip", progress=False)
        assert len(photos.train) + len(photos.val) == 24 and len(photos.test) == 8 and len(photos.classes) == 2
        if leak == "clean":
            honest = hand_out.pictures(0, [0, 1], hand_out.FIRST_SCENE * (place + 1))[0]
            opened = torch.cat([part.images for part in (photos.train, photos.val, photos.test)])
            assert sorted(opened.flatten(1).sum(1).tolist()) == sorted(honest.flatten(1).sum(1).tolist())


def test_a_seed_repeats_a_hand_out(tmp_path):
    first, second, other = (hand_out.write(tmp_path / name, 3, seed, lambda text: None)[0] for name, seed in
                            (("a", 1), ("b", 1), ("c", 2)))  # fmt: skip
    names = [path.name for path in first.iterdir()]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)
    assert (first / "set-1.zip").read_bytes() != (other / "set-1.zip").read_bytes()


def test_what_is_there_is_never_overwritten(tmp_path):
    (tmp_path / "key.json").write_text("precious")
    with pytest.raises(CourseError, match=r"key\.json is there already"):
        hand_out.write(tmp_path, 3, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_how_leaks_are_drawn():
    innocent = Counter()
    for seed in range(60):
        deck = hand_out.draw(6, torch.Generator().manual_seed(seed))
        counts = Counter(deck)
        innocent[counts.pop("clean")] += 1
        assert len(deck) == 6 and set(counts.values()) == {1}
    assert set(innocent) == {1, 2, 3}
    many = Counter(hand_out.draw(40, torch.Generator().manual_seed(0)))
    many.pop("clean")
    assert len(many) == len(LEAKS) - 1 and max(many.values()) - min(many.values()) <= 1


def test_students_are_told_what_they_need(tmp_path, monkeypatch, capsys):
    folder, _ = hand_out.write(tmp_path, 3, 0, say=lambda text: None)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in LEAKS) and "No two suffer" in text
    assert "\n\n\n" not in text.partition("```python")[0]
    monkeypatch.chdir(folder)
    space = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, space)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["set-1", "set-2", "set-3"] and all("'seams': " in line for line in lines)
    named = re.findall(r"`(\w+)(?:\(.*?\))?` (?:in |\()`(course_lib[\w.]+)`", text)
    assert len(named) == 6 and all(hasattr(importlib.import_module(module), name) for name, module in named), named


def test_from_the_hand_out_to_the_marks(tmp_path, course):
    made = course("sabotage", "make", tmp_path / "out", "--sets", 4)
    assert made.exit_code == 0, made.output
    kept = json.loads((tmp_path / "out" / "key.json").read_text())
    assert kept["seed"] > 2**20  # the default; one chance in 2**28 that it is small
    form = (tmp_path / "out" / "hand-out" / "answers.csv").read_text().splitlines()
    students = tmp_path / "students"
    for student, rows in {
        "ada": [form[0], *(line.replace(",,", f",{kept['leaks'][line[:5]]},seen") for line in form[1:])],
        "bob": form,
    }.items():
        (students / student).mkdir(parents=True)
        (students / student / "answers.csv").write_text("\n".join(rows))
    graded = course("sabotage", "grade", tmp_path / "out" / "key.json", students)
    assert graded.exit_code == 0, graded.output
    with open(tmp_path / "out" / "marks.csv", encoding="utf-8", newline="") as file:
        ada, bob = csv.DictReader(file)
    assert ada["student"] == "ada" and ada["points"] == ada["of"] == str(marking.full_marks(kept["leaks"]))
    assert bob["points"] == "0" and bob["set-1"] == "not answered"
    (students / "cy.csv").write_text("set,leak,evidence\nset-7,lens,\n")
    graded = course("sabotage", "grade", tmp_path / "out" / "key.json", students, "--out", tmp_path / "all.csv")
    assert graded.exit_code == 1 and "There is no set 'set-7'" in graded.output and (tmp_path / "all.csv").exists()
    (tmp_path / "empty").mkdir()
    for key, folder in (("none.json", "students"), ("out/key.json", "empty")):
        refused = course("sabotage", "grade", tmp_path / key, tmp_path / folder)
        assert refused.exit_code == 2 and refused.stderr.startswith("course: ") and refused.stderr.count("\n") == 1
