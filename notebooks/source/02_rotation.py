# ---
# jupyter:
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
# # Which way is up?
#
# > **The question.** Turn a photo, hide by how much, and ask a network. Nobody labels anything. Can it learn to see from that alone?
# >
# > **You will** do the task yourself, write the function that invents the labels, train a network on it, look for the ways in which it could cheat, and measure whether what it learnt is good for anything else.
# >
# > **Before you start:** Python and arrays. You should have heard what a convolutional network and a training step are; no more.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do the exercise |
# | 3 · Train | ✓ | ✓ |
# | 4 · Doubt: does it look at the picture? | look at the figure | ✓ |
# | 5 · Is it good for anything else? | ✓ | ✓ |
# | 6 · What we know now | ✓ | ✓ |
#
# Run the cells one after another with Shift + Enter. The next cell holds what you may change: the data set, for instance. `folder:PATH` takes your own photos.

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.evaluation.probes import best_stage, probe_stages
from course_lib.exercises import exercise
from course_lib.features import frozen
from course_lib.plots.images import image_row
from course_lib.plots.layers import bars_beside_chance, probe_curve
from course_lib.pretext import normalise
from course_lib.pretext.rotation import ANGLES, Rotation, rescaled_window, rotate
from course_lib.shortcuts import jpeg_audit, read_rotation_from_frequencies
from course_lib.start import start
from course_lib.widgets.game import Game

import torch

