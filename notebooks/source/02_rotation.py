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
# > **The question.** Turn a picture, hide by how much, and ask a network. Nobody labels anything. Can it learn to see from that alone?
# >
# > **You will** do the task yourself, write the function that invents the labels, train a network on it, look for the ways in which it could cheat, and measure whether what it learnt is good for anything else.
# >
# > **Before you start:** Python and arrays. You should have heard what a convolutional network and a training step are; no more.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do the three exercises |
# | 3 · Train | ✓ | ✓ |
# | 4 · Doubt: could the file give it away? | look at the figure | ✓, with its exercise |
# | 5 · Is it good for anything else? | ✓ | ✓, with its exercise |
# | 6 · Turn the knobs | read the tables | ✓ |
# | 7 · What does it look at? | browse | ✓ |
# | 8 · What we know now | ✓ | ✓ |
#
# Run the cells one after another with Shift + Enter. The next cell holds what you may change. The data set `world` is not photos: a program draws scenes, each with one object from ten classes, the same for everyone. `folder:PATH` takes photos of your own.

# %% [markdown] tags=["instructor"]
# **For who teaches.** Here probes and claims are explained, and everything later rests on them. Do not hurry section 5: let them say what a random network would score before they see it.
#
# Live: start the training of section 3, move the learning rate while it runs, then Stop and Continue; the curves keep what you did. The surprise is section 4. Ask for a bet on the bar of a blind reader before you scroll. A frequent mistake in the exercises is to turn the pictures and to forget the labels; the check names the case.
#
# Poll the four angles of a scene in section 7 before you take its ground away, and again afterwards: the room changes its mind where the network does, or it does not. Both are worth a minute.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 5 | 6 |
# | 2 · Invent the labels | 5 | 24 |
# | 3 · Train | 7 | 8 |
# | 4 · Doubt: could the file give the angle away? | 5 | 14 |
# | 5 · Is it good for anything else? | 9 | 16 |
# | 6 · Turn the knobs | 4 | 8 |
# | 7 · What does it look at? | 5 | 8 |
# | 8 · What we know now | 4 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.data import open_dataset
from course_lib.data.counterfactual import changed
from course_lib.data.sources.world import SEED
from course_lib.evaluation.probes import best_stage, probe_stages
from course_lib.evaluation.supervised import Supervised, few_labels
from course_lib.exercises import exercise
from course_lib.features import extract, frozen
from course_lib.plots.attention import attention, attention_rows, first_filters
from course_lib.plots.images import image_grid, image_row
from course_lib.plots.layers import bars_beside_chance, probe_curve
from course_lib.pretext import normalise
from course_lib.pretext.patches import rescaled_window
from course_lib.pretext.rotation import ANGLES, Rotation, rotate_by_eighths, rotate_each
from course_lib.shortcuts import jpeg_audit, read_rotation_from_frequencies
from course_lib.start import start
from course_lib.widgets.explorers import CounterfactualExplorer, NeighbourExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz
from course_lib.widgets.training_panel import Presets

# %%
import copy
import functools
import statistics

import torch

