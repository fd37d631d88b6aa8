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
# # In order or not?
#
# > **The question.** Three frames of a film lie before you, perhaps in disorder. Whoever can tell must have looked at what moves. What does a network learn that is asked nothing else?
# >
# > **You will** put frames in order by hand, write the functions that invent the labels, train a network that never sees more than single frames, find out what it goes by, and see what it takes to be alike.
# >
# > **Before you start:** Python and arrays, and notebook 02, where probes and claims are explained.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do the three exercises |
# | 3 · Train | ✓ | ✓ |
# | 4 · Is the middle between the ends? | ✓ | ✓ |
# | 5 · Doubt | ✓ | ✓, and run the sweeps |
# | 6 · What does it find alike? | ✓ | ✓ |
# | 7 · Where is the knee? | look at the figure | ✓, with its exercise |
# | 8 · Two more questions to ask a film | read | ✓ |
# | 9 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** Play section 1 with the whole room: which of two films runs in order? People are quick at walking and bad at swinging, and so is the network. In section 5 ask for cheap clocks before you show ours (a camera that pans, a figure that drifts).
#
# The table of neighbours in section 6 is the point of the notebook. The lecture's figure suggests that each kind of features wins its own column; have the class say beforehand which, and let them find the one that does not. The sweeps take long; show the table that stands beside the button.
#
# Live: the slider of section 4. Move the middle frame outside of the two ends before you move it in between, and poll which of the two the network will be surer of.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 5 | 6 |
# | 2 · Invent the labels | 4 | 24 |
# | 3 · Train | 7 | 8 |
# | 4 · Is the middle between the ends? | 5 | 7 |
# | 5 · Doubt | 7 | 11 |
# | 6 · What does it find alike? | 6 | 9 |
# | 7 · Where is the knee? | 4 | 10 |
# | 8 · Two more questions to ask a film | 3 | 8 |
# | 9 · What we know now | 3 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or clips:PATH, a folder of your own videos
seed = 0
device = "auto"

# %%
from course_lib.data.frames import frames
from course_lib.data.world.clips import render_clips
from course_lib.evaluation.neighbours import follow, nearest, share_alike
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.supervised import Supervised
from course_lib.evaluation.transfer import PointRegression, points, with_points
from course_lib.exercises import exercise
from course_lib.features import extract, frozen, random_subset
from course_lib.plots.clips import between, curves_by_threshold, motion_curves, points_on_pictures
from course_lib.plots.images import image_grid
from course_lib.plots.layers import probe_curve
from course_lib.plots.settings import in_words, setting_bars
from course_lib.pretext import PretextTask, clips, normalise
from course_lib.pretext.jigsaw import compose
from course_lib.pretext.shuffle_and_learn import ShuffleAndLearn
from course_lib.start import start
from course_lib.widgets.explorers import NeighbourExplorer, SettingsExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.puzzle import Puzzle
from course_lib.widgets.quiz import Quiz

# %%
import copy
import dataclasses

import torch
import torch.nn.functional as F

session = start("05_shuffle_and_learn", profile=profile, dataset=dataset, seed=seed, device=device, part="clips")
films = session.dataset
truth_known = "keypoints" in films.train.annotations  # in the world; nobody wrote it down for your videos

# %% [markdown]
# ## 1 · Play
#
# Twelve films, three frames of each. The one in the middle either lies between the other two in time, or it comes from before or after both. Forwards or backwards does not matter: a film run backwards is in order, too.

# %%
order = torch.randperm(len(films.test), generator=session.rng("play"))
eight = films.test.batch(order[torch.arange(18) % len(order)]).clips[:, ::2].cpu()  # every second frame; few films come again
five = clips.draw_quintuples(eight, session.rng("moments"), questions=1)[:, 0]  # a < b < c < d < e in each film
a, b, c, d, e = five[:12].unbind(1)
in_order = torch.rand(12, generator=session.rng("coins")).argsort() % 2
middles = torch.where(in_order == 1, c, torch.where(torch.arange(12) % 4 < 2, a, e))
asked = torch.stack([b, middles, d], dim=1)  # 12 x 3 moments
game = Game(compose(clips.at(eight[:12], asked), columns=3), in_order, ["out of order", "in order"],
            "Does the frame in the middle lie between the other two?", alt="Three frames of a film").show()

# %% [markdown]
# Now put three frames in order yourself. Drag a frame onto another and they change places; or pick one with Enter, walk with the arrow keys, and put it down with Enter. Either direction counts.

