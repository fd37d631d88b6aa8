"""The examples for SLURM and Kubernetes: what they call exists, and their numbers agree with one another."""

import re
import shlex
import shutil
import subprocess

import click
import pytest
import yaml

from course_lib.paths import project
from course_lib.run.command_line import main

SLURM, KUBERNETES = project() / "deploy" / "slurm", project() / "deploy" / "kubernetes"
SCRIPTS = sorted(SLURM.glob("*.sbatch"))
# What the shell or the batch system would put in.
STANDS_FOR = {"$SLURM_NTASKS_PER_NODE": "4", "$SLURM_NNODES": "2", "$folder": "/tmp"}
TYPED = {"pretrain": "rotation --data cifar10 --steps 20000", "claims": ""}  # by whoever submits a script: its "$@"


def check(words):
    """Raise unless `course`, followed by these words, is a command with options that it knows. Nothing is executed."""
    name, *rest = words
    main.commands[name].make_context(name, rest)


def test_check_notices_what_does_not_exist():
    with pytest.raises(click.NoSuchOption):
        check(["claims", "--no-such"])


def directives(script):
    return dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", script.read_text(), re.MULTILINE))


def documents(name):
    """The objects of one file, by kind and name."""
    found = list(yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8")))
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


PODS = {
    name: each["spec"]["template"]
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for (kind, name), each in documents(path.name).items()
    if kind in ("Job", "Deployment")
}


# --- SLURM


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_shell_can_read_it(script):
    result = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_job_may_be_started_again_and_its_log_goes_on(script):
    found = directives(script)
    assert "requeue" in found and found["open-mode"] == "append"
    # A typing error in a directive would be a comment.
    assert len(found) == sum(line.startswith("#SBATCH") for line in script.read_text().splitlines())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_calls_exists(script):
    joined = script.read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line for line in joined.splitlines() if re.match(r"(srun .*)?\bcourse \w", line.strip())]
    words = line.split("course ", 1)[1].replace('"$@"', TYPED[script.stem])
    for variable, value in STANDS_FOR.items():
        words = words.replace(variable, value)
    assert "$" not in words
    check(shlex.split(words))


def test_a_training_has_a_process_a_gpu_and_as_many_as_slurm_starts():
    script = SLURM / "pretrain.sbatch"
    found, text = directives(script), script.read_text(encoding="utf-8")
    assert found["ntasks-per-node"] == found["gpus-per-node"]
    assert '--devices "$SLURM_NTASKS_PER_NODE" --nodes "$SLURM_NNODES"' in text
    signal, seconds = found["signal"].split("@")
    assert signal == "TERM" and int(seconds) >= 60 and '[ "$code" -eq 143 ]' in text


# --- Kubernetes


def test_a_training_has_as_many_processes_as_torchrun_starts():
    objects = documents("pretrain.yaml")
    job, service = objects["Job", "course-pretrain"]["spec"], objects["Service", "course-pretrain"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    command = container["command"]
    torchrun, course = command[: command.index("course")], command[command.index("course") + 1 :]
    told = dict(word.removeprefix("--").split("=") for word in torchrun[1:] if "=" in word)
    assert torchrun[0] == "torchrun" and torchrun[-1] == "--no-python"
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == int(told["nnodes"])
    processes = int(told["nproc-per-node"])
    assert {f"--nodes={told['nnodes']}", f"--devices={processes}"} <= set(course)
    assert container["resources"]["limits"]["nvidia.com/gpu"] == processes
    threads = {each["name"]: each["value"] for each in container["env"]}["OMP_NUM_THREADS"]
    assert int(threads) * processes == int(container["resources"]["limits"]["cpu"])
    # The others find the first pod by the name that the headless service gives it.
    port = service["spec"]["ports"][0]["port"]
    assert told["rdzv-endpoint"] == f"course-pretrain-0.{service['metadata']['name']}:{port}"
    assert pod["subdomain"] == service["metadata"]["name"] and service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]  # names are needed before anybody is ready
    assert service["spec"]["selector"].items() <= job["template"]["metadata"]["labels"].items()


def test_a_training_that_was_preempted_goes_on():
    job = documents("pretrain.yaml")["Job", "course-pretrain"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert job["backoffLimit"] >= 10  # torchrun makes 1 of 143, which counts
    pod = job["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # podFailurePolicy is refused otherwise
    assert pod["terminationGracePeriodSeconds"] > 30  # how long torchrun itself waits for its processes


@pytest.mark.parametrize("template", PODS.values(), ids=PODS)
def test_pods_are_nobody_special_have_limits_and_keep_what_they_write(template):
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 1000  # as in the Dockerfile
    assert not pod["automountServiceAccountToken"]
    claim = documents("storage.yaml")["PersistentVolumeClaim", "course-shared"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for container in pod["containers"]:
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        claimed = {each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if "persistentVolumeClaim" in each}
        assert claimed == {claim["metadata"]["name"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("template", PODS.values(), ids=PODS)
def test_what_a_pod_calls_exists(template):
    (container,) = template["spec"]["containers"]
    command = container["command"]
    if "course" in command:
        check(command[command.index("course") + 1 :])
    else:
        assert command[0] == "dask"
        cli = pytest.importorskip(f"distributed.cli.dask_{command[1]}", reason="Dask is in the extra `scale`")
        cli.main.make_context("dask", command[2:])


def test_dask_speaks_in_secret_and_workers_find_the_scheduler():
    objects = documents("claims.yaml")
    settings = objects["ConfigMap", "course-claims"]["data"]
    assert settings["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
    service = objects["Service", "course-claims"]
    where = f"tls://course-claims:{service['spec']['ports'][0]['port']}"
    scheduler, worker = (objects["Deployment", f"course-claims-{part}"]["spec"] for part in ("scheduler", "worker"))
    (client,) = objects["Job", "course-claims"]["spec"]["template"]["spec"]["containers"]
    called = worker["template"]["spec"]["containers"][0]
    assert where in called["command"] and f"--dask={where}" in client["command"]
    assert "--nthreads=1" in called["command"]
    assert settings["OMP_NUM_THREADS"] == called["resources"]["limits"]["cpu"]
    assert service["spec"]["selector"] == scheduler["template"]["metadata"]["labels"]
    for each in (scheduler, worker):
        assert each["selector"]["matchLabels"] == each["template"]["metadata"]["labels"]


@pytest.mark.parametrize("name", ["pretrain", "claims"])
def test_only_its_own_pods_reach_a_job(name):
    policy = documents(f"{name}.yaml")["NetworkPolicy", f"course-{name}"]["spec"]
    own = {"matchLabels": {"app": f"course-{name}"}}
    assert policy == {"podSelector": own, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": own}]}]}
