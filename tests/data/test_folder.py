"""A user's own photos: layouts, conversions, and everything that is refused."""

import io
import os
import stat
import struct
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_photos import photo, photos, write_folder, write_tar, write_zip
from PIL import Image

from course_lib.data import open_dataset
from course_lib.data.archives import read_files
from course_lib.data.sources import folder
from course_lib.errors import CourseError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def opened(path):
    return open_dataset(f"folder:{path}", progress=False)


def contents(split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def pixels(content: bytes) -> bytes:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).transpose(2, 0, 1).tobytes()


def side(square: bytes) -> int:
    return round((len(square) / 3) ** 0.5)


# --- layouts


def test_the_same_photos_are_the_same_data_set_however_they_come(tmp_path):
    files = photos()
    wrapped = {f"my photos/{name}": content for name, content in reversed(files.items())}
    extras = {"README.txt": b"hello", ".DS_Store": b"x", "__MACOSX/train/cat/._0.png": b"x", "train/cat/Thumbs.db": b"x"}
    sources = [
        write_folder(tmp_path / "tree", files | extras),
        write_zip(tmp_path / "photos.zip", files | extras),
        write_zip(tmp_path / "wrapped.zip", wrapped),
        write_tar(tmp_path / "photos.tar", files),
        write_tar(tmp_path / "photos.tar.gz", {f"./{name}": content for name, content in files.items()}),
        write_tar(tmp_path / "photos.tar.xz", wrapped),
        write_tar(tmp_path / "photos.TGZ", files),
    ]
    sets = [opened(path) for path in sources]
    assert len({data.fingerprint for data in sets}) == 1
    data = sets[0]
    assert data.classes == ["cat", "dog"] and data.size == 32 and data.skipped == []
    assert data.name == f"folder:{tmp_path / 'tree'}"
    assert len(data.test) == 40 and len(data.train) + len(data.val) == 40 and len(data.val) > 0
    # Every photo arrives with its pixels and its label, bit for bit.
    expected = {pixels(content): int("/dog/" in name) for name, content in files.items()}
    for split in (data.train, data.val, data.test):
        for image, label in zip(split.images, split.labels, strict=True):
            assert expected.pop(image.numpy().tobytes()) == label
    assert not expected


