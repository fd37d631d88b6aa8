# ---
# jupyter:
#   course:
#     after: [02_rotation, 03_relative_position, 04_colourisation, 05_shuffle_and_learn, 06_audio_video]
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which one is best?
#
# > **The question.** You have met half a dozen ways to learn without labels. Which should you use? To answer one must know what *good* means, how large luck is, and how easily a table deceives the one who made it.
# >
# > **You will** fill holes by hand, train three more methods in the three lines you know, rank all of them before you look, read one table of eight measures, and catch two ways of cheating with a test set.
# >
# > **Before you start:** notebook 02, where probes and claims are explained. The more of the others you have run, the less this one has to train; without any it takes twice as long.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Three more methods | ✓ | ✓, with its exercise |
# | 3 · The networks of the other notebooks | ✓ | ✓ |
# | 4 · How large is luck? | ✓ | ✓, and run the sweep |
# | 5 · One table | ✓ | ✓, with its exercises |
# | 6 · What does each network know? | look at the figure | ✓ |
# | 7 · Depth, length, bits | look at the figures | ✓, with its exercise |
# | 8 · Doubt | ✓ | ✓, with its exercise |
# | 9 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** Run the other notebooks on your computer beforehand, with the same seed: then this one trains four networks only. Collect the rankings of section 5 on paper before the cell with the table is run; with *Run All* it comes too soon.
#
# Section 4 must come before the table, or nobody will believe how large luck is. The two leaks of section 8 take five minutes and are what students remember; let them guess how well the best of two hundred useless probes does.
#
# Live: the two measures of section 5. Put two that agree on the axes, then two that do not, and ask what a paper that prints only one of them would claim.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 4 | 5 |
# | 2 · Three more methods | 6 | 18 |
# | 3 · The networks of the other notebooks | 4 | 5 |
# | 4 · How large is luck? | 6 | 9 |
# | 5 · One table | 9 | 22 |
# | 6 · What does each network know? | 4 | 6 |
# | 7 · Depth, length, bits | 4 | 10 |
# | 8 · Doubt | 5 | 8 |
# | 9 · What we know now | 3 | 4 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH, cells: world:cells
seed = 0
device = "auto"

# %%
from course_lib.data import open_dataset
from course_lib.evaluation.probes import best_stage, linear_probe, probe_stages
from course_lib.evaluation.supervised import Supervised
from course_lib.evaluation.table import COLUMNS, Entry, Questions
from course_lib.exercises import exercise
from course_lib.features import extract, frozen, random_subset
from course_lib.models import initialise
from course_lib.plots.clips import curves_by_threshold
from course_lib.plots.images import image_grid
from course_lib.plots.tables import dots_and_range, gains_by_stage, matrix, scatter
from course_lib.pretext import PretextTask, normalise, patches
from course_lib.pretext.alternating import Alternating
from course_lib.pretext.audio_visual import AudioVisual
from course_lib.pretext.colourisation import Colourisation
from course_lib.pretext.jigsaw import Jigsaw
from course_lib.pretext.relative_position import RelativePosition
from course_lib.pretext.rotation import Rotation, shifted_and_mirrored
from course_lib.pretext.shuffle_and_learn import ShuffleAndLearn
from course_lib.start import start

# %%
import copy
import functools
import math  # noqa: F401 (your own functions may want it)
import statistics

import torch
import torch.nn.functional as F

from course_lib.widgets.explorers import SettingsExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz
from course_lib.widgets.ranking import Ranking

