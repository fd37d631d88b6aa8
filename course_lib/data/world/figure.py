"""An articulated figure and what it does: actions, skeleton, limbs, and where each of its pixels goes next.

Lengths are shares of the picture's side, x to the right and y up from its centre. Angles are turns. Tensors hold n clips
of T frames: n x T for the joints; the painter takes the frames one by one, n T x 1 x 1.
"""

from dataclasses import dataclass

import torch

from course_lib.data.world.colour import Palette
from course_lib.data.world.distance import blend, disc, limb
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.objects import KEYPOINTS as OF_CLASSES
from course_lib.data.world.window import Window

KEYPOINTS = OF_CLASSES["person"]
BONES = [
    "torso", "head", "left_upper_arm", "left_forearm", "right_upper_arm", "right_forearm",
    "left_thigh", "left_shin", "right_thigh", "right_shin",
]  # fmt: skip
SHORTEST_PERIOD, LONGEST_PERIOD = 32, 52  # frames; a clip of 16 shows at most half a period
_SURGE = 24  # frames from one quickening of the pace to the next

# A joint's angle is mean + amplitude * cos(phase - lag), in turns: a row is (mean, amplitude, lag). All but spin are
# relative to the bone before. A figure seen from its side faces +x. Spin turns the whole body, lean the torso, nod the
# head: clockwise. A limb at 0 continues the body downwards; more swings it towards +x; the elbow bends towards +x, the
# knee towards -x. Lags differ within an action: a pose that swings back passes through other poses than before, so
# that the order of frames can be told. `turned`: how much of the body's width is seen; `tumble`: by how many whole
# turns the body spins in a period.
_SIDE, _FRONT = 0.2, 1.0
_MOTIONS = {
    "walk": {
        "lean": (0.015, 0.006, 0.1), "left_leg": (0.012, 0.095, 0.0), "right_leg": (0.012, 0.095, 0.5),
        "left_knee": (0.085, 0.075, 0.72), "right_knee": (0.085, 0.075, 0.22), "left_arm": (0.0, 0.095, 0.5),
        "right_arm": (0.0, 0.095, 0.0), "left_elbow": (0.07, 0.04, 0.6), "right_elbow": (0.07, 0.04, 0.1),
    },
    "wave": {
        "turned": _FRONT, "lean": (0.0, 0.04, 0.3), "right_arm": (0.39, 0.08, 0.15), "right_elbow": (0.05, 0.17, 0.0),
        "left_arm": (-0.06, 0.04, 0.4), "left_elbow": (0.06, 0.05, 0.1), "left_leg": (-0.04, 0.025, 0.35),
        "right_leg": (0.04, 0.025, 0.35), "nod": (0.0, 0.03, 0.25),
    },
    "jumping jack": {
        "turned": _FRONT, "left_arm": (-0.25, 0.19, 0.5), "right_arm": (0.25, 0.19, 0.0),
        "left_elbow": (-0.01, 0.04, 0.25), "right_elbow": (0.01, 0.04, 0.75), "left_leg": (-0.06, 0.055, 0.62),
        "right_leg": (0.06, 0.055, 0.12),
    },
    "kick": {
        "lean": (-0.02, 0.04, 0.5), "right_leg": (0.1, 0.17, 0.0), "right_knee": (0.09, 0.09, 0.7),
        "left_leg": (0.0, 0.025, 0.5), "left_knee": (0.035, 0.02, 0.2), "left_arm": (0.08, 0.13, 0.05),
        "right_arm": (-0.03, 0.12, 0.55), "left_elbow": (0.09, 0.03, 0.3), "right_elbow": (0.09, 0.03, 0.8),
    },
    "handstand": {
        "spin": (0.5, 0.012, 0.25), "left_arm": (0.44, 0.012, 0.0), "right_arm": (0.46, 0.012, 0.5),
        "left_leg": (0.0, 0.15, 0.0), "right_leg": (0.0, 0.15, 0.5), "left_knee": (0.06, 0.055, 0.75),
        "right_knee": (0.06, 0.055, 0.25), "nod": (-0.1, 0.02, 0.0),
    },
    "cartwheel": {
        "turned": _FRONT, "tumble": 1, "left_arm": (-0.37, 0.03, 0.1), "right_arm": (0.37, 0.03, 0.35),
        "left_leg": (-0.095, 0.03, 0.3), "right_leg": (0.095, 0.03, 0.05),
    },
    "bicycle": {
        "spin": (0.46, 0.01, 0.0), "nod": (0.17, 0.01, 0.2), "left_arm": (-0.2, 0.012, 0.3),
        "right_arm": (-0.22, 0.012, 0.8), "left_leg": (0.07, 0.1, 0.0), "right_leg": (0.07, 0.1, 0.5),
        "left_knee": (0.16, 0.13, 0.75), "right_knee": (0.16, 0.13, 0.25),
    },
    "squat": {
        "lean": (0.06, 0.05, 0.06), "left_leg": (0.155, 0.125, 0.0), "right_leg": (0.14, 0.125, 0.0),
        "left_knee": (0.205, 0.185, 0.0), "right_knee": (0.205, 0.185, 0.0), "left_arm": (0.16, 0.11, 0.2),
        "right_arm": (0.16, 0.11, 0.17), "nod": (-0.05, 0.04, 0.1), "left_elbow": (0.02, 0.02, 0.3),
        "right_elbow": (0.02, 0.02, 0.3),
    },
    "bow": {
        "lean": (0.125, 0.125, 0.0), "left_leg": (-0.02, 0.015, 0.5), "right_leg": (-0.005, 0.015, 0.5),
        "left_knee": (0.02, 0.012, 0.2), "right_knee": (0.02, 0.012, 0.2), "left_arm": (0.1, 0.13, 0.14),
        "right_arm": (0.1, 0.13, 0.18), "nod": (0.03, 0.05, 0.15), "left_elbow": (0.03, 0.03, 0.3),
        "right_elbow": (0.03, 0.03, 0.3),
    },
    "crawl": {
        "lean": (0.215, 0.01, 0.2), "nod": (-0.1, 0.02, 0.3), "left_arm": (0.215, 0.085, 0.5),
        "right_arm": (0.215, 0.085, 0.0), "left_elbow": (0.02, 0.025, 0.75), "right_elbow": (0.02, 0.025, 0.25),
        "left_leg": (0.04, 0.08, 0.0), "right_leg": (0.04, 0.08, 0.5), "left_knee": (0.22, 0.035, 0.75),
        "right_knee": (0.22, 0.035, 0.25),
    },
}  # fmt: skip
ACTIONS = list(_MOTIONS)
POSTURES = {
    "upright": ["walk", "wave", "jumping jack", "kick"],
    "inverted": ["handstand", "cartwheel", "bicycle"],
    "crouching": ["squat", "bow", "crawl"],
}
_JOINTS = [
    "spin", "lean", "nod", "left_arm", "left_elbow", "right_arm", "right_elbow",
    "left_leg", "left_knee", "right_leg", "right_knee",
]  # fmt: skip
# A film's channels: red, green, blue in 0-1; the number of what is seen there: 0 the background, 1 and on the bones,
# then anything else.
COLOUR, NUMBER, CHANNELS = slice(0, 3), 3, 4
_HALO = 0.035  # how far a limb darkens what is behind it
# Which bones, when seen there, show a keypoint: it is not hidden behind the others.
_SHOWN_BY = {"head": ["head"], "shoulder": ["torso", "upper_arm"], "elbow": ["upper_arm", "forearm"], "hand": ["forearm"],
             "hip": ["torso", "thigh"], "knee": ["thigh", "shin"], "ankle": ["shin"]}  # fmt: skip


