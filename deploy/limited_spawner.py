"""Limits for students where no systemd runs: each student's processes live in a control group of the Linux kernel.

All that a student starts is in the group, whatever it is and however it detaches: together it cannot take more memory,
processor time or processes than the group may. Needs root, and control groups that can be written (a container's often
cannot be).
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner

ROOT = Path("/sys/fs/cgroup")
PROCESSES = 512  # threads, too
PERIOD = 100_000  # microseconds in which a group may use its share of the processor


def settings(memory: int, cores: float, root: Path = ROOT) -> dict[Path, dict[str, str]]:
    """Hierarchy -> file -> what to write there, for version 2 of control groups or for version 1.

    memory: bytes.
    """
    quota = str(int(cores * PERIOD))
    if (root / "cgroup.controllers").exists():
        return {root: {"memory.max": str(memory), "cpu.max": f"{quota} {PERIOD}", "pids.max": str(PROCESSES)}}
    return {
        root / "memory": {"memory.limit_in_bytes": str(memory)},
        root / "cpu": {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": quota},
        root / "pids": {"pids.max": str(PROCESSES)},
    }


class LimitedSpawner(LocalProcessSpawner):
    """A process of the student's, in a control group of the student's."""

    def make_preexec_fn(self, name):
        become_the_student = super().make_preexec_fn(name)
        groups = self._groups()

        def enter():
            for folder in groups:
                (folder / "cgroup.procs").write_text("0")  # this process, which is still root
            become_the_student()

        return enter

    async def stop(self, now=False):
        await super().stop(now)
        for folder in self._folders():
            while members := _members(folder):  # what was detached from the server
                for process in members:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                await asyncio.sleep(0.1)
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()

    def _folders(self) -> list[Path]:
        return [hierarchy / f"course-{self.user.name}" for hierarchy in settings(0, 0)]

    def _groups(self) -> list[Path]:
        """Make the groups and set their limits. `OSError` where the kernel does not keep them: then nobody gets a server."""
        for hierarchy, files in settings(self.mem_limit, self.cpu_limit).items():
            if (hierarchy / "cgroup.controllers").exists():
                (hierarchy / "cgroup.subtree_control").write_text("+memory +cpu +pids")
            folder = hierarchy / f"course-{self.user.name}"
            folder.mkdir(exist_ok=True)
            for file, value in files.items():
                (folder / file).write_text(value)
        return self._folders()


def _members(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "cgroup.procs").read_text().split()] if folder.exists() else []