session = start("02_rotation", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset

# %% [markdown]
# You need not read the imports. What they gave you: `photos.train` and `photos.test`, pictures for training and pictures kept apart from it, as torch tensors (torch's arrays); and `session.rng("some words")`, a generator of random numbers that gives the same draws for the same words and seed.
#
# ## 1 · Play
#
# Here is the task. Each picture has been turned anticlockwise by 0, 90, 180 or 270 degrees. Which is it?
#
# Guess all twelve before you read on, and watch yourself while you do. What do you look for?

# %%
order = torch.randperm(len(photos.test), generator=session.rng("puzzle"))
puzzle = photos.test.subset(order[:12])
turns = torch.randint(0, 4, (len(puzzle),), generator=session.rng("turns"))
turned = rotate_each(puzzle.images, turns)

game = Game(turned, turns, [f"{angle}°" for angle in ANGLES],
            question="By how much was this picture turned anticlockwise?",
            alt="A picture that has been turned by an unknown number of quarter turns").show()

# %% [markdown]
# You did not measure angles. Where there was no sky to go by, you found a thing that you know (a roof, a trunk, a face, a wheel), and you know how such things stand. To see that a tree lies on its side, you have to see a tree.
#
# That is the bet of this notebook. A network that must name the angle is never told what a tree is, but it might have to find out.
#
# **Before you train anything, commit yourself.** Guessing gets one picture in four. After a short training, how many in a hundred will the network get right on pictures it has never seen?

# %%
forecast = session.forecast("rot.pretext_accuracy", "On unseen pictures, what share of angles will the network name correctly?")

# %% [markdown]
# ## 2 · Invent the labels
#
# A **pretext task** is one that we invent only so that a network learns from it. The **backbone** is the network that we want to teach: a stack of convolutions. The **head** is a small layer on top of it that answers this one task.
#
# Every pretext task of this course has the same three lines: hide something, predict it from the rest, measure how far off the prediction was. (`rng` is a generator of random numbers.)
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# For rotation, what is hidden is a number from 0 to 3: the quarter turns. What is visible is the picture after turning. The label costs nothing, because we did the turning ourselves.
#
# > **Exercise 1 · `rotate`** (difficulty 1 of 5, importance 4 of 5, about three minutes.) Write the function that turns a batch of pictures. `images` has the shape N x C x S x S: N pictures, C colour channels, S rows, S columns. `quarter_turns` is one whole number for the whole batch, 0 to 3. Return a new batch of the same shape, every picture turned anticlockwise by that many times 90 degrees.
# >
# > Torch differs a little from numpy: `images.transpose(a, b)` swaps two axes, `images.flip(a)` reverses one (`[::-1]` does not work), and `torch.rot90` is `np.rot90` with `dims` for `axes`.
# >
# > Move pixels; do not invent any. Turning by interpolation, which computes new pixels as averages of their neighbours, leaves faint traces, and a network reads those instead of the picture.

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
#     return torch.rot90(images, quarter_turns, dims=(-2, -1))
# ```
#
# The last two axes hold the rows and the columns. `rot90` exchanges the two and reverses one of them, once for each quarter turn. No pixel changes its value.
# </details>

# %% [markdown]
# One angle is not a lesson. Turn each picture only once, at random, and a batch may hold many upright pictures and few that lie on their side; a network can lower its loss a little by preferring the angle that came most often. So every picture enters the batch four times, once at each angle.
#
# **Before you write it:** two pictures go in, A and B. Write down the eight that come out, and below each its label. There is more than one order that works. What must be true of all of them?
#
# > **Exercise 2 · `build_batch`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `images` has the shape N x C x S x S. Return two tensors: the pictures, 4N x C x S x S, every image at all four angles, and the labels, 4N whole numbers from 0 to 3 (`torch.int64`, on the device of `images`): how many quarter turns each picture got. Turn with the `rotate` that is handed in.
# >
# > Any order will do, all images at one angle after another or all angles of one image after another, as long as each label stands where its picture stands. `torch.cat` puts tensors one behind the other; `torch.arange(4, device=…)` counts from 0 to 3; `numbers.repeat_interleave(n)` writes each number n times.

# %%
def build_batch(images, rotate):
    """All four rotations of N images: pictures 4N x C x S x S, labels 4N."""
    raise NotImplementedError  # your turn: replace this line


build_batch = exercise("rotation.build_batch", build_batch)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def build_batch(images, rotate):
#     pictures = torch.cat([rotate(images, turns) for turns in range(4)])
#     labels = torch.arange(4, device=images.device).repeat_interleave(len(images))
#     return pictures, labels
# ```
#
# The first N pictures are unturned, so the first N labels are 0; the next N are 1, and so on. `repeat_interleave(N)` writes each number N times before it goes on to the next. `repeat(N)` would write 0, 1, 2, 3, 0, 1, 2, 3: the right labels, beside the wrong pictures. Nothing would crash. The network would only never learn.
# </details>

# %% [markdown]
# Now the whole task. Run the cell and read the shapes: eight pictures go in, thirty-two come out, because every picture stands in the batch at all four angles. That way no angle is rarer than another, and the network cannot win by preferring one.

# %%
def new_network():
    """A backbone with random weights, and the rotation task's head on top of it."""
    backbone = session.backbone("rotation")  # the word only says which random weights
    return backbone, Rotation(backbone, session.rng("head"), rotate)


steps = session.budget(quick=400, classroom=5000, full=30000)  # as many as the profile at the top allows
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
    rests_on=["rotation.rotate"],
)

# %% [markdown]
# The head gives four numbers for each turned picture. The exponential of each, divided by the sum of the four, makes four probabilities (this is called softmax; the loss does it itself). Write $p_i$ for the probability that falls on the true number of quarter turns of turned picture $i$, and $M$ for the number of turned pictures. The loss is the cross-entropy:
#
# $$\text{loss} = -\frac{1}{M} \sum_{i=1}^{M} \ln p_i$$
#
# A network that guesses gives each of the four angles a probability of one quarter, and $-\ln \frac{1}{4} = \ln 4$. The untrained network above stands near that.

# %% [markdown]
# One trap sits in this line-up. During training half of the pictures are also mirrored, left and right exchanged, so that the network cannot learn them by heart. Here is a version of `hide` that does it. It runs, its shapes are right, its labels are the turns that were made. And a network trained on it stays clearly below what it could reach.
#
# Read it. Where is the mistake?

# %%
def broken_hide(images, rng):
    """All four rotations of every image, half of them mirrored, and the labels."""
    pictures, labels = build_batch(images, rotate)
    mirror = torch.randint(0, 2, (len(pictures), 1, 1, 1), generator=rng, device=images.device).bool()
    return torch.where(mirror, pictures.flip(-1), pictures), labels


photo = photos.train.images[:1]
one = rotate(photo, 1).flip(-1)      # label 1, then mirrored
other = rotate(photo.flip(-1), 3)    # mirrored, then label 3
print(f"The same picture: {torch.equal(one, other)}")

