"""What the library costs, drawn: a step beside a bare one, and pictures a second beside other ways."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from course_lib.plots.style import BLUE, GREY, ORANGE, RED


def overheads(overhead: Mapping[str, float], limits: Mapping[str, float]) -> Figure:
    """A bar a task from 1, the bare step, to `overhead`; a stroke marks its limit, and what lies beyond is red."""
    figure = Figure(figsize=(6.4, 0.9 + 0.34 * len(overhead)), layout="constrained")
    axis = figure.subplots()
    names, values = list(overhead), list(overhead.values())
    colours = [RED if overhead[name] > limits[name] else BLUE for name in names]
    places = range(len(names))
    axis.barh(places, [value - 1 for value in values], left=1, color=colours, height=0.6)
    axis.plot([limits[name] for name in names], places, "|", color="black", markersize=17, markeredgewidth=2, label="limit")
    for place, value in zip(places, values, strict=True):
        axis.annotate(f"{value:.3f}", (max(value, 1), place), (5, 0), textcoords="offset points", va="center", fontsize=8)
    axis.set_yticks(places, [name.replace("_", " ") for name in names])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlim(min([0.99, *values]), max([*values, *limits.values()]) + 0.03)
    axis.set_xlabel("our training step over the bare one")
    axis.legend(loc="lower right", fontsize=8)
    return figure


def rates(pictures_per_second: Mapping[str, float]) -> Figure:
    """A bar a way of training: pictures that the network sees in a second; `ours` stands out, `bare` is the most there is."""
    figure = Figure(figsize=(6.4, 0.9 + 0.34 * len(pictures_per_second)), layout="constrained")
    axis = figure.subplots()
    colours = [{"ours": BLUE, "bare": GREY}.get(way, ORANGE) for way in pictures_per_second]
    bars = axis.barh(list(pictures_per_second), list(pictures_per_second.values()), color=colours, height=0.6)
    axis.bar_label(bars, fmt="%.0f", padding=5, fontsize=8)
    axis.margins(x=0.12)
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("pictures that the network sees in a second")
    return figure
