"""Self-supervised learning by pretext tasks: what the course's notebooks share.

Kept light on purpose: importing `course_lib` imports neither torch nor torchvision.
"""

from course_lib import torchvision_compatibility

__version__ = "0.1.0"

torchvision_compatibility.install()
