"""What lies in deploy/ is no package: its files are loaded by their names."""

import importlib.util
import sys

import pytest

from course_lib.paths import project


@pytest.fixture
def deployed(monkeypatch):
    """`deployed("student_server")` is the module of that file."""
    monkeypatch.syspath_prepend(str(project() / "deploy"))

    def load(name: str):
        path = project() / "deploy" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load
