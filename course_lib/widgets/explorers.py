"""Look into a network: what it finds alike, what it says when one thing in a scene changes, what a setting does."""

from collections.abc import Callable, Sequence

import ipywidgets
import torch
from torch import Tensor

from course_lib.data.world import render
from course_lib.data.world.scene import CHANGES
from course_lib.evaluation.neighbours import nearest
from course_lib.plots.images import image_grid, image_row
from course_lib.plots.style import BLUE, GREY, image_tag, png, show_figure
from course_lib.pretext.rotation import rotate
from course_lib.widgets import draw_into, headless, show_panel


class SettingsExplorer:
    """A figure and the settings it depends on: move one, and it is drawn anew.

    Args:
        draw: settings by name -> a figure, and the same in words.
        settings: name -> True or False for a box to tick, a list for a slider or a menu over its entries (numbers or
            words; the first is where it starts), or `(least, most, start)` for a slider over numbers between.
        caption: what to look at.
    """

    def __init__(self, draw: Callable, settings: dict[str, bool | list | tuple[float, float, float]], caption: str):
        self.draw, self.caption = draw, caption
        self.controls = {name: self._control(name.replace("_", " "), values) for name, values in settings.items()}
        self.picture = ipywidgets.HTML()
        self.picture.add_class("course-settings-picture")
        for name, control in self.controls.items():
            control.add_class(f"course-settings-{name}")
            control.observe(lambda _: self._redraw(), names="value")
        self.panel = ipywidgets.VBox([*self.controls.values(), self.picture, ipywidgets.HTML(f"<em>{caption}</em>")])

    def show(self) -> "SettingsExplorer":
        """Display it; headless, the figure at the settings where it starts."""
        if headless():
            figure, words = self.look()
            show_figure(figure, self.caption, words)
        else:
            self._redraw()
            show_panel(self)
        return self

    def look(self):
        """What is drawn at the present settings: a figure, and the same in words."""
        return self.draw(**{name: control.value for name, control in self.controls.items()})

    @staticmethod
    def _control(label: str, values) -> ipywidgets.Widget:
        face = {"description": label, "layout": {"width": "min(32em, 95%)"}, "style": {"description_width": "11em"}}
        if isinstance(values, bool):
            return ipywidgets.Checkbox(value=values, indent=False, description=label, tooltip=label)
        if isinstance(values, tuple):
            least, most, start = values
            slider = ipywidgets.FloatSlider(start, min=least, max=most, step=(most - least) / 100, readout_format=".3g", **face)
            slider.continuous_update = False  # drawn when the handle is let go
            return slider
        if all(isinstance(value, int | float) for value in values):
            return ipywidgets.SelectionSlider(options=sorted(values), value=values[0], continuous_update=False, **face)
        return ipywidgets.Dropdown(options=values, **face)

    def _redraw(self) -> None:
        draw_into(self.picture, self.look)


class NeighbourExplorer:
    """Click a query; below it, for every network, the pictures that it finds most alike.

    Args:
        queries: uint8 Q x 3 x S x S.
        bank: the pictures to find them among, uint8 N x 3 x S x S.
        features: network's name -> its features of the queries (Q x D) and of the bank (N x D).
        words: what each picture of the bank shows, N of them; for those who cannot see it.
        count: how many neighbours.
    """

    def __init__(
        self, queries: Tensor, bank: Tensor, features: dict[str, tuple[Tensor, Tensor]], words: Sequence[str], count: int = 6
    ):
        self.queries, self.bank, self.words = queries, bank, list(words)
        self.found = {name: nearest(*pair, count) for name, pair in features.items()}  # name -> Q x count
        self.picture = ipywidgets.HTML()
        self.picture.add_class("course-neighbours-picture")
        self.buttons = []
        for k in range(len(queries)):
            words = f"query {k + 1}"
            button = ipywidgets.Button(description=words, tooltip=f"Neighbours of {words}", layout={"width": "auto"})
            button.on_click(lambda _, k=k: self._clicked(k))
            button.add_class("course-neighbours-query")
            self.buttons.append(button)
        overview = image_tag(png(image_row(queries, [str(k + 1) for k in range(len(queries))])), "The queries, numbered")
        self.panel = ipywidgets.VBox([
            ipywidgets.HTML(overview), ipywidgets.HBox(self.buttons, layout={"flex_flow": "row wrap"}), self.picture,
        ])  # fmt: skip

    def show(self) -> "NeighbourExplorer":
        """Display it; headless, the neighbours of the first query as a figure."""
        if headless():
            figure, words = self.neighbours(0)
            show_figure(figure, "Left: a picture. Beside it those that each network finds most alike.", words)
        else:
            self._clicked(0)
            show_panel(self)
        return self

    def start_over(self) -> None:
        """Show the neighbours of the first query."""
        self._clicked(0)

    def neighbours(self, query: int):
        """The neighbours of a query: a figure, a row a network, and the same in words."""
        rows, words = [], []
        for name, found in self.found.items():
            rows.append(torch.cat([self.queries[query : query + 1].cpu(), self.bank[found[query].to(self.bank.device)].cpu()]))
            words.append(f"{name}: " + ", ".join(self.words[i] for i in found[query].tolist()))
        titles = ["query", *map(str, range(1, len(rows[0])))]
        figure = image_grid(torch.cat(rows), columns=len(rows[0]), titles=titles, names=self.found)
        return figure, f"The nearest neighbours of query {query + 1}. " + "; ".join(words) + "."

    def _clicked(self, query: int) -> None:
        draw_into(self.picture, lambda: self.neighbours(query))


