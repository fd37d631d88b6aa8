"""State a number before you measure it."""

from collections.abc import Callable

import ipywidgets

from course_lib.widgets import headless, show_error, show_panel


class Forecast:
    """A slider and a button: the student's expectation of a fraction, kept when the button is pressed.

    Moving the slider afterwards changes the forecast. (A browser may send a press before a move that came just earlier.)

    Args:
        question: what will be measured.
        keep: called with the forecast, 0…1; with None when it is taken back.
        start: where the slider stands at first, 0…1.
        noted: what was forecast before the kernel was restarted, 0…1: it goes on counting.
    """

    def __init__(self, question: str, keep: Callable[[float | None], None], start: float = 0.5, noted: float | None = None):
        self._keep, self.value = keep, noted
        stands = round(100 * (start if noted is None else noted))
        self.slider = ipywidgets.IntSlider(
            value=stands, min=0, max=100, description="I expect (%)", style={"description_width": "initial"},
            continuous_update=False, layout={"width": "min(28em, 95%)"},
        )  # fmt: skip
        self.button = ipywidgets.Button(description="That is my forecast", tooltip=f"Keep this forecast: {question}")
        self.text = ipywidgets.HTML("" if noted is None else f"Noted before: {stands} %. It still counts.")
        self.button.on_click(lambda _: self.commit())
        self.slider.observe(lambda _: self.commit() if self.value is not None else None, names="value")
        for widget, hook in ((self.slider, "slider"), (self.button, "button"), (self.text, "text")):
            widget.add_class(f"course-forecast-{hook}")
        self.panel = ipywidgets.VBox([ipywidgets.HTML(f"<b>Forecast.</b> {question}"), self.slider, self.button, self.text])
        if headless():
            print(f"Forecast. {question} (Open this notebook in JupyterLab to state yours.)")
        else:
            show_panel(self)

    def commit(self) -> None:
        """Keep what the slider shows."""
        try:
            self._keep(self.slider.value / 100)
            self.value = self.slider.value / 100
            self.text.value = f"Noted: {self.slider.value} %. You will see how close you were."
        except Exception as error:
            show_error(self.text, error)

    def start_over(self) -> None:
        """As if nothing had been forecast: the slider may be moved without effect until the button is pressed."""
        self.value, self.text.value = None, ""
        self._keep(None)
