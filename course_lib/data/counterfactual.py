"""The world's scenes once more, with one thing changed."""

import dataclasses

from course_lib.data.sources.world import SEED
from course_lib.data.splits import Split
from course_lib.data.world import render
from course_lib.errors import CourseError


def changed(data: Split, change: str | None) -> Split:
    """The scenes of a split of the data set `world`, rendered again with a change (see `course_lib.data.world.render`).

    Labels stay; annotations, which describe the pictures as they were, do not. None renders them as they are.

    Raises:
        CourseError: these are not scenes of the world, or there is no such change.
    """
    if "index" not in data.annotations or data.images is None:
        raise CourseError("Only scenes of the data set 'world' can be rendered again; these samples have no number there.")
    images = render(SEED, data.annotations["index"].cpu(), data.images.shape[-1], change=change)["images"]
    return dataclasses.replace(data, images=images.to(data.images.device), annotations={})
