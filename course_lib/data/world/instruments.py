"""Eight instruments: how each sounds, after the physics that makes it sound, and how it looks while it is played.

A player's notes are `Notes`, from which both follow. `SYNTHESISERS` make sounds, float32 n x 100 x 160: frames of 10 ms,
16 000 samples in all, of no particular loudness. `PAINTERS` paint pictures, all parts within half a unit of the origin.
"Rossing" below is N. H. Fletcher and T. D. Rossing, The Physics of Musical Instruments, 2nd edition, 1998.
"""

import math
from dataclasses import dataclass

import torch

from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import Palette, free_rgb
from course_lib.data.world.distance import blend, box, disc, ellipse, limb, polygon, union
from course_lib.data.world.draws import Draws, cos_sin

RATE = 16_000  # samples a second
FRAME = 160  # samples in the frames of 10 ms, in which notes start
FRAMES = 100
MOST_NOTES = 4
SCALE = (1.0, 9 / 8, 5 / 4, 3 / 2, 5 / 3, 2.0)  # just intonation, pentatonic; a bar of the xylophone, a pipe, for each
_TOP = 0.46 * RATE  # Hz: what would lie above is left out
_LONG = 9.0  # seconds: for never


@dataclass
class Notes:
    """What a player plays in a second: int64 n x 4 each, but strength, float64 in 0.6-1.

    start, end: frames of 10 ms, both 1000 where there is no such note; the starts ascend. step: position in `SCALE`.
    """

    start: torch.Tensor
    end: torch.Tensor
    step: torch.Tensor
    strength: torch.Tensor

    @property
    def there(self) -> torch.Tensor:
        """Bool n x 4: which notes there are."""
        return self.start < FRAMES

    def pitch(self, keynote: torch.Tensor) -> torch.Tensor:
        """Hz, float64 n x 4, of an instrument whose scale begins at `keynote` (n x 1)."""
        return torch.tensor(SCALE, dtype=torch.float64, device=keynote.device)[self.step] * keynote

    def only(self, which: torch.Tensor) -> "Notes":
        """Without any notes where `which` (bool n) does not hold."""
        start, end = (torch.where(which[:, None], frame, 10 * FRAMES) for frame in (self.start, self.end))
        return Notes(start, end, self.step, self.strength)

    def subset(self, which: torch.Tensor) -> "Notes":
        return Notes(*(value[which] for value in (self.start, self.end, self.step, self.strength)))


def draw_notes(draw: Draws, name: str) -> Notes:
    """One to four notes, at least 140 ms apart, each held for up to 0.6 s or until shortly before the next."""
    count = draw.integer(f"{name}.count", MOST_NOTES) + 1
    share = 90 / count  # frames for each
    starts, ends, steps, strengths = [], [], [], []
    for k in range(MOST_NOTES):
        start = torch.floor(3 + share * k + draw.uniform(f"{name}{k}.delay") * (share - 14)).to(torch.int64)
        starts.append(draw.keep(f"{name}{k}.start", torch.where(k < count, start, 10 * FRAMES)))
        steps.append(draw.integer(f"{name}{k}.step", len(SCALE)))
        strengths.append(draw.uniform(f"{name}{k}.strength", 0.6, 1.0).to(torch.float64))
        ends.append(torch.floor(draw.uniform(f"{name}{k}.held", 14, 60)).to(torch.int64))
    start, end, step, strength = (torch.cat(values, dim=1)[..., 0] for values in (starts, ends, steps, strengths))
    following = torch.cat([start[:, 1:], torch.full_like(start[:, :1], 10 * FRAMES)], dim=1)
    end = torch.minimum(start + end, following - 3).clamp(max=FRAMES - 2)
    return Notes(start, torch.where(start < FRAMES, end, start), step, strength)


# Sounds. Whatever is long is made of sums and products only, one mode after the other: see `cos_sin` for why.


def _powers(base, exponent):
    """base ** exponent (int64 >= 0) by repeated squaring; the two broadcast."""
    result, base = torch.ones_like(base * exponent), base + torch.zeros_like(base)
    for _ in range(int(exponent.max()).bit_length()):
        result = result * torch.where(exponent & 1 == 1, base, 1.0)
        base, exponent = base * base, exponent >> 1
    return result


def _kept(seconds):
    """By what a sample's amplitude is multiplied to fall to 1/e after so many seconds, to first order."""
    return 1 - 1 / (seconds * RATE)


def _phasor(turns, amplitude):
    cos, sin = cos_sin(turns)
    return (cos * amplitude).to(torch.float32), (sin * amplitude).to(torch.float32)