# %% [markdown]
# The two lines make the same picture, pixel for pixel, and give it two labels. `broken_hide` shows the network that picture and calls it 1. The mirrored photo, turned three times, is the same picture, and its label is 3. Nobody can be right about both.
#
# Which angles are safe from this, and which are not? Try it on paper with the letter R.
#
# > **Exercise 3 · mend `hide`** (difficulty 2 of 5, importance 5 of 5, about eight minutes.) Return pictures and labels as `build_batch` does, so that every picture, turned *back* by its label, is an image that was handed in or its mirror image, upright. Each image is mirrored half of the time, and `rng` decides: draw from it, and from nothing else. One draw an image: its four pictures come from the mirrored image or from the image as it was, and have the labels 0, 1, 2, 3, each once.

# %%
def hide(images, rng):
    """Each image mirrored half of the time, at all four angles: pictures 4N x C x S x S, labels 4N."""
    raise NotImplementedError  # your turn: replace this line


hide = exercise("rotation.find_flip_bug", hide)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def hide(images, rng):
#     mirror = torch.randint(0, 2, (len(images), 1, 1, 1), generator=rng, device=images.device).bool()
#     return build_batch(torch.where(mirror, images.flip(-1), images), rotate)
# ```
#
# Only the order has changed. A mirrored photo is still a photo that stands upright, so it may be turned and labelled like any other. Mirroring after the turn swaps 90 with 270 degrees; 0 and 180 stay what they are. That is why the broken version does not fail altogether: it is right about half of the pictures, and tosses a coin about the other half. Mistakes of this kind look like a network that is a little too small.
# </details>
#
# The library's `task.hide`, with which we train, keeps to the same order: shift and mirror first, then turn.

# %% [markdown]
# ## 3 · Train
#
# The network is small: five stages of convolution, called conv1 to conv5, each seeing a larger part of the picture than the one before. The last stage's output is averaged over the picture, and the head, one linear layer, turns that into four numbers.
#
# Leave the first choice as it is, start the training and watch. The loss begins near guessing and falls. Stop ends it after the current step, Continue goes on from there. (`await` in the cell after it waits until the training has ended or stops.)
#
# Later, come back and try another choice: what happens when every step is ten times as long? The earlier curve stays behind the new one. The slider under the curves changes the length of the steps while the network trains.

# %%
presets = Presets().show()

# %%
backbone, task = new_network()
run = session.train("rotation", backbone, task, steps=steps, **presets.options)

# %%
await run.finished()
accuracy = session.scores(backbone, task)["accuracy"]
session.record("rot.pretext_accuracy", accuracy, chance=0.25, unit="fraction")
session.say("On test pictures, each at all four angles, the network names **{rot.pretext_accuracy}** of the angles. "
            "Guessing names {rot.pretext_accuracy.chance}.")

# %% [markdown]
# Those pictures played no part in the training. Now the network plays the twelve puzzles that you played.

# %%
with frozen(backbone):  # it answers, and learns nothing from it
    answers = task.predict(backbone, normalise(game.items.to(session.device)))
game.let_play(answers)
figure, description = game.replay()
session.show(
    figure,
    caption="Eight of the puzzles, with the true angle and the network's answer. Where it errs, could you have told?",
    alt=description,
    rests_on=["rotation.rotate"],
)

# %% [markdown]
# A **claim** is a sentence that was written down before anything was measured, together with its test: a quantity A must beat a quantity B by a margin. Here is the first one. One run alone only agrees with it or does not. The *seed* fixes all random draws; typed in a terminal, `course claims` repeats the notebook with three of them before it gives a verdict.

# %%
session.claim("rot.learns")

# %% [markdown]
# What this shows: there is a signal in unlabelled pictures, and a small network picks it up in a short training. What it does not show: that the network recognises anything. It could be reading something else.

# %% [markdown]
# ## 4 · Doubt: could the file give the angle away?
#
# Most photos arrive as JPEG files. JPEG cuts a picture into squares of 8 by 8 pixels. Any such square is a sum of 64 fixed patterns, from flat to finely striped, some striped across and some down. The file says how much of each pattern is needed, *rounded*: small amounts become zero. And the rounding is not the same for both directions. Detail across is rounded a little differently from detail down.
#
# So here is a way to cheat. Turn a JPEG picture by a quarter, and the two directions change places. A network could ignore the roof and the tree, look at how fine detail has been rounded, and read something about the angle off that.
#
# **How would you find out?** Build pictures in which the picture itself says nothing about up. Take any pictures and *scramble* them: give each an orientation at random. Show one of them at any angle, and nobody could say what the angle is, since "up" is already lost. Then save one copy of each scrambled picture as JPEG, and keep another copy as it is.
#
# | pictures | what anyone can find in them |
# |---|---|
# | scrambled | nothing: only guessing is left |
# | scrambled and saved | what the compression left, and nothing else |
# | scrambled, saved and stretched | what survives a cure; see below |

