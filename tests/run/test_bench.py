"""The measurement of what the library adds to a training step."""

import json

import pytest


@pytest.mark.slow
def test_bench_measures_every_task(course, tmp_path, monkeypatch):
    from course_lib import pretext
    from course_lib.run import bench

    monkeypatch.setattr(bench, "VISIBLE", 16)
    monkeypatch.setattr(bench, "WIDTH", 8)
    result = course("bench", "--device", "cpu", "--repetitions", "20", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    measured = json.loads((tmp_path / "bench.json").read_text())
    assert set(measured["overhead"]) == set(pretext.names())
    assert all(0.5 < ratio < 10 for ratio in measured["overhead"].values()) and measured["device"].startswith("cpu")


def test_the_fastest_of_interleaved_repetitions_counts():
    import time

    from course_lib.run import bench

    calls = []

    def action(name, seconds):
        return lambda: (calls.append(name), time.sleep(seconds))

    quick, slow = bench._fastest([action("a", 0.001), action("b", 0.004)], "cpu", 20)
    assert 0.001 <= quick < slow and slow >= 0.004
    assert calls == ["a", "b"] * 25
