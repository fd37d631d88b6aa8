"""A scene from its number: its factors are drawn, then background, shadow, distractors, object and occluder painted."""

from collections.abc import Iterable

import torch

from course_lib.data.camera import Camera
from course_lib.data.world.backgrounds import HILLS, SURFACE_DISTANCE, SURFACES, View, background, ground_depth, tone_of
from course_lib.data.world.canvas import Canvas
from course_lib.data.world.captions import captions
from course_lib.data.world.colour import palette
from course_lib.data.world.distractors import scatter
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.film import DEPTH, FREEDOM, INSTANCE, NORMAL, boxes, lay
from course_lib.data.world.noise import screen_noise
from course_lib.data.world.objects import CLASSES, EXTENTS, KEYPOINTS, MOST_KEYPOINTS, PAINTERS
from course_lib.data.world.threads import gather, none_of, pieces
from course_lib.data.world.weather import under_weather
from course_lib.data.world.window import Window
from course_lib.errors import CourseError

LAND_SHARE = 0.3  # of the scenes have a horizon; in the others up is known from the object alone
OBJECT = 1  # its number among the instances; 2 to 5 lie behind it, 6 before it
SEMANTICS = ["surface", "ground", "hills", "sky", "thing", *CLASSES]
CHANGES = {  # counterfactuals: factors that are given instead of drawn, and factors that are drawn again
    "without object": ({"object.present": 0}, ()),
    "without sky": ({"scene.sky": 0}, ()),
    "without ground": ({"scene.ground": 0}, ()),
    "recoloured": ({}, ("colour.hue", "colour.harmony", "colour.hue_jitter", "colour.chroma", "colour.pair")),
    "relit": ({}, ("light.",)),
    "turned": ({"object.turn": 1}, ()),
}
_CHUNK_PIXELS = 128 * 64 * 64  # rendered at once, a thread: about 200 MB


