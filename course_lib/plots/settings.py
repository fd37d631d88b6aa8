"""What was measured at each of several settings, with the one that is looked at marked."""

from torch import Tensor

from course_lib.plots.style import BLUE, GREY, ORANGE


def setting_bars(panels: dict[str, dict], chosen=None, picture: Tensor | None = None, chance: float | None = None):
    """One panel of bars an entry: title -> setting -> fraction (None: not measured), in percent; `chosen` in orange.

    picture: uint8 3 x H x W, shown on the left. chance: a fraction that guessing gets in every panel, as a dotted line; all
    panels then have one scale.
    """
    from matplotlib.figure import Figure

    widths = [max(2.6, 0.75 * len(values)) for values in panels.values()]
    widths = widths if picture is None else [2.6, *widths]
    figure = Figure(figsize=(sum(widths), 2.8), layout="constrained")
    axes = list(figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
    if picture is not None:
        axes[0].imshow(picture.permute(1, 2, 0))
        axes.pop(0).set_axis_off()
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        names = [str(setting) for setting in values]
        heights = [100 * (value or 0.0) for value in values.values()]
        bars = axis.bar(names, heights, color=[ORANGE if setting == chosen else BLUE for setting in values], width=0.65)
        axis.bar_label(bars, ["?" if value is None else f"{100 * value:.1f}" for value in values.values()], padding=2)
        axis.set_title(title, fontsize=10)
        axis.set_ylabel("%")
        axis.margins(y=0.15)
        if not any(heights):
            axis.set_ylim(0, 100)
        axis.axhline(0, color=GREY, linewidth=1)
        if chance is not None:
            axis.axhline(100 * chance, color="black", linewidth=1, linestyle=":")
            axis.set_ylim(0, 118 * max(chance, *(value or 0.0 for values in panels.values() for value in values.values())))
        axis.grid(axis="x", visible=False)
        if max(map(len, names)) > 6:
            axis.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    return figure


def in_words(panels: dict[str, dict]) -> str:
    """The same for those who cannot see it."""

    def said(value) -> str:
        return "not measured" if value is None else f"{100 * value:.1f} %"

    return " ".join(
        f"{title}: " + ", ".join(f"{setting} {said(value)}" for setting, value in values.items()) + "."
        for title, values in panels.items()
    )
