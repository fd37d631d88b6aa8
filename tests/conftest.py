"""What many tests share: a tiny data set in memory, the real archives where they exist, a private data directory."""

from pathlib import Path

import hypothesis
import matplotlib
import pytest
import torch

from course_lib.data import Dataset, Split

# A busy machine is slow; that says nothing about what is tested.
hypothesis.settings.register_profile(
    "course", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("course")

ARCHIVES = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _headless(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")


@pytest.fixture(autouse=True)
def _style():
    """A session that a test starts sets the style of every figure: for that test only."""
    with matplotlib.rc_context():
        yield


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def dataset():
    """Bright tops, dark bottoms, and a class that is a patch's side: 16-pixel pictures that a net learns at once."""
    generator = torch.Generator().manual_seed(5)

    def split(count):
        images = torch.randint(0, 60, (count, 3, 16, 16), generator=generator)
        images[:, :, :8] += 150
        labels = torch.arange(count) % 2
        images[labels == 1, :, 4:12, 2:6] //= 4
        images[labels == 0, :, 4:12, 10:14] //= 4
        return Split(labels=labels, classes=["right", "left"], images=images.to(torch.uint8))

    return Dataset("tiny", split(256), split(64), split(64), ["right", "left"], "0123456789ab", 16, [])


def archive(name: str) -> Path:
    """A photo archive beside the project; skips the test where there is none."""
    path = ARCHIVES / name
    if not path.exists():
        pytest.skip(f"the photo archive {name} is not beside this checkout")
    return path
