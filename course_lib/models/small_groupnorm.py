"""`small` with group normalisation: no sample sees another, so results do not depend on how a batch is divided."""

from torch import nn

from course_lib.models import small
from course_lib.models.backbone import Backbone


def build(width: int, image_size: int) -> Backbone:
    """As `small`, with groups of 8 channels (Wu & He 2018, arXiv:1803.08494)."""
    return small.build(width, image_size, normalisation=lambda channels: nn.GroupNorm(channels // 8, channels))
