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
# # The world behind the notebooks
#
# > **The question.** A network (a function with many numbers, adjusted until its answers fit) that learns from pictures without names may learn to see, or may find a cheap trick. How could we ever tell which, if we do not know what is in the pictures?
# >
# > **You will** walk through a world that a program draws, in which everything is known; change one thing and leave the rest; and test whether the world itself is too easy to mean anything.
# >
# > **Before you start:** Python and arrays. No more.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Scenes and their truth | ✓ | ✓ |
# | 3 · Train, and take the object away | look at the figure | ✓ |
# | 4 · Doubt: is the world too easy? | ✓ | ✓ |
# | 5 · Clips, sounds, cells | browse | ✓ |
# | 6 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** Let the room play section 1 by show of hands before anybody presses a key; it sets the tone of the course: first guess, then look. In section 2, ask somebody to choose a scene that a network will get wrong, and come back to it after section 3.
#
# The question that decides whether they trust what follows is *is this world too easy?* (section 4). Take the time for it, and say yourself what the world cannot show: there are ten shapes, and we made all of them. Section 5 can be skipped; each of its data sets is met again in the notebook that uses it.
#
# Live: the explorer of section 2. Bring it to night, rain or a plain wall from the panel, let them say what is hard there, and only then choose the layer of truth that you speak about.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 6 | 10 |
# | 2 · Scenes and their truth | 11 | 20 |
# | 3 · Train, and take the object away | 4 | 16 |
# | 4 · Doubt: is the world too easy? | 13 | 18 |
# | 5 · Clips, sounds, cells | 4 | 14 |
# | 6 · What we know now | 5 | 8 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # what section 4 looks at: world, cifar10, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.data import open_dataset
from course_lib.data.counterfactual import changed
from course_lib.data.sources.world import SEED
from course_lib.data.world import CLASSES, render
from course_lib.data.world.cells import render_cells
from course_lib.data.world.clips import ACTIONS, render_clips
from course_lib.data.world.sounds import INSTRUMENTS, render_sounds
from course_lib.evaluation.triviality import cheap
from course_lib.plots.images import image_grid, image_row
from course_lib.plots.layers import bars_beside_chance
from course_lib.plots.style import show_markdown
from course_lib.plots.truth import LAYERS, as_picture
from course_lib.pretext.rotation import ANGLES, Rotation, rotate_each
from course_lib.run import audit
from course_lib.start import start
from course_lib.widgets.gallery import SceneExplorer
from course_lib.widgets.player import Player
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz

# %%
import torch
from IPython.display import display

session = start("00_the_world", profile=profile, dataset=dataset, seed=seed, device=device)

# %% [markdown]
# You need not read the imports. One thing to know: `render` draws scenes by their numbers. Scene 7 is the same scene whoever asks for it, alone or among others, and at any size.
#
# ## 1 · Play
#
# Here are twelve scenes, each turned anticlockwise by 0, 90, 180 or 270 degrees. There is a catch: from each, the thing that it was about has been taken away.
#
# By how much was each turned? Watch yourself: what do you go by?

# %%
turns = torch.randint(0, 4, (12,), generator=session.rng("turns"))
emptied = render(SEED, range(100, 112), change="without object")["images"]
game = Game(rotate_each(emptied, turns), turns, [f"{angle}°" for angle in ANGLES],
            question="By how much was this picture turned anticlockwise?",
            alt="A scene without its main object, turned by an unknown number of quarter turns").show()

# %% [markdown]
# Where there was a sky, it was easy. Where there was only a wall, a floor or leaves, you could but guess. Keep that in mind: a network that names the angle may know about roofs and trees, or only about skies.

# %% [markdown]
# ## 2 · Scenes and their truth
#
# Now with their objects. The world has ten classes, told apart by shape alone: any of them may have any colour, stand anywhere, and be half hidden.

