"""The command `course`. Each subcommand imports what it needs, so that `course --help` answers at once."""

import os
import sys
from pathlib import Path

import click

from course_lib.errors import CourseError
from course_lib.paths import output_directory


class _Mistake(click.ClickException):
    """A `CourseError` on its way out: the sentence alone, exit code 2."""

    exit_code = 2

    def show(self, file=None):
        click.echo(f"course: {self.format_message()}", err=True)


class _Course(click.Group):
    def invoke(self, context):
        try:
            return super().invoke(context)
        except CourseError as error:
            raise _Mistake(str(error)) from error
        except KeyboardInterrupt:
            click.echo("course: interrupted; what had finished is kept.", err=True)
            context.exit(130)


@click.group(cls=_Course, context_settings={"help_option_names": ["-h", "--help"]})
def main():
    """Self-supervised learning by pretext tasks: run the notebooks, judge the claims, build the report."""


OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=output_directory,
    show_default="build",
    help="Folder for executed notebooks, results and checkpoints.",
)
JOBS = click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Notebooks at a time.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
TIMEOUT = click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Stop a notebook after this long."
)
DASK = click.option(
    "--dask", metavar="ADDRESS", help="Execute on Dask's workers: a scheduler's address or file, `local` or `local:4`."
)


def _exit_code(rows: list[dict]) -> int:
    failed = [row for row in rows if row["status"] != "ok"]
    return 0 if not failed else 2 if all(row["mendable"] for row in failed) else 1


@main.command()
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--profile", default="quick", show_default=True, help="smoke, quick, classroom or full.")
@click.option("--dataset", default="world", show_default=True, help="world, cifar10, stl10, imagenette or folder:PATH.")
@click.option("--seed", default="0", show_default=True)
@DEVICE
@JOBS
@DASK
@TIMEOUT
@click.option("--widgets", is_flag=True, help="Keep the widgets in the executed copies, for `course site`.")
@OUT
def run(names, profile, dataset, seed, device, jobs, dask, timeout, widgets, out):
    """Execute notebooks (all of them when none is named): by name, by number (2) or by a part of the name (rotation).

    The executed copies go to OUT/executed, the figures to OUT/results.json.
    The exit code is 0 when all went well, 1 when a notebook failed, 2 when what you asked for cannot be done.
    """
    from course_lib.data import check_name
    from course_lib.run import notebooks, results

    out = out.absolute()
    chosen = list(dict.fromkeys(notebooks.find(name) for name in names)) or list(notebooks.sources())
    if not chosen:
        raise CourseError("There is no notebook in notebooks/source; is this a whole copy of the course?")
    seed = _check(profile, dataset, seed, "auto" if dask else device)[2]  # the workers may have a GPU where this has none
    dataset = check_name(dataset)  # in full: kernels run in another folder
    results.read(out / "results.json")
    _open(dataset)
    wanted = [notebooks.Job(name, profile, dataset, seed, device, out / "executed" / f"{name}.ipynb") for name in chosen]
    sys.exit(_exit_code(_execute(wanted, out, jobs, dask, timeout=timeout, widgets=widgets)))


def _execute(wanted: list, out: Path, jobs: int, dask: str | None, **options) -> list[dict]:
    from course_lib.run import notebooks

    if dask is None:
        return notebooks.run(wanted, out, parallel=jobs, say=click.echo, **options)
    from course_lib.run import dask_jobs

    if jobs > 1:
        raise CourseError("--jobs is for this machine alone; with --dask the workers say how many, as in --dask local:4.")
    return dask_jobs.run(wanted, out, dask, say=click.echo, **options)


def _check(profile, dataset, seed, device) -> tuple:
    from course_lib.start import validate_parameters

    return validate_parameters(profile, dataset, seed, device)


def _open(dataset: str) -> None:
    """Find out now whether the data set opens, and build its cache once, with its progress bar on this terminal."""
    from course_lib import memory
    from course_lib.data import open_dataset

    open_dataset(dataset, device="cpu")
    memory.give_back()  # this process only waits from now on


