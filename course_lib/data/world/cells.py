"""Cells under a microscope, from their number: six classes told apart by shape, in a picture without any up.

Nothing has a preferred direction: the slide lies at any angle, each cell and speck is turned by an angle of its own,
and the light comes through from below, so that no side is brighter. Turned by a quarter, a picture is exactly as
likely as before. A stain absorbs light in proportion to the density of what it has coloured; in a fluorescent picture
the same numbers are emitted.
"""

from collections.abc import Iterable

import torch

from course_lib.data.world.colour import among, rgb
from course_lib.data.world.distance import blend, disc, ellipse, length, limb, union
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.film import boxes
from course_lib.data.world.noise import screen_noise
from course_lib.data.world.threads import gather, none_of, pieces
from course_lib.data.world.window import Window
from course_lib.errors import CourseError

MAIN = 1  # the main cell's number among the instances; the bystanders follow
_CHUNK_PIXELS = 96 * 64 * 64  # rendered at once, a thread
_BYSTANDERS = 6
_BLOBS = 3

# Hue in degrees, lightness and chroma (OKLCH): of the body's stain, of the nucleus's; then 1 where the stains glow.
STAINS = {
    "blood smear": (15, 0.74, 0.09, 300, 0.42, 0.13, 0),
    "blue and pink": (350, 0.76, 0.11, 285, 0.40, 0.12, 0),
    "violet": (308, 0.72, 0.10, 300, 0.40, 0.14, 0),
    "blue": (245, 0.74, 0.08, 262, 0.42, 0.13, 0),
    "green counterstain": (165, 0.74, 0.08, 25, 0.46, 0.13, 0),
    "orange": (65, 0.80, 0.11, 265, 0.42, 0.09, 0),
    "silver": (75, 0.72, 0.04, 60, 0.34, 0.05, 0),
    "unstained": (230, 0.74, 0.01, 240, 0.44, 0.02, 0),
    "blue nuclei": (145, 0.62, 0.15, 262, 0.62, 0.16, 1),
    "red fibres": (28, 0.60, 0.17, 235, 0.72, 0.10, 1),
    "green nuclei": (300, 0.55, 0.15, 145, 0.78, 0.15, 1),
}
# Bystanders: how oblong, how rough the outline, how pale the centre, the nucleus's radius, the share of its stain.
_KINDS = {
    "small cell": (0.95, 0.15, 0.10, 0.55, 0.0),
    "ghost": (0.95, 0.15, 0.75, -1.0, 0.0),
    "rod": (0.36, 0.10, 0.00, -1.0, 0.8),
    "granule": (0.80, 0.80, 0.20, -1.0, 0.45),
}
_SMALLER = {"small cell": 1.0, "ghost": 1.0, "rod": 0.8, "granule": 0.62}


def _red_cell(draw, x, y):
    squash = draw.uniform("cell.squash", 0.84, 1.0)
    body = ellipse(x, y, 1.0, squash)
    hollow = (1 - (x * x + y * y / (squash * squash)) * 2.4).clamp(min=0)  # thin in the middle on both sides
    return body, None, 1 - draw.uniform("cell.pallor", 0.6, 0.95) * hollow


def _lobed(draw, x, y):
    (last,) = among(draw.integer("cell.lobes", 3), [[2.0], [3.0], [4.0]])
    step, ring = draw.uniform("cell.lobe_step", 0.155, 0.2), draw.uniform("cell.lobe_ring", 0.42, 0.52)
    nucleus, before = None, None
    for k in range(5):
        cos, sin = cos_sin(step * last.clamp(max=k) + draw.uniform(f"cell.lobe_turn{k}", -0.02, 0.02) * (last >= k))
        place = (cos * ring, sin * ring)
        lobe = disc(x - place[0], y - place[1], draw.uniform(f"cell.lobe{k}", 0.23, 0.31))
        if before is None:
            nucleus = lobe
        else:  # the lobes hang together by threads
            lobe = torch.where(last >= k, union(lobe, limb(x, y, before, place, 0.07)), 10.0)
            nucleus = torch.minimum(nucleus, lobe)
        before = place
    return ellipse(x, y, 1.0, draw.uniform("cell.squash", 0.88, 1.0)), nucleus, None