def test_without_a_test_split_a_hash_chooses_one(tmp_path):
    data = opened(write_zip(tmp_path / "photos.zip", photos(150, splits=())))
    assert 35 <= len(data.test) <= 85 and 10 <= len(data.val) <= 40
    parts = [contents(split) for split in (data.train, data.val, data.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 300


def test_splits_are_stable_when_photos_are_added_and_copies_fall_together(tmp_path):
    files = photos(60, splits=())
    more = {f"dog/more{i}.png": photo(1000 + i) for i in range(60)} | {"cat/copy.png": files["cat/0.png"]}
    before = opened(write_zip(tmp_path / "before.zip", files))
    after = opened(write_zip(tmp_path / "after.zip", files | more))
    for split in ("train", "val", "test"):
        assert contents(getattr(before, split)) < contents(getattr(after, split))
    parts = [contents(split) for split in (after.train, after.val, after.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 180


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_val_stands_in_for_test_or_is_kept_as_val(tmp_path, val):
    data = opened(write_zip(tmp_path / "a.zip", photos(splits=("train", val))))
    assert len(data.test) == 40 and len(data.train) + len(data.val) == 40
    data = opened(write_zip(tmp_path / "b.zip", photos(splits=("train", val, "test"))))
    assert [len(split) for split in (data.train, data.val, data.test)] == [40, 40, 40]


def test_photos_in_deeper_folders_belong_to_their_class_and_strays_to_none(tmp_path):
    files = {name.replace("/cat/", "/cat/kittens/"): content for name, content in photos().items()}
    data = opened(write_folder(tmp_path / "tree", files | {"train/stray.png": photo(500), "cover.png": photo(501)}))
    assert data.classes == ["cat", "dog"] and len(data.train) + len(data.val) + len(data.test) == 80


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_in_a_folder_are_followed_once(tmp_path):
    tree = write_folder(tmp_path / "elsewhere", photos(splits=()))
    (tmp_path / "tree").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "tree" / name).symlink_to(tree / name)
    (tree / "cat" / "loop").symlink_to(tmp_path / "tree")
    data = opened(tmp_path / "tree")
    assert len(data.train) + len(data.val) + len(data.test) == 40


def test_a_changed_folder_is_built_again_and_an_unchanged_one_is_not(tmp_path, capsys):
    tree = write_folder(tmp_path / "tree", photos())
    before = opened(tree)
    assert opened(tree).fingerprint == before.fingerprint
    write_folder(tree, {"test/cat/new.png": photo(700)})
    assert len(opened(tree).test) == len(before.test) + 1


def test_paths_may_be_relative_or_at_home(tmp_path, monkeypatch):
    write_zip(tmp_path / "photos.zip", photos())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    first, second = opened("photos.zip"), opened("~/photos.zip")
    assert first.name == second.name == f"folder:{tmp_path / 'photos.zip'}"


# --- sizes and conversions


@pytest.mark.parametrize(("size", "expected"), [((40, 30), 30), ((64, 64), 64), ((100, 80), 64), ((300, 17), 17)])
def test_size_is_the_median_short_side_but_64_at_most(tmp_path, size, expected):
    data = opened(write_zip(tmp_path / "photos.zip", photos(size=size)))
    assert data.size == expected and data.train.images.shape[1:] == (3, expected, expected)


def test_mixed_sizes_are_brought_to_one(tmp_path):
    files = photos(size=(32, 32)) | {f"train/cat/big{i}.png": photo(i, (90, 70)) for i in range(5)}
    files |= {f"train/dog/small{i}.png": photo(i, (20, 25)) for i in range(5)}
    data = opened(write_zip(tmp_path / "photos.zip", files))
    assert data.size == 32 and len(data.train) + len(data.val) == 50
    assert {pixels(content) for name, content in files.items() if name.startswith("test")} == contents(data.test)


def test_the_short_side_is_scaled_and_the_centre_kept():
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 200  # the centre square is one colour; anything else would bring in black
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    square = np.frombuffer(folder.decode("a.png", file.getvalue()), np.uint8)
    assert len(square) == 64 * 64 * 3 and (square == 200).all()


def test_shrinking_does_not_alias():
    board = (np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(board).save(file, "PNG")
    square = np.frombuffer(folder.decode("a.png", file.getvalue()), np.uint8)
    assert abs(square.astype(int) - 127).max() <= 3


def encoded(array, format="PNG", mode=None, **options) -> bytes:
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (image.convert(mode) if mode else image).save(file, format, **options)
    return file.getvalue()


def colour(content: bytes) -> list[int]:
    square = np.frombuffer(folder.decode("photo", content), np.uint8).reshape(-1, 3)
    return square.mean(axis=0).round().astype(int).tolist()


def full(value, dtype=np.uint8, channels=()):
    return np.full((24, 24, *channels), value, dtype)


MODES = {  # that Pillow can write without converting them itself
    "JPEG": ["RGB", "L", "1", "CMYK"],
    "PNG": ["RGB", "L", "1", "P", "RGBA", "LA", "I;16"],
    "BMP": ["RGB", "L", "1", "P", "RGBA"],
    "GIF": ["RGB", "L", "1", "P", "RGBA", "LA"],
    "WEBP": ["RGB", "L", "RGBA"],
    "TIFF": ["RGB", "L", "1", "P", "CMYK", "RGBA", "LA", "I;16"],
    "PPM": ["RGB", "L", "1", "RGBA", "I;16"],
}


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format, modes in MODES.items() for mode in modes])
def test_every_mode_of_every_format_is_converted(format, mode):
    source = full(52428, np.uint16) if mode == "I;16" else Image.new("RGB", (24, 24), (204, 204, 204)).convert(mode)
    if mode == "1":
        source = Image.new("1", (24, 24), 1)
    expected = 255 if mode == "1" else 204
    assert np.abs(np.array(colour(encoded(source, format))) - expected).max() <= 4


def test_plain_jpegs_are_decoded_as_pillow_does():
    for mode, size, options in (
        ("RGB", (32, 32), {}), ("RGB", (50, 33), {"quality": 30}), ("RGB", (64, 64), {"progressive": True}),
        ("RGB", (40, 40), {"subsampling": 0}), ("RGB", (40, 41), {"optimize": True}), ("L", (32, 32), {}),
    ):  # fmt: skip
        content = photo(1, size, "JPEG", mode, **options)
        image = Image.open(io.BytesIO(content)).convert("RGB")
        left, top = (image.width - min(size)) // 2, (image.height - min(size)) // 2
        expected = image.crop((left, top, left + min(size), top + min(size))).tobytes()
        assert folder.decode("a.jpg", content) == expected
        assert folder.decode("a.jpg", content[: len(content) // 2]) is None


def test_transparent_is_white():
    assert colour(encoded(Image.new("RGBA", (24, 24), (10, 20, 30, 0)))) == [255, 255, 255]
    assert colour(encoded(Image.new("RGBA", (24, 24), (0, 0, 0, 128)))) == [127, 127, 127]
    assert colour(encoded(Image.new("LA", (24, 24), (0, 0)))) == [255, 255, 255]
    palette = Image.new("P", (24, 24), 1)
    palette.putpalette([0, 0, 0, 250, 0, 0])
    assert colour(encoded(palette)) == [250, 0, 0]
    assert colour(encoded(palette, transparency=1)) == [255, 255, 255]
    assert colour(encoded(Image.new("RGB", (24, 24), (9, 9, 9)), transparency=(9, 9, 9))) == [255, 255, 255]


def test_sixteen_bits_are_scaled_not_clipped():
    for value, expected in ((0, 0), (256, 1), (32768, 128), (65535, 255)):
        assert colour(encoded(full(value, np.uint16))) == [expected] * 3
        assert colour(encoded(full(value, np.uint16), "TIFF")) == [expected] * 3
        assert colour(b"P5 24 24 65535\n" + full(value, ">u2").tobytes()) == [expected] * 3


def test_cmyk_jpeg():
    red, green, blue = colour(encoded(Image.new("CMYK", (24, 24), (0, 255, 255, 0)), "JPEG"))
    assert red > 230 and green < 30 and blue < 30


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_the_camera_s_orientation_is_undone(orientation, format):
    stored = np.zeros((24, 36, 3), np.uint8)
    stored[:12] = 250  # bright above, dark below, as the sensor saw it
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, format, exif=exif, **({"quality": 95} if format == "JPEG" else {}))
    square = np.frombuffer(folder.decode("photo", content), np.uint8).reshape(24, 24, 3).astype(int)
    top, bottom, left, right = square[:12].mean(), square[12:].mean(), square[:, :12].mean(), square[:, 12:].mean()
    bright = {"top": top - bottom, "bottom": bottom - top, "left": left - right, "right": right - left}
    expected = {1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right", 8: "left"}
    assert max(bright, key=bright.get) == expected[orientation]


def test_large_jpegs_are_decoded_at_a_fraction_of_their_size():
    ramp = np.broadcast_to(np.linspace(0, 255, 4000)[None, :, None], (3000, 4000, 3)).astype(np.uint8)
    square = np.frombuffer(folder.decode("a.jpg", encoded(ramp, "JPEG")), np.uint8).reshape(64, 64, 3)
    expected = np.linspace(255 / 8, 255 * 7 / 8, 65)[:-1] + 255 * 0.75 / 128
    assert np.abs(square.mean(axis=(0, 2)) - expected).max() < 2


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_garbled_images_are_decoded_or_skipped_but_never_crash(data):
    format = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]))
    content = bytearray(photo(0, (24, 20), format))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content), 200) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        square = folder.decode("photo", content)
    except CourseError as error:
        assert "photo" in str(error)
    else:
        assert square is None or (len(square) == side(square) ** 2 * 3 and 1 <= side(square) <= 64)