# %%
MIDDLES = torch.tensor([[1, 0, 2], [0, 1, 2], [0, 2, 1]])  # which frame belongs in the middle: the first, second, third
right = torch.tensor([0, 1, 2, 2, 1, 0])[torch.randperm(6, generator=session.rng("places"))]
loose = clips.at(eight[12:], five[12:, 1:4].gather(1, MIDDLES[right]))
puzzle = Puzzle(loose, MIDDLES, right, noun="frame", reversible=True)
names = [f"the {place} frame belongs in the middle" for place in ("first", "second", "third")]
ordering = Game(compose(loose, columns=3), right, names, "Put the frames in order.", alt="Three frames of a film in disorder",
                answer_widget=puzzle).show()

# %% [markdown]
# What did you look at? The wall behind the figure is no help while the camera stands still. The place of the figure is none either: it stays where it is. You looked at arms and legs, and asked which pose lies between two others. Where nothing moves, nobody can tell.
#
# **Before you train anything, commit yourself.** Answers are scored so that guessing gets a half: the share of ordered triples that are recognised and the share of disordered ones, averaged. How much will a network reach on films that it has never seen? And a network that gets no picture at all, only *where* in each frame the moving thing has its centre?

# %%
forecast = session.forecast("shf.pretext_accuracy", "What score will the network reach, seeing the frames?", start=0.5)
forecast_blind = session.forecast("shf.centroids", "And knowing only where the moving thing is in each frame?", start=0.5)

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
# What is visible is frames and, for each question, which three of them are asked about. What is hidden is whether they are in order.
#
# The questions are made from five moments a < b < c < d < e. In order is (b, c, d). Out of order are (b, a, d) and (b, e, d): they begin and end with the very same frames, so that whoever looks at the ends alone learns nothing. Each of the three also stands there backwards, which makes six.
#
# > **Exercise 1 · `make_triples`** (difficulty 2 of 5, importance 5 of 5, about eight minutes.) `moments` are N x 5 whole numbers, a to e in each row. Return two tensors: the six triples of each row, N x 6 x 3, in any order; and beside them N x 6 labels, 1 for those in order, 0 for the others.

# %%
def make_triples(moments):
    """Six triples of each five moments, N x 6 x 3, and their labels, N x 6."""
    raise NotImplementedError  # your turn: replace this line


make_triples = exercise("shuffle_and_learn.make_triples", make_triples)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def make_triples(moments):
#     a, b, c, d, e = moments.unbind(1)
#     rows = [(b, c, d), (d, c, b), (b, a, d), (d, a, b), (b, e, d), (d, e, b)]
#     triples = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
#     return triples, torch.tensor([1, 1, 0, 0, 0, 0]).repeat(len(moments), 1)
# ```
# </details>

# %%
triples, labels = make_triples(five[:2])
words = ["out of order", "in order"]
session.show(
    image_grid(compose(clips.at(eight[:2], triples.flatten(1)).unflatten(1, (6, 3)).flatten(0, 1), columns=3), columns=3,
               titles=[words[label] for label in labels[0, :3].tolist()], side=2.6, gap=0.05),
    caption="Two films, the six triples that your function makes of each: two rows a film. The titles are the labels of the first row.",
    alt="Four rows of three triples of frames of a moving figure.",
    rests_on=["shuffle_and_learn.make_triples"],
)

# %% [markdown]
# Which five moments? Where nothing moves, the question has no answer, and the network is punished for nothing. So the paper takes them where the motion is fast. How fast? It measures optical flow; we take something cheaper, the mean change of brightness from each frame to the next.
#
# > **Exercise 2 · `fastest_window`** (difficulty 2 of 5, importance 3 of 5, about six minutes.) `motion` is N x M: how much changes at each of M steps of N films. Return, for each film, where the window of `length` neighbouring steps begins in which the sum of motion is largest: N whole numbers; the first, of several that are equal.

# %%
def fastest_window(motion, length):
    """Where the `length` neighbouring numbers of each row begin whose sum is largest."""
    raise NotImplementedError  # your turn: replace this line


fastest_window = exercise("shuffle_and_learn.fastest_window", fastest_window)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def fastest_window(motion, length):
#     return motion.unfold(1, length, 1).sum(2).argmax(1)
# ```
# </details>

