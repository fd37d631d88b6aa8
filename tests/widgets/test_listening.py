"""Sounds to answer, to find and to look at: real games, real menus, and videos that are really written and read."""

import base64
import datetime
import html
import io
import math
import re
import tempfile
import wave

import numpy as np
import pytest
import torch
import videos
from PIL import Image

from course_lib.data import Split
from course_lib.data.sources import clips
from course_lib.plots.images import image_grid
from course_lib.widgets.game import Game
from course_lib.widgets.listening import OwnClip, RetrievalExplorer, SoundButtons
from course_lib.widgets.player import wav

RATE = 8000  # of the made-up films; videos have 16 000


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


@pytest.fixture
def displayed(monkeypatch):
    """What is displayed where nobody can press a button."""
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


def body(address):
    return base64.b64decode(address.partition(",")[2])


def heard(player):
    """A player's sound, int16, and its rate."""
    with wave.open(io.BytesIO(body(player.sound))) as file:
        return torch.frombuffer(bytearray(file.readframes(file.getnframes())), dtype=torch.int16), file.getframerate()


def seen(player):
    """A player's frames, uint8 T x H x W x 3."""
    return np.stack([np.asarray(Image.open(io.BytesIO(body(frame)))) for frame in player.frames])


def noise(*shape):
    return torch.randint(-9000, 9000, shape, dtype=torch.int16, generator=torch.Generator().manual_seed(3))