# --- bad photos


def test_a_few_undecodable_photos_are_named_and_skipped(tmp_path, capsys):
    broken = {"train/cat/text.jpg": b"not a photo", "test/dog/half.png": photo(900)[:200], "train/dog/empty.gif": b""}
    archive = write_zip(tmp_path / "photos.zip", photos() | broken)
    for _ in range(2):  # built, then from the cache
        data = opened(archive)
        assert data.skipped == sorted(broken) and len(data.train) + len(data.val) + len(data.test) == 80
        said = capsys.readouterr().out
        assert said.count("\n") == 1 and said.startswith("3 of 83 images") and "text.jpg" in said


def test_more_than_five_percent_is_refused(tmp_path, data):
    broken = {f"train/cat/text{i}.jpg": b"not a photo" for i in range(6)}
    with pytest.raises(CourseError, match=r"6 of 86 images in photos.zip.*text0.jpg.*5%"):
        opened(write_zip(tmp_path / "photos.zip", photos() | broken))
    assert [path for path in (data / "cache").iterdir() if path.is_dir()] == []


def test_only_text_named_jpg_is_refused(tmp_path):
    with pytest.raises(CourseError, match="20 of 20 images in tree could not be decoded"):
        opened(write_folder(tmp_path / "tree", {f"{c}/{i}.jpg": b"text" for c in "ab" for i in range(10)}))


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    def png(width, height):
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND")
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
        )

    for width, height, said in ((100_000, 100_000, "10000000000 pixels"), (10_000, 9_000, "10000 x 9000 pixels")):
        archive = write_zip(tmp_path / f"{width}.zip", photos() | {"train/cat/huge.png": png(width, height)})
        begin = time.perf_counter()
        with pytest.raises(CourseError, match=f"huge.png.*{said}"):
            opened(archive)
        assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (photos(classes=("cat",)), r"one class only \(cat\)"),
        (photos(classes=("cat",), splits=()), r"one class only \(cat\)"),
        ({"a.png": photo(1), **{f"{i}.png": photo(i) for i in range(2, 15)}}, "no class folders"),
        ({"train/notes.txt": b"x", "test/notes.txt": b"x"}, r"no photos in photos.zip \(2 files of other kinds"),
        ({}, "no photos in photos.zip"),
        (photos(2), "There are 8 photos in photos.zip.*at least 10"),
        (photos(size=(12, 20)), "12 pixels.*at least 16"),
        (photos(splits=("train",)) | photos(classes=("cat", "cow"), splits=("test",)), r"train and test.*cow, dog"),
    ],
    ids=["one class", "one class, no splits", "no class", "no photos", "empty", "too few", "too small", "classes differ"],
)
def test_what_is_no_data_set_is_one_sentence(tmp_path, files, message):
    with pytest.raises(CourseError, match=message):
        opened(write_zip(tmp_path / "photos.zip", files))


