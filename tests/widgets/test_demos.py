"""Demos: put back to where they were, brought to prepared states; every notebook's file against the real widgets."""

import ast
import re

import ipywidgets
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.data import Split
from course_lib.errors import CourseError
from course_lib.run import notebooks
from course_lib.training import History
from course_lib.widgets import demos, lecture, training_curves
from course_lib.widgets.explorers import CounterfactualExplorer, NeighbourExplorer, SettingsExplorer
from course_lib.widgets.forecast import Forecast
from course_lib.widgets.gallery import SceneExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.listening import RetrievalExplorer
from course_lib.widgets.photo import OwnPhoto
from course_lib.widgets.quiz import Quiz
from course_lib.widgets.ranking import Ranking
from course_lib.widgets.training_panel import Presets, TrainingRun

NAMES = list(notebooks.sources())


@pytest.fixture(autouse=True)
def _on_screen(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    demos.shown.clear()
    yield
    demos.shown.clear()


def drawn(**settings):
    return Figure(figsize=(1, 1)), str(settings)


def uncertain(images):
    return torch.full((len(images), 4), 0.25)


def pictures(count, rng):
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=rng)


def state(panel) -> list:
    """All that can be seen of a panel and moved in it."""
    below = [what for child in getattr(panel, "children", ()) for what in state(child)]
    return [getattr(panel, "value", None), getattr(panel, "description", None), *below]


def touched(kind, rng):
    """A demo of a kind, shown; and what somebody does to it in front of a class."""
    if kind == "settings":
        demo = SettingsExplorer(drawn, {"grey": False, "tiles": [4, 9], "strength": (0.1, 1.0, 0.5)}, "Look.").show()
        return demo, lambda: demos.apply(demo, {"grey": True, "tiles": 9, "strength": 0.7})
    if kind == "counterfactual":
        demo = CounterfactualExplorer(uncertain, list("abcd"), 0, [3, 5], size=16).show()
        return demo, lambda: [setattr(demo.number, "value", 5), setattr(demo.turns, "value", 3)]
    if kind == "gallery":
        demo = SceneExplorer(0, 5).show()
        return demo, lambda: [setattr(demo.factor, "value", "object.scale"), setattr(demo.value, "value", 0.5)]
    if kind == "game":
        demo = Game(pictures(3, rng), [0, 1, 2], ["a", "b", "c"], "Which?", "A picture").show()
        return demo, lambda: [demo.answer_widget.buttons[1].click(), setattr(demo.answer_widget.keys, "value", "2")]
    if kind == "quiz":
        demo = Quiz("rotation", rng).show()
        return demo, lambda: [button.click() for button in demo.buttons[0][:2]]
    if kind == "forecast":
        demo = Forecast("How many?", lambda value: None)
        return demo, lambda: [demo.button.click(), setattr(demo.slider, "value", 70)]
    if kind == "ranking":
        demo = Ranking(["a", "b", "c"], "Which is best?").show()
        return demo, lambda: demo.move(2, -1)
    if kind == "photo":
        demo = OwnPhoto(lambda photo: drawn(mean=photo.float().mean()), pictures(1, rng)[0], "Look.").show()
        return demo, lambda: setattr(demo.path, "value", "nowhere.jpg")
    points = torch.eye(5)
    demo = NeighbourExplorer(pictures(2, rng), pictures(5, rng), {"net": (points[[4, 0]], points)}, list("abcde"), 2).show()
    return demo, lambda: demo.buttons[1].click()


@pytest.mark.parametrize(
    "kind", ["settings", "counterfactual", "gallery", "game", "quiz", "forecast", "ranking", "photo", "neighbours"]
)
def test_a_demo_is_put_back_to_where_it_was(kind, rng):
    demo, touch = touched(kind, rng)
    before = state(demo.panel)
    touch()
    assert state(demo.panel) != before
    demos.put_back(demo)
    assert state(demo.panel) == before


def test_a_demo_that_was_not_shown_and_one_shown_twice(rng):
    game = Game(pictures(1, rng), [0], ["a", "b"], "Which?", "A picture")
    with pytest.raises(CourseError, match="run its cell first"):
        demos.put_back(game)
    game.show().show()
    assert [known.demo for known in demos.shown] == [game]