def _ringing(notes: Notes, frequency, amplitude, seconds, phase=-0.25):
    """Modes that every note excites anew and that die away: float32 n x 100 x 160.

    frequency (Hz), amplitude, seconds (to 1/e): float64, they broadcast to n x 4 notes x modes. phase: in turns; a mode
    that is struck is at rest when it starts, a sine.
    """
    amplitude = amplitude * notes.strength[..., None]
    frequency, amplitude, seconds = torch.broadcast_tensors(frequency, amplitude, seconds)
    amplitude = torch.where(frequency < _TOP, amplitude, 0.0)
    # A complex power of the time is the product of one for whole frames and one for the samples in a frame.
    frame = torch.arange(FRAMES, device=frequency.device)
    sample = torch.arange(FRAME, device=frequency.device)
    kept, turn = _kept(seconds)[..., None], (frequency * (1 / RATE))[..., None]
    fine_cos, fine_sin = _phasor(turn * sample, _powers(kept, sample))
    age = frame - notes.start[..., None, None]
    jump = turn * FRAME
    jump = jump - torch.floor(jump)
    whole_frame = _powers(kept, torch.tensor(FRAME, device=frequency.device))
    start = torch.where(age >= 0, amplitude[..., None], 0.0) * _powers(whole_frame, age.clamp(min=0))
    cos, sin = _phasor(jump * age + phase, start)
    sound = torch.zeros(len(frequency), FRAMES, FRAME, device=frequency.device)
    part = torch.empty_like(sound)
    for note in range(MOST_NOTES):
        if notes.there[:, note].any():
            for mode in range(frequency.shape[2]):
                sound += torch.mul(cos[:, note, mode, :, None], fine_cos[:, note, mode, None], out=part)
                sound -= torch.mul(sin[:, note, mode, :, None], fine_sin[:, note, mode, None], out=part)
    return sound


def _noise(draw, name):
    """White noise in -1 to 1: float32 n x 100 x 160."""
    return draw.table(name, RATE).view(-1, FRAMES, FRAME) * 2 - 1


def _resonance(sound, frequency, seconds, taps=256):
    """A sound through a resonator (frequency in Hz, time to 1/e in seconds: n x 1), as loud as it was near its peak."""
    kept = _kept(seconds)
    cos, sin = _phasor(frequency * (1 / RATE), kept)
    real = sound.flatten(1) * (1 - kept).to(torch.float32)
    imaginary = torch.zeros_like(real)
    # The sum of pole^k x[t - k] over k < 2 taps is that over k < taps, plus pole^taps times the same, `taps` earlier.
    reach = 1
    while reach < taps:
        early_real, early_imaginary = real[:, :-reach], imaginary[:, :-reach]
        add_real = early_real * cos - early_imaginary * sin
        imaginary[:, reach:] += early_real * sin + early_imaginary * cos
        real[:, reach:] += add_real
        cos, sin = cos * cos - sin * sin, cos * sin * 2
        reach *= 2
    return real.view(-1, FRAMES, FRAME)


def _held(notes: Notes, pitch, attack, release, vibrato=None):
    """Notes that are held, one at a time: cosine and sine of their phase, and their loudness; n x 100 x 160 each.

    pitch: Hz, n x 4. attack, release: seconds, n x 1 x 1. vibrato: rate in Hz and share of the pitch, n x 1 x 1 each.
    The frequency in every frame, n x 100 x 1, comes last.
    """
    frame = torch.arange(FRAMES, device=pitch.device)
    current = ((notes.start[:, :, None] <= frame).sum(1) - 1).clamp(min=0)
    start, end, pitch, strength = (value.gather(1, current) for value in (notes.start, notes.end, pitch, notes.strength))
    age = frame - start
    turns = pitch * (age * 0.01)
    turns = (turns - torch.floor(turns)).to(torch.float32)[..., None]
    sample = torch.arange(FRAME, device=pitch.device) * (1 / RATE)
    pitch, strength = (value.to(torch.float32)[..., None] for value in (pitch, strength))
    seconds = (age * 0.01).to(torch.float32)[..., None] + sample
    turns = turns + pitch * sample
    if vibrato is not None:
        rate, share = vibrato
        turns = turns + cos_sin(seconds * rate)[1] * (pitch * share / (rate * math.tau)) * (seconds * 4).clamp(0, 1)
    left = ((end - frame) * 0.01).to(torch.float32)[..., None] - sample
    rise, fall = (seconds / attack).clamp(0, 1), (left / release).clamp(0, 1)
    return *cos_sin(turns), rise * rise * (3 - 2 * rise) * fall * strength, pitch


def _harmonics(cos, sin, amplitudes):
    """The sum of amplitudes[k] times the sine of k + 1 times the phase, by Clenshaw's recurrence."""
    double, last, before = cos * 2, torch.zeros_like(cos), torch.zeros_like(cos)
    for amplitude in reversed(amplitudes):
        last, before = (double * last).sub_(before).add_(amplitude), last
    return last * sin


def _column(draw, name, low, high):
    return draw.uniform(name, low, high)[..., 0].to(torch.float64)


