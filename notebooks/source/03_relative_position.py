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
# # Where does this patch belong?
#
# > **The question.** Cut two patches from a picture and ask on which side of the first the second lay. To answer, must a network know what the picture shows?
# >
# > **You will** do the task yourself, write the functions that cut the patches, train a network, and then play detective: one patch alone should not be able to answer. If it can, something in the file or in the lens has given its place away, and you will find out what.
# >
# > **Before you start:** Python and arrays, and notebook 02, where probes and claims are explained.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do the two exercises |
# | 3 · Train | ✓ | ✓ |
# | 4 · Doubt: one patch alone | ✓ | ✓ |
# | 5 · The file: a detective story | look at the figure | ✓, with its exercise |
# | 6 · The lens | look at the figures | ✓, with its exercise |
# | 7 · Is it good for anything else? | ✓ | ✓ |
# | 8 · What does it find alike? | browse | ✓ |
# | 9 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** A detective story: do not give the culprit away. After section 4 (one patch alone should know nothing) show the photos' figure in section 5 and let the class propose causes; each can be tried within a minute, by one more line in the cell of the four experiments. Aligning to eight pixels, then to sixteen, is the turn.
#
# The world's own pictures have no such trace. To show it live, set `dataset` to a folder of JPEG photos before the lesson and run section 5 once, so that its cache is there. Section 8 shows a claim of the lecture that does not hold; ask what would have to be measured to defend it.
#
# Live: the training of section 3 and, right after it, that of section 4 with the forecast of the room beside it. The rehearsed curves show in one move what a learning rate that is too large looks like, while the live one runs.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 5 | 5 |
# | 2 · Invent the labels | 4 | 22 |
# | 3 · Train | 6 | 6 |
# | 4 · Doubt: one patch alone | 5 | 7 |
# | 5 · The file: a detective story | 6 | 12 |
# | 6 · The lens | 6 | 14 |
# | 7 · Is it good for anything else? | 6 | 9 |
# | 8 · What does it find alike? | 3 | 8 |
# | 9 · What we know now | 3 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.data.camera import chromatic_aberration, jpeg
from course_lib.data.counterfactual import changed
from course_lib.evaluation.neighbours import nearest, part_patches
from course_lib.evaluation.probes import best_stage, probe_stages
from course_lib.evaluation.supervised import Supervised
from course_lib.exercises import exercise
from course_lib.features import extract, frozen
from course_lib.plots.images import drawable, image_row
from course_lib.plots.layers import bars_beside_chance
from course_lib.plots.patches import layouts, marked_patches, question_pictures
from course_lib.plots.settings import in_words, setting_bars
from course_lib.pretext import normalise, pooled
from course_lib.pretext.patches import brightness, grid_for, projected, projected_and_greyscaled
from course_lib.pretext.relative_position import ANCHOR, DIRECTIONS, OF_THE_MIDDLE, QUERIES, RelativePosition
from course_lib.shortcuts import AbsolutePosition, leaking, read_place_from_profiles
from course_lib.start import start
from course_lib.widgets.explorers import NeighbourExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz

# %%
import functools

import torch
from skimage.data import astronaut  # a photograph that comes with the library scikit-image

