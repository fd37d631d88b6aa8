"""Set up the course, then run it:  python3 course.py [setup|course|test|lab|bench]   (Windows: py -3 course.py course)

setup   make .venv and install what the course needs (the default; every other word does this first)
course  run every notebook at the quick profile and build the report
test    run the tests; further arguments go to pytest
lab     open JupyterLab;  bench  measure the training loop
Anything else goes to the course's own command line:  python3 course.py run 02_rotation --profile smoke

Standard library only, and written so that Python 3.6 can read it: an old Python must be able to say what is missing.
"""

import contextlib
import errno
import hashlib
import importlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "course-stamp"     # what .venv holds: a fingerprint, or UNFINISHED while an installation is under way
UNFINISHED = "unfinished"
EXTRAS = "lab,test"
VERSIONS = [(3, 14), (3, 13), (3, 12), (3, 11)]     # `requires-python` in pyproject.toml, newest first
AGAIN = "then run the same command again."
SMALL, WITH_CUDA = (0.4, 3), (3, 8)     # GB to download, GB on disk
PYTORCH_ON_CPU = "https://download.pytorch.org/whl/cpu"


class SetUpError(Exception):
    """One sentence: what is wrong, what was expected and what to do."""


def main(arguments):
    """Do what the arguments ask; the exit code is 2 after a sentence about what is wrong, else that of the work."""
    action, rest = (arguments or ["setup"])[0], arguments[1:]
    if action in ("-h", "--help"):
        print(__doc__)
        return 0
    try:
        if action in ("setup", "course") and rest:
            raise SetUpError(f"`{action}` takes no arguments, but got {' '.join(rest)}; "
                             "for a run of your own choosing use `course.py run`.")
        if not is_set_up():
            if sys.version_info[:2] not in VERSIONS:
                return call([*another_python(), __file__, *arguments])
            set_up()
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(no_space() if error.errno == errno.ENOSPC else
              f"{error.filename or VENV} could not be written ({error.strerror or error}); "
              f"move the course to a folder that you may write to, {AGAIN}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the same command takes up the work again.", file=sys.stderr)
        return 130
    if action == "setup":
        print(f"The course is set up in {VENV}.")
        return 0
    if action == "course":
        return run_course()
    if action == "test":
        return hand_over("pytest", *rest, cwd=str(ROOT))
    return hand_over("course_lib.run.command_line", *arguments)


def run_course():
    """Every notebook at the quick profile, three at a time, then the report; returns the first exit code that is not 0."""
    # Small networks keep one core busy and wait for each other on two. The third computes while another starts or saves.
    # Each notebook takes about a GB of memory.
    jobs = "3" if (os.cpu_count() or 1) > 1 else "1"
    status = hand_over("course_lib.run.command_line", "run", "--profile", "quick", "--jobs", jobs)
    if status not in (0, 1):     # 1: a notebook failed, and the report says why; otherwise there is nothing to report
        return status
    reported = hand_over("course_lib.run.command_line", "report")
    if reported == 0:
        output = Path(os.environ.get("COURSE_OUT") or ROOT / "build").absolute()
        print(f"The report is {output / 'report' / 'index.html'}")
    return status or reported


def hand_over(module, *arguments, cwd=None):
    """Run a module in .venv and return its exit code."""
    return call([str(PYTHON), "-m", module, *arguments], cwd)


def call(command, cwd=None):
    """Run a command and return its exit code. Ctrl-C is the command's to answer: JupyterLab asks before it stops."""
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.stdout.flush()
    return subprocess.call(command, cwd=cwd)


# Is there anything to install?

def is_set_up():
    """True if .venv starts and its stamp says that an installation of exactly this course was finished."""
    version = python_in_venv()
    return version != "" and stamp() == fingerprint(version)


def stamp():
    return STAMP.read_text() if STAMP.exists() else ""


