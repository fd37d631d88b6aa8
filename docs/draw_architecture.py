"""Draw docs/architecture.svg, the rooms of `course_lib` and who imports whom, from the imports themselves.

    python docs/draw_architecture.py            writes the picture
    python docs/draw_architecture.py --check    exit code 1 if the committed picture is not today's
"""

import sys
import tomllib
from pathlib import Path

import grimp
import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "architecture.svg"


def floors() -> list[list[str]]:
    """The rooms, top floor first, as the contract in pyproject.toml orders them."""
    contract = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return [layer.replace("|", ":").replace("course_lib.", "").split(" : ") for layer in contract["layers"]]


def arrows() -> list[tuple[str, str]]:
    """(importing room, imported room) for every import between rooms."""
    graph = grimp.build_graph("course_lib")
    pairs = {
        (importer.split(".")[1], imported.split(".")[1])
        for importer in graph.modules if importer.count(".")
        for imported in graph.find_modules_directly_imported_by(importer) if imported.count(".")
    }  # fmt: skip
    return sorted((a, b) for a, b in pairs if a != b)


def in_words() -> str:
    """The arrows as text: what the picture carries for those who cannot see it, and what --check compares."""
    return "; ".join(f"{a} imports {b}" for a, b in arrows())


def draw() -> Figure:
    """One box a room, one floor a layer, one arrow an import; errors and paths, which all use, without arrows."""
    figure = Figure(figsize=(10, 8))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 10), ylim=(-0.6, len(floors()) - 0.3))
    axes.axis("off")
    place = {}
    for level, rooms in enumerate(reversed(floors())):
        for k, room in enumerate(rooms):
            place[room] = (10 * (k + 1) / (len(rooms) + 1), level)
    for a, b in arrows():
        if b in place and a in place and b not in ("errors", "paths"):
            start, end = place[a], place[b]
            axes.annotate("", (end[0], end[1] + 0.22), (start[0], start[1] - 0.22), arrowprops={
                "arrowstyle": "->", "color": "#0072b2", "alpha": 0.5, "connectionstyle": "arc3,rad=0.08"})  # fmt: skip
    for room, (x, y) in place.items():
        width = 0.14 * len(room) + 0.5
        axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.2), width, 0.4, boxstyle="round,pad=0.02",
                                      facecolor="#f5f7fa", edgecolor="#0072b2"))  # fmt: skip
        axes.text(x, y, room, ha="center", va="center", fontsize=11)
    return figure


if __name__ == "__main__":
    if "--check" in sys.argv:
        todays = PICTURE.exists() and in_words() in PICTURE.read_text(encoding="utf-8")
        sys.exit(0 if todays else "docs/architecture.svg is not today's; draw it again.")
    matplotlib.rcParams.update({"svg.hashsalt": "course", "svg.fonttype": "none"})
    draw().savefig(PICTURE, metadata={"Date": None, "Description": in_words()})
