"""Sounds to answer, to find and to look at: four pictures and one sound, sounds found for a picture, a clip of one's own."""

import html
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets
import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.data.sources.clips import FRAMES, RATE, STEP, decode
from course_lib.errors import CourseError
from course_lib.plots.style import show_figure
from course_lib.pretext.audio_visual import distances
from course_lib.widgets import headless, show_error, show_panel
from course_lib.widgets.game import Buttons
from course_lib.widgets.player import Player


class SoundButtons(Buttons):
    """For a game of which each item is a sound: a player for it above the pictures to choose from.

    Args:
        sounds: int16 N x S, one an item.
        pictures: uint8 N x K x 3 x H x W, K for each item.
        rate: samples a second.
    """

    shows_items = True

    def __init__(self, sounds: Tensor, pictures: Tensor, rate: int = RATE):
        super().__init__([f"picture {k + 1}" for k in range(pictures.shape[1])], pictures.shape[1], pictures)
        self.sounds, self.rate = sounds, rate
        self.player = Player("the sound", sound=sounds[0], rate=rate)
        self.widget = ipywidgets.VBox([self.player, self.widget])

    def ask(self, item: int | None) -> None:
        """Get ready for an item, by its number, or for none."""
        super().ask(item)
        if item is not None:
            self.player.load(f"sound {item + 1} of {len(self.sounds)}", sound=self.sounds[item], rate=self.rate)


class RetrievalExplorer:
    """Choose a picture or a sound; beside it play the clips whose sound, or whose picture, a network puts nearest.

    Args:
        films: the clips, with sounds.
        seen, heard: the network's vectors of each clip's picture and of its sound, N x D each.
        queries: numbers of the clips to choose from.
        words: what is heard in each clip, N of them; for those who cannot hear it.
        count: how many are found.
    """

    DIRECTIONS = ("a picture finds sounds", "a sound finds pictures")

    def __init__(self, films: Split, seen: Tensor, heard: Tensor, queries: Sequence[int], words: Sequence[str], count: int = 3):
        self.films, self.words, count = films, list(words), min(count, len(films))
        far = distances(seen, heard)
        self.found = {  # direction -> query -> clips, the nearest first
            direction: {query: table[query].argsort(stable=True)[:count].tolist() for query in queries}
            for direction, table in zip(self.DIRECTIONS, (far, far.T), strict=True)
        }
        face = {"layout": {"width": "min(24em, 95%)"}, "style": {"description_width": "6em"}}
        self.direction = ipywidgets.Dropdown(options=self.DIRECTIONS, description="direction", **face)
        options = [(f"clip {k + 1}", n) for k, n in enumerate(queries)]
        self.query = ipywidgets.Dropdown(options=options, description="query", **face)
        self.players = [Player("query", *self._contents(queries[0])) for _ in range(count + 1)]
        self.message = ipywidgets.HTML()
        for name in ("direction", "query", "message"):
            getattr(self, name).add_class(f"course-retrieval-{name}")
            if name != "message":
                getattr(self, name).observe(lambda _: self._safely(), names="value")
        row = ipywidgets.HBox(self.players, layout={"flex_flow": "row wrap"})
        self.panel = ipywidgets.VBox([ipywidgets.HBox([self.direction, self.query]), row, self.message])

    def show(self) -> "RetrievalExplorer":
        """Display it; headless, what the first pictures find as a figure."""
        if headless():
            from course_lib.plots.images import image_grid

            middle, found = self.films.clips.shape[1] // 2, self.found[self.DIRECTIONS[1]]
            pictures = torch.cat([self.films.clips[[query, *some], middle].cpu() for query, some in found.items()])
            titles = ["its own", *[f"found {rank + 1}" for rank in range(len(self.players) - 1)]]
            spoken = "; ".join(f"{self.words[q]}: {', '.join(self.words[n] for n in some)}" for q, some in found.items())
            show_figure(
                image_grid(pictures, len(self.players), titles),
                "Left: the picture that a sound belongs to, which the network was not shown. Beside it those that it finds.",
                f"What is heard, and what is heard in the clips of the pictures found. {spoken}.",
            )
        else:
            self._redraw()
            show_panel(self)
        return self

    def _contents(self, clip: int) -> tuple[Tensor, Tensor]:
        return self.films.clips[clip].cpu(), self.films.sounds[clip].cpu()

    def _redraw(self) -> None:
        """Load the query, of which only one half is given, and what is found for it."""
        query, direction = self.query.value, self.direction.value
        film, sound = self._contents(query)
        if direction == self.DIRECTIONS[0]:
            middle = len(film) // 2
            self.players[0].load("query: this picture", film[middle : middle + 1], seconds=1.0)
        else:
            self.players[0].load(f"query: this sound ({self.words[query]})", sound=sound, rate=self.films.rate)
        for rank, (player, clip) in enumerate(zip(self.players[1:], self.found[direction][query], strict=True)):
            own = ", its own clip" if clip == query else ""
            player.load(f"found {rank + 1}: {self.words[clip]}{own}", *self._contents(clip), rate=self.films.rate)
        self.message.value = ""

    def _safely(self) -> None:
        try:
            self._redraw()
        except Exception as error:
            show_error(self.message, error)


