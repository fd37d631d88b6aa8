"""The gallery by its widgets' values: scenes, changes, factors."""

import pytest
import torch

from course_lib.data.world import render
from course_lib.plots.truth import LAYERS, as_picture
from course_lib.widgets.gallery import SceneExplorer, ranges


@pytest.fixture(scope="module")
def explorer():
    return SceneExplorer(seed=0, count=50)


def test_ranges_cover_what_is_drawn():
    found = ranges(0, range(60))
    low, high, whole = found["object.scale"]
    assert 0.42 <= low < high < 0.76 and not whole
    assert found["distractors.behind"] == (0, 2, True)


def test_another_scene_has_its_own_caption_and_factors(explorer):
    explorer.number.value = 1
    assert render(0, [1], 16)["captions"][0] in explorer.caption.value
    assert explorer.given == {} and "object.scale" in explorer.factor.options


def test_a_moved_factor_changes_the_picture(explorer):
    explorer.number.value = 2
    before = explorer.picture.value
    explorer.factor.value = "object.scale"
    drawn = render(0, [2], 16)["factors"]["object.scale"].item()
    assert explorer.value.value == pytest.approx(drawn, abs=0.01)
    explorer.value.value = 0.5
    assert explorer.given == {"object.scale": pytest.approx(0.5, abs=0.01)}
    assert explorer.picture.value != before and "object.scale = 0.5" in explorer.caption.value
    explorer.reset.click()
    assert explorer.given == {} and explorer.picture.value == before


def test_a_change_shows(explorer):
    explorer.number.value = 3
    before = explorer.picture.value
    explorer.change.value = "without object"
    assert explorer.picture.value != before
    explorer.change.value = "as it is"


def test_an_error_is_shown(explorer, monkeypatch):
    monkeypatch.setattr(explorer, "scene", lambda: 1 / 0)
    explorer.number.value = 4
    assert "ZeroDivisionError" in explorer.caption.value


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_is_a_picture(layer):
    scene = render(0, range(3), 32)
    assert as_picture(scene, 1, layer).shape == (3, 32, 32) and as_picture(scene, 1, layer).dtype == torch.uint8


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="'deph'"):
        as_picture(render(0, [0], 16), 0, "deph")
