"""`start(...)`, the first line of every notebook: checks the parameters and returns the session that carries them."""

import datetime
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from course_lib import data, memory
from course_lib.data.papers import published
from course_lib.errors import CourseError
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.probes import best_stage, probe_stages
from course_lib.models import Backbone, build_backbone
from course_lib.paths import output_directory, project, write_atomically
from course_lib.plots import style
from course_lib.plots.calibration import calibration
from course_lib.plots.layers import probe_curve
from course_lib.pretext import PretextTask
from course_lib.training import History, Step, fit, load_finished, settings_of
from course_lib.widgets import headless, progress

PROFILES = ("smoke", "quick", "classroom", "full")
SMOKE_STEPS = 20
LARGEST_SEED = 2**31 - 1


def validate_parameters(profile: str, dataset: str, seed: int | str, device: str) -> tuple[str, str, int, str]:
    """The four parameters of a run, checked; `seed` as a number and `device` resolved ("auto" takes the best there is).

    Raises:
        CourseError: one of them is not what it can be; the sentence names it.
    """
    if profile not in PROFILES:
        raise CourseError(f"There is no profile '{profile}'; choose one of {', '.join(PROFILES)}.")
    if not isinstance(dataset, str) or not dataset:
        raise CourseError(f"The data set must be a name such as 'world' or 'folder:PATH', not {dataset!r}.")
    try:
        number = int(str(seed))
    except ValueError:
        raise CourseError(f"The seed must be a whole number such as 0, not '{seed}'.") from None
    if not 0 <= number <= LARGEST_SEED:
        raise CourseError(f"The seed must lie between 0 and {LARGEST_SEED}, and {number} does not.")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", str(device)):
        raise CourseError(f"There is no device '{device}'; choose auto, cpu, cuda, cuda:1 or mps.")
    kind, _, index = device.partition(":")
    available = {"cpu": True, "cuda": torch.cuda.device_count() > int(index or 0), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = kind = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[kind]:
        raise CourseError(f"This computer has no usable '{device}' device; choose 'cpu', or 'auto' for the best there is.")
    return profile, dataset, number, device


def default_precision(device: str) -> torch.dtype:
    """bfloat16 where the hardware computes in it (CUDA from Ampere on, processors with AVX512-BF16), else float32.

    On a processor without such instructions bfloat16 is emulated, and slower than float32.
    """
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device == "cpu":
        try:
            flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        except OSError:  # not Linux
            return torch.float32
        return torch.bfloat16 if flags and "avx512_bf16" in flags[1].split() else torch.float32
    return torch.float32


class Session:
    """One run of one notebook: its parameters, its data, its generators, and the results that it leaves behind.

    Attributes:
        notebook, profile, dataset_name, seed, part: as given to `start`.
        device: `cpu`, `cuda` or `mps`.
        precision: what training computes in, torch.bfloat16 or torch.float32.
        out: the folder of results and checkpoints.
    """

    def __init__(self, notebook: str, profile: str, dataset: str, seed: int, device: str, part: str = ""):
        self.notebook, self.profile, self.dataset_name, self.seed, self.device = notebook, profile, dataset, seed, device
        self.part, self.precision = part, default_precision(device)
        self.out = output_directory()
        self.records: dict[str, dict] = {}
        self.forecasts: dict[str, float] = {}
        self._earlier: dict[str, dict] = {}  # what a student's kernel had measured before it was restarted
        self.train_seconds = 0.0
        self.runs: dict[str, Any] = {}  # TrainingRun, by name
        self._controls: dict[str, Any] = {}  # what a sweep's panel hands to `fit`
        self._writing = threading.Lock()
        slug = re.sub(r"\W+", "-", dataset).strip("-")[-40:] + "-" + hashlib.sha256(dataset.encode()).hexdigest()[:6]
        self._record_file = self.out / "records" / f"{notebook}--{profile}--{seed}--{slug}.json"
        self._begin_records()

    # --- what a run is made of

    @cached_property
    def dataset(self) -> data.Dataset:
        """The data set, opened once; built and cached the first time anyone asks for it."""
        name = f"world:{self.part}" if self.dataset_name == "world" and self.part else self.dataset_name
        return data.open_dataset(name, device=self.device)

    def rng(self, purpose: str, device: str = "cpu") -> torch.Generator:
        """A fresh generator that depends on the seed and on `purpose` only.

        The same words give the same numbers whatever ran before, so a cell can be run again, or alone.
        """
        digest = hashlib.sha256(f"{self.seed}/{purpose}".encode()).digest()
        return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))

    def budget(self, *, quick: int, classroom: int | None = None, full: int | None = None) -> int:
        """The number of steps (or samples) for this run's profile; smoke takes `quick`, at most twenty.

        A profile that is not given takes the next smaller one's.
        """
        sizes = {"smoke": min(quick, SMOKE_STEPS), "quick": quick}
        sizes["classroom"] = classroom or quick
        sizes["full"] = full or sizes["classroom"]
        return sizes[self.profile]

    def backbone(
        self, purpose: str = "backbone", name: str = "small", width: int = 16, image_size: int | None = None
    ) -> Backbone:
        """A backbone on this session's device, for the data set's images or clips unless another `image_size` is given.

        `purpose` names its first weights: equal words, equal weights.
        """
        size = image_size or self.dataset.size or self.dataset.train.clips.shape[-1]
        backbone = build_backbone(name, rng=self.rng(purpose), width=width, image_size=size)
        return backbone.to(self.device)

    def checkpoint(self, task: str, dataset: data.Dataset | None = None) -> Path:
        """Where the checkpoint of a network is kept that is trained on the session's data set, or another one."""
        name = f"{task}-{(dataset or self.dataset).fingerprint}-{self.profile}-{self.seed}.safetensors"
        return self.out / "checkpoints" / name

    def train(
        self, name: str, backbone: Backbone, task: PretextTask, split: data.Split | None = None, *, steps: int,
        ghosts: dict[str, History] | None = None, dataset: data.Dataset | None = None, **options,
    ):  # fmt: skip
        """`fit` in the background, with a panel that shows it; returns the run at once (headless: at its end).

        An earlier run of this name that still trains is stopped first; the new one may take up its checkpoint.

        Args:
            name: names the checkpoint and the panel: `rotation`.
            split: what to train on; the data set's training split unless given.
            dataset: another one than the session's.
            steps: from `budget`.
            ghosts: histories of other runs by the words for them, drawn pale behind this one's curves. The earlier runs
                of this name are there without being handed in.
            options: further arguments of `course_lib.training.fit`.

        Write `await run.finished()` in the next cell: it waits, and leaves the buttons alive. After Stop the notebook goes
        on with the network as it was stopped; `run.history.moved` is not empty if the learning rate was moved by hand.
        """
        from course_lib.widgets.training_panel import TrainingRun

        if name in self.runs:
            self.runs[name].retire()
        task.to(self.device)
        split = split if split is not None else (dataset or self.dataset).train
        if name in os.environ.get("COURSE_REHEARSE", "").split():
            self._rehearse(name, backbone, task, split, steps, options)

        def work(**controls) -> History:
            history = fit(
                backbone, task, split, steps=steps, seed=self.seed, precision=self.precision,
                checkpoint=self.checkpoint(name, dataset), **controls, **options,
            )  # fmt: skip
            self.train_seconds += history.seconds
            self._write()
            return history

        settings = {"data set": self.dataset_name, "seed": self.seed, "steps": steps, **options}
        run = TrainingRun(
            work, name=name, steps=steps, chance=task.chance, settings=settings, ghosts=ghosts,
            checkpoint=self.checkpoint(name, dataset),
        )  # fmt: skip
        run.backbone, run.task = backbone, task
        self.runs[name] = run
        return run.show()

    def _rehearse(self, name: str, backbone: Backbone, task: PretextTask, split: data.Split, steps: int, options: dict) -> None:
        """Train copies of the network under the training panel's presets, for `teach`: what `course rehearse` is for."""
        from course_lib.widgets import rehearsal

        def train(backbone, task, **more) -> History:
            return fit(backbone, task, split, steps=steps, seed=self.seed, precision=self.precision, **more)

        rehearsal.rehearse(
            train, (backbone, task), options, file=self.out / "curves" / f"{self._record_file.stem}--{name}.json", name=name,
            chance=task.chance, device=self.device, data=self.dataset.fingerprint,
        )  # fmt: skip

    def teach(self):
        """Instructor mode: a panel with large type, a clock, polls, prepared demos and rehearsed curves. Never for students.

        Returns the `Lectern`; headless, None.

        Raises:
            CourseError: the notebook's source plans no minutes, or it has no quiz or no demos.
        """
        from IPython import get_ipython

        from course_lib.widgets import demos, headless, lecture, quiz, rehearsal
        from course_lib.widgets.lectern import Lectern

        if headless():
            print("Instructor mode. (Open this notebook in JupyterLab to see its panel.)")
            return None
        name, sections = lecture.subject(self.notebook), lecture.sections(self.notebook)
        if not sections:
            raise CourseError(f"notebooks/source/{self.notebook}.py plans no minutes: its note for the instructor needs a table.")
        shell = get_ipython()

        def rehearsed() -> list:
            files = sorted((self.out / "rehearsed" / "curves").glob(f"{self._record_file.stem}--*.json"))
            return rehearsal.load(files, self.dataset.fingerprint) if files else []

        questions = quiz.shuffled(quiz.load(name), self.rng("quiz"))
        scope = shell.user_ns if shell else {}
        lectern = Lectern(self.notebook, sections, questions, demos.load(name)[0], scope, rehearsed)
        if shell:  # by then the notebook has given its name to whatever a cell has shown
            shell.events.register("post_run_cell", lambda result: lectern.demos.enter())
        return lectern.show()

    def trained(self, name: str, make: Callable[[], tuple[Backbone, PretextTask]], *, steps: int, **options):
        """The run that `train` started under this name in this kernel; trained now where that cell was left out.

        `make` builds the backbone and the task.
        """
        return self.runs.get(name) or self.train(name, *make(), steps=steps, **options)

    def left_by_another(
        self, name: str, make: Callable[[], tuple[Backbone, PretextTask]], *, steps: int, dataset: data.Dataset | None = None,
        **options,
    ):  # fmt: skip
        """The network that another notebook of this very run left under this name, if it was trained just so; else `train`.

        What comes back has a `backbone`, a `task` and `finished()` either way; `reused` says which it was. Arguments as for
        `trained`; `dataset` is what the network learns from, if not the session's.
        """
        backbone, task = make()
        learns_from = (dataset or self.dataset).train
        settings = settings_of(
            torch.device(self.device), learns_from, task, steps, seed=self.seed, precision=self.precision, **options
        )  # fmt: skip
        if load_finished(self.checkpoint(name, dataset), Step(backbone, task.to(self.device)), settings):
            return Reused(backbone, task)
        return self.train(name, backbone, task, steps=steps, dataset=dataset, **options)

    def fit(self, backbone: Backbone, task: PretextTask, split: data.Split | None = None, *, steps: int, **options) -> History:
        """`fit` here and now, without a panel, on the training split unless another is given: for the nets of a `sweep`.

        Raises:
            KeyboardInterrupt: somebody pressed the sweep's Stop.
        """
        task.to(self.device)
        history = fit(
            backbone, task, split if split is not None else self.dataset.train, steps=steps, seed=self.seed,
            precision=self.precision, **self._controls, **options,
        )  # fmt: skip
        self.train_seconds += history.seconds
        if history.stopped:
            raise KeyboardInterrupt
        return history

    def sweep(
        self, name: str, measure: Callable[[Any], float], settings: dict[str, Any], *, chance: float | None = None,
        unit: str = "fraction",
    ):  # fmt: skip
        """An experiment of several networks, too long for a live cell: what it gave elsewhere, and a button that runs it.

        Shown are the committed verdicts (docs/claims.json) on the claims that compare this sweep's records. Pressed, or
        where `course claims` asks for one of those claims, each of the `settings` is measured: `measure(setting)`, a
        number in `unit`, is recorded as `name.key`. Networks inside `measure` train by `session.fit`, so that Stop reaches them.

        Args:
            name: `rot.count`.
            settings: key -> what `measure` gets.
            chance: what guessing gives.
        """
        from course_lib.run import claims
        from course_lib.widgets.sweep import Sweep

        about = [
            claim for claim in claims.load().values() if any(side.startswith(f"{name}.") for side in (claim.a, claim.b))
        ]

        def one(key: str, controls: dict) -> float:
            self._controls = controls
            try:
                return self.record(f"{name}.{key}", measure(settings[key]), chance=chance, unit=unit)
            finally:
                self._controls = {}

        before = {key: self._earlier[f"{name}.{key}"]["value"] for key in settings if f"{name}.{key}" in self._earlier}
        sweep = Sweep(name, list(settings), one, claims.committed(about, self.dataset_name), before, unit)
        asked = os.environ.get("COURSE_CLAIMS", "").split()
        sweep.show(run=any(claim.id in asked for claim in about))
        for claim in about:
            if all(side in self.records or claims.is_number(side) for side in (claim.a, claim.b)):
                self.claim(claim.id)
        return sweep

    def known(self, name: str) -> dict[str, float]:
        """What is known of the sweep `name`: key -> value, from this run, else the mean over the committed seeds."""
        from course_lib.run import claims

        found: dict[str, float] = {}
        for row in claims.committed(list(claims.load().values()), self.dataset_name):
            for record, values in zip(row["sides"], (row["a"], row["b"]), strict=True):
                if values:
                    found[record] = sum(values) / len(values)
        found |= {record: measured["value"] for record, measured in self.records.items()}
        return {record.removeprefix(f"{name}."): value for record, value in found.items() if record.startswith(f"{name}.")}

    def scores(self, backbone: Backbone, task: PretextTask, split: data.Split | None = None) -> dict[str, float]:
        """The task's scores on unseen data, without augmentation: the test split unless another is given."""
        rng = self.rng("pretext scores", self.device)
        split = split if split is not None else self.dataset.test
        if self.profile == "smoke":
            split = split.subset(slice(SMOKE_STEPS))
        return pretext_scores(backbone, task, split, rng, precision=self.precision)

    def compare_probes(
        self, prefix: str, pretrained: tuple[PretextTask, Backbone], untrained: tuple[PretextTask, Backbone],
        supervised: tuple[PretextTask, Backbone], *, rests_on: Collection[str] | None = None,
    ) -> str:  # fmt: skip
        """Linear probes on every stage of three networks, each a task and a backbone: records, a figure, and the best stage.

        Recorded are test accuracies, `prefix.probe.STAGE`, `prefix.random.STAGE` and `prefix.supervised.STAGE`, and those at
        the pretrained network's best stage on the validation split: `prefix.probe.best`, `prefix.random.at_best`, and their
        difference, `prefix.gain`. All three answer the same questions about the same samples. `rests_on`: see `show`.
        """
        sizes = {"train_size": self.budget(quick=2000, classroom=20000), "test_size": self.budget(quick=1500, classroom=10000)}
        networks, chance = {"probe": pretrained, "random": untrained, "supervised": supervised}, 1 / len(self.dataset.classes)
        probes = {name: probe_stages(*network, self.dataset, self.rng("probe"), **sizes) for name, network in networks.items()}
        heights = {name: {stage: probe.test for stage, probe in found.items()} for name, found in probes.items()}
        for name, line in heights.items():
            for stage, height in line.items():
                self.record(f"{prefix}.{name}.{stage}", height, chance=chance, unit="fraction")
        words = " ".join(f"{name}: " + ", ".join(f"{stage} {100 * height:.1f} %" for stage, height in line.items()) + "."
                         for name, line in heights.items())  # fmt: skip
        self.show(
            probe_curve(heights["probe"], heights["random"], chance, heights["supervised"]),
            caption="Left: a linear probe after each stage of three networks. Right: the difference from random weights in "
                    "percentage points.",
            alt=f"Probe accuracy by stage. {words}",
            rests_on=rests_on,
        )
        best = best_stage(probes["probe"])
        self.record(f"{prefix}.probe.best", heights["probe"][best], chance=chance, unit="fraction")
        self.record(f"{prefix}.random.at_best", heights["random"][best], chance=chance, unit="fraction")
        self.record(f"{prefix}.gain", heights["probe"][best] - heights["random"][best], chance=0, unit="fraction")
        self.say(
            f"By the validation pictures, **{best}** serves the pretrained network best: there the probe names "
            f"**{{{prefix}.probe.best}}** of the test pictures, and {{{prefix}.random.at_best}} with random weights."
        )
        return best

    # --- what a run leaves behind

    def record(self, name: str, value: float, chance: float | None = None, unit: str = "") -> float:
        """Keep a result, on disk at once: `rot.pretext_accuracy`, a finite number, what guessing gives, its unit.

        A fraction (an accuracy, say) has the unit "fraction" and is shown as a percentage. Returns the value.

        Raises:
            CourseError: the value is not a finite number, or the disk is full.
        """
        value = float(value)
        if value != value or value in (float("inf"), float("-inf")):
            raise CourseError(f"The result '{name}' is {value}, which is not a number that can be kept.")
        self.records[name] = {"value": value, "chance": chance, "unit": unit}
        self._write()
        return value

    def forecast(self, name: str, question: str, **options):
        """A slider on which the student states, before the experiment, what `name` will be; see `calibration`."""
        from course_lib.widgets.forecast import Forecast

        def keep(value: float | None) -> None:
            if value is None:  # taken back; that it was made once remains the student's progress
                self.forecasts.pop(name, None)
                return self._write()
            self.forecasts[name] = value
            self._write()
            if unkept := progress.forecast(name, value):
                raise CourseError(unkept)  # the slider shows it

        return Forecast(question, keep, noted=self.forecasts.get(name), **options)

    def claim(self, identifier: str) -> None:
        """Show a claim of `course_lib/claims` beside what this run measured, and the committed verdict: one run decides nothing.

        Raises:
            CourseError: there is no such claim, or this run has not recorded its two sides.
        """
        from course_lib.run import claims

        known = claims.load()
        if identifier not in known:
            raise CourseError(f"There is no claim '{identifier}' in course_lib/claims; there are {', '.join(known)}.")
        claim = known[identifier]
        a, b = self._side(claim.a, identifier), self._side(claim.b, identifier)
        lead = a - b if claim.direction == "a>b" else b - a
        seen = "agrees" if lead >= claim.margin else "does not agree"
        measured = f"a verdict takes three seeds (`course claims {claim.id}`)"
        for row in claims.committed([claim], self.dataset_name):
            measured = f"{len(row['a'])} seeds on {row['dataset']}: **{row['verdict']}** (`course claims {claim.id}`)"
            measured += f"; {row['why']}" if row["why"] else ""
        style.show_markdown(
            f"> **Claim `{claim.id}`.** {claim.statement}  \n"
            f"> A ({_source(claim.a)}) = {a:.3f}, B ({_source(claim.b)}) = {b:.3f}; the claim wants "
            f"{claim.direction.upper()} by at least {claim.margin:g}. This run **{seen}**; {measured}."
        )

    def _side(self, name: str, claim: str) -> float:
        try:
            return float(name)
        except ValueError:
            if name not in self.records:
                raise CourseError(f"The claim '{claim}' compares '{name}', which this run has not recorded yet.") from None
            return self.records[name]["value"]

    def say(self, text: str) -> None:
        """Show Markdown in which `{rot.pretext_accuracy}` stands for a recorded value, and `{….chance}` for its chance.

        Fractions appear as percentages, and `{….points}`, of the difference of two, as percentage points. Nothing measured is
        ever typed into prose; this is how prose names it.

        Raises:
            CourseError: a name has not been recorded.
        """
        style.show_markdown(re.sub(r"\{([\w.]+)\}", lambda match: self._filled(match[1]), text))

    def _filled(self, name: str) -> str:
        field = "value"
        if name not in self.records and name.endswith(".chance"):
            name, field = name.removesuffix(".chance"), "chance"
        points = name not in self.records and name.endswith(".points")
        name = name.removesuffix(".points") if points else name
        if name not in self.records:
            raise CourseError(f"The text names the result '{name}', which this run has not recorded yet.")
        record = self.records[name]
        return style.number(100 * record[field], "points") if points else style.number(record[field], record["unit"])

    def show(self, figure, caption: str, alt: str, rests_on: Collection[str] | None = None) -> None:
        """Display a figure with a caption below and `alt` for those who cannot see it.

        Where the reference stands in for a student's function, a badge says so: for the exercises named in `rests_on`,
        or for all of them, unless the figure says on which it rests.
        """
        from course_lib.exercises import badges

        style.show_figure(figure, caption, alt, badges(rests_on))

    def published(self, method: str) -> None:
        """Show the figures that papers report (`course_lib/papers/<method>.csv`), a citation a row."""
        lines = ["| method | data | metric | published | source |", "|---|---|---|---|---|"]
        for row in published(method):
            cells = [row["method"], row["dataset"], row["metric"], f"{row['value']} {row['unit']}", row["citation"]]
            lines.append(f"| {' | '.join(cells)} |")
        style.show_markdown("\n".join(lines))

    def gap(self, rows: dict[str, tuple[str, Any]], citation: str) -> None:
        """Show what lies between a paper's experiment and this one: what differs -> (there, here), here as measured."""
        lines = [f"| what differs | {citation} | this run |", "|---|---|---|"]
        lines += [f"| {what} | {there} | {f'{here:,}'.replace(',', ' ') if isinstance(here, int) else here} |"
                  for what, (there, here) in rows.items()]  # fmt: skip
        style.show_markdown("\n".join(lines))

    def calibration(self) -> None:
        """What the student forecast beside what came out."""
        rows = [(name, value) for name, value in self.forecasts.items() if name in self.records]
        if not rows:
            style.show_markdown("No forecasts were made this time. Next time, guess first: it is how intuition is trained.")
            return
        lines = ["| result | your forecast | measured | off by |", "|---|---|---|---|"]
        for name, value in rows:
            measured, unit = self.records[name]["value"], self.records[name]["unit"]
            cells = [style.number(n, unit) for n in (value, measured, abs(value - measured))]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
        style.show_markdown("\n".join(lines))
        pairs = {name: (value, self.records[name]["value"]) for name, value in rows if self.records[name]["unit"] == "fraction"}
        if pairs:
            words = "; ".join(f"{name}: {100 * a:.0f} % expected, {100 * b:.0f} % measured" for name, (a, b) in pairs.items())
            caption = "On the dotted line a forecast came true; the grey strokes show by how much yours missed."
            style.show_figure(calibration(pairs), caption, f"Forecast against measured. {words}.")

    def _begin_records(self) -> None:
        """Figures of an earlier run must not pass for this one's; a student's are kept apart, and forecasts go on counting."""
        try:
            kept = {} if headless() else json.loads(self._record_file.read_text(encoding="utf-8"))
            self._earlier, self.forecasts = kept.get("earlier", {}) | kept.get("records", {}), kept.get("forecasts", {})
        except (OSError, ValueError, AttributeError, TypeError):  # none, or damaged
            pass
        if self._earlier or self.forecasts:
            self._write()
        else:
            self._record_file.unlink(missing_ok=True)

    def _write(self) -> None:
        contents = {
            "notebook": self.notebook, "profile": self.profile, "dataset": self.dataset_name, "seed": self.seed,
            "device": self.device, "train_seconds": round(self.train_seconds, 3), "records": self.records,
            "forecasts": self.forecasts,
            "earlier": {name: figure for name, figure in self._earlier.items() if name not in self.records},
        }  # fmt: skip
        with self._writing:  # the training thread and the kernel both come here
            write_atomically(self._record_file, json.dumps(contents, indent=1))

    def __repr__(self) -> str:
        precision = str(self.precision).removeprefix("torch.")
        return f"{self.notebook} · {self.profile} · {self.dataset_name} · seed {self.seed} · {self.device} · {precision}"