@main.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Seeds 0, 1, … of each run.")
@click.option("--dataset", "datasets", multiple=True, help="Real photos for the claims about them, e.g. folder:PATH.")
@click.option("--profile", help="Instead of each claim's own profile.")
@DEVICE
@JOBS
@DASK
@TIMEOUT
@OUT
def claims(ids, seeds, datasets, profile, device, jobs, dask, timeout, out):
    """Measure what the course claims (rot.learns, 'rot.*'; all when none is named) and judge it, in OUT/claims.json.

    A run that OUT/results.json already holds, with the same code, is not repeated: an interrupted command continues.
    """
    from course_lib.data import check_name
    from course_lib.run import claims, notebooks, results

    out = out.absolute()
    real = [name for name in map(check_name, datasets) if name.partition(":")[0] != "world"]
    chosen = []
    for claim in claims.select(ids):
        chosen.append((claim, claims.jobs(claim, real, profile, seeds, device, out)))
        if "R" in claim.data and not real:
            click.echo(f"{claim.id}: not measured on real photos; name some with --dataset folder:PATH.")
    wanted = list(dict.fromkeys(job for _, jobs_of_claim in chosen for job in jobs_of_claim))
    for name, data in dict.fromkeys((job.profile, job.dataset) for job in wanted):
        _check(name, data, "0", "auto" if dask else device)
    results.read(out / "claims.json", results.CLAIM_KEY)
    missing = notebooks.unfinished(wanted, out)
    missing += [job for job in claims.lacking(chosen, out) if job not in missing]
    click.echo(f"{len(wanted)} runs are needed, {len(wanted) - len(missing)} are there already.")
    for data in dict.fromkeys(job.dataset for job in missing):
        _open(data)
    asked = [claim.id for claim, _ in chosen]
    rows = _execute(missing, out, jobs, dask, timeout=timeout, claims=asked)
    click.echo("\n" + claims.table(claims.judge_all(chosen, out)))
    sys.exit(_exit_code(rows))


@main.group()
def data():
    """The data sets and their caches."""


@data.command("list")
def data_list():
    """What there is to choose from, and what is cached."""
    from course_lib.data import cache, names

    click.echo("Data sets: " + ", ".join(names()))
    for found in cache.list_caches():
        if found["name"] is None:
            click.echo(f"  {found['directory'].name}: cannot be read; `course data clear {found['directory'].name}` removes it")
        else:
            click.echo(f"  {found['name']}: {found['samples']} samples, {found['bytes'] / 2**20:.0f} MiB cached")


@data.command("build")
@click.argument("names", nargs=-1, required=True)
def data_build(names):
    """Download data sets if need be and cache them now: world, cifar10, or folder:PATH."""
    from course_lib.data import open_dataset

    for name in names:
        opened = open_dataset(name)
        sizes = f"{len(opened.train)} training, {len(opened.val)} validation and {len(opened.test)} test samples"
        click.echo(f"{opened.name}: {sizes}, {len(opened.classes)} classes, {opened.size} pixels.")


@data.command("verify")
@click.argument("name", required=False)
def data_verify(name):
    """Read every cached byte (of one data set, or of all) and compare it with its checksum."""
    from course_lib.data import cache

    checked = cache.verify(name)
    for found in checked:
        click.echo(f"{found['name'] or found['directory'].name}: {found['damage'] or 'good'}")
    sys.exit(any(found["damage"] for found in checked))


@data.command("clear")
@click.argument("name", required=False)
def data_clear(name):
    """Remove the cache of one data set, or all of them; the next use builds them again."""
    from course_lib.data import cache

    for directory in cache.clear(name):
        click.echo(f"removed {directory.name}")


@data.command("audit")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Seeds 0, 1, … of each measurement.")
@OUT
def data_audit(names, seeds, out):
    """How far does something cheap get on pictures (world, when none is named), beside a network? OUT/audit.json.

    The exit code is 1 if the world does not keep within its limits. Takes some minutes a seed.
    """
    from course_lib.data import check_name, open_dataset
    from course_lib.run import audit

    chosen = [check_name(name) for name in names or ["world"]]
    tables = {name: audit.measure(open_dataset(name), seeds, out.absolute(), click.echo) for name in chosen}
    click.echo("\n" + audit.as_text(tables))
    sys.exit(any(row.held is False for rows in tables.values() for row in rows))


