"""A project of tiny notebooks: they import no torch, write their records themselves, and take a second each."""

import pytest
from click.testing import CliRunner

from course_lib.run import command_line, notebooks, report

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A stub
#
# Inline $x^2$, and a display:
#
# $$\\sum_i x_i = 1$$

# %% tags=["parameters"]
profile = "quick"
dataset = "world"
seed = 0
device = "auto"

# %%
import json, os, pathlib, time
from course_lib.errors import CourseError


def record(**values):
    folder = pathlib.Path(os.environ["COURSE_OUT"], "records")
    folder.mkdir(parents=True, exist_ok=True)
    session = {"notebook": NAME, "profile": profile, "dataset": dataset, "seed": seed, "device": "cpu", "train_seconds": 0.5}
    session["records"] = {name.replace("_", "."): {"value": v, "chance": 0.25, "unit": ""} for name, v in values.items()}
    (folder / f"{NAME}--{profile}--{seed}--stub.json").write_text(json.dumps(session))


"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Call it with a notebook's name and its last cell's code to add one; the project's root is `tmp_path`."""
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    for module in (notebooks, report):
        monkeypatch.setattr(module, "project", lambda: tmp_path)
    monkeypatch.setattr(command_line, "_open", lambda dataset: None)

    def add(name: str, code: str = "record(stub_score=0.5 + seed)"):
        (folder / f"{name}.py").write_text(HEADER.replace("NAME", repr(name)) + f"# %%\n{code}\n", encoding="utf-8")
        return folder / f"{name}.py"

    return add


@pytest.fixture
def course():
    """`course("run", "--seed", 1)` runs the command in this process; the result has exit_code, stdout and stderr."""

    def call(*arguments):
        return CliRunner().invoke(command_line.main, [str(argument) for argument in arguments])

    return call
