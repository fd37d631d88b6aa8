"""Photos to open: small folders and archives, made on the spot."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def photo(number: int, size=(32, 32), format: str = "PNG", mode: str = "RGB", **options) -> bytes:
    """An encoded picture of noise, another one for every number."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format, **options)
    return file.getvalue()


def photos(each: int = 20, classes=("cat", "dog"), splits=("train", "test"), **options) -> dict[str, bytes]:
    """Names and contents of a data set: `each` photos a class and split; without splits, class/photo."""
    names = [f"{split}/{name}/{i}.png" for split in splits for name in classes for i in range(each)]
    names = names or [f"{name}/{i}.png" for name in classes for i in range(each)]
    return {name: photo(i, **options) for i, name in enumerate(names)}


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], *members: tarfile.TarInfo) -> Path:
    """A tar of `files`, compressed as the path's ending says, then of `members` without content."""
    kind = path.name.lower().rpartition(".")[2].replace("tgz", "gz")
    with tarfile.open(path, f"w:{kind if kind in ('gz', 'xz') else ''}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return path