session = start("03_relative_position", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
grid = grid_for(photos.size)  # how large patches are, and how far apart, for pictures of this size
chance = 1 / len(DIRECTIONS)

# %% [markdown]
# ## 1 · Play
#
# On the left, a patch in the middle of an empty board. On the right, a second patch from the same picture. It lay on one of the eight free cells. On which?

# %%
order = torch.randperm(len(photos.test), generator=session.rng("puzzle"))
puzzle = photos.test.batch(order[:12])
directions = torch.randint(0, 8, (12,), generator=session.rng("directions"))
windows = RelativePosition(session.backbone(), session.rng("head"), colours=None).cut(puzzle.images.cpu(), session.rng("windows"))

queries = windows[torch.arange(12), torch.tensor(QUERIES)[directions]]
board = [*DIRECTIONS[:4], None, *DIRECTIONS[4:]]  # None: the middle, where the first patch lies
game = Game(question_pictures(windows[:, ANCHOR], queries), directions, board, columns=3,
            question="Where did the patch on the right lie, seen from the one on the board?",
            alt="A board of nine cells with a patch in the middle, and a second patch beside the board").show()

# %% [markdown]
# What did you go by? Sometimes a line or a colour. At best you saw what the first patch *is*: an ear, a wheel, a corner of a roof. Then you knew what is above an ear and what is below a wheel.
#
# That is the bet. Whoever can say where parts lie has to know the parts.
#
# **Before you train anything, commit yourself.** Guessing is right one time in eight. How often will a network be right, on pictures it has never seen? And how often would it be right if it saw *only the second patch*?

# %%
forecast = session.forecast("rp.pretext_accuracy", "Seeing both patches, what share of directions will the network name?", start=chance)
forecast_alone = session.forecast("rp.query_only", "And seeing only the second patch?", start=chance)

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
# What is visible is a **window** of three by three patches. A question is about two neighbours in it: the **anchor**, and the **query** beside it. What is hidden is the direction from one to the other. In the game the anchor is the patch in the middle, which has eight neighbours; whenever a network is scored, it gets these eight questions, each direction once.
#
# In training we ask more. Every patch has neighbours, so every patch can be an anchor. A window of nine patches then answers 32 questions, each direction four times, and the network has to look at each patch only once. The paper shares patches between questions, too.
#
# First, cut. A loop over pictures and patches would do, and would take longer than the network itself. Torch can take all patches of all pictures by one indexing call.
#
# > **Exercise 1 · `cut_patches`** (difficulty 3 of 5, importance 4 of 5, about eight minutes.) `images` has the shape N x C x H x W. `top` and `left`, N x P whole numbers, say in which row and which column of image n its patch p begins. Return the patches, N x P x C x size x size, in the type of `images`, on their device. A loop with two slices passes the check.
# >
# > For the quick way, an example: with `rows = torch.tensor([[0], [1]])` and `columns = torch.tensor([[5, 6]])`, `picture[rows, columns]` is the 2 x 2 piece of rows 0 and 1 and columns 5 and 6. Shapes with an axis of length 1 stretch. `images[samples, :, rows, columns]` does it for a batch; the channels then come last, and `movedim` puts them where they belong.

# %%
def cut_patches(images, top, left, size):
    """Patches of size x size pixels: N x P x C x size x size."""
    raise NotImplementedError  # your turn: replace this line


cut_patches = exercise("relative_position.cut_patches", cut_patches)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def cut_patches(images, top, left, size):
#     step = torch.arange(size, device=images.device)
#     samples = torch.arange(len(images), device=images.device)[:, None, None, None]  # N x 1 x 1 x 1
#     rows = (top[..., None] + step)[..., None]                                       # N x P x size x 1
#     columns = (left[..., None] + step)[..., None, :]                                # N x P x 1 x size
#     return images[samples, :, rows, columns].movedim(-1, 2)
# ```
#
# The three shapes stretch to N x P x size x size. Indexing asks for the pixel at each of these places and hands back all its channels at the end.
# </details>

# %% [markdown]
# Where should the window lie? Always in the middle of the picture, say. **Before you read on:** what could a network then answer without ever looking at the anchor?
#
# If the window never moves, the cell above left of the anchor is always the same corner of the *picture*. Relative position is then absolute position, and one patch of sky says "above". So the window lies anywhere, at random.
#
# > **Exercise 2 · `random_window`** (difficulty 3 of 5, importance 4 of 5, about eight minutes.) Say where `count` windows lie, one in each of as many pictures of `height` x `width` pixels. A window has nine patches of `patch` x `patch` pixels, and neighbours begin `stride` pixels apart. Draw with `rng` how far down and how far across it begins, each by itself; all places at which the window fits are equally likely. Return the upper edges of the nine patches, row by row, and their left edges: two tensors of `torch.int64`, count x 9 each, on the device of `rng`. A window in the corner, with a stride of 6, has the upper edges 0 0 0 6 6 6 12 12 12 and the left edges 0 6 12 0 6 12 0 6 12.

# %%
def random_window(count, height, width, patch, stride, rng):
    """Upper and left edges of nine patches, row by row: int64, count x 9 each."""
    raise NotImplementedError  # your turn: replace this line


random_window = exercise("relative_position.random_window", random_window)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def random_window(count, height, width, patch, stride, rng):
#     span = 2 * stride + patch  # from the first patch's edge to the last one's end
#     down = torch.randint(0, height - span + 1, (count, 1), generator=rng, device=rng.device)
#     across = torch.randint(0, width - span + 1, (count, 1), generator=rng, device=rng.device)
#     cells = torch.arange(9, device=rng.device)
#     return down + cells // 3 * stride, across + cells % 3 * stride
# ```
#
# The `+ 1` counts the places: a window as large as the picture has one.
# </details>

# %%
few = photos.test.images[order[:3]].cpu()
top, left = random_window(3, photos.size, photos.size, grid.patch, grid.stride, session.rng("your window"))
nine = cut_patches(few, top, left, grid.patch)
session.show(
    image_row(nine[0], [*DIRECTIONS[:4], "anchor", *DIRECTIONS[4:]], side=1.05),
    caption="A window of nine patches, cut by your functions. Between neighbours a few pixels are missing.",
    alt="Nine small patches of one picture in a row, each titled with its direction from the anchor.",
    rests_on=["relative_position.cut_patches", "relative_position.random_window"],
)

# %% [markdown]
# The library's `task.hide`, with which we train, cuts as you do and takes five precautions. Each is there because a network found a way around looking at things:
#
# - a **gap** between the patches, so that a line does not run on from one into the next;
# - **jitter**: each patch is moved by a few pixels at random, so that lines do not meet where the grid says they should (now and then two patches touch);
# - **rescaling**: the window is cut from a random part of the picture, stretched to full size. Section 5 is about the reason;
# - **colours**: a part of every colour is taken out, because a lens never focuses all colours at quite the same size (section 6 measures it); and two windows of three are shown in grey, so that blue alone does not say "above";
# - **standardising**: each patch is brought to the same brightness and contrast, so that it does not matter which half of the picture lies in the sun.

# %%
def new_network(sees="pair"):
    """A backbone with random weights, and the task with its head on top of it."""
    backbone = session.backbone("relative position")
    return backbone, RelativePosition(backbone, session.rng("head"), sees=sees)


asked = photos.test.subset(slice(session.budget(quick=1500, classroom=10000)))  # the pictures that networks are asked about
steps, windows_a_step = session.budget(quick=450, classroom=5000, full=30000), session.budget(quick=32, classroom=64)
backbone, task = new_network()
task.to(session.device)
batch = photos.train.batch(range(4))
visible, hidden = task.hide(batch, session.rng("look", session.device))
prediction = task.predict(backbone, visible)
print(f"pictures in: {tuple(batch.images.shape)}   visible: {tuple(visible[0].shape)}   prediction: {tuple(prediction.shape)}")
print(f"hidden, for one window: {hidden[:32].tolist()}")
print(f"loss: {task.loss(prediction, hidden).item():.2f}   (guessing: ln 8 = {torch.tensor(8.).log():.2f})")

# %% [markdown]
# Four windows of nine patches go in, and 32 answers about each come out. The figure shows what the network is given.

# %%
session.show(
    task.draw(photos.train.batch(range(4)), session.rng("draw", session.device)),
    caption="Four windows as the network sees them: without the part of the colours that a lens moves, some in grey, each patch stretched to the same contrast.",
    alt="Four rows of nine patches in pale colours or in grey: the anchor, then the eight queries by direction.",
    rests_on=[],
)

# %% [markdown]
# One **tower**, the backbone, turns each patch into a list of numbers, and never sees two patches together. The head gets two such lists, the anchor's and a query's, side by side, and gives a score to each of eight directions. The loss is the cross-entropy of notebook 02, now over eight answers. So whatever the head compares, the tower must have put into its list for one patch alone.
#
# ## 3 · Train
#
# Watch the loss at the start. Does it fall at once, as it did for rotation? The head can only compare what the tower has begun to say, and the tower does not know yet what the head will need.

# %%
backbone, task = new_network()
run = session.train("relative_position", backbone, task, steps=steps, batch_size=windows_a_step)

# %%
await run.finished()
accuracy = session.scores(backbone, task, asked)["accuracy"]
session.record("rp.pretext_accuracy", accuracy, chance=chance, unit="fraction")
session.say("On test pictures the network names **{rp.pretext_accuracy}** of the directions. Guessing names {rp.pretext_accuracy.chance}.")

# %%
with frozen(backbone), frozen(task):
    seen = task.seen(windows.to(session.device), session.rng("game", session.device))
    answers = task.predict(backbone, (seen, OF_THE_MIDDLE[:, :2])).unflatten(0, (-1, 8))  # windows x queries x answers
game.let_play(answers[torch.arange(12), directions])
figure, description = game.replay()
session.show(figure, caption="Eight of the puzzles that you played, with the true direction and the network's answer. The contest is not quite fair: you saw all colours, it did not.",
             alt=description, rests_on=[])

# %% [markdown]
# What the figure above guessing would show: something in the patches tells how they lay. What it would not show: that the network *compared* them.
#
# ## 4 · Doubt: one patch alone
#
# A direction is counted from the anchor. Without the anchor, what is left to go by? Composition: sky lies above, ground below, things in the middle, even in a window at random. That is fair, and it is little. If one patch alone answers nearly as well as two, the network has not learnt to compare.
#
# So we train the same network again, for as many steps, with zeros in place of the anchor's list of numbers. This one trains on the eight questions about the middle alone, to make it as strong as we can: there, whoever knows a patch's place in the window knows its direction.

# %%
alone, alone_task = new_network(sees="query")
run_alone = session.train("query_only", alone, alone_task, steps=steps, batch_size=windows_a_step)

# %%
await run_alone.finished()
run = session.trained("relative_position", new_network, steps=steps, batch_size=windows_a_step)  # trained now if you skipped section 3
await run.finished()
both = session.scores(run.backbone, run.task, asked)["accuracy"]
one = session.scores(alone, alone_task, asked)["accuracy"]
session.record("rp.pretext_accuracy", both, chance=chance, unit="fraction")
session.record("rp.query_only", one, chance=chance, unit="fraction")
session.show(
    bars_beside_chance({"both patches": both, "the second alone": one}, chance=chance, title="What the anchor is worth"),
    caption="Directions named on test pictures. What lies between the bars is what comparing brings; what lies between the lower bar and the dotted line, one patch tells alone.",
    alt=f"Two bars: both patches {100 * both:.1f} %, the second patch alone {100 * one:.1f} %; guessing 12.5 %.",
    rests_on=[],
)
session.claim("rp.learns")
session.claim("rp.blocked")

# %% [markdown]
# Keep the lower bar in mind. It is what one patch tells with all five precautions in place; call that **blocked**. Were they needed? Take them away, and see.
#
# ## 5 · The file: a detective story
#
# Here is the case. Suppose that, with a window in the middle of every picture and without the precautions, somebody who sees one patch names its direction far too often. Composition explains a part of it: skies lie above. What would explain the rest?
#
# **Who looks?** As in notebook 02, a reader who is blind to what a patch shows. It gets one kind of number: how large, on average, the steps are from each column of pixels to the next, and from each row to the next; once for brightness, and once each for how much bluer and how much redder than grey the pixels are. No shapes, no places. On those numbers stands a linear classifier that must name the direction.
#
# We give it pictures as they are, and pictures that have been saved as JPEG files. The world's pictures have never been in a file. Photos may have: those of a folder keep the traces if they were small enough not to be shrunk when they were opened.
#
# Think as a detective: what could make some steps larger than others, always at the same places?

# %%
suspects = photos.train.images[: session.budget(quick=1500)], photos.test.images[: session.budget(quick=1000)]
saved = tuple(jpeg(images) for images in suspects)  # written to JPEG files and read back
files = saved if photos.name == "world" else suspects  # the world has never been in a file; photos have


def reader(images, grid, **options):
    return read_place_from_profiles(*images, grid, session.rng("reader"), **options)


fixed = functools.partial(grid_for, photos.size, patch=min(grid.patch * 7 // 9, 16), jitter=0, random_origin=False)
small = fixed()  # a window in the middle, nothing moved at random; patches small enough for every 16 pixels one
session.record("rp.grid.as_is", reader(suspects, small), chance=chance, unit="fraction")
session.record("rp.grid.saved", reader(saved, small), chance=chance, unit="fraction")
session.say("The blind reader names **{rp.grid.as_is}** of the directions on these pictures as they are, and **{rp.grid.saved}** when they "
            "have been saved as JPEG files (once more, if they were files). Guessing names {rp.grid.saved.chance}.")
if photos.name == "world":
    session.claim("rp.grid.world")

# %% [markdown]
# If saving moved the figure, the file is the suspect. JPEG cuts a picture into blocks of 8 by 8 pixels and rounds each block by itself, so that small steps appear where one block ends and the next begins. A patch that begins at pixel 5 has a border after its third pixel; one that begins at pixel 7, after its first. **Where the borders fall inside a patch is where the patch began**, modulo the block.
#
# > **Exercise 3 · `block_borders`** (difficulty 2 of 5, importance 3 of 5, about five minutes.) `edges`, N x P whole numbers, are the left edges of patches of `size` pixels in their pictures. Blocks are `block` pixels wide, and the first begins at pixel 0. Return a tensor of bools, N x P x (size - 1): entry k says whether a block ends between the patch's pixels k and k + 1.

# %%
def block_borders(edges, size, block):
    """Where blocks end inside patches: bool N x P x (size - 1)."""
    raise NotImplementedError  # your turn: replace this line


block_borders = exercise("relative_position.block_borders", block_borders)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def block_borders(edges, size, block):
#     return (edges[..., None] + torch.arange(1, size, device=edges.device)) % block == 0
# ```
# </details>

# %%
top, left = small.places(1, photos.size, photos.size, session.rng("fixed window"))
nine = cut_patches(files[1][:1].cpu(), top, left, small.patch)[0]
session.show(
    marked_patches(nine, block_borders(left, small.patch, 8)[0], block_borders(top, small.patch, 8)[0],
                   [f"row {t}, column {e}" for t, e in zip(top[0].tolist(), left[0].tolist())]),
    caption="The nine patches of a fixed window, and where blocks of eight pixels end inside them. Are there two with the same lines? If not, the lines are a fingerprint of the place.",
    alt="Nine patches with orange lines at the borders of blocks; the lines lie elsewhere in each patch.",
    rests_on=["relative_position.cut_patches", "relative_position.block_borders"],
)

# %% [markdown]
# A good detective tests the story. If the borders are the fingerprint, cells that all begin at multiples of 8 have the same lines, and the reader should be lost. Four experiments:
#
# - `aligned_8`: patches begin at multiples of 8 pixels, every 24. (24 is a multiple of 8, and not of 16.)
# - `aligned_16`: they begin at multiples of 16, every 16. (Pictures of 32 pixels have no room for these two.)
# - `luma`: brightness alone, the pictures in grey.
# - `rescaled`: a random part of each picture is stretched to full size before it is cut, so that blocks are no longer 8 pixels wide. This is what our training does.
#
# The first two move the patches a little, and composition with them; so expect small differences to mean little.
#
# Which of the four do you expect to stop the reader?

# %%
def in_grey(images):
    return brightness(images.float())[:, None].to(torch.uint8).expand(-1, 3, -1, -1)


tests = {"files, nothing changed": reader(files, small)}
if photos.size >= 62:
    tests |= {f"aligned_{align}": reader(files, fixed(stride=stride, align=align)) for align, stride in ((8, 24), (16, 16))}
tests["luma"] = reader([in_grey(images.cpu()) for images in files], small)
tests["rescaled"] = reader(files, small, rescale=True)
for name, value in list(tests.items())[1:]:
    session.record(f"rp.grid.{name}", value, chance=chance, unit="fraction")

# %%
session.show(
    bars_beside_chance({name.replace("_", " to "): value for name, value in tests.items()}, chance=chance, title="What tells the blind reader where a patch lay"),
    caption="Cells named from one patch of held-out pictures that came from JPEG files. Dotted: guessing. Composition alone lets the reader do a little better than that.",
    alt="Horizontal bars of the reader's accuracy: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in tests.items()),
    rests_on=[],
)
about = ["grid.luma", "grid.rescaled", *(["grid", "grid.eight", "grid.more"] if photos.size >= 62 else [])]
for claim in about if photos.name != "world" else []:
    session.claim(f"rp.{claim}")

# %% [markdown]
# Is the second bar between the first and the third? Then something with a period of 16 is left when the blocks of 8 no longer tell. Is `luma` far below the first? Then it sits in the colours. Put the two together: the eye sees colours less sharply than brightness, so JPEG keeps the two numbers for colour at half the resolution, and a block of 8 values there covers 16 pixels.
#
# What this shows: what one patch of a file carries about its place, without a look at the picture. What it does not show: that a network reads it. The next experiment trains the audit of section 4 on files, twice: `blocked`, with all precautions, and `open`, with a window in the middle, all colours, and no rescaling.

# %%
def sees_one(blocked):
    """How often a network that sees one patch of a file names its direction."""
    data = leaking(photos, jpeg) if photos.name == "world" else photos
    backbone = session.backbone("sweep")
    options = {} if blocked else {"grid": grid_for(photos.size, random_origin=False), "rescale": False, "colours": None}
    task = RelativePosition(backbone, session.rng("sweep head"), sees="query", **options)
    session.fit(backbone, task, data.train, steps=steps, batch_size=windows_a_step)
    return session.scores(backbone, task, data.test)["accuracy"]


network = session.sweep("rp.network", sees_one, {"open": False, "blocked": True}, chance=chance)

# %% [markdown]
# ## 6 · The lens
#
# A lens does not focus all colours at the same size. The further from the centre of the picture, the further they lie apart, and the fringes point outwards. So a single patch tells in which direction from the centre it lay, and how far. The authors of the method (Doersch, Gupta and Efros, 2015) found their network doing just that.
#
# Their photos came through good lenses, which bring red and blue together and leave green behind. Our camera has such a lens to put on: it makes green a little smaller.

# %%
photograph = torch.from_numpy(astronaut()).permute(2, 0, 1)[None]
pixels = 3 * max(1, photos.size / 64)  # how far green lies from red and blue, in the corners
through_lens = functools.partial(chromatic_aberration, pixels=pixels, outward=(0, -1, 0))
pair = torch.cat([photograph, chromatic_aberration(photograph, 12, outward=(0, -1, 0))])[..., :150, -150:]
session.show(
    image_row(pair, ["without the lens", "through the lens"], side=2.6),
    caption="The upper right corner of a photograph, as it is and through such a lens (at about half the strength of the experiment below). Look at the edges.",
    alt="A corner of a photograph twice; in the second, edges have fringes of green and of magenta.",
    rests_on=[],
)

# %% [markdown]
# How much does it tell? Here is a network that sees one patch, from anywhere in a picture, and must say where it lay: how far down and how far across, from -1 to 1. All pictures go through the lens first, and colours stay. The score is $R^2$, the share of the places' variance that it explains: 1 is perfect, 0 is naming the middle every time. With $y_i$ the true place of patch $i$ (two numbers), $\hat y_i$ the answer and $\bar y$ the mean place,
#
# $$R^2 = 1 - \frac{\sum_i \lVert y_i - \hat y_i \rVert^2}{\sum_i \lVert y_i - \bar y \rVert^2}$$

# %%
forecast_lens = session.forecast("rp.lens", "What share of the variance of places will one patch tell through the lens?", start=0.1)

# %%
def new_place_network(colours=None, lens=through_lens):
    """A network that names the place of one patch."""
    backbone = session.backbone("place")
    return backbone, AbsolutePosition(backbone, session.rng("place head"), grid.patch, colours=colours, lens=lens)


place_steps = session.budget(quick=300, classroom=2000, full=10000)
places = session.train("absolute_position", *new_place_network(), steps=place_steps)

# %%
await places.finished()
session.record("rp.lens", session.scores(places.backbone, places.task, asked)["r2"], chance=0, unit="fraction")
sample = photos.test.batch(order[:10])
visible, true = places.task.hide(sample, session.rng("layout", session.device))
with frozen(places.backbone), frozen(places.task):
    answered = places.task.predict(places.backbone, visible)
session.show(
    layouts(drawable(visible), {"where they lay": true, "where the network puts them": answered}),
    caption="Forty patches of ten test pictures, laid out at their true places and where the network puts each of them, alone (at the edge, where its answer lies beyond). The more the right board resembles the left, the more a patch gives away.",
    alt="Two layouts of forty small patches: at their true places, and at the places that the network names.",
    rests_on=[],
)
session.say("Through the lens, the network explains **{rp.lens}** of the variance of the places, from one patch at a time.")

# %% [markdown]
# Is it the lens? And what helps? The paper has two remedies. One takes a part of the colour out of every pixel, the part along green against magenta. With $a = (-1, 2, -1)$, each colour $c$ (three numbers: red, green, blue) loses what it has along $a$:
#
# $$c - \frac{a \cdot c}{a \cdot a}\, a$$
#
# The other is blunt. Where there is only one channel, no two of them can lie apart.
#
# > **Exercise 4 · `drop_colours`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `patches` is a float tensor N x P x 3 x p x p. In each patch of each picture, one of the three channels stays as it is; which, `rng` draws, for each patch anew. The other two become zero, or a noise that is a hundredth as large. Return a new tensor on the device of `patches`; `rng` lies there, too.

# %%
def drop_colours(patches, rng):
    """One channel left in each patch: N x P x 3 x p x p."""
    raise NotImplementedError  # your turn: replace this line


drop_colours = exercise("relative_position.drop_colours", drop_colours)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def drop_colours(patches, rng):
#     kept = torch.randint(0, 3, patches.shape[:2], generator=rng, device=patches.device)  # N x P
#     stays = torch.arange(3, device=patches.device) == kept[..., None]                    # N x P x 3
#     return torch.where(stays[..., None, None], patches, 0.0)
# ```
# </details>

# %%
def without_magenta(patches, rng):
    return projected(patches)


piece = normalise(pair[1:, None, :, 50:122, 10:82])  # with the lens's fringes; one patch
seen = [piece, without_magenta(piece, None), drop_colours(piece, session.rng("one channel"))]
session.show(
    image_row(drawable(torch.cat(seen)[:, 0]), ["through the lens", "projected", "one channel"], side=2.0),
    caption="A piece of that corner: with its fringes, without its green-magenta part, and with one channel left (the other two drawn at middle grey).",
    alt="The same piece of a photograph three times: in full colour, in blue and yellow tones, and in two opposite colours.",
    rests_on=["relative_position.drop_colours"],
)

# %% [markdown]
# | measured | what it is |
# |---|---|
# | `plain`, `lens` | $R^2$ without the lens, and with it |
# | `left_dropped` | what the lens adds to $R^2$ when patches keep one channel |
# | `left_projected` | what it adds when the part along $a$ is taken out |
# | `left_other` | the same, for a cheaper lens, which sets red and blue apart by as much |
#
# **Guess first.** How much of red minus blue, the direction $(1, 0, -1)$, lies along $a$? Which of the remedies would you trust on photos from a lens that you do not know?

# %%
@functools.cache
def explained(lens, colours=None):
    """The share of the places' variance that a new network explains."""
    backbone, place_task = new_place_network(colours, lens)
    session.fit(backbone, place_task, steps=place_steps)
    return session.scores(backbone, place_task, asked)["r2"]


other_lens = functools.partial(chromatic_aberration, pixels=pixels, outward=(0.5, 0, -0.5))
aberration = session.sweep("rp.aberration", lambda choice: choice(), {
    "plain": lambda: explained(None), "lens": lambda: explained(through_lens),
    "left_dropped": lambda: explained(through_lens, drop_colours) - explained(None, drop_colours),
    "left_projected": lambda: explained(through_lens, without_magenta) - explained(None, without_magenta),
    "left_other": lambda: explained(other_lens, without_magenta) - explained(None, without_magenta),
}, chance=0)  # fmt: skip

# %% [markdown]
# $a \cdot (1, 0, -1) = 0$: the part that is taken out holds nothing of red minus blue. Does the last row agree? A remedy is made for one leak; before you trust it, put the leak in and measure.
#
# **Does a leak hurt?** A network that reads fringes could solve the task without looking at things. Two networks see all colours, one trained on pictures through the lens, one without. `pretext_lens` and `pretext_plain` are how many directions they name on pictures like those they were trained on; `probe_lens` and `probe_plain` are what a probe makes of their features, for both on the pictures without the lens.

# %%
@functools.cache
def trained_on(lens):
    """Pretext accuracy, and the best stage's probe, of a network that sees colours."""
    data = leaking(photos, through_lens) if lens else photos
    backbone = session.backbone("sweep")
    pair_task = RelativePosition(backbone, session.rng("sweep head"), colours=None)
    session.fit(backbone, pair_task, data.train, steps=steps, batch_size=windows_a_step)
    probes = probe_stages(pair_task, backbone, photos, session.rng("sweep probe"), *[session.budget(quick=2000)] * 2)
    return session.scores(backbone, pair_task, data.test)["accuracy"], probes[best_stage(probes)].test


cheating = session.sweep("rp.cheating", lambda choice: trained_on(choice[0])[choice[1]], {
    "pretext_plain": (False, 0), "pretext_lens": (True, 0), "probe_plain": (False, 1), "probe_lens": (True, 1),
})  # fmt: skip

# %% [markdown]
# That a leak lifts the pretext accuracy is no surprise. That it spoils the features is an *argument*: whoever can read fringes need not look at things. Do the two probes bear it out? A fringe sits on an edge, so whoever looks for fringes looks at edges, and an easier task may teach something sooner. An argument about features is worth what the probe says.
#
# ## 7 · Is it good for anything else?
#
# Now to the question behind it all. The tower has only ever seen patches; the probe of notebook 02 asks it about whole pictures. Beside it stand the same network with random weights, and one trained with labels, for as many steps and on as many pictures. At which stage do you expect the largest gain?

# %%
question = "For what share of pictures will a linear probe, at its best stage, name the right class?"
forecast_probe = session.forecast("rp.probe.best", question, start=1 / len(photos.classes))

# %%
def new_supervised():
    """A backbone with random weights, and a head that names the class."""
    backbone = session.backbone("supervised")
    return backbone, Supervised(backbone, len(photos.classes), session.rng("supervised head"))


labelled = session.train("supervised_for_relative_position", *new_supervised(), steps=steps, batch_size=windows_a_step)

# %%
await labelled.finished()
run = session.trained("relative_position", new_network, steps=steps, batch_size=windows_a_step)
await run.finished()
random_weights = session.backbone("random control")
networks = (run.task, run.backbone), (run.task, random_weights), (labelled.task, labelled.backbone)
best = session.compare_probes("rp", *networks, rests_on=[])
session.claim("rp.transfers")

# %% [markdown]
# Whole pictures in all their colours are not what the tower was trained on: it has never been shown more than a patch at a time, and most of these in grey. What the probe finds was learnt from that.
#
# ## 8 · What does it find alike?
#
# The paper looks at neighbours: take a patch, and find the patches whose features lie nearest. In the world we know what a patch shows, because every body has named points: a knee, a wing tip, a nose. Click a patch, and compare the rows. (With photos, this section has nothing to show.)

# %%
if photos.name == "world":
    patches, parts = part_patches(photos.test.subset(slice(session.budget(quick=1500))), grid.patch)
    first = len(patches) // 2  # queries from the first half of the scenes, neighbours from the second
    networks = {"random weights": random_weights, "relative position": run.backbone, "with labels": labelled.backbone}
    eyes = RelativePosition(random_weights, session.rng("unused"), colours=None)
    features = {name: {stage: [] for stage in tower.stage_names} for name, tower in networks.items()}
    for name, tower in networks.items():
        with frozen(tower):
            for some in patches.to(session.device).split(500):
                for stage, maps in tower.stages(eyes.seen(some[:, None], session.rng("none", session.device))[:, 0]).items():
                    features[name][stage].append(pooled(maps).cpu())
    features = {name: {stage: torch.cat(parts) for stage, parts in stages.items()} for name, stages in features.items()}
    queries = torch.randperm(first, generator=session.rng("queries"))[:8]
    found = {name: (stages["conv5"][queries], stages["conv5"][first:]) for name, stages in features.items()}
    explorer = NeighbourExplorer(patches[queries], patches[first:], found, parts[first:]).show()

# %% [markdown]
# How often do they show the same part? The rows above compare what the last stage says, as the paper does. **Guess** how the earlier stages do, and what training changes in each.

# %%
def agree(vectors):
    """How often the nearest patch of another scene shows the same part of the same kind of body."""
    alike = nearest(vectors[:first], vectors[first:], 1)[:, 0] + first
    return sum(parts[a] == parts[b] for a, b in enumerate(alike.tolist())) / first


if photos.name == "world":
    same = {name: {stage: agree(vectors) for stage, vectors in stages.items()} for name, stages in features.items()}
    often = sum((parts[:first].count(part) / first) ** 2 for part in set(parts))
    for side, name in (("random", "random weights"), ("trained", "relative position")):
        session.record(f"rp.neighbours.{side}", same[name]["conv5"], chance=often, unit="fraction")
        session.record(f"rp.neighbours.{side}_first", same[name]["conv1"], chance=often, unit="fraction")
    session.show(setting_bars(same), caption=f"Nearest patches that show the same part, by stage. Any patch at random: {100 * often:.1f} %.",
                 alt=in_words(same), rests_on=[])
    session.claim("rp.neighbours")
    session.claim("rp.neighbours.first")

# %% [markdown]
# Compare the two ends. A last stage that agrees less than random weights has not learnt nothing: it has been turned to what the head asks of it, the direction, and a knee seen on the left and a knee seen on the right are then different things. What is good for the task is not yet good for you; look one stage earlier.
#
# The lecture that this course follows says that such features do not mind an object's colour. Whoever has seen two windows of three in grey should not. In the world we can test it: draw the same scenes in other colours, and see how far the features move, measured by how far apart different scenes lie. `supervised` is a network that was trained with labels on pictures whose colours were treated alike: if it moves as little, the credit goes to the treatment, not to the task. We look at the stage conv4.

# %%
def moved(kind):
    """How far features move when scenes are recoloured, over the distance between scenes."""
    if kind == "supervised":
        backbone = session.backbone("sweep")
        task = Supervised(backbone, len(photos.classes), session.rng("sweep head"), colours=projected_and_greyscaled)
        session.fit(backbone, task, steps=steps, batch_size=windows_a_step)
    elif kind == "trained":
        backbone, task = new_network()
        session.fit(backbone, task, steps=steps, batch_size=windows_a_step)
    else:
        backbone, task = new_network()
    scenes = photos.test.subset(slice(300))
    scenes, eyes = photos.test.subset(slice(300)), new_network()[1]  # all three are shown pictures in the same way
    plain, other = (extract(eyes.represent, backbone, data, ["conv4"])["conv4"] for data in (scenes, changed(scenes, "recoloured")))
    return ((plain - other).norm(dim=1).mean() / (plain - plain.roll(1, 0)).norm(dim=1).mean()).item()


if photos.name == "world":
    colour = session.sweep("rp.colour", moved, {kind: kind for kind in ("trained", "random", "supervised")})

# %% [markdown]
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** If the two bars of section 4 lie well apart, the network compares. What one patch of a file tells a reader who cannot see, and what it tells through a lens, the figures of sections 5 and 6 say. Which remedy helped against which leak stands there, too; do not assume that one helps against another.
#
# **What could still fool us.** Composition is left: skies lie above. It is not a mistake of the cutting, and no precaution removes it. And a leak that nobody has thought of would look like knowledge. The audit with one patch is how it would show.
#
# **What the lecture leaves out.** It says that the label of this task comes for free, which is right. The paper spends much of its effort on what the label must *not* be readable from. Without that, the free label teaches where pixels lie.
#
# **Where this stands beside the paper.** The first five rows of the next table are a linear classifier on the frozen stages of AlexNet, a network of five convolutions, which must tell the thousand classes of the data set ImageNet; below them stand random weights and weights trained with labels at conv4. The last row is object detection after fine-tuning on another set, PASCAL VOC (mAP is the mean, over classes, of the area under the curve of precision over recall).

# %% tags=["published"]
session.published("relative_position")
session.gap({
    "training pictures": ("1.2 million", len(photos.train)), "a patch's side, in pixels": ("96", grid.patch),
    "the gap between patches, in pixels": ("48, 41 to 55 with jitter", f"0 to {2 * grid.jitter}"),
    "channels of the widest stage": ("384 and more", max(session.backbone().widths.values())),
    "times that each picture was shown": ("many", round(steps * windows_a_step / len(photos.train), 1)),
}, "Doersch, Gupta and Efros 2015")

# %% [markdown]
# **Check yourself.** Seven questions; only the first try counts.

# %%
quiz = Quiz("relative_position", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Shrink a few hundred photos of your own to 64 x 64 pixels, *then* save them at quality 30 and again at quality 95. Put each set into a zip (one folder a class) and run section 5 on both (`folder:my-photos.zip` as `dataset`). What does quality change? (Larger photos are shrunk when they are opened, and the blocks go with it.)
