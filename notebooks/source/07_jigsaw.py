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
# # Nine tiles in disorder
#
# > **The question.** Cut a picture into nine tiles and shuffle them. To put them back, must a network know what the picture shows?
# >
# > **You will** solve puzzles by hand, write the functions that make them, train a network that solves them, and find out which of its tricks have nothing to do with looking.
# >
# > **Before you start:** Python and arrays, and notebook 02, where probes and claims are explained. Notebook 03 cuts patches in the same way and tells where its precautions come from.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do the three exercises |
# | 3 · Train | ✓ | ✓ |
# | 4 · Doubt: tricks | ✓ | ✓, and run the sweep |
# | 5 · How many permutations? | look at the figure | ✓, with its exercise |
# | 6 · One tower or nine? | read | ✓ |
# | 7 · Is it good for anything else? | ✓ | ✓ |
# | 8 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** One volunteer drags the puzzle at the front, the room helps. Then ask what helped: lines that run on, colours, or knowing what the thing is. The same three are what section 4 takes away, one precaution at a time; tick them off and on in front of the class.
#
# Section 5 has two sums that are worth doing on the board (how many bits an order carries). Section 7 compares with a network that was taught names on geometry, and loses a point there: a good place to speak of fair controls.
#
# Live: the number of permutations in section 5. Poll whether a thousand is harder than ten, and whether its features are better; they are two questions.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 6 | 7 |
# | 2 · Invent the labels | 4 | 26 |
# | 3 · Train | 7 | 8 |
# | 4 · Doubt: tricks | 9 | 13 |
# | 5 · How many permutations? | 5 | 14 |
# | 6 · One tower or nine? | 3 | 5 |
# | 7 · Is it good for anything else? | 6 | 10 |
# | 8 · What we know now | 4 | 6 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.evaluation.probes import best_stage, few_shot, probe_stages
from course_lib.evaluation.supervised import Supervised
from course_lib.evaluation.transfer import keypoints, normals
from course_lib.exercises import exercise
from course_lib.features import frozen
from course_lib.plots.images import drawable, image_row
from course_lib.plots.settings import in_words, setting_bars
from course_lib.pretext import patches
from course_lib.pretext.jigsaw import Jigsaw, compose
from course_lib.start import start
from course_lib.widgets.explorers import SettingsExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.puzzle import Puzzle
from course_lib.widgets.quiz import Quiz

# %%
import functools
import itertools
import math

import torch

