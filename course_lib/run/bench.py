"""`course bench`: what the library costs, beside code that somebody had written by hand.

**Overhead.** Two steps take turns: ours, from drawing the batch to the optimiser, and a bare one that finds its visible and
hidden parts ready-made and does the rest alike: same network, head, loss, precision, batch and optimiser. The fastest of
many repetitions counts: whatever else the computer does can only make a step slower. Of several runs, the median counts.

**Ways.** `benchmarks/` trains one network on batches made in several ways, as a user would write them, and in ours.

**Waiting.** How long an import takes, and the first picture of a notebook.

Each run is a process of its own: its memory is nobody else's, and nothing in it is warm that a user would find cold.
"""

import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import torch

from course_lib import pretext
from course_lib.data.splits import Split
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.paths import project, write_atomically
from course_lib.run import notebooks
from course_lib.start import default_precision
from course_lib.training import Step

FILE = "bench.json"
VISIBLE = 256  # pictures, or as many pixels, that the network sees in a step: rotation makes them of 64 images
SIDE = 32  # pixels
FRAMES = 16  # of a clip
RATE = 16_000  # of its sound, which lasts a second
WIDTH = 16
LIMITS = {"rotation": 1.05}  # of the overhead on a processor, in the median of five runs
LIMIT = 1.10  # of all other tasks


