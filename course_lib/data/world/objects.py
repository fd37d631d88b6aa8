"""The ten classes: told apart by shape, each with an up."""

from course_lib.data.world import living, made

# A class's painter, and the width (about x = 0) and height (from y = 0) that bound whatever it paints.
_OBJECTS = {
    "house": (made.house, 1.02, 1.05),
    "tree": (living.tree, 1.04, 1.06),
    "car": (made.car, 1.0, 0.65),
    "boat": (made.boat, 1.0, 1.01),
    "person": (living.person, 0.96, 1.07),
    "dog": (living.dog, 1.12, 0.9),
    "bird": (living.bird, 1.02, 0.9),
    "flower": (living.flower, 0.9, 1.02),
    "lamp": (made.lamp, 0.72, 1.0),
    "rocket": (made.rocket, 0.76, 1.0),
}
CLASSES = list(_OBJECTS)
PAINTERS = [painter for painter, _, _ in _OBJECTS.values()]
EXTENTS = [(width, height) for _, width, height in _OBJECTS.values()]

# The keypoints that a class's painter marks; left and right as in the picture before it is mirrored.
KEYPOINTS = {
    "person": [
        "head", "left_shoulder", "left_elbow", "left_hand", "right_shoulder", "right_elbow", "right_hand",
        "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle",
    ],
    "dog": [
        "nose", "head", "neck", "rump", "tail_tip", "far_hind_knee", "far_hind_paw", "far_fore_knee", "far_fore_paw",
        "near_hind_knee", "near_hind_paw", "near_fore_knee", "near_fore_paw",
    ],
    "bird": ["beak", "head", "breast", "rump", "tail_tip", "wing_root", "wing_tip", "far_foot", "near_foot"],
}  # fmt: skip
MOST_KEYPOINTS = max(map(len, KEYPOINTS.values()))