def _keynote(draw, low, high):
    return draw.keep("sound.pitch", draw.uniform("sound.pitch_draw", low, high))[..., 0].to(torch.float64)


def _numbers(values, like):
    return torch.tensor(values, dtype=torch.float64, device=like.device)


def _mallet(frequency, softness):
    """What a mallet whose blow lasts about 1 / softness (Hz) excites: less of the modes that are faster than it."""
    ratio = frequency / softness
    return 1 / (1 + ratio * ratio)


def plucked_string(draw: Draws, notes: Notes):
    # Rossing 2.4, 2.18 and 9.3: the pluck's place forbids harmonics with a node there, the bridge feels 1 / n of the rest;
    # stiffness B draws them apart by sqrt(1 + B n^2); air and the string's own friction damp the high ones faster.
    pitch = notes.pitch(_keynote(draw, 110.0, 330.0))[..., None]
    n = torch.arange(1, 21, dtype=torch.float64, device=pitch.device)
    stiffness = _column(draw, "guitar.stiffness", 0.5e-4, 4e-4)[..., None]
    frequency = pitch * n * torch.sqrt(1 + stiffness * n * n)
    amplitude = cos_sin(n * _column(draw, "guitar.pluck", 0.11, 0.3)[..., None] * 0.5)[1] / n
    thousands = frequency * 1e-3
    return _ringing(notes, frequency, amplitude, 1 / (_column(draw, "guitar.damping", 1.8, 4.0)[..., None]
                                                      + thousands * thousands * 1.6 + thousands * 2))  # fmt: skip


# Circles and lines at rest of a membrane's modes (m, the zero of the Bessel function J_m): Rossing, chapter 3.
MEMBRANE = [
    (0, 2.4048), (1, 3.8317), (2, 5.1356), (0, 5.5201), (3, 6.3802), (1, 7.0156), (4, 7.5883), (2, 8.4172), (0, 8.6537),
    (5, 8.7715),
]  # fmt: skip


def _bessel(order, x):
    """J of whole order at 0 <= x < 8, by its power series."""
    half = x * 0.5
    term = torch.ones_like(half)
    for k in range(order):
        term = term * half / (k + 1)
    total = term
    for k in range(1, 20):
        term = term * half * half * (-1 / (k * (k + order)))
        total = total + term
    return total


def membrane(draw: Draws, notes: Notes):
    # A mode moves as far as J_m of its zero times the radius at which the stick falls; high modes die sooner.
    keynote = _keynote(draw, 75.0, 170.0)[..., None]
    ratio = _numbers([zero / MEMBRANE[0][1] for _, zero in MEMBRANE], keynote)
    radius = _column(draw, "drum.radius", 0.15, 0.6)
    amplitude = torch.cat([_bessel(order, radius * zero) for order, zero in MEMBRANE], dim=1)[:, None]
    frequency = keynote * ratio
    seconds = _column(draw, "drum.seconds", 0.09, 0.25)[..., None] / ratio
    skin = _ringing(notes, frequency, amplitude * _mallet(frequency, 600.0), seconds)
    knock = _ringing(notes, keynote * 0, keynote * 0 + 0.12, keynote * 0 + 0.004, phase=0.0)  # the stick itself
    return skin + knock * _noise(draw, "drum.knock")


BAR = [1.0, 2.756, 5.404, 8.933]  # a uniform bar with free ends: Rossing 2.16; a xylophone's is undercut to 1 : 3 or 1 : 4


def bar(draw: Draws, notes: Notes):
    pitch = notes.pitch(_keynote(draw, 330.0, 660.0))[..., None]
    ratio = _numbers(BAR, pitch)
    frequency = pitch * ratio
    hard = _mallet(frequency, _column(draw, "xylophone.mallet", 1500.0, 4000.0)[..., None])
    seconds = _column(draw, "xylophone.seconds", 0.08, 0.2)[..., None] / ratio
    return _ringing(notes, frequency, hard, seconds)