@main.command()
def doctor():
    """Look at versions, device, memory, caches and disk; say what is wrong. The exit code is 1 if something is."""
    from course_lib.run import doctor

    findings = doctor.examine()
    click.echo(doctor.as_text(findings))
    sys.exit(any(finding.wrong for finding in findings))


@main.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
def student(out, names):
    """Write what students get into the folder OUT: notebooks without solutions, whose exercises can be marked."""
    _flavour("student", out, names)


@main.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
def instructor(out, names):
    """Write what the instructor keeps into the folder OUT, a course of nbgrader: solutions in place, and notes on teaching."""
    _flavour("instructor", out, names)


@main.command()
@click.argument("name", metavar="NOTEBOOK")
@click.option("--profile", default="quick", show_default=True, help="smoke, quick, classroom or full.")
@click.option("--dataset", default="world", show_default=True, help="world, cifar10, stl10, imagenette or folder:PATH.")
@click.option("--seed", default="0", show_default=True)
@DEVICE
@OUT
def rehearse(name, profile, dataset, seed, device, out):
    """Before a lecture: train NOTEBOOK's network under several settings, on this computer, for the instructor's curves.

    They go to OUT/rehearsed, where no report and no claim looks. Takes as long as the notebook and four more trainings.
    """
    from course_lib.data import check_name
    from course_lib.run import notebooks
    from course_lib.widgets import demos, lecture

    seed, name = _check(profile, dataset, seed, device)[2], notebooks.find(name)
    wanted = demos.load(lecture.subject(name))[1]
    if not wanted:
        raise CourseError(f"The demos of {name} name no training to rehearse.")
    dataset, out = check_name(dataset), out.absolute() / "rehearsed"
    _open(dataset)
    os.environ["COURSE_REHEARSE"] = " ".join(wanted)  # the kernel reads it, in `Session.train`
    job = notebooks.Job(name, profile, dataset, seed, device, out / "executed" / f"{name}.ipynb")
    rows = notebooks.run([job], out, parallel=1, timeout=None, say=click.echo)
    if not _exit_code(rows):
        click.echo(f"Rehearsed: {', '.join(wanted)}. The instructor's notebook shows the curves from now on.")
    sys.exit(_exit_code(rows))


def _flavour(flavour: str, out: Path, names) -> None:
    from course_lib.run import flavours, notebooks

    chosen = list(dict.fromkeys(notebooks.find(name) for name in names)) or list(notebooks.sources())
    for path in flavours.write(flavour, chosen, out.absolute()):
        click.echo(f"wrote {path}")


@main.group()
def sabotage():
    """Find the leak: data sets with something wrong, to hand out, and the marks for what students found."""


@sabotage.command("make")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--sets", type=click.IntRange(3, 99), default=6, show_default=True, help="How many; some are innocent.")
@click.option("--seed", type=click.IntRange(0, 2**62), help="Repeats a hand-out; by default one that nobody can guess.")
def sabotage_make(out, sets, seed):
    """Write OUT/hand-out for students and OUT/key.json, the answers, for the instructor."""
    import secrets

    from course_lib.run import hand_out

    seed = secrets.randbits(48) if seed is None else seed
    for path in hand_out.write(out.absolute(), sets, seed, click.echo):
        click.echo(f"wrote {path}")


@sabotage.command("grade")
@click.argument("key", type=click.Path(path_type=Path))
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The table; by default marks.csv beside KEY.")
def sabotage_grade(key, answers, out):
    """Mark students' ANSWERS, files or folders of them, against KEY; a table of points and verdicts goes to marks.csv.

    A student is called as the file is, or as its folder if the file is still called answers.csv. The exit code is 1 if
    something in a file could not be understood; all others are marked.
    """
    from course_lib.run import marking

    leaks = marking.read_key(key)
    marks = marking.mark(leaks, marking.files(list(answers)))
    if not marks:
        raise CourseError("There is no .csv file in what was named; give students' files or a folder of them.")
    click.echo(marking.as_text(leaks, marks))
    table = (out or key.parent / "marks.csv").absolute()
    marking.write(table, leaks, marks)
    click.echo(f"wrote {table}")
    sys.exit(any(each.problems for each in marks))


