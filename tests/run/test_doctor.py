"""The examination of an installation."""

import sys

from course_lib.run import doctor


def test_everything_is_looked_at(course):
    result = course("doctor")
    assert "Traceback" not in result.output
    for what in ("Python", "packages", "torch", "device", "memory", "data", "output", "caches", "kernel", "Chromium"):
        assert any(line[2:].startswith(what) for line in result.output.splitlines()), what
    assert result.exit_code == ("Nothing is wrong." not in result.output)


def test_what_is_wrong_is_said_with_what_to_do_and_the_exit_code_is_1(course, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "/proc/course" if sys.platform != "win32" else "Z:\\nowhere")
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    result = course("doctor")
    assert result.exit_code == 1
    assert "! Python" in result.output and "install Python 3.11" in result.output
    assert "! kernel" in result.output
    assert result.output.rstrip().endswith("to mend: see the lines with !")


def test_versions_are_compared_with_what_is_required_and_what_was_tested(monkeypatch):
    installed = doctor.importlib.metadata.version

    def version(name):
        if name == "tqdm":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return {"click": "7.0", "psutil": "99.0"}.get(name) or installed(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    found = {finding.what: finding for finding in doctor._versions()}
    assert found["tqdm"].wrong and found["tqdm"].found == "missing"
    assert found["click"].wrong and "needs >=8" in found["click"].mend
    assert not found["psutil"].wrong and "tested with" in found["psutil"].note


def test_a_kernel_of_another_python_is_found(monkeypatch, tmp_path):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/elsewhere/bin/python"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert doctor._kernel().wrong and "/elsewhere/bin/python" in doctor._kernel().mend
