"""Spectrograms: the pitch chooses the row, the moment the column, and how loud a sound is as a whole changes nothing."""

import gc
import math
import weakref

import pytest
import torch
from librosa import mel_frequencies
from librosa.feature import melspectrogram

from course_lib.data import Dataset, Split, spectrograms
from course_lib.data.spectrograms import log_mel, spectrograms_of
from course_lib.errors import CourseError

RATE = 16_000
CENTRES = mel_frequencies(n_mels=66, fmin=60, fmax=8000)[1:-1]  # of the 64 bands, the lowest first


def tone(pitch, samples=RATE, strength=20_000, rate=RATE):
    """A sine of so many Hz, int16 1 x S."""
    return (strength * torch.sin(2 * math.pi * pitch * torch.arange(samples).double() / rate)).round().to(torch.int16)[None]


def noise(count, samples=RATE, strength=3000, seed=0):
    return (strength * torch.randn(count, samples, generator=torch.Generator().manual_seed(seed))).to(torch.int16)


def sounding(count=5, samples=1600, seed=0):
    sounds = noise(count, samples, seed=seed)
    return Split(torch.arange(count), ["any"] * count, sounds=sounds, rate=RATE, annotations={"number": torch.arange(count)})


@pytest.mark.parametrize("band", [3, 10, 20, 30, 40, 50, 60])
def test_a_pure_tone_lights_the_band_of_its_pitch(band):
    picture = log_mel(tone(CENTRES[band]))[0, :, 3:-3].float()
    assert (picture.argmax(0) == 63 - band).all() and (picture[63 - band] > 250).all()
    far = torch.cat([picture[: max(0, 63 - band - 6)], picture[63 - band + 7 :]])
    assert far.max() < 51  # 64 dB below, six bands away


def test_high_is_at_the_top_and_low_at_the_bottom():
    tops = [log_mel(tone(pitch))[0, :, 50].argmax().item() for pitch in (7900, 4000, 1000, 300, 90)]
    assert tops == sorted(tops) and tops[0] == 0 and tops[-1] >= 62


@pytest.mark.parametrize(("samples", "rate", "columns"), [
    (16_000, 16_000, 100), (8000, 16_000, 50), (512, 16_000, 3), (8000, 8000, 100), (22_050, 22_050, 100), (32_000, 16_000, 200),
])  # fmt: skip
def test_a_column_is_a_hundredth_of_a_second(samples, rate, columns):
    spectra = log_mel(tone(440, samples, rate=rate).expand(2, -1), rate)
    assert spectra.shape == (2, 64, columns) and spectra.dtype == torch.uint8
    for moment in range(0, columns, 9):
        click = torch.zeros(1, samples, dtype=torch.int16)
        click[0, round(moment * rate / 100)] = 10_000
        assert log_mel(click, rate)[0].float().mean(0).argmax() == moment


def test_nothing_is_heard_before_an_onset():
    sounds = noise(3)
    for row, begin in enumerate((20, 50, 77)):
        sounds[row, : begin * 160] = 0
    level = log_mel(sounds).float().mean(1)
    for row, begin in enumerate((20, 50, 77)):
        assert level[row, : begin - 1].max() == 0  # a window reaches 16 ms ahead
        assert level[row, begin] > 100 and level[row, begin + 2 :].min() > 150


def test_silence_is_black_and_the_loudest_of_every_other_sound_is_white():
    sounds = torch.cat([noise(1), torch.zeros(1, RATE, dtype=torch.int16), noise(1, strength=20), tone(500)])
    spectra = log_mel(sounds)
    assert spectra.flatten(1).amax(1).tolist() == [255, 0, 255, 255]
    for sound, spectrum in zip(sounds, spectra, strict=True):
        assert torch.equal(log_mel(sound[None])[0], spectrum)  # the company does not matter