# %% [markdown]
# The order of the two steps decides what the experiment can find.
#
# **Before you write it, guess.** Save first and scramble afterwards: would the blind reader of the next cells find a leak that is there? And if all pictures got *the same* random orientation, saved afterwards: could a reader who does look at pictures tell the angle again?
#
# > **Exercise 4 · `scramble_then_save`** (difficulty 3 of 5, importance 4 of 5, about eight minutes.) Turn each of the N `images` by its own number of quarter turns, drawn with `rng`, independently and with equal chances. Then hand the batch to `save`, a function that takes pictures N x C x S x S and returns them as they come back from the file, and return what it returns, in the same order. `rotate_each(images, quarter_turns)` turns image i by the i-th of N whole numbers.

# %%
def scramble_then_save(images, save, rng):
    """The images, each at a random orientation of its own, as they come back from `save`."""
    raise NotImplementedError  # your turn: replace this line


scramble_then_save = exercise("rotation.spot_the_leak", scramble_then_save)

# %% [markdown]
# <details><summary>A solution, and the answers to the two questions</summary>
#
# ```python
# def scramble_then_save(images, save, rng):
#     turns = torch.randint(0, 4, (len(images),), generator=rng)
#     return save(rotate_each(images, turns))
# ```
#
# Saved first, the trace lies in the file's original direction and is then scrambled together with the picture. The reader is asked for the turn that comes after, and the trace no longer says anything about it: the leak is there, and the experiment declares it absent. With one orientation for all, every tree leans the same way. Whoever looks at pictures learns that way in place of "up", names the angle well, and we would blame the file for what the picture told. The first mistake hides a leak, the second invents one.
# </details>

# %%
audit_train = jpeg_audit(photos.train, session.rng("audit train"), session.budget(quick=1500, classroom=10000), scramble_then_save=scramble_then_save)
audit_test = jpeg_audit(photos.test, session.rng("audit test"), session.budget(quick=1000, classroom=10000), scramble_then_save=scramble_then_save)
pair = torch.cat([audit_test["scrambled"][:3], audit_test["scrambled and saved"][:3]])
session.show(
    image_row(pair, ["scrambled"] * 3 + ["and saved"] * 3),
    caption="Three pictures at random orientations, and the same three after being saved as JPEG. To the eye hardly anything has changed.",
    alt="Six small pictures: three turned at random, then the same three after JPEG compression, which look almost the same.",
    rests_on=["rotation.spot_the_leak"],
)

# %% [markdown]
# Who shall look for the traces? Not a network that might be clever about pictures, but a reader who cannot see them at all. Our reader gets two numbers for each of the 64 patterns, over all squares of the picture: how much of the pattern there is on average, and in how many squares there is almost none. No place, no shape, no colour. On those 128 numbers stands the simplest classifier there is, a linear one. It is shown every picture at all four quarter turns, and must name the turn.
#
# If such a reader is right more often than one time in four, the leak is real, and any network may find it. Do you expect it to?

# %%
forecast_leak = session.forecast("rot.jpeg.saved", "After saving as JPEG, what share of angles will the blind reader name?", start=0.25)

# %% [markdown]
# A third test tries a cure: before it is turned, each saved picture is replaced by a random window of itself, stretched to full size. The squares are then no longer 8 by 8, and the rounding no longer fits them. (Stretching averages pixels too, but it comes before the turn and is the same for all four angles: its traces say nothing.)

# %%
saved_train, saved_test = audit_train["scrambled and saved"], audit_test["scrambled and saved"]


def stretched(pictures):
    return rescaled_window(pictures, session.rng("windows", pictures.device))


leaks = {
    "scrambled": read_rotation_from_frequencies(audit_train["scrambled"], audit_test["scrambled"]),
    "and saved": read_rotation_from_frequencies(saved_train, saved_test),
    "and stretched": read_rotation_from_frequencies(stretched(saved_train), stretched(saved_test)),
}
for name, value in zip(("turned", "saved", "cured"), leaks.values()):
    session.record(f"rot.jpeg.{name}", value, chance=0.25, unit="fraction")

# %%
session.show(
    bars_beside_chance(leaks, chance=0.25, title="What compression alone tells about the angle"),
    caption="Rotation accuracy of the blind reader on pictures that were kept apart. Dotted: guessing. The first bar shows how far luck alone moves it; what lies clearly beyond comes from the file.",
    alt="Horizontal bars of rotation accuracy: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in leaks.items()),
    rests_on=["rotation.spot_the_leak"],
)
session.claim("rot.jpeg")
session.say("Scrambled only: {rot.jpeg.turned}. Scrambled and saved: **{rot.jpeg.saved}**. Stretched as well: {rot.jpeg.cured}. "
            "Guessing gives {rot.jpeg.turned.chance}.")

# %% [markdown]
# Compare the bars with the dotted line, and with each other. A quarter turn makes the two directions change places; a half turn does not, so this reader cannot tell 0 from 180, or 90 from 270. At best it is right one time in two. Compare the third bar with the first: what is left between them, the cure has not removed.
#
# What this does not show: that the network of section 3 cheated. The pictures of the procedural world have never been through JPEG, so there was nothing to read. A folder of photos may carry such traces; shrinking a large photo removes much of them. To see whether they matter, change one line of `new_network` to `Rotation(backbone, session.rng("head"), rotate, augment=rescaled_window)`, run everything from there again, and compare the accuracy.
#
# A second cheap cue is in the picture itself: light sky above, ground below. A network can use it without knowing any object, and this section does not test that.