def pipe(draw: Draws, notes: Notes):
    # A pipe that is closed at one end has the odd harmonics, the jet's asymmetry adds a little of the even ones; the
    # breath is noise that the pipe's first mode colours: Rossing 16.9, 17.2.
    pitch = notes.pitch(_keynote(draw, 330.0, 620.0))
    attack = draw.uniform("panpipes.attack", 0.03, 0.07)
    cos, sin, loudness, frequency = _held(notes, pitch, attack, torch.full_like(attack, 0.05))
    bright = draw.uniform("panpipes.bright", 0.15, 0.4)
    odd = [1.0, bright, bright * bright, bright * bright * bright]
    even = [0.03, 0.02, 0.01]
    amplitudes = [odd[k // 2] if k % 2 == 0 else even[k // 2] for k in range(7)]
    tone = _harmonics(cos, sin, [torch.where(frequency * (k + 1) < _TOP, a, 0.0) for k, a in enumerate(amplitudes)])
    breath = _resonance(_noise(draw, "panpipes.breath"), pitch[:, :1], torch.full_like(pitch[:, :1], 0.003))
    return (tone + breath * draw.uniform("panpipes.breathy", 0.3, 1.2)) * loudness


_BODY = [(280.0, 60.0, 1.2), (460.0, 90.0, 1.5), (2500.0, 700.0, 1.6)]  # air, wood and bridge: Hz, half-width, gain


def bowed_string(draw: Draws, notes: Notes):
    # Helmholtz: the string sticks to the bow and slips once a period, a sawtooth at the bridge, amplitudes 1 / n
    # (Rossing 10.4); the body's resonances let some pass more easily (Rossing 10.5).
    pitch = notes.pitch(_keynote(draw, 196.0, 440.0))
    vibrato = draw.uniform("violin.vibrato_rate", 4.5, 7.0), draw.uniform("violin.vibrato", 0.002, 0.009)
    attack = draw.uniform("violin.attack", 0.03, 0.08)
    cos, sin, loudness, frequency = _held(notes, pitch, attack, torch.full_like(attack, 0.05), vibrato)
    amplitudes = []
    for n in range(1, 25):
        harmonic, passes = frequency * n, 0.6
        for centre, width, gain in _BODY:
            off = (harmonic - centre) * (1 / width)
            passes = passes + gain / (1 + off * off)
        amplitudes.append(torch.where(harmonic < _TOP, passes / n, 0.0))
    rosin = _noise(draw, "violin.rosin") * draw.uniform("violin.scratch", 0.01, 0.05)
    return (_harmonics(cos, sin, amplitudes) + rosin) * loudness


def shaker(draw: Draws, notes: Notes):
    # Cook 1997, "Physically informed sonic modeling": beads hit the shell at random, ever fewer, and the shell rings.
    centre, width = _keynote(draw, 2800.0, 5200.0), _column(draw, "maracas.shell", 0.2e-3, 0.5e-3)
    still = torch.zeros_like(centre)[..., None]
    seconds = _column(draw, "maracas.seconds", 0.025, 0.06)[..., None]
    fading = torch.cat([seconds, seconds * 0.2], dim=2)  # the beads gather within some milliseconds
    thrown = _ringing(notes, still, _numbers([1.0, -1.0], centre), fading, phase=0.0)
    noise = _noise(draw, "maracas.beads")
    hits = torch.where(noise.abs() > draw.uniform("maracas.beads_few", 0.6, 0.9), noise, 0.0)
    return _resonance(hits * thrown, centre, width, taps=64)


# Partials of a church bell and how long they last (seconds, of a small one), from hum to upper octave: Rossing, table 21.1.
BELL = {
    "hum": (0.5, 0.5, 0.9), "prime": (1.0, 0.6, 0.6), "tierce": (1.183, 0.8, 0.6), "quint": (1.506, 0.3, 0.3),
    "nominal": (2.0, 1.0, 0.4), "deciem": (2.514, 0.25, 0.2), "undeciem": (2.662, 0.2, 0.2),
    "duodecime": (3.011, 0.4, 0.2), "upper octave": (4.166, 0.3, 0.12),
}  # fmt: skip


def bell(draw: Draws, notes: Notes):
    keynote = _keynote(draw, 420.0, 900.0)[..., None]
    ratio, amplitude, seconds = _numbers(list(zip(*BELL.values(), strict=True)), keynote)
    tuned = ratio * torch.cat([_column(draw, f"bell.tuning{k}", 0.99, 1.01) if ratio[k] not in (0.5, 1.0, 2.0)
                               else torch.ones_like(keynote[..., 0]) for k in range(len(ratio))], dim=1)[:, None]  # fmt: skip
    hard = _mallet(keynote * tuned, _column(draw, "bell.clapper", 2000.0, 6000.0)[..., None])
    return _ringing(notes, keynote * tuned, amplitude * hard, seconds * _column(draw, "bell.seconds", 0.6, 1.3)[..., None])


def clap(draw: Draws, notes: Notes):
    # Repp 1987, "The sound of two hands clapping": a burst of a few milliseconds, coloured by the hollow of the hands.
    centre = _keynote(draw, 700.0, 1800.0)
    still = torch.zeros_like(centre)[..., None]
    burst = _ringing(notes, still, still + 1, _column(draw, "clap.seconds", 0.003, 0.007)[..., None], phase=0.0)
    burst = burst * _noise(draw, "clap.burst")
    return _resonance(burst, centre, _column(draw, "clap.hollow", 0.6e-3, 1.4e-3), taps=128) * 2.5 + burst * 0.25


# Pictures.


class Pose:
    """How a player is at some moments, n x 1 x 1 each.

    raised: 0 at the start of a note, 1 from 140 ms before or after. swing: -1 to 1, through 0 when a note starts, in turns to
    either side, and 0 at rest. stroke: -1 or 1, turning with every note. bow: -1 to 1, from end to end during a note.
    tremble: 1 at the start of a note, dying away. held: 1 during a note, 0 otherwise. place: 0-1, the nearest note's step.
    clock: the time in seconds while the player plays anything at all, and 0 otherwise.
    """

    def __init__(self, notes: Notes, seconds: torch.Tensor):
        """notes: of n moments; seconds: n, the moments."""
        time = seconds[:, None, None]
        since, until, nearest = (torch.full_like(time, _LONG) for _ in range(3))
        self.stroke, self.place, along = torch.ones_like(time), torch.full_like(time, 0.5), torch.ones_like(time)
        for k in range(MOST_NOTES):
            start, end = (frame[:, k, None, None] * 0.01 for frame in (notes.start, notes.end))
            started, gap = time >= start, (time - start).abs()
            since = torch.where(started, gap, since)
            until = torch.minimum(until, torch.where(started, _LONG, gap))
            along = torch.where(started, (gap / (end - start).clamp(min=0.01)).clamp(0, 1), along)
            self.stroke = torch.where(started, -self.stroke, self.stroke)
            self.place = torch.where(gap < nearest, notes.step[:, k, None, None] * (1 / (len(SCALE) - 1)), self.place)
            nearest = torch.minimum(nearest, gap)
        near = (nearest * (1 / 0.14)).clamp(0, 1)
        self.raised = near * near * (3 - 2 * near)
        self.swing = self.stroke * (nearest * 10).clamp(0, 1) * ((0.45 - nearest) * 4).clamp(0, 1)
        self.bow = self.stroke * (1 - 2 * along)
        fading = (1 - since * 1.6).clamp(0, 1)
        self.tremble = fading * fading
        self.held = torch.where(along < 1, 1.0, 0.0)
        self.clock = torch.where(nearest < _LONG, time, 0.0)


def _turned(x, y, turns):
    cos, sin = cos_sin(turns)
    return x * cos + y * sin, y * cos - x * sin


def _hand(canvas, palette, x, y, radius=0.055):
    canvas.paint(disc(canvas.x - x, canvas.y - y, radius), palette.skin, bevel=radius, halo=0.2)


def guitar(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    turn = draw.uniform("guitar.turn", 0.07, 0.15) + pose.swing * 0.012
    x, y = _turned(canvas.x, canvas.y, turn)
    lower = draw.uniform("guitar.lower", 0.19, 0.22)
    upper = lower * draw.uniform("guitar.upper", 0.72, 0.82)
    body = blend(disc(x + 0.26, y, lower), disc(x + 0.02, y, upper), 0.07)
    canvas.paint(limb(x, y, (0.0, 0.0), (0.45, 0.0), 0.03), palette.dark, bevel=0.02)
    canvas.paint(box(x - 0.47, y, 0.06, 0.05, 0.02), palette.second, bevel=0.02)
    canvas.paint(body, palette.main, bevel=0.05)
    canvas.paint(body.abs() - 0.012, palette.dark, bevel=None)
    canvas.paint(disc(x + 0.07, y, 0.085), palette.pale, bevel=None)
    canvas.paint(disc(x + 0.07, y, 0.065), palette.dark, bevel=None)
    canvas.paint(box(x - 0.21, y, 0.2, 0.024, 0.0), palette.dark, bevel=None)
    canvas.paint(box(x + 0.3, y, 0.02, 0.08, 0.01), palette.dark, bevel=0.02)
    # The strings: a bundle that is wide in the middle while it vibrates.
    along = ((x + 0.3) * (1 / 0.74)).clamp(0, 1)
    belly = along * (1 - along) * 4
    for side in (-1, 1):
        line = (y - side * (0.014 + belly * pose.tremble * 0.05)).abs() - 0.008
        canvas.paint(line.maximum((x - 0.07).abs() - 0.37), palette.pale, bevel=None)
    across = pose.swing * 0.17 + (1 - pose.swing.abs()) * 0.02
    cos, sin = cos_sin(turn)
    hand = -0.13 * cos - across * sin, across * cos - 0.13 * sin
    canvas.paint(limb(canvas.x, canvas.y, hand, (0.02, -0.46), 0.04), palette.second, bevel=0.04, halo=0.2)
    _hand(canvas, palette, *hand)


def drum(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    x, y = canvas.x, canvas.y
    half, deep = draw.uniform("drum.half_width", 0.31, 0.38), draw.uniform("drum.depth", 0.2, 0.34)
    top, flat = -0.02, draw.uniform("drum.flat", 0.09, 0.12)
    foot = top - deep
    shell = union(box(x, y - (top + foot) * 0.5, half, deep * 0.5), ellipse(x, y - foot, half, flat))
    canvas.paint(shell, palette.main, bevel=half, relief=x.abs() - half)
    # Cords, to and fro between the hoops; the hoops follow the shell's roundness.
    sag = flat * torch.sqrt((1 - (x / half) * (x / half)).clamp(min=0))
    height = (y + sag - foot) / deep  # 0 at the lower hoop, 1 at the upper one
    zigzag = x / half * 3
    zigzag = (zigzag - torch.floor(zigzag) - 0.5).abs() * 2
    canvas.paint(((height - zigzag).abs() * 0.07 - 0.014).maximum(shell + 0.005), palette.pale, bevel=None)
    for at in (0.0, 1.0):
        canvas.paint(((height - at).abs() * deep - 0.03).maximum(shell - 0.01), palette.second, bevel=None)
    canvas.paint(ellipse(x, y - top, half + 0.015, flat + 0.012), palette.second, bevel=0.02)
    skin = ellipse(x, y - top, half - 0.02, flat - 0.015)
    canvas.paint(skin, palette.pale, bevel=None)
    ring = (ellipse(x, y - top, half * 0.55, flat * 0.55)).abs() - 0.03 * pose.tremble  # it quivers
    canvas.paint(ring + torch.where(pose.tremble > 0, 0.0, 1.0), palette.pale * 0.8, bevel=None)
    # Two sticks take turns; the other one waits.
    for side in (-1, 1):
        lift = torch.where(pose.stroke * side > 0, pose.raised, 1.0)
        tip = side * (0.1 + 0.03 * lift), top + 0.02 + 0.27 * lift
        handle = side * 0.42, top + 0.28 + 0.1 * lift
        canvas.paint(limb(x, y, handle, tip, 0.028, 0.02), palette.dark, bevel=0.02)
        canvas.paint(disc(x - tip[0], y - tip[1], 0.045), palette.third, bevel=0.045)
        _hand(canvas, palette, *handle)


def xylophone(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    x, y = canvas.x, canvas.y - (-0.14)
    hue, lightness = draw.uniform("xylophone.hue"), draw.uniform("xylophone.lightness", 0.62, 0.8)
    chroma, shorter = draw.uniform("xylophone.chroma", 30.0, 45.0), draw.uniform("xylophone.shorter", 0.45, 0.65)
    for side in (-1, 1):
        ends = (-0.46, side * 0.18), (0.46, side * 0.18 * shorter)
        canvas.paint(limb(x, y, *ends, 0.035), palette.wood, bevel=0.03)
    bars, count = [], len(SCALE)
    for k in range(count):
        struck = torch.where((pose.place * (count - 1) - k).abs() < 0.5, pose.tremble, 0.0)
        middle = (k - (count - 1) / 2) * 0.162
        half = 0.3 * (1 - (1 - shorter) * (k / (count - 1)))
        colour = free_rgb(lightness + 0.15 * struck, chroma, hue + k * 0.15)
        bars.append((middle, half))
        shape = box(x - middle, y + 0.02 * struck, 0.064, half, 0.02)
        canvas.paint(shape, torch.cat([colour, torch.ones_like(colour[:, :1])], dim=1), bevel=0.03, halo=0.25)
        canvas.paint(disc(x - middle, y.abs() - half * 0.68, 0.016), palette.dark, bevel=None)
    # The mallet comes from above.
    across = (pose.place - 0.5) * (0.162 * (count - 1))
    head = across, 0.02 + 0.3 * pose.raised
    handle = across * 0.6 + 0.19, 0.38 + 0.14 * pose.raised
    canvas.paint(limb(x, y, head, handle, 0.022), palette.dark, bevel=0.02)
    canvas.paint(disc(x - head[0], y - head[1], 0.065), palette.pale, bevel=0.065, halo=0.4)
    _hand(canvas, palette, handle[0], handle[1] - 0.14)


def panpipes(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    x, y = canvas.x, canvas.y
    # The player's head goes to the pipe that is to sound, and nods while it sounds.
    nod = cos_sin(pose.clock * 3.0)[1] * (0.35 + 0.65 * pose.held) * 0.035
    head_x = torch.where(pose.clock > 0, (pose.place - 0.5) * 0.22, 0.0)
    head_y = 0.2 + nod + torch.where(pose.held > 0, 0.0, 0.04)
    face_x, face_y = x - head_x, y - head_y
    shoulders = blend(limb(x, y, (head_x, 0.05), (0.0, -0.3), 0.08), ellipse(x, y + 0.4, 0.35, 0.33), 0.1)
    canvas.paint(shoulders.maximum(-0.48 - y), palette.second, bevel=0.15)
    canvas.paint(disc(face_x, face_y - 0.035, 0.235), palette.dark, bevel=0.2)  # hair
    canvas.paint(ellipse(face_x, face_y + 0.025, 0.2, 0.215), palette.skin, bevel=0.15)
    canvas.paint(disc(face_x.abs() - 0.085, face_y - 0.015, 0.032), palette.dark, bevel=None)
    canvas.paint(limb(face_x, face_y, (0.0, -0.02), (0.0, -0.06), 0.022), palette.skin * 0.85, bevel=None)
    cheeks = disc(face_x.abs() - 0.13, face_y + 0.1, 0.055 + 0.025 * pose.held)
    canvas.paint(cheeks, palette.skin, bevel=0.07, halo=0.1)
    # The pipes before the mouth, the longest sounds the lowest note.
    count, short = len(SCALE), draw.uniform("panpipes.short", 0.14, 0.2)
    for k in range(count):
        middle, tall = (k - (count - 1) / 2) * 0.105, short + (0.36 - short) * (1 - k / (count - 1))
        tube = box(x - middle, y - 0.055 + tall * 0.5, 0.047, tall * 0.5, 0.02)
        canvas.paint(tube, palette.main, bevel=0.05, halo=0.2, relief=(x - middle).abs() - 0.047)
        canvas.paint(ellipse(x - middle, y - 0.055, 0.034, 0.018), palette.dark, bevel=None)
    canvas.paint(box(x, y + 0.045, 0.32, 0.028, 0.01), palette.third, bevel=0.02)
    for side in (-1, 1):
        _hand(canvas, palette, side * 0.35, -0.06, 0.07)


def violin(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    turn = draw.uniform("violin.turn", -0.04, 0.04) + pose.bow * 0.008
    x, y = _turned(canvas.x, canvas.y, turn)
    lower, upper = draw.uniform("violin.lower", 0.185, 0.21), draw.uniform("violin.upper", 0.145, 0.165)
    body = blend(ellipse(x, y + 0.28, lower, 0.18), ellipse(x, y + 0.02, upper, 0.15), 0.05)
    waist = torch.maximum(body, 0.075 - disc(x.abs() - 0.225, y + 0.14, 0.0))  # a bay on either side
    canvas.paint(box(x, y - 0.25, 0.028, 0.2, 0.01), palette.dark, bevel=0.02)
    canvas.paint(union(disc(x, y - 0.45, 0.045), box(x, y - 0.4, 0.06, 0.02, 0.01)), palette.wood, bevel=0.03)
    canvas.paint(waist, palette.main, bevel=0.07)
    canvas.paint(waist.abs() - 0.012, palette.dark, bevel=None)
    canvas.paint(limb(x.abs(), y, (0.085, -0.13), (0.1, -0.25), 0.014), palette.dark, bevel=None)  # sound holes
    canvas.paint(polygon(x, y, (-0.038, -0.02), (0.038, -0.02), (0.028, 0.3), (-0.028, 0.3)), palette.dark, bevel=None)
    canvas.paint(polygon(x, y, (-0.025, -0.42), (0.025, -0.42), (0.045, -0.28), (-0.045, -0.28)), palette.dark, bevel=0.02)
    along = ((y + 0.3) * (1 / 0.65)).clamp(0, 1)
    belly = along * (1 - along) * 4 * pose.held
    for side in (-1, 1):
        line = (x - side * (0.016 + 0.022 * belly)).abs() - 0.007
        canvas.paint(line.maximum((y - 0.02).abs() - 0.32), palette.pale, bevel=None)
    canvas.paint(box(x, y + 0.19, 0.07, 0.014, 0.0), palette.pale, bevel=0.02)
    # The bow, across the strings between the bridge and the fingerboard.
    slide, slope = pose.bow * 0.17, draw.uniform("violin.bow_slope", -0.06, 0.06)
    left, right = (slide - 0.3, -0.1 - slope), (slide + 0.3, -0.1 + slope)
    hair = limb(canvas.x, canvas.y, left, right, 0.014)
    lift = 0.055
    stick = limb(canvas.x, canvas.y, (left[0], left[1] + lift * 0.4), (right[0], right[1] + lift), 0.019)
    canvas.paint(hair, palette.pale, bevel=None)
    canvas.paint(stick, palette.wood, bevel=0.02, halo=0.3)
    _hand(canvas, palette, right[0] - 0.02, right[1] + 0.02, 0.062)


def maracas(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    spread = draw.uniform("maracas.spread", 0.03, 0.05)
    tall, wide = draw.uniform("maracas.tall", 0.16, 0.19), draw.uniform("maracas.wide", 0.12, 0.145)
    for side in (-1, 1):
        # The hands hold still, the heads jerk down and together at every note.
        blow = 1 - pose.raised
        x, y = canvas.x - side * 0.105, canvas.y + 0.32 + 0.07 * blow
        x, y = _turned(x, y, side * -(spread + 0.045 * pose.swing * side + 0.04 * blow))
        canvas.paint(limb(x, y, (0.0, -0.08), (0.0, 0.28), 0.03), palette.wood, bevel=0.03)
        shell = ellipse(x, y - 0.45, wide, tall)
        canvas.paint(shell, palette.main, bevel=0.12, halo=0.3)
        for at in (0.38, 0.52):
            canvas.paint(((y - at).abs() - 0.025).maximum(shell + 0.004), palette.second, bevel=None)
        canvas.paint(((y - 0.45).abs() - 0.018).maximum(shell + 0.004), palette.pale, bevel=None)
        canvas.paint(disc(x, y - 0.02, 0.07), palette.skin, bevel=0.07, halo=0.2)


def church_bell(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    # A beam from which the bell hangs, and swings about it.
    canvas.paint(box(canvas.x, canvas.y - 0.43, 0.44, 0.04, 0.01), palette.wood, bevel=0.03)
    x, y = _turned(canvas.x, canvas.y - 0.43, pose.swing * 0.05)
    y = y + 0.43
    wide, crown = draw.uniform("bell.half_width", 0.27, 0.32), draw.uniform("bell.crown", 0.13, 0.17)
    tongue_x, tongue_y = _turned(x, y - 0.2, pose.swing * -0.05)
    canvas.paint(limb(tongue_x, tongue_y, (0.0, 0.0), (0.0, -0.52), 0.022), palette.dark, bevel=0.02)
    canvas.paint(disc(tongue_x, tongue_y + 0.53, 0.065), palette.dark, bevel=0.065)
    canvas.paint(box(x, y - 0.37, 0.05, 0.06, 0.02), palette.dark, bevel=0.02)
    # The profile: half the width at every height, from the crown down to the flared lip.
    down = ((0.33 - y) * (1 / 0.58)).clamp(0, 1)
    shoulder = (1 - down * 5).clamp(0, 1)
    half = crown * (1 - shoulder * shoulder * 0.5) + (wide - crown) * down * down * (0.5 + 0.5 * down)
    side = x.abs() - half
    metal = (side * 0.9).maximum((y - 0.04).abs() - 0.29)
    canvas.paint(metal, palette.main, bevel=0.2, halo=0.2, relief=side)
    for at in (0.16, -0.1):
        canvas.paint(((y - at).abs() - 0.014).maximum(metal), palette.second, bevel=None)
    canvas.paint(box(x, y + 0.235, wide + 0.012, 0.03, 0.025), palette.second, bevel=0.03)


def hands(canvas: Canvas, draw: Draws, palette: Palette, pose: Pose):
    apart = 0.05 + 0.11 * pose.raised
    long = draw.uniform("hands.fingers", 0.2, 0.24)
    for side in (-1, 1):
        x, y = canvas.x * side - apart, canvas.y
        # Forearm and sleeve from below, the palm, four fingers and a thumb; the hands lean apart as they open.
        x, y = _turned(x, y + 0.1, -0.03 * pose.raised)
        y = y - 0.1
        canvas.paint(limb(x, y, (0.18, -0.36), (0.08, -0.2), 0.075, 0.06), palette.skin, bevel=0.06)
        canvas.paint(limb(x, y, (0.19, -0.38), (0.15, -0.32), 0.095), palette.main, bevel=0.06)
        palm = limb(x, y, (0.075, -0.16), (0.085, 0.02), 0.085, 0.095)
        for k, (at, reach) in enumerate(((0.02, 0.85), (0.065, 1.0), (0.11, 0.95), (0.15, 0.75))):
            finger = limb(x, y, (at + 0.005, 0.03), (at + 0.02 * (k - 1), 0.06 + long * reach), 0.028)
            canvas.paint(finger, palette.skin, bevel=0.028, halo=0.3)
        canvas.paint(palm, palette.skin, bevel=0.09)
        canvas.paint(limb(x, y, (0.06, -0.12), (-0.01, 0.06), 0.032), palette.skin, bevel=0.032, halo=0.3)
    # Lines of air where they meet.
    for x, y in ((-0.09, 0.0), (0.0, 0.03), (0.09, 0.0)):
        ray = limb(canvas.x, canvas.y, (x * 0.9, 0.36 + y), (x * 1.5, 0.43 + y), 0.014)
        canvas.paint(ray + torch.where(pose.raised < 0.6, 0.0, 1.0), palette.pale, bevel=None)


# An instrument's sound, and its painter.
_INSTRUMENTS = {
    "guitar": (plucked_string, guitar),
    "drum": (membrane, drum),
    "xylophone": (bar, xylophone),
    "panpipes": (pipe, panpipes),
    "violin": (bowed_string, violin),
    "maracas": (shaker, maracas),
    "bell": (bell, church_bell),
    "hands": (clap, hands),
}
INSTRUMENTS = list(_INSTRUMENTS)
SYNTHESISERS = [synthesiser for synthesiser, _ in _INSTRUMENTS.values()]
PAINTERS = [painter for _, painter in _INSTRUMENTS.values()]