def test_loudness_changes_nothing():
    sounds = noise(4) // 16 * 16
    assert torch.equal(log_mel(sounds // 16), log_mel(sounds))
    assert torch.equal(log_mel(-sounds), log_mel(sounds))


@pytest.mark.parametrize(("fainter", "value"), [(10, 191.25), (100, 127.5), (1000, 63.75)])
def test_black_is_80_decibels_below_the_loudest(fainter, value):
    sound = torch.cat([tone(1500, 8000), tone(1500, 8000, 20_000 / fainter)], dim=1)
    row = log_mel(sound)[0].float()[:, 10].argmax()
    assert (log_mel(sound)[0, row, 55:95].float() - value).abs().max() < 2


def test_librosa_says_the_same():
    sounds = noise(3, seed=5)
    sounds[1, 8000:] //= 50
    for sound, spectrum in zip(sounds, log_mel(sounds), strict=True):
        power = melspectrogram(
            y=sound.numpy() / 32768, sr=RATE, n_fft=512, hop_length=160, pad_mode="constant", n_mels=64, fmin=60, fmax=8000
        )[::-1, :100].copy()
        decibels = 10 * (torch.from_numpy(power) / power.max()).log10()
        assert (spectrum - (255 * (1 + decibels / 80)).clamp(0, 255)).abs().max() < 0.6  # and half of it is the rounding


@pytest.mark.parametrize(("sounds", "words"), [
    (torch.zeros(2, RATE), r"int16 sounds N x S, and these are float32 of shape \(2, 16000\)"),
    (torch.zeros(RATE, dtype=torch.int16), r"int16 of shape \(16000,\); hand in the sounds as"),
    (torch.zeros(2, 64, 100, dtype=torch.uint8), r"uint8 of shape \(2, 64, 100\)"),
    (torch.zeros(2, 511, dtype=torch.int16), "needs 512 samples or more, and these sounds have 511"),
])  # fmt: skip
def test_what_is_no_sound_gets_a_sentence(sounds, words):
    with pytest.raises(CourseError, match=words):
        log_mel(sounds)


def test_a_split_listens_once(monkeypatch):
    split, asked = sounding(300), []
    monkeypatch.setattr(spectrograms, "log_mel", lambda sounds, rate: asked.append((len(sounds), rate)) or log_mel(sounds, rate))
    found = spectrograms_of(split)
    assert found is spectrograms_of(split) is spectrograms_of(Split(split.labels, [], sounds=split.sounds, rate=RATE))
    assert sum(count for count, _ in asked) == 300 and {rate for _, rate in asked} == {RATE}
    assert torch.equal(found, log_mel(split.sounds))
    assert spectrograms_of(sounding(300, seed=1)) is not found


def test_the_rate_of_a_split_counts():
    split = Split(torch.zeros(1), ["tone"], sounds=tone(1000, 8000, rate=8000), rate=8000)
    assert torch.equal(spectrograms_of(split), log_mel(split.sounds, 8000)) and spectrograms_of(split).shape[2] == 100


def test_spectrograms_go_when_the_sounds_go():
    split = sounding()
    kept = weakref.ref(spectrograms_of(split))
    gc.collect()
    assert kept() is not None
    del split
    gc.collect()
    assert kept() is None


def test_sounds_become_pictures_of_the_same_samples():
    parts = {name: sounding(count, seed=count) for name, count in (("train", 5), ("val", 3), ("test", 4))}
    for split in parts.values():
        split.clips = torch.zeros(len(split), 2, 3, 8, 8, dtype=torch.uint8)
    heard = Dataset("films", **parts, classes=["any"], fingerprint="0123456789ab", size=None, skipped=[])
    seen = spectrograms.spectrograms(heard)
    assert seen.size == 64 and seen.name == "films" and seen.classes == ["any"]
    for name, before in parts.items():
        after = getattr(seen, name)
        assert after.images.shape == (len(before), 3, 64, 10) and after.images.dtype == torch.uint8
        assert (after.images == log_mel(before.sounds)[:, None]).all()
        assert after.clips is after.sounds is after.rate is None and before.sounds is not None
        assert torch.equal(after.labels, before.labels)
        assert torch.equal(after.annotations["number"], before.annotations["number"])
        assert torch.equal(after.batch([2, 0]).images, after.images[[2, 0]])


def test_samples_without_sounds_get_a_sentence(dataset):
    with pytest.raises(CourseError, match="These samples have no sounds: choose 'world:sounds'"):
        spectrograms.spectrograms(dataset)