def test_an_empty_or_missing_folder_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="no photos in empty"):
        opened(tmp_path / "empty")
    with pytest.raises(CourseError, match="nowhere"):
        opened(tmp_path / "nowhere")


# --- bad archives


def refused(path: Path, message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        opened(path)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


NAMES_THAT_LEAD_OUT = ["../evil.png", "train/../../evil.png", "/etc/evil.png", "C:/evil.png", "train\\..\\evil.png", "\\evil.png"]


@pytest.mark.parametrize("name", NAMES_THAT_LEAD_OUT)
def test_members_that_lead_out_of_the_archive_are_refused(tmp_path, name):
    refused(write_zip(tmp_path / "photos.zip", photos() | {name: photo(0)}), "leads out of the archive")
    refused(write_tar(tmp_path / "photos.tar.gz", photos() | {name: photo(0)}), "leads out of the archive")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"V"])
def test_links_and_devices_are_refused(tmp_path, kind):
    member = tarfile.TarInfo("train/cat/link.png")
    member.type, member.linkname = kind, "/etc/passwd"
    refused(write_tar(tmp_path / "photos.tar", photos(), member), "link or a device")


def test_links_in_a_zip_are_refused(tmp_path):
    path = write_zip(tmp_path / "photos.zip", photos())
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("train/cat/link.png")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    refused(path, "link or a device")


@pytest.mark.parametrize("name", ["train/cat/bomb.png", "bomb.bin"])
def test_a_member_that_is_too_large_is_refused(tmp_path, name):
    bomb = {name: bytes(70_000_000)}
    refused(write_zip(tmp_path / "photos.zip", bomb), "bomb.* has 70 MB")
    refused(write_tar(tmp_path / "photos.tgz", bomb), "bomb.* has 70 MB")


