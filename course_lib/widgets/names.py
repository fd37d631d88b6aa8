"""What screen readers and keyboards miss in a notebook's page: shown once a notebook, and seen by nobody."""

from pathlib import Path

import anywidget


class Names(anywidget.AnyWidget):
    """Gives every slider of the page the name that its label shows, and lets keys scroll what is wider than the page."""

    _esm = Path(__file__).with_suffix(".js")
