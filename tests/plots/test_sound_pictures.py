"""Pictures of sounds: high pitches at the top, an answer in each cell, heat over the frames and never instead of them."""

import torch

from course_lib.plots.sounds import correspondence, heat_rows, spectrogram_panel


def shown(axis):
    """What an axis shows, picture by picture."""
    return [torch.from_numpy(picture.get_array().data.copy()) for picture in axis.images]


def test_spectrograms_stand_side_by_side_the_first_row_at_the_top():
    spectra = torch.arange(2 * 64 * 30).remainder(251).to(torch.uint8).view(2, 64, 30)
    figure = spectrogram_panel(spectra, ["a bell", "a flute"], seconds=0.3)
    assert [axis.get_title() for axis in figure.axes] == ["a bell", "a flute"]
    for axis, spectrum in zip(figure.axes, spectra, strict=True):
        (picture,) = axis.images
        assert torch.equal(shown(axis)[0], spectrum) and picture.origin == "upper"
        assert picture.get_extent() == [0, 0.3, 0, 1] and axis.get_xlim() == (0, 0.3) and axis.get_ylim() == (0, 1)
        assert picture.get_clim() == (0, 255)  # a faint sound is not stretched
    assert [axis.get_ylabel() for axis in figure.axes] == ["pitch: low to high", ""]


def test_each_frame_meets_each_sound_in_its_cell():
    frames = torch.arange(2, dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 8, 8) * 100
    spectra = torch.arange(3, dtype=torch.uint8).view(3, 1, 1).expand(3, 64, 50) * 50
    words = {1: "yes", 0: "no", -1: ""}
    figure = correspondence(frames, spectra, [[1, 0, -1], [0, -1, 1]], words)
    grid = [figure.axes[4 * row : 4 * row + 4] for row in range(3)]
    assert len(figure.axes) == 12 and not grid[0][0].images and not grid[0][0].texts
    assert [shown(axis)[0].unique().item() for axis in grid[0][1:]] == [0, 50, 100]
    assert [shown(row[0])[0].unique().item() for row in grid[1:]] == [0, 100]
    assert [axis.images[0].get_clim() for axis in grid[0][1:]] == [(0, 255)] * 3
    said = [[axis.texts[0] for axis in row[1:]] for row in grid[1:]]
    assert [[text.get_text() for text in row] for row in said] == [["yes", "no", ""], ["no", "", "yes"]]
    weights = {text.get_text(): text.get_fontweight() for row in said for text in row}
    assert weights == {"yes": "bold", "no": "normal", "": "normal"}


def test_heat_lies_over_the_lower_of_two_equal_rows():
    films = torch.randint(0, 256, (2, 3, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    heat = torch.zeros(2, 3, 2, 2)
    heat[1, 2, 0, 1] = 1.0
    figure = heat_rows(films, heat, ["a drum", "a bell"])
    assert len(figure.axes) == 12
    for clip in range(2):
        for moment in range(3):
            above, below = (figure.axes[(2 * clip + row) * 3 + moment] for row in (0, 1))
            frame = films[clip, moment].permute(1, 2, 0)
            (plain,), (under, over) = shown(above), shown(below)
            assert torch.equal(plain, frame) and torch.equal(under, frame)
            opacity = over[..., 3].float() / 255
            expected = torch.zeros(2, 2)
            expected[0, 1] = 0.8 if (clip, moment) == (1, 2) else 0
            assert torch.allclose(opacity, expected, atol=0.01)
            assert below.images[0].get_extent() == below.images[1].get_extent() == [0, 8, 8, 0]  # the coarse map covers all
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes[::3]] == [["a drum"], [], ["a bell"], []]
