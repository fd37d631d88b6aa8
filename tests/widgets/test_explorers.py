"""The explorers, by pressing their buttons and setting their values; no screen."""

import pytest
import torch

from course_lib.models import build_backbone
from course_lib.plots.attention import attention, attention_rows, first_filters
from course_lib.widgets.explorers import CounterfactualExplorer, NeighbourExplorer, SettingsExplorer


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def neighbours():
    rng = torch.Generator().manual_seed(0)
    queries, bank = (torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=rng) for count in (2, 5))
    points = torch.eye(5)
    features = {"random": (points[[4, 0]], points), "rotation": (points[[1, 2]], points)}
    return NeighbourExplorer(queries, bank, features, ["car", "dog", "boat", "tree", "bird"], count=2)


def test_the_neighbours_of_the_query_that_is_clicked(on_screen):
    explorer = neighbours().show()
    assert "query 1. random: bird, " in explorer.picture.value and "; rotation: dog, " in explorer.picture.value
    explorer.buttons[1].click()
    assert "query 2. random: car, " in explorer.picture.value and "; rotation: boat, " in explorer.picture.value
    assert all(button.tooltip for button in explorer.buttons)


def test_an_error_is_shown(on_screen):
    explorer = neighbours()
    explorer.words = []
    explorer.buttons[0].click()
    assert "IndexError" in explorer.picture.value


def test_headless_the_first_query_is_shown(capsys):
    figure, words = neighbours().show().neighbours(0)
    assert len(figure.axes) == 6 and words.startswith("The nearest neighbours of query 1.")


def by_lightness(images):
    """Says "dark" or "light", by the mean."""
    light = images.float().mean((1, 2, 3)) / 255
    return torch.stack([1 - light, light], dim=1)


def test_what_a_network_says_about_a_change(on_screen):
    explorer = CounterfactualExplorer(by_lightness, ["dark", "light"], 0, [3, 5], size=32).show()
    first = explorer.picture.value
    assert "as it is: the network says dark" in first and "without object: the network says dark" in first
    explorer.change.value = "turned"
    assert "turned: the network says" in explorer.picture.value
    explorer.number.value = 5
    figure, words = explorer.compare()
    assert len(figure.axes) == 4 and words in explorer.picture.value.replace("&#x27;", "'")
    before = explorer.picture.value
    explorer.turns.value = 1  # this reader does not mind
    assert explorer.compare()[1] == words and explorer.picture.value != before
    explorer.says = None
    explorer.turns.value = 2
    assert "TypeError" in explorer.picture.value


def test_first_filters_show_what_a_filter_answers_to():
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=8, image_size=16)
    filters = first_filters(backbone)
    assert filters.shape == (8, 3, 3, 3) and filters.dtype == torch.uint8
    weights = backbone.blocks["conv1"][0].weight.detach()
    assert ((filters > 128) == (weights > 0.5 / 127.5 * weights.abs().amax((1, 2, 3), keepdim=True))).all()
    assert ((filters.flatten(1) == 255) | (filters.flatten(1) == 0)).any(1).all()


def test_attention_lies_where_features_are_strong():
    maps = torch.zeros(2, 4, 4, 4)
    maps[0, 2, 0, 0], maps[1, :, 3, 3] = -5.0, 1.0
    found = attention(maps, 16)
    assert found.shape == (2, 16, 16) and found.amin() == 0 and found.amax() == 1
    assert [divmod(int(row.argmax()), 16) for row in found.flatten(1)] == [(0, 0), (14, 14)]
    images = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    figure = attention_rows(images, {"random": found, "rotation": found})
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["picture", "random", "rotation"]


def drawn(grey, tiles, strength, way):
    from matplotlib.figure import Figure

    if way == "wrong":
        raise ValueError("no such way")
    return Figure(figsize=(1, 1)), f"grey {grey}, {tiles} tiles, strength {strength:.2f}, {way}"


def settings():
    controls = {"grey": False, "tiles": [4, 9], "strength": (0.1, 1.0, 0.5), "way": ["cut", "torn", "wrong"]}
    return SettingsExplorer(drawn, controls, "Look.")


def test_a_setting_that_is_moved_draws_anew(on_screen):
    explorer = settings().show()
    assert "grey False, 4 tiles, strength 0.50, cut" in explorer.picture.value
    for name, value in (("grey", True), ("tiles", 9), ("strength", 0.2), ("way", "torn")):
        explorer.controls[name].value = value
    assert "grey True, 9 tiles, strength 0.20, torn" in explorer.picture.value
    assert all(control.description for control in explorer.controls.values())
    assert not explorer.controls["strength"].continuous_update and not explorer.controls["tiles"].continuous_update


def test_an_error_of_a_setting_is_shown(on_screen):
    explorer = settings().show()
    explorer.controls["way"].value = "wrong"
    assert "no such way" in explorer.picture.value


def test_headless_settings_are_drawn_where_they_start():
    assert settings().show().look()[1] == "grey False, 4 tiles, strength 0.50, cut"
