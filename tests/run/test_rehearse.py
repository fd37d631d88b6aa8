"""`course rehearse`: the notebook is told what to rehearse, and nothing of it reaches the results."""

import json

from course_lib.widgets import demos, lecture


def test_the_notebook_is_told_and_results_stay_as_they_are(tmp_path, project, course, monkeypatch):
    source = project("07_stub", "record(told=float(os.environ['COURSE_REHEARSE'] == 'one two'))")
    monkeypatch.setenv("COURSE_REHEARSE", "")  # the command sets it
    monkeypatch.setattr(lecture, "project", lambda: tmp_path)
    monkeypatch.setattr(demos, "FOLDER", tmp_path)
    assert lecture.subject("07_stub") == "stub" and source.exists()
    refused = course("rehearse", "7", "--out", tmp_path / "out")
    assert refused.exit_code == 2 and "There are no demos 'stub'" in refused.stderr
    (tmp_path / "stub.toml").write_text("rehearse = []")
    refused = course("rehearse", "7", "--out", tmp_path / "out")
    assert refused.exit_code == 2 and "no training to rehearse" in refused.stderr
    (tmp_path / "stub.toml").write_text('rehearse = ["one", "two"]')
    done = course("rehearse", "7", "--out", tmp_path / "out")
    assert done.exit_code == 0 and "Rehearsed: one, two." in done.stdout
    (row,) = json.loads((tmp_path / "out" / "rehearsed" / "results.json").read_text())
    assert row["records"]["told"]["value"] == 1.0
    assert not (tmp_path / "out" / "results.json").exists()