# %%
scenes = render(SEED, range(24))
session.show(
    image_grid(scenes["images"], columns=8),
    caption="Scenes 0 to 23. Most have no horizon: there, up is known from the objects alone.",
    alt="A grid of 24 rendered scenes: " + "; ".join(scenes["captions"][:8]) + "; and so on.",
)
print(", ".join(CLASSES))

# %% [markdown]
# A photo says nothing about itself. A rendered scene knows everything: which pixel belongs to what, how far away it is, which way its surface faces, where the joints are, and which colours could as well have been others.

# %%
chosen = (11, 13, 16)
known = render(SEED, chosen, size=128)
rows = torch.stack([as_picture(known, i, layer) for i in range(len(chosen)) for layer in LAYERS])
session.show(
    image_grid(rows, columns=len(LAYERS), titles=list(LAYERS)),
    caption="Three scenes and what is known about them. Depth: the nearer, the lighter. Ambiguity: grey is natural to the thing, blue could have been any hue, orange one of two.",
    alt="Three rows, one a scene; columns: " + ", ".join(LAYERS),
)

# %% [markdown]
# **Change one thing.** Because the program knows what it draws, it can draw the same scene again with one thing different. In statistics that is called a counterfactual, and no camera can take one.

# %%
versions = [None, "without object", "without sky", "without ground", "recoloured", "relit", "turned"]
one = torch.cat([render(SEED, [7], size=128, change=change)["images"] for change in versions])
session.show(
    image_row(one, ["as it is", *versions[1:]]),
    caption="One scene, seven times. Between the first picture and each of the others, one thing differs.",
    alt="The same scene as it is, then " + ", ".join(versions[1:]),
)

# %% [markdown]
# The explorer below does this for any scene. It also moves any *factor*, any of the numbers from which a scene is made. Find one that turns day into night, and one that makes the object lean.

# %%
explorer = SceneExplorer(SEED).show()

# %% [markdown]
# ## 3 · Train, and take the object away
#
# Now the question of the beginning can be answered by an experiment. Train a small network to name the angle (`02_rotation` explains how). Then show it scenes that it has never seen, as they are and without their objects.
#
# If it goes by objects, its accuracy must fall. If it goes by skies alone, it will hardly fall. Which do you expect after a short training?

# %%
forecast = session.forecast("world.rotation_without_object", "Without the object, what share of angles will it name?", start=0.25)

# %%
world = open_dataset("world", device=session.device)
backbone = session.backbone("rotation", image_size=world.size)
task = Rotation(backbone, session.rng("head"))
run = session.train("world", backbone, task, world.train, steps=session.budget(quick=100, classroom=3000))

# %%
await run.finished()
unseen = world.test.subset(slice(session.budget(quick=250, classroom=2000)))
names = {"world.rotation": None, "world.rotation_turned": "turned", "world.rotation_without_sky": "without sky",
         "world.rotation_without_object": "without object"}
accuracies = {}
for name, change in names.items():
    accuracy = session.scores(backbone, task, changed(unseen, change))["accuracy"]
    accuracies[change or "as it is"] = session.record(name, accuracy, chance=0.25, unit="fraction")

# %%
session.show(
    bars_beside_chance(accuracies, chance=0.25, title="What the network needs to know up"),
    caption="Rotation accuracy on the same unseen scenes, changed in one thing. Dotted: guessing.",
    alt="Horizontal bars of rotation accuracy: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in accuracies.items()),
)
session.claim("world.sky")
session.claim("world.object")

# %% [markdown]
# What a network finds first is the sky: where there is one, it settles the question. What the objects are worth shows only after a longer training; the table of section 4 says how much after 1500 steps.
#
# The bar of the turned object is the strangest test: the scene stands upright, the object in it does not, and the network is asked for the angle of the *scene*. Where it fails, it trusted the object.
#
# What this does not show: how a network trained on photos decides. Nobody can take the object out of a photo and leave the rest. That is what this world is for.

# %% [markdown]
# ## 4 · Doubt: is the world too easy?
#
# A drawn world could fool us in another way: it may be so simple that anything can tell its classes apart. Then no experiment in it means much. So we let readers try that learn nothing about pictures: one sees all pixels, one a thumbnail of four by four, one only which colours occur, one looks up the most similar training picture.
#
# Guessing is right one time in ten. Which of them will do best?