# %% [markdown]
# ## 5 · Is it good for anything else?
#
# Nobody needs a network that names angles. The question is whether, on the way, it learnt features that serve another task: here, naming what is in the picture.
#
# A **probe** answers that. Freeze the network: none of its numbers may change any more. Run pictures through it, and write down what comes out after some stage. Each channel is averaged over the cells of a grid, which gives one list of numbers a picture, about equally long for every stage: a coarse grid where there are many channels, a finer one where there are few. On those lists, and nothing else, train the simplest classifier there is: a linear one, which gives each class a weighted sum of the numbers. A few thousand labelled pictures do. If that can tell the classes apart, the features have done the work.
#
# Three separate sets keep this honest: training pictures fit the probe, validation pictures choose its settings and the stage that gains most, test pictures give the figure.

# %% [markdown]
# *Freeze the network* is easily said. Most networks hold layers of BatchNorm, which rescale their numbers by averages kept from training. In training mode these averages move with every batch that passes, even where no gradient flows and no weight is trained. A probe that overlooks this trains the network a little with every picture it measures, and then reports what it has done as what was there.
#
# **Before you write it:** name three things about a network that a careless measurement could leave changed.
#
# > **Exercise 5 · `probe_features`** (difficulty 3 of 5, importance 5 of 5, about eight minutes.) `images` are normalised pictures, N x C x H x W. `backbone(images)` returns the last stage's map, N x D x h x w. Return its average over h and w, N x D, without a gradient attached. Under `with torch.no_grad():` no gradient is recorded. Measure in evaluation mode (`backbone.eval()`), so that no picture's features depend on its neighbours in the batch. Afterwards everything must be as you found it: parameters, averages, and the mode, whichever it was (`backbone.training` tells; `backbone.train(mode)` sets it).

# %%
def probe_features(backbone, images):
    """The last stage's features, averaged over the map: N x D. The network stays as it is."""
    raise NotImplementedError  # your turn: replace this line


probe_features = exercise("rotation.freeze_and_probe", probe_features)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def probe_features(backbone, images):
#     training = backbone.training
#     backbone.eval()
#     with torch.no_grad():
#         features = backbone(images).mean((2, 3))
#     backbone.train(training)
#     return features
# ```
#
# Three things could have changed: the averages, the mode, and whether gradients are recorded. `torch.no_grad()` alone saves none of the averages; `backbone.eval()` alone saves no memory and leaves the mode behind. Setting `requires_grad` to False would freeze the network, and it would stay frozen when you train it next.
# </details>
#
# The library does the same for every stage, and on top of it compares every stored number before and after, bit for bit; it stops if one has changed. Try your function on the untrained network:

# %%
backbone = session.backbone("rotation").to(session.device)
features = probe_features(backbone, normalise(photos.test.images[:8].to(session.device)))
print(f"eight pictures in: {tuple(features.shape)} numbers out; the first picture's first five: "
      f"{[round(number, 2) for number in features[0, :5].tolist()]}")

# %% [markdown]
# **What must we compare with?** A network that has learnt nothing is not useless. Random filters still respond to edges and colours, and a probe on them does better than guessing. So every figure below stands beside the same probe on the same architecture with random weights. What pretraining added is the difference.
#
# A second network shows the other end: the same architecture in a similar, short training, with the labels that we have so far left alone. It is not a rival, and no upper limit: its steps are fewer and smaller. And it has seen the labels of the pictures on which its probe is fitted, though not those on which it is tested.
#
# At which stage do you expect rotation to add most: early, in the middle, or at the end, right below the layer that names angles? And the labels? State your forecast first; the cell after it starts this second training, and the next waits for both networks.

# %%
print(f"{len(photos.classes)} classes: {', '.join(photos.classes[:20])}. Guessing is right one time in {len(photos.classes)}.")
question = "For what share of pictures will a linear probe, at the stage that gains most, name the right class?"
forecast_probe = session.forecast("rot.probe.best", question, start=1 / len(photos.classes))

# %%
def new_supervised():
    """A backbone with random weights, and a head that names the class."""
    backbone = session.backbone("supervised")
    return backbone, Supervised(backbone, len(photos.classes), session.rng("supervised head"))


labelled = session.train("supervised", *new_supervised(), steps=session.budget(quick=300, classroom=3000, full=20000))

# %%
await labelled.finished()
run = session.trained("rotation", new_network, steps=steps)  # the network of section 3; trained now if you skipped it
await run.finished()
sizes = {"train_size": session.budget(quick=2000, classroom=20000), "test_size": session.budget(quick=1500, classroom=10000)}
pretrained = probe_stages(run.task, run.backbone, photos, session.rng("probe"), **sizes)
untrained = probe_stages(run.task, session.backbone("random control"), photos, session.rng("probe"), **sizes)
supervised = probe_stages(labelled.task, labelled.backbone, photos, session.rng("probe"), **sizes)

