"""A paper's experiment at a tiny fraction: what is kept, what is repeated, and who sees the test labels."""

import json
from pathlib import Path

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.evaluation import frozen_heads
from course_lib.features import fingerprint
from course_lib.pretext.rotation import Rotation
from course_lib.run import reproduce
from course_lib.training import fit

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifar10-jpeg.tar.xz"


@pytest.fixture
def small(dataset, monkeypatch):
    """The command opens the tiny data set, and takes batches of 16; `small(dataset)` gives it another one."""
    opened = [dataset]
    monkeypatch.setattr(reproduce, "BATCH", 16)
    monkeypatch.setattr("course_lib.data.open_dataset", lambda name, device: opened[0])
    monkeypatch.setattr("course_lib.data.check_name", lambda name: name)
    return lambda dataset: opened.__setitem__(0, dataset)


@pytest.fixture
def trained(monkeypatch):
    """What `fit` was asked to train, in steps; each training goes on as it would."""
    steps = []

    def note(original):
        def fit(*arguments, **options):
            steps.append(options["steps"])
            return original(*arguments, **options)

        return fit

    for name in ("fit", "fit_heads"):
        monkeypatch.setattr(reproduce, name, note(getattr(reproduce, name)))
    return steps


def call(course, out, *more, fraction=0.0005):
    return course("reproduce", "rotnet-cifar10", "--fraction", fraction, "--width", 8, "--device", "cpu", "--out", out, *more)


def rows(out):
    return {row["what"]: row for row in json.loads(reproduce.file(out).read_text())}


def test_every_figure_stands_beside_the_papers(course, small, trained, tmp_path):
    result = call(course, tmp_path)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path)
    assert set(found) >= {*reproduce.PAPER, "RotNet, rotations told apart", "Random block 2 + MLP", "Time to target"}
    for row in found.values():
        assert row["fraction"] == 0.0005 and "fraction 0.0005 of the steps, width 8" in row["declared"]
        assert "no reproduction" in row["declared"] and row["device_name"].startswith("cpu")
        if row["metric"] != "training":
            assert (row["ours"] is None) == row["note"].startswith("left out")
            assert row["ours"] is None or 0 <= row["ours"] <= 100
    block = found["RotNet block 2 + MLP"]
    assert (block["published"], block["chance"], block["steps"]) == (89.06, 50, {"pretraining": 6, "heads": 2})
    assert "1803.07728" in block["citation"] and block["seconds"]["pretraining"] > 0
    few = found["RotNet + conv, 100 labels a class"]
    assert (few["metric"], few["published"], few["chance"]) == ("error", 24.72, 50)
    assert found["RotNet + conv, 1000 labels a class"]["ours"] is None, "the tiny set has 128 pictures of each class"
    assert found["RotNet, rotations told apart"]["chance"] == 25
    assert found["RotNet block 2 + MLP, 8 rotations"]["ours"] is None
    tried = found["Time to target"]["tried"]
    assert found["Time to target"]["ours"] in (None, tried[-1]["seconds"])
    assert "fraction 0.0005 of the steps" in result.output and "89.06" in result.output and "24.72" in result.output

    before, trained[:] = reproduce.file(tmp_path).read_bytes(), []
    again = call(course, tmp_path)
    assert trained == [] and reproduce.file(tmp_path).read_bytes() == before, "nothing is repeated"
    assert again.output.strip().endswith(result.output.strip()[-500:]), "and the same table is shown"
    call(course, tmp_path, "--parts", "supervised", fraction=0.001)
    assert trained == [12] and len(json.loads(reproduce.file(tmp_path).read_text())) == len(found) + 1, "another run, kept beside"


def test_it_learns_and_the_target_is_reached(course, small, dataset, tmp_path):
    """Classes that a mirror leaves alone: a dark stripe above, or below. Easy with labels and, after rotations, for block 2."""
    for split in (dataset.train, dataset.val, dataset.test):
        split.images[split.labels == 1, :, 1:5] //= 4
        split.images[split.labels == 0, :, 11:15] //= 4
    assert call(course, tmp_path, "--parts", "time, rotnet", fraction=0.005).exit_code == 0
    found = rows(tmp_path)
    row = found["Time to target"]
    assert row["ours"] == row["tried"][-1]["seconds"] > 0 and row["tried"][-1]["validation"] >= row["target"] > 60
    assert found["RotNet, rotations told apart"]["ours"] > 80 and found["RotNet block 2 + MLP"]["ours"] > 80


