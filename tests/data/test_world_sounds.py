"""Sounding clips: each depends on its number alone, sounds as its instrument's physics says, and looks as it sounds."""

import hashlib
import subprocess
import sys
import wave
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_lib.data.world import sounds as module
from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import palette
from course_lib.data.world.draws import Draws
from course_lib.data.world.instruments import BAR, BELL, MEMBRANE, PAINTERS, SCALE, Pose, draw_notes
from course_lib.data.world.sounds import INSTRUMENTS, RATE, render_sounds
from course_lib.errors import CourseError

SHAPES = {
    "clips": ((8, 3, 48, 48), torch.uint8), "sounds": ((RATE,), torch.int16), "labels": ((), torch.int64),
    "present": ((8,), torch.bool), "sounding": ((8,), torch.bool), "masks": ((8, 48, 48), torch.bool),
    "silent_masks": ((8, 48, 48), torch.bool), "onsets": ((100,), torch.bool), "silent_moves": ((), torch.bool),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def clips():
    return render_sounds(5, range(192))


@pytest.fixture(scope="module")
def heard():
    """Many sounds, with the smallest pictures."""
    return render_sounds(6, range(600), size=16, frames=2)


def _digest(clips):
    return hashlib.sha256(b"".join(clips[name].numpy().tobytes() for name in SHAPES)).hexdigest()


def _assert_same(clips, others, positions):
    for name in SHAPES:
        assert torch.equal(clips[name][positions], others[name]), name
    for name, values in others["factors"].items():
        assert torch.equal(clips["factors"][name][positions].nan_to_num(-9), values.nan_to_num(-9)), name


def test_a_clip_is_the_same_in_any_order_and_company(clips):
    positions = torch.randperm(192, generator=torch.Generator().manual_seed(0))[:40]
    _assert_same(clips, render_sounds(5, positions), positions)


def test_a_clip_is_the_same_alone(clips):
    for label in range(len(INSTRUMENTS)):
        position = (clips["labels"] == label).nonzero()[0]
        _assert_same(clips, render_sounds(5, position), position)


def test_small_chunks_and_two_threads_change_nothing(clips, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 3)
    torch.set_num_threads(2)
    _assert_same(clips, render_sounds(5, range(30)), torch.arange(30))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_another_process_renders_the_same_clips():
    code = (
        "import hashlib; from course_lib.data.world.sounds import render_sounds;"
        " clips = render_sounds(-5, range(2**40, 2**40 + 3), 24, 3);"
        f"print(hashlib.sha256(b''.join(clips[name].numpy().tobytes() for name in {tuple(SHAPES)})).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _digest(render_sounds(-5, range(2**40, 2**40 + 3), 24, 3))


def test_nothing_global_is_drawn_and_seeds_differ():
    before = torch.get_rng_state()
    sounds = torch.cat([render_sounds(seed, range(2), 16, 2)["sounds"] for seed in (0, 1, -1)])
    assert torch.equal(before, torch.get_rng_state())
    assert len(sounds.unique(dim=0)) == len(sounds)


def test_the_sound_does_not_depend_on_the_pictures_size(clips):
    small = render_sounds(5, range(20), 16, 3)
    for name in ("sounds", "labels", "onsets", "present"):
        assert torch.equal(clips[name][:20], small[name]), name


def test_shapes_and_errors(clips):
    none = render_sounds(0, [])
    for name, (shape, dtype) in SHAPES.items():
        assert clips[name].shape == (192, *shape) and clips[name].dtype == dtype, name
        assert none[name].shape == (0, *shape) and none[name].dtype == dtype, name
    assert all(values.shape == (192,) for values in clips["factors"].values())
    with pytest.raises(CourseError, match="is 8"):
        render_sounds(0, [1], 8)
    with pytest.raises(CourseError, match="at least 2 frames"):
        render_sounds(0, [1], frames=1)


def test_exactly_one_of_one_or_two_instruments_sounds(heard):
    counts = torch.bincount(heard["labels"], minlength=len(INSTRUMENTS))
    assert len(INSTRUMENTS) >= 8 and counts.min() > 0.7 * 75 and counts.max() < 1.3 * 75
    assert torch.equal(heard["sounding"].to(torch.uint8).argmax(1), heard["labels"])
    assert (heard["sounding"].sum(1) == 1).all() and (heard["sounding"] <= heard["present"]).all()
    seen = heard["present"].sum(1)
    assert set(seen.tolist()) == {1, 2} and 0.43 < (seen == 2).float().mean() < 0.57
    assert not heard["silent_moves"][seen == 1].any()
    assert 0.4 < heard["silent_moves"][seen == 2].float().mean() < 0.6


def test_masks_are_apart_and_silent_ones_are_there_when_two_are(clips):
    masks, silent = clips["masks"], clips["silent_masks"]
    assert not (masks & silent).any()
    assert masks.flatten(2).sum(2).min() > 60
    pair = clips["present"].sum(1) == 2
    assert silent[pair].flatten(2).sum(2).min() > 60 and not silent[~pair].any()


def _motion(clips, masks):
    """How much the pixels change from frame to frame that ever belong to the instrument: N, of 0-255."""
    change = (clips[:, 1:].float() - clips[:, :-1].float()).abs().mean(2)
    area = masks.any(1, keepdim=True)
    return (change * area).sum((1, 2, 3)) / area.sum((1, 2, 3)).clamp(min=1) / change.shape[1]


def test_what_sounds_moves_and_so_does_half_of_what_is_silent(clips):
    pair, moves = clips["present"].sum(1) == 2, clips["silent_moves"]
    changed = (clips["masks"][:, 1:] != clips["masks"][:, :-1]).flatten(1).any(1)
    assert changed.all()
    silent_changed = (clips["silent_masks"][:, 1:] != clips["silent_masks"][:, :-1]).flatten(1).any(1)
    assert torch.equal(silent_changed, moves)
    loud, silent = _motion(clips["clips"], clips["masks"]), _motion(clips["clips"], clips["silent_masks"])
    assert (loud > silent)[pair & ~moves].float().mean() > 0.95
    assert 0.3 < (loud > silent)[moves].float().mean() < 0.7


def test_the_picture_changes_most_about_the_onsets(clips):
    # A frame shows 125 ms; those in which a note starts differ more from the others than those do among themselves.
    start = clips["onsets"].float()
    seconds = (torch.arange(100) + 0.5) / 100
    struck = torch.stack([start[:, (seconds * 8).floor() == frame].sum(1) for frame in range(8)], dim=1) > 0
    change = (clips["masks"][:, 1:] != clips["masks"][:, :-1]).flatten(2).sum(2).float()
    about = struck[:, 1:] | struck[:, :-1]
    quick = torch.tensor([name not in ("panpipes", "violin") for name in INSTRUMENTS])[clips["labels"]]
    few = (start.sum(1) <= 2) & quick
    assert change[few][about[few]].mean() > 2 * change[few][~about[few]].mean()


def test_sounds_are_neither_clipped_nor_silent(heard):
    peak = heard["sounds"].to(torch.int32).abs().amax(1)
    assert peak.max() < 32767 * 0.93 and peak.min() > 32767 * 0.13
    assert peak.float().std() > 32767 * 0.1


def _frames(sounds):
    """Mean square in each frame of 10 ms: N x 100."""
    return (sounds.float() / 32768).unflatten(1, (100, 160)).square().mean(2)


def test_energy_rises_at_the_onsets(heard):
    onsets = heard["onsets"]
    assert set(onsets.sum(1).tolist()) == {1, 2, 3, 4}
    energy = _frames(heard["sounds"])
    first = onsets.to(torch.uint8).argmax(1)
    before = torch.arange(100) < first[:, None]
    noise = heard["factors"]["microphone.noise"][:, None].square() / 3
    assert (energy[before] < 2 * noise.expand(-1, 100)[before]).all()
    after = torch.nn.functional.max_pool1d(energy[:, 1:], 8, 1)
    rises = (after[:, 2:] / energy[:, 2:92])[onsets[:, 3:93]]  # the frames from an onset on, over the one before it
    assert (rises > 1.1).float().mean() > 0.95 and rises.median() > 4


def _average(heard, name, ratios):
    """Mean power in dB at `ratios` of the note's pitch, in the clips of a single note of an instrument."""
    single = (heard["labels"] == INSTRUMENTS.index(name)) & (heard["onsets"].sum(1) == 1)
    levels = []
    for position in single.nonzero().flatten().tolist():
        start = int(heard["factors"]["note0.start"][position]) * 160 + 160
        step = SCALE[int(heard["factors"]["note0.step"][position])] if name not in ("drum", "bell") else 1.0
        pitch = float(heard["factors"]["sound.pitch"][position]) * step
        if start > RATE - 3200 or max(ratios) * pitch > 0.46 * RATE:
            continue
        note = heard["sounds"][position, start : start + 8000].double()
        note = note * torch.hann_window(2 * len(note), dtype=torch.float64)[len(note) :]
        time = torch.arange(len(note), dtype=torch.float64) / RATE
        angle = 2 * torch.pi * pitch * torch.tensor(ratios, dtype=torch.float64)[:, None] * time
        level = 10 * torch.log10((note * angle.cos()).sum(1) ** 2 + (note * angle.sin()).sum(1) ** 2 + 1)
        levels.append(level - level.max())
    assert len(levels) >= 5, name
    return torch.stack(levels).mean(0)


def _stands_out(heard, name, ratios, by):
    """Whether each of these partials is stronger, by so many dB, than what lies a little above and below."""
    level = _average(heard, name, [ratio * side for ratio in ratios for side in (0.93, 1.0, 1.07)]).view(-1, 3)
    assert (level[:, 1] > level[:, 0] + by).all() and (level[:, 1] > level[:, 2] + by).all(), (name, level)


def test_pitched_instruments_have_the_partials_of_their_physics(heard):
    _stands_out(heard, "guitar", [1, 2, 3], 12)
    _stands_out(heard, "drum", [1, MEMBRANE[1][1] / MEMBRANE[0][1]], 3)
    _stands_out(heard, "xylophone", BAR[:3], 6)
    _stands_out(heard, "panpipes", [1, 3, 5], 12)
    _stands_out(heard, "violin", [1, 2, 3, 4], 12)
    _stands_out(heard, "bell", [BELL[name][0] for name in ("hum", "prime", "tierce", "nominal")], 6)


def test_odd_harmonics_of_the_closed_pipe_are_stronger(heard):
    level = _average(heard, "panpipes", [1, 2, 3, 4, 5])
    assert level[0] > level[2] > level[4] and level[2] > level[1] + 6 and level[0] > level[1] + 15
    level = _average(heard, "violin", [1, 2, 3, 4, 5])
    assert level.min() > -30  # the string that is bowed has them all


def test_the_strongest_low_peak_is_the_drawn_pitch(heard):
    for name in ("panpipes", "xylophone", "drum"):
        ratios = [1 + k * 0.02 for k in range(-12, 13)]
        assert abs(ratios[int(_average(heard, name, ratios).argmax())] - 1) < 0.03, name


def test_shaker_and_clap_are_noise(heard):
    window = torch.hann_window(1024)
    power = torch.stft(heard["sounds"].float(), 1024, 256, window=window, return_complex=True).abs().square() + 1e-3
    loudest = power.sum(1).argmax(1)
    power = power[torch.arange(len(power)), :, loudest]
    flatness = power.log().mean(1).exp() / power.mean(1)
    noisy = torch.tensor([name in ("maracas", "hands") for name in INSTRUMENTS])[heard["labels"]]
    assert flatness[noisy].min() > 0.1 > 0.05 > flatness[~noisy].max()


def test_a_linear_reader_of_the_spectrum_names_the_instrument(heard):
    power = torch.stft(
        heard["sounds"].float() / 32768, 512, 160, window=torch.hann_window(512), return_complex=True
    ).abs().square()
    edges = torch.logspace(0.6, 2.4, 21).long()
    bands = torch.stack([power[:, low:high].sum(1) for low, high in pairwise(edges)], dim=1)
    bands = (bands + 1e-6).log()
    features = torch.cat([bands.mean(2), bands.std(2), bands.amax(2)], dim=1).numpy()
    labels = heard["labels"].numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=300)).fit(features[:400], labels[:400])
    assert model.score(features[400:], labels[400:]) >= 0.8


