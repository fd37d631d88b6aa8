"""Sounding clips: a second of sound, and pictures of one or two instruments of which one is heard."""

from collections.abc import Iterable

import torch

from course_lib.data.world.backgrounds import SURFACES, View, background
from course_lib.data.world.canvas import Canvas, over
from course_lib.data.world.colour import Palette, palette
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.instruments import (
    FRAMES,
    INSTRUMENTS,
    PAINTERS,
    RATE,
    SYNTHESISERS,
    Notes,
    Pose,
    draw_notes,
)
from course_lib.data.world.noise import screen_noise
from course_lib.data.world.threads import gather, none_of, pieces
from course_lib.data.world.window import Window
from course_lib.errors import CourseError

__all__ = ["INSTRUMENTS", "RATE", "render_sounds"]

_CHUNK = 16  # clips rendered at once, a thread
_SHADE = 0.05  # how far the soft shadow about an instrument reaches, in its units
_REACH = 1.1 + 2 * _SHADE  # an instrument's parts lie within 1 unit, its sides cos 6° + sin 6° as long if the camera rolls


def render_sounds(
    seed: int,
    index: torch.Tensor | Iterable[int],
    size: int = 48,
    frames: int = 8,
    *,
    device: str | torch.device = "cpu",
) -> dict:
    """Render clips of a second with sound. For a given size and number of frames, clip i is a function of (seed, i)
    alone: bit for bit the same in any batch, order, process and number of threads.

    Half of the clips show one instrument, half two of different kinds, apart from one another. Exactly one of them is
    heard, and moves with its one to four notes. In half of the clips with two, the silent one moves too, in the same
    manner, to notes of its own that are not heard: motion alone does not tell which one sounds. Nothing else differs
    between the two: places, sizes and colours are drawn alike.

    Args:
        seed: any integer.
        index: N sample numbers.
        size: pixels a side, S >= 16.
        frames: T >= 2 pictures; picture t shows the moment (t + 1/2) / T seconds.
        device: where to render.

    Returns:
        A dict of tensors on `device`:

        clips         uint8 N x T x 3 x S x S, sRGB
        sounds        int16 N x 16000, mono, at `RATE` samples a second; no sample is clipped
        labels        int64 N, the instrument that is heard, position in `INSTRUMENTS`, all equally likely
        present       bool N x 8, the instruments that are seen
        sounding      bool N x 8, the one that is heard
        masks         bool N x T x S x S, the pixels of the one that is heard, with its player's hands
        silent_masks  bool N x T x S x S, the pixels of the silent one; none where there is none
        onsets        bool N x 100, the frames of 10 ms at whose beginning a heard note starts
        silent_moves  bool N, whether there is a silent one that moves
        factors       dict name -> N numbers, as those of `scene.render`. "sound.pitch" is in Hz, the lowest note that the
                      instrument may play (of maracas and hands, the resonance that colours their noise); note k
                      starts with frame "notek.start" (1000: there is no such note) on the step "notek.step" of `SCALE`.

    Raises:
        CourseError: a size below 16, fewer than 2 frames.
    """
    if size < 16:
        raise CourseError(f"A clip needs at least 16 pixels a side, and the size is {size}: ask for a larger one.")
    if frames < 2:
        raise CourseError(f"A clip needs at least 2 frames, and there are to be {frames}: ask for more.")
    index = torch.as_tensor(index if isinstance(index, torch.Tensor) else list(index), dtype=torch.int64, device=device)
    if not len(index):
        return none_of(render_sounds(seed, [0], size, frames, device=device))
    everything = Draws(seed, index)
    labels, companions = everything.integer("label", len(INSTRUMENTS)).flatten(), _companions(everything).flatten()
    names = {}

    def work(job):
        label, chunk = job
        draw = Draws(seed, index[chunk], names)
        return chunk, _render(draw, label, size, frames), draw.factors

    # Clips with the same instruments together: they are painted at once.
    alike = [(labels == label).nonzero().flatten() for label in range(len(INSTRUMENTS))]
    jobs = [
        (label, chunk)
        for label, where in enumerate(alike)
        for chunk in pieces(where[companions[where].argsort()], _CHUNK)
    ]
    result = {"labels": labels} | gather(work, jobs, len(index), index.device)
    kinds = torch.arange(len(INSTRUMENTS), device=labels.device)
    result["sounding"] = labels[:, None] == kinds
    result["present"] = result["sounding"] | (result["factors"]["silent.kind"][:, None] == kinds)
    return result


