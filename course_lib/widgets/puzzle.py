"""Pictures to put in order by mouse, touch or keyboard, as the answer to a `Game`: the nine tiles of a jigsaw puzzle, or
the frames of a film.

`Tray` is the logic, without a screen; `Board` is the face, whose JavaScript lies beside this file; `Puzzle` joins the two
and turns an arrangement into the permutation that it claims.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import ipywidgets
import torch
import traitlets
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.plots.images import image_grid, picture_png
from course_lib.plots.style import data_address, image_tag
from course_lib.pretext.jigsaw import compose
from course_lib.widgets import show_error

Swap = tuple[int, int, float]  # place, place, seconds since the first tile was picked up


class Tray:
    """Tiles in as many places, and how they came to lie there.

    Tiles are numbered by the places where they lay at first, from 0, so that a number gives nothing away.

    Args:
        swaps: those made so far. Raises CourseError where one names a place that there is not.
        places: how many there are.
        reversible: the reverse of an order means the same, as with the frames of a film that may run backwards.
    """

    def __init__(self, swaps: Sequence[Swap] = (), places: int = 9, reversible: bool = False):
        self.order, self.reversible = list(range(places)), reversible  # place -> tile
        self.swaps: list[Swap] = []
        for swap in swaps:
            self.swap(*swap)

    def swap(self, place: int, other: int, seconds: float = 0.0) -> None:
        """Exchange the tiles at two places, `seconds` after the first was picked up."""
        if not {place, other} <= set(self.order):
            raise CourseError(f"The puzzle has the places 0 to {len(self.order) - 1}, and a swap named {place} and {other}.")
        self.order[place], self.order[other] = self.order[other], self.order[place]
        self.swaps.append((place, other, seconds))

    @property
    def moves(self) -> int:
        """How many swaps it took."""
        return len(self.swaps)

    @property
    def seconds(self) -> float:
        """From picking up the first tile to the last swap."""
        return self.swaps[-1][2] if self.swaps else 0.0

    @property
    def permutation(self) -> list[int]:
        """The permutation that would have scrambled a picture so that this order undoes it: the inverse of the order."""
        return [self.order.index(tile) for tile in range(len(self.order))]

    def solved(self, permutation: Sequence[int]) -> bool:
        """Whether this order undoes `permutation` (place k had been given tile permutation[k])."""
        wanted, last = [int(tile) for tile in permutation], len(self.order) - 1
        return self.permutation == wanted or (self.reversible and [last - place for place in self.permutation] == wanted)

    def claim(self, permutations: Tensor) -> int:
        """Which of the permutations (K x places) this order undoes, as an index; -1 for none of them."""
        return next((k for k, permutation in enumerate(permutations.tolist()) if self.solved(permutation)), -1)


class Board(anywidget.AnyWidget):
    """The tiles on the screen. Swaps are made there, without waiting for the kernel, and come back as a list."""

    _esm = Path(__file__).with_name("puzzle.js")
    _css = Path(__file__).with_name("puzzle.css")
    item = traitlets.Int(0).tag(sync=True)  # another one starts the clock anew
    tiles = traitlets.List(traitlets.Unicode()).tag(sync=True)  # pictures, as data addresses
    columns = traitlets.Int(3).tag(sync=True)
    noun = traitlets.Unicode("tile").tag(sync=True)  # what one of them is called, for those who cannot see it
    swaps = traitlets.List().tag(sync=True)


class Puzzle:
    """Scrambled pictures to put in order, one after another; answers a `Game` as its `Buttons` do (see there).

    Args:
        tiles: scrambled, uint8 N x T x 3 x p x p; or of one picture, T x 3 x p x p.
        permutations: K x T, those among which the answer is sought.
        hidden: the right answers, N of 0…K - 1: then, after each answer, the arrangement and the right one are shown.
        columns: into which the tiles are laid, row by row.
        noun: what one of them is called.
        reversible: whether the reverse of an order is as good, as with frames of a film that may run backwards.

    Attributes:
        widget: to be displayed.
        tray: the `Tray` of the item asked now.
        answered: what was answered, in turn: (item, `Tray`).
        on_answer: called with the index of the permutation that the arrangement claims, -1 for none of them.

    Raises:
        CourseError: these do not fit together.
    """

    shows_items = True

    def __init__(
        self, tiles: Tensor, permutations: Tensor, hidden: Sequence[int] | None = None, *, columns: int = 3,
        noun: str = "tile", reversible: bool = False,
    ):  # fmt: skip
        tiles, places = tiles[None] if tiles.dim() == 4 else tiles, permutations.shape[1]
        if tiles.dim() != 5 or tiles.shape[1:3] != (places, 3) or tiles.dtype != torch.uint8:
            raise CourseError(
                f"A puzzle needs uint8 tiles N x {places} x 3 x p x p, not {tiles.dtype} {tuple(tiles.shape)}."
            )
        if places % columns:
            raise CourseError(f"{places} {noun}s do not fill rows of {columns}; choose another number of columns.")
        if hidden is not None and (len(hidden) != len(tiles) or not set(map(int, hidden)) <= set(range(len(permutations)))):
            raise CourseError(
                f"{len(tiles)} puzzles need {len(tiles)} answers, 0 to {len(permutations) - 1}, not {list(hidden)}."
            )
        self.tiles, self.permutations, self.hidden = tiles.cpu(), permutations.cpu(), hidden
        self.columns, self.reversible = columns, reversible
        self.on_answer: Callable[[int], None] = lambda choice: None
        self.answered: list[tuple[int, Tray]] = []
        self.item: int | None = None
        self.board, self.before = Board(columns=columns, noun=noun), ipywidgets.HTML()
        self.board.on_msg(lambda board, message, buffers: self._safely(lambda: self._told(message)))
        self.board.observe(lambda change: self._safely(lambda: self._swapped(change.new)), names="swaps")
        self.before.add_class("course-puzzle-before")
        self.widget = ipywidgets.VBox([self.board, self.before])
        self.ask(0)

    def ask(self, item: int | None) -> None:
        """Lay out the item of this number; None leaves the last one there."""
        self.item = item
        if item is not None:
            self.tray = self._tray([])
            with self.board.hold_sync():
                self.board.tiles = [data_address(picture_png(tile)) for tile in self.tiles[item]]
                self.board.swaps, self.board.item = [], self.board.item + 1

    def start_over(self) -> None:
        """Forget what was answered."""
        self.answered.clear()
        self.before.value = ""

    def focus(self) -> None:
        """Put the keyboard's focus on the tiles."""
        self.board.send({"focus": True})

    def swap(self, place: int, other: int) -> None:
        """Exchange two tiles, as a student would; places 0…8."""
        self.board.swaps = [*self.board.swaps, [place, other, self.tray.seconds]]

    def answer(self) -> int:
        """Give the present arrangement as the answer; returns the index that it claims, -1 for none of them."""
        choice = self.tray.claim(self.permutations)
        if self.item is not None:
            self.answered.append((self.item, self.tray))
            self._show_answer(self.item, self.tray)
            self.on_answer(choice)
        return choice

    def arrangement(self, item: int, choice: int) -> Tensor:
        """An item's tiles laid out as if permutation `choice` had scrambled them: uint8 3 x H x W."""
        return self._laid_out(item, self.permutations[choice].argsort())

    def _laid_out(self, item: int, order: Sequence[int] | slice) -> Tensor:
        return compose(self.tiles[item, order][None], columns=self.columns)[0]

    def replay(self, network: Sequence[int]):
        """The puzzles, and how you and a network (its permutations, one a puzzle) laid them out: a figure, and the same in words.

        Raises:
            CourseError: the right answers were not given to the puzzle, or `network` has another length.
        """
        if self.hidden is None or len(network) != len(self.tiles):
            raise CourseError(f"To compare, the puzzle needs its {len(self.tiles)} right answers and as many of the network's.")
        yours = {}
        for item, tray in self.answered:
            yours.setdefault(item, tray)  # the first try counts
        rows, words = {"the puzzle": [], "you": [], "the network": [], "the picture": []}, []
        for item, (right, said) in enumerate(zip(map(int, self.hidden), map(int, network), strict=True)):
            rows["the puzzle"].append(self._laid_out(item, slice(None)))
            rows["the picture"].append(self.arrangement(item, right))
            rows["the network"].append(self.arrangement(item, said))
            tray = yours.get(item)
            rows["you"].append(torch.full_like(rows["the puzzle"][-1], 255) if tray is None else
                               self._laid_out(item, tray.order))  # fmt: skip
            you = "not played" if tray is None else "solved" if tray.solved(self.permutations[right]) else "not solved"
            words.append(f"puzzle {item + 1}: you {you}, the network {'solved' if said == right else 'not solved'}")
        if not yours:
            del rows["you"]
        shown = [picture for row in rows.values() for picture in row]
        count = len(self.tiles)
        side = 1.05 * max(1, shown[0].shape[-1] / shown[0].shape[-2] / 2)  # strips are given more room
        numbers = [str(k + 1) for k in range(count)]
        figure = image_grid(torch.stack(shown), columns=count, titles=numbers, side=side, names=rows, gap=0.05)
        return figure, "; ".join(words) + "."

    def _tray(self, swaps: Sequence[Swap]) -> Tray:
        return Tray(swaps, self.permutations.shape[1], self.reversible)

    def _swapped(self, swaps: Sequence[Swap]) -> None:
        self.tray = self._tray(swaps)

    def _told(self, message: dict) -> None:
        if "answer" in message:
            self.board.swaps = message["answer"]
            self.answer()

    def _show_answer(self, item: int, tray: Tray) -> None:
        if self.hidden is None:
            return
        right = int(self.hidden[item])
        pictures = [(self._laid_out(item, tray.order), "Your arrangement")]
        if not tray.solved(self.permutations[right]):
            pictures.append((self.arrangement(item, right), "The picture"))
        width = f"{50 * self.columns}px"
        figures = "".join(
            f'<figure style="display:inline-block;margin:0 1em 0 0">{image_tag(picture_png(picture), title, width)}'
            f"<figcaption>{title}</figcaption></figure>"
            for picture, title in pictures
        )
        solved = "solved" if len(pictures) == 1 else "not solved"
        moves = f"{tray.moves} swap{'s' * (tray.moves != 1)} in {tray.seconds:.0f} seconds"
        self.before.value = f"<div>The puzzle before: {solved}, after {moves}.</div>{figures}"

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            show_error(self.before, error)