def pictures(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


# --- four pictures and one sound


def sound_game(truth=(1, 3, 0)):
    count = len(truth)
    sounds = noise(count, 800)
    buttons = SoundButtons(sounds, pictures(count, 4, 3, 8, 8), RATE)
    names = [f"picture {k + 1}" for k in range(4)]
    return Game(pictures(count, 3, 8, 8), truth, names, "Which one sounds?", "a spectrogram", answer_widget=buttons), sounds


def plays(game, sounds, item):
    player = game.answer_widget.player
    sound, rate = heard(player)
    return torch.equal(sound, sounds[item]) and rate == RATE and player.words == f"sound {item + 1} of {len(sounds)}"


def test_each_answer_brings_the_next_sound(on_screen):
    game, sounds = sound_game()
    game.show()
    player, buttons = game.answer_widget.player, game.answer_widget.buttons
    assert game.answer_widget.widget in game.panel.children and player in game.answer_widget.widget.children
    assert plays(game, sounds, 0) and player.frames == [] and player.seconds == 0.1 and player.spectrogram
    buttons[1].click()
    assert "Right: picture 2" in game.feedback.value and plays(game, sounds, 1)
    buttons[0].click()
    assert "it was picture 4, you said picture 1" in game.feedback.value and plays(game, sounds, 2)
    buttons[0].click()
    assert "2 of 3" in game.board.value and "last one" in game.picture.value
    assert plays(game, sounds, 2)  # nothing is left to answer, and the sound can still be played


def test_sounds_are_answered_by_keys(on_screen):
    game, sounds = sound_game()
    keys = game.show().answer_widget.keys
    assert "1 to 4" in keys.description
    for typed, answered, item in (("2", [1], 1), ("5", [1], 1), ("x", [1], 1), ("4", [1, 3], 2), ("1", [1, 3, 0], 2)):
        keys.value = typed
        assert keys.value == "" and game.score.yours == answered and plays(game, sounds, item)
    assert game.score.wrong(game.score.yours) == []


def test_every_sound_has_its_own_pictures_and_the_game_shows_none_beside_them():
    game, _ = sound_game()
    cells = game.answer_widget.widget.children[1].children[0].children
    before = [cell.children[0].value for cell in cells]
    assert len(set(before)) == 4
    assert all(f'alt="picture {k + 1}"' in value for k, value in enumerate(before))
    assert "<img" not in game.picture.value and "1 of 3" in game.picture.value
    cells[2].children[1].click()
    assert game.score.yours == [2] and not set(before) & {cell.children[0].value for cell in cells}


def test_the_second_try_plays_the_missed_sounds_again(on_screen, monkeypatch):
    game, sounds = sound_game()
    game.show()
    focused = []
    monkeypatch.setattr(game.answer_widget.keys, "send", focused.append)
    for key in "132":
        game.answer_widget.keys.value = key
    game.again.click()
    assert plays(game, sounds, 0) and focused == [{"do": "focus"}]
    game.answer_widget.keys.value = "2"
    assert plays(game, sounds, 1) and game.score.table()[1] == ("you, second try", "1 of 1")


# --- sounds found for a picture


PICTURES, SOUNDS = (0.0, 0.5, 1.2, 2.4, 4.1), (0.4, 2.6, 0.1, 1.5, 4.3)  # angles of the vectors of five clips
WORDS = ["guitar", "drum", "bell", "hands", "violin & <b>"]


def vectors(angles):
    lengths = torch.arange(1, len(angles) + 1) ** 2  # which must not matter
    return torch.stack([torch.tensor(angles).cos(), torch.tensor(angles).sin()], dim=1) * lengths[:, None]


def nearest(angle, others, count):
    def apart(k):
        gap = abs(angle - others[k]) % (2 * math.pi)
        return min(gap, 2 * math.pi - gap)

    return sorted(range(len(others)), key=apart)[:count]


@pytest.fixture
def films():
    """Five films of four frames, each frame of another colour: red says which clip, green which frame."""
    frames = torch.zeros(5, 4, 3, 8, 8, dtype=torch.uint8)
    frames[:, :, 0] = 10 * torch.arange(1, 6)[:, None, None, None]
    frames[:, :, 1] = 20 * torch.arange(4)[:, None, None]
    return Split(labels=torch.arange(5), classes=WORDS, clips=frames, sounds=noise(5, 1600), rate=RATE)


def explorer(films, queries=(0, 1, 3, 4), count=3):
    return RetrievalExplorer(films, vectors(PICTURES), vectors(SOUNDS), queries, WORDS, count)


def clips_in(players, films):
    """Which clips the players hold, by their frames; their sounds must be those of the same clips."""
    numbers = []
    for player in players:
        shown = seen(player)
        numbers.append(int(shown[0, 0, 0, 0]) // 10 - 1)
        assert shown[:, 0, 0, 1].tolist() == [0, 20, 40, 60]
        sound, rate = heard(player)
        assert torch.equal(sound, films.sounds[numbers[-1]]) and rate == RATE and player.seconds == 0.2
    return numbers


def test_menus_choose_what_is_found_both_ways(on_screen, films):
    explored = explorer(films).show()
    assert explored.direction.value == "a picture finds sounds" and explored.query.value == 0
    assert [label for label, _ in explored.query.options] == ["clip 1", "clip 2", "clip 3", "clip 4"]
    answers = set()
    for direction, mine, others in (("a picture finds sounds", PICTURES, SOUNDS), ("a sound finds pictures", SOUNDS, PICTURES)):
        explored.direction.value = direction
        for query in (4, 1, 3, 0):
            explored.query.value = query
            found = clips_in(explored.players[1:], films)
            assert found == nearest(mine[query], others, 3) and explored.message.value == ""
            answers.add((query, *found))
            for rank, (player, clip) in enumerate(zip(explored.players[1:], found, strict=True), 1):
                own = ", its own clip" if clip == query else ""
                assert player.words == f"found {rank}: {WORDS[clip]}{own}"
    assert len(answers) == 8  # no query finds the same both ways: a table turned round would be noticed


def test_a_query_gives_one_half_of_its_clip_only(on_screen, films):
    explored = explorer(films).show()
    explored.query.value = 3
    query = explored.players[0]
    assert query.words == "query: this picture" and query.sound == query.spectrogram == ""
    assert seen(query)[:, 0, 0].tolist() == [[40, 40, 0]]  # the middle frame of the fourth clip
    explored.direction.value = "a sound finds pictures"
    sound, rate = heard(query)
    assert query.words == "query: this sound (hands)" and query.frames == [] and query.spectrogram
    assert torch.equal(sound, films.sounds[3]) and rate == RATE


def test_its_own_clip_is_named_wherever_it_is_found(on_screen, films):
    explored = explorer(films, count=5).show()
    for direction in explored.DIRECTIONS:
        explored.direction.value = direction
        for query in (0, 1, 3, 4):
            explored.query.value = query
            named = [player for player in explored.players[1:] if player.words.endswith(", its own clip")]
            assert len(named) == 1 and clips_in(named, films) == [query]


def test_a_failure_is_shown_and_gone_when_the_next_query_works(on_screen, films, monkeypatch):
    explored = explorer(films).show()

    def broken(*_, **__):
        raise RuntimeError("no <sound> card")

    with monkeypatch.context() as patch:
        patch.setattr(explored.players[2], "load", broken)
        explored.query.value = 3
    assert "RuntimeError: no &lt;sound&gt; card" in explored.message.value and 'role="alert"' in explored.message.value
    explored.direction.value = "a sound finds pictures"
    assert explored.message.value == ""
    assert clips_in(explored.players[1:], films) == nearest(SOUNDS[3], PICTURES, 3)


def test_headless_sounds_find_pictures_in_a_figure_with_words(films, displayed, monkeypatch):
    drawn = []

    def grid(pictures, columns, titles, **rest):
        drawn.append((pictures[:, 0, 0, 0].tolist(), columns, len(titles)))
        return image_grid(pictures, columns, titles, **rest)

    monkeypatch.setattr("course_lib.plots.images.image_grid", grid)
    explorer(films, queries=(1, 4), count=2).show()
    rows = [[query, *nearest(SOUNDS[query], PICTURES, 2)] for query in (1, 4)]
    assert drawn == [([10 * (clip + 1) for row in rows for clip in row], 3, 3)]
    (shown,) = displayed
    assert "<img" in shown.data and "<figcaption" in shown.data
    alt = html.unescape(re.search(r'alt="([^"]*)"', shown.data)[1])
    for query, *found in rows:
        assert f"{WORDS[query]}: {', '.join(WORDS[clip] for clip in found)}" in alt


# --- a clip of one's own


def video(path, seconds=1.3, tone=None, sound_at=0.0):
    """Write a video of 25 frames a second that is dark, and bright from `sound_at` on; from then on a tone is heard. Without a
    tone there is no sound track."""
    levels = [220 if number / 25 >= sound_at - 1e-6 else 20 for number in range(round(seconds * 25))]
    frames = [np.full((48, 64, 3), level, np.uint8) for level in levels]
    return videos.video(path, seconds, tone=tone, frames=frames, sound_at=sound_at)


class Heat:
    """Remembers what it is given; hotter from frame to frame, or broken."""

    def __init__(self):
        self.given, self.broken = [], False

    def __call__(self, clip, sound):
        self.given.append((clip, sound))
        if self.broken:
            raise ValueError("too <hot>")
        return torch.linspace(0, 1, len(clip))[:, None, None].expand(-1, 3, 3)


@pytest.fixture
def heat():
    return Heat()


@pytest.fixture
def own(heat):
    return OwnClip(heat, pictures(8, 3, 16, 16), noise(16_000), "Look at <this>.")


def uploaded(path, name=None):
    now, content = datetime.datetime.now(datetime.UTC), path.read_bytes()
    described = {"name": name or path.name, "type": "video/mp4", "size": len(content), "last_modified": now}
    return ({**described, "content": memoryview(content)},)


def alerted(own, words):
    """Whether the message is one sentence with these words, and announced."""
    said = own.message.value.removeprefix('<span role="alert">').removesuffix("</span>")
    return own.message.value == f'<span role="alert">{said}</span>' and words in said and said.endswith(".") and ". " not in said


def test_the_example_is_shown_under_its_heat(on_screen, own, heat):
    own.show()
    ((clip, sound),) = heat.given
    assert torch.equal(clip, own.clip) and torch.equal(sound, own.sound) and own.message.value == ""
    assert own.player.words == "the example" and len(own.player.frames) == len(own.player.overlay) == 8
    assert "Look at &lt;this&gt;." in own.panel.children[-1].value
    assert own.upload.accept == "video/*" and own.upload.tooltip and own.path.description == "or its path"


def test_a_video_is_opened_by_its_path(on_screen, own, heat, tmp_path):
    path = video(tmp_path / "mine.mp4", tone=440)
    own.show().path.value = f"  {path} "
    clip, sound = heat.given[-1]
    assert own.message.value == "" and own.player.words == "mine.mp4 at 0.0 s"
    assert (clip.shape, clip.dtype) == ((12, 3, 48, 48), torch.uint8)
    assert (sound.shape, sound.dtype) == ((16_000,), torch.int16)
    assert abs(int(torch.fft.rfft(sound.double()).abs().argmax()) - 440) <= 1
    player = own.player
    assert len(player.frames) == len(player.overlay) == 12 and player.seconds == 1.0 and player.sound and player.spectrogram


def test_a_video_is_opened_by_upload_and_no_copy_of_it_stays(on_screen, own, heat, tmp_path, monkeypatch):
    path = video(tmp_path / "mine.mp4", tone=440)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    own.show().upload.value = uploaded(path, "holiday & sea.mp4")
    assert own.message.value == "" and own.player.words == "holiday & sea.mp4 at 0.0 s"
    clip, sound = heat.given[-1]
    assert clip.shape == (12, 3, 48, 48) and sound.shape == (16_000,) and sound.abs().max() > 10_000
    assert list((tmp_path / "temporary").iterdir()) == []
    uploads = heat.given[-1]
    own.path.value = str(path)  # the same by its path
    assert all(map(torch.equal, uploads, heat.given[-1]))


def test_what_is_seen_and_what_is_heard_begin_together(on_screen, own, heat, tmp_path):
    own.open(str(video(tmp_path / "flash.mp4", tone=440, sound_at=0.64)))
    clip, sound = heat.given[-1]
    flash = int((clip.float().mean((1, 2, 3)) > 120).int().argmax()) / len(clip)  # seconds: frames are spread over one
    stroke = int((sound.int().abs() > 3000).int().argmax()) / len(sound)
    assert 0.4 < stroke < 0.6 and abs(flash - stroke) <= 0.08


def test_of_a_long_video_the_middle_is_shown(on_screen, own, tmp_path):
    own.open(str(video(tmp_path / "long.mp4", 3.9, tone=440)))
    assert own.player.words == "long.mp4 at 1.3 s"


def test_the_home_folder_may_be_abbreviated(on_screen, own, tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    video(tmp_path / "mine.mp4", tone=440)
    own.path.value = "~/mine.mp4"
    assert own.player.words == "mine.mp4 at 0.0 s"


def unusable(folder):
    """Files of which nothing can be shown, and what is said about each."""
    text = folder / "letter.mp4"
    text.write_text("Dear reader")
    return [
        (video(folder / "silent.mp4"), "silent.mp4 has no sound there"),
        (video(folder / "quiet.mp4", tone=440, sound_at=99), "quiet.mp4 has no sound there"),
        (text, "letter.mp4 is no video that can be read"),
        (video(folder / "short.mp4", 0.5, tone=440), "short.mp4 is no video that can be read, or is shorter than"),
    ]


def test_what_cannot_be_used_is_said_and_the_last_clip_stays(on_screen, own, heat, tmp_path):
    own.show()
    before = own.player.get_state()
    for path, words in unusable(tmp_path):
        own.message.value = ""
        own.path.value = str(path)
        assert alerted(own, words), own.message.value
        own.message.value = ""
        own.upload.value = uploaded(path)
        assert alerted(own, words), own.message.value
    for missing in (tmp_path / "nowhere.mp4", tmp_path):
        own.path.value = str(missing)
        assert alerted(own, f"There is no file {missing}")
    assert own.player.get_state() == before and len(heat.given) == 1


def test_an_empty_field_says_nothing_and_success_takes_the_sentence_back(on_screen, own, tmp_path):
    own.path.value = "nowhere.mp4"
    said = own.message.value
    own.path.value = "  "
    assert own.message.value == said and own.player.words == "the example"
    own.path.value = str(video(tmp_path / "mine.mp4", tone=440))
    assert own.message.value == ""


def test_names_of_files_are_shown_as_they_are(on_screen, own, tmp_path):
    (tmp_path / "letter.mp4").write_text("Dear reader")
    own.upload.value = uploaded(tmp_path / "letter.mp4", "<b>letter.mp4")
    assert "&lt;b&gt;letter.mp4 is no video" in own.message.value and "<b>" not in own.message.value


def test_absurd_frames_are_refused_in_a_sentence(on_screen, own, tmp_path, monkeypatch):
    path = video(tmp_path / "large.avi")
    monkeypatch.setattr(clips, "LARGEST_SIDE", 40)
    own.path.value = str(path)
    assert 'role="alert"' in own.message.value and "large.avi declares frames of 64 x 48" in own.message.value


def test_an_error_of_the_network_is_shown_and_not_swallowed(on_screen, own, heat, tmp_path):
    heat.broken = True
    path = video(tmp_path / "mine.mp4", tone=440)
    own.path.value = str(path)
    assert "ValueError: too &lt;hot&gt;" in own.message.value and 'role="alert"' in own.message.value
    own.message.value = ""
    own.upload.value = uploaded(path)
    assert "ValueError: too &lt;hot&gt;" in own.message.value and own.player.words == "the example"


def test_headless_the_example_is_a_figure_with_words(own, displayed):
    own.show()
    (shown,) = displayed
    assert "<img" in shown.data and 'alt="Frames of the example, and the same under their heat."' in shown.data
    assert "Look at &lt;this&gt;." in shown.data


def test_every_player_carries_files_that_a_browser_can_play(own):
    assert own.player.sound.startswith("data:audio/wav;base64,") and body(own.player.sound) == wav(own.sound, 16_000)