class Reused:
    """A network that was trained by another notebook of this run: a finished training run, without its history."""

    reused = True

    def __init__(self, backbone: Backbone, task: PretextTask):
        self.backbone, self.task = backbone, task

    async def finished(self) -> None:
        """It is."""


def start(
    notebook: str, *, profile: str = "quick", dataset: str = "world", seed: int = 0, device: str = "auto", part: str = ""
) -> Session:
    """Open a notebook: check its parameters, set the figures' style, show what it will take, and return the session.

    Args:
        notebook: its name, `02_rotation`.
        profile: `smoke` (machinery only), `quick` (a laptop), `classroom` or `full` (a GPU).
        dataset: `world`, `cifar10`, `stl10`, `imagenette`, or `folder:PATH` for your own photos.
        seed: 0 or a positive whole number.
        device: `auto`, `cpu`, `cuda` or `mps`.
        part: what of the world `world` stands for in this notebook: clips, sounds; its scenes unless given.

    COURSE_PROFILE in the environment takes the place of `profile`.

    Raises:
        CourseError: a parameter is not one of these, or there is no such notebook.
    """
    sources = sorted(path.stem for path in (project() / "notebooks" / "source").glob("*.py"))
    if notebook not in sources:
        raise CourseError(f"There is no notebook '{notebook}'; there are {', '.join(sources)}.")
    profile = os.environ.get("COURSE_PROFILE", profile)  # who marks a hundred notebooks needs no figures
    session = Session(notebook, *validate_parameters(profile, dataset, seed, device), part)
    style.apply()
    memory.give_back_after_each_cell()
    progress.begin(notebook)
    style.show_markdown(_title_card(session))
    if not headless():
        from IPython.display import display

        from course_lib.widgets.names import Names

        display(Names())
    return session


