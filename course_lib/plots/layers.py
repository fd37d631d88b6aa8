"""What each stage of a network is worth."""

from course_lib.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE


def probe_curve(
    pretrained: dict[str, float], random: dict[str, float], chance: float, supervised: dict[str, float] | None = None,
    rivals: dict[str, dict[str, float]] | None = None, measure: str = "test accuracy",
):  # fmt: skip
    """Two panels: a probe's accuracy (0…1) after each stage, pretrained beside random weights; and the difference.

    The dictionaries hold the same stages, first to last. `supervised`: a network trained with the labels, for comparison;
    `rivals`: others, by name; `measure`: what is read, if not an accuracy.
    """
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    stages = list(pretrained)
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(stages, [100 * pretrained[stage] for stage in stages], "o-", color=BLUE, label="pretrained")
    left.plot(stages, [100 * random[stage] for stage in stages], "s--", color=GREY, label="random weights")
    if supervised:
        left.plot(stages, [100 * supervised[stage] for stage in stages], "^-.", color=GREEN, label="with labels")
    for name, heights in (rivals or {}).items():
        left.plot(stages, [100 * heights[stage] for stage in stages], "v:", color=PURPLE, label=name)
    left.axhline(100 * chance, color=GREY, linewidth=1, linestyle=":", label="guessing")
    left.set(title="What a linear probe reads", ylabel=f"{measure} (%)", ylim=(0, None))
    left.legend()
    gain = [100 * (pretrained[stage] - random[stage]) for stage in stages]
    bars = right.bar(stages, gain, color=ORANGE, label="pretrained")
    halo = [withStroke(linewidth=3, foreground="white")]  # the line of the labels may run through a number
    right.bar_label(bars, fmt="%+.1f", padding=2, zorder=5, path_effects=halo)
    if supervised:
        right.plot(stages, [100 * (supervised[s] - random[s]) for s in stages], "^-.", color=GREEN, label="with labels")
        right.legend()
    right.axhline(0, color="black", linewidth=1)
    right.margins(y=0.15)
    right.set(title="What training added", ylabel="gain over random (points)")
    right.grid(axis="x", visible=False)
    return figure


def bars_beside_chance(values: dict[str, float], chance: float, title: str):
    """One horizontal bar an entry (values and chance in 0…1), with a line where guessing lies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 0.55 * len(values) + 1.1), layout="constrained")
    axis = figure.subplots()
    names = list(values)[::-1]
    bars = axis.barh(names, [100 * values[name] for name in names], color=BLUE, height=0.6)
    axis.bar_label(bars, fmt="%.1f %%", padding=3)
    axis.axvline(100 * chance, color="black", linestyle=":", linewidth=1.5)
    axis.text(100 * chance, len(names) - 0.45, "guessing", color=GREY, ha="center", va="bottom", fontsize=9)
    axis.set(title=title + "\n", xlabel="accuracy (%)", xlim=(0, max(100 * max(values.values()) * 1.15, 50)))
    axis.grid(axis="y", visible=False)
    return figure
