"""`course sabotage make`: small data sets to be suspected, for students, and the key to them, for the instructor.

The pictures are scenes of the world that are rendered anew. So nobody holds the originals to compare them with, and it is
known that nothing else is wrong with them: photos have been through a lens and a file already. All that is drawn
follows from one seed, which has to stay as secret as the key.
"""

import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import jinja2
import torch
from PIL import Image
from torch import Tensor

from course_lib.data.sabotage import LEAKS
from course_lib.data.world import CLASSES, render
from course_lib.errors import CourseError
from course_lib.paths import replacing, write_atomically
from course_lib.run.marking import FIELDS, POINTS

KINDS, TRAIN, TEST = 5, 40, 20  # classes of a hand-out, and pictures of each in a set
FIRST_SCENE = 10**6  # no data set holds scenes from here on, whatever the seed
FEWEST = 3  # sets: with two, one known to be innocent, there would be nothing to find out


def write(out: Path, sets: int, seed: int, say: Callable[[str], None] = print) -> tuple[Path, Path]:
    """Write OUT/hand-out and OUT/key.json; the paths of both. The same seed writes the same bytes.

    sets: `FEWEST` or more.

    Raises:
        CourseError: one of the two is there already, or the disk is full.
    """
    folder, key = out / "hand-out", out / "key.json"
    for path in (folder, key):
        if path.exists():
            raise CourseError(f"{path} is there already, perhaps with students at work on it; choose another folder.")
    rng = torch.Generator().manual_seed(seed)
    classes = torch.randperm(len(CLASSES), generator=rng)[:KINDS].tolist()
    names = [CLASSES[label] for label in classes]
    leaks = {f"set-{k + 1:0{len(str(sets))}d}": leak for k, leak in enumerate(draw(sets, rng))}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out) as temporary:
            unfinished = Path(temporary, folder.name)
            unfinished.mkdir()
            for k, (name, leak) in enumerate(leaks.items()):
                images, labels, testing = pictures(seed, classes, FIRST_SCENE * (k + 1))
                spoilt = LEAKS[leak].spoil(images, labels, testing, rng)
                _archive(unfinished / f"{name}.zip", spoilt, labels, testing, names)
                say(f"{name}.zip is written.")
            write_atomically(unfinished / "README.md", _readme(list(leaks), names))
            form = [",".join(FIELDS), *(name + "," * (len(FIELDS) - 1) for name in leaks)]
            write_atomically(unfinished / "answers.csv", "\n".join(form) + "\n")
            now = time.time()
            for path in unfinished.iterdir():
                os.utime(path, (now, now))  # some leaks take longer to put in than others
            write_atomically(key, json.dumps({"seed": seed, "leaks": leaks}, indent=1) + "\n")
            unfinished.rename(folder)
    except OSError as error:
        raise CourseError(
            f"{out} could not be written ({error.strerror or error}); choose a folder that you may write to."
        ) from error
    return folder, key


def draw(sets: int, rng: torch.Generator) -> list[str]:
    """What each set suffers from: one to a third of them, and one more, from nothing; no leak again before all have come."""
    guilty = [name for name in LEAKS if name != "clean"]
    innocent = 1 + int(torch.randint(sets // 3 + 1, (), generator=rng))
    deck = ["clean"] * innocent
    while len(deck) < sets:
        deck += [guilty[k] for k in torch.randperm(len(guilty), generator=rng).tolist()]
    deck = deck[:sets]
    return [deck[k] for k in torch.randperm(sets, generator=rng).tolist()]


def pictures(seed: int, classes: list[int], first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scenes from number `first` on, `TRAIN + TEST` of each class: images uint8 N x 3 x 64 x 64, labels int64 N by place in
    `classes`, and which are for the test, bool N."""
    each = TRAIN + TEST
    images = [
        render(seed, range(first + k * each, first + (k + 1) * each), factors={"class": label})["images"]
        for k, label in enumerate(classes)
    ]
    labels = torch.arange(len(classes)).repeat_interleave(each)
    return torch.cat(images), labels, (torch.arange(each) >= TRAIN).repeat(len(classes))


def _archive(path: Path, images: Tensor, labels: Tensor, testing: Tensor, classes: list[str]) -> None:
    """Pictures as `{train,test}/class/NNNN.png`, all files of one length and one date, so that only pixels can tell."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for split, part in (("train", ~testing), ("test", testing)):
            for label, name in enumerate(classes):
                for number, image in enumerate(images[part & (labels == label)]):
                    file = io.BytesIO()
                    Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG", compress_level=0)
                    archive.writestr(zipfile.ZipInfo(f"{split}/{name}/{number:04d}.png"), file.getvalue())


def _readme(sets: list[str], classes: list[str]) -> str:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    guilty = {name: leak for name, leak in LEAKS.items() if name != "clean"}
    return templates.get_template("hand_out_readme.md.jinja").render(
        sets=sets, classes=classes, train=TRAIN, test=TEST, leaks=guilty, points=POINTS, all_differ=len(sets) - 1 <= len(guilty)
    )
