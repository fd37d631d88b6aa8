"""Shuffle and learn: three frames of a clip; are they in order? (Misra et al. 2016, arXiv:1603.08561)

Of five frames a < b < c < d < e, the triple (b, c, d) is in order, and so is its reverse: time may run either way.
(b, a, d) and (b, e, d) are not: they begin and end with the same frames, and only the one in the middle does not lie
between the two (section 3.1). One tower sees each frame alone, a head all three (section 3.2); so one run of the tower
serves several triples of the same frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.errors import CourseError
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, clips, normalise, patches

A, B, C, D, E = range(5)
TRIPLES = ((B, C, D), (D, C, B), (B, A, D), (B, E, D), (D, A, B), (D, E, B))
IN_ORDER = (1, 1, 0, 0, 0, 0)
FRAMES = 8  # of a clip that the tower sees in a step
SEES = ("frames", "centroids")


class ShuffleAndLearn(PretextTask):
    """Does the frame in the middle lie between the other two in time?

    The head gets the first vector and the two steps from vector to vector, the concatenation of the three in other
    coordinates: frames of one clip are nearly alike, and a head that has to find their small differences itself under
    the large ones between clips stays at guessing for a long time.

    Args:
        backbone: the tower, which sees one frame at a time.
        rng: a CPU generator for the head's first weights.
        high_motion: ask about windows in which much moves; False takes any.
        questions: how many times five frames are drawn of a clip's eight; each gives six triples.
        shake: in training each frame is moved by up to this many pixels each way, by itself: the place of the background
            then no longer tells how far a camera has panned, and so what time it is.
        sees: "frames", or "centroids": the audit, whose head gets the centre of what moves in each frame, and no picture.

    Raises:
        CourseError: `sees` is unknown, or there are no questions.
    """

    content = ("clips",)
    chance = 0.5

    def __init__(
        self, backbone: Backbone, rng: torch.Generator, high_motion: bool = True, questions: int = 8, shake: int = 2,
        sees: str = "frames",
    ):  # fmt: skip
        super().__init__()
        if sees not in SEES:
            raise CourseError(f"The head sees {' or '.join(SEES)}, not {sees!r}; choose one of the two.")
        if questions < 1:
            raise CourseError(f"Each clip is asked about once or more, not {questions} times.")
        self.high_motion, self.questions, self.shake, self.sees = high_motion, questions, shake, sees
        last = backbone.widths[backbone.stage_names[-1]]
        self.fc7 = nn.Linear(4 * last if sees == "frames" else 2, 64)  # the paper's name; of a map of 2 x 2
        self.head = nn.Sequential(
            nn.BatchNorm1d(3 * 64), nn.Linear(3 * 64, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True), nn.Linear(256, 2)
        )
        initialise(self.fc7, rng)
        initialise(self.head, rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """`visible`: eight frames of each clip, N x 8 x 3 x S x S floats (or their centroids, N x 8 x 2), and the triples
        asked about, int64 N x M x 3; `hidden`: whether each is in order, int64 N·M."""
        frames = clips.at(batch.clips, clips.every_second(batch.clips, FRAMES, rng))
        quintuples = clips.draw_quintuples(frames, rng, self.questions, self.high_motion)
        triples = quintuples[..., torch.tensor(TRIPLES, device=frames.device)].flatten(1, 2)
        hidden = torch.tensor(IN_ORDER, device=frames.device).repeat(len(frames) * self.questions)
        if self.training:
            mirror = torch.randint(0, 2, (len(frames), 1, 1, 1, 1), generator=rng, device=frames.device).bool()
            frames = torch.where(mirror, frames.flip(-1), frames)
            if self.shake:
                frames = clips.shaken(frames, self.shake, rng)
        return (normalise(frames) if self.sees == "frames" else clips.centroids(frames), triples), hidden

    def predict(self, backbone: nn.Module, visible: tuple[Tensor, Tensor]) -> Tensor:
        """Logits, N·M x 2 (out of order, in order): each frame alone through the tower and fc7, then three in a head."""
        frames, triples = visible
        vectors = self.fc7(patches.vectors(backbone, frames) if self.sees == "frames" else frames)  # N x 8 x 64
        first, middle, last = vectors[torch.arange(len(frames), device=frames.device)[:, None, None], triples].unbind(2)
        return self.head(torch.cat([first, middle - first, last - middle], dim=2).flatten(0, 1))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy in which the two answers weigh the same, though only one triple of three is in order."""
        share = sum(IN_ORDER) / len(IN_ORDER)
        weight = prediction.new_tensor([0.5 / (1 - share), 0.5 / share])
        return F.cross_entropy(prediction, hidden, weight)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: balanced, the mean of the shares of ordered and of disordered triples that are recognised."""
        right = (prediction.argmax(1) == hidden).float()
        return {"accuracy": (right[hidden == 1].mean() + right[hidden == 0].mean()).item() / 2}

    def draw(self, batch: Batch, rng: torch.Generator):
        """A row a clip: a triple in order, and the two with the same ends that are not."""
        from matplotlib.figure import Figure

        frames = clips.at(batch.clips, clips.every_second(batch.clips, FRAMES, rng))
        five = clips.at(frames, clips.draw_quintuples(frames, rng, 1, self.high_motion)[:, 0]).permute(0, 1, 3, 4, 2).cpu()
        asked = {"in order": (B, C, D), "out of order": (B, A, D), "out of order, too": (B, E, D)}
        figure = Figure(figsize=(11, 1.25 * len(five) + 0.5), layout="constrained")
        for group, (words, triple) in zip(figure.subfigures(1, 3, wspace=0.04), asked.items(), strict=True):
            group.suptitle(f"hidden: {words}", fontsize=10)
            for row, pictures in zip(group.subplots(len(five), 3, squeeze=False), five, strict=True):
                for axis, moment in zip(row, triple, strict=True):
                    axis.imshow(pictures[moment])
                    axis.set_axis_off()
                    axis.set_title("abcde"[moment], fontsize=9, fontweight="normal", loc="center")
        return figure
