"""Self-supervised learning by pretext tasks: what the course's notebooks share.

Kept light on purpose: importing `course_lib` imports neither torch nor torchvision.
"""

import os

from course_lib import torchvision_compatibility

__version__ = "0.1.0"

# torch's threads wait for one another between operations. Asleep rather than spinning, they leave the processor to the
# browser and to other kernels: on two busy cores this halves the time of a training step. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

torchvision_compatibility.install()
