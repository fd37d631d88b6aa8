"""Downloads from a server on this machine, and the formats of the published data sets."""

import functools
import hashlib
import http.server
import socket
import threading

import numpy as np
import pytest
from own_photos import photo, photos, write_tar

from course_lib.data import open_dataset
from course_lib.data.downloads import download
from course_lib.data.sources import cifar10, imagenette, stl10
from course_lib.errors import CourseError


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves `tmp_path/served`; a file called `half.bin` breaks off in the middle. Yields (address, folder, requests)."""
    folder, requests = tmp_path / "served", []
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "*")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            if self.path != "/half.bin":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(bytes(500))

        def log_message(self, *arguments):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", folder, requests
    running.shutdown()
    running.server_close()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def downloaded(data) -> list[str]:
    return sorted(path.name for path in (data / "downloads").glob("*"))


def test_a_download_is_announced_checked_and_kept(server, data, capsys):
    address, folder, requests = server
    (folder / "a.bin").write_bytes(b"content")
    for _ in range(2):
        path = download("A", f"{address}/a.bin", sha256(b"content"), 12, progress=False)
        assert path.read_bytes() == b"content" and path.parent == data / "downloads"
    assert requests == ["/a.bin"]
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "A (12 MB)" in said and address in said
    path.write_bytes(b"damaged")
    assert download("A", f"{address}/a.bin", sha256(b"content"), 12, progress=False).read_bytes() == b"content"


@pytest.mark.parametrize(
    ("file", "message"),
    [("other.bin", "SHA-256 differs"), ("half.bin", "could not be downloaded"), ("none.bin", "could not be downloaded")],
)
def test_a_download_that_fails_leaves_nothing(server, data, file, message):
    address, folder, _ = server
    (folder / "other.bin").write_bytes(b"other content")
    with pytest.raises(CourseError, match=message) as caught:
        download("A", f"{address}/{file}", sha256(b"content"), 12, progress=False)
    assert "world" in str(caught.value) and "folder:PATH" in str(caught.value)
    assert downloaded(data) == []


def test_without_a_network_it_says_so(data, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/a.bin"
    monkeypatch.setattr(cifar10, "URL", address)
    with pytest.raises(CourseError, match=r"CIFAR-10 could not be downloaded.*network.*'world'.*folder:PATH"):
        open_dataset("cifar10", progress=False)
    assert downloaded(data) == []


def test_a_full_disk_is_one_sentence(server, data, limited_files):
    address, folder, _ = server
    (folder / "a.bin").write_bytes(bytes(200_000))
    with limited_files(100_000), pytest.raises(CourseError, match=r"could not be written.*COURSE_DATA"):
        download("A", f"{address}/a.bin", sha256(bytes(200_000)), 1, progress=False)
    assert downloaded(data) == []


def publish(server, monkeypatch, source, archive) -> None:
    address, _, _ = server
    monkeypatch.setattr(source, "URL", f"{address}/{archive.name}")
    monkeypatch.setattr(source, "SHA256", sha256(archive.read_bytes()))


def test_cifar10(server, monkeypatch):
    rng = np.random.default_rng(0)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    rows = {name: np.c_[rng.integers(0, 10, 30), rng.integers(0, 256, (30, 3072))].astype(np.uint8) for name in names}
    files = {f"cifar-10-batches-bin/{name}": part.tobytes() for name, part in rows.items()}
    files["cifar-10-batches-bin/batches.meta.txt"] = b"airplane\n"
    publish(server, monkeypatch, cifar10, write_tar(server[1] / "cifar-10-binary.tar.gz", files))

    data = open_dataset("cifar10", progress=False)
    assert [len(data.train) + len(data.val), len(data.test), data.size] == [150, 30, 32] and len(data.val) > 0
    assert data.classes[0] == "airplane" and data.classes[9] == "truck"
    expected = {row[1:].tobytes(): (row[0], name == "test_batch.bin") for name, part in rows.items() for row in part}
    for split in (data.train, data.val, data.test):
        for image, label in zip(split.images, split.labels, strict=True):  # channel by channel, row by row
            assert expected.pop(image.numpy().tobytes()) == (label, split is data.test)
    assert not expected
    open_dataset("cifar10", progress=False)
    assert server[2] == ["/cifar-10-binary.tar.gz"]


def test_stl10(server, monkeypatch):
    rng = np.random.default_rng(0)
    images = {split: rng.integers(0, 256, (20, 3, 96, 96), dtype=np.uint8) for split in ("train", "test")}
    labels = {split: rng.integers(1, 11, 20, dtype=np.uint8) for split in ("train", "test")}
    files = {"test_X.bin": images["test"].swapaxes(2, 3).tobytes(), "test_y.bin": labels["test"].tobytes(),
             "train_X.bin": images["train"].swapaxes(2, 3).tobytes(), "train_y.bin": labels["train"].tobytes(),
             "class_names.txt": b"airplane\n", "unlabeled_X.bin": bytes(1000)}  # fmt: skip
    files = {f"stl10_binary/{name}": content for name, content in files.items()}
    publish(server, monkeypatch, stl10, write_tar(server[1] / "stl10_binary.tar.gz", files))

    data = open_dataset("stl10", progress=False)
    assert [len(data.train) + len(data.val), len(data.test), data.size] == [20, 20, 96]
    for name, splits in (("train", (data.train, data.val)), ("test", (data.test,))):
        expected = {image.tobytes(): label - 1 for image, label in zip(images[name], labels[name], strict=True)}
        for split in splits:
            for image, label in zip(split.images, split.labels, strict=True):
                assert expected.pop(image.numpy().tobytes()) == label
        assert not expected


def test_imagenette(server, monkeypatch):
    files = photos(4, list(imagenette.CLASSES), ("train", "val"), size=(80, 70))
    files = {f"imagenette2-160/{name.replace('png', 'JPEG')}": photo(i, (80, 70), "JPEG") for i, name in enumerate(files)}
    files["imagenette2-160/noisy_imagenette.csv"] = b"path,label\n"
    publish(server, monkeypatch, imagenette, write_tar(server[1] / "imagenette2-160.tgz", files))
    data = open_dataset("imagenette", progress=False)
    assert data.classes == list(imagenette.CLASSES.values()) and data.size == 64
    assert [len(data.train) + len(data.val), len(data.test)] == [40, 40]


def test_known_addresses_are_whole():
    for source in (cifar10, stl10, imagenette):
        assert source.URL.startswith("http") and len(bytes.fromhex(source.SHA256)) == 32 and source.MEGABYTES > 50
