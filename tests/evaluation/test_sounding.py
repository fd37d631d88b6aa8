"""What a network that looks and listens knows: ceilings and hits by hand, its vectors and its heat as computed directly."""

import pytest
import torch

from course_lib.data import Split
from course_lib.data.spectrograms import log_mel
from course_lib.errors import CourseError
from course_lib.evaluation.sounding import choices, class_ceiling, embedded, fits, heat, hits, motion, pairs
from course_lib.features import fingerprint
from course_lib.models import build_backbone
from course_lib.pretext import normalise
from course_lib.pretext.audio_visual import AudioVisual, around


def labelled(labels, present):
    """Clips of which only is known which instrument is heard, and which are seen."""
    seen = torch.tensor(present, dtype=torch.bool)
    return Split(torch.tensor(labels), list("abc"), annotations={"present": seen, "number": torch.arange(len(seen))})


def placed(heard, silent):
    """Clips with two instruments, each a box (top, bottom, left, right) of 16 x 16 pixels at each of two moments."""
    def masks(boxes):
        found = torch.zeros(len(boxes), 2, 16, 16, dtype=torch.bool)
        for clip, moments in enumerate(boxes):
            for moment, (top, bottom, left, right) in enumerate(moments):
                found[clip, moment, top:bottom, left:right] = True
        return found

    labels = torch.zeros(len(heard), dtype=torch.int64)
    return Split(labels, ["any"], annotations={"masks": masks(heard), "silent_masks": masks(silent)})


def films(count, seed=0, length=6):
    rng = torch.Generator().manual_seed(seed)
    clips = torch.randint(0, 256, (count, length, 3, 16, 16), generator=rng, dtype=torch.uint8)
    sounds = (3000 * torch.randn(count, 12_800, generator=rng)).to(torch.int16)
    return Split(torch.zeros(count, dtype=torch.int64), ["any"], clips=clips, sounds=sounds, rate=16_000)


@pytest.fixture
def network(rng):
    backbone = build_backbone("small", rng=rng, width=8, image_size=16)
    return backbone, AudioVisual(backbone, rng)


def test_the_ceiling_is_that_of_one_who_knows_the_instruments():
    # Of six pairs from two clips, four hold what is heard: all but (0, 1) and (2, 1).
    split = labelled([0, 1, 0], [[1, 0, 0], [1, 1, 0], [1, 0, 1]])
    assert class_ceiling(split) == pytest.approx(1 - 4 / 6 / 2)
    assert class_ceiling(labelled([0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])) == 1
    assert class_ceiling(labelled([1, 1, 1], [[0, 1, 0]] * 3)) == 0.5  # nothing tells the clips apart
    # What is heard in 1 is seen in 0, and not the other way round.
    assert class_ceiling(labelled([0, 1], [[1, 1, 0], [0, 1, 0]])) == pytest.approx(0.75)


def test_a_sound_fits_where_its_instrument_is_seen():
    found = fits(labelled([0, 1, 0], [[1, 0, 0], [1, 1, 0], [0, 0, 1]]))
    assert found.tolist() == [[1, 0, 1], [1, 1, 1], [0, 0, 0]] and found.dtype == torch.float32


def test_a_choice_is_the_clip_asked_about_among_others_of_all_different_kinds():
    asked, among = torch.arange(30), torch.arange(30, 100)
    kinds, places = torch.arange(100) % 8, set()
    rows = choices(asked, among, kinds, torch.Generator().manual_seed(0))
    assert rows.shape == (30, 4) and torch.equal(rows, choices(asked, among, kinds, torch.Generator().manual_seed(0)))
    for clip, row in enumerate(rows.tolist()):
        places.add(row.index(clip))
        assert all(other >= 30 for other in row if other != clip) and len(kinds[row].unique()) == 4
    assert places == {0, 1, 2, 3}  # the answer may stand anywhere
    assert not torch.equal(rows, choices(asked, among, kinds, torch.Generator().manual_seed(1)))
    assert choices(asked, among, kinds % 3, torch.Generator().manual_seed(0)).shape == (30, 3)  # no more kinds than that
    few = choices(torch.tensor([0, 1]), torch.tensor([2, 3, 4]), torch.tensor([0, 3, 0, 1, 2]), torch.Generator().manual_seed(0))
    assert few.shape == (2, 3)  # as many for each, though one could have had a fourth
    numbers = choices(asked, among, torch.arange(100), torch.Generator().manual_seed(0), count=6)
    assert all(len(row.unique()) == 6 for row in numbers)


def test_pairs_are_the_clips_with_two_instruments():
    split = labelled([0, 1, 2, 0, 1], [[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 1, 0]])
    both = pairs(split)
    assert both.annotations["number"].tolist() == [1, 2] and both.labels.tolist() == [1, 2] and len(both) == 2