session = start("08_evaluation", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
steps = session.budget(quick=300, classroom=3000, full=20000)  # of networks that learn alone here, and of the one with names
as_alone = session.budget(quick=450, classroom=5000, full=30000)  # of relative position in its own notebook
hole = photos.size // 4  # its side, in pixels

# %% [markdown]
# ## 1 · Play
#
# A square is missing from each picture. Four pieces might fill it: its own, and three that were cut from other pictures at the same place. Which one fits?

# %%
rng = session.rng("play")
order = torch.randperm(len(photos.test), generator=rng)[:40].view(10, 4)
right = torch.randint(4, (10,), generator=rng)
corner = torch.randint(hole // 2, photos.size - hole - hole // 2, (10, 2), generator=rng)
holed = photos.test.batch(order[torch.arange(10), right]).images.cpu().clone()
pieces = torch.stack([photos.test.batch(four).images.cpu()[:, :, y : y + hole, x : x + hole] for four, (y, x) in zip(order, corner.tolist())])
for picture, (y, x) in zip(holed, corner.tolist()):
    picture[:, y : y + hole, x : x + hole] = 128
game = Game(holed, right, [f"piece {k + 1}" for k in range(4)], "Which piece fills the hole?", columns=4, pictures=pieces,
            alt="A picture with a grey square in it").show()

# %% [markdown]
# What did you go by? Perhaps by colours and lines that run on across the edge, and perhaps by what the thing is and which part of it is missing. The first needs eyes, the second needs knowledge. A network that fills holes may learn either, and from its score alone you cannot tell which.
#
# That is the trouble with this whole course in one sentence: *the pretext score is not what we want*. We want features that serve for something else. So here we ask what they serve for, of all methods at once.
#
# **Before anything is trained, commit yourself.** The probe on the best pretext task's features, and the probe on those of a network that was *told* all names: how often will each be right? (With ten classes, guessing is right one time in ten.)

# %%
forecast_best = session.forecast("eval.best.linear", "A linear probe on the best pretext task's features", start=0.3)
forecast_labels = session.forecast("eval.supervised.linear", "The same on the features of a network trained with names", start=0.5)

# %% [markdown]
# ## 2 · Three more methods
#
# Everything in this course is three lines: hide, predict, measure how far off. Here are three methods that the lecture names and no notebook has shown, each as short as that.
#
# **Filling in** (the *context encoder*). Squares are hidden; the network paints the whole picture from its last map, and pays by the squared distance within the hole.

# %%
class FillIn(PretextTask):
    """The pixels of a hidden square, from what is around it (Pathak et al. 2016)."""

    def __init__(self, backbone, rng):
        super().__init__()
        self.head = initialise(torch.nn.Conv2d(backbone.widths["conv5"], 3 * 64, 1), rng)  # a spot paints 8 x 8 pixels

    def hide(self, batch, rng):
        images, side = normalise(batch.images), batch.images.shape[-1]
        place = torch.randint(0, side - side // 4 + 1, (2, len(images), 1), generator=rng, device=images.device)
        down, across = ((line := torch.arange(side, device=images.device)) >= place) & (line < place + side // 4)
        mask = (down[:, :, None] & across[:, None])[:, None].float()
        return images * (1 - mask), (images, mask)

    def predict(self, backbone, visible):
        return F.interpolate(F.pixel_shuffle(self.head(backbone(visible)), 8), size=visible.shape[-2:])

    def loss(self, prediction, hidden):
        return ((prediction - hidden[0]).square() * hidden[1]).sum() / hidden[1].sum() / 3


# %% [markdown]
# **Contrastive learning.** Two views of each picture: cut out, mirrored, some in grey. Which of all the other views in the batch is my other half? Nothing about the picture is predicted; what is hidden is only who belongs together. What the two views do *not* share, such as the place and often the colour, is of no use for the answer and may be thrown away: on purpose.
#
# > **Exercise 1 · `partner_loss`** (difficulty 4 of 5, importance 4 of 5, about twelve minutes.) `z` is what the head makes of the views, 2N x D: rows k and N + k are the two views of picture k. Bring each row to length one. Similarities are inner products, divided by `temperature`: the lower it is, the more a small lead counts. For each row, take the cross-entropy of naming its partner among all *other* rows, never itself. Return the mean over the 2N rows, a tensor, since gradients flow through it.

# %%
def partner_loss(z, temperature):
    """The mean cross-entropy of naming each row's partner among all other rows; z is 2N x D."""
    raise NotImplementedError  # your turn: replace this line


partner_loss = exercise("evaluation.partner_loss", partner_loss)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def partner_loss(z, temperature):
#     z = F.normalize(z, dim=1)
#     similar = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -math.inf)
#     partners = torch.arange(len(z), device=z.device).roll(len(z) // 2)
#     return F.cross_entropy(similar, partners)
# ```
# </details>

# %%
class Contrastive(PretextTask):
    """Which two views are of one picture? (SimCLR: Chen et al. 2020; temperature 0.5, as there for small pictures.)"""

    batch_coupled = True  # what one sample pays depends on the others

    def __init__(self, backbone, rng):
        super().__init__()
        self.head = initialise(torch.nn.Sequential(torch.nn.Linear(backbone.widths["conv5"], 128), torch.nn.ReLU(), torch.nn.Linear(128, 64)), rng)

    def hide(self, batch, rng):
        cut = [patches.rescaled_window(shifted_and_mirrored(batch.images, rng), rng) for _ in range(2)]
        views = normalise(torch.cat(cut))
        return patches.greyscaled(views[:, None], 0.5, rng)[:, 0], None  # who belongs together is where they stand

    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction, hidden):
        return partner_loss(prediction.float(), 0.5)


# %% [markdown]
# **Taking turns.** The lecture asks how one trains several pretext tasks, and answers: swap the head, batch by batch. A task made of tasks keeps to the same three lines. Here one backbone serves relative position or colourisation; which of the two is drawn at random for every batch.
#
# Each of the two gets about half of the steps. Is that worth it? Section 5 tries it. (The two ratios that the figure below shows are those of notebook 04.)

# %%
def new(purpose, task, image_size=None, head="head", **options):
    """A backbone whose random weights are named by `purpose`, as in the notebook of that name, and the task with its head."""
    backbone = session.backbone(purpose, image_size=image_size)
    return backbone, task(backbone, session.rng(head), **options)


def named(backbone, rng):
    """The control that is told: a task whose hidden part is the name."""
    return Supervised(backbone, len(photos.classes), rng)


filling = session.train("fill_in", *new("fill in", FillIn), steps=steps)

# %%
await filling.finished()
contrastive = session.train("contrastive", *new("contrastive", Contrastive), steps=steps)

# %%
await contrastive.finished()
both = session.train("both", *new("both", Alternating), steps=steps)

# %%
await both.finished()
with frozen(filling.backbone), frozen(filling.task):
    painted = filling.task.predict(filling.backbone, normalise(holed.to(session.device))).cpu()
guess = torch.stack([row[:, y : y + hole, x : x + hole] for row, (y, x) in zip(painted, corner.tolist())])
offered = normalise(pieces.flatten(0, 1)).unflatten(0, (10, 4))
game.let_play(-(guess[:, None] - offered).square().mean((2, 3, 4)))  # it takes the piece that is nearest to what it paints

# %%
shown = holed[:6].clone()
for picture, patch, (y, x) in zip(shown, guess, corner.tolist()):
    picture[:, y : y + hole, x : x + hole] = ((patch.clamp(-1, 1) + 1) * 127.5).to(torch.uint8)
session.show(
    image_grid(torch.cat([holed[:6], shown, photos.test.batch(order[torch.arange(6), right[:6]]).images.cpu()]), columns=6, names=["with a hole", "filled in", "as it was"]),
    caption="Pictures of your game, what the network paints into the holes, and the truth.", rests_on=[],
    alt="Three rows of six pictures: with a grey square; with a blurred patch in its place; whole.",
)

# %% [markdown]
# Squared distance rewards the mean of what is possible, and the mean of many possible pictures is a flat, greyish patch; besides, the training is short. Does the network know what the thing is, all the same? The table of section 5 will say.
#
# ## 3 · The networks of the other notebooks
#
# If you have run the other notebooks with this profile, data set and seed, their networks lie on your disk, and we take them as they are. What is missing, or was trained in another way, is trained now. In case you have not met them all:
#
# | method | what is hidden, and predicted |
# |---|---|
# | rotation | by which of four angles the picture was turned |
# | relative position | on which of eight sides of one patch another one lies |
# | colourisation | the colours of a grey picture |
# | jigsaw | which of 24 orders the nine tiles of a picture were put in |
# | shuffle and learn | whether three frames of a film are in order |
# | audio visual | whether a frame and half a second of sound belong together |
#
# Frames and sounds need films, so the last two are asked only in our world.

# %%
made = {  # method: how its network is made, its length, and how else it is trained
    "rotation": (functools.partial(new, "rotation", Rotation), session.budget(quick=400, classroom=5000, full=30000), {}),
    "relative_position": (functools.partial(new, "relative position", RelativePosition), as_alone,
                          {"batch_size": session.budget(quick=32, classroom=64)}),
    "colourisation": (functools.partial(new, "colourisation", Colourisation), session.budget(quick=400, classroom=4000, full=30000), {}),
    "jigsaw": (functools.partial(new, "jigsaw", Jigsaw, permutations=patches.permutations(24)), session.budget(quick=450, classroom=5000, full=30000), {}),
}
if dataset == "world":
    films, sounds = open_dataset("world:clips", device=session.device), open_dataset("world:sounds", device=session.device)
    made["shuffle_and_learn"] = (functools.partial(new, "shuffle", ShuffleAndLearn, image_size=64), session.budget(quick=700, classroom=6000, full=30000),
                                 {"batch_size": 10, "learning_rate": 0.01, "dataset": films})
    made["audio_visual"] = (functools.partial(new, "audio_visual", AudioVisual, image_size=64), session.budget(quick=680, classroom=4000, full=20000),
                            {"dataset": sounds})

# %%
pretext_methods = [*made, "fill_in", "contrastive"]  # what learns without labels, each alone; "both" is two of them
made["supervised"] = (functools.partial(new, "supervised", named, head="supervised head"), steps, {})

# %% [markdown]
# The last line adds a control that gets what all the others do without: names, as in notebook 02. No rival: it has seen the very labels that the probe asks for. And one network gets nothing at all, the random control. Without it no number here means anything.

# %%
networks = {method: (run.task, run.backbone) for method, run in {"fill_in": filling, "contrastive": contrastive, "both": both}.items()}
trained_now = []
for method, (make, length, how) in made.items():
    run = session.left_by_another(method, make, steps=length, **how)
    await run.finished()
    networks[method] = (run.task, run.backbone)
    trained_now += [] if run.reused else [method]
networks = {method: networks[method] for method in [*pretext_methods, "both", "supervised"]}  # in the order of the table
networks["random"] = (PretextTask(), session.backbone("random control"))
print("Taken from this run's other notebooks:", ", ".join(method for method in made if method not in trained_now) or "none")
print("Trained now:", ", ".join(trained_now) or "none")

# %% [markdown]
# ## 4 · How large is luck?
#
# Before two numbers are compared one has to know how much a number moves when nothing has changed. Much is drawn at random each time: the first weights, the batches, the pictures that carry a label, the pictures that test. We look at two of these: the labels, and the first weights.
#
# **Guess:** one network, ten draws of the labelled pictures. Between the best and the worst of the ten, how many points of accuracy?

# %%
task, backbone = networks["rotation"]
few = {part: random_subset(getattr(photos, part), session.budget(quick=2000 if part == "train" else 500), session.rng("luck")) for part in ("train", "val", "test")}
features = {part: extract(task.represent, backbone, split, ["conv4"])["conv4"] for part, split in few.items()}
labels = {part: split.labels.cpu() for part, split in few.items()}


def drawn_again(draw):
    """The accuracy of a probe of which only the labelled pictures are new."""
    rows = torch.randperm(len(features["train"]), generator=session.rng(f"draw {draw}"))[: session.budget(quick=1000)]
    return linear_probe("conv4", (features["train"][rows], labels["train"][rows]), *((features[part], labels[part]) for part in ("val", "test"))).test


luck = [drawn_again(draw) for draw in range(10)]
session.record("eval.draws.spread", max(luck) - min(luck), unit="fraction")

# %%
session.show(dots_and_range({"ten draws of labels": luck}, "accuracy of a linear probe (%)"), rests_on=[],
             caption="One network, asked ten times with other labelled pictures. The bar is the range of luck.",
             alt="Accuracies of ten probes: " + ", ".join(f"{100 * value:.1f} %" for value in sorted(luck)) + ".")
session.say("From the worst draw to the best: **{eval.draws.spread.points}**, with the same network and the same test pictures.")
session.claim("eval.noise.labels")

# %% [markdown]
# And the other luck: ten trainings of the same task that differ in their first weights alone; shorter ones than ours, on smaller batches. That takes too long to watch all the same. The sweep trains them one after the other. Then it compares their range with two points, and the lowest of the ten with what random weights give. Until you press the button, you see what others measured: each number there is itself given for several seeds, each with ten trainings of its own.

# %%
def luck_of_seeds(which):
    """The probe on the best stage of a rotation network with another seed; or what the ten before give together."""
    if which == "random":
        return questions.ask(PretextTask(), session.backbone("random control"))["linear"].test
    ten = [session.records[f"eval.noise.seed{k}"]["value"] for k in range(10) if f"eval.noise.seed{k}" in session.records]
    if which in ("spread", "lowest"):
        return max(ten) - min(ten) if which == "spread" else min(ten)
    backbone = session.backbone(f"luck {which}")
    task = Rotation(backbone, session.rng(f"luck head {which}"))
    session.fit(backbone, task, steps=session.budget(quick=200, classroom=1000), batch_size=16)
    return questions.ask(task, backbone)["linear"].test


questions = Questions(photos, session.rng("questions"), session.budget(quick=1000, classroom=10000), session.budget(quick=500, classroom=4000))
noise = session.sweep("eval.noise", luck_of_seeds, {f"seed{k}": k for k in range(10)} | {"spread": "spread", "lowest": "lowest", "untrained": "random"})

# %% [markdown]
# Did you expect that about the lowest of the ten? Keep both ranges in mind. The first is that of one network, the second that of ten; every other number below has a range, too. A lead *of one run* that is smaller than luck shows nothing yet. Papers that compare one run with one run are full of such leads.
#
# ## 5 · One table
#
# Seven measures of frozen features, and one in which everything moves. **Linear**: a linear probe. **kNN**: a vote among the twenty nearest neighbours, nothing is trained at all. **Few labels**: a probe with five labels a class. **Fine-tuned**: all weights go on learning, for very few steps; read that column downwards, never against the linear one. **Detection**: a box around the thing, and its name. **Segmentation**: which part of the picture is sky, ground, thing. **Normals**: which way surfaces face; what counts is R², the share of the variance that is explained. **Keypoints**: where the joints of figures are; PCK, the percentage of correct keypoints, is the share of points that are put nearly right.
#
# Detection and segmentation are measured by two formulas that are often named and seldom computed. Compute them once.
#
# > **Exercise 2 · `box_overlap`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `one` and `other` are N x 4: left, top, right, bottom. Return N numbers: the area that the two boxes of a row share, divided by the area that they cover together. This is called *intersection over union*, IoU.

# %%
def box_overlap(one, other):
    """Intersection over union of N pairs of boxes, N numbers in 0…1."""
    raise NotImplementedError  # your turn: replace this line


box_overlap = exercise("evaluation.box_overlap", box_overlap)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def box_overlap(one, other):
#     corner, opposite = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
#     shared = (opposite - corner).clamp_min(0).prod(1)
#     areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (one, other)]
#     return shared / (areas[0] + areas[1] - shared)
# ```
# </details>
#
# A detector makes a list of boxes, each with a score for how sure it is. A box is *right* if its name is, and if its IoU with the thing's true box is at least one half; a second box on the same thing is not right. (Here a linear map draws one box in each picture, and the list is that of all test pictures.) Go down the list from the surest to the least sure. At each box that is right, note the *precision*: the share of right ones so far. Their sum, divided by the number of things there are, is the **average precision** of one class. Things that were never found add nothing. (The table uses a smoothed variant, as most benchmarks do, whose digits differ a little.)
#
# > **Exercise 3 · `average_precision`** (difficulty 3 of 5, importance 5 of 5, about eight minutes.) `scores` are N numbers, all different; `right` says of each box whether it is right, N booleans; `things` is how many there are to find. Return the average precision.

# %%
def average_precision(scores, right, things):
    """The sum of precisions at the right boxes, surest first, over the number of things."""
    raise NotImplementedError  # your turn: replace this line


average_precision = exercise("evaluation.average_precision", average_precision)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def average_precision(scores, right, things):
#     right = right[scores.argsort(descending=True)].float()
#     precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
#     return ((precision * right).sum() / things).item()
# ```
# </details>

# %%
order_of_boxes = torch.tensor([0.9, 0.8, 0.7, 0.6])
print("Right, right, wrong, right, of four things, by the function in use:", round(average_precision(order_of_boxes, torch.tensor([True, True, False, True]), 4), 3))
print("Two boxes whose overlap is a third, by the function in use:", [round(x, 3) for x in box_overlap(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])).tolist()])

# %% [markdown]
# The **mean** in *mean average precision* is taken over classes (and often over several limits of overlap). The lecture's slide has it averaged over tasks. It is not: boxes and surface normals have no common unit in which to average.
#
# **Now rank them, before you look.** By the linear probe, from the best to the worst. Move a name with its arrows.

# %%
guessed = Ranking(list(networks), "Which features will a linear probe read best?").show()

# %%
rows = {method: questions.ask(*network) for method, network in networks.items()}

# %%
def fine_tuned(backbone):
    """Accuracy on the test pictures after all weights were trained on the labelled ones of the table."""
    backbone = copy.deepcopy(backbone)
    task = named(backbone, session.rng("fine-tuning"))
    tuning = session.budget(quick=45, classroom=1000)
    session.fit(backbone, task, questions.asked["train"], steps=tuning, learning_rate=1e-3)
    scores = [session.scores(backbone, task, questions.asked[part])["accuracy"] for part in ("test", "val")]
    return Entry(*scores)


for method, (_, backbone) in networks.items():
    rows[method]["fine_tuned"] = fine_tuned(backbone)
columns = [column for column in COLUMNS if column in rows["random"]]
for method, row in rows.items():
    for column in columns:
        session.record(f"eval.{method}.{column}", row[column].test, unit="fraction")

# %%
guessed.reveal({method: row["linear"].test for method, row in rows.items()})

# %%
table = {method: {column: row[column].test for column in columns} for method, row in rows.items()}
session.show(
    matrix(table, "random", "% of the column's measure"), rests_on=[],
    caption="What each network's features are worth; the row of both is relative position and colourisation in turns. Blue: ahead of random weights, orange: behind them, by column. Bold: the best of a column. "
            + "; ".join(f"{column.replace('_', ' ')}: {COLUMNS[column]}" for column in columns) + ".",
    alt=" ".join(f"{method}: " + ", ".join(f"{column} {100 * value:.1f} %" for column, value in row.items()) + "." for method, row in table.items()),
)

# %% [markdown]
# Read it row by row, then column by column. Does the order of one column hold in the next? Which columns, if any, does the network with names lose? Does the one that fills holes know what things are? If one method leads nearly everywhere, what else has it had that others had not: films, sounds, more steps? Before you believe a lead in the first column, look back at the range of luck.
#
# Choose two measures, and see whether they agree about which network is better.

# %%
def two_measures(across, up, **shown):
    """Each network's place by two columns of the table."""
    across, up = across.replace(" ", "_"), up.replace(" ", "_")
    points = {method: (row[across], row[up]) for method, row in table.items() if shown[method]}
    words = "; ".join(f"{method}: {100 * x:.1f} % and {100 * y:.1f} %" for method, (x, y) in points.items())
    return scatter(points, f"{across.replace('_', ' ')} (%)", f"{up.replace('_', ' ')} (%)"), words


menu = [column.replace("_", " ") for column in columns]
explorer = SettingsExplorer(two_measures, {"across": menu, "up": menu[-1:] + menu[:-1]} | {method: True for method in table},
                            caption="Each network by two measures. If both said the same, the marks would lie on a rising line.").show()

# %% [markdown]
# Which pretext task is the best at what? That is chosen on the validation pictures, so it need not be the largest number of its column; where the two differ, the lead is luck.

# %%
averages = {column: statistics.mean(row[column].test for method, row in rows.items() if method in pretext_methods) for column in columns}
for column, value in averages.items():
    session.record(f"eval.mean.{column}", value, unit="fraction")
    best = max(pretext_methods, key=lambda method: rows[method][column].validation)  # the test pictures have no say in it
    session.record(f"eval.best.{column}", rows[best][column].test, unit="fraction")
    print(f"{column}: by the validation pictures the best of the pretext tasks is {best}")
winners = {column: max(pretext_methods, key=lambda method: rows[method][column].validation) for column in columns}
session.record("eval.winners", len(set(winners.values())))
for claim in ("over_random.fine_tuned", "labels.linear", "winners"):
    session.claim(f"eval.{claim}")
if "normals" in columns:
    for claim in ("labels.normals", "labels.segmentation"):
        session.claim(f"eval.{claim}")

# %% [markdown]
# **Do the features beat random weights at all?** On few test pictures luck is as large as the answer. The sweep asks the same networks about several times as many, and compares the mean of the pretext tasks with random weights, column by column.

# %%
@functools.cache
def asked_about_more():
    """The rows of the pretext tasks and of random weights, with more labelled pictures and more that test."""
    more = Questions(photos, session.rng("more questions"), session.budget(quick=3000, classroom=10000), session.budget(quick=2000, classroom=4000))
    return {method: more.ask(*networks[method]) for method in [*pretext_methods, "random"]}


def mean_of(methods, column):
    """The mean of a column over some rows."""
    return statistics.mean(asked_about_more()[method][column].test for method in methods)


sides = {"tasks": pretext_methods, "random": ["random"]}
more = session.sweep("eval.more", lambda asked: mean_of(sides[asked[0]], asked[1]),
                     {f"{side}_{column}": (side, column) for column in columns if column != "fine_tuned" for side in sides})

# %% [markdown]
# Our table is no fair judge of the three methods that were trained here, because they had fewer steps than relative position. A sweep gives them equally many, and tries two sentences of the lecture and one of the papers. *Filling in is far harder, and so gives the better features*: the tables of the papers say the opposite for networks of that time. *Complementary tasks add up*: in the papers they mostly do; but there, one column loses. *Contrastive methods give better features than pretext tasks* (on average over the tasks of the table, itself among them). In equally many steps two tasks that share a network get half each, which is hard on them; so they are tried with twice as many, too. This sweep takes some minutes.

# %%
@functools.cache
def row_after(purpose, task, length):
    """The row of a network of this notebook after so many steps."""
    backbone, task = new(purpose, task)
    session.fit(backbone, task, steps=length)
    return questions.ask(task, backbone)


compared = {"fill_in": ("linear", "fill in", FillIn, as_alone), "contrastive": ("linear", "contrastive", Contrastive, as_alone)}
for column in ("linear", "normals"):
    if column in columns:
        compared[f"half_each_{column}"] = (column, "both", Alternating, as_alone)
    if "normals" in columns:  # in the world
        compared[f"as_many_each_{column}"] = (column, "both", Alternating, 2 * as_alone)
equal = session.sweep("eval.equal", lambda asked: row_after(*asked[1:])[asked[0]].test, compared)

# %% [markdown]
# Is it worth it to take turns, then? Where a row says *undecided*, the answer is: not by so much that three seeds could tell.
#
# ## 6 · What does each network know?
#
# Of our world we know every factor: which hue, where the light stands, how large the thing is. A linear map tries to read each off each network's features, at the stage that does best on the validation pictures. Each number is the share of the factor's variance that the map explains.
#
# **Guess** which networks know less about hue than random weights do, and which factor the rotation network gains most in.

# %%
if "normals" in columns:
    factors = [name for name in rows["random"] if name.startswith("factor.")]
    known = {method: {name.removeprefix("factor."): row[name].test for name in factors} for method, row in rows.items()}
    for method, row in known.items():
        for factor, value in row.items():
            session.record(f"eval.factor.{method}.{factor}", value, chance=0, unit="fraction")
    session.show(
        matrix(known, "random", "% of variance explained"), rests_on=[],
        caption="The factor matrix: what can be read off frozen features about the world behind the picture. Class: one number a class, one for the right one. Scale: the thing's size; light: where it comes from; landscape: outdoors or before a surface; exposure: how bright the camera was set; pose: where a person's joints are. Blue: more than off random weights; orange: less, by column. Bold: the best. Below zero: worse than always saying the mean.",
        alt=" ".join(f"{method}: " + ", ".join(f"{factor} {100 * value:.0f} %" for factor, value in row.items()) + "." for method, row in known.items()),
    )
    gained = {factor: value - known["random"][factor] for factor, value in known["rotation"].items()}
    print("Less about hue than random weights:", ", ".join(method for method, row in known.items() if row["hue"] < known["random"]["hue"]) or "none")
    print("What rotation gained most in:", max(gained, key=gained.get))
    for claim in ("matrix.hue", "matrix.landscape", "matrix.position"):
        session.claim(f"eval.{claim}")

# %% [markdown]
# Each row is a portrait of a task. What a task needs, its network may keep; what it never asks about may fade, and what it is told to ignore may be thrown away. One entry is no discovery: colourisation's network is shown grey pictures here, too, so it cannot say much about hue. The contrastive network saw grey views in training and sees colour here; compare its hue with that of random weights. To lose hue is no fault, unless your own downstream task is about hue.
#
# ## 7 · Depth, length, bits
#
# **Depth.** The lecture says that features get better with depth, until the last stage, which has become too much the task's own; and that labels know no such fall. But random weights may fall with depth, too, without any task. So what counts is the *gain* over them.

# %%
stages = list(networks["random"][1].stage_names)
gains = {method: {stage: row["linear"].by_stage[stage].test - rows["random"]["linear"].by_stage[stage].test for stage in stages}
         for method, row in rows.items() if method != "random"}
for stage in stages:
    session.record(f"eval.gain.{stage}", statistics.mean(gains[method][stage] for method in pretext_methods), chance=0, unit="fraction")
    session.record(f"eval.gain_labels.{stage}", gains["supervised"][stage], chance=0, unit="fraction")
print("Random weights themselves, by stage:", ", ".join(f"{stage} {100 * rows['random']['linear'].by_stage[stage].test:.1f} %" for stage in stages))
session.show(
    gains_by_stage(gains), rests_on=[],
    caption="What training added to a linear probe after each stage, for all methods on one axis.",
    alt=" ".join(f"{method}: " + ", ".join(f"{stage} {100 * value:+.1f}" for stage, value in line.items()) + "." for method, line in gains.items()),
)
for claim in ("layers.last", "layers.supervised"):
    session.claim(f"eval.{claim}")

# %% [markdown]
# **A little training.** *A good representation should transfer with a little training*, the lecture says. So watch a probe learn, step by step, on the features of the rotation network and on those of random weights. **Guess:** how many steps does the first need to overtake the second after two hundred?

# %%
def probe_learning(task, backbone, stage, length=200):
    """Step -> test accuracy of a linear layer that learns by gradient descent, on all labelled pictures at each step."""
    parts = {part: extract(task.represent, backbone, questions.asked[part], [stage])[stage] for part in ("train", "test")}
    x, x_test = ((some - parts["train"].mean(0)) / parts["train"].std(0).clamp_min(1e-6) for some in parts.values())
    y, y_test = (questions.asked[part].labels.cpu() for part in ("train", "test"))
    layer, line = torch.nn.Linear(x.shape[1], len(photos.classes)), {}
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), 0.02, momentum=0.9)
    for step in range(1, length + 1):
        optimiser.zero_grad()
        F.cross_entropy(layer(x), y).backward()
        optimiser.step()
        if step in (1, 2, 5, 10, 20, 50, 100, 200):
            line[step] = (layer(x_test).argmax(1) == y_test).float().mean().item()
    return line


