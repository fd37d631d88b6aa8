"""`start` and its session: parameters, generators, records."""

import json
import math

import pytest
import torch

from course_lib import start as start_module
from course_lib.errors import CourseError
from course_lib.start import Session, default_precision, start, validate_parameters


@pytest.fixture
def session(tmp_path, monkeypatch, dataset):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    monkeypatch.setattr(start_module.data, "open_dataset", lambda name, device: dataset)
    return Session("02_rotation", "quick", "world", 0, "cpu")


@pytest.mark.parametrize(
    ("name", "part", "opened"),
    [("world", "", "world"), ("world", "clips", "world:clips"), ("world:cells", "clips", "world:cells"), ("a", "b", "a")],
)
def test_world_stands_for_the_part_that_a_notebook_is_about(tmp_path, monkeypatch, name, part, opened):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    monkeypatch.setattr(start_module.data, "open_dataset", lambda name, device: name)
    session = Session("02_rotation", "quick", name, 0, "cpu", part)
    assert session.dataset == opened and session.dataset_name == name


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"profile": "fast"}, "'fast'"),
        ({"seed": "one"}, "'one'"),
        ({"seed": -1}, "-1"),
        ({"seed": 1.5}, "'1.5'"),
        ({"seed": 2**40}, str(2**40)),
        ({"device": "tpu"}, "'tpu'"),
        ({"device": "cuda:x"}, "'cuda:x'"),
        ({"dataset": ""}, "''"),
        ({"dataset": None}, "None"),
    ],
)
def test_a_bad_parameter_is_one_sentence_that_names_it(wrong, named):
    with pytest.raises(CourseError) as error:
        validate_parameters(**{"profile": "quick", "dataset": "world", "seed": 0, "device": "cpu"} | wrong)
    assert named in str(error.value) and "\n" not in str(error.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none():
    with pytest.raises(CourseError, match="no usable 'cuda' device"):
        validate_parameters("quick", "world", 0, "cuda")


def test_good_parameters():
    assert validate_parameters("quick", "world", "7", "cpu") == ("quick", "world", 7, "cpu")
    assert validate_parameters("smoke", "folder:x", 0, "auto")[3] in ("cpu", "cuda", "mps")


def test_an_unknown_notebook_is_named():
    with pytest.raises(CourseError, match="'99_nothing'"):
        start("99_nothing")


def test_precision_follows_the_hardware(monkeypatch, tmp_path):
    def flags(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(start_module, "Path", lambda _: path)
        return default_precision("cpu")

    assert flags("flags\t\t: fpu avx2 avx512_bf16\n") == torch.bfloat16
    assert flags("flags\t\t: fpu avx2\n") == torch.float32
    assert default_precision("mps") == torch.float32


def test_generators_depend_on_seed_and_purpose_only(session):
    first = torch.rand(3, generator=session.rng("a"))
    session.rng("b")
    assert torch.equal(torch.rand(3, generator=session.rng("a")), first)
    assert not torch.equal(torch.rand(3, generator=session.rng("b")), first)
    other = Session("02_rotation", "quick", "world", 1, "cpu")
    assert not torch.equal(torch.rand(3, generator=other.rng("a")), first)


def test_budgets(session):
    assert session.budget(quick=800, classroom=5000) == 800
    sizes = {profile: Session("02_rotation", profile, "world", 0, "cpu").budget(quick=800, classroom=5000)
             for profile in start_module.PROFILES}  # fmt: skip
    assert sizes == {"smoke": 20, "quick": 800, "classroom": 5000, "full": 5000}


def test_records_are_on_disk_at_once(session, tmp_path):
    assert session.record("rot.pretext_accuracy", torch.tensor(0.5), chance=0.25, unit="fraction") == 0.5
    (file,) = (tmp_path / "records").glob("*.json")
    saved = json.loads(file.read_text())
    assert saved["records"] == {"rot.pretext_accuracy": {"value": 0.5, "chance": 0.25, "unit": "fraction"}}
    assert (saved["notebook"], saved["profile"], saved["dataset"], saved["seed"]) == ("02_rotation", "quick", "world", 0)
    Session("02_rotation", "quick", "world", 0, "cpu")
    assert not file.exists()  # a new run does not inherit figures


def test_a_restarted_kernel_finds_what_a_student_had(session, tmp_path, monkeypatch):
    session.record("rot.pretext_accuracy", 0.5)
    session.record("rot.count.two", 0.25, unit="fraction")
    session.forecasts["rot.pretext_accuracy"] = 0.4
    session._write()
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    again = Session("02_rotation", "quick", "world", 0, "cpu")
    again.record("rot.pretext_accuracy", 0.6)
    (file,) = (tmp_path / "records").glob("*.json")
    saved = json.loads(file.read_text())
    assert {name: one["value"] for name, one in saved["records"].items()} == {"rot.pretext_accuracy": 0.6}
    assert {name: one["value"] for name, one in saved["earlier"].items()} == {"rot.count.two": 0.25}  # not yet measured again
    assert saved["forecasts"] == {"rot.pretext_accuracy": 0.4}
    slider = again.forecast("rot.pretext_accuracy", "how many?")
    assert slider.value == 0.4 and slider.slider.value == 40 and "40 %" in slider.text.value
    slider.start_over()
    assert again.forecasts == json.loads(file.read_text())["forecasts"] == {}, "taken back, it no longer counts"
    sweep = again.sweep("rot.count", lambda setting: setting, {"two": 0.3, "four": 0.7})
    assert "25.0 %" in sweep.table.value
    sweep.start()
    sweep.wait()
    assert sweep.values == {"two": 0.25, "four": 0.7}, "what had been measured is not measured again"
    file.write_text("[]")
    assert Session("02_rotation", "quick", "world", 0, "cpu").forecasts == {} and not file.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_only_finite_numbers_are_kept(session, value):
    with pytest.raises(CourseError, match="not a number that can be kept"):
        session.record("x", value)


def shown(capsys):
    return capsys.readouterr().out


def test_prose_is_filled_from_records(session, monkeypatch):
    said = []
    monkeypatch.setattr(start_module.style, "show_markdown", said.append)
    session.record("rot.pretext_accuracy", 0.6412, chance=0.25, unit="fraction")
    session.say("It names {rot.pretext_accuracy}, guessing {rot.pretext_accuracy.chance}.")
    assert said == ["It names 64.1 %, guessing 25.0 %."]
    session.say("That is {rot.pretext_accuracy.points} of all.")
    assert said[1] == "That is 64.1 points of all."
    with pytest.raises(CourseError, match=r"rot\.other"):
        session.say("{rot.other}")


def test_a_claim_is_shown_with_its_two_sides(session, monkeypatch):
    said = []
    monkeypatch.setattr(start_module.style, "show_markdown", said.append)
    with pytest.raises(CourseError, match="has not recorded"):
        session.claim("rot.learns")
    session.record("rot.pretext_accuracy", 0.64, chance=0.25, unit="fraction")
    session.claim("rot.learns")
    assert "A (`rot.pretext_accuracy`) = 0.640, B (given) = 0.250" in said[0] and "agrees" in said[0]
    with pytest.raises(CourseError, match=r"rot\.lerns"):
        session.claim("rot.lerns")


def test_a_claim_is_shown_with_what_several_seeds_gave(session, monkeypatch):
    from course_lib.run import claims

    said, rows = [], []
    monkeypatch.setattr(start_module.style, "show_markdown", said.append)
    monkeypatch.setattr(claims, "committed", lambda about, dataset: rows)
    session.record("rot.pretext_accuracy", 0.64, chance=0.25, unit="fraction")
    session.claim("rot.learns")
    assert "a verdict takes three seeds (`course claims rot.learns`)" in said[0]
    rows.append({"a": [0.2, 0.2, 0.2], "dataset": "world", "verdict": "reversed", "why": "it sleeps"})
    session.claim("rot.learns")
    assert "3 seeds on world: **reversed** (`course claims rot.learns`); it sleeps." in said[1]


def test_calibration_shows_forecast_beside_result(session, monkeypatch):
    said = []
    monkeypatch.setattr(start_module.style, "show_markdown", said.append)
    session.calibration()
    assert "guess first" in said[0]
    drawn = []
    monkeypatch.setattr(start_module.style, "show_figure", lambda figure, caption, alt: drawn.append((figure, alt)))
    session.forecasts["rot.x"] = 0.5
    session.record("rot.x", 0.75, unit="fraction")
    session.calibration()
    ((figure, alt),) = drawn
    (dot,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (50, 75) and "50 % expected, 75 % measured" in alt
    assert "| `rot.x` | 50.0 % | 75.0 % | 25.0 % |" in said[1]


def test_training_is_recorded_and_found_again(session):
    from course_lib.pretext.rotation import Rotation

    backbone = session.backbone(width=8)
    task = Rotation(backbone, session.rng("head"))
    run = session.train("rotation", backbone, task, steps=5, batch_size=8)
    assert run.history.step == 5 and session.train_seconds > 0
    assert session.checkpoint("rotation").exists()
    assert session.trained("rotation", lambda: 1 / 0, steps=5) is run
    assert session.scores(backbone, task)["accuracy"] >= 0


def test_three_networks_answer_the_same_probes(session):
    from course_lib.evaluation.supervised import Supervised
    from course_lib.pretext.rotation import Rotation

    backbone, other = session.backbone("one"), session.backbone("other")
    task = Rotation(backbone, session.rng("head"))
    named = Supervised(other, 2, session.rng("head"))
    best = session.compare_probes("rot", (task, backbone), (task, backbone), (named, other))
    assert best in backbone.stage_names
    records = {name: record["value"] for name, record in session.records.items()}
    assert {f"rot.{kind}.{stage}" for kind in ("probe", "random", "supervised") for stage in backbone.stage_names} < set(records)
    assert records["rot.probe.best"] == records["rot.random.at_best"] == records[f"rot.probe.{best}"]  # the same network twice
    assert session.records["rot.probe.best"]["chance"] == 0.5


def test_what_is_known_of_a_sweep(session, monkeypatch):
    from course_lib.run import claims

    rows = [{"id": "x", "sides": ("rot.count.two", "rot.count.four"), "a": [0.1, 0.3], "b": []}]
    monkeypatch.setattr(claims, "committed", lambda claims, dataset: rows)
    assert session.known("rot.count") == {"two": pytest.approx(0.2)}
    session.record("rot.count.two", 0.5)
    session.record("rot.counts", 0.5)
    assert session.known("rot.count") == {"two": 0.5}
