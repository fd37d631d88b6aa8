"""What the world knows about a picture, as pictures: instances, depth, normals and the rest in colours."""

import torch
from torch import Tensor

LAYERS = ("picture", "instances", "semantics", "depth", "normals", "ambiguity", "keypoints")
# Okabe and Ito's colours and their lighter kin, by number; grey for what is behind everything.
_COLOURS = [
    (107, 114, 128), (0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167), (86, 180, 233),
    (240, 228, 66), (120, 94, 240), (150, 90, 40), (180, 220, 180), (250, 180, 170), (60, 60, 60), (255, 255, 255), (0, 60, 110),
]  # fmt: skip


def as_picture(scene: dict, i: int, layer: str) -> Tensor:
    """One layer of truth of scene i of a rendering (see `course_lib.data.world.render`), uint8 3 x S x S.

    Raises:
        ValueError: there is no such layer.
    """
    if layer not in LAYERS:
        raise ValueError(f"there is no layer '{layer}'; choose one of {', '.join(LAYERS)}")
    picture = scene["images"][i]
    if layer == "picture":
        return picture
    if layer == "depth":  # the nearer, the lighter; the sky is black
        near = 1 / scene["depth"][i].float()
        return (near / near.max() * 255).to(torch.uint8).expand(3, -1, -1)
    if layer == "normals":
        return (scene["normals"][i].int() + 127).clamp(0, 255).to(torch.uint8)
    if layer == "keypoints":
        return _marked(picture // 2 + 64, scene["keypoints"][i])
    table = torch.tensor(_COLOURS, dtype=torch.uint8)
    return table[scene[layer][i].long() % len(_COLOURS)].permute(2, 0, 1)


def _marked(picture: Tensor, points: Tensor) -> Tensor:
    """The picture with a dot at every keypoint: orange where it is seen, blue where something hides it."""
    side = picture.shape[-1]
    radius = max(1, side // 64)
    rows = torch.arange(side)
    for column, row, state in points.tolist():
        if state:
            near = ((rows[:, None] - row).abs() <= radius) & ((rows - column).abs() <= radius)
            colour = torch.tensor((230, 159, 0) if state == 2 else (0, 114, 178), dtype=torch.uint8)
            picture = torch.where(near, colour[:, None, None], picture)
    return picture