# %%
probe_lines = {name: probe_learning(*networks[name], rows[name]["linear"].stage) for name in ("rotation", "random")}
session.record("eval.little.early", probe_lines["rotation"][10], unit="fraction")
session.record("eval.little.random", probe_lines["random"][200], unit="fraction")
session.show(curves_by_threshold({name: list(line.values()) for name, line in probe_lines.items()}, list(probe_lines["random"]), "steps of the probe's training", "test accuracy (%)", logarithmic=True), rests_on=[],
             caption="A linear probe learns on frozen features of two networks, each at its best stage on the validation pictures.",
             alt=" ".join(f"{name}: " + ", ".join(f"step {step} {100 * value:.1f} %" for step, value in line.items()) + "." for name, line in probe_lines.items()))
overtaken = [step for step, value in probe_lines["rotation"].items() if value > probe_lines["random"][200]]
print("Of the steps that were looked at, rotation's probe first lies above where random's ends at", f"step {overtaken[0]}." if overtaken else "none.")
session.claim("eval.little_training")

# %% [markdown]
# **How long should one train?** The lecture's rule of thumb is to take a hard task. How much longer training of the same task helps is another question; the sweep answers it for relative position.

# %%
def trained_for(length):
    """The probe after so many steps of relative position."""
    make, _, how = made["relative_position"]
    backbone, task = make()
    session.fit(backbone, task, steps=length, **how)
    return questions.ask(task, backbone)["linear"].test


