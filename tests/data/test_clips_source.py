"""A user's own videos: pixels, sounds, layouts, and everything that is refused."""

import subprocess
import sys

import av
import numpy as np
import pytest
import torch
from videos import COLOURS, video

from course_lib.data import check_name, names, open_dataset
from course_lib.data.sources import clips
from course_lib.errors import CourseError


def opened(path):
    return open_dataset(f"clips:{path}", progress=False)


def everything(data, name):
    return torch.cat([part.annotations[name] if name in part.annotations else getattr(part, name) for part in parts(data)])


def parts(data):
    return [data.train, data.val, data.test]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Eight videos of two classes: mp4 and webm, with and without sound."""
    folder = tmp_path_factory.mktemp("videos") / "mine"
    for i in range(4):
        video(folder / f"rise/{i}.mp4", 3.0, colour="red", mark=i, tone=440 if i % 2 else None)
        video(folder / f"fall/{i}.webm", 3.0, colour="blue", mark=i, tone=880 if i % 2 else None, codec="libvpx")
    return folder


# --- what arrives


def test_videos_become_windows(tree, monkeypatch):
    data = opened(tree)
    assert data.classes == ["fall", "rise"] and data.name == f"clips:{tree}" and data.skipped == [] and data.size is None
    clips_, labels, video_ = (everything(data, name) for name in ("clips", "labels", "video"))
    assert clips_.shape == (16, 16, 3, 48, 48) and clips_.dtype == torch.uint8
    assert everything(data, "sounds").shape == (16, 16_000) and everything(data, "sounds").dtype == torch.int16
    assert video_.dtype == torch.int64 and video_.bincount().tolist() == [2] * 8
    assert torch.equal(labels, (video_ >= 4).long()), "files are numbered in the order of their names"
    titles = sorted(title for part in parts(data) for title in part.annotations["name"])
    assert titles[:2] == ["fall/0.webm at 0.0 s", "fall/0.webm at 1.3 s"]
    monkeypatch.setattr(clips, "decode", None)  # opened again, nothing is decoded
    again = opened(tree)
    assert again.fingerprint == data.fingerprint and torch.equal(again.train.clips, data.train.clips)
    assert len(again.train.batch([0]).clips) == len(again.train.batch([0]).sounds) == 1


def test_the_same_videos_give_the_same_data_set(tree, tmp_path, monkeypatch):
    before = opened(tree)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "another"))
    assert opened(tree).fingerprint == before.fingerprint


def test_all_windows_of_a_video_fall_into_the_same_split(tree):
    found = [set(part.annotations["video"].tolist()) for part in parts(opened(tree))]
    assert all(found) and sum(map(len, found)) == 8 == len(set.union(*found))


@pytest.mark.parametrize("suffix, codec", [("mp4", "libx264"), ("mp4", "mpeg4"), ("webm", "libvpx"), ("webm", "libvpx-vp9"),
                                           ("avi", "mpeg4"), ("mkv", "mpeg4")])  # fmt: skip
def test_colours_and_movement_survive(tmp_path, suffix, codec):
    (window,) = clips.decode(video(tmp_path / f"a.{suffix}", 1.3, colour="green", codec=codec))
    clip = window.clip.astype(float)
    assert window.clip.shape == (16, 3, 48, 48) and window.sound is None and abs(window.start) < 0.05
    background = np.median(clip, axis=(0, 2, 3))
    assert np.abs(background - COLOURS["green"]).max() < 20
    bright = clip.min(1) > 150
    columns = [np.nonzero(frame.any(0))[0].mean() for frame in bright if frame.any()]
    # The disc crosses 0.6 of 96 pixels, that is of 72 when the short side is 48, in 1.3 s.
    steps = np.diff(columns[2:-2])
    assert abs(steps.mean() - 0.6 * 72 * 0.08 / 1.3) < 0.25 and steps.min() > 0.5


@pytest.mark.parametrize("rate", [10, 25, 30, 60])
def test_frames_are_those_on_screen_every_eighty_milliseconds(tmp_path, rate):
    frames = [np.full((32, 32, 3), 20 + i * 200 // (2 * rate), np.uint8) for i in range(2 * rate)]
    window = clips.decode(video(tmp_path / "a.mp4", 2, rate, frames=frames, codec="libx264"))[0]
    levels = window.clip.mean((1, 2, 3))
    expected = np.array([frames[int(k * 0.08 * rate + 1e-3)][0, 0, 0] for k in range(16)])
    assert np.abs(levels - expected).max() < 5


def test_the_middle_of_the_long_side_is_kept(tmp_path):
    for size in ((160, 48), (48, 160)):
        frame = np.zeros((size[1], size[0], 3), np.uint8)
        middle = tuple(slice((side - 40) // 2, (side + 40) // 2) if side > 48 else slice(None) for side in frame.shape[:2])
        frame[middle] = 240
        (window,) = clips.decode(video(tmp_path / "a.mp4", 1.3, frames=[frame] * 32))
        profile = window.clip[0, 0].mean(0 if size[0] > 48 else 1)
        assert profile[6:42].min() > 220 and profile[[0, 47]].max() < 60 and abs(profile.mean() - 240 * 40 / 48) < 8


@pytest.mark.parametrize("suffix, codec", [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_a_tone_keeps_its_pitch_its_loudness_and_its_moment(tmp_path, suffix, codec):
    path = video(tmp_path / f"a.{suffix}", 2.7, tone=440, codec=codec, sound_at=0.64)
    first, second = clips.decode(path)
    spectrum = np.abs(np.fft.rfft(second.sound.astype(float)))  # 1 Hz a line
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert abs(np.abs(second.sound.astype(float)).max() / 32767 - 0.5) < 0.1
    # The first window shows 0.00-1.28 s; the second around its middle is 0.14-1.14 s.
    begins = np.nonzero(np.abs(first.sound.astype(int)) > 3000)[0][0] / 16_000
    assert abs(begins - 0.5) < 0.03


def test_without_any_sound_there_are_no_sounds_and_short_ones_end_in_silence(tmp_path):
    for i in range(6):
        video(tmp_path / f"silent/{i}.mp4", 1.3, mark=i)
        video(tmp_path / f"mixed/{i}.mp4", 0.9, mark=i, tone=440 if i == 0 else None)
    data = opened(tmp_path / "silent")
    assert data.train.sounds is None and data.classes == ["silent"]
    data = opened(tmp_path / "mixed")
    loud = everything(data, "sounds")[everything(data, "video") == 0][0]
    assert loud[:10_000].abs().max() > 10_000 and loud[14_000:].abs().max() < 500
    assert everything(data, "sounds")[everything(data, "video") != 0].abs().max() == 0


def test_a_long_video_gives_a_few_windows_spread_over_it(tmp_path):
    path = video(tmp_path / "a.mp4", 40, rate=13, size=(32, 32), tone=440)
    starts = [window.start for window in clips.decode(path)]
    assert 4 <= len(starts) <= clips.MOST_WINDOWS
    assert np.allclose(np.diff(starts), 4 * 1.28, atol=1e-3) and starts[-1] > 30
    assert min(np.abs(window.sound.astype(int)).max() for window in clips.decode(path)) > 10_000


def test_windows_end_with_the_video(tmp_path):
    counts = {1.3: 1, 2.0: 2, 1.7: 1, 0.7: 1, 0.5: 0, 10.2: 8, 10.3: 8}
    for seconds, count in counts.items():
        windows = clips.decode(video(tmp_path / f"{seconds}.mp4", seconds, size=(32, 32)))
        assert len(windows) == count, seconds
    held = clips.decode(tmp_path / "0.7.mp4")[0].clip
    assert (held[8:] == held[15]).all() and (held[0] != held[15]).any()


# --- layouts


@pytest.mark.parametrize("paths, expected", [
    (["a/1", "b/2"], [("", "a"), ("", "b")]),
    (["1", "2"], [("", "mine"), ("", "mine")]),
    (["wrapped/a/1", "wrapped/b/2"], [("", "a"), ("", "b")]),
    (["train/a/1", "test/a/x/2"], [("train", "a"), ("test", "a")]),
    (["train/1", "test/2"], [("train", "mine"), ("test", "mine")]),
    (["train/a/1", "valid/a/2"], [("train", "a"), ("test", "a")]),
    (["train/a/1", "valid/a/2", "test/a/3"], [("train", "a"), ("val", "a"), ("test", "a")]),
    (["a/1", "2"], [("", "a"), None]),
    (["train/a/1", "train/2", "3"], [("train", "a"), None, None]),
])  # fmt: skip
def test_layouts(paths, expected):
    assert clips.layout("mine", paths) == expected


def test_given_splits_are_kept_and_must_have_the_same_classes(tmp_path):
    for i in range(3):
        video(tmp_path / f"mine/train/a/{i}.mp4", 1.3, size=(32, 32), mark=i)
    video(tmp_path / "mine/test/a/9.mp4", 1.3, size=(32, 32), mark=9)
    data = opened(tmp_path / "mine")
    assert data.test.annotations["name"] == ["test/a/9.mp4 at 0.0 s"] and len(data.train) + len(data.val) == 3
    video(tmp_path / "mine/test/b/9.mp4", 1.3, size=(32, 32))
    with pytest.raises(CourseError, match="differ"):
        opened(tmp_path / "mine")


# --- what is refused


def refused(path, words):
    with pytest.raises(CourseError, match=words) as caught:
        opened(path)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text


def test_folders_without_videos_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no videos in empty")
    (tmp_path / "texts/a").mkdir(parents=True)
    (tmp_path / "texts/a/notes.txt").write_text("hello")
    (tmp_path / "texts/.hidden.mp4").write_text("hello")
    refused(tmp_path / "texts", "no videos in texts")
    video(tmp_path / "few/1.mp4", 1.3, size=(32, 32))
    refused(tmp_path / "few", "1 videos in few: at least 4")
    refused(tmp_path / "few" / "1.mp4", "not a folder")
    with pytest.raises(CourseError, match="nowhere"):
        check_name(f"clips:{tmp_path}/nowhere")


def test_a_text_called_video_is_refused(tmp_path, capfd):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.mp4").write_text("this is no video")
    refused(tmp_path / "mine", r"1 of 1 videos in mine could not be decoded .*a\.mp4")
    assert capfd.readouterr().err == ""


def test_a_playlist_opens_no_other_file(tmp_path):
    video(tmp_path / "secret.mp4", 1.3)
    for name, text in {
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{tmp_path}/secret.mp4\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile {tmp_path}/secret.mp4\n",
    }.items():
        (tmp_path / name).write_text(text)
        assert clips.decode(tmp_path / name) == []


def test_a_few_broken_files_are_named_and_skipped(tmp_path, capsys):
    for i in range(40):
        video(tmp_path / f"mine/{'ab'[i % 2]}/{i}.mp4", 0.7, size=(32, 32), mark=i)
    (tmp_path / "mine/a/broken.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    (tmp_path / "mine/b/none.webm").write_bytes(b"")
    data = opened(tmp_path / "mine")
    assert data.skipped == ["a/broken.mp4", "b/none.webm"] and "broken.mp4" in capsys.readouterr().out
    assert everything(data, "video").sort().values.tolist() == list(range(40))
    (tmp_path / "mine/b/third.mp4").write_bytes((tmp_path / "mine/a/0.mp4").read_bytes()[:600])
    refused(tmp_path / "mine", "3 of 43 videos")


def test_a_truncated_video_gives_what_is_there(tmp_path):
    content = video(tmp_path / "a.webm", 4, tone=440, codec="libvpx").read_bytes()
    whole = clips.decode(tmp_path / "a.webm")
    (tmp_path / "b.webm").write_bytes(content[: len(content) // 2])
    some = clips.decode(tmp_path / "b.webm")
    assert 1 <= len(some) < len(whole) == 3 and (some[0].clip == whole[0].clip).all()
    (tmp_path / "c.mp4").write_bytes(video(tmp_path / "d.mp4", 4).read_bytes()[:-3000])  # the index is at the end
    assert clips.decode(tmp_path / "c.mp4") == []


def test_garbled_videos_never_crash(tmp_path):
    generator = np.random.default_rng(0)
    for suffix, codec in (("mp4", "mpeg4"), ("webm", "libvpx")):
        content = np.frombuffer(video(tmp_path / f"a.{suffix}", 1.3, size=(32, 32), tone=440, codec=codec).read_bytes(), np.uint8)
        for _ in range(25):
            garbled = content.copy()
            garbled[generator.integers(0, len(content), 8)] = generator.integers(0, 256, 8)
            (tmp_path / f"b.{suffix}").write_bytes(garbled.tobytes())
            try:
                assert len(clips.decode(tmp_path / f"b.{suffix}")) <= clips.MOST_WINDOWS
            except CourseError as error:
                assert "pixels" in str(error)


def test_absurd_frames_are_refused(tmp_path, monkeypatch):
    frame = np.zeros((16, 17_000, 3), np.uint8)
    video(tmp_path / "wide/wide.mkv", frames=[frame] * 2, codec="ffv1")
    refused(tmp_path / "wide", r"wide\.mkv declares frames of 17000 x 16")
    monkeypatch.setattr(clips, "PIXEL_LIMIT", 96 * 64 - 1)
    for suffix, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        with pytest.raises(CourseError, match="declares frames of 96 x 64"):
            clips.decode(video(tmp_path / f"{codec}.{suffix}", 0.7, codec=codec))
    for suffix, codec in (("mp4", "mpeg4"), ("webm", "libvpx-vp9")):  # their decoders do not even say how large it is
        assert clips.decode(video(tmp_path / f"{codec}.{suffix}", 0.7, codec=codec)) == []


def test_no_more_frames_are_decoded_than_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "MOST_FRAMES", 40)
    assert len(clips.decode(video(tmp_path / "a.mp4", 6, rate=25, size=(32, 32)))) == 1


def test_a_jump_in_time_is_no_endless_still(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for pts in [*range(40), *range(10**7, 10**7 + 40)]:
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), pts % 200, np.uint8), "rgb24")
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert 2 <= len(clips.decode(path)) <= 4


def test_names_are_known_without_the_decoders():
    assert "clips:PATH" in names()
    program = "import sys, course_lib.data; course_lib.data.names(); assert not {'av', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_single_frame_is_too_short_and_a_sound_alone_is_no_video(tmp_path):
    assert clips.decode(video(tmp_path / "one.mp4", frames=[np.zeros((64, 96, 3), np.uint8)])) == []
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 96_000), np.float32), "fltp", "stereo")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert clips.decode(tmp_path / "song.mp4") == []


@pytest.mark.parametrize(("size", "rate"), [((101, 67), 7), ((49, 333), 13), ((64, 48), 120)])
def test_odd_sizes_and_rates_are_resized_and_resampled(tmp_path, size, rate):
    frames = [np.full((size[1], size[0], 3), 60 + 2 * (k % 60), np.uint8) for k in range(3 * rate)]
    windows = clips.decode(video(tmp_path / "odd.mkv", seconds=3, rate=rate, frames=frames, codec="ffv1", tone=440))
    assert len(windows) == 2 and all(window.clip.shape == (16, 3, 48, 48) for window in windows)
    assert all(window.sound.shape == (16_000,) and window.sound.any() for window in windows)


@pytest.mark.slow
def test_four_hours_are_streamed(tmp_path):
    """In another process, whose memory is its own: eight windows are kept, whatever the length."""
    picture = np.zeros((32, 32, 3), np.uint8)
    video(tmp_path / "long.mp4", rate=1, frames=[picture + k % 200 for k in range(4 * 3600)])
    video(tmp_path / "short.mp4", rate=1, frames=[picture + k % 200 for k in range(60)])
    ask = (
        "import resource, sys; from course_lib.data.sources import clips; found = clips.decode(sys.argv[1]); "
        "print(len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def measured(name):
        answer = subprocess.run([sys.executable, "-c", ask, tmp_path / name], check=True, capture_output=True, text=True)
        return map(int, answer.stdout.split())

    (windows, peak), (_, little) = measured("long.mp4"), measured("short.mp4")
    assert clips.MOST_WINDOWS / 2 <= windows <= clips.MOST_WINDOWS
    assert peak - little < 100 * 1024  # kilobytes
