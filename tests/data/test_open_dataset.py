"""Data sets by name, their splits and batches."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from own_photos import photos, write_zip

import course_lib.data
from course_lib.data import Batch, Dataset, Split, check_name, names, open_dataset, sources, splits
from course_lib.errors import CourseError


@pytest.fixture
def photo_set(tmp_path) -> Dataset:
    return open_dataset(f"folder:{write_zip(tmp_path / 'photos.zip', photos())}", progress=False)


@pytest.fixture
def drawn(monkeypatch):
    """A world of 50 quick scenes; yields the sample numbers that were drawn."""
    from course_lib.data.sources import world as source
    from course_lib.data.world import scene

    calls = []

    def render(seed, index, size=64):
        assert seed == 0 and size == 64 and index.dtype == torch.int64
        calls.extend(index.tolist())
        images = index.to(torch.uint8)[:, None, None, None].expand(-1, 3, size, size).contiguous()
        return {
            "images": images,
            "labels": index % 3,
            "masks": images[:, 0] > 10,
            "boxes": torch.ones(len(index), 4),
            "captions": [f"scene número {i}" for i in index.tolist()],
            "factors": {"scale": index.float(), "wheels": torch.where(index % 2 == 0, index, -1)},
        }

    monkeypatch.setattr(scene, "render", render)
    monkeypatch.setattr(scene, "CLASSES", ["disc", "tree", "house"])
    monkeypatch.setitem(source._PARTS, "", ("scene", "render", "CLASSES", 40, 10, 16))
    return calls


def test_importing_is_light():
    program = (
        "import sys, course_lib.data; course_lib.data.names(); course_lib.data.check_name('world'); "
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_names():
    rendered = ["world", "world:cells", "world:clips", "world:sounds"]
    assert names() == ["cifar10", "clips:PATH", "folder:PATH", "imagenette", "stl10", *rendered]
    for name in names():
        if not name.endswith(":PATH"):
            assert check_name(name) == name


@pytest.mark.parametrize("name", ["cifra10", "", "world:", "world:x", "cifar10:x", "folder", "folder:", "../world", "__init__"])
def test_unknown_names_are_one_sentence_with_the_choices(name):
    for call in (check_name, open_dataset):
        with pytest.raises(CourseError) as caught:
            call(name)
        assert repr(name) in str(caught.value) and "cifar10, clips:PATH, folder:PATH, imagenette" in str(caught.value)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"nowhere\.zip"):
        check_name(f"folder:{tmp_path}/nowhere.zip")


def test_adding_a_data_set_adds_a_file(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(
        "import numpy as np\n"
        "from course_lib.data.samples import Samples\n"
        "NAMES = ['toy', 'toy:dark']\n"
        "def key(argument): return argument\n"
        "def collect(argument, scratch, progress):\n"
        "    bright = 0 if argument == 'dark' else 200\n"
        "    fetch = lambda rows: {'images': np.full((len(rows), 3, 16, 16), bright, np.uint8), 'labels': rows % 2}\n"
        "    return Samples(['a', 'b'], np.arange(30, dtype=np.uint64) << np.uint64(59), [''] * 30, fetch)\n"
    )
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    try:
        assert "toy:dark" in names()
        assert open_dataset("toy", progress=False).train.images.max() == 200
        assert open_dataset("toy:dark", progress=False).train.images.max() == 0
    finally:
        sys.modules.pop("course_lib.data.sources.toy", None)


def test_the_world_is_drawn_once_and_keeps_its_truth(drawn):
    data = open_dataset("world", progress=False)
    assert sorted(drawn) == list(range(50)), "each sample is drawn once"
    assert data.classes == ["disc", "tree", "house"] and data.size == 64 and data.name == "world"
    assert [len(data.train) + len(data.val), len(data.test)] == [40, 10]
    for split in (data.train, data.val, data.test):
        number = split.images[:, 0, 0, 0].long()
        assert set(split.annotations) == {"masks", "boxes", "factor.scale", "index", "captions"}, "not every scene has wheels"
        assert torch.equal(split.annotations["index"], number)
        assert split.annotations["captions"] == [f"scene número {i}" for i in number.tolist()]
        assert torch.equal(split.labels, number % 3) and torch.equal(split.annotations["factor.scale"], number.float())
        assert split.annotations["masks"].dtype == torch.bool and split.annotations["boxes"].shape == (len(split), 4)
    assert data.test.images.min() == 40
    drawn.clear()
    assert open_dataset("world", progress=False).fingerprint == data.fingerprint and drawn == []


def test_another_program_draws_another_world(drawn, monkeypatch):
    from course_lib.data.sources import world as source

    key = source.key("")
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"# changed")
    assert source.key("") != key


def test_batches_are_raw_samples(photo_set):
    train = photo_set.train
    batch = train.batch(torch.tensor([3, 0, 3]))
    assert isinstance(batch, Batch) and len(batch) == 3
    assert batch.images.dtype == torch.uint8 and torch.equal(batch.images, train.images[[3, 0, 3]])
    assert batch.index.tolist() == [3, 0, 3] and batch.index.dtype == torch.int64
    assert batch.labels is batch.clips is batch.sounds is None
    assert torch.equal(train.batch([1, 2], labels=True).labels, train.labels[[1, 2]])
    with pytest.raises(IndexError):
        train.batch([len(train)])


def test_a_batch_may_be_written_into_without_changing_the_data(photo_set):
    before = photo_set.train.images[0].clone()
    photo_set.train.batch([0]).images.zero_()
    assert torch.equal(photo_set.train.images[0], before)


def test_subsets_of_subsets(photo_set):
    train = photo_set.train
    train.annotations = {"boxes": torch.arange(len(train)), "names": [str(i) for i in range(len(train))]}
    part = train.subset(torch.tensor([9, 4, 7])).subset([2, 0])
    assert torch.equal(train.subset(train.labels == 0).images, train.images[train.labels == 0])
    assert isinstance(part, Split) and len(part) == 2 and part.classes == train.classes
    assert torch.equal(part.images, train.images[[7, 9]]) and torch.equal(part.labels, train.labels[[7, 9]])
    assert part.annotations["boxes"].tolist() == [7, 9] and part.annotations["names"] == ["7", "9"]
    slices = train.subset(slice(5, 8))
    assert slices.images.data_ptr() == train.images[5:].data_ptr() and slices.annotations["names"] == ["5", "6", "7"]


@pytest.mark.parametrize("free", [0, 2**40])
def test_data_goes_to_the_device_where_it_fits(tmp_path, monkeypatch, free):
    monkeypatch.setattr(splits, "free_memory", lambda device: free)
    archive = write_zip(tmp_path / "photos.zip", photos())
    split = open_dataset(f"folder:{archive}", device="meta", progress=False).train
    assert split.images.device.type == ("meta" if free else "cpu") and split.labels.device.type == "meta"
    batch = split.batch(torch.tensor([0, 1]), labels=True)
    assert {batch.images.device.type, batch.labels.device.type, batch.index.device.type} == {"meta"}
    assert split.device == torch.device("meta") and splits.free_memory(split.device) == free


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_gpu(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "photos.zip", photos())
    on_gpu = open_dataset(f"folder:{archive}", device="cuda", progress=False).train
    monkeypatch.setattr(splits, "free_memory", lambda device: 0)
    mapped = open_dataset(f"folder:{archive}", device="cuda", progress=False).train
    assert on_gpu.images.is_cuda and not mapped.images.is_cuda
    for index in (torch.tensor([5, 2]), torch.tensor([5, 2], device="cuda")):
        one, other = on_gpu.batch(index, labels=True), mapped.batch(index, labels=True)
        assert one.images.is_cuda and torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        assert torch.equal(on_gpu.subset(index).images.cpu(), mapped.subset(index).images)
    assert one.to("cpu").images.device.type == "cpu"


def test_opening_warns_of_nothing(tmp_path, recwarn):
    archive = write_zip(tmp_path / "photos.zip", photos())
    data = open_dataset(f"folder:{archive}", progress=False)
    data.train.batch([0, 1])
    assert [str(warning.message) for warning in recwarn] == []
    assert course_lib.data.Dataset is Dataset