@dataclass
class Figure:
    """n figures in T frames. bones: name -> (start, direction, end), each a pair (x, y) of n x T tensors, the direction
    of unit length. keypoints: n x T x 13 x 2. turned: n x 1, how much of the body's width is seen. mirror: n x 1, 1 or
    -1. size: name -> n x 1, the bones' half-widths and what else the painter needs."""

    bones: dict[str, tuple]
    keypoints: torch.Tensor
    turned: torch.Tensor
    mirror: torch.Tensor
    size: dict[str, torch.Tensor]

    def moved(self, x: torch.Tensor, y: torch.Tensor) -> "Figure":
        """The same figures elsewhere: x and y n x T, or n x 1."""
        bones = {
            name: ((start[0] + x, start[1] + y), direction, (end[0] + x, end[1] + y))
            for name, (start, direction, end) in self.bones.items()
        }
        shift = torch.stack(torch.broadcast_tensors(x, y), dim=-1)
        return Figure(bones, self.keypoints + shift[:, :, None], self.turned, self.mirror, self.size)


def _angles(draw: Draws, label: torch.Tensor, frames: int) -> dict[str, torch.Tensor]:
    """The joints' angles, n x T each. label: int64 n, position in ACTIONS."""
    rows = [[motion.get(joint, (0.0, 0.0, 0.0)) for joint in _JOINTS] for motion in _MOTIONS.values()]
    mean, amplitude, lag = torch.tensor(rows, device=label.device)[label][:, None].unbind(-1)  # n x 1 x joints each

    # How far the action has come: its pace swells and slackens, at its fastest a period takes `period` frames.
    time = torch.arange(frames, device=label.device, dtype=torch.float32)
    period = draw.uniform("action.period", SHORTEST_PERIOD, LONGEST_PERIOD)[:, 0]
    uneven, surge = draw.uniform("action.uneven", 0.0, 0.6)[:, 0], draw.uniform("action.surge")[:, 0]
    swell = cos_sin(time * (1 / _SURGE) + surge)[1] - cos_sin(surge)[1]
    elapsed = (time + uneven * (_SURGE / 6.2831853) * swell) / ((1 + uneven) * period)
    draw.keep("action.seen", elapsed[:, -1:, None])  # periods from the first frame to the last
    # Backwards as often as forwards: a clip tells the order of its frames, not which end is the first.
    backwards = draw.chance("action.backwards", 0.5)[:, 0]
    phase = draw.uniform("action.phase")[:, 0] + torch.where(backwards, -elapsed, elapsed)

    # Everyone has a manner of their own.
    manner = draw.table("action.manner", 2 * len(_JOINTS)).view(-1, 2, 1, len(_JOINTS)) - 0.5
    amplitude = amplitude * draw.uniform("action.gain", 0.9, 1.2) * (1 + 0.3 * manner[:, 0])
    angles = mean + 0.02 * manner[:, 1] + amplitude * cos_sin(phase[:, :, None] - lag)[0]
    angles = dict(zip(_JOINTS, angles.unbind(-1), strict=True))
    tumble = torch.tensor([float(motion.get("tumble", 0)) for motion in _MOTIONS.values()], device=label.device)[label]
    angles["spin"] = angles["spin"] + tumble[:, None] * phase
    return angles


