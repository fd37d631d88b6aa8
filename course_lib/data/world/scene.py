"""A scene from its number: its factors are drawn, then background, shadow, distractors, object and occluder painted."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import torch

from course_lib.data.world.backgrounds import SURFACES, View, land, tone_of
from course_lib.data.world.canvas import Canvas, over
from course_lib.data.world.colour import palette
from course_lib.data.world.distractors import scatter
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.noise import screen_noise
from course_lib.data.world.objects import CLASSES, EXTENTS, PAINTERS
from course_lib.data.world.window import Window

LAND_SHARE = 0.45  # of the scenes have a horizon
_CHUNK_PIXELS = 96 * 64 * 64  # rendered at once, a thread: about 110 MB


def render(seed: int, index: torch.Tensor | Iterable[int], size: int = 64, *, device: str | torch.device = "cpu") -> dict:
    """Render scenes with their truth. Scene i is a function of (seed, i, size) alone: bit for bit the same in any
    batch, order, process and number of threads. A scene at another size is the same scene, sampled more finely.

    seed: any integer. index: N sample numbers. size: pixels a side, S >= 16. Returns a dict of tensors on `device`:

    images   uint8 N x 3 x S x S, sRGB
    labels   int64 N, position in `CLASSES`; drawn independently of everything else, all equally likely
    masks    bool N x S x S, the pixels where the main object is what one sees (at least half of the pixel)
    boxes    float32 N x 4: left, top, right, bottom edge of the mask, in pixels (right - left is its width); zeros
             if it is empty
    factors  dict name -> N numbers: every draw and what follows from it; floats that a scene does not have are NaN,
             whole numbers -1. Lengths are shares of the picture's side, y up from its centre; angles are turns.

    Raises ValueError for a size below 16.
    """
    if size < 16:
        raise ValueError(f"size is {size}; a scene needs at least 16 pixels a side")
    index = torch.as_tensor(index if isinstance(index, torch.Tensor) else list(index), dtype=torch.int64, device=device)
    everything = Draws(seed, index)
    labels, scale = everything.integer("class", len(CLASSES)).flatten(), everything.uniform("object.scale").flatten()
    result = {
        "images": torch.empty(len(index), 3, size, size, dtype=torch.uint8, device=device),
        "labels": labels,
        "masks": torch.empty(len(index), size, size, dtype=torch.bool, device=device),
        "boxes": torch.empty(len(index), 4, device=device),
        "factors": {},
    }
    names = {}

    def work(job):
        label, chunk = job
        draw = Draws(seed, index[chunk], names)
        return chunk, draw.factors, *_render(draw, label, size)

    # Objects of one class and much the same size together: each chunk then paints in the smallest window.
    classes = [(label, (labels == label).nonzero().flatten()) for label in range(len(CLASSES))]
    jobs = [
        (label, chunk)
        for label, where in classes
        for chunk in where[scale[where].argsort()].split(max(1, _CHUNK_PIXELS // size**2))
        if len(chunk)
    ]
    for chunk, factors, images, masks in _threads(work, jobs, index.device):
        result["images"][chunk], result["masks"][chunk], result["boxes"][chunk] = images, masks, _boxes(masks)
        _collect(result["factors"], factors, chunk, len(index))
    return result


def _threads(work, jobs, device):
    """Yield `work(job)` of each job in turn. A thread a core, each with one-threaded arithmetic: cores that share every
    small operation spend their time waiting for one another, the more so on a busy machine."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(jobs) == 1:
        yield from map(work, jobs)
        return
    torch.set_num_threads(1)  # new threads take it over
    try:
        with ThreadPoolExecutor(threads) as pool:
            waiting = deque()
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > threads:  # no further ahead, to keep memory small
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)
    finally:
        torch.set_num_threads(threads)


def _collect(factors, part, where, count):
    """Write the factors of some samples into those of all `count`."""
    for name, value in part.items():
        if name not in factors:
            fill = float("nan") if value.is_floating_point() else -1
            dtype = torch.int64 if value.dtype == torch.bool else value.dtype
            factors[name] = torch.full((count,), fill, dtype=dtype, device=value.device)
        factors[name][where] = value.to(factors[name].dtype)


def _boxes(masks):
    """Tight boxes, float32 n x 4, from bool n x S x S."""
    edges = []
    for seen in (masks.any(1), masks.any(2)):  # columns, then rows
        first = seen.to(torch.uint8).argmax(1)
        last = seen.shape[1] - seen.flip(1).to(torch.uint8).argmax(1)
        edges.append((first, last))
    boxes = torch.stack([edges[0][0], edges[1][0], edges[0][1], edges[1][1]], dim=1).to(torch.float32)
    return boxes * masks.flatten(1).any(1)[:, None]