# %%
curves = {"probe": pretrained, "random": untrained, "supervised": supervised}
for name, probes in curves.items():
    for stage, probe in probes.items():
        session.record(f"rot.{name}.{stage}", probe.test, chance=1 / len(photos.classes), unit="fraction")
heights = {name: {stage: probe.test for stage, probe in probes.items()} for name, probes in curves.items()}
session.show(
    probe_curve(heights["probe"], heights["random"], 1 / len(photos.classes), heights["supervised"]),
    caption="Left: a linear probe after each stage of three networks. Right: the difference from random weights in percentage points, which is what training added. At which stage is it largest? Dotted: guessing.",
    alt="Probe accuracy by stage. " + " ".join(f"{name}: " + ", ".join(f"{stage} {100 * height:.1f} %" for stage, height in line.items()) + "."
                                              for name, line in heights.items()),
    rests_on=["rotation.rotate"],
)

# %%
best, last = best_stage(pretrained, untrained), list(pretrained)[-1]
session.record("rot.probe.best", pretrained[best].test, chance=1 / len(photos.classes), unit="fraction")
session.record("rot.random.at_best", untrained[best].test, chance=1 / len(photos.classes), unit="fraction")
session.record("rot.gain.best", pretrained[best].test - untrained[best].test, chance=0, unit="fraction")
session.record("rot.gain.last", pretrained[last].test - untrained[last].test, chance=0, unit="fraction")
gains = [supervised[stage].test - untrained[stage].test for stage in supervised]
session.record("rot.supervised.gain.last", gains[-1], chance=0, unit="fraction")
session.record("rot.supervised.gain.before", max(gains[:-1]), chance=0, unit="fraction")
session.say(f"Pretraining adds most, by the validation pictures, at **{best}**: there the probe names " + "**{rot.probe.best}** of the test pictures. "
            "Random weights reach {rot.random.at_best}. The gain there is {rot.gain.best}, at the last stage {rot.gain.last}.")
session.claim("rot.transfers")
session.claim("rot.layers")
session.claim("rot.layers.supervised")

# %% [markdown]
# Nobody labelled anything while the network learnt rotation. Where the gain is above zero by more than luck, it is what the network learnt by the way.
#
# Why look at every stage? The last one stands right below the layer that names angles. It may specialise on *which way is up?* and throw away what *what is it?* would need. The box `rot.layers` says whether this run agrees; where the best stage is the last one, it does not. If specialising is the reason, then a network trained on the probe's own question should gain most at its last stage: that is `rot.layers.supervised`. Agreement fits the explanation and does not prove it, because the two networks differ in more than the question. You cannot know beforehand which stage serves you, so try several.

# %% [markdown]
# ## 6 · Turn the knobs
#
# We have made choices without a word: four angles, so many steps, a probe on frozen features. Does it matter? Each question below takes several networks, more than you want to wait for. So each cell shows first what came out when the course measured it, where it has been measured, and a button with which you measure it yourself. Guess before you look.
#
# A verdict compares A and B over three seeds. It *holds* when the smallest A beats the largest B by the margin, is *reversed* when B so beats A, and is *undecided* otherwise: the seeds scatter too much, or the difference is smaller than the margin.
#
# Two functions serve all of the questions. The first trains a small network on the angles that it is given (`functools.cache` keeps what it returns, so that no network is trained twice); every network sees the same number of turned pictures a step. With fewer angles those come from more photos: the comparison mixes the two. The second asks a probe at every stage and takes the stage that does best on the validation pictures. (Section 5 took the one that *gains* most. Here trained networks are compared with one another.)

# %%
long = session.budget(quick=400, classroom=2000)


