"""Audio-visual correspondence: a picture and a sound; do they belong together?

One tower looks at a frame of a clip, another listens to half a second around its moment, and a head says whether the two
belong together: by concatenating what they give (Arandjelović & Zisserman 2017, arXiv:1705.08168, figure 2), or by the
distance between two points in one space of 128 dimensions (2018, arXiv:1712.06651, section 3.1). Sounds that do not belong
come from other clips, drawn without labels; in a batch each frame is asked about the sounds of all clips.
"""

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Split
from course_lib.data.spectrograms import log_mel, spectrograms_of
from course_lib.errors import CourseError
from course_lib.models import Backbone, build_backbone, initialise
from course_lib.pretext import PretextTask, clips, normalise, patches

BELONGS, OTHER_CLIP, OTHER_TIME, NOT_ASKED = 1, 0, 2, -1  # what is hidden about a frame and a sound
LISTEN = 50  # columns of a spectrogram, each a hundredth of a second
EMBEDDING = 128
HEADS = ("distance", "concatenation")


class AudioVisual(PretextTask):
    """Does this sound belong to this frame?

    The towers meet in `logits`: one number for each frame and each sound, above zero for yes. The loss asks each pair by
    itself, as the papers do, and each frame which of all sounds is its own, and each sound the same: the pairs that are
    hardest to tell apart then count most.

    Args:
        backbone: the tower that looks; it sees one frame at a time. The one that listens belongs to the task, `sound_tower`.
        rng: a CPU generator for the first weights of the second tower and the head.
        head: "distance" or "concatenation".
        same_clip: ask also about sounds of the same clip at another time: whoever knows only what is seen cannot tell these.
        treated: the audit: what is done to the spectrograms (uint8 N x 64 x T) of sounds of other clips, and to no others.
            A network then need not look.
        grey: the share of frames whose colours are dropped in training, so that the colours of a clip are not learnt by
            heart.

    Raises:
        CourseError: there is no such head.
    """

    content = ("clips", "sounds")
    chance = 0.5

    def __init__(
        self, backbone: Backbone, rng: torch.Generator, head: str = "distance", same_clip: bool = False,
        treated: Callable[[Tensor], Tensor] | None = None, grey: float = 2 / 3,
    ):  # fmt: skip
        super().__init__()
        if head not in HEADS:
            raise CourseError(f"The head is {' or '.join(HEADS)}, not {head!r}; choose one of the two.")
        self.head_kind, self.same_clip, self.treated, self.grey = head, same_clip, treated, grey
        self.sound_tower = build_backbone("small", rng=rng, image_size=64)  # halves the spectrogram at once
        self.look = _two_layers(nn.Conv2d, nn.BatchNorm2d, backbone.widths[backbone.stage_names[-1]], 1)
        self.hear = _two_layers(nn.Linear, nn.BatchNorm1d, 2 * self.sound_tower.widths["conv5"])
        for part in (self.look, self.hear):
            initialise(part, rng)
        if head == "concatenation":
            self.head = initialise(nn.Sequential(nn.Linear(2 * EMBEDDING, 128), nn.ReLU(inplace=True), nn.Linear(128, 1)), rng)
        else:
            self.slope, self.threshold = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(1.0))

    # --- the contract

    def setup(self, backbone: nn.Module, data: Split) -> None:
        """Refuses data that cannot teach.

        Raises:
            CourseError: fewer than two clips have a sound.
        """
        heard = int(audible(spectrograms_of(data)).sum())
        if heard < 2:
            raise CourseError(f"{heard} of these {len(data)} clips can be heard: take videos that have a sound track.")

    def sample(self, data: Split, size: int, rng: torch.Generator) -> Batch:
        """Uniform; `sounds` are spectrograms already (uint8 N x 64 x T), made once for the whole split."""
        batch = super().sample(dataclasses.replace(data, sounds=None), size, rng)  # raw sounds need not be copied
        spectra = spectrograms_of(data)
        batch.sounds = spectra.index_select(0, batch.index.to(spectra.device)).to(data.device)
        return batch

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """`visible`: frames, N x 3 x S x S floats, and M spectrograms of half a second, M x 3 x 64 x 50 floats; `hidden`:
        int64 N x M, BELONGS, OTHER_CLIP, OTHER_TIME or NOT_ASKED.

        Not asked about are clips without any sound, a clip that was drawn twice with itself, and another time of the same
        clip of which half is the same.
        """
        spectra = batch.sounds if batch.sounds.dtype == torch.uint8 else log_mel(batch.sounds)
        count, length, device = len(batch), batch.clips.shape[1], batch.clips.device
        moments = torch.randint(length, (count, 1), generator=rng, device=device)
        frames, heard = clips.at(batch.clips, moments)[:, 0], around(spectra, moments, length)
        same = torch.eye(count, dtype=torch.bool, device=device)
        twice = (batch.index[:, None] == batch.index) & ~same
        hidden = torch.where(same, BELONGS, OTHER_CLIP).where(~twice, NOT_ASKED)
        silent = ~audible(spectra)
        if self.treated is not None:
            heard = torch.cat([heard, self.treated(heard)])
            hidden = torch.cat([hidden.where(same, NOT_ASKED), hidden.where(~same, NOT_ASKED)], dim=1)
        if self.same_clip:
            others = torch.randint(length, (count, 1), generator=rng, device=device)
            heard = torch.cat([heard, around(spectra, others, length)])
            apart = (_begin(spectra, moments, length) - _begin(spectra, others, length)).abs() >= LISTEN / 2
            hidden = torch.cat([hidden, torch.where(same & apart, OTHER_TIME, NOT_ASKED)], dim=1)
        hidden[silent] = NOT_ASKED
        hidden[:, silent.repeat(len(heard) // count)] = NOT_ASKED
        if self.training:
            frames = self._augmented(frames, rng)
        return (normalise(frames), three_channels(heard)), hidden

    def _augmented(self, frames: Tensor, rng: torch.Generator) -> Tensor:
        """Mirrored half of the time, moved by up to two pixels, `grey` of them in grey; uint8 as before."""
        mirror, dropped = torch.rand(2, len(frames), 1, 1, 1, generator=rng, device=frames.device)
        frames = torch.where(mirror < 0.5, frames.flip(-1), frames)
        frames = clips.shaken(frames[:, None], 2, rng)[:, 0]
        brightness = patches.brightness(frames.float())[:, None].round().to(torch.uint8)
        return torch.where(dropped < self.grey, brightness, frames)

    def predict(self, backbone: nn.Module, visible: tuple[Tensor, Tensor]) -> Tensor:
        """N x M, how sure the network is that each sound belongs to each frame: above zero means yes."""
        frames, spectra = visible
        return self.logits(self.seen(backbone, frames), self.heard(spectra))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy of each pair, in which yes and no weigh the same, plus that of naming each other's own partner."""
        prediction = prediction.float()
        belongs, negatives = hidden == BELONGS, [kind for kind in (OTHER_CLIP, OTHER_TIME) if (hidden == kind).any()]
        single = F.softplus(-prediction[belongs]).sum() / belongs.sum().clamp(min=1)
        for kind in negatives:
            single = single + F.softplus(prediction[hidden == kind]).mean() / len(negatives)
        asked = prediction.masked_fill(hidden == NOT_ASKED, -1e4)
        partner = sum(-asked.log_softmax(dim)[belongs].sum() for dim in (0, 1)) / belongs.sum().clamp(min=1)
        return (single + partner) / 2

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: balanced, the mean of the shares of belonging pairs and of pairs from two clips that are recognised.
        With `same_clip` also `moment`: the same with sounds of the same clip at another time. Nothing where nothing was
        asked."""
        yes = prediction > 0
        if not (hidden == BELONGS).any():
            return {}

        def balanced(kind: int) -> float:
            parts = [right for right in (yes[hidden == BELONGS], ~yes[hidden == kind]) if len(right)]
            return sum(right.float().mean().item() for right in parts) / max(1, len(parts))

        moment = {"moment": balanced(OTHER_TIME)} if self.same_clip else {}
        return {"accuracy": balanced(OTHER_CLIP)} | moment

    # --- the two towers, and where they meet

    def cells(self, backbone: nn.Module, frames: Tensor) -> Tensor:
        """A vector for each spot of each frame: N x 128 x h x w."""
        return self.look(backbone(frames))

    def seen(self, backbone: nn.Module, frames: Tensor) -> Tensor:
        """A vector for each frame, the mean over its spots: N x 128."""
        return self.cells(backbone, frames).mean((2, 3))

    def heard(self, spectra: Tensor) -> Tensor:
        """A vector for each sound: M x 128."""
        maps = self.sound_tower(spectra)
        return self.hear(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1))

    def logits(self, seen: Tensor, heard: Tensor) -> Tensor:
        """How sure: N x M, of vectors N x 128 and M x 128."""
        if self.head_kind == "concatenation":
            count, sounds = len(seen), len(heard)
            pairs = torch.cat([seen[:, None].expand(-1, sounds, -1), heard[None].expand(count, -1, -1)], dim=2)
            return self.head(F.relu(pairs))[..., 0]
        return self.slope * (self.threshold - distances(seen, heard))  # their linear layer from one number

    def heat(self, backbone: nn.Module, films: Tensor, spectra: Tensor) -> Tensor:
        """Where is what sounds? How sure each spot of each frame is that it belongs to the sound at that moment (2018,
        section 5): N x T x h x w, 0…1.

        Args:
            films: uint8 N x T x 3 x S x S.
            spectra: of their sounds, uint8 N x 64 x columns.
        """
        count, length = films.shape[:2]
        moments = torch.arange(length, device=films.device).expand(count, -1)
        spots = self.cells(backbone, normalise(films.flatten(0, 1)))  # NT x 128 x h x w
        windows = around(spectra, moments, length).flatten(0, 1)
        heard = self.heard(three_channels(windows))
        flat = spots.flatten(2).transpose(1, 2)  # NT x hw x 128
        sure = torch.stack([self.logits(some, one[None])[:, 0] for some, one in zip(flat, heard, strict=True)])
        return sure.float().sigmoid().view(count, length, *spots.shape[2:])

    def draw(self, batch: Batch, rng: torch.Generator):
        """One row a frame, one column a sound; a frame at the left, a sound above, and in each cell what is hidden."""
        from course_lib.plots.sounds import correspondence

        (frames, spectra), hidden = self.hide(batch, rng)
        frames, spectra = (((some + 1) * 127.5).round().to(torch.uint8).cpu() for some in (frames, spectra))
        return correspondence(frames, spectra[:, 0], hidden.cpu().tolist(), {
            BELONGS: "yes", OTHER_CLIP: "no", OTHER_TIME: "no", NOT_ASKED: ""
        })  # fmt: skip


def distances(seen: Tensor, heard: Tensor) -> Tensor:
    """Distances between the rows of N x D and those of M x D, each brought to length one: N x M, 0…2."""
    cosine = F.normalize(seen.float(), dim=1) @ F.normalize(heard.float(), dim=1).T
    return (2 - 2 * cosine).clamp_min(1e-4).sqrt()  # the root has no slope at zero


def around(spectra: Tensor, moments: Tensor, length: int) -> Tensor:
    """What is heard about the moments of frames: of spectrograms (N x F x columns) and moments (int64 N x K, of `length`
    frames, film and sound taking equally long) uint8 N x K x F x 50, or N x F x 50 for one moment each. At the ends the
    window lies within the sound."""
    wide = min(LISTEN, spectra.shape[2])
    columns = _begin(spectra, moments, length)[..., None] + torch.arange(wide, device=spectra.device)  # N x K x 50
    each = spectra[:, None].expand(-1, moments.shape[1], -1, -1)
    found = each.gather(3, columns[:, :, None].expand(len(spectra), -1, spectra.shape[1], -1))
    return found[:, 0] if moments.shape[1] == 1 else found


def _begin(spectra: Tensor, moments: Tensor, length: int) -> Tensor:
    """The first column of what is heard about each moment."""
    total = spectra.shape[2]
    wide = min(LISTEN, total)
    return (((moments + 0.5) / length * total).round().long() - wide // 2).clamp(0, total - wide)


def three_channels(spectra: Tensor) -> Tensor:
    """Spectrograms (uint8 M x F x T) as a tower takes pictures: grey, M x 3 x F x T normalised floats."""
    return normalise(spectra[:, None]).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def audible(spectra: Tensor) -> Tensor:
    """Which of these spectrograms (uint8 N x F x T) are of a sound, and not of silence: bool N."""
    return spectra.flatten(1).amax(1) > 0


def _two_layers(layer: type, normalisation: type, width: int, *size: int) -> nn.Sequential:
    return nn.Sequential(
        layer(width, EMBEDDING, *size), normalisation(EMBEDDING), nn.ReLU(inplace=True), layer(EMBEDDING, EMBEDDING, *size)
    )
