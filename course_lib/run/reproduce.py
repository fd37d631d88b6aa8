"""`course reproduce rotnet-cifar10`: the CIFAR-10 experiments of Gidaris et al. (2018, arXiv:1803.07728, section 4.1).

Each part leaves its rows in OUT/reproduce/rotnet-cifar10.json as soon as it ends. Every network that is trained goes
through a checkpoint, so that an interrupted command continues, and parts share the networks that they need. The test split
is used for the figures alone; what the time to target needs is read off the validation split.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.data import Dataset, Split
from course_lib.data.papers import published
from course_lib.errors import CourseError
from course_lib.evaluation import frozen_heads, supervised
from course_lib.evaluation.frozen_heads import HEADS, FrozenHeads, Heads, fit_heads
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.supervised import Supervised, few_labels
from course_lib.models import Backbone, build_backbone
from course_lib.pretext import PretextTask
from course_lib.pretext.rotation import Rotation, shifted_and_mirrored
from course_lib.run import results
from course_lib.run.bench import device_name
from course_lib.run.results import REPRODUCTION_KEY
from course_lib.start import default_precision
from course_lib.training import Step, code_hash, fit, load_finished, read_checkpoint, settings_of

# The paper: batches of 128 images, 200 epochs for the network and 100 for a head, 78 000 and 39 000 steps. Here the budget is
# what one H100 does in a minute. By arithmetic, not measured: the four-block net takes 251 million multiplications a picture
# of 32 x 32 pixels, so 6 x 251 M = 1.5 GFLOP to train on one, and 512 pictures (128 images, four ways up) 0.77 TFLOP a step;
# at 30 % of the 989 TFLOP/s that bfloat16 does at best, 60 s are 60 x 0.3 x 989 / 0.77 = 23 000 steps. Half of them, because
# normalisations wait for memory rather than for multiplications, and the head must be trained in that minute, too.
BATCH = 128  # images a step
LEARNING_RATE, WEIGHT_DECAY = 0.1, 5e-4
STEPS = 12_000  # of a whole network, with rotations or with labels
HEAD_STEPS = 4_000
TARGET = 4.0  # points of accuracy that block 2 may stay behind the supervised network; the paper's are 3.74 behind
LABELS = (20, 100, 400, 1000, 5000)  # a class
SHARES = (0.25, 0.5, 1.0)  # of the pretraining steps that the time to target tries, each a training of its own


def file(out: Path) -> Path:
    """Where the figures of all runs are kept: a list of rows, a figure a row."""
    return out / "reproduce" / "rotnet-cifar10.json"


def run(dataset: Dataset, parts: Iterable[str], out: Path, **options) -> list[dict]:
    """Measure the parts that `file(out)` lacks; returns the rows of all parts asked for. `options`: those of `RotNet`.

    Raises:
        CourseError: the data does not do, or `file(out)` is damaged.
    """
    its, kept = RotNet(dataset, out, **options), []
    for part in parts:
        rows = [row for row in results.read(file(out), REPRODUCTION_KEY) if row.get("part") == part and its.is_its(row)]
        if not rows:
            first = 100 * list(PARTS).index(part)  # rows are read back in alphabetical order
            rows = [its.identity | {"part": part, "place": first + i} | row for i, row in enumerate(PARTS[part](its))]
            results.merge(file(out), rows, REPRODUCTION_KEY)
        kept += sorted(rows, key=lambda row: row["place"])
    return kept


def check(experiment: str, parts: str) -> list[str]:
    """The parts named in `parts`, separated by commas, in their order here; all of them for an empty text.

    Raises:
        CourseError: the experiment or a part is unknown; the sentence lists what there is.
    """
    if experiment != "rotnet-cifar10":
        raise CourseError(f"There is no experiment called '{experiment}'; there is rotnet-cifar10.")
    asked = [part.strip() for part in parts.split(",") if part.strip()]
    for part in asked:
        if part not in PARTS:
            raise CourseError(f"There is no part called '{part}'; choose some of {','.join(PARTS)}.")
    return [part for part in PARTS if part in asked or not asked]


def moved_and_mirrored(images: Tensor, rng: torch.Generator) -> Tensor:
    """The paper's augmentation, for a whole batch at once: a crop out of 4 more pixels at each edge (reflected), and a mirror."""
    return shifted_and_mirrored(images, rng, most=4)


class Trained(NamedTuple):
    """A network after its training.

    Attributes:
        steps: of the optimiser.
        seconds: of training, over all calls that it took; evaluation and compiling are not in it.
        compiling: seconds that the compiler took in this call; None where nothing was compiled.
    """

    backbone: nn.Module
    task: PretextTask
    steps: int
    seconds: float
    compiling: float | None