# %%
length = min(6, films.test.clips.shape[1] - 1)
motion = clips.motion(films.test.batch(order[:4]).clips.cpu())
begins = fastest_window(motion, length)
session.show(
    motion_curves(motion, begins.tolist(), length),
    caption="How much changes from frame to frame in four films; orange: the fastest window, by your function.",
    alt=f"Bars of motion for four films. The fastest windows begin at the steps {', '.join(str(int(k) + 1) for k in begins)}.",
    rests_on=["shuffle_and_learn.fastest_window"],
)

# %% [markdown]
# The library does nearly the same: of several fives that it draws, it takes the one that changes fastest between b and d.
#
# Two triples of six are in order. A network that always says no is right on four of six, and knows nothing. Hence the score that you were promised.
#
# > **Exercise 3 · `balanced_accuracy`** (difficulty 1 of 5, importance 4 of 5, about four minutes.) `said` and `true` are N whole numbers, 0 or 1; both occur in `true`. Return the mean of two shares: of the ones in `true`, how many are called 1; of the zeros, how many are called 0.

# %%
def balanced_accuracy(said, true):
    """The mean of the shares of ones called one and of zeros called zero."""
    raise NotImplementedError  # your turn: replace this line


balanced_accuracy = exercise("shuffle_and_learn.balanced_accuracy", balanced_accuracy)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def balanced_accuracy(said, true):
#     right = (said == true).float()
#     return (right[true == 1].mean() + right[true == 0].mean()).item() / 2
# ```
# </details>

# %%
nothing = balanced_accuracy(torch.zeros_like(labels).flatten(), labels.flatten())
print(f"Always no, by your function: {nothing}")

# %% [markdown]
# The network is a **triplet siamese**: one tower sees each frame, alone, and makes a list of numbers of it; a head gets three lists and says whether they are in order. The lecture concatenates the three. We hand over the first list and the two *steps*, from the first to the second and from the second to the third. That says the same in other words, and it matters: frames of one film are nearly alike, and a head that has to find small differences under large common parts stays at guessing for a long time.
#
# Because the tower never sees two frames together, eight frames of a film serve for many questions, at next to no cost.
#
# One precaution, whose reason section 5 gives: in training each frame is **shaken**, moved by up to two pixels each way, by itself.

# %%
def new_network(**options):
    """A backbone with random weights, and the task with its head on top of it."""
    backbone = new_backbone("shuffle")
    return backbone, ShuffleAndLearn(backbone, session.rng("head"), **options)


def new_backbone(purpose):
    """As for pictures of 64 pixels: its first stage halves them, and we can show more films in the same time."""
    return session.backbone(purpose, image_size=64)


backbone, task = new_network()
task.to(session.device)
(visible, places), answers = task.hide(films.train.batch(range(min(4, len(films.train)))), session.rng("look", session.device))
prediction = task.predict(backbone, (visible, places))
print(f"frames: {tuple(visible.shape)}   questions: {tuple(places.shape)}   prediction: {tuple(prediction.shape)}")
print(f"loss: {task.loss(prediction, answers).item():.2f}   (guessing: ln 2 = 0.69)")

# %%
session.show(
    task.draw(films.train.batch(range(3)), session.rng("draw", session.device)),
    caption="Three films as `hide` asks about them: a triple in order, and two that begin and end alike and are not.",
    alt="Three rows of nine frames: three triples of a moving figure in each.",
)

# %% [markdown]
# ## 3 · Train
#
# Watch the loss. For a while it stays near that of guessing. Then the first differences are found that mean something, and it goes quickly.

# %%
steps = session.budget(quick=700, classroom=6000, full=30000)
how = {"batch_size": 10, "learning_rate": 0.01}  # chosen on the validation films: at 0.003 it stays at guessing for longer
run = session.train("shuffle_and_learn", backbone, task, steps=steps, **how)

# %%
await run.finished()
session.record("shf.pretext_accuracy", session.scores(backbone, task)["accuracy"], chance=0.5, unit="fraction")
session.say("On films that it has not seen the network scores **{shf.pretext_accuracy}**; guessing gets {shf.pretext_accuracy.chance}.")

# %% [markdown]
# Now your twelve triples, and your six puzzles. To put three frames in order, the network is asked three questions, one for each frame that could be in the middle; the surest yes is its answer.

# %%
def logits(frames, triples):
    """How sure the network is that each triple (N x M x 3) of these frames (N x K x 3 x S x S) is in order: N x M."""
    with frozen(backbone), frozen(task):
        said = task.predict(backbone, (normalise(frames.to(session.device)), triples.to(session.device)))
    return (said[:, 1] - said[:, 0]).view(triples.shape[:2]).float().cpu()