def render(
    seed: int,
    index: torch.Tensor | Iterable[int],
    size: int = 64,
    *,
    change: str | None = None,
    factors: dict[str, float] | None = None,
    camera: Camera | None = None,
    device: str | torch.device = "cpu",
) -> dict:
    """Render scenes with their truth. Scene i is a function of (seed, i, size) alone: bit for bit the same in any
    batch, order, process and number of threads. A scene at another size is the same scene, sampled more finely.

    Args:
        seed: any integer.
        index: N sample numbers.
        size: pixels a side, S >= 16.
        change: a counterfactual, one of `CHANGES`: the same scenes in which one thing differs. "turned" turns the
            object, and nothing else, a quarter anticlockwise; without its sky a scene is all ground, without its
            ground all sky. "recoloured" keeps every lightness. Scenes on a surface have neither sky nor ground.
        factors: names of factors, as in the result, and the numbers that stand in for their draws.
        camera: lens, sensor and file; by default none of their traces.
        device: where to render.

    Returns:
        A dict of tensors on `device`:

        images     uint8 N x 3 x S x S, sRGB
        labels     int64 N, position in `CLASSES`; drawn independently of everything else, all equally likely
        masks      bool N x S x S, the pixels where the main object is what one sees (at least half of the pixel)
        boxes      float32 N x 4: left, top, right, bottom edge of the mask, in pixels; zeros if it is empty
        instances  uint8 N x S x S: 0 background, 1 the object, 2-5 what lies behind it, 6 what lies before it
        semantics  uint8 N x S x S, position in `SEMANTICS`
        depth      float16 N x S x S, in heights of the camera above the ground; the sky is infinitely far. A pixel at
                   (x, y) from the vanishing point, as shares of the picture's side, sees the point depth * (x, y, 1).
        normals    int8 N x 3 x S x S: the surface normal to the right, up, towards the viewer, times 127; zero for sky
        ambiguity  uint8 N x S x S: 0 the colour is natural to the thing; 1 its a and b were drawn independently of
                   its lightness, hues balanced; 2 it is one of two colours whose mean is brown (the bird's)
        keypoints  float32 N x 13 x 3: column and row in pixels, and 2 visible, 1 hidden, 0 no such keypoint;
                   `KEYPOINTS` names them, class by class
        factors    dict name -> N numbers: every draw and what follows from it; floats that a scene does not have are
                   NaN, whole numbers -1. Lengths are shares of the picture's side, y up from its centre; angles are
                   turns.
        captions   list of N sentences

    Raises:
        CourseError: a size below 16, a change that there is none of, a factor that no scene here has.
    """
    if size < 16:
        raise CourseError(f"A scene needs at least 16 pixels a side, and the size is {size}.")
    if change is not None and change not in CHANGES:
        raise CourseError(f"There is no change '{change}' to a scene; choose one of {', '.join(CHANGES)}.")
    index = torch.as_tensor(index if isinstance(index, torch.Tensor) else list(index), dtype=torch.int64, device=device)
    if not len(index):
        return none_of(render(seed, [0], size, device=device))
    fixed, again = CHANGES[change] if change else ({}, ())
    fixed = fixed | (factors or {})
    everything = Draws(seed, index, fixed=fixed)
    labels, scale = everything.integer("class", len(CLASSES)).flatten(), everything.uniform("object.scale").flatten()
    if not ((labels >= 0) & (labels < len(CLASSES))).all():
        raise CourseError(f"The factor 'class' must lie between 0 and {len(CLASSES) - 1}, and {fixed['class']} does not.")
    names = {}

    def work(job):
        label, chunk = job
        draw = Draws(seed, index[chunk], names, fixed, again)
        return chunk, _render(draw, label, size), draw.factors

    # Objects of one class and much the same size together: each chunk then paints in the smallest window.
    classes = [(label, (labels == label).nonzero().flatten()) for label in range(len(CLASSES))]
    jobs = [
        (label, chunk)
        for label, where in classes
        for chunk in pieces(where[scale[where].argsort()], _CHUNK_PIXELS // size**2 + 1)
    ]
    result = {"labels": labels} | gather(work, jobs, len(index), index.device)
    drawn = result["factors"]
    if unknown := fixed.keys() - drawn.keys() - {"class"}:
        raise CourseError(f"No scene here has a factor '{min(unknown)}'; the factors are {', '.join(sorted(drawn))}.")
    if camera is not None:
        result["images"] = camera.photograph(result["images"], everything.keys("camera.sensor"))
    return result | {"captions": captions(Draws(seed, index), labels, drawn)}


def _render(draw: Draws, label: int, size: int) -> dict[str, torch.Tensor]:
    """n scenes of one class, as in `render`."""
    # Where things are. The object stands at (object_x, foot) in the upright world, which the camera sees rolled.
    width, height = EXTENTS[label]
    outdoors = draw.chance("scene.land", LAND_SHARE)
    surface = draw.keep("scene.background", torch.where(outdoors, -1, draw.integer("scene.surface", len(SURFACES))))
    roll = cos_sin(draw.uniform("camera.roll", -12 / 360, 12 / 360))
    scale = draw.uniform("object.scale", 0.42, 0.76)
    spare_x, spare_y = ((0.5 - extent * scale * 0.43).clamp(min=0.03) for extent in (width, height))
    object_x = draw.keep("object.x", draw.uniform("object.place_x", -1, 1) * spare_x)
    object_y = draw.keep("object.y", draw.uniform("object.place_y", -1, 1) * spare_y)
    foot = object_y - height * scale * 0.5
    horizon = (foot + draw.uniform("scene.horizon_above_foot", 0.05, 0.47)).clamp(-0.36, 0.4)
    horizon = torch.where(outdoors, draw.keep("scene.horizon", torch.where(outdoors, horizon, torch.nan)), horizon)
    # A counterfactual scene without sky or ground has its horizon above or below the picture.
    sky, ground = (draw.given(f"scene.{part}", 1) > 0 for part in ("sky", "ground"))
    seen_horizon = torch.where(sky, torch.where(ground, horizon, -1.0), 1.0)
    tilt_x, tilt_y = (
        side * draw.uniform("surface.slant", 0.0, 0.35) for side in cos_sin(draw.uniform("surface.slant_angle"))
    )

    def distance_at(x, foot_y, reach, layer):
        """Of something that stands there on land, or is held before a slanting surface, nearer in each layer."""
        recession = 1 / (1 + tilt_x * (x * roll[0] - foot_y * roll[1]) + tilt_y * (foot_y * roll[0] + x * roll[1]))
        before = SURFACE_DISTANCE * recession * (0.97 - 0.02 * layer - 0.4 * reach)
        return torch.where(outdoors, ground_depth(horizon - foot_y), before)

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
    film = background(draw, View(window, seen_horizon, grain, (tilt_x, tilt_y)), surface)
    image = film[:, :3]
    image *= 1 + ((window.x * light_x + window.y * light_y) * draw.uniform("light.falloff", 0.0, 0.35))[:, None]

    # The object, in its own frame: the origin at its foot, the unit its scale.
    turn, present = draw.given("object.turn", 0), draw.given("object.present", 1) > 0
    reach = float(scale.max())
    extent = [reach * (side + 0.28 * other) + 0.16 for side, other in ((width, height), (height, width))]  # sin 16° = 0.28
    extent = [max(extent)] * 2 if (turn % 2 != 0).any() else extent
    around = Window(size, roll, (object_x, object_y), extent)
    mirror = torch.where(draw.chance("object.mirrored", 0.5), -1.0, 1.0)
    lean = cos_sin(draw.uniform("object.lean", -4 / 360, 4 / 360) + turn * mirror * 0.25)
    right, up = (around.world_x - object_x) * mirror / scale, (around.world_y - object_y) / scale
    x, y = right * lean[0] + up * lean[1], up * lean[0] - right * lean[1] + height * 0.5
    canvas = Canvas(x, y, (1 / size) / scale, around.cut(texture[:, None])[:, 0])
    PAINTERS[label](canvas, draw, palette(draw, tone_of(draw, surface), CLASSES[label] == "bird"))
    canvas.hide(~present)

    # Its shadow: the light that would reach a pixel passes the object where `source` says: straight towards the light
    # on a surface; on land up from the ground, sheared and stretched.
    lift, flat = draw.uniform("shadow.lift", 0.02, 0.06), draw.uniform("shadow.length", 0.22, 0.45)
    above = (window.world_y - foot) / flat
    source_x = window.world_x + torch.where(outdoors, above * 0.9, lift) * light_x
    source_y = torch.where(outdoors, foot + above, window.world_y + lift * light_y)
    distance = around.look_up(canvas.distance * scale, source_x, source_y, outside=1.0)
    shadow = (0.5 - distance / draw.uniform("shadow.soft", 0.03, 0.08)).clamp(0, 1)
    shadow = shadow * torch.where(outdoors, ((seen_horizon - window.world_y) * 40).clamp(0, 1), 1.0)
    image *= (1 - shadow * (0.3 + 0.35 * strength))[:, None]

    # Distractors behind the object, the furthest first; the object; and sometimes one before it.
    common = {"roll": roll, "texture": texture, "light": light, "strength": strength, "standing": outdoors}
    others = draw.integer("distractors.behind", 3) + 2
    near = ground_depth(horizon - foot)
    for k in range(4):
        x, rise = draw.uniform(f"distractor{k}.across", -0.48, 0.48), draw.uniform(f"distractor{k}.rise")
        stands = foot + (horizon - foot) * (1 - (k + rise) * 0.25)
        shrunk = torch.where(outdoors, (near / ground_depth(horizon - stands)).clamp(0.5, 1.0), 1.0)
        extent = draw.uniform(f"distractor{k}.size", 0.055, 0.11) * shrunk
        y = torch.where(outdoors, stands + extent * 0.6, rise * 0.96 - 0.48)
        far = distance_at(x, torch.where(outdoors, stands, y), extent, k)
        scatter(draw, f"distractor{k}", film, k < others, OBJECT + 1 + k, x=x, y=y, size=extent, depth=far, **common)
    lit = canvas.light(light, strength) * (1 + around.cut(grain[:, None]) * 0.25)
    far = distance_at(object_x, torch.where(outdoors, foot, object_y), scale * 0.5, 4)
    around.paste(lay(around.cut(film), lit, canvas, OBJECT, far, scale), film)
    towards_x, towards_y = cos_sin(draw.uniform("occluder.angle"))
    extent = draw.uniform("occluder.size", 0.06, 0.1)
    x = object_x + towards_x * width * scale * 0.38
    y = torch.where(outdoors, foot + extent * 0.5, object_y + towards_y * height * scale * 0.38)
    far = torch.where(outdoors, near * 0.97, far * 0.9)
    before = draw.chance("occluder", 0.35)
    scatter(draw, "occluder", film, before, OBJECT + 5, x=x, y=y, size=extent, depth=far, **common)

    # The weather, the hour, and the camera.
    under_weather(draw, film, outdoors, window)
    image = film[:, :3]
    warmth, exposure = draw.uniform("camera.warmth", -0.05, 0.05), draw.uniform("camera.exposure", 0.88, 1.08)
    image *= torch.stack([(1 + warmth * side) * exposure * 255 for side in (1, 0, -1)], dim=1)
    image += draw.pixel_noise("camera.noise", size) * draw.uniform("camera.noise_level", 1.5, 7.5)[:, None]

    place = (object_x, object_y, scale, mirror, lean, height, roll)
    return _truth(film, label, outdoors) | {
        "images": (image + 0.5).clamp_(0, 255).to(torch.uint8),
        "keypoints": _keypoints(canvas.points, label, place, film[:, INSTANCE] == OBJECT),
    }


def _truth(film, label, outdoors):
    """The layers of truth that are read off a film."""
    instances, depth, free = film[:, INSTANCE], film[:, DEPTH], film[:, FREEDOM] >= 0.5
    landscape = torch.where(depth.isinf(), 3, torch.where(depth >= min(HILLS.values()), 2, 1))
    semantics = torch.where(outdoors, landscape, 0)
    semantics = torch.where(instances == OBJECT, SEMANTICS.index(CLASSES[label]), torch.where(instances > 0, 4, semantics))
    masks = instances == OBJECT
    two_coloured = masks if CLASSES[label] == "bird" else torch.zeros_like(masks)
    return {
        "masks": masks,
        "boxes": boxes(masks),
        "instances": instances.to(torch.uint8),
        "semantics": semantics.to(torch.uint8),
        "depth": depth.to(torch.float16),
        "normals": (film[:, NORMAL] * 127).round().to(torch.int8),
        "ambiguity": free.to(torch.uint8) + (free & two_coloured).to(torch.uint8),
    }


def _keypoints(points, label, place, visible):
    """float32 n x 13 x 3 from the points that a painter marked in its object's frame."""
    n, size, _ = visible.shape
    result = torch.zeros(n, MOST_KEYPOINTS, 3, device=visible.device)
    names = KEYPOINTS.get(CLASSES[label], [])
    if not names:
        return result
    object_x, object_y, scale, mirror, lean, height, roll = place
    zero = torch.zeros_like(object_x)
    x, y = (torch.cat([points[name][axis] + zero for name in names], dim=2) for axis in (0, 1))
    y = y - height * 0.5
    right, up = x * lean[0] - y * lean[1], x * lean[1] + y * lean[0]
    world_x, world_y = object_x + right * mirror * scale, object_y + up * scale
    column = (world_x * roll[0] - world_y * roll[1] + 0.5) * size
    row = (0.5 - world_y * roll[0] - world_x * roll[1]) * size
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    pixels = row.to(torch.int64).clamp(0, size - 1) * size + column.to(torch.int64).clamp(0, size - 1)
    seen = visible.flatten(1).gather(1, pixels.flatten(1)) & inside.flatten(1)
    result[:, : len(names)] = torch.stack([column.flatten(1), row.flatten(1), 1.0 + seen], dim=2)
    return result