def test_an_interrupted_command_continues(course, small, trained, tmp_path, monkeypatch):
    def interrupt(its):
        its.supervised(its.data.train)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(reproduce.PARTS, "supervised", interrupt)
        result = call(course, tmp_path, "--parts", "random,supervised")
    assert result.exit_code == 130 and "what had finished is kept" in result.stderr
    assert {row["part"] for row in rows(tmp_path).values()} == {"random"}
    trained.clear()
    assert call(course, tmp_path, "--parts", "random,supervised,labels").exit_code == 0
    assert {row["part"] for row in rows(tmp_path).values()} == {"random", "supervised", "labels"}
    assert trained == [6, 6, 2, 6, 2], "pretraining, then 20 and 100 labels; the supervised network was finished already"


def test_an_interrupted_pretraining_is_taken_up(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "BATCH", 8)
    said, options = [], {"fraction": 0.01, "width": 8, "say": lambda words: said.append(words)}
    whole = reproduce.RotNet(dataset, tmp_path / "whole", **options).pretrained()
    assert whole.steps == 120

    def interrupted(original):
        def fit(*arguments, **options):
            def press(history):
                if history.step > 50:
                    raise KeyboardInterrupt

            return original(*arguments, on_report=press, **options)

        return fit

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(reproduce, "fit", interrupted(reproduce.fit))
        reproduce.RotNet(dataset, tmp_path / "parts", **options).pretrained()
    continued = reproduce.RotNet(dataset, tmp_path / "parts", **options).pretrained()
    assert "taken up at 50" in said[-1] and continued.seconds > 0
    assert fingerprint(continued.backbone) == fingerprint(whole.backbone)


def test_test_labels_change_the_final_figures_only(course, small, dataset, tmp_path):
    poisoned = torch.randint(0, 2, (len(dataset.test),), generator=torch.Generator().manual_seed(1))
    assert call(course, tmp_path / "clean").exit_code == 0
    dataset.test.labels = poisoned
    small(dataset)
    assert call(course, tmp_path / "poisoned").exit_code == 0
    clean, other = rows(tmp_path / "clean"), rows(tmp_path / "poisoned")
    assert clean.keys() == other.keys()
    assert any(clean[what]["ours"] != other[what]["ours"] for what in clean if "block" in what)
    for what in clean:
        for field in clean[what].keys() - {"ours", "seconds", "note", "tried"}:
            assert clean[what][field] == other[what][field]
    chosen = [[(each["steps"], each["validation"]) for each in its["Time to target"]["tried"]] for its in (clean, other)]
    assert chosen[0] == chosen[1]
    assert clean["RotNet, rotations told apart"]["ours"] == other["RotNet, rotations told apart"]["ours"], "it has no labels"
    networks = [
        {path.name: path.read_bytes() for path in (tmp_path / side / "checkpoints").glob("*/rotations-*")}
        for side in ("clean", "poisoned")
    ]
    assert networks[0].keys() == networks[1].keys() and networks[0]


def heads_on(dataset):
    its = reproduce.RotNet(dataset, Path(), width=8)
    backbone = its.network(4)
    heads = frozen_heads.Heads(backbone, list(frozen_heads.HEADS), 2, dataset.size, its.rng())
    return backbone, heads, frozen_heads.FrozenHeads(backbone, heads, reproduce.moved_and_mirrored)


def test_the_backbone_under_the_heads_stays_bit_for_bit(dataset):
    backbone, heads, task = heads_on(dataset)
    backbone.train()  # as pretraining leaves it
    before, first = fingerprint(backbone), fingerprint(heads)
    frozen_heads.fit_heads(heads, task, dataset.train, steps=5, batch_size=16, learning_rate=0.1, optimiser="sgd")
    assert fingerprint(backbone) == before and fingerprint(heads) != first
    assert any(name.endswith("running_mean") for name in backbone.state_dict()), "there are buffers that could move"
    assert not set(task.parameters()) and all(parameter.grad is None for parameter in backbone.parameters())


def test_a_backbone_that_moves_is_noticed(dataset):
    backbone, heads, task = heads_on(dataset)

    def augment(images, rng):
        backbone.train()  # its BatchNorm would now follow the pictures
        return images

    task.augment = augment
    with pytest.raises(AssertionError, match="has changed"):
        frozen_heads.fit_heads(heads, task, dataset.train, steps=1, batch_size=16)


def test_heads_that_train_together_learn_what_each_learns_alone(dataset):
    its = reproduce.RotNet(dataset, Path(), width=8)
    backbone, options = its.network(4), {"steps": 4, "batch_size": 16, "learning_rate": 0.1, "optimiser": "sgd"}
    alone = frozen_heads.Heads(backbone, ["block 2 + MLP"], 2, dataset.size, its.rng())
    both = frozen_heads.Heads(backbone, ["block 2 + MLP", "+ conv"], 2, dataset.size, its.rng())
    for heads in (alone, both):
        task = frozen_heads.FrozenHeads(backbone, heads, reproduce.moved_and_mirrored)
        frozen_heads.fit_heads(heads, task, dataset.train, **options)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, both.state_dict()[name])