def _source(side: str) -> str:
    """Where a side of a claim comes from: a record's name, or a number that stands in the claim itself."""
    from course_lib.run import claims

    return "given" if claims.is_number(side) else f"`{side}`"


def _title_card(session: Session) -> str:
    """What this run is, and how long it took where it was last measured (docs/measurements.json)."""
    lines = [f"**{session!r}**"]
    measurements = project() / "docs" / "measurements.json"
    rows = json.loads(measurements.read_text(encoding="utf-8")) if measurements.exists() else []
    for row in rows:
        if (row["notebook"], row["profile"]) == (session.notebook, session.profile) and row["dataset"] == "world":
            when = datetime.date.fromisoformat(row["date"]).strftime("%d %B %Y").lstrip("0")
            lines.append(f"Run from top to bottom it took {row['seconds']:.0f} s on {row['machine']} ({when}).")
    if session.profile == "smoke":
        lines.append("The smoke profile tests the machinery: its figures mean nothing.")
    if done := progress.sentence(session.notebook):
        lines.append(done)
    if session._earlier:
        lines.append("What was measured before the kernel was restarted is kept until it is measured again; a training that "
                     "was under way goes on from its last checkpoint.")  # fmt: skip
    if os.environ.get("COURSE_OUT"):
        lines.append(f"Results go to `{session.out}`.")
    return "  \n".join(lines)


__all__ = ["PROFILES", "Session", "start", "validate_parameters"]
