"""How close forecasts came."""

from course_lib.plots.style import BLUE, GREY


def calibration(pairs: dict[str, tuple[float, float]]):
    """Forecast across, measured upwards, a dot an experiment; on the line they are equal.

    pairs: the result's name -> (forecast, measured), fractions in 0…1.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 100], [0, 100], ":", color=GREY)
    for name, (forecast, measured) in pairs.items():
        axis.plot([100 * forecast] * 2, [100 * forecast, 100 * measured], color=GREY, linewidth=1)
        axis.plot(100 * forecast, 100 * measured, "o", color=BLUE)
        left = forecast > 0.5
        axis.annotate(
            name, (100 * forecast, 100 * measured), (-7 if left else 7, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", fontsize=9,
        )  # fmt: skip
    axis.set(title="Your forecasts", xlabel="expected (%)", ylabel="measured (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    return figure