class CounterfactualExplorer:
    """A scene of the world with one thing changed, and what a network says about it beside the scene as it is.

    Args:
        says: uint8 images N x 3 x S x S -> probabilities N x answers, summing to 1 over each row.
        answers: what each of them stands for.
        seed: of the world.
        numbers: of the scenes to choose from.
        size: pixels a side.
    """

    def __init__(
        self, says: Callable[[Tensor], Tensor], answers: Sequence[str], seed: int, numbers: Sequence[int], size: int = 64
    ):
        self.says, self.answers, self.seed, self.size = says, list(answers), seed, size
        wide, style = {"width": "min(28em, 95%)"}, {"description_width": "7em"}
        scenes = [(f"number {n}", n) for n in numbers]
        self.number = ipywidgets.Dropdown(options=scenes, description="scene", layout=wide, style=style)
        self.change = ipywidgets.Dropdown(options=list(CHANGES), description="change", layout=wide, style=style)
        self.turns = ipywidgets.Dropdown(
            options=[(f"{90 * k}°", k) for k in range(4)], description="whole picture", layout=wide, style=style
        )
        self.picture = ipywidgets.HTML()
        for name in ("number", "change", "turns", "picture"):
            getattr(self, name).add_class(f"course-counterfactual-{name}")
            if name != "picture":
                getattr(self, name).observe(lambda _: self._redraw(), names="value")
        self.panel = ipywidgets.VBox([self.number, self.change, self.turns, self.picture])

    def show(self) -> "CounterfactualExplorer":
        """Display it; headless, the first scene without its object as a figure."""
        if headless():
            figure, words = self.compare()
            show_figure(figure, "A scene as it is and changed in one thing, with what the network says to each.", words)
        else:
            self._redraw()
            show_panel(self)
        return self

    def compare(self):
        """The chosen scene as it is and changed, with the network's answers: a figure, and the same in words."""
        from matplotlib.figure import Figure

        names = ["as it is", self.change.value]
        images = torch.cat([
            rotate(render(self.seed, [self.number.value], self.size, change=change)["images"], self.turns.value)
            for change in (None, self.change.value)
        ])  # fmt: skip
        shares = self.says(images).cpu()
        figure = Figure(figsize=(8.5, 2.2), layout="constrained")
        axes = figure.subplots(1, 4, width_ratios=(1, 1.4, 1, 1.4))
        words = []
        for name, image, row, picture, bars in zip(names, images, shares.tolist(), axes[::2], axes[1::2], strict=True):
            picture.imshow(image.permute(1, 2, 0))
            picture.set_axis_off()
            picture.set_title(name)
            bars.bar(self.answers, [100 * share for share in row], color=[BLUE if share == max(row) else GREY for share in row])
            bars.set(ylim=(0, 100), ylabel="says (%)")
            said = ", ".join(f"{answer} {100 * share:.0f} %" for answer, share in zip(self.answers, row, strict=True))
            words.append(f"{name}: the network says {said}")
        return figure, "; ".join(words) + "."

    def _redraw(self) -> None:
        draw_into(self.picture, self.compare)