yes = logits(eight[:12], asked[:, None])
game.let_play(torch.cat([-yes, yes], dim=1))
in_the_middle = torch.tensor([[1, 0, 2], [0, 1, 2], [0, 2, 1]])  # the three ways to lay three frames
said = logits(loose, in_the_middle.expand(len(loose), -1, -1))
ordering.let_play(said)
figure, description = puzzle.replay(said.argmax(1).tolist())
session.show(figure, caption="Your puzzles, as you and the network put them together.", alt=description)

# %% [markdown]
# ## 4 · Is the middle between the ends?
#
# The lecture reads the task as interpolation: given a beginning and an end, is this frame a valid middle? Then ask it for *every* frame. Two frames stay where they are, and all frames of the film take turns in the middle. If the network has understood, it says yes between the ends and no outside.

# %%
length = films.test.clips.shape[1]
ends = (round(length * 0.25), round(length * 0.7))
triples = torch.tensor([[ends[0], middle, ends[1]] for middle in range(length)])
played_back = films.test.batch(order[: session.budget(quick=120)]).clips
curves = torch.cat([logits(part, triples.expand(len(part), -1, -1)).sigmoid() for part in played_back.split(20)])  # N x T


def interpolation(film, middle):
    """Three frames of a film, and how sure the network is of every other middle."""
    row, pictures = curves[film - 1].tolist(), played_back[film - 1, [ends[0], middle, ends[1]]]
    words = f"The ends are frames {ends[0]} and {ends[1]}, the middle is frame {middle}: in order by {100 * row[middle]:.0f} %."
    return between(pictures, row, ends, middle), words


explorer = SettingsExplorer(interpolation, {"film": [1, 2, 3, 4, 5, 6, 7, 8], "middle": [round(length * k / 16) for k in (8, *range(8), *range(9, 16))]},
                            caption="Left: the beginning, the frame in the middle, the end. Right: how sure the network is that they are in order, for every middle; green: those that truly lie between.").show()

# %%
inside = [k for k in range(length) if ends[0] < k < ends[1]]
outside = [k for k in range(length) if k < ends[0] or k > ends[1]]
for name, places in (("inside", inside), ("outside", outside)):
    session.record(f"shf.between.{name}", curves[:, places].mean(), chance=0.5, unit="fraction")