@pytest.mark.parametrize("label", range(len(PAINTERS)), ids=INSTRUMENTS)
def test_an_instrument_stays_within_its_frame(label):
    # The renderer leaves out what is beyond: a part outside would be cut off in some batches and not in others.
    draw = Draws(label, torch.arange(160))
    side = (torch.arange(56) + 0.5) / 35 - 0.8
    x, y = side.expand(160, 56, 56).contiguous(), (-side)[:, None].expand(160, 56, 56).contiguous()
    canvas = Canvas(x, y, torch.full((160, 1, 1), 1 / 35), torch.zeros_like(x))
    pose = Pose(draw_notes(draw, "note"), torch.arange(160) / 160)
    PAINTERS[label](canvas, draw, palette(draw, torch.full((160, 1, 1), 0.6), False), pose)
    reach = torch.maximum(x.abs(), y.abs())
    assert canvas.coverage[reach > 0.53].max() == 0
    assert canvas.distance[reach > 0.57].min() >= module._SHADE
    assert canvas.coverage.flatten(1).mean(1).min() > 0.02


def test_the_listening_script_writes_a_file_an_instrument(tmp_path):
    script = Path(__file__).resolve().parents[2] / "docs" / "listen.py"
    subprocess.run([sys.executable, script, tmp_path / "wav"], check=True)
    assert sorted(path.stem for path in (tmp_path / "wav").iterdir()) == sorted(INSTRUMENTS)
    with wave.open(str(tmp_path / "wav" / "bell.wav")) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth(), file.getnchannels()) == (RATE, RATE, 2, 1)