class OwnClip:
    """A button that uploads a video, a field that takes its path, and a player of it under a heat. Nothing leaves this computer.

    Args:
        heat: a clip (uint8 T x 3 x S x S) and its sound (int16, 16 000 a second) -> T x h x w, 0…1.
        clip, sound: those that are shown first.
        caption: what to look at.
    """

    def __init__(self, heat: Callable[[Tensor, Tensor], Tensor], clip: Tensor, sound: Tensor, caption: str):
        self.heat, self.caption, self.clip, self.sound = heat, caption, clip, sound
        self.upload = ipywidgets.FileUpload(accept="video/*", multiple=False, description="A video of yours")
        self.upload.tooltip = "Choose a video file; it stays on this computer"
        self.path = ipywidgets.Text(description="or its path", placeholder="video.mp4", continuous_update=False)
        self.player = Player("the example", clip, sound, heat=heat(clip, sound))
        self.message = ipywidgets.HTML()
        for hook in ("upload", "path", "message"):
            getattr(self, hook).add_class(f"course-clip-{hook}")
        self.upload.observe(lambda change: self._uploaded(change.new), names="value")
        self.path.observe(lambda change: self._safely(lambda: self.open(change.new.strip().strip('"'))), names="value")
        below = ipywidgets.HTML(f"<em>{html.escape(caption)}</em>")
        self.panel = ipywidgets.VBox([ipywidgets.HBox([self.upload, self.path]), self.message, self.player, below])

    def show(self) -> "OwnClip":
        """Display it; headless, the frames of the example under their heat."""
        if headless():
            from course_lib.plots.sounds import heat_rows

            figure = heat_rows(self.clip[None], self.heat(self.clip, self.sound)[None], [""])
            show_figure(figure, self.caption, "Frames of the example, and the same under their heat.")
        else:
            show_panel(self)
        return self

    def start_over(self) -> None:
        """Show the example."""
        self.player.load("the example", self.clip, self.sound, heat=self.heat(self.clip, self.sound))
        self.message.value = ""

    def open(self, path: str) -> None:
        """Show the middle of a video.

        Raises:
            CourseError: there is no such file, or no video with a second of film and sound in it.
        """
        if not path:
            return
        file = Path(path).expanduser()
        name = file.name
        if not file.is_file():
            raise CourseError(f"There is no file {file}; give the path of a video on this computer.")
        windows = decode(file)
        if not windows:
            raise CourseError(f"{name} is no video that can be read, or is shorter than two thirds of a second; try another.")
        window = windows[len(windows) // 2]
        if window.sound is None or not window.sound.any():
            raise CourseError(f"{name} has no sound there, so there is nothing to look for; choose a video that is heard.")
        spare = round((FRAMES * STEP - len(window.sound) / RATE) / 2 / STEP)  # frames before the sound begins, and after its end
        clip, sound = torch.from_numpy(window.clip[spare : FRAMES - spare]), torch.from_numpy(window.sound)
        self.player.load(f"{name} at {window.start:.1f} s", clip, sound, heat=self.heat(clip, sound))
        self.message.value = ""

    def _uploaded(self, files) -> None:
        for file in files:
            self._safely(lambda file=file: self._open_upload(file["name"], bytes(file["content"])))

    def _open_upload(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / Path(name).name[-100:]  # the decoder wants a file, and may name it
            copy.write_bytes(content)
            self.open(str(copy))

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        except CourseError as error:
            self.message.value = f'<span role="alert">{html.escape(str(error))}</span>'
        except Exception as error:
            show_error(self.message, error)
