"""`pytest tests/exercises --refusals docs/refusals` keeps how every wrong answer was refused; the report shows it."""

import datetime
from pathlib import Path

import refusals

from course_lib.run import results


def pytest_addoption(parser):
    parser.addoption("--refusals", type=Path, help="keep in this folder how every wrong answer to an exercise was refused")


def pytest_sessionfinish(session):
    if path := session.config.getoption("refusals", None):
        date = datetime.date.today().isoformat()
        rows = [{"exercise": name, "date": date} | row for name, row in refusals.said().items()]
        for room in {row["exercise"].partition(".")[0] for row in rows}:
            own = [row for row in rows if row["exercise"].startswith(f"{room}.")]
            results.merge(path / f"{room}.json", own, results.REFUSAL_KEY)
