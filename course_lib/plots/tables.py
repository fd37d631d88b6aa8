"""Many methods against many measures: a table with colours, one measure against another, gains by stage."""

from course_lib.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE

MARKS = "o^svDPX*<>hp"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "black", GREY)


def matrix(rows: dict[str, dict[str, float | None]], baseline: str, unit: str = "%", scale: float = 100.0):
    """A table: row -> column -> value (None: not measured), each cell coloured by its lead over the row `baseline`.

    Colours are brought to the same range in every column: blue is ahead of the baseline, orange behind. The best of each
    column is in bold.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    columns = list(next(iter(rows.values())))
    shades = LinearSegmentedColormap.from_list("lead", [ORANGE, "white", BLUE])
    figure = Figure(figsize=(1.6 + 1.05 * len(columns), 0.9 + 0.34 * len(rows)), layout="constrained")
    axis = figure.subplots()
    leads = {c: {r: (v[c] - rows[baseline][c]) if v[c] is not None else 0.0 for r, v in rows.items()} for c in columns}
    widest = {c: max(1e-9, *map(abs, leads[c].values())) for c in columns}
    axis.imshow([[leads[c][r] / widest[c] for c in columns] for r in rows], cmap=shades, vmin=-1.6, vmax=1.6, aspect="auto")
    for across, column in enumerate(columns):
        known = [values[column] for values in rows.values() if values[column] is not None]
        for down, values in enumerate(rows.values()):
            value = values[column]
            text = "–" if value is None else f"{scale * value:.1f}"
            best = value is not None and value == max(known)
            axis.text(across, down, text, ha="center", va="center", fontsize=9, fontweight="bold" if best else "normal")
    axis.set_xticks(range(len(columns)), [column.replace("_", "\n") for column in columns], fontsize=9)
    axis.set_yticks(range(len(rows)), [name.replace("_", " ") for name in rows], fontsize=9)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.set_xlabel(f"in {unit}" if unit else "", fontsize=9)
    axis.grid(visible=False)
    for side in axis.spines.values():
        side.set_visible(False)
    return figure


def scatter(points: dict[str, tuple[float, float]], across: str, up: str, scale: tuple[float, float] = (100.0, 100.0)):
    """One mark a method, with its name: (across, up)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.8), layout="constrained")
    axis = figure.subplots()
    for k, (name, (x, y)) in enumerate(points.items()):
        axis.scatter(scale[0] * x, scale[1] * y, s=70, marker=MARKS[k % len(MARKS)], color=COLOURS[k % len(COLOURS)], zorder=3,
                     label=name.replace("_", " "))  # fmt: skip
    axis.set(xlabel=across, ylabel=up)
    axis.margins(0.12)
    if points:
        figure.legend(loc="outside right upper", fontsize=9)
    return figure


def gains_by_stage(lines: dict[str, dict[str, float]], ylabel: str = "gain over random weights (points)"):
    """One line a method: stage -> gain (a fraction), in points; every line has a mark of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.8), layout="constrained")
    axis = figure.subplots()
    for k, (name, line) in enumerate(lines.items()):
        axis.plot(list(line), [100 * value for value in line.values()], marker=MARKS[k % len(MARKS)],
                  linestyle=("-", "--", "-.", ":")[k // len(COLOURS) % 4], color=COLOURS[k % len(COLOURS)],
                  label=name.replace("_", " "))  # fmt: skip
    axis.axhline(0, color="black", linewidth=1)
    axis.set(xlabel="stage", ylabel=ylabel)
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def dots_and_range(groups: dict[str, list[float]], xlabel: str, chosen: int | None = None):
    """One row a group: a dot a run, and a line from the least to the most; fractions, shown in percent.

    Dots are spread a little up and down, so that equal ones are seen. chosen: which of each group is marked in orange.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.6 * len(groups) + 1.0), layout="constrained")
    axis = figure.subplots()
    names = list(groups)[::-1]
    for row, name in enumerate(names):
        values = [100 * value for value in groups[name]]
        axis.plot([min(values), max(values)], [row, row], color=GREY, linewidth=6, alpha=0.35, solid_capstyle="round")
        places = [row + 0.36 * (0.618 * k % 1 - 0.5) for k in range(len(values))]
        axis.plot(values, places, "o", color=BLUE, alpha=0.7, markersize=5)
        if chosen is not None:
            axis.plot(values[chosen], places[chosen], "o", color=ORANGE, markeredgecolor="black", markersize=10)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel=xlabel, ylim=(-0.6, len(names) - 0.4))
    axis.grid(axis="y", visible=False)
    return figure
