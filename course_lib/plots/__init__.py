"""Figures by subject; a method's own pictures stay in its `draw`."""