def _crescent(draw, x, y):
    inner, shift = draw.uniform("cell.inner", 0.8, 0.96), draw.uniform("cell.shift", 0.42, 0.58)
    x, y = x - 0.45, y.abs()
    # A disc less a disc, but for what lies nearest to the tip where the two outlines cross.
    tip_x = (1 - inner * inner + shift * shift) / (2 * shift)
    tip_y = torch.sqrt((1 - tip_x * tip_x).clamp(min=0))
    beyond = x * tip_y - y * tip_x > shift * (tip_y - y).clamp(min=0)
    moon = torch.maximum(disc(x, y, 1.0), -disc(x - shift, y, inner))
    return torch.where(beyond, length(x - tip_x, y - tip_y), moon) - 0.06, None, None


def _spindle(draw, x, y):
    half, wide = draw.uniform("cell.length", 1.15, 1.4), draw.uniform("cell.width", 0.4, 0.54)
    y = y + (x * x - 0.4) * draw.uniform("cell.bend", -0.1, 0.1)
    radius = (half * half + wide * wide) * 0.5 / wide
    lens = torch.maximum(disc(x, y + (radius - wide), radius), disc(x, y - (radius - wide), radius))
    tail = half + draw.uniform("cell.tail", 0.05, 0.2)
    body = blend(lens, limb(x, y, (-tail, 0.0), (tail, 0.0), 0.05), 0.1)
    return body, ellipse(x, y, draw.uniform("cell.nucleus", 0.36, 0.5), wide * 0.52), None


def _dividing(draw, x, y):
    apart, girth = draw.uniform("cell.apart", 0.62, 0.76), draw.uniform("cell.girth", 0.58, 0.66)
    uneven = draw.uniform("cell.uneven", -0.06, 0.06)
    body = union(disc(x - apart, y, girth + uneven), disc(x + apart, y, girth - uneven))
    body = blend(body, limb(x, y, (-apart, 0.0), (apart, 0.0), draw.uniform("cell.bridge", 0.12, 0.24)), 0.2)
    thick, tall = draw.uniform("cell.plate", 0.12, 0.24), draw.uniform("cell.plate_height", 0.27, 0.36)
    return body, ellipse(x.abs() - apart * 1.05, y, thick, tall), None


def _spiked(draw, x, y):
    count = among(draw.integer("cell.spikes", 4), [[9.0], [11.0], [13.0], [15.0]])[0]
    fine = draw.uniform("cell.fine", 0.06, 0.13)
    body = disc(x, y, draw.uniform("cell.core", 0.68, 0.78))
    for k in range(15):
        jitter = draw.uniform(f"cell.spike_turn{k}", -0.2, 0.2) * (count > k)
        cos, sin = cos_sin((count - 1).clamp(max=k) / count + jitter / count)
        reach = draw.uniform(f"cell.spike{k}", 1.05, 1.4)
        spike = limb(x, y, (cos * 0.6, sin * 0.6), (cos * reach, sin * reach), fine * 1.6, 0.03)
        body = torch.minimum(body, torch.where(count > k, spike, 10.0))
    place = cos_sin(draw.uniform("cell.nucleus_turn"))
    aside = draw.uniform("cell.nucleus_aside", 0.0, 0.22)
    nucleus = disc(x - place[0] * aside, y - place[1] * aside, draw.uniform("cell.nucleus", 0.28, 0.42))
    return body, nucleus, None