def test_a_training_starts_over(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    checkpoint.touch()
    run = TrainingRun(lambda **_: History(20, [1.0] * 10, stopped=True), name="net", steps=20, checkpoint=checkpoint).show()
    run.result()
    run.rate.value = 10.0
    assert training_curves.remembered["net"]
    demos.put_back(run)
    assert run.rate.value == 1.0 and run.bar.value == 0 and "run this cell again" in run.text.value
    assert "net" not in training_curves.remembered and run.continue_button.disabled
    assert not checkpoint.exists(), "a stopped run would be taken up"


def test_what_cannot_be_applied_is_said():
    demo = SettingsExplorer(drawn, {"tiles": [4, 9], "strength": (0.1, 1.0, 0.5)}, "Look.")
    demos.apply(demo, {"tiles": 9, "strength": 0.2})
    assert (demo.controls["tiles"].value, demo.controls["strength"].value) == (9, 0.2)
    for values, sentence in (({"tile": 9}, "no control 'tile'; it has tiles, strength"), ({"tiles": 5}, "cannot be set to 5"),
                             ({"strength": 3.0}, "it goes no further")):  # fmt: skip
        with pytest.raises(CourseError, match=sentence):
            demos.apply(demo, values)
    demo.controls["tiles"].disabled = True
    with pytest.raises(CourseError, match="cannot be moved now"):
        demos.apply(demo, {"tiles": 4})


@pytest.mark.parametrize("text, sentence", [
    ("rehearse = [", "not as"), ("", "not as"), ("rehearse = []\nx = 1", "means nothing"),
    ("rehearse = []\n[[demo]]\nname = 'run'", "not as"),
])  # fmt: skip
def test_a_malformed_file_is_named(tmp_path, monkeypatch, text, sentence):
    monkeypatch.setattr(demos, "FOLDER", tmp_path)
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(CourseError, match=f"x.toml.*{sentence}"):
        demos.load("x")
    with pytest.raises(CourseError, match="no demos 'y'; there are x"):
        demos.load("y")


# --- every notebook's file against real widgets


def made(call: ast.Call):
    """The real widget that a notebook's call makes, with a stand-in for its network and its data; None where its settings are
    known only when the notebook runs, or it is another kind."""
    kind = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
    if kind in ("train", "trained"):
        return TrainingRun(lambda **_: History(1, [1.0]), name="net", steps=1)
    if kind == "forecast":
        return Forecast("?", lambda value: None)
    if kind == "Presets":
        return Presets()
    if kind == "SceneExplorer":
        explorer = SceneExplorer(0)
        explorer.redraw = lambda: explorer.scene()  # rendered, and not drawn
        return explorer
    if kind == "CounterfactualExplorer":
        explorer = CounterfactualExplorer(uncertain, list("abcd"), 0, eval(ast.unparse(call.args[3])), size=16)
        explorer.compare = drawn
        return explorer
    if kind == "RetrievalExplorer":
        clips, sounds = torch.zeros(8, 2, 3, 8, 8, dtype=torch.uint8), torch.ones(8, 2000, dtype=torch.int16)
        films = Split(labels=torch.zeros(8), classes=["a"], clips=clips, sounds=sounds, rate=16_000)
        return RetrievalExplorer(films, torch.eye(8), torch.eye(8), list(range(8)), list("abcdefgh"))
    if kind == "SettingsExplorer":
        try:
            return SettingsExplorer(drawn, eval(ast.unparse(call.args[1]), dict(KNOWN)), "Look.")
        except NameError:
            return None
    return None


KNOWN = {  # what names in the settings of explorers stand for in the notebooks
    "IMAGENET": 14_197_122, "SECONDS": dict.fromkeys(("tag", "box", "mask", "keypoints")), "COUNTED": {"images that stayed": 1},
    "COLD": 0.1, "COUNTS": (10, 24, 100, 1000), "length": 16,
    "ways": dict.fromkeys(("as they are", "one channel", "grey, projected")),
    "drawn": dict.fromkeys((0, 0.25, 0.5, 0.75, 1, 1.25, 1.5)),
    "menu": ["linear", "knn", "few labels", "fine tuned"], "table": {"rotation": 1},
}  # fmt: skip


def assigned(name: str) -> dict[str, ast.Call]:
    """What a notebook assigns: name -> the call that makes it, without its `.show()`; the first where there are several."""
    code = [cell.source for cell in notebooks.read(notebooks.sources()[name]).cells if cell.cell_type == "code"]
    found = {}
    for node in (node for source in code for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign)):
        call, target = node.value, node.targets[0]
        if isinstance(call, ast.Call) and isinstance(target, ast.Name):
            shown = isinstance(call.func, ast.Attribute) and call.func.attr == "show"
            found.setdefault(target.id, call.func.value if shown else call)
    return {name: call for name, call in found.items() if isinstance(call, ast.Call)}


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_one_of_the_real_widget(name):
    """Names that the notebook assigns, sections that it has, and states that its widgets can take."""
    prepared, rehearse = demos.load(lecture.subject(name))
    calls, checked = assigned(name), 0
    text = notebooks.sources()[name].read_text(encoding="utf-8")
    assert rehearse and all(re.search(rf'session\.train\("{run}"', text) for run in rehearse)
    assert len({demo.name for demo in prepared}) == len(prepared) and sum(len(demo.presets) for demo in prepared) >= 4
    for demo in prepared:
        assert demo.name in calls, f"{name} has no {demo.name}"
        assert 1 <= demo.section <= len(lecture.sections(name))
        widget = made(calls[demo.name])
        for preset in demo.presets if widget else ():
            assert preset.ask.endswith((".", "?"))
            demos.apply(widget, preset.set)
            texts = [child.value for child in widget.panel.children if isinstance(child, ipywidgets.HTML)]
            assert not any("color:#d55e00" in text for text in texts), texts
            checked += 1
    assert checked >= 3


def test_every_file_belongs_to_a_notebook():
    assert {path.stem for path in demos.FOLDER.glob("*.toml")} == {lecture.subject(name) for name in NAMES}