@main.command()
@click.option("--export", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it as JSON.")
def progress(export):
    """What you have done so far: exercises, quizzes, games, forecasts. It is kept on this computer and sent nowhere."""
    import json

    from course_lib.paths import write_atomically
    from course_lib.widgets import progress

    kept = progress.read()
    for notebook in sorted(kept):
        click.echo(f"{notebook}: {progress.sentence(notebook)}")
    if not kept:
        click.echo("Nothing yet: open a notebook with `course lab`.")
    if export is not None:
        write_atomically(export.absolute(), json.dumps(kept, indent=1) + "\n")
        click.echo(f"wrote {export}")


@main.command()
@click.argument("task")
@click.option("--data", "dataset", required=True, help="One of `course data list`, folder:PATH or clips:PATH.")
@click.option("--steps", type=click.IntRange(1), required=True)
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True,
              help="Samples a step over all processes; a multiple of devices x nodes x accumulate.")
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes on each machine.")
@click.option("--nodes", type=click.IntRange(1), default=1, show_default=True, help="Machines.")
@click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, 
              help="Cut each process's share of a batch into so many parts, one after the other: less memory.")
@click.option("--network", default="small_groupnorm", show_default=True, 
              help="small, small_groupnorm, rotnet_nin or torchvision:NAME.")
@click.option("--width", type=int, default=16, show_default=True, 
              help="Channels of its first stage, a multiple of 8; torchvision's networks have their own.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.05, show_default=True)
@click.option("--checkpoint-every", type=click.IntRange(1), default=200, show_default=True, metavar="STEPS")
@click.option("--seed", default="0", show_default=True)
@DEVICE
@OUT
def pretrain(task, dataset, steps, devices, nodes, accumulate, seed, device, out, **plan):
    """Train TASK (rotation, jigsaw ...) on much data, on one machine or many; also under torchrun, `fabric run` and srun.

    Once training has begun, SIGTERM and Ctrl-C save a checkpoint and end with exit code 143; the same command goes on from
    there, on any number of processes. The network goes to OUT/checkpoints.
    """
    from course_lib.data import check_name
    from course_lib.run import pretrain

    seed, device = _check("full", dataset, seed, device)[2:]
    plan = pretrain.Plan(task, check_name(dataset), steps, seed=seed, **plan)
    history = pretrain.run(plan, device, devices, nodes, accumulate, out.absolute(), click.echo)
    sys.exit(pretrain.STOPPED if history.stopped else 0)


@main.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open it in your web browser.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="Listen there; 0.0.0.0 only inside a container.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one")
def lab(folder, browser, ip, port):
    """Open JupyterLab in work/, on copies of the notebooks that are yours to change; or in FOLDER, as it is."""
    from course_lib.paths import project
    from course_lib.run import lab

    if folder is not None:
        sys.exit(lab.serve(folder.absolute(), browser, click.echo, ip, port))
    for sentence in lab.copy_notebooks(project() / "notebooks", project() / "work"):
        click.echo(sentence)
    sys.exit(lab.serve(project() / "work", browser, click.echo, ip, port))


@main.command()
@click.argument("name", metavar="NOTEBOOK")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open it in your web browser.")
def play(name, browser):
    """Play the game of one notebook on a page of its own, without its code."""
    from course_lib.run import notebooks, play

    sys.exit(play.serve(notebooks.find(name), browser, click.echo))


@main.command()
@DEVICE
@click.option("--repetitions", type=click.IntRange(20), default=40, show_default=True,
              help="Timed steps of ours, and of the bare step that finds its batch ready-made.")