session.show(
    between(played_back[0, [ends[0], sum(ends) // 2, ends[1]]], curves.mean(0).tolist(), ends),
    caption="The same, averaged over many films.",
    alt="How sure the network is, for every middle frame: " + ", ".join(f"{100 * value:.0f} %" for value in curves.mean(0).tolist()) + ".",
)
session.say("Between the ends it is sure by {shf.between.inside} on average, outside by {shf.between.outside}.")
session.claim("shf.between")

# %% [markdown]
# ## 5 · Doubt
#
# What could the network go by, other than poses? Three suspects.
#
# **The place of the figure.** A figure that walks across the picture tells the order by where it is. In our world it stays in place, whatever it does. Is that so? The **audit** is a head that gets no picture, only the centre of what moves in each frame.
#
# **The camera.** Half of the cameras pan: the whole background wanders, always the same way, and its place tells the time. Here is the reason for shaking. A second network gets the frames as they are, **open**, for a quarter of the steps; of the test films we know which camera moves.
#
# **The background itself.** Would the network still know what to look at, if things drifted about behind the figure? The world can render the same films once more, with such things in them.
#
# **Guess:** will the open one, with a quarter of the practice, score as much as the shaken one? And which of the two does better where the camera pans?

# %%
audit = session.train("centroids", *new_network(sees="centroids"), steps=steps, **how)

# %%
opened = session.train("open", *new_network(shake=0), steps=steps // 4, **how)

# %%
await audit.finished()
await opened.finished()
run = session.trained("shuffle_and_learn", new_network, steps=steps, **how)  # trained now if you skipped section 3
await run.finished()
scores = {name: session.scores(one.backbone, one.task)["accuracy"] for name, one in (("frames", run), ("open", opened), ("centroids", audit))}
for name, value in scores.items():
    session.record("shf.pretext_accuracy" if name == "frames" else f"shf.{name}", value, chance=0.5, unit="fraction")
panels = {"score on test films": scores}
if truth_known:
    pans = films.test.annotations["factor.camera.pans"].flatten().bool().cpu()
    part = films.test.subset(slice(200))
    drifting = dataclasses.replace(part, clips=render_clips(0, part.annotations["index"].flatten(), moving_background=True)["clips"])
    parts = {"still": films.test.subset(~pans), "panning": films.test.subset(pans), "drifting": drifting}
    for title, one in (("by what is behind: shaken", run), ("by what is behind: open", opened)):
        panels[title] = {name: session.scores(one.backbone, one.task, part)["accuracy"] for name, part in parts.items()}

# %%
session.show(
    setting_bars(panels, "frames"),
    caption="Scores on test films; guessing gets a half. Left: frames shaken in training, open, and the audit. Then by what is behind the figure: a camera that stands still or pans, and things drifting about.",
    alt=in_words(panels),
)
claims = ["learns", "level", "centroids", "open"]
if truth_known:
    blocked, leaky = list(panels.values())[1:]
    session.record("shf.drifting", blocked["drifting"], chance=0.5, unit="fraction")
    for name, by in (("blocked", blocked), ("open", leaky)):
        session.record(f"shf.{name}.camera", by["panning"] - by["still"], chance=0, unit="fraction")
    claims += ["panning.blocked", "drifting"]
for claim in claims:
    session.claim(f"shf.{claim}")

# %% [markdown]
# Each bar asks six triples of a film, and half of the films pan. The sweep draws the moments of every film ten times, for the open network.

# %%
def ten_times(what):
    """The open network's mean score over ten draws of each test film's moments."""
    draws = [session.rng(f"moments {k}", session.device) for k in range(session.budget(quick=10))]
    return sum(pretext_scores(opened.backbone, opened.task, parts[what], rng)["accuracy"] for rng in draws) / len(draws)


if truth_known:
    cameras = session.sweep("shf.camera", ten_times, {"still": "still", "panning": "panning"}, chance=0.5)

# %% [markdown]
# The open network gets about as far in far less time. That does not make it the better one. What its features are worth is asked in section 7, where we look for knees.
#
# One more choice: what if questions are asked anywhere in the film, also where nothing moves? **Guess** before you press. Both networks of the sweep are tested on the same questions, drawn without regard to motion.

# %%
def asked_anywhere(high_motion):
    """What a network trained with such questions scores on questions drawn without regard to motion."""
    backbone = new_backbone("sweep")
    task = ShuffleAndLearn(backbone, session.rng("sweep head"), high_motion=high_motion)
    session.fit(backbone, task, steps=steps, **how)
    task.high_motion = False
    return session.scores(backbone, task)["accuracy"]


blind = session.sweep("shf.motion", asked_anywhere, {"high": True, "blind": False}, chance=0.5)

# %% [markdown]
# ## 6 · What does it find alike?
#
# The lecture's ninth figure shows a frame and its nearest neighbours by three networks. Features from labels find the same *scene*. Random weights find the same *colours*. Shuffle and learn finds the same *pose*. It shows two examples, and says that one has to look long. We know scene, colour and pose of every frame, so we can count.
#
# Four frames of each film make a set of pictures. The rival with labels is trained to name the scene behind the figure; random weights are the third.

# %%
shots = frames(films, 4, "scene" if truth_known else None)


def new_supervised():
    """A backbone with random weights, and a head that names the scene, or the class of your films."""
    backbone = new_backbone("supervised")
    return backbone, Supervised(backbone, len(shots.classes), session.rng("supervised head"))


labelled = session.train("supervised", *new_supervised(), split=shots.train, steps=steps * 2 // 5, batch_size=64)

# %%
await labelled.finished()
run = session.trained("shuffle_and_learn", new_network, steps=steps, **how)
await run.finished()
backbones = {"shuffle": run.backbone, "supervised": labelled.backbone, "random": new_backbone("random control")}
sizes = {"train_size": session.budget(quick=1600, classroom=6000), "test_size": session.budget(quick=800)}
bank = random_subset(shots.train, sizes["train_size"], session.rng("bank"))
queries = random_subset(shots.test, sizes["test_size"] // 2, session.rng("queries"))


def alike(backbone, split):
    """Features of the last stage, each at mean 0 and spread 1 over the bank."""
    features = {name: extract(run.task.represent, backbone, some, ["conv5"])["conv5"] for name, some in (("bank", bank), ("asked", split))}
    return (features["asked"] - features["bank"].mean(0)) / features["bank"].std(0).clamp_min(1e-6)


features = {name: (alike(backbone, queries), alike(backbone, bank)) for name, backbone in backbones.items()}

# %%
shown = queries.subset(slice(6))
words = [f"{films.classes[label]}" for label in films.train.labels[bank.annotations["clip"]].tolist()]
neighbours = NeighbourExplorer(shown.images.cpu(), bank.images.cpu(),
                               {name: (asked[:6], known) for name, (asked, known) in features.items()}, words).show()

# %% [markdown]
# **Guess:** of the ten nearest neighbours of each of hundreds of frames, how many share its background's colour, how many its scene, and how many its pose? For a pose we count points: the share of the figure's thirteen that lie near those of the query.

# %%
if truth_known:
    found = {name: nearest(*pair, 10) for name, pair in features.items()}
    panels = {f"neighbours alike in {what}": {name: share_alike(rows, queries, bank, what) for name, rows in found.items()}
              for what in ("colour", "scene", "pose")}
    for what, values in zip(("colour", "scene", "pose"), panels.values()):
        for name, value in values.items():
            session.record(f"shf.neighbours.{name}.{what}", value, unit="fraction")
    session.show(setting_bars(panels, "shuffle"), alt=in_words(panels),
                 caption="What the ten nearest neighbours share with their query, by three networks. For colour and scene: the same one. For pose: the share of points within a tenth of the picture's side.")
    for claim in ("pose", "pose.supervised", "scene", "colour", "colour.supervised"):
        session.claim(f"shf.neighbours.{claim}")

# %% [markdown]
# ## 7 · Where is the knee?
#
# The lecture checks the finding by numbers: with these features one can say where nose, shoulders, elbows and knees are. A linear map reads the thirteen points of the figure off frozen features; for each network, at the stage that does best on the validation films.
#
# How good is it? A point counts as found if it is put near enough. The share of points found is the **PCK**, the percentage of correct keypoints. What is near enough is a choice, so we look at several.
#
# > **Exercise 4 · `pck`** (difficulty 2 of 5, importance 3 of 5, about five minutes.) `said` and `true` are N x K x 2, columns and rows in pixels; `seen` is N x K, true for the points that one sees; `near` is a number of pixels. Return the share of the points seen that are put at most `near` pixels from where they are.

# %%
def pck(said, true, seen, near):
    """The share of the points seen that are put at most `near` from where they are."""
    raise NotImplementedError  # your turn: replace this line


pck = exercise("shuffle_and_learn.pck", pck)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def pck(said, true, seen, near):
#     distance = (said - true).norm(dim=2)
#     return (distance[seen] <= near).float().mean().item()
# ```
# </details>

# %%
THRESHOLDS = (0.05, 0.1, 0.15, 0.2)  # of the picture's side
if truth_known:
    read = {name: points(run.task, backbone, shots, session.rng("points"), **sizes) for name, backbone in backbones.items()}
    found_at = {name: {stage: pck(one.said, one.true, one.seen, 0.1 * shots.size) for stage, one in stages.items()} for name, stages in read.items()}
    average = shots.train.annotations["keypoints"][..., :2].float().mean(0).cpu()
    last = read["shuffle"]["conv5"]
    mean_pose = pck(average.expand_as(last.true), last.true, last.seen, 0.1 * shots.size)
    for name, stages in found_at.items():
        for stage, value in stages.items():
            session.record(f"shf.pck.{name}.{stage}", value, chance=mean_pose, unit="fraction")
        best = max(stages, key=lambda stage: read[name][stage].validation)
        session.record(f"shf.pck.{name}.best", stages[best], chance=mean_pose, unit="fraction")

# %%
if truth_known:
    words = " ".join(f"{name}: " + ", ".join(f"{stage} {100 * v:.1f} %" for stage, v in stages.items()) + "." for name, stages in found_at.items())
    session.show(
        probe_curve(found_at["shuffle"], found_at["random"], mean_pose, found_at["supervised"], measure="points found"),
        caption="Points of figures found within a tenth of the picture's side, by a linear map on frozen features after each stage. Guessing: always the average pose.",
        alt=words, rests_on=["shuffle_and_learn.pck"],
    )
    for claim in ("keypoints.random", "keypoints.supervised", "keypoints.best"):
        session.claim(f"shf.{claim}")

# %% [markdown]
# Two things at once. Early stages still have fine maps, and *where* something is can be read off them without any training at all. Later stages have given most of that away; what is left there is what the task has use for. The comparison that the lecture makes is about the last features.

# %%
if truth_known:
    ends_of = {name: read[name]["conv5"] for name in backbones}
    lines = {name: [pck(one.said, one.true, one.seen, near * shots.size) for near in THRESHOLDS] for name, one in ends_of.items()}
    session.show(
        curves_by_threshold(lines, THRESHOLDS, "near enough, as a share of the picture's side", "points found (%)"),
        caption="Points found after the last stage, by what counts as near enough.",
        alt=" ".join(f"{name}: " + ", ".join(f"{100 * v:.1f} % at {t}" for v, t in zip(line, THRESHOLDS)) + "." for name, line in lines.items()),
        rests_on=["shuffle_and_learn.pck"],
    )
    few = slice(0, None, max(1, len(last.true) // 6))
    session.show(
        points_on_pictures(last.images[few][:6], last.true[few][:6], last.seen[few][:6],
                           {name: one.said[few][:6] for name, one in ends_of.items()}, 0.1 * shots.size),
        caption="Rings: where the points are. Dots: where they are put; green within a tenth of the side, red beyond.",
        alt="Six frames of figures with thirteen points each, as three networks put them.",
    )

# %% [markdown]
# And the open network of section 5, which learnt so quickly? The sweep trains it for as many steps as the shaken one, and asks its last features for the same points.

# %%
def points_found(shake):
    """PCK at a tenth of the side, read off the last features of a network whose frames were shaken by so many pixels."""
    trained = run.backbone
    if shake != run.task.shake:
        trained, task = new_network(shake=shake)
        session.fit(trained, task, steps=steps, **how)
    last = points(run.task, trained, shots, session.rng("points"), **sizes)["conv5"]
    return pck(last.said, last.true, last.seen, 0.1 * shots.size)


if truth_known:
    session.sweep("shf.points", points_found, {"shaken": run.task.shake, "open": 0})

# %% [markdown]
# Frozen features say what is there already. The paper goes on and **fine-tunes**: all weights move, on frames whose points somebody has marked. The sweep does so from three beginnings, for equally many steps.

# %%
def fine_tuned(name):
    """PCK at a tenth of the side after fine-tuning on marked points, from the weights of this network."""
    backbone = copy.deepcopy(backbones[name])
    task = PointRegression(backbone, 13, session.rng("points head"))
    session.fit(backbone, task, with_points(shots.train), steps=session.budget(quick=200, classroom=2000), batch_size=64)
    return session.scores(backbone, task, with_points(shots.test))["pck"]


if truth_known:
    tuned = session.sweep("shf.tuned", fine_tuned, {name: name for name in backbones})

# %% [markdown]
# ## 8 · Two more questions to ask a film
#
# Order is one thing that a film hides for us. The lecture names two others.
#
# **Fill in a frame.** Hide the frame in the middle, and predict its pixels from both ends. In the three lines of every task:

# %%
class FillIn(PretextTask):
    """The frame between two others, in pixels."""

    content = ("clips",)

    def __init__(self, backbone):
        super().__init__()
        self.head = torch.nn.Conv2d(2 * (backbone.widths["conv1"] + 3), 3, 5, padding=2, bias=False)
        torch.nn.init.zeros_(self.head.weight)  # it begins with the mean of both ends

    def hide(self, batch, rng):
        first, middle, last = normalise(batch.clips[:, [0, length // 2, length - 1]]).unbind(1)
        return (first, last), middle

    def predict(self, backbone, visible):
        maps = [F.interpolate(backbone.stages(end, last="conv1")["conv1"], size=end.shape[-2:]) for end in visible]
        return sum(visible) / 2 + self.head(torch.cat([*maps, *visible], dim=1))

    def loss(self, prediction, hidden):
        return (prediction - hidden).square().mean()


# %%
def new_fill_in():
    """A backbone with random weights, and the task with its head."""
    backbone = new_backbone("fill in")
    return backbone, FillIn(backbone)


filling = session.train("fill_in", *new_fill_in(), steps=session.budget(quick=100, classroom=3000), batch_size=16)

# %%
await filling.finished()
with frozen(filling.backbone), frozen(filling.task):
    visible, middle = filling.task.hide(films.test.batch(order[:60]), session.rng("fill"))
    guesses = {"the first end": visible[0], "mean of both ends": sum(visible) / 2, "the network": filling.task.predict(filling.backbone, visible)}
    changed = ((visible[0] - visible[1]).abs().mean(1, keepdim=True) > 0.2).float()  # where the ends differ
    errors = {name: (((guess - middle).abs() * changed).sum() / changed.sum() / 3 / 2).item() for name, guess in guesses.items()}
pictures = torch.cat([part[:5] for part in (visible[0], middle, visible[1], guesses["mean of both ends"], guesses["the network"])])
session.show(
    image_grid(((pictures.clamp(-1, 1) + 1) * 127.5).to(torch.uint8).cpu(), columns=5, names=["first", "hidden", "last", "mean of both ends", "the network"]),
    caption="Films: the ends, the hidden frame between them, and two guesses. How far off the guesses are where the ends differ, as a share of the whole range: "
            + ", ".join(f"{name} {100 * error:.1f} %" for name, error in errors.items()) + ".",
    alt="Rows of frames: the first, the hidden one, the last, their mean, the network's guess.",
)

# %% [markdown]
# Squared error again: where the network is unsure which way a limb went, it paints a little of each. Notebook 04 has met that grey.
#
# **Follow an object.** Say where the figure is in the first frame. Where is it later? Find for each spot of a later frame the most similar spots of the first, by a network's features, and copy what they were. A network is good at this if the same elbow looks the same to it in every pose. Nothing is trained here: we use what there is.

# %%
if truth_known:
    def overlap(backbone):
        """Masks of followed figures, and how well they overlap with the truth in the last frame: intersection over union."""
        with frozen(backbone):
            for film, masks in zip(followed.clips, followed.annotations["masks"]):
                large = F.interpolate(normalise(film), scale_factor=2)
                maps = backbone.stages(large.to(session.device), last="conv2")["conv2"].cpu()
                covered = F.adaptive_avg_pool2d(masks[:, None].float(), maps.shape[-1])[:, 0].cpu()
                guess, true = follow(maps, covered[0])[-1] > 0.5, covered[-1] > 0.5
                yield guess, ((guess & true).sum() / (guess | true).sum().clamp_min(1)).item()

    followed = films.test.subset(order[: session.budget(quick=30)])
    tracks = {name: list(overlap(backbone)) for name, backbone in backbones.items()}
    kept = {name: sum(share for _, share in track) / len(track) for name, track in tracks.items()}
    for name, share in kept.items():
        session.record(f"shf.follow.{name}", share, unit="fraction")
    session.show(setting_bars({"overlap in the last frame": kept}, "shuffle"), alt=in_words({"overlap in the last frame": kept}),
                 caption="The figure followed from the first frame to the last by the features of three networks: intersection over union with the truth, averaged over films.")

# %% [markdown]
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** The numbers of this run:

# %%
session.say("The network tells order from disorder with a score of **{shf.pretext_accuracy}**. Who knows only where the moving thing is gets {shf.centroids}.")
if truth_known:
    session.say("The neighbours that its features choose share the pose in {shf.neighbours.shuffle.pose} of the points, against {shf.neighbours.random.pose} with random weights "
                "and {shf.neighbours.supervised.pose} with labels of scenes; the scene in {shf.neighbours.shuffle.scene}, against {shf.neighbours.supervised.scene}.")

# %% [markdown]
# To tell the order it must look at what changes within a film, and forget what does not: scene and colour are the same in all three frames, in order or not. That is what the columns of section 6 show. A pretext task does not only say what to keep. It says what may be thrown away.
#
# **What could still fool us.** A panning camera tells the time by the background, and half of our cameras pan. What a network learns from them is to follow walls. Section 5 shows how much of the score that may be; blurred or cut film, or a lamp that flickers, would be other clocks.
#
# **Where the lecture is loose.** It says that the network looks at the pose of the person, and adds that this took some inspection. Two examples are not a count. It says that the three features are *concatenated*; what the head can make of that depends on how it is written. And "the right order" includes the reverse, or else a network would have to know which way people walk.
#
# **Where this stands beside the paper.** Action recognition after fine-tuning, and keypoints:

# %% tags=["published"]
session.published("shuffle_and_learn")
session.gap({
    "films": ("9 500 of UCF101", len(films.train)), "triples shown in training": ("about 900 thousand", steps * 10 * task.questions * 6),
    "a frame's side, in pixels": ("227", films.test.clips.shape[-1]),
    "how motion is measured": ("optical flow", "change of brightness"),
    "the tower": ("CaffeNet up to fc7", "five convolutions, then one linear layer"),
    "what the head gets": ("three vectors", "the first, and two differences"),
}, "Misra et al. 2016")

# %% [markdown]
# **Check yourself.** Six questions; only the first try counts.

# %%
quiz = Quiz("shuffle_and_learn", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Film a friend who waves, put the file into a folder, and run this notebook with `dataset = "clips:PATH"`. Then film with a moving hand. Which film's frames does the network order better, and why?
