"""The world: scenes rendered by rule, with exact truth, for when there are no photos.

`render` is all that callers need; every number in a scene is a hash of (seed, index, name of the factor).
"""

from course_lib.data.world.objects import CLASSES
from course_lib.data.world.scene import render

__all__ = ["CLASSES", "render"]
