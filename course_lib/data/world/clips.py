"""Clips of a figure that does something before a background, with where every pixel goes."""

from collections.abc import Iterable

import torch

from course_lib.data.world import figure as figures
from course_lib.data.world.backgrounds import SURFACES, View, land, tone_of
from course_lib.data.world.colour import free_rgb, palette
from course_lib.data.world.distance import box
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.figure import ACTIONS, BONES
from course_lib.data.world.noise import screen_noise
from course_lib.data.world.threads import gather, none_of, pieces
from course_lib.data.world.window import Window
from course_lib.errors import CourseError

SCENES = ["land", *(painter.__name__ for painter in SURFACES)]
COLOURS = ["grey", "white", "red", "orange", "yellow", "green", "cyan", "blue", "purple"]
_HUES = (0.3, 0.8, 1.2, 2.6, 3.2, 4.2)  # where each colour from orange on begins, in sixths of a turn
FASTEST_PAN = 0.02  # of the picture's side, a frame
_DRIFTERS = 4
_CHUNK_PIXELS = 32 * 16 * 48 * 48  # rendered at once, a thread


def render_clips(
    seed: int,
    index: torch.Tensor | Iterable[int],
    size: int = 48,
    frames: int = 16,
    *,
    moving_background: bool = False,
    device: str | torch.device = "cpu",
) -> dict:
    """Render clips of a figure with their truth. Clip i is a function of (seed, i, size, frames, moving_background)
    alone: bit for bit the same in any batch, order, process and number of threads.

    The figure's centroid stays where it is, whatever the figure does, and every action is played backwards as often as
    forwards: only the poses tell the order of the frames (and, where the camera pans, the background). In 16 frames at
    most half a period of the action is seen.

    Args:
        seed: any integer.
        index: N sample numbers.
        size: pixels a side, S >= 16.
        frames: T >= 2.
        moving_background: whether things drift about behind the figure; all else stays as it is without.
        device: where to render.

    Returns:
        A dict of tensors on `device`:

        clips      uint8 N x T x 3 x S x S, sRGB
        labels     int64 N, the action's position in `ACTIONS`; drawn independently of everything else, all equally likely
        keypoints  float32 N x T x 13 x 3: column and row in pixels, and 2 visible, 1 hidden or outside the picture;
                   `KEYPOINTS` names them. Left and right as before the figure is mirrored: left limbs are the darker ones
        masks      bool N x T x S x S, the figure
        flow       float16 N x T-1 x 2 x S x S: how far what is seen at a pixel goes until the next frame, columns to
                   the right and rows down, in pixels. The figure's pixels move with the limb painted last there.
        scene      int64 N, the background's position in `SCENES`, all equally likely
        colour     int64 N, the background's commonest colour in the middle frame, position in `COLOURS`
        motion     float32 N x T-1, mean length of the flow over the figure, in pixels a frame
        factors    dict name -> N numbers: every draw and what follows from it; floats that a clip does not have are
                   NaN, whole numbers -1. Lengths are shares of the picture's side, y up from its centre; angles are
                   turns; times are frames.

    Raises:
        CourseError: a size below 16, fewer than 2 frames.
    """
    if size < 16:
        raise CourseError(f"A clip needs at least 16 pixels a side, and the size is {size}: give a larger one.")
    if frames < 2:
        raise CourseError(f"A clip needs at least 2 frames, and {frames} are asked for: ask for more.")
    index = torch.as_tensor(index if isinstance(index, torch.Tensor) else list(index), dtype=torch.int64, device=device)
    if not len(index):
        return none_of(render_clips(seed, [0], size, frames, device=device))
    scenes, names = Draws(seed, index).integer("scene.kind", len(SCENES)).flatten(), {}

    def work(chunk):
        draw = Draws(seed, index[chunk], names)
        return chunk, _render(draw, size, frames, moving_background), draw.factors

    # Backgrounds of one kind together: each chunk then asks for few of their painters.
    jobs = pieces(scenes.argsort(stable=True), _CHUNK_PIXELS // (size**2 * frames) + 1)
    return gather(work, jobs, len(index), index.device)


def _render(draw: Draws, size: int, frames: int, moving_background: bool) -> dict[str, torch.Tensor]:
    """n clips, as in `render_clips`."""
    n, device = len(draw), draw.device
    label = draw.integer("action", len(ACTIONS)).flatten()
    kind = draw.integer("scene.kind", len(SCENES))

    # The camera: what stands still moves by `pan` from frame to frame. Half of the cameras stand still themselves.
    cos, sin = cos_sin(draw.uniform("camera.direction"))
    speed = draw.uniform("camera.speed", 0.3 * FASTEST_PAN, FASTEST_PAN) * draw.chance("camera.pans", 0.5)
    pan = [draw.keep(f"camera.pan_{axis}", speed * part)[:, 0] for axis, part in (("x", cos), ("y", sin))]  # n x 1 each
    time = torch.arange(frames, device=device, dtype=torch.float32)
    behind = _panned(_background(draw, kind, size, frames), pan, time - (frames - 1) * 0.5, size)
    film = torch.zeros(n * frames, figures.CHANNELS, size, size, device=device)
    film[:, :3] = behind.flatten(0, 1)
    motions = [torch.stack([torch.zeros_like(pan[0])] * 2 + pan, dim=-1)[:, None].expand(-1, frames - 1, -1, -1)]

    drifting = _drifting(draw, film, pan, time) if moving_background else []
    colours = palette(draw, tone_of(draw, kind - 1), False)
    figure = _centred(draw, figures.pose(draw, label, frames), colours, size)
    motions += [figures.rigid_motion(figure), *drifting]
    figures.paint(film, figure, draw, colours)
    film = film.view(n, frames, *film.shape[1:])
    numbers = film[:, :, figures.NUMBER].to(torch.int64)
    masks = (numbers > 0) & (numbers <= len(BONES))

    flow = _flow(numbers[:, :-1], torch.cat(motions, dim=2))
    place = torch.stack([figure.keypoints[..., 0] + 0.5, 0.5 - figure.keypoints[..., 1]], dim=-1) * size
    seen = 1.0 + figures.visible(figure, numbers)
    return {
        "clips": _photographed(draw, film[:, :, :3]),
        "labels": label,
        "keypoints": torch.cat([place, seen[..., None]], dim=-1),
        "masks": masks,
        "flow": flow,
        "scene": kind.flatten(),
        "colour": _commonest_colour(behind[:, frames // 2]),
        "motion": _motion(flow, masks[:, :-1]),
    }


def _background(draw, kind, size, frames):
    """The backgrounds, out of focus: n x 3 x B x B, so much larger than the picture that the camera can pan."""
    whole = size + 2 * int(FASTEST_PAN * size * (frames - 1) * 0.5 + 2)
    one = torch.ones(len(draw), 1, 1, device=draw.device)
    octaves = [(nodes, draw.uniform(f"grain.octave{nodes}", 0.05, 0.3)) for nodes in (5, 9, 17, 33)]
    tilt = [side * draw.uniform("surface.slant", 0.0, 0.35) for side in cos_sin(draw.uniform("surface.slant_angle"))]
    horizon = draw.uniform("scene.horizon", -0.15, 0.15)
    grain = screen_noise(draw, "grain", octaves, whole)
    view = View(Window(whole, (one, torch.zeros_like(one))), horizon, grain, tilt)
    image = torch.zeros(len(draw), 3, whole, whole, device=draw.device)
    parts = []
    for place, painter in enumerate([land, *SURFACES]):
        which = (kind.flatten() == place).nonzero().flatten()
        if not len(which):
            continue
        part = draw.subset(which)
        painted = painter(part, view.subset(which))
        image[which] = painted[0] if painter is land else painted
        parts.append((which, part))
    draw.absorb(*parts)
    image = image.clamp(0, 1)
    for axis in (2, 3):  # softly: a picture between two pixels is then about as sharp as one upon them
        first, middle, last = (image.narrow(axis, start, whole - 2) for start in (0, 1, 2))
        image = image.clone()
        image.narrow(axis, 1, whole - 2).copy_(first * 0.25 + middle * 0.5 + last * 0.25)
    return image


def _panned(image, pan, time, size):
    """What the camera sees of a larger picture: n x T x 3 x S x S. pan: as in `_render`; time: T, 0 at the middle."""
    n, channels, whole, _ = image.shape
    left, top = ((whole - size) * 0.5 - step * size * time for step in (pan[0], -pan[1]))  # n x T, in its pixels
    column, row = torch.floor(left), torch.floor(top)
    across, down = (left - column)[:, :, None, None, None], (top - row)[:, :, None, None, None]
    steps = torch.arange(size + 1, device=image.device)
    columns, rows = (start.to(torch.int64)[:, :, None] + steps for start in (column, row))
    pixels = (rows[..., None] * whole + columns[:, :, None]).flatten(1)[:, None].expand(-1, channels, -1)
    seen = image.flatten(2).gather(2, pixels).view(n, channels, len(time), size + 1, size + 1).transpose(1, 2)
    seen = seen[..., :-1] + across * (seen[..., 1:] - seen[..., :-1])
    return seen[..., :-1, :] + down * (seen[..., 1:, :] - seen[..., :-1, :])


def _drifting(draw, film, pan, time):
    """Paint things that drift about behind the figure, each on a course of its own; their motions, n x T-1 x 1 x 4."""
    n, frames = len(draw), len(time)
    painter, motions = figures.Painter(film), []
    for k in range(_DRIFTERS):
        name = f"drifter{k}"
        cos, sin = cos_sin(draw.uniform(f"{name}.direction"))
        speed = draw.uniform(f"{name}.speed", 0.006, 0.028)
        step = (speed * cos)[:, 0] + pan[0], (speed * sin)[:, 0] + pan[1]
        x, y = (
            (draw.uniform(f"{name}.{axis}", -0.5, 0.5)[:, 0] + move * (time - (frames - 1) * 0.5)).reshape(-1, 1, 1)
            for axis, move in zip("xy", step, strict=True)
        )
        radius, corner = draw.uniform(f"{name}.size", 0.05, 0.11), torch.where(draw.chance(f"{name}.round", 0.5), 1.0, 0.2)
        colour = free_rgb(draw.uniform(f"{name}.lightness", 0.4, 0.85), 32.0, draw.uniform(f"{name}.hue"))
        radius, corner, colour = (value.repeat_interleave(frames, 0) for value in (radius, corner, colour))

        def shape(px, py, x=x, y=y, radius=radius, corner=corner):
            return box(px - x, py - y, radius, radius, corner * radius)

        painter.lay(shape, (x, y), radius * 1.4, colour, 1 + len(BONES) + k, radius)
        motion = torch.stack([torch.zeros_like(step[0])] * 2 + list(step), dim=-1)
        motions.append(motion[:, None].expand(n, frames - 1, 1, 4))
    return motions


def _centred(draw, figure, colours, size):
    """The figures with their centroids where they are drawn to be, the same in every frame of a clip.

    The centroid is measured, by painting the figure once and counting in whole numbers: a sum of them does not depend
    on its order.
    """
    n, frames = figure.keypoints.shape[:2]
    outline = torch.zeros(n * frames, 1, size, size, device=draw.device)
    figures.paint(outline, figure, draw, colours)
    weight = (outline[:, 0] * 255 + 0.5).to(torch.int64)
    place = torch.arange(size, device=draw.device)
    area = weight.sum((1, 2))
    x = ((weight * place).sum((1, 2)) / area + 0.5) * (1 / size) - 0.5
    y = 0.5 - ((weight * place[:, None]).sum((1, 2)) / area + 0.5) * (1 / size)
    to_x, to_y = draw.uniform("figure.x", -0.06, 0.06)[:, 0], draw.uniform("figure.y", -0.04, 0.04)[:, 0]
    return figure.moved(to_x - x.view(n, frames), to_y - y.view(n, frames))


def _flow(numbers, motions):
    """float16 n x T-1 x 2 x S x S. numbers: n x T-1 x S x S, what each pixel shows; motions: of what there is, in the
    order of its numbers, n x T-1 x K x 4, as in `rigid_motion`."""
    size = numbers.shape[-1]
    of_pixels = motions.gather(2, numbers.flatten(2)[..., None].expand(-1, -1, -1, 4)).view(*numbers.shape, 4)
    a, b, c, d = of_pixels.unbind(-1)
    place = (torch.arange(size, device=numbers.device) + 0.5) * (1 / size)
    x, y = place - 0.5, (0.5 - place)[:, None]
    return (torch.stack([a * x - b * y + c, -(b * x + a * y + d)], dim=2) * size).to(torch.float16)


def _motion(flow, masks):
    """Mean length of the flow over the figure, n x T-1; counted in whole numbers, see `_centred`."""
    right, down = flow.to(torch.float32).unbind(2)
    length = torch.sqrt(right * right + down * down) * masks
    total = (length * 4096 + 0.5).to(torch.int64).sum((2, 3))
    return total / masks.sum((2, 3)).clamp(min=1) * (1 / 4096)


def _photographed(draw, film):
    """uint8 n x T x 3 x S x S: with the camera's colour cast, exposure and noise."""
    warmth, exposure = draw.uniform("camera.warmth", -0.05, 0.05), draw.uniform("camera.exposure", 0.9, 1.06)
    cast = torch.stack([(1 + warmth * side) * exposure * 255 for side in (1, 0, -1)], dim=1)
    level = draw.uniform("camera.noise_level", 1.0, 5.0)[:, None]
    clips = torch.empty(film.shape, dtype=torch.uint8, device=film.device)
    for t in range(film.shape[1]):
        noise = draw.pixel_noise(f"camera.noise{t}", film.shape[-1]) * level
        clips[:, t] = (film[:, t] * cast + noise + 0.5).clamp_(0, 255).to(torch.uint8)
    return clips


def _commonest_colour(image):
    """Position in COLOURS, int64 n, from n x 3 x S x S."""
    red, green, blue = image.unbind(1)
    high, vivid = image.amax(1), image.amax(1) - image.amin(1)
    whole = vivid.clamp(min=1e-6)
    hue = torch.where(high == green, 2 + (blue - red) / whole, 4 + (red - green) / whole)
    hue = torch.where(high == red, (green - blue) / whole, hue)  # in sixths of a turn
    hue = torch.where(hue < -0.4, hue + 6, hue)
    name = COLOURS.index("red") + sum((hue >= edge).to(torch.int64) for edge in _HUES)
    name = torch.where(vivid < 0.03 + 0.1 * high, (high >= 0.8).to(torch.int64), name).flatten(1)
    counts = torch.stack([(name == place).sum(1) for place in range(len(COLOURS))], dim=1)
    return (counts * len(COLOURS) - torch.arange(len(COLOURS), device=image.device)).argmax(1)  # of equals, the first
