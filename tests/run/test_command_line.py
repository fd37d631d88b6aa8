"""What the user typed wrongly is one sentence, exit code 2, and nothing is written."""

import subprocess
import sys
import time

import pytest


def assert_refused(result, *parts):
    assert result.exit_code == 2, result.output
    assert not result.stdout.strip()
    sentence = result.stderr.strip()
    assert "\n" not in sentence and sentence.startswith("course: ") and "Traceback" not in sentence
    for part in parts:
        assert part in sentence


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["99"], ["'99'", "02_rotation"]),
        (["rotatoin"], ["'rotatoin'", "02_rotation"]),
        (["2", "--profile", "fast"], ["'fast'", "quick"]),
        (["2", "--dataset", "cifar"], ["'cifar'", "cifar10"]),
        (["2", "--dataset", "folder:/no/such/place"], ["/no/such/place"]),
        (["2", "--dataset", "world:cell"], ["'world:cell'", "world:cells"]),
        (["2", "--device", "tpu"], ["'tpu'", "cuda"]),
        (["2", "--seed", "one"], ["'one'", "number"]),
        (["2", "--seed", "-1"], ["-1"]),
    ],
)
def test_bad_input(course, tmp_path, arguments, parts):
    assert_refused(course("run", *arguments, "--out", tmp_path / "out"), *parts)
    assert not (tmp_path / "out").exists()


def test_cuda_where_there_is_none(course, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this computer has CUDA")
    assert_refused(course("run", "2", "--device", "cuda", "--out", tmp_path / "out"), "'cuda'", "'cpu'")


@pytest.mark.parametrize("content", [{}, {"one/a.jpg": b"text"}, {"one/a.jpg": b"text", "two/b.jpg": b"text"}])
def test_a_folder_without_two_classes_of_photos(course, tmp_path, monkeypatch, content):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text)
    result = course("run", "2", "--dataset", f"folder:{folder}", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "Traceback" not in result.stderr and "photos" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--timeout", "0"], ["--jobs", "two"], ["--sead", "1"]])
def test_clicks_own_refusals_have_the_same_exit_code(course, tmp_path, arguments):
    result = course("run", "2", *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "Error:" in result.stderr and not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a folder in which nobody may write")
def test_an_output_folder_that_cannot_be_written(project, course):
    project("01_stub")
    assert_refused(course("run", "--out", "/proc/course"), "/proc/course", "--out")


def test_damaged_results_are_found_before_the_work(project, course, tmp_path):
    project("01_stub")
    (tmp_path / "results.json").write_text("[{")
    assert_refused(course("run", "--out", tmp_path), "results.json is damaged")
    assert not (tmp_path / "executed").exists()


def test_help_is_quick_and_imports_no_torch():
    began = time.perf_counter()
    code = (
        "import sys; from course_lib.run.command_line import main\n"
        "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    for command in ("run", "claims", "bench", "doctor", "data", "new-method", "lab", "rehearse", "report", "generate"):
        assert f"\n  {command} " in run.stdout
    assert time.perf_counter() - began < 5


def test_data_list_verify_and_clear(course, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    for kind in ("cats", "dogs"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for k in range(20):
            colour = (10 * k, 100, 200 if kind == "cats" else 20)
            Image.new("RGB", (40, 40), colour).save(tmp_path / "photos" / kind / f"{k}.png")
    name = f"folder:{tmp_path / 'photos'}"
    built = course("data", "build", name)
    assert built.exit_code == 0 and "2 classes" in built.output, built.output
    assert name in course("data", "list").output
    assert "good" in course("data", "verify", name).output
    array = max((tmp_path / "data" / "cache").glob("*/*.npy"), key=lambda path: path.stat().st_size)
    array.write_bytes(array.read_bytes()[:-1] + b"\x01")
    assert course("data", "verify").exit_code == 1
    assert "removed" in course("data", "clear", name).output
    assert name not in course("data", "list").output
    assert course("data", "clear", "nothing").exit_code == 2
    assert course("data", "build", "nothing").exit_code == 2