def test_the_papers_heads_have_its_sizes():
    layers = frozen_heads.mlp((192, 8, 8), 10)
    linear = [layer.weight.shape for layer in layers if isinstance(layer, torch.nn.Linear)]
    assert linear == [(200, 12288), (200, 200), (10, 200)]
    convolutions = [layer.weight.shape for layer in frozen_heads.convolutional((192, 8, 8), 10) if hasattr(layer, "kernel_size")]
    assert convolutions == [(192, 192, 3, 3), (192, 192, 1, 1), (192, 192, 1, 1)]


def test_the_arithmetic_of_the_budget():
    """The multiplications of the four-block net, which the comment on the default number of steps counts in."""
    from course_lib.models import build_backbone

    backbone = build_backbone("rotnet_nin", rng=torch.Generator().manual_seed(0), width=96, blocks=4).eval()
    counted = []
    for layer in backbone.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda its, _, out: counted.append(its.weight[0].numel() * out[0].numel()))
    with torch.no_grad():
        backbone(torch.zeros(1, 3, 32, 32))
    assert sum(counted) / 1e6 == pytest.approx(251, abs=0.5)


def test_compiling_is_over_before_the_training_begins(dataset, tmp_path, monkeypatch):
    """With a compiler that only counts: weights, buffers and names stay, and no step of the training calls it again."""
    its, compile_, compiled = reproduce.RotNet(dataset, tmp_path, width=8), torch.nn.Module.compile, []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compile_(self, backend=backend, **options))
    backbone = its.network(4).to(memory_format=torch.channels_last)
    task = Rotation(backbone, its.rng(), augment=reproduce.moved_and_mirrored)
    before = fingerprint(backbone)
    assert its._compile(backbone, 4 * 8) > 0 and len(compiled) == 1
    assert fingerprint(backbone) == before and all(parameter.grad is None for parameter in backbone.parameters())
    assert list(backbone.state_dict()) == list(its.network(4).state_dict())
    fit(backbone, task, dataset.train, steps=3, batch_size=8, optimiser="sgd")
    assert len(compiled) == 1 and fingerprint(backbone) != before


def test_what_cannot_be_done_is_a_sentence(course, small, dataset, tmp_path):
    refused = course("reproduce", "simclr", "--out", tmp_path)
    assert refused.exit_code == 2 and "no experiment called 'simclr'; there is rotnet-cifar10" in refused.stderr
    refused = call(course, tmp_path, "--parts", "rotnet,heads")
    assert refused.exit_code == 2 and "no part called 'heads'; choose some of rotnet,random," in refused.stderr
    assert "not in the range" in call(course, tmp_path, fraction=1.5).stderr
    assert "not in the range" in call(course, tmp_path, fraction=0).stderr
    refused = call(course, tmp_path, "--width", 9)
    assert refused.exit_code == 2 and "multiple of 8" in refused.stderr
    refused = call(course, tmp_path, "--seed", "x")
    assert refused.exit_code == 2 and "whole number" in refused.stderr
    reproduce.file(tmp_path).parent.mkdir()
    reproduce.file(tmp_path).write_text("{")
    refused = call(course, tmp_path, "--parts", "random")
    assert refused.exit_code == 2 and "is damaged" in refused.stderr
    dataset.train.images = None
    with pytest.raises(CourseError, match="learns from pictures"):
        reproduce.RotNet(dataset, tmp_path)


def test_unknown_data_is_a_sentence(course, tmp_path):
    refused = call(course, tmp_path, "--data", "folder:/nowhere")
    assert refused.exit_code == 2 and "no folder or archive /nowhere" in refused.stderr


def test_the_report_has_a_page_that_declares_the_fraction(course, small, project, tmp_path):
    project("01_stub", "record(stub_score=0.5)")
    assert course("run", "--out", tmp_path / "out").exit_code == 0
    assert course("report", "--out", tmp_path / "out").exit_code == 0
    assert not (tmp_path / "out" / "report" / "reproduce.html").exists()
    assert call(course, tmp_path / "out", "--parts", "random,labels").exit_code == 0
    assert course("report", "--out", tmp_path / "out").exit_code == 0
    page = (tmp_path / "out" / "report" / "reproduce.html").read_text(encoding="utf-8")
    assert "fraction 0.0005 of the steps, width 8" in page and "72.50" in page and "Random + conv" in page
    assert "left out: no class has more than" in page and "Gidaris" in page
    assert 'href="reproduce.html"' in (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS.exists(), reason="CIFAR-10 is not beside this checkout")
def test_real_pictures(course, tmp_path):
    """CIFAR-10: all ten classes, and as many labels as the paper has."""
    found = call(course, tmp_path, "--data", f"folder:{PHOTOS}", "--parts", "random,supervised")
    assert found.exit_code == 0, found.output
    assert rows(tmp_path)["Supervised NIN"]["chance"] == 10 and rows(tmp_path)["Random + conv"]["published"] == 72.5