def _companions(draw: Draws) -> torch.Tensor:
    """By how much the silent instrument's label exceeds, modulo 8, that of the one that is heard; 0 without one."""
    step = draw.integer("silent.kind", len(INSTRUMENTS) - 1) + 1
    return torch.where(draw.chance("scene.pair", 0.5), step, 0)


def _render(draw: Draws, label: int, size: int, frames: int) -> dict[str, torch.Tensor]:
    """n clips of which one instrument is heard, as in `render_sounds`."""
    companion = _companions(draw)
    pair = companion > 0
    moves = draw.keep("silent.moves", draw.chance("silent.moves", 0.5) & pair).flatten()
    silent_kind = draw.keep("silent.kind", torch.where(pair, (companion + label) % len(INSTRUMENTS), -1)).flatten()
    notes, silent_notes = draw_notes(draw, "note"), draw_notes(draw, "silent.note").only(moves)
    stage = _Stage(draw, size, frames)
    places = _places(draw, pair)
    masks = [
        stage.paint(draw, name, kinds, played, place)
        for name, kinds, played, place in zip(
            ("instrument", "silent"), (torch.full_like(silent_kind, label), silent_kind), (notes, silent_notes), places,
            strict=True,
        )
    ]  # fmt: skip
    heard, silent = masks
    frame = torch.arange(FRAMES, device=draw.device)
    return {
        "clips": stage.photographed(draw),
        "sounds": _recorded(draw, SYNTHESISERS[label](draw, notes)),
        "masks": heard & ~silent,
        "silent_masks": silent,
        "onsets": (notes.start[..., None] == frame).any(1),
        "silent_moves": moves,
    }


def _places(draw, pair):
    """Where the two instruments are, and how large: (x, y, scale) of the one that is heard and of the silent one."""
    upright = draw.chance("scene.stacked", 0.35)
    side = torch.where(draw.chance("scene.swapped", 0.5), 1.0, -1.0)
    places = []
    for name, direction in (("instrument", side), ("silent", -side)):
        alone, beside = draw.uniform(f"{name}.scale_alone", 0.6, 0.88), draw.uniform(f"{name}.scale_beside", 0.44, 0.48)
        scale = draw.keep(f"{name}.scale", torch.where(pair, beside, alone))
        half = scale * 0.5
        first, second = draw.uniform(f"{name}.place_x"), draw.uniform(f"{name}.place_y")
        anywhere = first * 2 - 1, second * 2 - 1
        apart = direction * (half + first * (0.5 - scale).clamp(min=0))
        across = anywhere[1] * (0.5 - half)
        x = torch.where(pair, torch.where(upright, across, apart), anywhere[0] * (0.5 - half))
        y = torch.where(pair, torch.where(upright, apart, across), anywhere[1] * (0.5 - half))
        places.append((draw.keep(f"{name}.x", x), draw.keep(f"{name}.y", y), scale))
    return places


