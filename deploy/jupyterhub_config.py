"""The course for many on one machine: `jupyterhub -f deploy/jupyterhub_config.py`, started by root. See deploy/README.md.

Who logs in is a user of the system, with the password of the system, and has to be in the group of the course. Everybody's
work lies in their own home, which nobody else may enter; the course and its rendered pictures are shared, and read only.
Each setting has its default here and is changed by a variable of the environment, so an update never overwrites it.
"""

import grp
import os
import shutil
import subprocess
import sys
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub provides it)
COURSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(COURSE / "deploy"))  # for limited_spawner

url = os.environ.get("COURSE_HUB_URL", "http://127.0.0.1:8000")  # this computer only, unless asked
tls = os.environ.get("COURSE_HUB_TLS")  # a folder with cert.pem and key.pem
group = os.environ.get("COURSE_HUB_GROUP", "course-students")
teachers = os.environ.get("COURSE_HUB_TEACHERS", "course-teachers")
memory = os.environ.get("COURSE_HUB_MEMORY", "2G")  # a student, all processes together
cores = float(os.environ.get("COURSE_HUB_CORES", "1"))
state = Path(os.environ.get("COURSE_HUB_STATE", "/var/lib/course-hub"))  # the hub's own secrets
shared = Path(os.environ.get("COURSE_DATA", COURSE / "data")).absolute()


def a_student_can(code: str, *arguments: str) -> bool:
    """Whether that code runs as somebody who owns nothing on this machine."""
    try:
        return subprocess.call([sys.executable, "-c", code, *arguments], cwd="/", stderr=subprocess.DEVNULL,
                               user=65534, group=65534, extra_groups=[]) == 0  # fmt: skip
    except OSError:
        return False


# What would fail later, or fail to protect, is said now.
if os.geteuid() != 0:
    sys.exit("The hub starts a server as each student, which only root may do: start it with sudo, or as a system service.")
groups = {entry.gr_name for entry in grp.getgrall()} & {group, teachers}
if group not in groups:
    sys.exit(f"There is no group {group}, and nobody else may log in: `groupadd {group}`, then put the students into it.")
if not url.startswith(("http://127.0.0.1:", "http://localhost:")) and not (tls and url.startswith("https://")):
    sys.exit(f"{url} can be reached from other computers, and passwords must not cross a network unencrypted: set "
             "COURSE_HUB_URL=https://… and COURSE_HUB_TLS to a folder with cert.pem and key.pem, or keep the hub on "
             "127.0.0.1 behind a web server that speaks TLS.")  # fmt: skip
if not a_student_can("import course_lib.run.lab"):
    sys.exit(f"Students cannot run the course with {sys.executable}: install Python and the course where all may read, "
             "such as /usr and /opt, not in somebody's home.")  # fmt: skip
if not list(shared.glob("cache/world-*/manifest.json")):
    sys.exit(f"No pictures have been rendered in {shared}, and each student would render all of them: run "
             "`course data build world world:cells world:clips world:sounds`.")  # fmt: skip
if not a_student_can("import os, sys; os.listdir(sys.argv[1])", str(shared / "cache")):
    sys.exit(f"Students cannot read {shared / 'cache'}: set COURSE_DATA to a folder that all may read.")
if shutil.which("configurable-http-proxy") is None:
    sys.exit("The hub's proxy is missing: `npm install -g configurable-http-proxy`.")

# Who may enter: PAM asks the system for the password.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = groups
c.PAMAuthenticator.admin_groups = groups - {group}  # teachers may stop a student's server, not look into it

# What the hub keeps to itself: readable by root only.
os.umask(0o077)
state.mkdir(parents=True, exist_ok=True)
state.chmod(0o700)
c.JupyterHub.bind_url = url
if tls:
    c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = f"{tls}/cert.pem", f"{tls}/key.pem"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{state}/hub.sqlite"
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# What a student gets. Other processes on the machine count, too: limits are kept by the kernel, not by good manners.
if Path("/run/systemd/system").is_dir():
    c.JupyterHub.spawner_class = "systemd"
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.unit_extra_properties = {"TasksMax": "512", "MemorySwapMax": "0"}
else:
    c.JupyterHub.spawner_class = "limited_spawner.LimitedSpawner"
c.Spawner.cmd = [sys.executable, str(COURSE / "deploy" / "student_server.py")]
c.Spawner.mem_limit = memory
c.Spawner.cpu_limit = cores
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 120  # twelve servers that start at once are slow to answer
c.Spawner.disable_user_config = True
c.Spawner.environment = {
    "COURSE_SHARED": str(shared),
    # More threads than cores wait for one another.
    "OMP_NUM_THREADS": str(max(1, int(cores))),
}
c.JupyterHub.concurrent_spawn_limit = 12

# Servers of those who have gone home stop after an hour.
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
