"""Walk through the world: any scene, any layer of its truth, any factor moved by hand."""

from collections.abc import Sequence

import ipywidgets
import torch

from course_lib.data.world import render
from course_lib.data.world.scene import CHANGES
from course_lib.plots.images import picture_png
from course_lib.plots.style import image_tag
from course_lib.plots.truth import LAYERS, as_picture
from course_lib.widgets import headless, show_error, show_panel

SIZE = 128  # pixels a side, rendered for the gallery; the data set's scenes are the same at 64


def ranges(seed: int, index: Sequence[int]) -> dict[str, tuple[float, float, bool]]:
    """Of every factor, what it takes among these scenes: name -> (lowest, highest, whether it is a whole number)."""
    found = {}
    for name, values in render(seed, index, 16)["factors"].items():
        whole = not values.is_floating_point()
        values = values[values >= 0] if whole else values[~values.isnan()]
        if len(values) and values.min() < values.max():
            found[name] = (values.min().item(), values.max().item(), whole)
    return found


class SceneExplorer:
    """A scene, its truth and its factors.

    Args:
        seed: of the world.
        count: scenes to walk through, from number 0 on.
    """

    def __init__(self, seed: int = 0, count: int = 1000):
        self.seed, self.given, self._ranges = seed, {}, ranges(seed, range(200))
        wide, style = {"width": "min(28em, 95%)"}, {"description_width": "7em"}
        self.number = ipywidgets.IntSlider(
            value=0, max=count - 1, description="scene", continuous_update=False, layout=wide, style=style
        )
        self.change = ipywidgets.Dropdown(options=["as it is", *CHANGES], description="change", layout=wide, style=style)
        self.factor = ipywidgets.Dropdown(options=["(none)"], description="factor", layout=wide, style=style)
        self.value = ipywidgets.FloatSlider(
            description="its value", continuous_update=False, disabled=True, readout_format=".3g", layout=wide, style=style
        )
        self.reset = ipywidgets.Button(description="Let go of all factors", tooltip="Every factor as it was drawn")
        self.picture, self.caption = ipywidgets.HTML(), ipywidgets.HTML()
        for name in ("number", "change", "factor", "value", "reset", "picture", "caption"):
            getattr(self, name).add_class(f"course-gallery-{name}")
        self.number.observe(lambda _: self._safely(self._new_scene), names="value")
        self.change.observe(lambda _: self._safely(self.redraw), names="value")
        self.factor.observe(lambda _: self._safely(self._new_factor), names="value")
        self.value.observe(lambda change: self._safely(self._moved), names="value")
        self.reset.on_click(lambda _: self._safely(self._let_go))
        self.panel = ipywidgets.VBox([
            self.number, self.change, self.factor, self.value, self.reset, self.picture, self.caption,
        ])  # fmt: skip
        self._quiet = False
        self._new_scene()

    def show(self) -> "SceneExplorer":
        """Display the explorer; headless, only its sentence."""
        if headless():
            print("Open this notebook in JupyterLab to walk through the scenes and move their factors.")
        else:
            show_panel(self)
        return self

    def start_over(self) -> None:
        """Let go of all factors."""
        self._let_go()

    def scene(self) -> dict:
        """The rendering that is shown."""
        change = None if self.change.value == "as it is" else self.change.value
        return render(self.seed, [self.number.value], SIZE, change=change, factors=self.given)

    def redraw(self) -> None:
        """Show the scene with all its layers, and its caption."""
        scene = self.scene()
        layers = torch.cat([torch.nn.functional.pad(as_picture(scene, 0, layer), (2, 2), value=255) for layer in LAYERS], dim=2)
        self.picture.value = image_tag(picture_png(layers), f"{scene['captions'][0]}; then its truth: {', '.join(LAYERS[1:])}")
        words = ", ".join(LAYERS)
        moved = "".join(f"<br>{name} = {value:.3g}" for name, value in self.given.items())
        self.caption.value = f"<em>{scene['captions'][0]}</em><br>From left to right: {words}.{moved}"

    def move(self, factor: str, value: float) -> None:
        """Give a factor of this scene a value, as the slider does."""
        self.given[factor] = value
        self.redraw()

    def _new_scene(self) -> None:
        self.given = {}
        drawn = render(self.seed, [self.number.value], 16)["factors"]
        has = {name: values[0].item() for name, values in drawn.items() if name in self._ranges}
        self._has = {name: value for name, value in has.items() if value == value and not (self._ranges[name][2] and value < 0)}
        self._quiet = True
        self.factor.options = ["(none)", *sorted(self._has)]
        self._quiet = False
        self._new_factor()
        self.redraw()

    def _new_factor(self) -> None:
        if self._quiet:
            return
        name = self.factor.value
        self._quiet = True
        self.value.disabled = name not in self._has
        if name in self._has:
            low, high, whole = self._ranges[name]
            with self.value.hold_sync():
                self.value.min, self.value.max = min(low, self.value.min), max(high, self.value.max)
                self.value.value = self.given.get(name, self._has[name])
                self.value.min, self.value.max = low, high
                self.value.step = 1 if whole else (high - low) / 100
        else:
            self.value.min, self.value.value = 0, 0
        self._quiet = False

    def _moved(self) -> None:
        if not self._quiet and self.factor.value in self._has:
            whole = self._ranges[self.factor.value][2]
            self.move(self.factor.value, round(self.value.value) if whole else self.value.value)

    def _let_go(self) -> None:
        self.given = {}
        self._new_factor()
        self.redraw()

    def _safely(self, action) -> None:
        try:
            action()
        except Exception as error:
            show_error(self.caption, error)