def pose(draw: Draws, label: torch.Tensor, frames: int) -> Figure:
    """n figures, their hips at the picture's centre. label: int64 n, position in ACTIONS. Proportions, manner, mirroring
    and pace are drawn without a look at the action."""
    angles = _angles(draw, label, frames)
    scale = draw.uniform("figure.scale", 0.62, 0.74)[:, 0]
    mirror = torch.where(draw.chance("figure.mirrored", 0.5), -1.0, 1.0)[:, 0]
    legs, arms = (draw.uniform(f"figure.{part}", 0.92, 1.08)[:, 0] * scale for part in ("legs", "arms"))
    build = draw.uniform("figure.build", 0.9, 1.18)[:, 0] * scale
    head = draw.uniform("figure.head", 0.078, 0.094)[:, 0] * scale
    turned = torch.tensor([motion.get("turned", _SIDE) for motion in _MOTIONS.values()], device=label.device)[label]
    turned, body, torso = turned[:, None], angles["spin"], angles["spin"] + angles["lean"]

    bones = {}

    def bone(name, start, angle, length):
        cos, sin = cos_sin(angle)
        direction = (sin * mirror, -cos)
        end = (start[0] + direction[0] * length, start[1] + direction[1] * length)
        bones[name] = (start, direction, end)
        return end

    def beside(point, angle, distance):
        cos, sin = cos_sin(angle)
        return point[0] + cos * mirror * distance, point[1] - sin * distance

    hips = (torch.zeros_like(body), torch.zeros_like(body))
    chest = bone("torso", hips, 0.5 - torso, 0.27 * scale)
    points = {"head": bone("head", chest, 0.5 - torso - angles["nod"], 0.055 * scale + head)}
    for name, side in (("left", -1), ("right", 1)):
        shoulder = beside(chest, torso, side * turned * (0.075 * scale + 0.02 * build))
        hip = beside(hips, body, side * turned * 0.05 * build)
        arm, leg = angles[f"{name}_arm"] - torso, angles[f"{name}_leg"] - body
        elbow = bone(f"{name}_upper_arm", shoulder, arm, 0.165 * arms)
        hand = bone(f"{name}_forearm", elbow, arm + angles[f"{name}_elbow"], 0.165 * arms)
        knee = bone(f"{name}_thigh", hip, leg, 0.235 * legs)
        ankle = bone(f"{name}_shin", knee, leg - angles[f"{name}_knee"], 0.225 * legs)
        joints = {"shoulder": shoulder, "elbow": elbow, "hand": hand, "hip": hip, "knee": knee, "ankle": ankle}
        points |= {f"{name}_{joint}": point for joint, point in joints.items()}
    keypoints = torch.stack([torch.stack(points[name], dim=-1) for name in KEYPOINTS], dim=-2)
    return Figure(bones, keypoints, turned, mirror, {"build": build, "head": head, "scale": scale})