session = start("07_jigsaw", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
grid = patches.grid_for(photos.size)  # how large tiles are, and how far apart, for pictures of this size
permutations = patches.permutations(24)  # those that can occur: 24 of the 362 880 there are
chance = 1 / len(permutations)

# %% [markdown]
# ## 1 · Play
#
# Six pictures, nine tiles each; a few pixels between the tiles are missing. Drag a tile onto another and they change places; or pick one with Enter, walk with the arrow keys, and put it down with Enter. When you think that the picture is whole, give your answer. The clock runs from the first tile that you touch.

# %%
order = torch.randperm(len(photos.test), generator=session.rng("puzzle"))
items = photos.test.batch(order[:6]).images.cpu()
maker = Jigsaw(session.backbone(), session.rng("head"), permutations)
tiles, hidden = maker.puzzles(items, session.rng("tiles"))
puzzle = Puzzle(tiles, permutations, hidden)
names = [f"permutation {k}" for k in range(len(permutations))]
game = Game(compose(tiles), hidden, names, "Put the tiles in order.",
            alt="Nine tiles of a picture in disorder", answer_widget=puzzle).show()

# %% [markdown]
# What did you go by? Perhaps by edges: a line that stops at a border goes on, a little further, in the next tile. Perhaps by colours: sky beside sky. And at some moment by the thing itself: this is a wheel, so it belongs below.
#
# The last is what we are after. The others are in the way.
#
# **Before you train anything, commit yourself.** The tiles were shuffled by one of 24 permutations, so that guessing is right one time in 24. How often will a network name the right one, on pictures that it has never seen? And how often if it sees *only the tile in the middle place*?

# %%
forecast = session.forecast("jig.pretext_accuracy", "Seeing all nine tiles, what share of puzzles will the network solve?", start=chance)
forecast_one = session.forecast("jig.one_tile", "And seeing only the tile in the middle place?", start=chance)

# %% [markdown]
# ## 2 · Invent the labels
#
# The three lines of every task in this course, once more:
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# What is visible is nine tiles in disorder. What is hidden is the number of the permutation that made the disorder.
#
# > **Exercise 1 · `cut_tiles`** (difficulty 3 of 5, importance 3 of 5, about eight minutes.) `images` has the shape `N x C x 3s x 3s`. Return nine tiles of each, row by row: `N x 9 x C x s x s`, in the same type. Tile 0 is the upper left one, tile 1 stands to its right, tile 3 below it. (Two loops pass the check.)

# %%
def cut_tiles(images):
    """Nine tiles of each picture, row by row: N x 9 x C x s x s."""
    raise NotImplementedError  # your turn: replace this line


cut_tiles = exercise("jigsaw.cut_tiles", cut_tiles)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def cut_tiles(images):
#     parts = images.unflatten(-1, (3, -1)).unflatten(-3, (3, -1))  # N x C x row x s x column x s
#     return parts.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
# ```
# </details>
#
# A permutation is written as nine numbers. Read it as *what lies where*: in 2, 0, 1, … the first place holds tile 2, the second tile 0, the third tile 1.
#
# > **Exercise 2 · `scramble`** (difficulty 3 of 5, importance 4 of 5, about six minutes.) `tiles` are N x 9 x C x s x s, `permutations` K x 9 and `index` N numbers from 0 to K - 1. Return the tiles, those of sample n in the order that permutation `index[n]` says: place k holds the tile whose number stands at place k of the permutation.

# %%
def scramble(tiles, index, permutations):
    """Each sample's tiles by its own permutation: N x 9 x C x s x s."""
    raise NotImplementedError  # your turn: replace this line


scramble = exercise("jigsaw.scramble", scramble)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def scramble(tiles, index, permutations):
#     samples = torch.arange(len(tiles), device=tiles.device)[:, None]  # N x 1
#     return tiles[samples, permutations[index]]                        # N x 9 tile numbers beside it
# ```
# </details>

# %%
side = photos.size // 3 * 3
whole = cut_tiles(items[:3, :, :side, :side])
drawn = torch.randint(0, len(permutations), (3,), generator=session.rng("scramble"))
session.show(
    image_row(torch.cat([compose(whole), compose(scramble(whole, drawn, permutations))]),
              ["in order"] * 3 + [f"permutation {k}" for k in drawn.tolist()], side=1.5),
    caption="Three pictures cut by your function, and put in disorder by your function.",
    alt="Three pictures as nine tiles in order, and the same in disorder.",
    rests_on=["jigsaw.cut_tiles", "jigsaw.scramble"],
)

# %% [markdown]
# Cut like this, the puzzle is easy for the wrong reason: lines run on from tile to tile. Notebook 03 met such tricks one by one. The library's `task.hide` cuts the tiles from a square of the picture, the **window**, and takes the same precautions:
#
# - a **gap** between tiles, and **jitter**: each tile moved by a few pixels at random, so that lines do not meet where they should;
# - **rescaling**: the window is a random part of the picture, stretched to full size. A file's compression then leaves no grid to read, and a tile cannot know its place in the picture;
# - **colours** subdued: the part that a lens moves is taken out, and two pictures of three are shown in grey, so that tiles are not sorted by colour alone;
# - **standardising**: each tile is brought to the same light and contrast, by itself.
#
# The last one is yours. Light and contrast change slowly over a picture; a network that sorts tiles by brightness has most of the order, and has seen nothing.
#
# > **Exercise 3 · `standardise`** (difficulty 2 of 5, importance 5 of 5, about six minutes.) `tiles` are floats, N x 9 x C x s x s. Shift and stretch each tile by one number each, so that all of its values, over channels and pixels together, have the mean 0 and the standard deviation 1. The standard deviation is over all of the tile's values (whether you divide by their number or by one less does not matter). A flat tile, which has no spread, becomes zeros. The type stays.

# %%
def standardise(tiles):
    """Each tile at mean 0 and spread 1 by itself, same shape."""
    raise NotImplementedError  # your turn: replace this line


standardise = exercise("jigsaw.standardise", standardise)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def standardise(tiles):
#     centred = tiles - tiles.mean((-3, -2, -1), keepdim=True)
#     spread = centred.square().mean((-3, -2, -1), keepdim=True).sqrt()
#     return centred / spread.clamp_min(1e-6)
# ```
# </details>

# %% [markdown]
# One **tower**, the backbone, looks at each tile alone. The head gets the nine lists of numbers side by side, in the order of the places, and gives a score to each of the 24 permutations. The loss is the cross-entropy.
#
# Because the tower never sees two tiles together, its nine lists serve for more than one puzzle: put them in another order, and the head has another question. We ask eight puzzles of every window, at next to no cost. So `visible` below has two parts: the scrambled tiles, and for each puzzle the order in which the head gets them, `places`.

# %%
SUBDUED = patches.projected_and_greyscaled  # the colours a lens moves taken out, two pictures of three in grey


def subdued(tiles, rng):
    """Colours subdued, then your function: what every network below is given, unless it says otherwise."""
    return standardise(SUBDUED(tiles, rng))


def new_network(sees="all"):
    """A backbone with random weights, and the task with its head on top of it."""
    backbone = session.backbone("jigsaw")
    return backbone, Jigsaw(backbone, session.rng("head"), permutations, colours=subdued, standardise=False, sees=sees)


backbone, task = new_network()
task.to(session.device)
(visible, places), answers = task.hide(photos.train.batch(range(4)), session.rng("look", session.device))
prediction = task.predict(backbone, (visible, places))
print(f"tiles: {tuple(visible.shape)}   puzzles of each window: {places.shape[1]}   prediction: {tuple(prediction.shape)}")
print(f"loss: {task.loss(prediction, answers).item():.2f}   (guessing: ln 24 = {math.log(24):.2f})")

# %%
session.show(
    task.draw(photos.train.batch(range(3)), session.rng("draw", session.device)),
    caption="Three pictures, their tiles as `hide` scrambles them, and what the network sees of these.",
    alt="Three rows: a picture, its nine tiles in disorder, and the same tiles in grey or pale colours.",
    rests_on=["jigsaw.standardise"],
)

# %% [markdown]
# The loss of a network with random weights is not that of guessing: its scores are unequal for no reason, sure and wrong.
#
# ## 3 · Train
#
# Watch the loss at the start. Guessing gives ln 24. Does it fall at once, or stay there for a while? What one tile says helps little before the others say something, too.

# %%
steps = session.budget(quick=450, classroom=5000, full=30000)
sweep_steps = session.budget(quick=400, classroom=5000, full=30000)  # for the experiments of many networks
asked = photos.test.subset(slice(session.budget(quick=1500, classroom=10000)))  # the pictures that networks are asked about
backbone, task = new_network()
run = session.train("jigsaw", backbone, task, steps=steps)

# %%
await run.finished()
session.record("jig.pretext_accuracy", session.scores(backbone, task, asked)["accuracy"], chance=chance, unit="fraction")
session.say("On test pictures the network solves **{jig.pretext_accuracy}** of the puzzles. Guessing solves {jig.pretext_accuracy.chance}.")

# %%
with frozen(backbone), frozen(task):
    said = task.name(backbone, tiles.to(session.device), session.rng("game", session.device))
game.let_play(said.cpu())
figure, description = puzzle.replay(said.argmax(1).tolist())
session.show(figure, caption="Your puzzles, as you and the network put them together. The contest is not quite fair: you could have chosen any order, the network chose among 24; and you saw all colours.",
             alt=description, rests_on=["jigsaw.standardise"])

# %% [markdown]
# What a score above guessing shows: something in the tiles tells how they lay. What it does not show: whether it takes more than one of them, and whether the network knows what they are parts of.
#
# ## 4 · Doubt: tricks
#
# Two tests. First, the **one-tile audit**: a new network of the same kind, trained as long, whose head gets the tile in the middle place and zeros for the others. What it knows, one tile tells alone. (Whoever knew for sure *which* tile lies in the middle would still have to guess among the permutations that put it there, and solve about a third.)
#
# Second, the puzzle **open**: without rescaling, with all colours, each tile in its own light. (Gap and jitter stay.) If that is much easier, then the ease came from what we took away.

# %%
alone = session.train("one_tile", *new_network(sees="one"), steps=steps)

# %%
def open_network():
    """The same network for tiles as they are: cut from the picture itself, in all colours, in their own light."""
    backbone = session.backbone("jigsaw")
    return backbone, Jigsaw(backbone, session.rng("head"), permutations, rescale=False, colours=None, standardise=False)


opened = session.train("open", *open_network(), steps=steps // 2)

# %%
await alone.finished()
await opened.finished()
run = session.trained("jigsaw", new_network, steps=steps)  # trained now if you skipped section 3
await run.finished()
solved = {"blocked": run, "one tile": alone, "open, half as long": opened}
solved = {name: session.scores(one.backbone, one.task, asked)["accuracy"] for name, one in solved.items()}
for name, value in zip(("jig.pretext_accuracy", "jig.one_tile", "jig.open"), solved.values()):
    session.record(name, value, chance=chance, unit="fraction")
panels = {"puzzles solved": solved}
session.show(
    setting_bars(panels, "blocked"),
    caption="Puzzles solved on test pictures. Blocked: with all precautions. One tile: the audit. Open: without precautions, trained for half as many steps.",
    alt=in_words(panels),
    rests_on=["jigsaw.standardise"],
)
for claim in ("learns", "blocked", "one_tile", "open"):
    session.claim(f"jig.{claim}")

# %% [markdown]
# How many puzzles does each precaution cost? Tick them on and off, and look at the same puzzle. Beside it stands what networks solved that had only that one (or all, or none), as far as it has been measured.

# %%
ways = {"as they are": None, "one channel": patches.colour_dropped, "grey, projected": SUBDUED}
settings = {"open": (False, "as they are", False), "rescaled": (True, "as they are", False), "dropped": (False, "one channel", False),
            "subdued": (False, "grey, projected", False), "standardised": (False, "as they are", True),
            "blocked": (True, "grey, projected", True)}


def look(rescale, colours, standardised):
    """One puzzle as a network with these precautions sees it, and what has been measured with them."""
    eyes = Jigsaw(session.backbone(), session.rng("head"), permutations, rescale=rescale, colours=ways[colours], standardise=standardised)
    seen = eyes.seen(eyes.puzzles(items[5:6], session.rng("precautions"))[0], session.rng("eyes"))
    shown = compose(drawable(seen))[0]
    known = session.known("jig.shortcut")
    panels = {"puzzles solved": {name: known.get(name) for name in settings}}
    name = next((name for name, chosen in settings.items() if chosen == (rescale, colours, standardised)), None)
    figure = setting_bars(panels, name, picture=shown)
    return figure, f"A puzzle with {name or 'a mixture of'} precautions. {in_words(panels)}"


precautions = SettingsExplorer(look, {"rescale": False, "colours": list(ways), "standardised": False},
                               caption="Left: the puzzle as the network sees it. Right: puzzles solved; orange: these precautions; a question mark: not measured.").show()

# %% [markdown]
# Why is the open puzzle easier? Perhaps because tiles tell of their neighbours; perhaps because each tile tells its own place. An open window nearly fills the picture, so it can hardly move. `open_one` below is the audit with one tile, for open tiles.
#
# And a **guess**, before you look: is the network that solves more puzzles the one with the better features? `probe_open` and `probe_blocked` say.

# %%
BLOCKED = {"count": 24, "rescale": True, "colours": SUBDUED, "standardise": True, "shared": True, "puzzles": 8, "sees": "all"}


@functools.cache
def trained_once(count, *values):  # the values of BLOCKED, in its order
    backbone = session.backbone("sweep")
    rest = dict(zip(list(BLOCKED)[1:], values))
    task = Jigsaw(backbone, session.rng("sweep head"), patches.permutations(count), **rest)
    session.fit(backbone, task, steps=sweep_steps)
    return backbone, task


def trained_with(**changes):
    """A network trained with all precautions but for these changes; each is trained once."""
    return trained_once(*(BLOCKED | changes).values())

# %%
def solves(**changes):
    return session.scores(*trained_with(**changes), asked)["accuracy"]


def probed(backbone, task):
    """The test accuracy of a linear probe at the best stage on the validation pictures."""
    found = probe_stages(task, backbone, photos, session.rng("sweep probe"), *[session.budget(quick=2000)] * 2)
    return found[best_stage(found)].test


def probes(**changes):
    return probed(*trained_with(**changes))

# %%
def options(name):
    rescale, colours, standardised = settings[name]
    return {"rescale": rescale, "colours": ways[colours], "standardise": standardised}


shortcut = session.sweep("jig.shortcut", lambda measure: measure(), {
    **{name: functools.partial(solves, **options(name)) for name in settings},
    "open_one": functools.partial(solves, **options("open"), sees="one"),
    "probe_open": functools.partial(probes, **options("open")), "probe_blocked": functools.partial(probes, **options("blocked")),
}, chance=chance)  # fmt: skip

# %% [markdown]
# ## 5 · How many permutations?
#
# Nine tiles have 362 880 orders. Why only 24? Because the head needs an output for each, and because among all of them each has others that are one swap away: if two differ by a swap of two sky tiles, nobody can tell them apart, and the network is punished for nothing. So one takes a few that differ in as many places as possible. The number of places in which two permutations differ is their **Hamming distance**.
#
# The paper chooses greedily. Start with one permutation. Then take, again and again, the one that is farthest from those already taken: its distance to the *nearest* of them is the largest.
#
# > **Exercise 4 · `farthest`** (difficulty 3 of 5, importance 3 of 5, about eight minutes.) `candidates` are M x 9, `chosen` k x 9. Return, as a whole number, which of the candidates has the largest distance to its nearest among the chosen; the first, if several are equal.

# %%
def farthest(candidates, chosen):
    """The number of the candidate whose nearest neighbour among the chosen is farthest away."""
    raise NotImplementedError  # your turn: replace this line


farthest = exercise("jigsaw.farthest", farthest)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def farthest(candidates, chosen):
#     distances = (candidates[:, None] != chosen).sum(2)  # M x k
#     return int(distances.amin(1).argmax())
# ```
# </details>

# %%
pool = torch.rand(5000, 9, generator=session.rng("pool")).argsort(1)  # candidates: random permutations
chosen = pool[:1]
while len(chosen) < 24:
    chosen = torch.cat([chosen, pool[farthest(pool, chosen)][None]])


def closest(some):
    """In how many places the two that are most alike differ; the distance to itself, on the diagonal, does not count."""
    return int(((some[:, None] != some).sum(2) + 9 * torch.eye(len(some), dtype=torch.int64)).min())


print(f"With your function, out of {len(pool)} candidates: 24 permutations that differ in {closest(chosen)} places or more.")
print(f"24 at random: {closest(pool[:24])} places or more.")

# %% [markdown]
# More permutations make a harder question. A right answer among $K$ carries $\log_2 K$ bits. A network's answers tell fewer: $\log_2 K - H$, where $H$ is its cross-entropy on test pictures, in bits. The **share of the bits told** is $1 - H / \log_2 K$: 0 for guessing, 1 for always right.
#
# **Guess first**, then move the slider. Which number of permutations gives the best probe: the one that is solved most often, the one with the largest share, or neither?

# %%
COUNTS = (10, 24, 100, 1000)


def by_number(permutations):
    """What has been measured with so many permutations."""
    known = session.known("jig.perms")
    panels = {title: {count: known.get(f"{name}_{count}") for count in COUNTS}
              for title, name in (("puzzles solved", "accuracy"), ("best probe", "probe"), ("share of the bits told", "share"))}
    far = patches.permutations(permutations)
    apart = min(int((far[k] != far[:k]).sum(1).min()) for k in range(1, len(far)))
    words = f"{permutations} permutations: {math.log2(permutations):.1f} bits an answer; any two differ in {apart} places or more."
    figure = setting_bars(panels, permutations)
    figure.suptitle(words, fontsize=10)
    return figure, f"{words} {in_words(panels)}"


number = SettingsExplorer(by_number, {"permutations": list(COUNTS)},
                          caption="Orange: this number of permutations; a question mark: not measured yet on this data or on the world.").show()

# %%
def bits(count):
    """The share of an answer's bits that the network tells, 0 for guessing."""
    backbone, task = trained_with(count=count)
    return 1 - session.scores(backbone, task, asked)["loss"] / math.log(count)


perms = session.sweep("jig.perms", lambda measure: measure(), {
    f"{name}_{count}": functools.partial(measure, count=count)
    for count in COUNTS for name, measure in (("accuracy", solves), ("share", bits), ("probe", probes))
})  # fmt: skip

# %% [markdown]
# Does it matter *which* permutations? `far` are the 24 that we have used all along. `near` are the 24 orders of the first four tiles, with the other five in place: any two differ in four places at most. What counts is the probe.

# %%
def near():
    backbone = session.backbone("sweep")
    four = torch.tensor([[*some, 4, 5, 6, 7, 8] for some in itertools.permutations(range(4))])
    task = Jigsaw(backbone, session.rng("sweep head"), four)
    session.fit(backbone, task, steps=sweep_steps)
    return probed(backbone, task)


distance = session.sweep("jig.hamming", lambda measure: measure(), {"far": probes, "near": near})

# %% [markdown]
# ## 6 · One tower or nine?
#
# Every place could have a tower of its own. Nine towers hold nine times as many numbers, and each sees a ninth of the tiles. Both variants below get one puzzle of each window, since a tower for one place sees other tiles in each puzzle. **Guess:** which solves more after equally many steps? And what do eight puzzles of each window bring, beside one? (That is `blocked` of section 4.)

# %%
shared = session.sweep("jig.shared", lambda shared: solves(shared=shared, puzzles=1), {"one": True, "nine": False}, chance=chance)

# %% [markdown]
# ## 7 · Is it good for anything else?
#
# The tower has seen single tiles. The probe of notebook 02 asks it about whole pictures. Beside it stand the same network with random weights, and one trained with labels for as many steps.

# %%
question = "For what share of pictures will a linear probe, at its best stage, name the right class?"
forecast_probe = session.forecast("jig.probe.best", question, start=1 / len(photos.classes))

# %%
def new_supervised():
    """A backbone with random weights, and a head that names the class."""
    backbone = session.backbone("supervised")
    return backbone, Supervised(backbone, len(photos.classes), session.rng("supervised head"))


labelled = session.train("supervised_for_jigsaw", *new_supervised(), steps=steps)

# %%
await labelled.finished()
run = session.trained("jigsaw", new_network, steps=steps)
await run.finished()
networks = {"jigsaw": (run.task, run.backbone), "random": (run.task, session.backbone("random control")),
            "supervised": (labelled.task, labelled.backbone)}
best = session.compare_probes("jig", *networks.values(), rests_on=["jigsaw.standardise"])
session.claim("jig.transfers")

# %% [markdown]
# A class is one question among many. The lecture says that for questions of geometry such features can beat those that were trained with class labels, which need not know how a thing stands or which way a surface faces. In the world we know both: the **surface normal** in each pixel, and the named **points** of every person. A linear map reads them off the features; for each network, at the stage that does best on the validation pictures. (With photos, nobody knows the truth, and this cell has nothing to show.)

# %%
def geometry(read):
    """What a linear map reads off each network's features, at its best stage on the validation pictures."""
    sizes = {"train_size": session.budget(quick=1000), "test_size": session.budget(quick=800)}
    found = {name: read(*network, photos, session.rng("geometry"), **sizes) for name, network in networks.items()}
    return {name: stages[best_stage(stages)].test for name, stages in found.items()}


if photos.name == "world":
    panels = {"normals: variance explained": geometry(normals), "points of persons found": geometry(keypoints)}
    for name, values in zip(("normals", "keypoints"), panels.values()):
        for network, value in values.items():
            session.record(f"jig.{name}.{network}", value, unit="fraction")
    session.show(setting_bars(panels, "jigsaw"), caption="Left: the share of the variance of surface normals that a linear map explains. Right: the share of a person's points that it puts within a tenth of the picture's side.",
                 alt=in_words(panels), rests_on=["jigsaw.standardise"])
    session.claim("jig.beats_supervised")
    session.claim("jig.beats_supervised.keypoints")

# %% [markdown]
# And where labels are rare? Hold back half of the classes, train on puzzles of the others, and give the probe five labels for each of the classes that the network has never seen.

# %%
held = list(range(len(photos.classes) // 2, len(photos.classes)))


def with_five_labels(pretrain):
    """Five labels a class, classes that the network has not seen: test accuracy of a probe."""
    backbone = session.backbone("sweep")
    task = Jigsaw(backbone, session.rng("sweep head"), permutations)
    if pretrain:
        session.fit(backbone, task, photos.train.subset(photos.train.labels < held[0]), steps=sweep_steps)
    return few_shot(task, backbone, photos, held, session.rng("few labels"))


fewshot = session.sweep("jig.fewshot", with_five_labels, {"pretrained": True, "random": False}, chance=1 / len(held))

# %% [markdown]
# ## 8 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** Must a network know what the picture shows? The numbers of this run:

# %%
session.say("Nine tiles solve **{jig.pretext_accuracy}** of the puzzles, one tile {jig.one_tile}, and open tiles **{jig.open}** in half the time: much of the open "
            "puzzle can be solved by something that our precautions take away. What is left teaches features with which a probe names "
            "**{jig.probe.best}** of the pictures, against {jig.random.at_best} with random weights.")

# %% [markdown]
# That is not yet knowing what the picture shows: it is knowing more than random weights do. What each precaution costs, and what the open network's features are worth, the sweep of section 4 says.
#
# **What could still fool us.** Tiles share what no precaution takes away: a texture, a blur, the direction of the light. A network may sort by these. The audit with one tile cannot show it, since it takes two tiles to compare.
#
# **Where the lecture is loose.** It says that one uses a subset of the permutations, a hundred, say. How many is one choice, *which* is another; the paper takes those that differ most. And a larger number is a harder question, which is not the same as better features: look for a trend in the last three rows of the table.
#
# **Where this stands beside the paper.** Three rows are transfer after fine-tuning on the data set PASCAL VOC; then come a linear classifier on the frozen stages of AlexNet on ImageNet, and, on a larger network, three numbers of permutations.

# %% tags=["published"]
session.published("jigsaw")
session.gap({
    "training pictures": ("1.3 million", len(photos.train)), "a tile's side, in pixels": ("64", grid.patch),
    "the gap between tiles, in pixels": ("up to 22, 11 on average", f"0 to {2 * grid.jitter}"),
    "permutations": ("1 000", len(permutations)), "puzzles of each window": ("1", task.questions),
    "channels of the widest stage": ("384 and more", max(session.backbone().widths.values())),
    "times that each picture was shown": ("about 70", round(steps * 32 / len(photos.train), 1)),
}, "Noroozi and Favaro 2016")

# %% [markdown]
# **Check yourself.** Seven questions; only the first try counts.

# %%
quiz = Quiz("jigsaw", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** In section 2, let `subdued` return `SUBDUED(tiles, rng)`, without your function, and run sections 3, 4 and 7 again. What does the network gain, and what do its features?