def test_motion_is_the_change_of_each_spot():
    film = torch.zeros(1, 3, 3, 4, 4, dtype=torch.uint8)
    film[0, 1, :, 0, 1], film[0, 2, :, 0, 1] = 90, 60
    film[0, 2, 0, 3, 3] = 255  # red alone: a third of it
    expected = torch.zeros(1, 2, 4, 4)
    expected[0, 0, 0, 1], expected[0, 1, 0, 1], expected[0, 1, 3, 3] = 90, 30, 85
    assert torch.allclose(motion(film), expected)


def test_a_hit_is_more_heat_on_what_sounds():
    left, right = (4, 12, 0, 6), (4, 12, 10, 16)
    split = placed([(left, left), (right, right), (left, left)], [(right, right), (left, left), (right, right)])
    values = torch.zeros(3, 5, 16, 16)
    values[:2, :, 6:10, 1:4] = 1.0  # hot at the left: right for the first clip, wrong for the second
    assert hits(values, split).tolist() == [True, False, False]  # a draw is no hit
    values[2, 0, 6:10, 12:15], values[2, 4, 6:10, 1:4] = 0.9, 0.8  # first at the silent one, then longer at the other
    values[2, 3, 6:10, 1:4] = 0.8
    assert hits(values, split).tolist() == [True, False, True]


def test_a_large_instrument_has_no_advantage():
    split = placed([((0, 4, 0, 4),) * 2], [((4, 16, 4, 16),) * 2])
    values = torch.full((1, 3, 16, 16), 0.5)
    values[:, :, :4, :4] = 0.6
    assert hits(values, split).item()
    assert not hits(1 - values, split).item()


def test_an_instrument_is_wherever_it_ever_is():
    first, second, other = (0, 4, 0, 4), (12, 16, 12, 16), (0, 4, 12, 16)
    values = torch.zeros(1, 1, 16, 16)
    values[..., 12:, 12:] = 1.0
    assert hits(values, placed([(first, second)], [(other, other)])).item()
    assert not hits(values, placed([(other, other)], [(first, second)])).item()


def test_a_coarse_map_is_laid_over_the_whole_frame():
    split = placed([((9, 15, 9, 15),) * 2], [((1, 7, 1, 7),) * 2])
    assert hits(torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]]), split).item()
    assert not hits(torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]), split).item()


def test_vectors_are_those_of_a_frame_and_the_sound_about_it(network):
    backbone, task = network
    split, before = films(70), (fingerprint(backbone), fingerprint(task))
    backbone.train(), task.train()
    seen, heard = embedded(backbone, task, split)
    assert seen.shape == heard.shape == (70, 128) and not seen.requires_grad and not heard.requires_grad
    assert (fingerprint(backbone), fingerprint(task)) == before and backbone.training and task.training
    backbone.eval(), task.eval()
    spectra = log_mel(split.sounds)
    for moment, found in ((3, (seen, heard)), (0, embedded(backbone, task, split, 0)), (5, embedded(backbone, task, split, 5))):
        window = around(spectra, torch.full((70, 1), moment), 6)
        with torch.no_grad():
            looked = task.seen(backbone, normalise(split.clips[:, moment]))
            listened = task.heard(normalise(window[:, None].expand(-1, 3, -1, -1)))
        assert torch.allclose(found[0], looked, atol=1e-5) and torch.allclose(found[1], listened, atol=1e-5)
    assert (heard - embedded(backbone, task, split, 0)[1]).abs().amax(1).min() > 1e-3  # another moment sounds otherwise


def test_heat_is_the_tasks_for_every_clip(network):
    backbone, task = network
    split, before = films(5), (fingerprint(backbone), fingerprint(task))
    backbone.train(), task.train()
    found = heat(backbone, task, split, batch_size=2)
    assert found.shape == (5, 6, 2, 2) and not found.requires_grad and 0 <= found.min() < found.max() <= 1
    assert (fingerprint(backbone), fingerprint(task)) == before and backbone.training and task.training
    backbone.eval(), task.eval()
    with torch.no_grad():
        assert torch.allclose(found, task.heat(backbone, split.clips, log_mel(split.sounds)), atol=1e-5)


def test_clips_of_which_nothing_is_known_get_a_sentence(dataset):
    for ask in (class_ceiling, fits, pairs):
        with pytest.raises(CourseError, match="'world:sounds' only; these clips have no 'present'"):
            ask(dataset.train)
    with pytest.raises(CourseError, match="these clips have no 'masks'"):
        hits(torch.zeros(256, 1, 4, 4), dataset.train)
    split = placed([((0, 4, 0, 4),) * 2], [((4, 16, 4, 16),) * 2])
    del split.annotations["silent_masks"]
    with pytest.raises(CourseError, match="these clips have no 'silent_masks'"):
        hits(torch.zeros(1, 1, 4, 4), split)


def test_clips_without_sounds_get_a_sentence(network):
    silent = films(3)
    silent.sounds = None
    for ask in (heat, embedded):
        with pytest.raises(CourseError, match="These samples have no sounds"):
            ask(*network, silent)
