"""Time in pictures: how much moves when, what is taken to lie between two frames, where the points of a figure are put."""

from collections.abc import Sequence

from torch import Tensor

from course_lib.plots.style import BLUE, GREEN, GREY, ORANGE, RED


def motion_curves(motion: Tensor, begins: Sequence[int], length: int):
    """A panel a clip: its motion (N x T-1) from frame to frame, with the `length` steps from `begins` on shaded."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.7 * len(motion), 2.0), layout="constrained")
    for axis, row, begin in zip(figure.subplots(1, len(motion), squeeze=False)[0], motion.tolist(), begins, strict=True):
        begin = int(begin)
        axis.bar(range(1, len(row) + 1), row, color=[ORANGE if begin <= k < begin + length else BLUE for k in range(len(row))])
        axis.set(xlabel="step from frame to frame", ylim=(0, 1.1 * max(float(motion.max()), 1e-6)))
        axis.grid(axis="x", visible=False)
    figure.axes[0].set_ylabel("motion")
    return figure


def between(pictures: Tensor, curve: Sequence[float], ends: tuple[int, int], middle: int | None = None):
    """Frames (uint8 K x 3 x S x S) beside the share (0…1) that each frame gets as the one between those at `ends`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 * len(pictures) + 4.2, 2.2), layout="constrained")
    *frames, axis = figure.subplots(1, len(pictures) + 1, width_ratios=[1] * len(pictures) + [2.8])
    for place, picture in zip(frames, pictures.cpu(), strict=True):
        place.imshow(picture.permute(1, 2, 0))
        place.set_axis_off()
    axis.axvspan(*ends, color=GREEN, alpha=0.15)
    axis.plot(range(len(curve)), [100 * value for value in curve], color=BLUE, marker="o", markersize=4)
    if middle is not None:
        axis.plot([middle], [100 * curve[middle]], color=ORANGE, marker="o", markersize=10)
    axis.axhline(50, color=GREY, linestyle=":")
    axis.set(ylim=(0, 100), xlabel="the middle frame", ylabel='"in order" (%)')
    return figure


def points_on_pictures(images: Tensor, true: Tensor, seen: Tensor, said: dict[str, Tensor], radius: float):
    """Figures with their points: rings (of `radius` pixels) where those that are seen are, dots where each network puts
    them, joined by a line; a row a network. images: uint8 N x 3 x S x S; true, and each of said: N x K x 2; seen: N x K."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 * len(images) + 0.6, 1.6 * len(said)), layout="constrained")
    grid = figure.subplots(len(said), len(images), squeeze=False)
    for row, (name, places) in zip(grid, said.items(), strict=True):
        row[0].text(-0.06, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=9, rotation=90)
        for axis, image, here, there, visible in zip(row, images.cpu(), true, places, seen, strict=True):
            axis.imshow(image.permute(1, 2, 0), alpha=0.75)
            for a, b in zip(here[visible].tolist(), there[visible].tolist(), strict=True):
                near = ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 <= radius
                axis.plot([a[0], b[0]], [a[1], b[1]], color=GREEN if near else RED, linewidth=1)
                axis.plot(*b, "o", color=GREEN if near else RED, markersize=3)
            axis.scatter(*here[visible].T, s=18, facecolors="none", edgecolors="white", linewidths=0.8)
            axis.set(xlim=(-0.5, image.shape[-1] - 0.5), ylim=(image.shape[-2] - 0.5, -0.5))
            axis.set_axis_off()
    return figure


def curves_by_threshold(
    lines: dict[str, Sequence[float]], thresholds: Sequence[float], xlabel: str, ylabel: str, logarithmic: bool = False
):  # fmt: skip
    """A line a network over thresholds, or steps; fractions are drawn in percent. `logarithmic`: the axis of thresholds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axis = figure.subplots()
    for (name, line), style in zip(lines.items(), ("-", "--", ":", "-."), strict=False):
        axis.plot(thresholds, [100 * value for value in line], style, marker="o", markersize=4, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None), xscale="log" if logarithmic else "linear")
    axis.legend()
    return figure