def _render(draw: Draws, label: int, size: int):
    """n scenes of one class: images uint8 n x 3 x S x S, masks bool n x S x S."""
    # Where things are. The object stands at (object_x, foot) in the upright world, which the camera sees rolled.
    width, height = EXTENTS[label]
    outdoors = draw.chance("scene.land", LAND_SHARE)
    surface = draw.keep("scene.background", torch.where(outdoors, -1, draw.integer("scene.surface", len(SURFACES))))
    roll = cos_sin(draw.uniform("camera.roll", -12 / 360, 12 / 360))
    scale = draw.uniform("object.scale", 0.46, 0.78)
    spare_x, spare_y = ((0.5 - extent * scale * 0.43).clamp(min=0.03) for extent in (width, height))
    object_x = draw.keep("object.x", draw.uniform("object.place_x", -1, 1) * spare_x)
    object_y = draw.keep("object.y", draw.uniform("object.place_y", -1, 1) * spare_y)
    foot = object_y - height * scale * 0.5
    horizon = (foot + draw.uniform("scene.horizon_above_foot", 0.05, 0.47)).clamp(-0.36, 0.4)
    draw.keep("scene.horizon", torch.where(outdoors, horizon, torch.nan))

    # Light: from above on land; on a surface from any side, or the light would tell what is up.
    spread = draw.uniform("light.place")
    light_x, light_y = cos_sin(draw.keep("light.angle", torch.where(outdoors, 0.25 + (spread - 0.5) * 0.42, spread)))
    front = draw.uniform("light.front", 0.5, 0.8)
    slant = torch.sqrt(1 - front * front)
    light = torch.cat([light_x * slant, light_y * slant, front], dim=1).flatten(1)
    strength = draw.uniform("light.strength", 0.35, 0.75)

    octaves = [(nodes, draw.uniform(f"grain.octave{nodes}", 0.05, 0.3)) for nodes in (5, 9, 17, 33)]
    grain = screen_noise(draw, "grain", octaves, size)
    texture = screen_noise(draw, "texture", [(13, 0.8), (25, 1.0)], size)

    window = Window(size, roll)
    image = _background(draw, View(window, horizon, grain), surface)
    image *= 1 + ((window.x * light_x + window.y * light_y) * draw.uniform("light.falloff", 0.0, 0.35))[:, None]

    # The object, in its own frame: the origin at its foot, the unit its scale.
    reach = float(scale.max())
    extent = [reach * (side + 0.28 * other) + 0.16 for side, other in ((width, height), (height, width))]  # sin 16° = 0.28
    around = Window(size, roll, (object_x, object_y), extent)
    mirror = torch.where(draw.chance("object.mirrored", 0.5), -1.0, 1.0)
    cos, sin = cos_sin(draw.uniform("object.lean", -4 / 360, 4 / 360))
    right, up = (around.world_x - object_x) * mirror / scale, (around.world_y - object_y) / scale
    x, y = right * cos + up * sin, up * cos - right * sin + height * 0.5
    canvas = Canvas(x, y, (1 / size) / scale, around.cut(texture[:, None])[:, 0])
    PAINTERS[label](canvas, draw, palette(draw, tone_of(draw, surface)))

    # Its shadow: the light that would reach a pixel passes the object where `source` says: straight towards the light
    # on a surface; on land up from the ground, sheared and stretched.
    lift, flat = draw.uniform("shadow.lift", 0.02, 0.06), draw.uniform("shadow.length", 0.22, 0.45)
    above = (window.world_y - foot) / flat
    source_x = window.world_x + torch.where(outdoors, above * 0.9, lift) * light_x
    source_y = torch.where(outdoors, foot + above, window.world_y + lift * light_y)
    distance = around.look_up(canvas.distance * scale, source_x, source_y, outside=1.0)
    shadow = (0.5 - distance / draw.uniform("shadow.soft", 0.03, 0.08)).clamp(0, 1)
    shadow = shadow * torch.where(outdoors, ((horizon - window.world_y) * 40).clamp(0, 1), 1.0)
    image *= (1 - shadow * (0.3 + 0.35 * strength))[:, None]

    # Distractors behind the object, the object, and sometimes one before it.
    common = {"roll": roll, "texture": texture, "light": light, "strength": strength, "standing": outdoors}
    others = draw.integer("distractors.behind", 3) + 2
    for k in range(4):
        x, rise = draw.uniform(f"distractor{k}.across", -0.48, 0.48), draw.uniform(f"distractor{k}.rise")
        extent = draw.uniform(f"distractor{k}.size", 0.045, 0.1)
        y = torch.where(outdoors, (horizon + 0.48) * rise - 0.5 + extent * 0.6, rise * 0.96 - 0.48)
        scatter(draw, f"distractor{k}", image, x, y, extent, k < others, **common)
    lit = canvas.light(light, strength) * (1 + around.cut(grain[:, None]) * 0.25)
    around.paste(over(around.cut(image), lit, canvas.coverage), image)
    coverage = around.paste(canvas.coverage[:, None], torch.zeros_like(image[:, :1]))
    towards_x, towards_y = cos_sin(draw.uniform("occluder.angle"))
    extent = draw.uniform("occluder.size", 0.06, 0.1)
    x = object_x + towards_x * width * scale * 0.38
    y = torch.where(outdoors, foot + extent * 0.5, object_y + towards_y * height * scale * 0.38)
    before, hidden = scatter(draw, "occluder", image, x, y, extent, draw.chance("occluder", 0.35), **common)
    before.paste(before.cut(coverage) * (1 - hidden)[:, None], coverage)

    # The camera.
    warmth, exposure = draw.uniform("camera.warmth", -0.05, 0.05), draw.uniform("camera.exposure", 0.88, 1.08)
    image *= torch.stack([(1 + warmth * side) * exposure * 255 for side in (1, 0, -1)], dim=1)
    image += draw.pixel_noise("camera.noise", size) * draw.uniform("camera.noise_level", 1.5, 7.5)[:, None]
    return (image + 0.5).clamp_(0, 255).to(torch.uint8), coverage[:, 0] >= 0.5


def _background(draw, view, surface):
    """Each kind of background for the scenes that have it: n x 3 x S x S."""
    image = torch.empty(len(draw), 3, *view.grain.shape[1:], device=draw.device)
    for kind, painter in enumerate([land, *SURFACES], start=-1):
        which = (surface.flatten() == kind).nonzero().flatten()
        if len(which):
            part = draw.subset(which)
            image[which] = painter(part, view.subset(which))
            _collect(draw.factors, part.factors, which, len(draw))
    return image
