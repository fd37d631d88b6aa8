"""The widgets, by setting their values and pressing their buttons; no screen."""

import pytest

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