# %%
readers = {}
for name, what, value in cheap(session.dataset, seed, size=session.budget(quick=300, classroom=3000)):
    readers[what] = session.record(name, value, unit="fraction")
chance = 1 / len(session.dataset.classes)
session.show(
    bars_beside_chance(readers, chance=chance, title="What comes cheap"),
    caption="Accuracy of readers that learn no features, on held-out pictures; all but the last name the class. Dotted: guessing the class.",
    alt="Horizontal bars of accuracy: " + ", ".join(f"{what} {100 * value:.1f} %" for what, value in readers.items()),
)

# %% [markdown]
# Below, the same readers with more pictures to learn from, and with them what a network reaches: with few labels, with all of them, and on rotation. Look at the right column: each limit was set before anything was measured. And look at the photos: do the readers get further there, or less far?

# %%
show_markdown(audit.as_markdown(session.records))

# %% [markdown]
# A network that is trained on all labels does far better than any reader. So there is something in this world that must be learnt. And take the object away, and the network that names angles falls deep: it had learnt objects, not only skies.
#
# What this does not show: that the world is as rich as photos are. It is not. What holds here is a hint; the notebooks therefore repeat each claim on photos wherever they can.

# %% [markdown]
# ## 5 · Clips, sounds, cells
#
# Later notebooks need more than single pictures. Here is a figure that moves in eight ways or more; the task will be to tell whether frames are in order. In which of these strips could you tell?

# %%
moving = render_clips(SEED, range(4))
strips = moving["clips"][:, ::2].flatten(0, 1)
session.show(
    image_grid(strips, columns=8),
    caption="Four clips, every second frame: " + ", ".join(ACTIONS[label] for label in moving["labels"].tolist()) + ".",
    alt="Four rows of eight frames, each row a figure in motion.",
)
display(Player(f"This figure does: {ACTIONS[moving['labels'][0]]}.", moving["clips"][0], seconds=16 / 12.5))

# %% [markdown]
# And things that sound. One or two instruments are on screen; one of them is heard. The other may move all the same, so that watching for motion is not enough. Press play: which one is it?

# %%
sounding = render_sounds(SEED, range(3))
session.show(
    image_grid(sounding["clips"].flatten(0, 1), columns=8),
    caption="Three clips of eight frames; heard is: " + ", ".join(INSTRUMENTS[label] for label in sounding["labels"].tolist()) + ".",
    alt="Three rows of eight frames with one or two instruments each.",
)
for clip, sound in zip(sounding["clips"], sounding["sounds"]):
    display(Player("Which one sounds?", clip, sound))

# %% [markdown]
# Last, pictures that have no up at all: cells under a microscope. A network that is asked for their angle has nothing to go by, and what it learns from the question should be worth nothing.

# %%
cells = render_cells(SEED, range(16))
session.show(
    image_grid(cells["images"], columns=8),
    caption="Cells of six kinds, told apart by shape. Turn the page: nothing becomes wrong.",
    alt="Two rows of eight microscope pictures, each with one large cell in the middle.",
)

# %% [markdown]
# ## 6 · What we know now

# %%
session.calibration()

# %% [markdown]
# **What we measured.** What a network goes by when it names the angle of scenes: each bar of section 3 took one thing away, and its height says how much that thing was worth. A short training finds skies first; objects take longer. And we saw how far readers get that learn no features.
#
# **What could still fool us.** The world was made by us. Its ten shapes, its light and its skies are ours, and a network may lean on a habit of the renderer that nobody has thought of. That is why it comes with audits, and why photos get the last word.

# %% [markdown]
# **Check yourself.** Four questions. You may go on trying; only the first try counts.

# %%
quiz = Quiz("world", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** In the explorer, look for the scene that fools you most. Then put `folder:PATH` with your own photos into `dataset` at the top and run section 4 again: what comes cheap in your photos?
