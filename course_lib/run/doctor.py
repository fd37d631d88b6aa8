"""What this computer and this installation are like, what is wrong, and what to do about it."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from course_lib.paths import data_directory, output_directory, project

DISTRIBUTION = "course-pretext-tasks"


@dataclass
class Finding:
    """What was looked at and what was found; if that is `wrong`, how to `mend` it, else a `note` worth knowing."""

    what: str
    found: str
    mend: str = ""
    wrong: bool = False
    note: str = ""


def examine() -> list[Finding]:
    """Everything that can keep the course from working."""
    return [
        *_python(),
        *_versions(),
        *_device(),
        _memory(),
        *_folders(),
        _caches(),
        _kernel(),
        _chromium(),
    ]


def _python() -> list[Finding]:
    version = sys.version_info[:2]
    where = "a virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return [
        Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"),
        Finding(
            "Python",
            f"{platform.python_version()} in {sys.prefix} ({where})",
            "install Python 3.11 to 3.14 and run `make setup` again",
            wrong=not (3, 11) <= version <= (3, 14),
        ),
    ]


def _versions() -> list[Finding]:
    """Installed versions beside what pyproject.toml requires (else wrong) and constraints.txt was tested with (else a note)."""
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(line) for line in importlib.metadata.requires(DISTRIBUTION) or []]
    except importlib.metadata.PackageNotFoundError:
        return [Finding("packages", "the course itself is not installed", "run `make setup`", wrong=True)]
    constraints = project() / "constraints.txt"
    text = constraints.read_text(encoding="utf-8") if constraints.exists() else ""
    tested = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))
    findings, same = [], 0
    for requirement in requirements:
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            if wanted:
                findings.append(Finding(requirement.name, "missing", "run `make setup`", wrong=True))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            mend = f"the course needs {requirement.specifier}: run `make setup`"
            findings.append(Finding(requirement.name, version, mend, wrong=True))
        elif version.split("+")[0] != tested.get(requirement.name, version).split("+")[0]:
            findings.append(Finding(requirement.name, version, note=f"tested with {tested[requirement.name]}"))
        else:
            same += 1
    return [Finding("packages", f"{same} direct dependencies, in the tested versions"), *findings]


def _device() -> list[Finding]:
    try:
        import torch

        from course_lib.start import default_precision, validate_parameters

        device = validate_parameters("quick", "world", 0, "auto")[3]
        name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
        precision = str(default_precision(device)).removeprefix("torch.")
        return [
            Finding("torch", torch.__version__),
            Finding("device", f"{device} ({name}), computing in {precision}"),
        ]
    except Exception as error:
        return [Finding("torch", f"{type(error).__name__}: {error}", "run `make setup`", wrong=True)]


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    mend = "a notebook takes up to 1 GiB: close other programs"
    return Finding("memory", found, mend, wrong=memory.available < 1.5 * 2**30)


def _folders() -> list[Finding]:
    findings = []
    for what, folder in (("data", data_directory()), ("output", output_directory())):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free / 2**30
        if existing.is_dir() and os.access(existing, os.W_OK):
            findings.append(Finding(what, f"{folder}, {free:.1f} GiB free", "free some disk space", wrong=free < 2))
        else:
            mend = f"set COURSE_{'DATA' if what == 'data' else 'OUT'} to a folder that you may write to"
            findings.append(Finding(what, f"{folder} cannot be written", mend, wrong=True))
    return findings


def _caches() -> Finding:
    try:
        from course_lib.data import cache

        caches = cache.list_caches()
        damaged = [found for found in caches if cache.damage(found["directory"])]
    except Exception as error:  # what is broken here must not hide the other findings
        return Finding("caches", f"{type(error).__name__}: {error}", "run `make setup`", wrong=True)
    names = ", ".join(found["name"] or found["directory"].name for found in caches) or "none yet"
    if damaged:
        which = ", ".join(found["directory"].name for found in damaged)
        return Finding("caches", f"damaged: {which}", "the next use builds them again, or run `course data clear`", wrong=True)
    return Finding("caches", f"{names} ({sum(found['bytes'] or 0 for found in caches) / 2**20:.0f} MiB)")


def _kernel() -> Finding:
    if importlib.util.find_spec("ipykernel") is None:
        return Finding("kernel", "ipykernel is missing", 'run `make setup`, or `pip install -e ".[lab]"`', wrong=True)
    version = importlib.metadata.version("ipykernel")
    if int(version.split(".")[0]) < 7:
        note = "the Stop button answers only from ipykernel 7 on: run `make setup`"
        return Finding("kernel", f"ipykernel {version}", note=note)
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("kernel", f"ipykernel {version}, no kernel named python3", "run `make setup`", wrong=True)
    own = not os.path.isabs(command) or Path(command).absolute().parent == Path(sys.executable).absolute().parent
    mend = f"another kernel named python3 ({command}) stands before this one: `jupyter kernelspec remove python3`"
    return Finding("kernel", f"ipykernel {version}", mend, wrong=not own)


def _chromium() -> Finding:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    return Finding("Chromium", found or "not found", note="" if found else "only the browser test needs it")


def as_text(findings: list[Finding]) -> str:
    """A line a finding, and below it what to do about it."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{'!' if finding.wrong else ' '} {finding.what:<{width}}  {finding.found}")
        if hint := finding.mend if finding.wrong else finding.note:
            lines.append(f"  {'':<{width}}  -> {hint}")
    wrong = sum(finding.wrong for finding in findings)
    return "\n".join([*lines, "", f"{wrong} to mend: see the lines with !" if wrong else "Nothing is wrong."])