@click.option("--runs", type=click.IntRange(1), default=1, show_default=True,
              help="How often all is measured; the median counts.")
@click.option("--scaling", is_flag=True, help="Instead, on the CPU: time and memory at 1, 4 and 16 times the samples.")
@OUT
def bench(device, repetitions, runs, scaling, out):
    """Measure what the library costs beside what one would write by hand; everything goes to OUT/bench.json.

    A step of each task over a bare one, memory, rates beside a DataLoader and others (benchmarks/), imports, and the first
    picture of a notebook. Takes some minutes a run; do nothing else meanwhile.
    """
    device = _check("quick", "world", "0", device)[3]
    if scaling:
        from course_lib.run import scaling

        scaling.measure(out.absolute(), say=click.echo)
    else:
        from course_lib.run import bench

        _open("world")
        bench.measure(device, out.absolute(), repetitions, runs, say=click.echo)


@main.command()
@click.argument("experiment")
@click.option("--data", "dataset", default="cifar10", show_default=True, help="cifar10, or folder:PATH.")
@click.option("--fraction", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, help="Of all steps.")
@click.option("--width", type=int, default=96, show_default=True, help="Of the network, a multiple of 8; the paper's is 96.")
@click.option("--seed", default="0", show_default=True)
@DEVICE
@click.option("--parts", default="", metavar="A,B,…", show_default="all",
              help="Some of: rotnet (pretraining and heads), random (heads on random weights), supervised, time (seconds to the "
                   "target), rotations (two instead of four), labels (few labels).")
@OUT
def reproduce(experiment, dataset, fraction, width, seed, device, parts, out):
    """Repeat a paper's EXPERIMENT on a budget for one GPU and set its figures beside ours (rotnet-cifar10: Gidaris et al. 2018).

    Networks train 12 000 steps, and heads 4 000; the paper's trained 78 000 and 39 000. With --fraction and --width the same
    is tried on less than a GPU. All of that is declared wherever the figures stand. They go to OUT/reproduce, part by part:
    an interrupted command continues.
    """
    from course_lib.data import check_name, open_dataset
    from course_lib.run import reproduce

    parts, (_, _, seed, device) = reproduce.check(experiment, parts), _check("quick", dataset, seed, device)
    opened, out = open_dataset(check_name(dataset), device), out.absolute()
    rows = reproduce.run(
        opened, parts, out, fraction=fraction, width=width, seed=seed, device=device, say=click.echo
    )
    click.echo(f"\n{experiment} on {opened.name}: {rows[0]['declared']}\n\n{reproduce.as_text(rows)}")


@main.command()
@OUT
def report(out):
    """Write OUT/report: a front page and a page a notebook, readable without a network."""
    from course_lib.run import report

    click.echo(f"The report: {report.build(out.absolute())}")


@main.command()
@OUT
def site(out):
    """A static site of the executed notebooks, with their widgets if they ran with --widgets; no network, no server."""
    from course_lib.run import site

    click.echo(f"The site: {site.build(out.absolute()).as_uri()}")


@main.command("new-method")
@click.argument("name")
def new_method(name):
    """Write every file of a new pretext task NAME (snake_case): a small task that works, for you to change."""
    from course_lib.run import new_method

    for path in new_method.write(name):
        click.echo(path)
    click.echo(f"Try it: pytest tests/pretext/test_{name}.py, then course run {name} --profile smoke")


@main.command()
def links():
    """Print a table of links that open each notebook in Colab and in Binder."""
    from course_lib.run import elsewhere, notebooks

    click.echo(elsewhere.links(list(notebooks.sources())))


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a notebook is not in step with its source.")
def generate(check):
    """Write notebooks/*.ipynb from notebooks/source/*.py."""
    from course_lib.run import notebooks

    changed = notebooks.generate(check)
    orphans = [name for name in changed if name not in notebooks.sources()]
    for name in changed:
        click.echo(f"{name}: {'has no source' if name in orphans else 'not in step' if check else 'written'}")
    sys.exit(1 if orphans or (check and changed) else 0)


if __name__ == "__main__":
    main(prog_name="course")
