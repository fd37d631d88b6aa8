"""The widgets, by setting their values and pressing their buttons; no screen."""

import sys
import types

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.widgets import headless
from course_lib.widgets.forecast import Forecast


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def test_headless_unless_a_server_named_the_session(monkeypatch):
    assert headless()
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert headless()
    monkeypatch.setenv("JPY_SESSION_NAME", "02_rotation.ipynb")
    assert not headless()
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    assert headless()


def test_not_headless_in_a_kernel_of_vs_code(monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("VSCODE_PID", "94309")  # as in its terminal, where somebody may type `course run`
    shell = InteractiveShell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert headless()
    shell.user_ns["__vsc_ipynb_file__"] = "/home/somebody/course/notebooks/02_rotation.ipynb"
    assert not headless()


def test_not_headless_in_colab(monkeypatch):
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert headless()
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert not headless()


# --- forecasts


def test_a_forecast_is_kept_when_the_button_is_pressed(on_screen):
    kept = []
    forecast = Forecast("how many?", kept.append, start=0.25)
    assert forecast.slider.value == 25 and not kept
    forecast.slider.value = 70
    assert not kept
    forecast.button.click()
    assert kept == [0.7] and "70 %" in forecast.text.value
    forecast.slider.value = 60
    assert kept == [0.7, 0.6] and "60 %" in forecast.text.value