session = start("02_rotation", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset

# %% [markdown]
# ## 1 · Play
#
# Here is the task. Each picture has been turned anticlockwise by 0, 90, 180 or 270 degrees. Which is it?
#
# Guess all twelve before you read on, and watch yourself while you do. What do you look for?

# %%
puzzle = photos.test.subset(torch.randperm(len(photos.test), generator=session.rng("puzzle"))[:12])
turns = torch.randint(0, 4, (len(puzzle),), generator=session.rng("turns"))
turned = torch.stack([rotate(picture, k) for picture, k in zip(puzzle.images, turns.tolist())])

game = Game(turned, turns, [f"{angle}°" for angle in ANGLES],
            question="By how much was this picture turned anticlockwise?",
            alt="A picture that has been turned by an unknown number of quarter turns").show()

# %% [markdown]
# You did not measure angles. You found a thing that you know (a roof, a trunk, a face, a wheel), and you know how such things stand. To see that a tree lies on its side, you have to see a tree.
#
# That is the bet of this notebook. A network that must name the angle is never told what a tree is, but it might have to find out.
#
# **Before you train anything, commit yourself.** Guessing gets one picture in four. After a minute or so of training, how many in a hundred will the network get right on pictures it has never seen?

# %%
forecast = session.forecast("rot.pretext_accuracy", "On unseen pictures, what share of angles will the network name correctly?")

# %% [markdown]
# ## 2 · Invent the labels
#
# Every pretext task of this course has the same three lines: hide something, predict it from the rest, measure how far off the prediction was.
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# For rotation, what is hidden is a number from 0 to 3: the quarter turns. What is visible is the picture after turning. The label costs nothing, because we did the turning ourselves.
#
# > **Exercise 1 · `rotate`** (difficulty 1 of 5, importance 4 of 5, about three minutes.) Write the function that turns a batch of pictures. `images` has the shape N x C x S x S: N pictures, C colour channels, S rows, S columns. Return a new batch of the same shape, turned anticlockwise by `quarter_turns` times 90 degrees.
# >
# > Move pixels; do not invent any. A function that rotates by interpolation leaves faint traces in the corners, and a network reads those instead of the picture.

# %%
def rotate(images, quarter_turns):
    """Turn square images, N x C x S x S, anticlockwise by `quarter_turns` times 90 degrees."""
    raise NotImplementedError  # your turn: replace this line


rotate = exercise("rotation.rotate", rotate)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def rotate(images, quarter_turns):
#     return torch.rot90(images, quarter_turns, dims=(2, 3))
# ```
#
# Axis 2 holds the rows and axis 3 the columns. `rot90` exchanges the two and reverses one of them, once for each quarter turn. No pixel changes its value.
# </details>
#
# Now the whole task. Run the cell and read the shapes: eight pictures go in, thirty-two come out, because every picture stands in the batch at all four angles. That way no angle is rarer than another, and the network cannot win by preferring one.

# %%
def new_network():
    """A backbone with random weights, and the rotation task's head on top of it."""
    backbone = session.backbone("pretrained")
    return backbone, Rotation(backbone, session.rng("head"), rotate)


steps = session.budget(quick=600, classroom=5000, full=30000)
backbone, task = new_network()
task.to(session.device)
batch = photos.train.batch(range(8))
visible, hidden = task.hide(batch, session.rng("look", session.device))
prediction = task.predict(backbone, visible)
loss = task.loss(prediction, hidden)
print(f"pictures in: {tuple(batch.images.shape)}   visible: {tuple(visible.shape)}   prediction: {tuple(prediction.shape)}")
print(f"hidden: {hidden.tolist()}")
print(f"loss: {loss.item():.2f}   (guessing: ln 4 = {torch.tensor(4.).log():.2f})")

# %%
session.show(
    task.draw(photos.train.batch(range(3)), session.rng("draw")),
    caption="Three pictures, each at all four angles. The column is what the network must name; nobody had to label anything.",
    alt="A grid of three rows and four columns: each row shows one picture turned by 0, 90, 180 and 270 degrees.",
)

# %% [markdown]
# The loss is the cross-entropy. Write $p_k$ for the probability that the network gives to the true number of quarter turns of picture $k$, and $N$ for the number of pictures in the batch:
#
# $$\text{loss} = -\frac{1}{N} \sum_{k=1}^{N} \ln p_k$$
#
# A network that guesses gives each of the four angles a probability of one quarter, and $-\ln \frac{1}{4} = \ln 4$. The untrained network above stands near that, or does worse: it prefers some angle at random, and is confidently wrong.
#
# One trap sits in this line-up. Pictures are also shifted by a few pixels and mirrored, so that the network cannot learn them by heart. That must happen *before* the turn. A mirror image of a picture turned by 90 degrees is exactly a mirror image turned by 270; mirror afterwards, and half of the questions have two right answers.

# %% [markdown]
# ## 3 · Train
#
# The network is small: five stages of convolution, called conv1 to conv5, each seeing a larger part of the picture than the one before. On top sits one linear layer with four outputs.
#
# Start it and watch. The loss begins near guessing and falls. You can press Stop at any time; run the cell again and it continues where it was.

# %%
backbone, task = new_network()
run = session.train("rotation", backbone, task, steps=steps)

# %%
await run.finished()
accuracy = session.scores(backbone, task)["accuracy"]
session.record("rot.pretext_accuracy", accuracy, chance=0.25, unit="fraction")
session.say("On test pictures, each at all four angles, the network names **{rot.pretext_accuracy}** of the angles. "
            "Guessing names {rot.pretext_accuracy.chance}.")

# %% [markdown]
# Those pictures played no part in the training. Now the network plays the twelve puzzles that you played.

# %%
with frozen(backbone):
    answers = task.predict(backbone, normalise(game.items.to(session.device)))
game.let_play(answers)
said = [f"was {ANGLES[truth]}°\nsays {ANGLES[answer]}°" for truth, answer in zip(game.score.truth, answers.argmax(1).tolist())]
session.show(
    image_row(game.items[:8], said[:8]),
    caption="Eight of the puzzles, with the true angle and the network's answer. Where it errs, is there anything in the picture that says what is up?",
    alt="Eight turned pictures, each titled with the angle it was turned by and the angle the network names: "
    + "; ".join(words.replace("\n", ", ") for words in said[:8]),
)

# %%
session.claim("rot.learns")

# %% [markdown]
# What this shows: there is a signal in unlabelled pictures, and a small network picks it up in about a minute. What it does not show: that the network recognises anything. It could be reading something else.

# %% [markdown]
# ## 4 · Doubt: does it look at the picture?
#
# Most photos arrive as JPEG files. JPEG cuts a picture into squares of 8 by 8 pixels and stores each one roughly; the colours are stored more roughly still, in squares of 16 by 16. The squares start in the top left corner, and what is lost is lost in rows and columns that are counted from there. Turn the file afterwards, and the squares turn with it.
#
# So here is a way to cheat. A network could ignore the roof and the tree, find the traces of the compression, and read the angle off those.
#
# **How would you find out?** Build pictures in which the picture itself says nothing about up. Take any pictures and put each at a random orientation: shown one of them, turned once more, nobody could say by how much, since its own "up" is already scrambled. Then save one copy of each as JPEG in that orientation, and keep another copy as it is.
#
# | pictures | what anyone can find |
# |---|---|
# | turned | nothing: only guessing is left |
# | turned and saved | what the compression left, and nothing else |

# %%
audit_train = jpeg_audit(photos.train, session.rng("audit train"), size=session.budget(quick=1500, classroom=10000))
audit_test = jpeg_audit(photos.test, session.rng("audit test"), size=session.budget(quick=1000, classroom=10000))
pair = torch.cat([audit_test["turned"][:3], audit_test["turned and saved"][:3]])
session.show(
    image_row(pair, ["turned"] * 3 + ["and saved"] * 3),
    caption="Three pictures at random orientations, and the same three after a JPEG file. To the eye hardly anything has changed.",
    alt="Six small pictures: three turned at random, then the same three after JPEG compression, which look almost the same.",
)

# %% [markdown]
# Who shall look for the traces? Not a network that might be clever about pictures, but a reader who cannot see them at all. JPEG describes each square of 8 by 8 pixels by 64 frequencies, from flat to finely striped, and rounds each one. Our reader gets two numbers for every frequency, averaged over the whole picture: how strong it is, and how often it has been rounded away. No place, no shape, no colour. On those 128 numbers stands the simplest classifier there is, a linear one.
#
# If such a reader names the angle more often than one time in four, the leak is real, and any network may find it. Do you expect it to?

# %%
forecast_leak = session.forecast("rot.jpeg.saved", "After saving as JPEG, what share of angles will the blind reader name?", start=0.25)

# %% [markdown]
# The third row tries a cure: before it is turned, each saved picture is replaced by a random window of itself, stretched to full size. The squares no longer lie where they were.

# %%
saved_train, saved_test = audit_train["turned and saved"], audit_test["turned and saved"]


def stretched(pictures):
    return rescaled_window(pictures, session.rng("windows", pictures.device))


leaks = {
    "turned": read_rotation_from_frequencies(audit_train["turned"], audit_test["turned"]),
    "turned and saved": read_rotation_from_frequencies(saved_train, saved_test),
    "saved, then stretched": read_rotation_from_frequencies(stretched(saved_train), stretched(saved_test)),
}
for name, value in zip(("turned", "saved", "cured"), leaks.values()):
    session.record(f"rot.jpeg.{name}", value, chance=0.25, unit="fraction")

# %%
session.show(
    bars_beside_chance(leaks, chance=0.25, title="What compression alone tells about the angle"),
    caption="Rotation accuracy of the blind reader on held-out pictures whose own up is scrambled. What lies beyond the dotted line is read off the file, not off the picture.",
    alt="Horizontal bars of rotation accuracy: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in leaks.items()),
)
session.claim("rot.jpeg")
session.say("Turned only: {rot.jpeg.turned}. Turned and saved: **{rot.jpeg.saved}**. With the cure: {rot.jpeg.cured}. "
            "Guessing gives {rot.jpeg.turned.chance}.")

# %% [markdown]
# Compare the bars with the dotted line, and with each other. JPEG rounds fine detail along rows a little differently from fine detail along columns, so a quarter turn shows. A half turn exchanges neither, and that sets a limit to this reader.
#
# What this does not show: that the network of section 3 cheated. If your data set is the procedural world, its pictures have never been through JPEG, so there was nothing to read. If it is a folder of photos, each was saved the right way up, and its traces are there for the taking. Either way you now know what the cheat is worth, and how to take it away: hand `augment=rescaled_window` to `Rotation`, train again, and see what is left.

# %% [markdown]
# ## 5 · Is it good for anything else?
#
# Nobody needs a network that names angles. The question is whether, on the way, it learnt features that serve another task: here, naming what is in the picture.
#
# A **probe** answers that. Freeze the network: none of its numbers may change any more. Run pictures through it, and write down what comes out after some stage. On those numbers, and nothing else, train the simplest classifier there is: one linear layer, with a few thousand labelled pictures. If a straight line can separate the classes, the features have done the work.
#
# **What must we compare with?** A network that has learnt nothing is not useless. Random filters still respond to edges and colours, and a probe on them is far better than guessing. So every figure below stands beside the same probe on the same architecture with random weights. What pretraining added is the difference.
#
# At which stage do you expect the largest difference: early, in the middle, or at the end, right below the layer that names angles?

# %%
forecast_probe = session.forecast("rot.probe.best", "How many classes in a hundred does a linear probe name at its best stage?", start=0.4)

# %%
run = session.trained("rotation", new_network, steps=steps)
await run.finished()
sizes = {"train_size": session.budget(quick=3000, classroom=20000), "test_size": session.budget(quick=2000, classroom=10000)}
pretrained = probe_stages(run.task, run.backbone, photos, session.rng("probe"), **sizes)
random = probe_stages(run.task, session.backbone("random weights"), photos, session.rng("probe"), **sizes)

# %%
for stage in pretrained:
    session.record(f"rot.probe.{stage}", pretrained[stage].test, chance=1 / len(photos.classes), unit="fraction")
    session.record(f"rot.random.{stage}", random[stage].test, chance=1 / len(photos.classes), unit="fraction")
session.show(
    probe_curve({stage: probe.test for stage, probe in pretrained.items()},
                {stage: probe.test for stage, probe in random.items()}, chance=1 / len(photos.classes)),
    caption="Left: a linear probe after each stage, pretrained beside random weights. Right: the difference, which is what pretraining added. Look at the last stage.",
    alt="Probe accuracy by stage. Pretrained: " + ", ".join(f"{stage} {100 * probe.test:.1f} %" for stage, probe in pretrained.items())
    + ". Random weights: " + ", ".join(f"{stage} {100 * probe.test:.1f} %" for stage, probe in random.items()) + ".",
)

# %%
best, last = best_stage(pretrained), list(pretrained)[-1]
session.record("rot.probe.best", pretrained[best].test, chance=1 / len(photos.classes), unit="fraction")
session.record("rot.random.at_best", random[best].test, chance=1 / len(photos.classes), unit="fraction")
session.record("rot.gain.best", pretrained[best].test - random[best].test, chance=0, unit="fraction")
session.record("rot.gain.last", pretrained[last].test - random[last].test, chance=0, unit="fraction")
session.say(f"Best stage by the validation pictures: **{best}**, with " + "**{rot.probe.best}** on test pictures. Random weights "
            "reach {rot.random.at_best} there. The gain at the best stage is {rot.gain.best}, at the last one {rot.gain.last}.")
session.claim("rot.transfers")
session.claim("rot.layers")

# %% [markdown]
# Two things to notice. The gain is real: nobody labelled anything during the training, and yet a straight line now finds more. And the last stage is usually not the best one. It has specialised on the question that it was asked, and for *which way is up?* it may throw away what *what is it?* would need. When you use a pretrained network, try the stages below the top.
#
# One detail deserves your trust only because a machine checks it. "Frozen" means that every parameter *and* every running average of the normalisation layers is bit for bit the same before and after. The library compares them each time; a probe that quietly trains the network is the commonest published error of this field.

# %% [markdown]
# ## 6 · What we know now
#
# Here are your forecasts beside what came out. Being far off is worth more than being right: it shows where your picture of the network was wrong.

# %%
session.calibration()

# %% [markdown]
# **What we measured.** A network can name the angle of pictures that nobody labelled. What it learns on the way helps a probe that asks something else, most in the middle of the network. Compression leaves traces that name the angle too, and there is a cure.
#
# **What could still fool us.** We used one seed and one small network. One run can be lucky; `course claims 'rot.*'` repeats it over three seeds before it says *holds*. And where pictures have no up, such as cells under a microscope, there is nothing to learn.
#
# **Where this stands beside the paper.** The method is RotNet (Gidaris, Singh and Komodakis 2018, arXiv:1803.07728). Their network is far wider and was trained for about a hundred epochs; the next cell shows what they report for a probe on CIFAR-10. Ours differs in the network, the number of steps, the probe (theirs has hidden layers) and the number of labels, so compare the shapes of the curves, not their heights.

# %% tags=["published"]
session.published("rotation")

# %% [markdown]
# **Try it.** Put a zip file of your own photos, one folder a class, into `dataset` at the top (`folder:my-photos.zip`) and run everything again. Do photos taken from above still have an up?
