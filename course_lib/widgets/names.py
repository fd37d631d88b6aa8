"""Names for the handles of sliders, which ipywidgets leaves without: shown once a notebook, and seen by nobody."""

from pathlib import Path

import anywidget


class Names(anywidget.AnyWidget):
    """Gives every slider of the page the name that its label shows, for those who hear the page instead."""

    _esm = Path(__file__).with_suffix(".js")
