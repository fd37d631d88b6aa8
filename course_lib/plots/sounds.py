"""Pictures of sounds: spectrograms beside frames, and where a network thinks that a sound comes from."""

from collections.abc import Sequence

from torch import Tensor

from course_lib.plots.images import coloured


def spectrogram_panel(spectra: Tensor, titles: Sequence[str], seconds: float = 1.0):
    """Spectrograms (uint8 N x F x T) side by side, high pitches at the top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.3 * len(spectra), 2.3), layout="constrained")
    for axis, one, title in zip(figure.subplots(1, len(spectra), squeeze=False)[0], spectra.cpu(), titles, strict=True):
        axis.imshow(one, cmap="inferno", aspect="auto", extent=(0, seconds, 0, 1), vmin=0, vmax=255)
        axis.set(title=title, xlabel="seconds", yticks=[])
        axis.grid(visible=False)
    figure.axes[0].set_ylabel("pitch: low to high")
    return figure


def correspondence(frames: Tensor, spectra: Tensor, hidden: Sequence[Sequence[int]], words: dict[int, str]):
    """A table of frames (rows, uint8 N x 3 x S x S) and sounds (columns, uint8 M x F x T); in each cell what is hidden about
    the two, in words."""
    from matplotlib.figure import Figure

    rows, columns = len(frames) + 1, len(spectra) + 1
    figure = Figure(figsize=(1.1 * columns, 1.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for axis, one in zip(grid[0, 1:], spectra, strict=True):
        axis.imshow(one, cmap="inferno", aspect="auto", vmin=0, vmax=255)
    for axis, frame in zip(grid[1:, 0], frames, strict=True):
        axis.imshow(frame.permute(1, 2, 0))
    for axes, answers in zip(grid[1:, 1:], hidden, strict=True):
        for axis, answer in zip(axes, answers, strict=True):
            bold = "bold" if words[answer] == "yes" else "normal"
            axis.text(0.5, 0.5, words[answer], ha="center", va="center", transform=axis.transAxes, fontsize=12, fontweight=bold)
    return figure


def heat_rows(films: Tensor, heat: Tensor, names: Sequence[str]):
    """Frames of films (uint8 N x T x 3 x S x S), and below each row the same under its heat (N x T x h x w, 0…1)."""
    from matplotlib.figure import Figure

    count, length = films.shape[:2]
    margin, width, height = 0.35, 1.05 * length, 2.1 * count  # inches; the names stand in the margin
    figure = Figure(figsize=(margin + width, height))
    room = {"left": margin / (margin + width), "right": 1, "bottom": 0, "top": 1, "wspace": 0.03, "hspace": 0.03}
    grid = figure.subplots(2 * count, length, squeeze=False, gridspec_kw=room)
    side = films.shape[-1]
    for k, (film, hot, name) in enumerate(zip(films.cpu(), heat.cpu(), names, strict=True)):
        laid = coloured(hot, fade=True)
        for t in range(length):
            for axis in (above := grid[2 * k, t], below := grid[2 * k + 1, t]):
                axis.imshow(film[t].permute(1, 2, 0), extent=(0, side, side, 0))
                axis.set_axis_off()
            below.imshow(laid[t].permute(1, 2, 0), extent=(0, side, side, 0), interpolation="bilinear")
        above = grid[2 * k, 0]
        above.text(-0.08, 0.0, name, transform=above.transAxes, ha="right", va="center", fontsize=9, rotation=90)
    return figure