# A class's painter, and the radius of its unit: with it every class covers the same area, pi, on average.
_CELLS = {
    "disc": (_red_cell, 1.04),
    "lobed": (_lobed, 1.03),
    "crescent": (_crescent, 1.36),
    "spindle": (_spindle, 1.36),
    "dividing": (_dividing, 1.11),
    "spiked": (_spiked, 1.09),
}
CELL_CLASSES = list(_CELLS)


def render_cells(
    seed: int, index: torch.Tensor | Iterable[int], size: int = 64, *, device: str | torch.device = "cpu"
) -> dict:
    """Render pictures of cells with their truth. Picture i is a function of (seed, i, size) alone: bit for bit the
    same in any batch, order, process and number of threads. At another size it is the same picture, sampled more
    finely.

    Args:
        seed: any integer.
        index: N sample numbers.
        size: pixels a side, S >= 16.
        device: where to render.

    Returns:
        A dict of tensors on `device`:

        images     uint8 N x 3 x S x S, sRGB
        labels     int64 N, position in `CELL_CLASSES`; drawn independently of everything else, all equally likely
        masks      bool N x S x S, the pixels of the main cell (at least half of the pixel)
        boxes      float32 N x 4: left, top, right, bottom edge of the mask, in pixels
        instances  uint8 N x S x S: 0 background (blobs out of focus included), 1 the main cell, 2-7 the bystanders
        factors    dict name -> N numbers: every draw and what follows from it; floats that a picture does not have are
                   NaN, whole numbers -1. Lengths are shares of the picture's side, in the slide's frame; angles are
                   turns.

    Raises:
        CourseError: a size below 16.
    """
    if size < 16:
        raise CourseError(f"A picture of cells needs at least 16 pixels a side, and the size is {size}.")
    index = torch.as_tensor(index if isinstance(index, torch.Tensor) else list(index), dtype=torch.int64, device=device)
    if not len(index):
        return none_of(render_cells(seed, [0], size, device=device))
    labels, names = Draws(seed, index).integer("class", len(CELL_CLASSES)).flatten(), {}

    def work(job):
        label, chunk = job
        draw = Draws(seed, index[chunk], names)
        draw.integer("class", len(CELL_CLASSES))
        return chunk, _render(draw, label, size), draw.factors

    jobs = [
        (label, chunk)
        for label in range(len(CELL_CLASSES))
        for chunk in pieces((labels == label).nonzero().flatten(), _CHUNK_PIXELS // size**2 + 1)
    ]
    return {"labels": labels} | gather(work, jobs, len(index), index.device)


def _render(draw: Draws, label: int, size: int) -> dict[str, torch.Tensor]:
    """n pictures of one class, as in `render_cells`, without labels and factors."""
    slide = cos_sin(draw.uniform("slide.turn"))
    window = Window(size, slide)
    stains = among(draw.integer("stain", len(STAINS)), list(STAINS.values()))
    glows = stains[6] > 0
    body_stain, nucleus_stain = _absorbed(draw, "body", stains[:3], glows), _absorbed(draw, "nucleus", stains[3:6], glows)
    focus = draw.uniform("focus", 0.0, 0.022)
    pixel = torch.sqrt(focus * focus + 1 / size**2)
    texture = screen_noise(draw, "texture", [(17, 0.7), (33, 1.0)], size)

    light = _field(draw, glows, window, size)
    for k in range(_BLOBS):
        _blob(draw, f"blob{k}", light, slide, body_stain)
    instances = torch.zeros(len(draw), 1, size, size, device=draw.device)
    others = draw.keep("bystanders", draw.integer("bystanders", _BYSTANDERS - 1) + 2)
    first = draw.uniform("bystanders.turn")
    for k in range(_BYSTANDERS):
        # Steps of the golden angle: two or six, they lie well apart.
        place = first + 0.381966 * k + draw.uniform(f"bystander{k}.turn", -0.06, 0.06)
        stain = (body_stain, nucleus_stain)
        _bystander(draw, k, light, instances, slide, place, k < others, texture, stain, pixel)

    # The main cell, in its own frame.
    painter, unit = _CELLS[CELL_CLASSES[label]]
    scale = draw.uniform("cell.scale", 0.155, 0.205)
    cos, sin = cos_sin(draw.uniform("cell.turn"))
    x = window.world_x - draw.uniform("cell.x", -0.12, 0.12)
    y = window.world_y - draw.uniform("cell.y", -0.12, 0.12)
    radius = scale * unit
    x, y = (x * cos + y * sin) / radius, (y * cos - x * sin) / radius
    body, nucleus, thickness = painter(draw, x, y)
    outline = screen_noise(draw, "outline", [(9, 1.0), (17, 0.5)], size)
    body = (body + outline * draw.uniform("cell.wobble", 0.04, 0.3)) * radius
    masks = body < 0

    density = draw.uniform("cell.density", 0.5, 0.95) * (1 + texture * draw.uniform("cell.granules", 0.1, 0.7))
    density = density * thickness if thickness is not None else density
    rim = (1 - (body + 0.012).abs() * (1 / 0.018)).clamp_(min=0) * draw.uniform("cell.rim", 0.0, 0.5)
    halo = (1 - (body - 0.02).abs() * (1 / 0.025)).clamp_(min=0) * draw.uniform("cell.halo", -0.04, 0.12)
    light *= (1 + halo)[:, None]
    _absorb(light, density * _cover(body, pixel) + rim, body_stain)
    # A vacuole or a guest, in any class: that something took the nucleus's stain must not tell which.
    aside, speck = draw.uniform("inclusion.aside", 0.2, 0.7), draw.uniform("inclusion.radius", 0.1, 0.3)
    cos, sin = cos_sin(draw.uniform("inclusion.turn"))
    speck = torch.maximum(disc(x - cos * aside, y - sin * aside, speck) * radius, body)
    density = torch.where(draw.chance("inclusion", 0.4), draw.uniform("inclusion.density", 0.4, 0.9), 0.0)
    _absorb(light, density * _cover(speck, pixel * 1.3), nucleus_stain)
    if nucleus is not None:
        nucleus = (nucleus - outline * 0.12) * radius
        density = draw.uniform("nucleus.density", 0.65, 1.0) * (0.95 + texture * draw.uniform("nucleus.grain", 0.1, 0.5))
        _absorb(light, density * _cover(torch.maximum(nucleus, body), pixel * 1.3), nucleus_stain)

    return {
        "images": _developed(draw, light, glows, size),
        "masks": masks,
        "boxes": boxes(masks),
        "instances": torch.where(masks, MAIN, instances[:, 0]).to(torch.uint8),
    }


def _absorbed(draw, name, stain, glows):
    """What full density takes from each channel, n x 3 x 1 x 1 in 0-1."""
    hue, lightness, chroma = stain
    hue = hue * (1 / 360) + draw.uniform(f"stain.{name}_hue", -0.06, 0.06)
    lightness = lightness + draw.uniform(f"stain.{name}_lightness", -0.08, 0.06)
    colour = rgb(lightness, chroma * draw.uniform(f"stain.{name}_chroma", 0.6, 1.2), hue)
    return torch.where(glows[:, None], colour, 1 - colour)


def _field(draw, glows, window, size):
    """The light through an empty slide, n x 3 x S x S: tinted, uneven, and darker towards every edge alike."""
    tint = rgb(draw.uniform("field.lightness", 0.86, 0.97), draw.uniform("field.chroma", 0.0, 0.035), draw.uniform("field.hue"))
    tint = torch.where(glows[:, None], tint * 0.12 + 0.85, tint)
    octaves = [(nodes, draw.uniform(f"field.octave{nodes}", 0.02, 0.11)) for nodes in (4, 8, 16)]
    edge = (window.x * window.x + window.y * window.y) * draw.uniform("field.vignette", 0.0, 0.4)
    uneven = screen_noise(draw, "field", octaves, size)
    return tint * torch.where(glows, 1 + uneven * 0.4, (1 + uneven) * (1 - edge))[:, None]


def _absorb(light, density, absorbed):
    """Let a stain absorb its part of the light (n x 3 x H x W, changed in place); density n x H x W."""
    light *= 1 - density.clamp(0, 1)[:, None] * absorbed


def _cover(distance, soft):
    """How much of a pixel lies within an outline that is blurred over `soft`."""
    return (0.5 - distance / soft).clamp(0, 1)


def _blob(draw, name, light, slide, stain):
    """Something above or below the focal plane: a soft disc, changed in `light` in place."""
    x, y = draw.uniform(f"{name}.x", -0.6, 0.6), draw.uniform(f"{name}.y", -0.6, 0.6)
    window = Window(light.shape[-1], slide, (x, y), (0.66, 0.66))
    radius = draw.uniform(f"{name}.radius", 0.1, 0.31)
    share = (1 - length(window.world_x - x, window.world_y - y) / radius).clamp(0, 1)
    soft = share * share * (3 - 2 * share)
    density = torch.where(draw.chance(name, 0.75), draw.uniform(f"{name}.density", 0.08, 0.4), 0.0)
    part = window.cut(light)
    _absorb(part, soft * density, stain)
    window.paste(part, light)


def _bystander(draw, k, light, instances, slide, place, shown, texture, stains, pixel):
    """One smaller cell or a piece of debris; `light` and `instances` are changed in place."""
    name = f"bystander{k}"
    far = draw.uniform(f"{name}.distance", 0.34, 0.62)
    cos, sin = cos_sin(place)
    x, y = cos * far, sin * far
    kind = draw.integer(f"{name}.kind", len(_KINDS))
    draw.keep(f"{name}.kind", torch.where(shown, kind, -1))
    squash, rough, pallor, nucleus, share = among(kind, list(_KINDS.values()))
    (smaller,) = among(kind, [[value] for value in _SMALLER.values()])
    radius = draw.uniform(f"{name}.radius", 0.06, 0.095) * smaller
    window = Window(light.shape[-1], slide, (x, y), (0.32, 0.32))
    cos, sin = cos_sin(draw.uniform(f"{name}.own_turn"))
    right, up = window.world_x - x, window.world_y - y
    right, up = right * cos + up * sin, up * cos - right * sin
    grain = window.cut(texture[:, None])[:, 0]
    body = ellipse(right, up, radius, radius * squash) + grain * radius * rough
    body = torch.where(shown, body, 10.0)
    soft = pixel + draw.uniform(f"{name}.depth", 0.0, 0.04)  # most lie a little out of focus
    hollow = (1 - (right * right + up * up) * (2.4 / (radius * radius))).clamp(min=0)
    density = draw.uniform(f"{name}.density", 0.4, 0.9) * (1 - pallor * hollow) * (1 + grain * 0.5)
    part = window.cut(light)
    _absorb(part, density * _cover(body, soft), stains[0] + (stains[1] - stains[0]) * share[:, None])
    core = torch.where(shown, length(right, up) - nucleus * radius, 10.0)
    _absorb(part, _cover(core, soft) * 0.85, stains[1])
    window.paste(part, light)
    window.paste(torch.where(body[:, None] < 0, MAIN + 1.0 + k, window.cut(instances)), instances)


def _developed(draw, light, glows, size):
    """The picture that the camera takes: uint8 n x 3 x S x S."""
    image = torch.where(glows[:, None], 1 - light, light) * (draw.uniform("camera.exposure", 0.88, 1.06) * 255)[:, None]
    image = image + draw.pixel_noise("camera.noise", size) * draw.uniform("camera.noise_level", 2.0, 9.0)[:, None]
    return (image + 0.5).clamp_(0, 255).to(torch.uint8)