def test_many_members_that_swell_are_refused(tmp_path):
    zeros = bytes(5_000_000)
    bombs = {f"train/cat/{i}.png": zeros for i in range(15)}
    refused(write_zip(tmp_path / "photos.zip", bombs), "zip bomb")
    refused(write_tar(tmp_path / "photos.tar.xz", bombs), "zip bomb")


def test_a_zip_whose_directory_lies_about_sizes_is_refused(tmp_path):
    path = write_zip(tmp_path / "photos.zip", photos() | {"train/cat/bomb.png": bytes(70_000_000)})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 70_000_000), struct.pack("<I", 1000)))
    refused(path, "truncated, damaged")


def test_a_tar_header_of_any_length_is_refused(tmp_path):
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.XHDTYPE, 50_000_000
    path = tmp_path / "photos.tar"
    path.write_bytes(header.tobuf() + bytes(50_000_000))
    refused(path, "header declares 50000000 bytes")
    path.write_bytes(header.tobuf()[:124] + b"\xff" * 12 + header.tobuf()[136:])
    refused(path, "truncated, damaged")


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "photos.zip", photos())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "encrypted")


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz", "photos.tgz", "photos.tar.xz"])
def test_truncated_archives_are_refused(tmp_path, name):
    path = (write_zip if name.endswith("zip") else write_tar)(tmp_path / name, photos())
    content = path.read_bytes()
    for part in (0, 1, 100, 512, 1024, len(content) // 2, len(content) * 9 // 10):
        path.write_bytes(content[:part])
        refused(path, "truncated, damaged or no")


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz", "photos.tar.xz"])
def test_files_that_are_no_archives_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"This is a text. " * 100)
    refused(tmp_path / name, "truncated, damaged or no")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "photos.rar").write_bytes(b"Rar!")
    refused(tmp_path / "photos.rar", r"neither a folder nor an archive.*\.zip")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([".zip", ".tar", ".tar.gz"]), st.data())
def test_garbled_archives_are_read_or_refused_but_never_crash(tmp_path_factory, extension, data):
    path = tmp_path_factory.mktemp("garbled") / f"photos{extension}"
    (write_zip if extension == ".zip" else write_tar)(path, {f"cat/{i}.png": b"content" * 20 for i in range(3)})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        for name, member in read_files(path, lambda name: True):
            assert not name.startswith(("/", "..")) and len(member) < 10**6
    except CourseError as error:
        assert path.name in str(error)


def test_a_full_disk_while_decoding_is_one_sentence(tmp_path, data, limited_files):
    archive = write_zip(tmp_path / "photos.zip", photos(50))
    with limited_files(100_000), pytest.raises(CourseError, match="could not be written"):
        opened(archive)
    assert [path for path in (data / "cache").iterdir() if path.is_dir()] == []


# --- real photos


@pytest.mark.slow
def test_sixty_thousand_jpegs_open_in_half_a_minute_and_then_at_once():
    archive = SHARED / "cifar10-jpeg.tar.xz"
    if not archive.exists():
        pytest.skip(f"{archive} is not there")
    begin = time.process_time()  # of this process, all threads: other tests may be keeping the cores busy
    data = opened(archive)
    built = time.process_time()
    again = opened(archive)
    assert built - begin < 30 and time.process_time() - built < 1
    assert [len(data.train) + len(data.val), len(data.test), data.size] == [50_000, 10_000, 32]
    assert abs(len(data.val) - 5000) < 300 and data.fingerprint == again.fingerprint
    assert data.test.labels.bincount().tolist() == [1000] * 10
    assert data.train.labels[:500].unique().tolist() == list(range(10)), "the classes should be mixed"


def test_tiny_imagenet():
    archive = SHARED / "tiny-imagenet-20.tar.xz"
    if not archive.exists():
        pytest.skip(f"{archive} is not there")
    data = opened(archive)
    assert [len(data.train) + len(data.val), len(data.test), data.size] == [10_000, 1_000, 64]
    assert len(data.classes) == 20 and data.classes == sorted(data.classes)
