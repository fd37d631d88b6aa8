"""STL-10: photos of 96 x 96 pixels in ten classes (Coates, Lee and Ng 2011).

The 5 000 labelled training photos and the 8 000 of the test split. The 100 000 without labels are in the download but
not in the data set: every split of ours has labels, since probes train on the same split as pretext tasks.
"""

import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from course_lib.data.downloads import download
from course_lib.data.samples import Samples, digest

NAMES = ["stl10"]
URL = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
SHA256 = "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866"
MEGABYTES = 2640
CLASSES = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]


def key(argument: str) -> str:
    return SHA256


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    return read(download("STL-10", URL, SHA256, MEGABYTES, progress))


def read(archive: Path) -> Samples:
    """Read the archive: `{train,test}_X.bin`, 3 x 96 x 96 bytes a photo, column by column, and `_y.bin`, 1…10."""
    wanted = {"train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"}
    found = {}
    with tarfile.open(archive, "r|gz") as tar:  # in one go: seeking backwards would decompress it all again
        for member in tar:
            if (name := Path(member.name).name) in wanted:
                found[name] = np.frombuffer(tar.extractfile(member).read(), np.uint8)
            if len(found) == len(wanted):
                break
    images = [image for split in ("train", "test") for image in found[f"{split}_X.bin"].reshape(-1, 3, 96, 96)]
    labels = np.concatenate([found["train_y.bin"], found["test_y.bin"]]).astype(np.int64) - 1

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        return {"images": np.stack([images[row] for row in rows]).swapaxes(2, 3), "labels": labels[rows]}

    return Samples(
        classes=CLASSES,
        digests=np.array([digest(image.tobytes()) for image in images], dtype=np.uint64),
        splits=["train"] * len(found["train_y.bin"]) + ["test"] * len(found["test_y.bin"]),
        fetch=fetch,
    )
