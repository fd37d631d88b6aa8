"""Imagenette: 13 394 photos in ten easily told classes of ImageNet (github.com/fastai/imagenette), at 64 pixels."""

from typing import BinaryIO

from course_lib.data.downloads import download
from course_lib.data.samples import Samples
from course_lib.data.sources import folder

NAMES = ["imagenette"]
URL = "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz"
SHA256 = "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5"
MEGABYTES = 99
CLASSES = {
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player", "n03000684": "chain saw",
    "n03028079": "church", "n03394916": "French horn", "n03417042": "garbage truck", "n03425413": "gas pump",
    "n03445777": "golf ball", "n03888257": "parachute",
}  # fmt: skip


def key(argument: str) -> str:
    return f"{SHA256} {folder.VERSION}"


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    archive = download("Imagenette", URL, SHA256, MEGABYTES, progress)
    samples = folder.collect(str(archive), scratch, progress)
    samples.classes = [CLASSES[name] for name in samples.classes]
    return samples