@functools.cache
def pretrain(turns=(0, 1, 2, 3), steps=long, rotate=rotate, data=None):
    """A network that has learnt to tell these turns apart."""
    photos = open_dataset(data) if data else session.dataset
    backbone = session.backbone("sweep", image_size=photos.size)
    task = Rotation(backbone, session.rng("sweep head"), rotate, turns=turns)
    session.fit(backbone, task, photos.train, steps=steps, batch_size=128 // len(turns))
    return task, backbone


def probed(task, backbone, photos=photos):
    """What the best stage's probe names of the test pictures."""
    probes = probe_stages(task, backbone, photos, session.rng("sweep probe"), *[session.budget(quick=2000)] * 2)
    return probes[best_stage(probes)].test


# %% [markdown]
# **How many angles?** Upright against upside down is a task, too (`half`). So is 90 against 270 degrees (`sides`). Or take eight angles, 45 degrees apart. That cannot be done by moving pixels, and interpolation leaves traces. So that no angle betrays itself by them, all eight are turned by a further 22.5 degrees (22.5, 67.5, 112.5 and so on), and only the disc inside the picture is shown. Every second of them, 90 degrees apart, makes `four_tilted`, with which `eight` must be compared. The RotNet paper, which section 8 names, finds four best, with eight half a point behind.

# %%
count = session.sweep("rot.count", lambda choice: probed(*pretrain(**choice)), {
    "four": {}, "half": {"turns": (0, 2)}, "sides": {"turns": (1, 3)},
    "four_tilted": {"turns": (0, 2, 4, 6), "rotate": rotate_by_eighths},
    "eight": {"turns": tuple(range(8)), "rotate": rotate_by_eighths},
}, chance=1 / len(photos.classes))  # fmt: skip

# %% [markdown]
# **How long?** Trained for longer, a network usually names more angles. Do its features serve the probe better as well? `short` is a quarter of the steps of `long`. (`middle`, a half, is in no claim; you see it when you run the cell.)

# %%
during = session.sweep("rot.during", lambda choice: probed(*pretrain(**choice)),
                       {"short": {"steps": long // 4}, "middle": {"steps": long // 2}, "long": {}}, chance=1 / len(photos.classes))

# %% [markdown]
# **How many labels?** A probe keeps the network frozen. Whoever has a task to solve will rather *fine-tune*: take the pretrained network as the start, and train all of it on the labels there are. Against it stands the same network trained on the same labels from random weights (`scratch`). `few` is twenty labels a class, `many` four hundred. *Which* twenty is luck, so each figure is the mean over five draws. With which do you expect the pretrained network to lead by more? Compare the differences of A and B in the two rows; no verdict tests that.

# %%
def named(labels_per_class, pretrained):
    """Test accuracy after training all of the network with labels: the mean over five draws of the labels."""
    accuracies = []
    for draw in range(5):
        backbone = copy.deepcopy(pretrain()[1]) if pretrained else session.backbone("sweep")
        task = Supervised(backbone, len(photos.classes), session.rng("few head"))
        few = few_labels(photos.train, labels_per_class, session.rng(f"few labels, draw {draw}"))
        session.fit(backbone, task, few, steps=session.budget(quick=300, classroom=2000), learning_rate=1e-3)
        accuracies.append(session.scores(backbone, task)["accuracy"])
    return statistics.mean(accuracies)


few = session.sweep("rot.fewlabels", lambda choice: named(*choice), {
    "scratch_few": (20, False), "pretrained_few": (20, True), "scratch_many": (400, False), "pretrained_many": (400, True),
}, chance=1 / len(photos.classes))  # fmt: skip

# %% [markdown]
# **And where there is no up?** Cells under a microscope lie as they fall. `world:cells` draws such pictures, with classes to probe for. If the answer to *which way is up?* is nowhere in the picture, what can a network learn from being asked? `accuracy` is how many angles it names; `gain` is the size of the difference between its probe and that of random weights, without the sign, each at its own best stage.

# %%
def without_up(question):
    """On pictures of cells: the share of angles named, or how far training moves the probe."""
    cells = open_dataset("world:cells")
    task, backbone = pretrain(data="world:cells")
    if question == "accuracy":
        return session.scores(backbone, task, cells.test)["accuracy"]
    return abs(probed(task, backbone, cells) - probed(task, session.backbone("sweep", image_size=cells.size), cells))


noup = session.sweep("rot.noup", without_up, {"accuracy": "accuracy", "gain": "gain"})

# %% [markdown]
# Look at the verdicts again. Where one is *undecided*, three seeds on networks this small cannot say which choice is better, and neither can you after one run. Half a point in a paper's table may be of that kind; whoever reports it should say over how many seeds.

# %% [markdown]
# ## 7 · What does it look at?
#
# An accuracy says how often the network is right, not why. Here are four ways of looking inside.
#
# **Its first filters.** The first stage slides small patterns over the picture and notes where each fits. The figure shows random patterns above, then those of the network trained on rotation, then those trained with labels. At the start all are noise; patterns that react to an edge or to a contrast of colours have a light and a dark side.

# %%
run = session.trained("rotation", new_network, steps=steps)
await run.finished()
networks = {"random weights": session.backbone("random control"), "rotation": run.backbone}
labelled = session.trained("supervised", new_supervised, steps=session.budget(quick=300, classroom=3000, full=20000))
await labelled.finished()
networks["with labels"] = labelled.backbone
session.show(
    image_grid(torch.cat([first_filters(network) for network in networks.values()]), columns=16, side=0.5),
    caption="The sixteen filters of conv1, as colour pictures; grey is zero. From above: random weights, trained on rotation, trained with labels.",
    alt="Three rows of sixteen tiny colour pictures: the first filters of three networks.",
    rests_on=["rotation.rotate"],
)

# %% [markdown]
# **Where.** After a stage, each place of the picture has a list of numbers. Square them and add them up: the sum is large where the network answers strongly. Before you run the cell: on which pictures should the three networks differ most?

# %%
queries, bank = photos.test.subset(slice(8)), photos.test.subset(slice(8, 8 + session.budget(quick=1000, classroom=5000)))
maps = {}
for name, network in networks.items():
    with frozen(network):
        maps[name] = attention(network.stages(normalise(queries.images.to(session.device)))["conv4"], photos.size)
session.show(
    attention_rows(queries.images, maps),
    caption="Eight test pictures, and where conv4 answers strongly (bright). Random weights follow edges and contrast, wherever they are. Do the trained networks pick things out?",
    alt="Four rows of eight: the pictures, then the attention of random weights, of the network trained on rotation, of the one trained with labels.",
    rests_on=["rotation.rotate"],
)

# %% [markdown]
# **What it finds alike.** Two pictures are near each other when their features point the same way. Click a query, and see which pictures lie nearest to it. Random weights tend to find the same colours and the same layout. What does the network go by that learnt rotation? And the one that saw labels?

# %%
features = {
    name: tuple(extract(run.task.represent, network, part, ["conv4"])["conv4"] for part in (queries, bank))
    for name, network in networks.items()
}
neighbours = NeighbourExplorer(queries.images, bank.images, features, [photos.classes[label] for label in bank.labels]).show()

# %% [markdown]
# **What it needs.** In a photo we can only guess which part made the network decide. In the world that a program draws we can take a part away and ask again. Choose a scene, change one thing, turn the picture, and watch the four answers. (With photos, this cell and the next have nothing to show.)

# %%
def says(images):
    with frozen(run.backbone):
        return run.task.predict(run.backbone, normalise(images.to(session.device))).softmax(1)


if photos.name == "world":
    why = CounterfactualExplorer(says, [f"{angle}°" for angle in ANGLES], SEED, range(10_000, 10_030)).show()

# %% [markdown]
# One scene is an anecdote. Here are several hundred that the network has never seen, each as it is and with one thing erased. Scenes without a sky or a ground of their own stay as they are in those two rows.

# %%
if photos.name == "world":
    unseen, erased = photos.test.subset(slice(session.budget(quick=250, classroom=2000))), {}
    for change in (None, "without sky", "without ground", "without object"):
        accuracy = session.scores(run.backbone, run.task, changed(unseen, change))["accuracy"]
        name = (change or "as it is").replace(" ", "_")
        erased[change or "as it is"] = session.record(f"rot.why.{name}", accuracy, chance=0.25, unit="fraction")
    session.show(
        bars_beside_chance(erased, chance=0.25, title="What the network goes by"),
        caption="Rotation accuracy on the same unseen scenes, with one thing erased. The lower a bar, the more that thing was worth. Dotted: guessing.",
        alt="Horizontal bars of rotation accuracy: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in erased.items()),
        rests_on=["rotation.rotate"],
    )

# %% [markdown]
# How much of that is luck, with these few scenes? The sweep asks about two thousand, as they are and without their object.

# %%
def on_many(change):
    """The network's accuracy on two thousand unseen scenes, with one thing erased."""
    return session.scores(run.backbone, run.task, changed(photos.test.subset(slice(2000)), change))["accuracy"]


if photos.name == "world":
    many = session.sweep("rot.erased", on_many, {"nothing": None, "object": "without object"}, chance=0.25)

# %% [markdown]
# What this shows: how much of the answer hangs on each part, in this world. What it does not show: that the network knows what the object *is*. A dark patch above a light one might do; the probe of section 5 speaks about that.

# %% [markdown]
# ## 8 · What we know now
#
# Here are your forecasts beside what came out. Being far off is worth more than being right: it shows where your picture of the network was wrong.

# %%
session.calibration()

# %% [markdown]
# **What we measured.** A network can name the angle of pictures that nobody labelled. Whether what it learns on the way helps a probe that asks something else, and at which stages, the figure of section 5 shows. Compression leaves traces that give part of the angle away, and stretching weakens them.
#
# **What could still fool us.** We used one seed and one small network. One run can be lucky; `course claims 'rot.*'` repeats it over three seeds before it says *holds*. And where pictures have no up, such as cells under a microscope, the last table of section 6 says what is left.
#
# **Where this stands beside the paper.** The method is RotNet (Gidaris, Singh and Komodakis 2018, arXiv:1803.07728). The first four rows of the next table, read from top to bottom, are the paper's curve over stages, which it calls blocks (MLP: a classifier with hidden layers). There the last block is the weakest. Is it in yours? In the other rows a convolutional classifier stands on the features; NIN is the name of the whole network, trained with labels. The table after it says what lies between their figures and ours. So compare shapes, not heights.

# %% tags=["published"]
session.published("rotation")
session.gap({
    "training pictures": ("50 000", len(photos.train)), "their side, in pixels": ("32", photos.size),
    "times that each was shown": ("about 100", round(steps * 32 / len(photos.train), 1)),
    "channels of the widest stage": ("192", max(session.backbone().widths.values())),
    "labelled pictures for the probe": ("50 000", session.budget(quick=2000, classroom=20000)),
    "the probe": ("three layers, or convolutions", "one linear layer"),
}, "RotNet (section 4.1)")

# %% [markdown]
# **Check yourself.** Seven questions on what this notebook did. You may go on trying; only the first try counts.

# %%
quiz = Quiz("rotation", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Put a zip file of your own photos, one folder a class, into `dataset` at the top (`folder:my-photos.zip`) and run everything again. Do photos taken from above still have an up?