def measure(device: str, out: Path, repetitions: int = 40, runs: int = 1, say: Callable[[str], None] = print) -> dict:
    """Measure every pretext task, the ways in `benchmarks/` and the waiting; write `out`/bench.json and return what it holds.

    - `overhead`: task -> our step over the bare one, the median of `runs` runs.
    - `steps`: task -> medians over the runs of what `measure_step` gives, and `runs`, the overhead of each.
    - `ways`: task -> `pictures_per_second` (way -> median), `ours_over` (way -> the median of the ratios within a run), `runs`.
    - `import_seconds`, `first_figure_seconds`: see `import_seconds` and `first_figure`.

    What an earlier `course bench --scaling` has written there stays.

    Raises:
        CourseError: a measuring process died, or the file cannot be read or written.
    """
    earlier = read(out)
    result = {
        "device": device_name(device),
        "overhead": {},
        "steps": {},
        "precision": str(default_precision(device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "network": f"small, {WIDTH} channels, {SIDE} x {SIDE} pixels, {VISIBLE} images a step",
        "repetitions": repetitions,
        "runs": runs,
    }
    for name in pretext.names():
        steps = [apart(measure_step, name, device, repetitions, VISIBLE, WIDTH) for _ in range(runs)]
        step = {figure: statistics.median(each[figure] for each in steps) for figure in steps[0]}
        result["overhead"][name] = step.pop("overhead")
        result["steps"][name] = step | {"runs": [each["overhead"] for each in steps]}
        say(
            f"{name}: {result['overhead'][name]:.3f} ({step['ours_ms']:.1f} ms, bare {step['bare_ms']:.1f} ms, hide "
            f"{100 * step['hide_share']:.0f} %), {step['pictures_per_second']:.0f} pictures/s, {step['peak_mb']:.0f} MB"
        )
    result["ways"] = measure_ways(device, runs, say)
    result["import_seconds"] = import_seconds()
    result["first_figure_seconds"] = first_figure()
    say(
        f"import course_lib: {result['import_seconds']['course_lib']:.3f} s beyond torch; first figure "
        f"{result['first_figure_seconds']:.1f} s from the start of the kernel"
    )
    if "scaling" in earlier:
        result["scaling"] = earlier["scaling"]
    write_atomically(out / FILE, json.dumps(result, indent=1) + "\n")
    return result


def read(out: Path) -> dict:
    """What `out`/bench.json holds; {} if there is no such file.

    Raises:
        CourseError: it is damaged.
    """
    try:
        held = json.loads((out / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CourseError(f"{out / FILE} cannot be read ({error}); delete it and run `course bench` again.") from error
    if not isinstance(held, dict) or "device" not in held:
        raise CourseError(f"{out / FILE} is not what `course bench` writes; delete it and run `course bench` again.")
    return held


def device_name(device: str) -> str:
    """A graphics card's own name; `cpu (x86_64)` of a processor."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{device} ({platform.machine()})"


def limit(task: str) -> float:
    """The overhead that a task keeps below on a processor."""
    return LIMITS.get(task, LIMIT)


def apart(work: Callable, *arguments):
    """What `work(*arguments)` returns in a fresh process.

    Raises:
        CourseError: it was killed, by the system for lack of memory, say.
    """
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(work, *arguments).result()
    except BrokenProcessPool as error:
        raise CourseError("A measuring process was killed, perhaps for lack of memory; free some and try again.") from error


# --- a training step


def measure_step(name: str, device: str, repetitions: int, visible: int = VISIBLE, width: int = WIDTH) -> dict[str, float]:
    """One run of the task `name`, on a `small` backbone of `width` channels with `visible` pictures a step.

    - `ours_ms`, `bare_ms`, `hide_ms`: milliseconds of our step, of the bare one, and of `task.hide` by itself.
    - `overhead`: ours over bare. `hide_share`: of our step, 0…1.
    - `samples_per_second`: images or clips that our step draws from the data.
    - `pictures_per_second`: what the network sees of them, in pictures of 32 x 32 pixels; patches count by their pixels.
    - `peak_mb`: the most memory while our step alone ran, before the bare one was made: resident in this process, PyTorch
      included, or allocated on the graphics card.
    """
    data, draw, precision = noise(name, device), torch.Generator(device).manual_seed(0), default_precision(device)

    def network():
        backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=width, image_size=SIDE)
        task = pretext.load(name)(backbone, torch.Generator().manual_seed(0))
        step = Step(backbone, task, draw).to(device, memory_format=torch.channels_last).train()
        task.setup(backbone, data)
        return step, torch.optim.AdamW(step.parameters(), 4e-3, weight_decay=0.05, fused=device != "mps")  # as `fit`

    def autocast():
        return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == torch.bfloat16)

    step, optimiser = network()
    of_one = pictures(step.task.hide(step.task.sample(data, 8, draw), draw)[0]) / 8  # rotation makes four of one
    size = visible // max(1, round(of_one))

    def ours():
        batch = step.task.sample(data, size, draw)
        with autocast():
            outcome = step(batch)
        optimiser.zero_grad(set_to_none=True)
        outcome.loss.backward()
        optimiser.step()
        step.task.after_step(step.backbone, outcome.prediction)

    for _ in range(5):
        ours()
    peak = peak_memory(device)

    twin, twin_optimiser = network()
    batch = twin.task.sample(data, size, draw)
    seen, hidden = twin.task.hide(batch, draw)

    def bare():
        with autocast():
            loss = twin.task.loss(twin.task.predict(twin.backbone, seen), hidden)
        twin_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        twin_optimiser.step()

    def hide():
        with autocast():
            twin.task.hide(batch, draw)

    ours_s, bare_s, hide_s = _fastest([ours, bare, hide], device, repetitions)
    return {
        "overhead": round(ours_s / bare_s, 4),
        "ours_ms": round(1e3 * ours_s, 3),
        "bare_ms": round(1e3 * bare_s, 3),
        "hide_ms": round(1e3 * hide_s, 3),
        "hide_share": round(hide_s / ours_s, 4),
        "samples_per_second": round(size / ours_s, 1),
        "pictures_per_second": round(pictures(seen) / ours_s, 1),
        "peak_mb": round(peak, 1),
    }


def noise(name: str, device: str, count: int | None = None) -> Split:
    """Noise of the kind that a task learns from: `count` images or clips with their sound; 4096 or 512 unless given."""
    rng, kind = torch.Generator().manual_seed(0), pretext.load(name)
    count = count or (4096 if kind.content == ("images",) else 512)
    drawn = {
        "images": (256, (count, 3, SIDE, SIDE), torch.uint8), "clips": (256, (count, FRAMES, 3, SIDE, SIDE), torch.uint8),
        "sounds": (2**15, (count, RATE), torch.int16),
    }  # fmt: skip
    content = {
        of: torch.randint(0, most, shape, generator=rng, dtype=kept).to(device)
        for of, (most, shape, kept) in drawn.items() if of in kind.content
    }  # fmt: skip
    labels = torch.randint(0, 10, (count,), generator=rng).to(device)
    return Split(labels, [str(k) for k in range(10)], **content, rate=RATE, device=torch.device(device))


def pictures(visible) -> float:
    """How many pictures of 32 x 32 pixels a network sees: what comes first in `visible`, by its numbers."""
    first = visible if isinstance(visible, torch.Tensor) else visible[0]
    return first.numel() / (3 * SIDE * SIDE)


def _fastest(actions: list[Callable[[], None]], device: str, repetitions: int) -> list[float]:
    """The shortest time, in seconds, of each action, all taking turns; five rounds to warm up are not counted."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repetitions + 5):
        for action, its in zip(actions, times, strict=True):
            _wait(device)
            began = time.perf_counter()
            action()
            _wait(device)
            its.append(time.perf_counter() - began)
    return [min(its[5:]) for its in times]


def _wait(device: str) -> None:
    if device != "cpu":
        (torch.cuda if device.startswith("cuda") else torch.mps).synchronize()


def peak_memory(device: str = "cpu") -> float:
    """MB: the most that was allocated on a CUDA device, else the most of this process that was ever resident."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "linux":  # `getrusage` begins with the parent's peak
        return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # of a Mac, in bytes


# --- beside other ways


def measure_ways(device: str, runs: int, say: Callable[[str], None]) -> dict[str, dict]:
    """What the programs of `benchmarks/` measure, by task, over `runs` runs of each; {} where there is no such folder.

    Raises:
        CourseError: one of them failed.
    """
    found = {}
    for program in sorted((project() / "benchmarks").glob("*.py")):
        if program.stem not in pretext.names():  # what the programs share
            continue
        results = []
        for _ in range(runs):
            environment = os.environ | {"PYTHONPATH": str(project())}
            ended = subprocess.run(
                [sys.executable, program, "--json", "--device", device], env=environment, capture_output=True, text=True
            )
            if ended.returncode:
                last = (ended.stderr.strip() or "no message").splitlines()[-1]
                raise CourseError(f"benchmarks/{program.name} failed ({last}); run it by itself to see more.")
            results.append(json.loads(ended.stdout))
        median = {way: statistics.median(each[way] for each in results) for way in results[0]}
        over = {
            way: round(statistics.median(each["ours"] / each[way] for each in results), 3) for way in median if way != "ours"
        }
        found[program.stem] = {"pictures_per_second": median, "ours_over": over, "runs": results}
        say(f"{program.stem}, pictures/s: " + ", ".join(f"{way} {rate:.0f}" for way, rate in median.items()))
    return found


# --- waiting


def import_seconds(repetitions: int = 5) -> dict[str, float]:
    """Seconds that importing takes in a fresh process, medians: `torch`, then what `course_lib` and all that a notebook's
    session needs (`course_lib.start`) add to it."""
    program = (
        "import time; marks = [time.perf_counter()]\n"
        "for name in ('torch', 'course_lib', 'course_lib.start'): __import__(name); marks.append(time.perf_counter())\n"
        "print(*(after - before for before, after in zip(marks, marks[1:])))"
    )
    options = {"env": os.environ | {"PYTHONPATH": str(project())}, "text": True}
    taken = [subprocess.check_output([sys.executable, "-c", program], **options).split() for _ in range(repetitions)]
    torch_alone, library, session = (round(statistics.median(map(float, each)), 4) for each in zip(*taken, strict=True))
    return {"torch": torch_alone, "course_lib": library, "course_lib.start": round(library + session, 4)}


def first_figure(notebook: str = "02_rotation", repetitions: int = 3) -> float:
    """Seconds from the start of a kernel, as JupyterLab starts one, until a notebook's first picture is there; the median.

    Its cells are executed one after another, as fast as the kernel takes them, on a world that is cached.

    Raises:
        CourseError: a cell fails, or there is no picture.
    """
    from course_lib.data import open_dataset

    open_dataset("world", device="cpu")
    return round(statistics.median(_until_first_figure(notebook) for _ in range(repetitions)), 2)


def _until_first_figure(notebook: str) -> float:
    from jupyter_client.manager import KernelManager

    class ThisPython(KernelManager):
        kernel_spec = notebooks.this_python()

    cells = [cell.source for cell in notebooks.read(notebooks.sources()[notebook]).cells if cell.cell_type == "code"]
    seen: list[float] = []

    def look(message):
        if re.search(r"image/(png|svg)", json.dumps(message["content"], default=str)):
            seen.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as out:  # no student's records and progress
        environment = os.environ | {"PYTHONPATH": str(project()), "COURSE_OUT": out, "COURSE_HEADLESS": "0"}
        manager, began = ThisPython(), time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # what goes wrong in a cell comes as a message
        manager.start_kernel(env=environment, cwd=str(project() / "notebooks"), **quiet)
        client = manager.blocking_client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=300)
            for source in cells:
                reply = client.execute_interactive(source, output_hook=look, timeout=300)["content"]
                if reply["status"] != "ok":
                    raise CourseError(f"{notebook} failed before its first picture: {reply['ename']}: {reply['evalue']}")
                if seen:
                    return seen[0] - began
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    raise CourseError(f"{notebook} shows no picture.")