class _Stage:
    """The pictures of n clips: the background, to which `paint` adds instruments."""

    def __init__(self, draw: Draws, size: int, frames: int):
        self.size, self.frames = size, frames
        self.roll = cos_sin(draw.uniform("camera.roll", -6 / 360, 6 / 360))
        octaves = [(nodes, draw.uniform(f"grain.octave{nodes}", 0.05, 0.3)) for nodes in (5, 9, 17, 33)]
        self.grain = screen_noise(draw, "grain", octaves, size)
        self.window = Window(size, self.roll)
        tilt = tuple(
            side * draw.uniform("surface.slant", 0.0, 0.35) for side in cos_sin(draw.uniform("surface.slant_angle"))
        )
        surface = draw.integer("scene.surface", len(SURFACES))
        film = background(draw, View(self.window, torch.zeros_like(self.roll[0]), self.grain, tilt), surface)
        self.tone = draw.factors["surface.lightness"].view(-1, 1, 1)
        # Light from any side, as on the surfaces of scenes.
        light_x, light_y = cos_sin(draw.uniform("light.angle"))
        front = draw.uniform("light.front", 0.5, 0.8)
        slant = torch.sqrt(1 - front * front)
        self.light = torch.cat([light_x * slant, light_y * slant, front], dim=1).flatten(1)
        self.strength = draw.uniform("light.strength", 0.35, 0.75)
        falloff = 1 + (self.window.x * light_x + self.window.y * light_y) * draw.uniform("light.falloff", 0.0, 0.35)
        self.image = self._each_frame(film[:, :3] * falloff[:, None])

    def _each_frame(self, values):
        return values.repeat_interleave(self.frames, 0)

    def paint(self, draw: Draws, name: str, kinds: torch.Tensor, notes: Notes, place) -> torch.Tensor:
        """Paint an instrument of each clip's kind (int64 n; -1: none); where it is seen, bool n x T x S x S."""
        mask = torch.zeros(len(draw), self.frames, self.size, self.size, dtype=torch.bool, device=draw.device)
        appearance = draw.keys(f"{name}.appearance")
        for kind, painter in enumerate(PAINTERS):
            which = (kinds == kind).nonzero().flatten()
            if len(which):
                rows = (which[:, None] * self.frames + torch.arange(self.frames, device=which.device)).flatten()
                at = [self._each_frame(value[which]) for value in place]
                seen = self._paint(painter, appearance[which], rows, notes.subset(which), at)
                mask[which] = seen.unflatten(0, (-1, self.frames))
        return mask

    def _paint(self, painter, appearance, rows, notes, place):
        """One kind of instrument in the pictures `rows`, the frames of whole clips in turn; bool, where it is seen."""
        clips = rows // self.frames
        colours = palette(Draws(0, appearance), self.tone[clips[:: self.frames]], False)
        colours = Palette(**{name: self._each_frame(colour) for name, colour in vars(colours).items()})
        look = Draws(0, self._each_frame(appearance))  # each picture draws what its clip draws
        x, y, scale = place
        reach = float(scale.max()) * _REACH
        roll = tuple(part[clips] for part in self.roll)
        around = Window(self.size, roll, (x, y), (reach, reach))
        seconds = (rows % self.frames + 0.5) * (1 / self.frames)
        played = Notes(*(self._each_frame(value) for value in (notes.start, notes.end, notes.step, notes.strength)))
        mirror = torch.where(look.chance("mirrored", 0.5), -1.0, 1.0)
        right, up = (around.world_x - x) * mirror / scale, (around.world_y - y) / scale
        canvas = Canvas(right, up, (1 / self.size) / scale, around.cut(self.grain[clips][:, None])[:, 0])
        painter(canvas, look, colours, Pose(played, seconds))
        part = around.cut(self.image[rows])
        shade = 1 - (canvas.distance * (1 / _SHADE)).clamp(0, 1)
        part = part * (1 - shade * 0.35)[:, None]
        picture = over(part, canvas.light(self.light[clips], self.strength[clips]), canvas.coverage)
        self.image[rows] = around.paste(picture, self.image[rows])
        seen = torch.zeros(len(rows), 1, self.size, self.size, device=rows.device)
        return around.paste((canvas.coverage >= 0.5)[:, None].to(torch.float32), seen)[:, 0] > 0

    def photographed(self, draw: Draws) -> torch.Tensor:
        """The clips, uint8 n x T x 3 x S x S; the sensor's noise is another in each picture."""
        warmth, exposure = draw.uniform("camera.warmth", -0.05, 0.05), draw.uniform("camera.exposure", 0.88, 1.08)
        balance = torch.stack([(1 + warmth * side) * exposure * 255 for side in (1, 0, -1)], dim=1)
        number = torch.arange(self.frames, device=draw.device)
        noise = Draws(0, (draw.keys("camera.noise")[:, None] + number).flatten()).pixel_noise("picture", self.size)
        noise *= self._each_frame(draw.uniform("camera.noise_level", 1.5, 6.0))[:, None]
        image = self.image * self._each_frame(balance) + noise
        return (image + 0.5).clamp_(0, 255).to(torch.uint8).unflatten(0, (-1, self.frames))


def _recorded(draw: Draws, sound: torch.Tensor) -> torch.Tensor:
    """What a microphone in a room records of a sound: int16 n x 16000."""
    sound = sound.flatten(1)
    heard = sound.clone()
    echo = draw.uniform("room.echo", 0.0, 0.45)[..., 0]
    moment = torch.arange(RATE, device=sound.device)
    for k, (least, most) in enumerate(((0.006, 0.02), (0.02, 0.05), (0.05, 0.11))):
        late = moment - (draw.uniform(f"room.delay{k}", least, most) * RATE).to(torch.int64)[..., 0]
        reflected = torch.where(late >= 0, sound.gather(1, late.clamp(min=0)), 0.0)
        heard += reflected * echo
        echo = echo * draw.uniform(f"room.absorbed{k}", 0.4, 0.8)[..., 0]
    # The gain is set by the loudest sample, so that none is clipped: the level is at most 0.9, the noise 0.012.
    level = draw.uniform("sound.level", 0.15, 0.9)[..., 0]
    heard = heard / heard.abs().amax(1, keepdim=True).clamp(min=1e-6) * level
    hiss = (draw.table("microphone", RATE) * 2 - 1) * draw.uniform("microphone.noise", 0.0005, 0.012)[..., 0]
    return torch.floor((heard + hiss) * 32767 + 0.5).to(torch.int16)
