"""The student's own photo, by upload or by path, handed to whatever draws something about it."""

import html
from collections.abc import Callable

import ipywidgets
from torch import Tensor

from course_lib.data.photo import read_photo
from course_lib.errors import CourseError
from course_lib.plots.style import show_figure
from course_lib.widgets import draw_into, headless, show_panel


class OwnPhoto:
    """A button that uploads a photo, a field that takes its path, and what is drawn of it. Nothing leaves this computer.

    Args:
        draw: a photo, uint8 3 x size x size -> a figure, and the same in words.
        example: the photo that is shown first.
        caption: what to look at.
    """

    def __init__(self, draw: Callable, example: Tensor, caption: str):
        self.draw, self.example, self.photo, self.caption = draw, example, example, caption
        self.upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="A photo of yours")
        self.upload.tooltip = "Choose an image file; it stays on this computer"
        self.path = ipywidgets.Text(description="or its path", placeholder="photo.jpg", continuous_update=False)
        self.picture, self.message = ipywidgets.HTML(), ipywidgets.HTML()
        for hook in ("upload", "path", "picture", "message"):
            getattr(self, hook).add_class(f"course-photo-{hook}")
        self.upload.observe(lambda change: self._uploaded(change.new), names="value")
        self.path.observe(lambda change: self._open(change.new.strip()), names="value")
        below = ipywidgets.HTML(f"<em>{html.escape(caption)}</em>")
        self.panel = ipywidgets.VBox([ipywidgets.HBox([self.upload, self.path]), self.message, self.picture, below])

    def show(self) -> "OwnPhoto":
        """Display it; headless, what is drawn of the example."""
        if headless():
            figure, words = self.draw(self.photo)
            show_figure(figure, self.caption, words)
        else:
            self._redraw()
            show_panel(self)
        return self

    def start_over(self) -> None:
        """Show the example."""
        self.photo, self.message.value = self.example, ""
        self._redraw()

    def _uploaded(self, files) -> None:
        for file in files:
            self._open(bytes(file["content"]), file["name"])

    def _open(self, source: str | bytes, name: str = "the upload") -> None:
        if source:
            try:
                self.photo = read_photo(source, self.photo.shape[-1], name)
                self.message.value = ""
                self._redraw()
            except CourseError as error:
                self.message.value = f'<span role="alert">{html.escape(str(error))}</span>'

    def _redraw(self) -> None:
        draw_into(self.picture, lambda: self.draw(self.photo), self.message)