whole = made["relative_position"][1]
howlong = session.sweep("eval.howlong", trained_for, {"tenth": max(1, whole // 10), "whole": whole, "double": 2 * whole})

# %% [markdown]
# **Another backbone.** If the score on the task said what the features are worth, one could choose a network by its score. We looked for a pair of backbones that shows otherwise, on the validation pictures and with other seeds than those of the claim; one such pair is enough to refute a rule, and says nothing about how common such pairs are. (Both rows must hold for that. If the score is undecided, the pair shows only that networks which are equally good at the task can have unequal features.) Take two backbones for relative position: one of 16 channels whose *group normalisation* brings the numbers within each picture to one scale, and one of 32 whose *batch normalisation* does so over a batch, with running means that need some time to settle. We train both briefly. **Guess:** can the one that solves the task better have the worse features?

# %%
@functools.cache
def on_backbone(name, width):
    """A short training on another backbone: its test accuracy on the task, and the probe's, with more labels than above."""
    backbone = session.backbone("relative position", name=name, width=width)
    task = RelativePosition(backbone, session.rng("head"))
    session.fit(backbone, task, steps=session.budget(quick=250, classroom=2500), batch_size=16)
    probes = probe_stages(task, backbone, photos, session.rng("backbones"), session.budget(quick=3000), session.budget(quick=2000))
    return {"score": session.scores(backbone, task)["accuracy"], "probe": probes[best_stage(probes)].test}


pair = {"narrow": ("small_groupnorm", 16), "wide": ("small", 32)}
inversion = session.sweep("eval.backbones", lambda asked: on_backbone(*pair[asked[0]])[asked[1]],
                          {f"{which}_{what}": (which, what) for which in pair for what in ("score", "probe")})

# %% [markdown]
# **Bits.** The lecture measures how hard a task is by *the amount of information you are predicting*. The answer to one question carries $\log_2 K$ bits if there are $K$ answers, all equally likely. What the network has learnt of it is that, less what it still does not know (a network worse than guessing has learnt a negative number of bits). The lecture speaks of what is asked; we look at what is learnt, since what nobody learns can teach nothing:
#
# $$ \text{bits} = \log_2 K - \frac{L}{\ln 2}, $$
#
# where $L$ is the cross-entropy on test pictures, in natural logarithms.
#
# > **Exercise 4 · `bits_learnt`** (difficulty 2 of 5, importance 3 of 5, about four minutes.) `loss` is a mean cross-entropy in natural logarithms, `chance` is one over the number of answers. Return the bits.

# %%
def bits_learnt(loss, chance):
    """How many bits of an answer a network knows."""
    raise NotImplementedError  # your turn: replace this line


bits_learnt = exercise("evaluation.bits_learnt", bits_learnt)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def bits_learnt(loss, chance):
#     return -math.log2(chance) - loss / math.log(2)
# ```
# </details>

# %%
told = {}
for method in ("rotation", "relative_position", "jigsaw", "shuffle_and_learn"):
    if method in networks:
        task, backbone = networks[method]
        asked = films.test if method == "shuffle_and_learn" else questions.asked["test"]
        told[method] = bits_learnt(session.scores(backbone, task, asked)["loss"], task.chance)
session.show(
    scatter({method: (value, rows[method]["linear"].test) for method, value in told.items()}, "bits learnt per question", "linear probe (%)", (1.0, 100.0)),
    caption="What a network knows of its task's answers, and what its features are worth.", rests_on=["evaluation.bits_learnt"],
    alt="; ".join(f"{method}: {value:.2f} bits, probe {100 * rows[method]['linear'].test:.1f} %" for method, value in told.items()) + ".",
)
if len(told) == 4:
    ranks = [torch.tensor(list(values)).argsort().argsort().double() for values in (told.values(), (rows[method]["linear"].test for method in told))]
    session.record("eval.bits.correlation", torch.corrcoef(torch.stack(ranks))[0, 1])
    session.claim("eval.bits")

# %% [markdown]
# Four points are no law, and bits of different questions are not the same kind of knowledge: a bit about what is up is not a bit about which patch lies where.
#
# ## 8 · Doubt
#
# The networks are audited in their own notebooks. Here we doubt the *evaluation*. The commonest way to fool oneself takes no bad will. One has five stages and a dozen checkpoints; looks at the test score of each; and reports the best. "The" test score of "the" method is then the largest of sixty numbers, and the largest of sixty numbers is lucky.
#
# > **Exercise 5 · `honest_score`** (difficulty 1 of 5, importance 5 of 5, about three minutes.) `validation` and `test` are the scores of K candidates on the two splits, two Python lists. Return the one number that you may report: the test score of the candidate that does best on the validation split; of equals, the first.

# %%
def honest_score(validation, test):
    """The test score of the candidate that the validation split chooses."""
    raise NotImplementedError  # your turn: replace this line


honest_score = exercise("evaluation.honest_score", honest_score)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def honest_score(validation, test):
#     return test[validation.index(max(validation))]
# ```
# </details>
#
# How much does it matter here? In our table each entry chose its stage by the validation pictures. Let each choose by the test pictures instead, and see by how much the table improves, without a single network having changed.

# %%
inflated = []
for row in rows.values():
    for column in ("linear", "knn", "few_labels"):
        validation, test = zip(*[(probe.validation, probe.test) for probe in row[column].by_stage.values()])
        inflated.append(max(test) - honest_score(list(validation), list(test)))
session.record("eval.leak.stage", statistics.mean(inflated), chance=0, unit="fraction")
session.say("Chosen on the test pictures, an entry of three columns (linear, kNN, few labels) looks better by **{eval.leak.stage.points}** on average: a gift that no method has earned.")
session.claim("eval.leak.stage")

# %% [markdown]
# Five stages are not much to choose from. Take two hundred candidates that know nothing: probes whose weights are drawn at random. Score each on a hundred test pictures, and announce the best. **Guess** its score, with ten classes. And what will it score on other pictures?

# %%
features = extract(PretextTask().represent, networks["random"][1], questions.asked["test"], ["conv5"])["conv5"]
features, truth = (features - features.mean(0)) / features.std(0).clamp_min(1e-6), questions.asked["test"].labels.cpu()
candidates = torch.randn(200, features.shape[1], len(photos.classes), generator=session.rng("candidates"))
correct = ((features @ candidates).argmax(2) == truth).float()  # candidate x picture
looked_at = min(100, len(truth) // 2)  # the pictures that choose
seen, unseen = correct[:, :looked_at].mean(1), correct[:, looked_at:].mean(1)
session.record("eval.leak.told", seen.max(), chance=1 / len(photos.classes), unit="fraction")
session.record("eval.leak.true", unseen[seen.argmax()], chance=1 / len(photos.classes), unit="fraction")
session.show(dots_and_range({f"on the {looked_at} pictures": seen.tolist(), "on others": unseen.tolist()}, "accuracy (%)", int(seen.argmax())), rests_on=[],
             caption="Two hundred probes that know nothing; orange: the one that is announced. Who chooses the best on the pictures that it is reported on has found a number, not a method.",
             alt=f"On the pictures that choose: from {100 * seen.min():.0f} to {100 * seen.max():.0f} %. On others: from {100 * unseen.min():.0f} to {100 * unseen.max():.0f} %.")
session.say("Announced: **{eval.leak.told}**. On other pictures the same probe scores {eval.leak.true}; guessing gets {eval.leak.told.chance}.")
session.claim("eval.leak.pick")

# %% [markdown]
# That is why no function of this course that chooses anything is ever given the test labels, and why an automatic test replaces them by wrong ones: every choice must come out the same.
#
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** The numbers of this run:

# %%
session.say("A linear probe on the best pretext features: **{eval.best.linear}**; on random weights {eval.random.linear}; on those of a network with names **{eval.supervised.linear}**. "
            "Luck with the labels alone spans {eval.draws.spread.points}.")

# %% [markdown]
# Did one method win everywhere? Even one that leads almost every column had its reasons, and loses another. Ask not which method is the best, but which is the best *for something*. What should you do with that? Write down what your features must know and what they may forget, and choose the task that asks for the first and throws away the second. Then measure, with a random control, on pictures that have chosen nothing.
#
# **What could still fool us.** All our networks are small, and trained for minutes. A ranking of short trainings need not be the ranking of long ones. Our table compares methods at the steps that their notebooks could afford, and a step of one shows more patches than a step of another. And whoever reads the table often enough, and changes the methods after each reading, is choosing on its test pictures, too; only more slowly.
#
# **Where the lecture is loose.** *Mean average precision* is averaged over classes, not over tasks. *Grey is the mean of all colours* holds for squared distance only, and only where the colours balance (notebook 04). And self-supervised learning is not the same as unsupervised learning: it asks a question that has a right answer, and invents the answer itself (notebook 01).
#
# **Where this stands beside the papers.** Several tasks on one network, classification, detection and depth:

# %% tags=["published"]
session.published("evaluation")
lengths = [steps, *(length for _, length, _ in made.values())]
session.gap({
    "pictures": ("1.2 million of ImageNet", len(photos.train)), "the network": ("ResNet-101, and AlexNet in the other rows", "five convolutions"),
    "training": ("16.8 thousand GPU hours", f"{min(lengths)} to {max(lengths)} steps"), "labelled pictures for a probe": ("all of ImageNet", len(questions.asked["train"])),
    "how detection is asked": ("a whole detector, fine-tuned", "a linear map from frozen features to one box"),
}, "Doersch & Zisserman 2017")

# %% [markdown]
# **Check yourself.** Six questions; only the first try counts.

# %%
quiz = Quiz("evaluation", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Take the two methods whose rows look most different, and let them take turns: `pair = session.train("pair", *new("pair", Alternating, tasks=("rotation", "jigsaw")), steps=steps)`, and when it has ended, `questions.ask(pair.task, pair.backbone)`. Write down first which column should gain. Then notebook 09 asks for a task of your own.
