"""torchvision's residual networks as five-stage backbones, randomly initialised: nothing is downloaded."""

from torch import nn

from course_lib.errors import CourseError
from course_lib.models.backbone import Backbone


def build(name: str) -> Backbone:
    """Stages of a torchvision ResNet (also ResNeXt and Wide ResNet): conv1 is the stem, conv2 to conv5 the four layers.

    Raises:
        CourseError: torchvision has no network of that name, or it is not of the ResNet family.
    """
    from torchvision import models

    known = [n for n in models.list_models(module=models) if "resnet" in n or "resnext" in n]
    if name not in known:
        raise CourseError(f"torchvision has no ResNet called '{name}'; choose one of {', '.join(known)}.")
    network = models.get_model(name, weights=None)
    blocks: dict[str, nn.Module] = {
        "conv1": nn.Sequential(network.conv1, network.bn1, network.relu),
        "conv2": nn.Sequential(network.maxpool, network.layer1),
    }
    blocks |= {f"conv{i + 1}": getattr(network, f"layer{i}") for i in (2, 3, 4)}
    # A stage ends in a basic block (bn2) or a bottleneck (bn3): its last normalisation tells the width.
    layers = [network.layer1, network.layer2, network.layer3, network.layer4]
    widths = [getattr(layer[-1], "bn3", layer[-1].bn2).num_features for layer in layers]
    return Backbone(blocks, [network.bn1.num_features, *widths])
