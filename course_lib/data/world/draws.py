"""Numbers drawn by hashing: a factor of a scene is a function of (seed, index, name of the factor) and of nothing else."""

import hashlib

import torch

_GOLDEN = -0x61C8864680B583EB  # 2^64 / golden ratio, odd, as a signed 64-bit integer: the step of SplitMix64


def _shift(bits, by, width=64):
    """Logical right shift; the one that torch has copies the sign."""
    return (bits >> by) & ((1 << (width - by)) - 1)


def _mix(bits):
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): int64 in, int64 out, products wrap."""
    bits = (bits ^ _shift(bits, 30)) * -0x40A7B892E31B1A47
    bits = (bits ^ _shift(bits, 27)) * -0x6B2FB644ECCEEE15
    return bits ^ _shift(bits, 31)


def _unit(bits):
    """Float32 in [0, 1) from the top 24 bits, exactly."""
    return _shift(bits, 40).to(torch.float32) * 2.0**-24


def _code(name):
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


def cos_sin(turns):
    """Cosine and sine of an angle in turns, by polynomial.

    `torch.cos` may round differently in the vectorised body of a tensor and in its tail, which would make a sample
    depend on its place in the batch. Sums, products, quotients and square roots are exact in both: the whole renderer
    uses nothing else.
    """

    turns = torch.stack([turns + 0.25, turns])
    turns = turns - torch.floor(turns + 0.5)  # [-1/2, 1/2)
    turns = torch.minimum(torch.maximum(turns, -0.5 - turns), 0.5 - turns)  # folded to [-1/4, 1/4]
    square = turns * turns
    series = ((39.710670 * square - 76.574959) * square + 81.602249) * square - 41.341675
    return (turns * (series * square + 6.2831852)).unbind(0)


def collect(parts: list[tuple[torch.Tensor, dict[str, torch.Tensor]]], count: int) -> dict[str, torch.Tensor]:
    """The factors of `count` samples from those of some at a time, each with the samples' positions."""
    found = {}
    for where, factors in parts:
        for name, values in factors.items():
            found.setdefault(name, ([], []))
            found[name][0].append(where)
            found[name][1].append(values)
    factors = {}
    for name, (where, values) in found.items():
        values = torch.cat(values)
        fill = float("nan") if values.is_floating_point() else -1
        dtype = torch.int64 if values.dtype == torch.bool else values.dtype
        factors[name] = torch.full((count,), fill, dtype=dtype, device=values.device)
        factors[name][torch.cat(where)] = values.to(dtype)
    return factors


class Draws:
    """The factors of `n` scenes: named draws that ask no generator, so their order and company do not matter.

    seed: any integer. index: int64 tensor of n sample numbers. names: shared by the draws of one rendering, it collects
    the names that were asked for, so that the next draws hash them all at once (a tenth of the time). fixed: names and
    the numbers that are to stand in for their draws. again: beginnings of the names that are drawn a second time, for
    other numbers than the first. `factors` keeps every named draw, n numbers each.
    """

    def __init__(
        self,
        seed: int,
        index: torch.Tensor,
        names: dict[str, int] | None = None,
        fixed: dict[str, float] | None = None,
        again: tuple[str, ...] = (),
    ):
        self._fixed, self._again = fixed or {}, again
        seed = torch.tensor((seed + 2**63) % 2**64 - 2**63, dtype=torch.int64, device=index.device)
        self._key = _mix(_mix(seed) + index * _GOLDEN)
        self._names = {} if names is None else names
        known = list(self._names.items())  # another thread may add to them
        self._places = {name: place for place, (name, _) in enumerate(known)}
        codes = torch.tensor([code for _, code in known], dtype=torch.int64, device=index.device)
        self._units = _unit(_mix(self._key ^ codes[:, None]))[..., None, None]
        self.factors: dict[str, torch.Tensor] = {}

    def __len__(self):
        return len(self._key)

    @property
    def device(self) -> torch.device:
        return self._key.device

    def _draw(self, name):
        if name in self._places:
            return self._units[self._places[name]]
        return _unit(_mix(self._key ^ self._names.setdefault(name, self._code(name))))[:, None, None]

    def _code(self, name):
        return _code(f"{name} again" if self._again and name.startswith(self._again) else name)

    def keep(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Record a number that follows from draws (value: n x 1 x 1, or n) and hand it back, or the one given instead."""
        if name in self._fixed:
            value = torch.full_like(value, self._fixed[name])
        self.factors[name] = value.reshape(len(self))
        return value

    def uniform(self, name: str, low=0.0, high=1.0) -> torch.Tensor:
        """Float32 n x 1 x 1 in [low, high); the bounds may be n x 1 x 1 tensors themselves."""
        return self.keep(name, self._draw(name) * (high - low) + low)

    def integer(self, name: str, count: int) -> torch.Tensor:
        """Int64 n x 1 x 1 in 0 … count - 1, all equally likely (to 1 part in 2^24 / count)."""
        return self.keep(name, (self._draw(name) * count).to(torch.int64))

    def chance(self, name: str, probability: float) -> torch.Tensor:
        """Bool n x 1 x 1, true with the probability given."""
        return self.keep(name, self._draw(name) < probability)

    def given(self, name: str, value: float) -> torch.Tensor:
        """Float32 n x 1 x 1: a factor that is not drawn; `value` unless another number is fixed."""
        return self.keep(name, torch.full((len(self), 1, 1), float(value), device=self.device))

    def keys(self, name: str) -> torch.Tensor:
        """Int64 n: a number for each sample from which others may draw."""
        return _mix(self._key ^ self._code(name))

    def table(self, name: str, count: int) -> torch.Tensor:
        """Float32 n x count in [0, 1): random numbers for the nodes of a texture; not recorded."""
        nodes = torch.arange(count, device=self.device) * _GOLDEN
        return _unit(_mix(_mix(self._key ^ self._code(name))[:, None] + nodes))

    def subset(self, which: torch.Tensor) -> "Draws":
        """The draws of some of the samples (which: int64 positions); what they draw is recorded by the subset alone."""
        part = object.__new__(Draws)
        part._key, part._units, part.factors = self._key[which], self._units[:, which], {}
        part._names, part._places = self._names, self._places
        part._fixed, part._again = self._fixed, self._again
        return part

    def absorb(self, *parts: tuple[torch.Tensor, "Draws"]) -> None:
        """Record what subsets have drawn (each with its positions); samples outside them lack those factors."""
        self.factors |= collect([(which, part.factors) for which, part in parts], len(self))

    def pixel_noise(self, name: str, size: int) -> torch.Tensor:
        """Float32 n x 3 x size x size in [-1, 1): independent uniform noise, three bytes of one hash a pixel."""

        def signed(bits):
            return (bits + 2**31) % 2**32 - 2**31

        counter = torch.arange(size * size, device=self.device, dtype=torch.int32).view(size, size)
        key = (_mix(self._key ^ self._code(name)) >> 32).to(torch.int32).view(-1, 1, 1)
        bits = (counter * signed(0x9E3779B1)) ^ key
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # Wellons' lowbias32
            bits = (bits ^ _shift(bits, shift, 32)) * signed(factor)
        bits = bits ^ _shift(bits, 16, 32)
        return bits[..., None].view(torch.int8)[..., :3].permute(0, 3, 1, 2) * (1 / 128)