class Painter:
    """Lays shapes over a film (n x CHANNELS x S x S, changed in place), each in the small window that holds it. A film
    of one channel records how much of each pixel is covered, and nothing else."""

    def __init__(self, film: torch.Tensor):
        self._film, self._size = film, film.shape[-1]
        one = film.new_ones(len(film), 1, 1)
        self._upright = (one, torch.zeros_like(one))

    def lay(self, shape, centre, reach, colour, number, curved, halo=0.32):
        """shape: from a window's x and y (n x H x W) to signed distances. centre: a pair of n x 1 x 1; reach: n x 1 x 1,
        how far from it the shape goes. colour: n x 3 x 1 x 1. number: of what is painted. curved: n x 1 x 1, how far from
        its outline the shape is rounded. halo: by how much it darkens what is close behind it."""
        extent = 2 * (float(reach.max()) + _HALO)
        window = Window(self._size, self._upright, centre, (extent, extent))
        part = window.cut(self._film)
        distance = shape(window.world_x, window.world_y)
        cover = (0.5 - distance * self._size).clamp_(0, 1)
        if part.shape[1] == 1:
            part[:, 0] += cover * (1 - part[:, 0])
        else:
            lean = (1 + distance / curved).clamp_(0, 1)  # 0 in the middle, 1 at the outline
            part[:, COLOUR] *= (1 - halo * (1 - distance * (1 / _HALO)).clamp_(0, 1))[:, None]
            shaded = colour * (1.06 - 0.34 * lean * lean)[:, None]
            part[:, COLOUR] += cover[:, None] * (shaded - part[:, COLOUR])
            part[:, NUMBER] = torch.where(cover >= 0.5, float(number), part[:, NUMBER])
        window.paste(part, self._film)