def fingerprint(version):
    """What .venv must hold, as one word: it changes with the dependencies, Python's version and the folder's path."""
    # The tools' settings below [tool.…] install nothing, and a student without network should not wait for them.
    dependencies = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[tool.")[0]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return hashlib.sha256("\0".join([str(ROOT), version, EXTRAS, dependencies, constraints]).encode()).hexdigest()


def python_in_venv():
    """The version of .venv's Python, such as "3.11"; "" if it does not start, has no pip or is not in `VERSIONS`."""
    probe = f"import pip, sys; assert sys.version_info[:2] in {VERSIONS}; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError):
        return subprocess.run([str(PYTHON), "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              encoding="ascii").stdout.strip()
    return ""


# Which Python makes .venv?

def another_python():
    """The command of a suitable Python other than the one that reads this."""
    for version in VERSIONS:
        name = "{}.{}".format(*version)
        for command in (["python" + name], ["py", "-" + name]):
            # A name on PATH proves little: it may be a version manager's or a shop's stand-in. So ask it.
            ask = f"import sys; sys.exit(sys.version_info[:2] != {version})"
            with contextlib.suppress(OSError):
                if subprocess.call([*command, "-c", ask], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
                    return command
    refuse_unsupported_machine()     # on such a machine another Python would not help
    raise SetUpError(f"The course needs Python 3.11 to 3.14 and found only {platform.python_version()}; "
                     f"install one from https://www.python.org/downloads/ or your package manager, {AGAIN}")


def refuse_unsupported_machine():
    """Raise `SetUpError` where no PyTorch is built for this computer and Python."""
    system, machine = platform.system(), platform.machine().lower()
    bits = 64 if sys.maxsize > 2**32 else 32
    if (system, machine) == ("Darwin", "x86_64"):
        raise SetUpError("PyTorch 2.2 was the last for Intel Macs and the course needs 2.11; use another computer, or, "
                         f"if this Mac has Apple silicon, install the arm64 build of Python, {AGAIN}")
    built = (system, machine) in {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "amd64")}
    if not built or bits == 32 or (system == "Linux" and platform.libc_ver()[0] != "glibc"):
        raise SetUpError(f"PyTorch is not built for this Python ({bits} bits, {system} {machine}); it needs 64 bits "
                         "on Linux with glibc (x86-64, Arm), on macOS with Apple silicon or on Windows (x86-64).")
    if system == "Darwin" and int(platform.mac_ver()[0].split(".")[0]) < 14:
        raise SetUpError(f"PyTorch needs macOS 14 and this is macOS {platform.mac_ver()[0]}; update macOS, {AGAIN}")


# Make .venv, or mend it

def set_up():
    """Bring .venv to what the fingerprint asks. After an installation that was killed, the next call starts afresh."""
    refuse_unsupported_machine()
    fresh = python_in_venv() == "" or stamp() == UNFINISHED
    if fresh or stamp() == "":     # "": .venv was made by someone else, or the first download failed
        announce()
    else:
        print(f"Updating {VENV}: the course's dependencies have changed.")
    if fresh:
        make_venv()
    before = stamp()
    STAMP.write_text(UNFINISHED)
    try:
        install()
    except ConnectionError as error:     # pip installs nothing before it has everything, so .venv is what it was
        STAMP.write_text(before)
        raise SetUpError(f"The package registry could not be reached ({error}); connect this computer to the network, "
                         f"or set PIP_INDEX_URL to a registry that it can reach, {AGAIN}") from None
    STAMP.write_text(fingerprint(python_in_venv()))


def announce():
    """Say what will come and how large it is; raise `SetUpError` where the disk has no room for it."""
    download, disk = sizes()
    if shutil.disk_usage(str(ROOT)).free < disk * 1e9:
        raise SetUpError(no_space())
    print(f"Setting up the course in {VENV}: PyTorch, JupyterLab and others, "
          f"about {download} GB to download and {disk} GB on disk, once.")
    if disk > SMALL[1]:
        print("Most of it is PyTorch for NVIDIA GPUs. Without such a GPU save about 2 GB: "
              f"stop with Ctrl-C, set PIP_EXTRA_INDEX_URL={PYTORCH_ON_CPU} and run the same command again.")


def make_venv():
    """Replace .venv by an empty one with pip."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetUpError(f"{sys.executable} cannot make virtual environments (it lacks venv or ensurepip); "
                         f"on Debian or Ubuntu run `sudo apt install python3.{sys.version_info[1]}-venv`, {AGAIN}")
    if VENV.exists():
        shutil.rmtree(str(VENV))
    VENV.mkdir()
    STAMP.write_text(UNFINISHED)
    venv = importlib.import_module("venv")     # not at the top: it may be missing
    try:
        venv.create(str(VENV), symlinks=os.name != "nt", with_pip=True)
    except subprocess.CalledProcessError as error:
        explain((error.output or b"").decode(errors="replace"))
    STAMP.write_text("")


def install():
    """Install the course and its tested dependencies with pip. `ConnectionError`: the registry could not be reached."""
    sys.stdout.flush()
    pip = subprocess.run([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check",
                          "-c", "constraints.txt", "-e", f".[{EXTRAS}]"],
                         cwd=str(ROOT), stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    if pip.returncode != 0:
        explain(pip.stderr)


def explain(output):
    """Raise what the messages of a failed installer mean."""
    if any(sign in output for sign in ("No space left on device", "Errno 28", "WinError 112")):
        raise SetUpError(no_space())
    broken = re.search("(NameResolution|NewConnection|ConnectTimeout|ReadTimeout|ConnectionReset|Proxy|SSL)Error",
                       output)
    # setuptools is the first thing that pip asks a registry for, and pip does not always say why it got none.
    if broken or re.search(r"setuptools\S* \(from versions: none\)", output):
        raise ConnectionError(broken.group() if broken else "no answer")
    print(output, file=sys.stderr)
    raise SetUpError(f"The packages of the course could not be installed, for the reason above; mend it, {AGAIN}")


def sizes():
    """GB to download and GB on disk, roughly. On Linux the registry's PyTorch brings CUDA along."""
    cuda = sys.platform == "linux" and PYTORCH_ON_CPU not in os.environ.get("PIP_EXTRA_INDEX_URL", "")
    return WITH_CUDA if cuda else SMALL


def no_space():
    disk, free = sizes()[1], shutil.disk_usage(str(ROOT)).free / 1e9
    hint = f" ({SMALL[1]} GB with PIP_EXTRA_INDEX_URL={PYTORCH_ON_CPU}, without GPU)" if disk > SMALL[1] else ""
    return f"The course needs about {disk} GB{hint} and {ROOT} has {free:.1f} GB left; free some space, {AGAIN}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