class RotNet:
    """The experiment on one data set under one setting.

    Args:
        out: checkpoints go below it.
        fraction: of the steps, 0…1.
        width: of the network, 96 in the paper; a multiple of 8.
        say: told of every training that has ended.

    Raises:
        CourseError: the data has no pictures, or one class only.
    """

    def __init__(
        self, dataset: Dataset, out: Path, *, fraction: float = 1.0, width: int = 96, seed: int = 0, device: str = "cpu",
        say: Callable[[str], None] = print,
    ):  # fmt: skip
        if dataset.train.images is None or len(dataset.classes) < 2:
            raise CourseError(f"RotNet learns from pictures of two classes or more; {dataset.name} does not have them.")
        self.data, self.fraction, self.width, self.seed, self.say = dataset, fraction, width, seed, say
        self.device, self.precision = torch.device(device), default_precision(device)
        cuda = self.device.type == "cuda"
        torch.backends.cudnn.benchmark = cuda  # the fastest convolution for these shapes, which are always the same
        digest = hashlib.sha256(code_hash().encode())  # of all that decides a figure: the evaluation and this file, too
        for source in (frozen_heads.__file__, supervised.__file__, __file__):
            digest.update(Path(source).read_bytes())
        self.identity = {
            "data": dataset.name, "fraction": fraction, "width": width, "seed": seed, "device": device,
            "device_name": device_name(device),
            "precision": str(self.precision).removeprefix("torch."), "fingerprint": dataset.fingerprint,
            "code": digest.hexdigest()[:16],
        }  # fmt: skip
        self.identity["declared"] = (
            f"fraction {fraction:g} of the steps, width {width}, seed {seed}, {self.identity['device_name']}, "
            f"{self.identity['precision']}; whole networks train {STEPS} steps, times "
            "the fraction, where the paper's trained 78000"
            + ("" if (fraction, width) == (1, 96) else ": less than the experiment, so no reproduction of its figures")
        )
        run = f"{dataset.fingerprint}-{fraction:g}-{width}-{seed}-{self.device.type}-{self.identity['code']}"
        self.folder = out / "checkpoints" / f"rotnet-cifar10-{run}"

    def is_its(self, row: dict) -> bool:
        """Whether a row was measured under this setting, on this data and this machine, by this code."""
        return all(row.get(field) == value for field, value in self.identity.items())

    # --- training

    def rng(self) -> torch.Generator:
        """A fresh CPU generator; the same for all networks, so that they begin alike."""
        return torch.Generator().manual_seed(self.seed)

    def network(self, blocks: int) -> Backbone:
        """A Network-in-Network with fresh weights, on the CPU."""
        return build_backbone("rotnet_nin", rng=self.rng(), width=self.width, image_size=self.data.size, blocks=blocks)

    def pretrained(self, turns: tuple[int, ...] = (0, 1, 2, 3), share: float = 1.0) -> Trained:
        """The four-block network that tells these quarter turns apart, after a share of the steps."""

        def build() -> tuple[Backbone, Rotation]:
            backbone = self.network(4)
            return backbone, Rotation(backbone, self.rng(), augment=moved_and_mirrored, turns=turns)

        name = f"rotations-{''.join(map(str, turns))}-{share:g}"
        return self._trained(name, build, self.data.train, share * STEPS, pictures=BATCH * len(turns))

    def supervised(self, data: Split, name: str = "supervised") -> Trained:
        """The paper's control: a three-block network that learns the classes of `data`."""

        def build() -> tuple[Backbone, Supervised]:
            backbone = self.network(3)
            return backbone, Supervised(backbone, len(self.data.classes), self.rng(), augment=moved_and_mirrored)

        return self._trained(name, build, data, STEPS, pictures=BATCH)

    def heads(self, name: str, backbone: Backbone, names: list[str], data: Split | None = None) -> Trained:
        """Some of `HEADS`, trained together on the frozen backbone with the labels of `data` (all of train)."""

        def build() -> tuple[Heads, FrozenHeads]:
            heads = Heads(backbone, names, len(self.data.classes), self.data.size, self.rng())
            return heads, FrozenHeads(backbone, heads, moved_and_mirrored)

        return self._trained(f"heads-{name}", build, self.data.train if data is None else data, HEAD_STEPS)

    def _trained(self, name: str, build: Callable, data: Split, whole: float, pictures: int | None = None) -> Trained:
        """Train what `build` returns, unless it has been; `pictures` in a step, for the compiler, if it shall be compiled."""
        steps = max(1, round(whole * self.fraction))
        options = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "optimiser": "sgd", "batch_size": BATCH,
                   "seed": self.seed, "precision": self.precision}  # fmt: skip
        checkpoint, compiling = self.folder / f"{name}.safetensors", None

        def fresh() -> tuple[nn.Module, PretextTask]:
            backbone, task = build()
            return backbone.to(self.device, memory_format=torch.channels_last), task.to(self.device)

        backbone, task = fresh()
        settings = settings_of(self.device, data, task, steps, **options)
        if not load_finished(checkpoint, Step(backbone, task), settings):
            if pictures and self.device.type == "cuda":
                compiling = self._compile(backbone, pictures)
            train = fit_heads if isinstance(task, FrozenHeads) else fit
            history = train(
                backbone, task, data, steps=steps, checkpoint=checkpoint, checkpoint_every=max(50, steps // 10), **options
            )
            after = f", taken up at {history.resumed_from}" if history.resumed_from else ""
            compiled = f", {compiling:.1f} s of compiling" if compiling else ""
            seconds = history.seconds_before + history.seconds
            self.say(f"{name}: {steps} steps{after}, {seconds:.1f} s of training{compiled}")
            backbone, task = fresh()  # evaluated as it was saved, and not compiled: other sizes would start the compiler again
            load_finished(checkpoint, Step(backbone, task), settings)
        return Trained(backbone, task, steps, float(read_checkpoint(checkpoint)[1]["seconds"]), compiling)

    def _compile(self, backbone: Backbone, pictures: int) -> float:
        """Compile a backbone, and run it once both ways: the compiler works at the first call, which is no training.

        Returns the seconds that this took. Weights and buffers are then as they were before.
        """
        began = time.perf_counter()
        before = {name: value.clone() for name, value in backbone.state_dict().items()}
        torch._dynamo.config.suppress_errors = True  # where there is no C compiler it trains as it is
        backbone.train().compile(dynamic=False)
        images = torch.zeros(pictures, 3, self.data.size, self.data.size, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            maps = backbone(images.contiguous(memory_format=torch.channels_last))
        maps.float().sum().backward()
        backbone.zero_grad(set_to_none=True)
        backbone.load_state_dict(before)
        return time.perf_counter() - began

    # --- figures

    def scores(self, trained: Trained, data: Split) -> dict[str, float]:
        """What `task.score` says about a whole split, without augmentation."""
        rng = torch.Generator(self.device).manual_seed(self.seed)
        return pretext_scores(trained.backbone, trained.task, data, rng, batch_size=BATCH, precision=self.precision)

    def row(self, what: str, share: float | None, note: str = "", metric: str = "accuracy", chance: float | None = None, **of):
        """A figure in percent beside the paper's, if it has one under this name. `of`: what was trained for it, by kind."""
        paper = PAPER.get(what)
        chance = 1 / len(self.data.classes) if chance is None else chance
        if metric == "error":
            share, chance = None if share is None else 1 - share, 1 - chance
        return {
            "what": what, "metric": metric, "unit": "%",
            "ours": None if share is None else round(100 * share, 2), "published": float(paper["value"]) if paper else None,
            "citation": paper["citation"] if paper else None, "chance": round(100 * chance, 2), "note": note,
            "steps": {kind: trained.steps for kind, trained in of.items()},
            "seconds": {kind: round(trained.seconds, 2) for kind, trained in of.items()},
            "compile_seconds": {kind: round(its.compiling, 2) for kind, its in of.items() if its.compiling is not None},
        }  # fmt: skip

    def on_frozen(self, net: str, backbone: Backbone, **of: Trained) -> list[dict]:
        """A row for each of the paper's heads on this backbone."""
        heads = self.heads(net.lower(), backbone, list(HEADS))
        scores = self.scores(heads, self.data.test)
        return [self.row(f"{net} {name}", scores[name], **of, heads=heads) for name in HEADS]


PAPER = {row["method"]: row for name in ("rotation", "rotnet_cifar10") for row in published(name)}


# --- the parts: each returns rows


def rotnet(its: RotNet) -> list[dict]:
    """Pretraining on four rotations, and the paper's heads on every block."""
    net = its.pretrained()
    accuracy = its.scores(net, its.data.test)["accuracy"]
    return [its.row("RotNet, rotations told apart", accuracy, chance=0.25, pretraining=net),
            *its.on_frozen("RotNet", net.backbone, pretraining=net)]  # fmt: skip


def random(its: RotNet) -> list[dict]:
    """The same heads on the network that the pretraining begins with."""
    return its.on_frozen("Random", its.network(4).to(its.device, memory_format=torch.channels_last))


def supervised_nin(its: RotNet) -> list[dict]:
    """The network that learns from labels alone."""
    net = its.supervised(its.data.train)
    return [its.row("Supervised NIN", its.scores(net, its.data.test)["accuracy"], supervised=net)]


def time_to_target(its: RotNet) -> list[dict]:
    """The seconds of the shortest pretraining after which block 2 is near the supervised network, on the validation split.

    Each budget is a training of its own, whose learning rate falls to zero; the seconds are those of the pretraining and of
    the one head together.
    """
    aim = its.scores(its.supervised(its.data.train), its.data.val)["accuracy"] - TARGET / 100
    tried = []
    for share in SHARES:
        net = its.pretrained(share=share)
        heads = its.heads(f"block-2-{share:g}", net.backbone, ["block 2 + MLP"])
        reached = its.scores(heads, its.data.val)["block 2 + MLP"]
        seconds = round(net.seconds + heads.seconds, 2)
        tried.append({"steps": net.steps, "validation": round(100 * reached, 2), "seconds": seconds})
        if reached >= aim:
            break
    said = "; ".join(f"{one['steps']} steps of pretraining, {one['seconds']:.1f} s: {one['validation']:.1f} %" for one in tried)
    row = its.row("Time to target", None, pretraining=net, heads=heads) | {
        "metric": "training", "unit": "s", "chance": None, "ours": tried[-1]["seconds"] if reached >= aim else None,
        "target": round(100 * aim, 2), "tried": tried,
        "note": f"block 2 + MLP within {TARGET:g} points of the supervised network, {100 * aim:.1f} % on the validation split "
                f"({'reached' if reached >= aim else 'missed'}): {said}",
    }  # fmt: skip
    return [row]


def rotations(its: RotNet) -> list[dict]:
    """Two rotations instead of four; four is in `rotnet`."""
    rows = []
    for words, turns in (("0 and 180", (0, 2)), ("90 and 270", (1, 3))):
        net = its.pretrained(turns)
        heads = its.heads(words.replace(" ", "-"), net.backbone, ["block 2 + MLP"])
        score = its.scores(heads, its.data.test)["block 2 + MLP"]
        rows.append(its.row(f"RotNet block 2 + MLP, {words} degrees", score, pretraining=net, heads=heads))
    why = "left out: 45 degrees cannot be had without interpolation, whose traces tell the angle"
    return [*rows, its.row("RotNet block 2 + MLP, 8 rotations", None, why)]


def labels(its: RotNet) -> list[dict]:
    """Few labels: the supervised network from nothing, against the conv head on a network pretrained without labels."""
    net, rows = its.pretrained(), []
    most = int(its.data.train.labels.bincount().max())
    for count in LABELS:
        names = [f"{method}, {count} labels a class" for method in ("Supervised NIN", "RotNet + conv")]
        if count > 1.2 * most:  # a tenth of CIFAR-10's 5 000 is the validation split: 4 500 will do
            rows += [its.row(name, None, f"left out: no class has more than {most} pictures", "error") for name in names]
            continue
        few = few_labels(its.data.train, count, its.rng())
        note = f"{most} labels, all that the training split has" if count > most else ""
        alone, heads = its.supervised(few, f"supervised-{count}"), its.heads(f"conv-{count}", net.backbone, ["+ conv"], few)
        rows.append(its.row(names[0], its.scores(alone, its.data.test)["accuracy"], note, "error", supervised=alone))
        score = its.scores(heads, its.data.test)["+ conv"]
        rows.append(its.row(names[1], score, note, "error", pretraining=net, heads=heads))
    return rows


PARTS: dict[str, Callable[[RotNet], list[dict]]] = {
    "rotnet": rotnet, "random": random, "supervised": supervised_nin, "time": time_to_target, "rotations": rotations,
    "labels": labels,
}  # fmt: skip


def as_text(rows: list[dict]) -> str:
    """A table: a line a figure, ours beside the paper's, with what guessing gives and what was trained for it."""
    lines = [f"{'':44}{'':>9}{'ours':>9}{'paper':>9}{'guess':>8}{'steps':>14}{'seconds':>16}"]
    for row in rows:
        figures = ["-" if row[name] is None else f"{row[name]:.2f}" for name in ("ours", "published", "chance")]
        steps, seconds = "+".join(map(str, row["steps"].values())), "+".join(f"{s:.1f}" for s in row["seconds"].values())
        lines.append(f"{row['what']:44}{row['metric']:>9}{figures[0]:>9}{figures[1]:>9}{figures[2]:>8}{steps:>14}{seconds:>16}")
        if row["note"]:
            lines.append(f"    {row['note']}")
    return "\n".join(lines)