def paint(film: torch.Tensor, figure: Figure, draw: Draws, palette: Palette) -> None:
    """Paint n figures over T frames on a film of n T pictures (see `Painter`); bones are numbered from 1."""
    frames = figure.keypoints.shape[1]

    def flat(value):
        return value.expand(-1, frames).reshape(-1, 1, 1)

    def worn(colour, shade=1.0):
        return (colour[:, :3] * shade).repeat_interleave(frames, 0)

    painter = Painter(film)
    build, head = flat(figure.size["build"]), flat(figure.size["head"])
    mirror, turned, scale = flat(figure.mirror), flat(figure.turned), flat(figure.size["scale"])
    bones = {
        name: tuple((flat(x), flat(y)) for x, y in (start, direction, end))
        for name, (start, direction, end) in figure.bones.items()
    }
    sleeves, shorts = draw.chance("figure.sleeves", 0.5), draw.chance("figure.shorts", 0.35)
    forearm = torch.where(sleeves[:, None], palette.main, palette.skin)
    shin = torch.where(shorts[:, None], palette.skin, palette.second)

    def rod(name, radius, end_radius, colour, shade, start=None, end=None, **look):
        first, _, last = bones[name]
        first, last = start or first, end or last
        middle = ((first[0] + last[0]) * 0.5, (first[1] + last[1]) * 0.5)
        across, up = last[0] - first[0], last[1] - first[1]
        reach = torch.sqrt(across * across + up * up) * 0.5 + torch.maximum(radius, end_radius)
        number = 1 + BONES.index(name)
        look = {"curved": radius} | look
        painter.lay(
            lambda x, y: limb(x, y, first, last, radius, end_radius), middle, reach, worn(colour, shade), number, **look
        )

    def arm(side, shade):
        hand, (x, y) = bones[f"{side}_forearm"][2], bones[f"{side}_forearm"][1]
        rod(f"{side}_upper_arm", 0.046 * build, 0.038 * build, palette.main, shade)
        rod(f"{side}_forearm", 0.037 * build, 0.031 * build, forearm, shade)
        wrist = (hand[0] - 0.01 * build * x, hand[1] - 0.01 * build * y)
        rod(f"{side}_forearm", 0.037 * build, 0.037 * build, palette.skin, shade, start=wrist, end=hand)

    def leg(side, shade, outwards):
        rod(f"{side}_thigh", 0.064 * build, 0.048 * build, palette.second, shade)
        rod(f"{side}_shin", 0.047 * build, 0.036 * build, shin, shade)
        # The foot is at right angles to the shin: forwards, or when seen from the front a little outwards.
        _, (x, y), ankle = bones[f"{side}_shin"]
        length = torch.where(turned > 0.5, outwards * 0.03, 0.065) * scale * mirror
        toes = (ankle[0] - y * length + x * 0.012 * scale, ankle[1] + x * length + y * 0.012 * scale)
        rod(f"{side}_shin", 0.037 * build, 0.032 * build, palette.dark, shade, start=ankle, end=toes)

    def torso():
        hips, (x, y), chest = bones["torso"]
        side = (-y * 0.06 * scale * turned, x * 0.06 * scale * turned)
        waist = (hips[0] + 0.05 * scale * x, hips[1] + 0.05 * scale * y)
        # The seat of the trousers, smooth on the legs; then the shirt.
        rod("torso", 0.066 * build, 0.064 * build, palette.second, 1.0, end=waist, curved=0.2 * build, halo=0.0)

        def shape(px, py):
            trunk = limb(px, py, waist, chest, 0.064 * build, 0.074 * build)
            ends = [(chest[0] + sign * side[0], chest[1] + sign * side[1]) for sign in (-1, 1)]
            return blend(trunk, limb(px, py, *ends, 0.05 * build), 0.03)

        centre = ((waist[0] + chest[0]) * 0.5, (waist[1] + chest[1]) * 0.5)
        reach = 0.12 * scale + 0.08 * build + 0.03 * turned * scale
        painter.lay(shape, centre, reach, worn(palette.main), 1 + BONES.index("torso"), 0.07 * build)

    def face():
        _, (x, y), middle = bones["head"]
        number = 1 + BONES.index("head")
        rod("head", 0.034 * build, 0.034 * build, palette.skin, 0.9)
        painter.lay(lambda px, py: disc(px - middle[0], py - middle[1], head), middle, head, worn(palette.wood), number, head)
        # Skin: forwards of the hair when seen from the side, below it from the front.
        ahead = torch.where(turned > 0.5, 0.0, 0.34) * head * mirror
        below = torch.where(turned > 0.5, 0.3, 0.16) * head
        centre = (middle[0] + y * ahead - x * below, middle[1] - x * ahead - y * below)
        painter.lay(
            lambda px, py: disc(px - centre[0], py - centre[1], head * 0.78), centre, head, worn(palette.skin), number, head
        )

    arm("left", 0.62)
    leg("left", 0.62, -1.0)
    leg("right", 1.0, 1.0)
    torso()
    face()
    arm("right", 1.0)


def visible(figure: Figure, numbers: torch.Tensor) -> torch.Tensor:
    """Bool n x T x 13: which keypoints can be seen. numbers: n x T x S x S, what each pixel shows."""
    size = numbers.shape[-1]
    column = torch.floor((figure.keypoints[..., 0] + 0.5) * size).to(torch.int64)
    row = torch.floor((0.5 - figure.keypoints[..., 1]) * size).to(torch.int64)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    there = numbers.flatten(2).gather(2, row.clamp(0, size - 1) * size + column.clamp(0, size - 1))
    seen = torch.zeros_like(inside)
    for place, name in enumerate(KEYPOINTS):
        side, _, joint = name.rpartition("_")
        for bone in _SHOWN_BY[joint]:
            bone = bone if bone in BONES else f"{side}_{bone}"
            seen[..., place] |= there[..., place] == 1 + BONES.index(bone)
    return seen & inside


def rigid_motion(figure: Figure) -> torch.Tensor:
    """How each bone moves to the next frame: n x T-1 x 10 x 4, numbers a, b, c, d such that what is at (x, y) goes by
    (a x - b y + c, b x + a y + d)."""
    motions = []
    for (x, y), (right, up), _ in (figure.bones[name] for name in BONES):
        a = right[:, :-1] * right[:, 1:] + up[:, :-1] * up[:, 1:] - 1  # cosine of the bone's rotation, less 1
        b = right[:, :-1] * up[:, 1:] - up[:, :-1] * right[:, 1:]
        c = x[:, 1:] - x[:, :-1] - a * x[:, :-1] + b * y[:, :-1]
        d = y[:, 1:] - y[:, :-1] - a * y[:, :-1] - b * x[:, :-1]
        motions.append(torch.stack([a, b, c, d], dim=-1))
    return torch.stack(motions, dim=2)
