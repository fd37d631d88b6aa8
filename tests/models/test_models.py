"""Backbones: named stages, seeded weights."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.models import build_backbone, names

ALL = ["rotnet_nin", "small", "small_groupnorm", "torchvision:resnet18"]


def build(name, seed=0, **options):
    return build_backbone(name, rng=torch.Generator().manual_seed(seed), **options)


def test_found_by_file_name():
    assert names() == ["rotnet_nin", "small", "small_groupnorm"]


@pytest.mark.parametrize("name", ALL)
def test_stages(name):
    backbone = build(name).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps, last = backbone.stages(images), backbone(images)
    assert list(maps) == backbone.stage_names == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert {stage: m.shape[1] for stage, m in maps.items()} == backbone.widths
    assert torch.equal(maps["conv5"], last)
    assert list(backbone.stages(images, last="conv2")) == ["conv1", "conv2"]


@pytest.mark.parametrize("name", ALL)
def test_weights_come_from_the_generator_alone(name):
    torch.manual_seed(1)
    first = build(name).state_dict()
    torch.manual_seed(2)
    second, third = build(name).state_dict(), build(name, seed=1).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first[next(iter(first))], third[next(iter(third))])


def test_the_network_of_the_paper():
    """Gidaris et al. 2018: 192-160-96 channels, then 192."""
    backbone = build("rotnet_nin", width=96)
    channels = [layer.out_channels for layer in backbone.blocks.conv1 if hasattr(layer, "out_channels")]
    assert channels == [192, 160, 96]
    assert list(backbone.widths.values()) == [96, 192, 192, 192, 192]


@pytest.mark.parametrize("blocks", [3, 4])
def test_the_paper_has_fewer_blocks_too(blocks):
    backbone, longest = build("rotnet_nin", blocks=blocks), build("rotnet_nin").state_dict()
    assert backbone.stage_names == ["conv1", "conv2", "conv3", "conv4"][:blocks]
    assert all(torch.equal(value, longest[name]) for name, value in backbone.state_dict().items())


def test_large_images_are_halved_first():
    images = torch.zeros(1, 3, 64, 64)
    assert build("small", image_size=64)(images).shape[-1] == build("small")(images[..., :32, :32]).shape[-1]


def test_group_normalisation_keeps_samples_apart():
    backbone = build("small_groupnorm", width=8)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(backbone(images)[:2], backbone(images[:2]), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [("smal", {}, "'smal'"), ("torchvision:vgg11", {}, "'vgg11'"), ("small", {"width": 3}, "width of 3")],
)
def test_bad_names(name, options, sentence):
    with pytest.raises(CourseError, match=sentence):
        build(name, **options)
