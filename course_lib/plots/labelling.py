"""What labels cost, how much there is to label, and how unequal classes are."""

from collections.abc import Sequence

from course_lib.data.papers import published
from course_lib.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED


def cited(name: str) -> list[dict]:
    """The rows of `course_lib/papers/<name>.csv`, each with its `value` as a number."""
    return [row | {"value": float(row["value"])} for row in published(name)]


def large(number: float) -> str:
    """A number as one can say it, with three digits at least: 14.2 million, 0.35, 1 400."""
    for size, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1, "")):
        if number >= size:
            number /= size
            return (f"{number:,.0f}".replace(",", " ") if number >= 100 else f"{number:.3g}") + word
    return f"{number:.3g}"


def cost_bars(years: dict[str, float], money: dict[str, float], chosen: str, images: float):
    """One bar a kind of label of so many images: human-years on a logarithmic axis, the money beside it; `chosen` in orange."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.5 * len(years) + 1.2), layout="constrained")
    axis = figure.subplots()
    names = list(years)[::-1]
    colours = [ORANGE if name == chosen else BLUE for name in names]
    bars = axis.barh(names, [years[name] for name in names], color=colours, height=0.6)
    axis.bar_label(bars, [f"{large(years[name])} years, {large(money[name])} dollars" for name in names], padding=4)
    axis.set(xscale="log", xlabel="human-years of work", xlim=(min(years.values()) / 3, max(years.values()) * 300))
    axis.set_title(f"{chosen}: {large(years[chosen])} human-years for {large(images)} images")
    axis.grid(axis="y", visible=False)
    return figure


def years_by_seconds(
    lines: dict[str, tuple[Sequence[float], Sequence[float]]], target: float, crossings: dict[str, float], what: str
):  # fmt: skip
    """Human-years against seconds for one of `what`, a line for each length of a year; where each meets `target` is marked.

    lines: words -> (seconds, years); crossings: the same words -> the seconds at which the line meets the target.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axis = figure.subplots()
    axis.axhline(target, color=GREY, linestyle=":", linewidth=1.5)
    at = {"transform": axis.get_yaxis_transform(), "ha": "right", "va": "bottom"}
    axis.text(1, target, f"{target:g} human-years", color=GREY, fontsize=9, **at)
    for (words, (seconds, years)), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
        axis.plot(seconds, years, color=colour, label=words)
        axis.plot(crossings[words], target, "o", color=colour)
        beside = {"textcoords": "offset points", "ha": "right", "color": colour}
        axis.annotate(f"{crossings[words]:.3g} s", (crossings[words], target), (-6, 5), **beside)
    axis.set(xscale="log", yscale="log", xlabel="seconds for one image", ylabel="human-years")
    axis.set_title(f"What must one image have taken? ({what})")
    axis.legend()
    return figure


def scale_of_data(rows: list[dict]):
    """How much there is of each kind of data (rows of papers/scale_of_data.csv), on a logarithmic axis; rings: rough figures."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(row["method"] for row in rows))
    colours = dict(zip(kinds, (RED, ORANGE, GREEN, BLUE, PURPLE), strict=False))
    figure = Figure(figsize=(8.5, 0.36 * len(rows) + 1), layout="constrained")
    axis = figure.subplots()
    for place, row in enumerate(rows):
        rough = row["dataset"] == "the lecture"
        axis.hlines(place, 1e5, row["value"], color=colours[row["method"]], linewidth=1, alpha=0.4)
        axis.plot(row["value"], place, "o", color=colours[row["method"]], markersize=9, fillstyle="none" if rough else "full")
        words = f"{row['dataset']}: {large(row['value'])} {row['unit']}"
        axis.annotate(words, (row["value"], place), (9, 0), textcoords="offset points", va="center", fontsize=9)
    for kind in kinds:
        places = [place for place, row in enumerate(rows) if row["method"] == kind]
        axis.text(8e4, sum(places) / len(places), kind, ha="right", va="center", fontweight="bold", color=colours[kind])
    axis.set(xscale="log", xlim=(1e5, 1e16), ylim=(len(rows) - 0.5, -0.5), title="The less you ask of it, the more there is")
    axis.set_yticks([])
    axis.set_xticks([10.0**power for power in range(5, 14)])
    axis.set_xlabel("how many (images, where no other unit stands)", loc="left")
    axis.grid(axis="y", visible=False)
    axis.spines["left"].set_visible(False)
    return figure


def long_tail(counts: Sequence[int], needed: dict[float, float], exponent: float):
    """Left: labels of each class, most frequent first. Right: labels until every class has enough, by the exponent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.fill_between(range(1, len(counts) + 1), counts, color=ORANGE, alpha=0.4, step="mid")
    left.plot(range(1, len(counts) + 1), counts, color=ORANGE, drawstyle="steps-mid", linewidth=1.2)
    left.set(yscale="log", ylim=(0.7, None), xlabel="classes, most frequent first", ylabel="labels by then",
             title=f"Classes at exponent {exponent:g}")  # fmt: skip
    right.plot(list(needed), list(needed.values()), "o-", color=BLUE)
    right.plot(exponent, needed[exponent], "o", color=ORANGE, markersize=11)
    right.set(yscale="log", xlabel="exponent of Zipf's law", ylabel="labels to draw",
              title=f"Until every class has enough: {large(needed[exponent])}")  # fmt: skip
    return figure


def similar_words(found: dict[str, list[tuple[str, float]]]):
    """A panel an entry: title -> words and cosines, the nearest on top."""
    from matplotlib.figure import Figure

    rows = max(map(len, found.values()))
    figure = Figure(figsize=(4.2 * len(found), 0.3 * rows + 0.9), layout="constrained")
    for axis, (title, words) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        axis.barh([word for word, _ in words][::-1], [cosine for _, cosine in words][::-1], color=BLUE, height=0.65)
        axis.set(title=title, xlim=(0, 1), xlabel="cosine")
        axis.grid(axis="y", visible=False)
    return figure


def agreements(values: dict[str, dict[str, float]]):
    """Rank correlations as bars: method -> what it was trained on -> correlation, the first of each in orange."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(values), 2.8), layout="constrained")
    for axis, (method, bars) in zip(figure.subplots(1, len(values), squeeze=False, sharey=True)[0], values.items(), strict=True):
        drawn = axis.bar(list(bars), list(bars.values()), color=[ORANGE, *[GREY] * (len(bars) - 1)], width=0.55)
        axis.bar_label(drawn, fmt="%.2f", padding=2)
        axis.axhline(0, color="black", linewidth=1)
        axis.set(title=method, ylabel="rank correlation")
        axis.margins(y=0.2)
        axis.grid(axis="x", visible=False)
    return figure
