"""How the course looks: colours, numbers in prose, figures with captions and alternative texts."""

import base64
import html
import io

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#6b7280"
"""Okabe and Ito's palette (2008), which stays distinct under the common kinds of colour blindness, and a grey."""
WARNING = "background:#fdecea;color:#7a2e00;padding:0 0.3em"
"""Style of a warning's text: legible on light and dark pages, since it brings its ground along."""


def apply() -> None:
    """Set matplotlib's defaults for every figure of the course."""
    import matplotlib

    matplotlib.rcParams.update({
        "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white",
        "figure.dpi": 110, "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e5e7eb",
        "axes.axisbelow": True, "axes.prop_cycle": matplotlib.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, GREY]),
        "legend.frameon": False, "lines.linewidth": 2.0, "image.interpolation": "nearest",
    })  # fmt: skip


def number(value: float | None, unit: str = "") -> str:
    """A number as prose shows it: fractions as percentages, anything else with three digits and its unit."""
    if value is None:
        return "unknown"
    if unit == "fraction":
        return f"{100 * value:.1f} %"
    if unit == "points":
        return f"{value:.1f} points"
    return f"{value:.3g} {unit}".strip()


def png(figure) -> bytes:
    """A matplotlib figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def data_address(contents: bytes, kind: str = "image/png") -> str:
    """An address that carries the file itself."""
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"


def image_tag(contents: bytes, alt: str, width: str = "100%") -> str:
    """An HTML image that carries its PNG along, with the text that a screen reader speaks."""
    style = f"max-width:{width};height:auto"
    return f'<img src="{data_address(contents)}" alt="{html.escape(alt, quote=True)}" style="{style}">'


def show_figure(figure, caption: str, alt: str, badges: list[str] | None = None) -> None:
    """Display a figure above its caption; `badges` warn that it rests on a reference solution."""
    from IPython.display import HTML, display

    notes = f'<div class="course-badge" style="{WARNING}">⚠ {html.escape(" · ".join(badges))}</div>' if badges else ""
    display(HTML(
        f'<figure style="margin:0.5em 0">{image_tag(png(figure), alt)}'
        f'<figcaption style="max-width:46em;margin-top:0.4em"><em>{html.escape(caption)}</em>{notes}</figcaption></figure>'
    ))  # fmt: skip


def show_markdown(text: str) -> None:
    """Display Markdown as a cell's output."""
    from IPython.display import Markdown, display

    display(Markdown(text))
