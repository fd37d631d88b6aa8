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
# # What colour was it?
#
# > **The question.** Show a network a picture in grey and ask for its colours. Some things have one colour, some could have any. What does the network say about each?
# >
# > **You will** pick the true colouring out of three, write the functions that turn colours into labels, train a network that answers with one colour and one that answers with many, and compare what they paint. At the end they colour a photo of yours.
# >
# > **Before you start:** Python and arrays, and notebook 02, where probes and claims are explained.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Invent the labels | read | do its exercise |
# | 3 · One colour | ✓ | ✓ |
# | 4 · Many colours | ✓ | ✓, with its three exercises |
# | 5 · Does it know what it does not know? | ✓ | ✓ |
# | 6 · Several answers | look at the figures | ✓ |
# | 7 · Your photo, and an old film | ✓ | ✓ |
# | 8 · Is it good for anything else? | ✓ | ✓ |
# | 9 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** Ask in section 3 why the answer is grey before you explain: half of the room will say that the network is not trained enough. The temperature slider of section 4 answers at once and is made for the front of a class; let them call out when the picture becomes wrong rather than pale.
#
# Section 7 wants a photo that you have taken that day. The control in section 8 sees grey as well: ask why that is fair, and what an unfair one would have shown.
#
# Live: besides the temperature, the learning rate while the classifier of section 4 trains. Have a photo ready for section 7, and its path on the clipboard.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 5 | 5 |
# | 2 · Invent the labels | 3 | 8 |
# | 3 · One colour | 7 | 7 |
# | 4 · Many colours | 9 | 32 |
# | 5 · Does it know what it does not know? | 5 | 7 |
# | 6 · Several answers | 4 | 8 |
# | 7 · Your photo, and an old film | 5 | 9 |
# | 8 · Is it good for anything else? | 4 | 7 |
# | 9 · What we know now | 3 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.evaluation.colours import finds, freedom
from course_lib.evaluation.supervised import Supervised
from course_lib.exercises import exercise
from course_lib.plots.colours import heat_rows, picture_rows, temperature_curves
from course_lib.plots.images import image_row
from course_lib.pretext.colour import annealed_mean as library_mean
from course_lib.pretext.colour import chroma_ratio, entropy, error_ratio, paint, to_lab, to_rgb
from course_lib.pretext.colourisation import Colourisation
from course_lib.pretext.diverse_colourisation import DiverseColourisation, spread
from course_lib.start import start
from course_lib.widgets.explorers import SettingsExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.photo import OwnPhoto
from course_lib.widgets.quiz import Quiz

# %%
import functools

import torch
from skimage.data import camera, coffee  # photographs that come with the library scikit-image

session = start("04_colourisation", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
in_the_world = photos.name == "world"  # where we know which colours are free

# %% [markdown]
# ## 1 · Play
#
# The pictures of the data set `world` are drawn by a program, which writes down everything about them, also which colours it chose freely.
#
# One picture in grey, three colourings. One of them is the picture's own; in the other two every hue has been turned by a third of the circle. Which is true?

# %%
order = torch.randperm(len(photos.test), generator=session.rng("puzzle"))
puzzle = photos.test.batch(order[:10]).images.cpu()
truth = torch.randint(0, 3, (10,), generator=session.rng("truth"))


def turned(images, thirds):
    """Pictures with every hue turned by so many thirds of the circle."""
    ab = to_lab(images, exact=True)[:, 1:]
    cos, sin = torch.cos(thirds * 2 * torch.pi / 3), torch.sin(thirds * 2 * torch.pi / 3)
    return paint(images, torch.stack([cos * ab[:, 0] - sin * ab[:, 1], sin * ab[:, 0] + cos * ab[:, 1]], dim=1))


# paint(pictures, ab) keeps the lightness of pictures and gives them the colours ab; zeros are grey.
grey_pictures = paint(puzzle, torch.zeros(10, 2, *puzzle.shape[2:]))
turns = (torch.arange(3) - truth[:, None]) % 3  # 0 for the true one
choices = torch.stack([torch.cat([turned(p[None], t) for t in some]) for p, some in zip(puzzle, turns)])
game = Game(grey_pictures, truth, ["first", "second", "third"], "Which colouring is the picture's own?",
            alt="A picture in grey, and three colourings of it", pictures=choices).show()

# %% [markdown]
# When were you sure? With leaves and with the sky, perhaps: you know what colour they have. And when did you guess? A wall, a boat, a dog of this world can have any colour. To colour a picture one has to know what is in it, and for some things even that is not enough.
#
# **Before you train anything, commit yourself.** A network that has to answer with one colour for each place: how colourful will its answer be where any colour is possible, and where there is only one? (100 would be as colourful as the truth, 0 is grey.)

# %%
forecast_free = session.forecast("col.l2.free", "Where any colour is possible: how colourful, beside the truth?", start=0.5)
forecast_fixed = session.forecast("col.l2.fixed", "And where things have one colour?", start=0.5)

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
# Red, green and blue mix lightness and colour. So the picture is written as **Lab** first: $L$ is how light a pixel is, from 0 to 100; $a$ runs from green to red and $b$ from blue to yellow, both 0 for grey. The length of $(a, b)$ is the **chroma**, how colourful; its direction is the hue. scikit-image converts there and back. (Your function draws the next figure; in training, the library does the same.)
#
# What is visible is $L$. What is hidden is $a$ and $b$.
#
# > **Exercise 1 · `split_colour`** (difficulty 1 of 5, importance 5 of 5, about four minutes.) `lab` is a float tensor N x 3 x H x W: L, a, b. Return two tensors. `visible`, N x 3 x H x W: L brought from 0…100 to -1…1, three times over, because every network of this course takes three channels. `hidden`, N x 2 x H x W: a and b as they are.

# %%
def split_colour(lab):
    """What the network sees (N x 3 x H x W), and what it must say (N x 2 x H x W)."""
    raise NotImplementedError  # your turn: replace this line


split_colour = exercise("colourisation.split_colour", split_colour)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def split_colour(lab):
#     lightness = lab[:, :1] / 50 - 1
#     return lightness.expand(-1, 3, -1, -1), lab[:, 1:]
# ```
# </details>

# %%
lab = to_lab(puzzle[:3], exact=True)
visible, hidden = split_colour(lab)
alone = torch.cat([torch.full_like(hidden[:, :1], 65), hidden], dim=1)  # its colours, all equally light
rows = {"the picture": puzzle[:3], "visible: L": ((visible + 1) * 127.5).to(torch.uint8), "hidden: a, b": to_rgb(alone)}
session.show(
    picture_rows(rows),
    caption="Three pictures, split by your function. The middle row is all that the network sees. The last row shows the colours without their lightness.",
    alt="Three pictures in colour, in grey, and their colours alone.",
    rests_on=["colourisation.split_colour"],
)

# %% [markdown]
# ## 3 · One colour
#
# The plainest way is **regression**: two numbers for each place, and a loss that is the squared distance from the true $a$ and $b$ (called L2). One answer for each cell of 4 x 4 pixels is enough, since the eye sees colours less sharply than lightness. Which two numbers make the squared distance smallest, when a wall, the same in grey, is red in one picture and green in the next?
#
# In the panel, *chroma ratio* is how colourful the answers are, over how colourful the truth is. *Error ratio* is how far off they are, over how far off plain grey would be: above 100, grey paint would be nearer.

# %%
steps = session.budget(quick=400, classroom=4000, full=30000)
asked = photos.test.subset(slice(session.budget(quick=300, classroom=2000)))  # the pictures that networks are asked about


def new_network(target="regression", **options):
    """A backbone with random weights, and the task with its head on top of it."""
    backbone = session.backbone("colourisation")
    return backbone, Colourisation(backbone, session.rng("head"), target, **options)


run = session.train("regression", *new_network(), steps=steps)

# %%
await run.finished()
true = run.task.colours_of(to_lab(asked.images))


def answers(run):
    """What a network says about the pictures asked, a few at a time."""
    return torch.cat([run.task.guess(run.backbone, few) for few in asked.images.split(200)])


mean_colours = run.task.ab(answers(run))

# %%
session.record("col.l2.chroma", chroma_ratio(mean_colours, true), unit="fraction")
chosen = order[:6] % len(asked)
six = asked.images[chosen]
in_grey = paint(six, torch.zeros(6, 2, 1, 1))
rows = {"what it sees": in_grey, "regression": run.task.colours(run.backbone, six), "the picture": six}
session.show(
    picture_rows(rows),
    caption="Six test pictures: in grey, as the network colours them, and as they are. Look for things that lost their colour, and for things that kept it.",
    alt="Six pictures in three rows: grey, coloured by the network, and the original.",
    rests_on=[],
)
session.say("Over all test pictures the network's colours have **{col.l2.chroma}** of the true chroma.")

# %% [markdown]
# The lecture that this course follows says: where a thing may have several colours, the network paints it grey, for grey is the mean of them all. The data set `world` can tell, since it knows for every pixel whether its colour was free. On some scenes everything lies on a surface: walls, cloth and stone whose hue was drawn at random (**free**), and leaves, which are green (**fixed**). If the lecture is right, the network is grey on the first and green on the second.

# %%
if in_the_world:
    where = freedom(asked, true.shape[-1])
    for name in ("free", "fixed", "natural", "two"):
        session.record(f"col.l2.{name}", chroma_ratio(mean_colours, true, where[name]), unit="fraction")
    session.say("Where colours are free, the answer has **{col.l2.free}** of the true chroma; where they are fixed, **{col.l2.fixed}**.")
    for claim in ("col.grey", "col.grey.fixed"):
        session.claim(claim)

# %% [markdown]
# Is grey what the lecture's sentence says, or what our loss asks for? The mean of all hues is grey, and no single answer has a smaller mean squared distance from them. A network that need not choose one colour may do otherwise; the next section tries it.
#
# Two more measurements. `natural` are all colours that belong to a thing, land and sky among them. And `two` are the birds: each is red or green, by the toss of a coin, and the mean of these two is not grey but a brown. **Guess** both, beside the two numbers above.

# %%
if in_the_world:
    session.say("Natural colours: **{col.l2.natural}** of the true chroma. The birds: **{col.l2.two}**.")
    birds = photos.test.subset(photos.test.labels == photos.classes.index("bird")).images[:6]
    session.show(
        picture_rows({"regression": run.task.colours(run.backbone, birds), "the picture": birds}),
        caption="Six birds: as the network colours them, and as they are. Brown, grey, or neither?",
        alt="Six birds, coloured by the network and as they are.", rests_on=[],
    )
    for claim in ("col.grey.natural", "col.brown"):
        session.claim(claim)

# %% [markdown]
# Natural is not fixed. Sand, clay and moss have their own colours, but in grey they look much alike. To the network, a colour is free when *it* cannot tell, whatever we know. And a mean is brown only for one who has seen that the thing is a bird: the network has seen few, and small ones.
#
# ## 4 · Many colours
#
# The second network has the same backbone, sees the same pictures for as many steps, and may keep its doubt (Zhang, Isola and Efros, 2016). The plane of $a$ and $b$ is cut into **bins**, squares of ten by ten; those that a screen can show are 259. The network gives each bin a share, a probability, and the loss is a cross-entropy: **classification**. A wall may then be "red or green or blue, a little of each".
#
# A colour between two bins should not count for one of them alone. So the label is soft: the ten nearest bins share it.
#
# > **Exercise 2 · `soft_encode`** (difficulty 3 of 5, importance 3 of 5, about ten minutes.) `ab` are N colours, N x 2; `centres` the bins' centres, Q x 2. Return N x Q shares. In each row the `neighbours` nearest bins (all of them, if there are fewer) have shares in proportion to exp(-d² / (2 sigma²)), with d the distance from the colour, which sum to 1. The others have 0.

# %%
def soft_encode(ab, centres, neighbours, sigma):
    """Colours as shares of bins: N x Q."""
    raise NotImplementedError  # your turn: replace this line


soft_encode = exercise("colourisation.soft_encode", soft_encode)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def soft_encode(ab, centres, neighbours, sigma):
#     squares = (ab[:, None] - centres).square().sum(2)                          # N x Q
#     near = squares.topk(min(neighbours, len(centres)), largest=False)
#     shares = (-near.values / (2 * sigma**2)).softmax(1)
#     return torch.zeros_like(squares).scatter(1, near.indices, shares)
# ```
# </details>
#
# Most pixels of most pictures are nearly grey. A network that always says "greyish" is right often, and dull. **Rebalancing** gives rare colours more weight.
#
# > **Exercise 3 · `rebalance`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `prior` holds the share of each of Q bins in the training pictures. Mix it with equal shares, $(1 - \lambda) p + \lambda / Q$; a bin's weight is in proportion to 1 over that. Scale the weights so that their mean under the prior, $\sum p\, w$, is 1. Return Q weights.

# %%
def rebalance(prior, lambda_):
    """Weights of the bins, large for rare ones: Q numbers."""
    raise NotImplementedError  # your turn: replace this line


rebalance = exercise("colourisation.rebalance", rebalance)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def rebalance(prior, lambda_):
#     weights = 1 / ((1 - lambda_) * prior + lambda_ / len(prior))
#     return weights / (prior * weights).sum()
# ```
# </details>

# %%
classifier = session.train("colourisation", *new_network("classification", rebalance=0.5), steps=steps)

# %%
await classifier.finished()
bins = classifier.task.bins.cpu()
weights = rebalance(bins.prior, 0.5)
common, rare = bins.prior.argmax(), weights.argmax()
shares = soft_encode(torch.tensor([[33.0, 12.0]]), bins.centres, 10, 5.0)[0]
print(f"{len(bins)} bins. The commonest, around a, b = {bins.centres[common].tolist()}, is {100 * bins.prior[common]:.0f} % of all cells.")
print(f"Its weight is {weights[common]:.2f}; the largest weight, of a = {bins.centres[rare][0]:.0f}, b = {bins.centres[rare][1]:.0f}, is {weights[rare]:.1f}.")
print("The colour 33, 12 is shared by the bins", [tuple(map(int, bins.centres[k])) for k in shares.nonzero()[:, 0]])

# %% [markdown]
# Now the network answers with 259 numbers for each cell, and a picture needs one colour. The mean of the distribution would be nearly as grey as before (were it not for the weights of rare colours, it would be the same mean). Its mode, the largest share, jumps from cell to cell. The paper goes between: sharpen the distribution with a **temperature** $T$, then take the mean. With $z$ the logits and $c_q$ the centre of bin $q$,
#
# $$\sum_q c_q\, \frac{\exp(z_q / T)}{\sum_k \exp(z_k / T)}$$
#
# > **Exercise 4 · `annealed_mean`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `logits` N x Q, `centres` Q x 2, `temperature` a number above 0. Return N x 2 colours. Logits may be so large and temperatures so small that $z / T$ is no longer a finite number; the answer still must be.

# %%
def annealed_mean(logits, centres, temperature):
    """One colour for each row of logits: N x 2."""
    raise NotImplementedError  # your turn: replace this line


annealed_mean = exercise("colourisation.annealed_mean", annealed_mean)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def annealed_mean(logits, centres, temperature):
#     return ((logits - logits.amax(1, keepdim=True)) / temperature).softmax(1) @ centres
# ```
# </details>
#
# Move the slider to both ends. What do you win towards 0, and what do you lose?

# %%
COLD = 0.1  # at which we show and measure, unless it says otherwise; the paper takes 0.38
logits = answers(classifier).float().cpu()
shown = logits[chosen]


def decoded(logits, temperature):
    """Your annealed mean, cell by cell: N x Q x h x w to N x 2 x h x w."""
    flat = logits.movedim(1, -1).flatten(0, -2)
    return annealed_mean(flat, bins.centres, temperature).unflatten(0, (len(logits), *logits.shape[2:])).movedim(-1, 1)

# %%
def at_temperature(temperature):
    """Six pictures in the colours that the network means at this temperature."""
    ab = decoded(shown, temperature)
    few = true[chosen].cpu()
    words = f"T = {temperature:.2f}: chroma {100 * chroma_ratio(ab, few):.0f} % of the truth's, error {100 * error_ratio(ab, few):.0f} % of grey's."
    figure = image_row(paint(six.cpu(), ab), side=1.35)
    figure.suptitle(words, fontsize=10)
    return figure, words


cooling = SettingsExplorer(at_temperature, {"temperature": (0.02, 1.0, COLD)},
                           caption="The same six pictures, coloured by classification. The title says how colourful they are, and how far off.").show()

# %%
temperatures = [0.02, 0.05, 0.1, 0.2, 0.38, 0.7, 1.0]
curves = {"chroma over the truth's": [], "error over grey's": []}
for temperature in temperatures:
    ab = library_mean(logits, bins.centres, temperature)
    curves["chroma over the truth's"].append(chroma_ratio(ab, true.cpu()))
    curves["error over grey's"].append(error_ratio(ab, true.cpu()))
for name, values in zip(("chroma", "error"), curves.values()):
    for end, value in (("mode", values[0]), ("cold", values[2]), ("mean", values[-1])):
        session.record(f"col.temperature.{name}_{end}", value, unit="fraction")
session.show(
    temperature_curves(temperatures, curves), caption="Left: towards the mode, T near 0. Right: the plain mean, T = 1. On the dotted line: as colourful as the truth, or as far off as plain grey.",
    alt="Two curves over the temperature. " + "; ".join(f"{name}: " + ", ".join(f"{100 * v:.0f} %" for v in values) for name, values in curves.items()),
    rests_on=[],
)
session.record("col.classification.chroma", curves["chroma over the truth's"][2], unit="fraction")
for claim in ("col.temperature", "col.temperature.error", "col.l2_is_dull"):
    session.claim(claim)

# %% [markdown]
# Colourful and right are two wishes. Where the upper curve lies above the dotted line, plain grey would have been nearer to the truth. We decode at 0.1 all the same, because we ask whether the *colour* is there, not whether it is the one that a coin chose.

# %%
many_colours = library_mean(logits, bins.centres, COLD).to(true.device)
rows = {"what it sees": in_grey, "regression": run.task.colours(run.backbone, six),
        "classification": classifier.task.colours(classifier.backbone, six, COLD), "the picture": six}
session.show(
    picture_rows(rows), caption="The same pictures by both networks. They have the same backbone and have seen the same pictures for as many steps.",
    alt="Six pictures in four rows: grey, coloured by regression, by classification, and the original.", rests_on=[],
)
if in_the_world:
    session.record("col.classification.free", chroma_ratio(many_colours, true, where["free"]), unit="fraction")
    session.claim("col.many")

# %% [markdown]
# Does rebalancing make the difference, or the bins? Two networks, with the weights and without. `chroma` is over all test pictures, at the same temperature.

# %%
def colourful(lambda_):
    """How colourful a network is that was trained with or without weights for rare colours."""
    backbone, task = new_network("classification", rebalance=lambda_)
    session.fit(backbone, task, steps=steps)
    guess = torch.cat([task.ab(task.guess(backbone, few), COLD) for few in asked.images.split(200)])
    return chroma_ratio(guess, true)


balance = session.sweep("col.rebalance", colourful, {"with": 0.5, "without": None})

# %% [markdown]
# ## 5 · Does it know what it does not know?
#
# A distribution can say how undecided it is. Its **entropy**, in bits, is 0 when one bin has it all, and 8 when all 259 have much the same. If the network has understood which colours are free, its entropy is high there.

# %%
doubt = entropy(logits).to(true.device)
heat = {"entropy (bits)": doubt[chosen]}
if in_the_world:
    heat["2 free, 1 fixed"] = (2.0 * where["free"] + where["fixed"])[chosen]
    session.record("col.ambiguity.auc", finds(doubt, where["free"], where["fixed"]), chance=0.5, unit="fraction")
session.show(
    heat_rows(six, heat), caption="Where the network is undecided (bright), and what the world says: cells of surfaces whose colour was free, cells of leaves, and black for all that we do not ask about.",
    alt="Six pictures, a map of the network's entropy for each, and the truth.", rests_on=[],
)
if in_the_world:
    session.say("Put a free cell of a surface beside a fixed one: in **{col.ambiguity.auc}** of such pairs the free one has the higher entropy. Guessing gives {col.ambiguity.auc.chance}.")
    session.claim("col.ambiguity")

# %% [markdown]
# If that number is well above guessing, the entropy tells free from fixed. What it does not show: how. Leaves are rough and walls are smooth, and that may be enough. (With photos nobody knows which colours were free, and there is no number.)
#
# And the game: which of three colourings does the network find most plausible? It looks at the shares that it gave to the colours of each.

# %%
plausible = torch.stack([classifier.task.plausibility(classifier.backbone, choices[:, k].to(session.device)) for k in range(3)], dim=1)
game.let_play(plausible.cpu())
picked = choices[torch.arange(10), plausible.argmax(1).cpu()]
session.show(
    picture_rows({"you saw": grey_pictures, "the network's choice": picked, "the picture": puzzle}),
    caption="The ten pictures that you played, the colouring that the network found most plausible, and the true one.",
    alt=game.replay()[1], rests_on=[],
)

# %% [markdown]
# ## 6 · Several answers
#
# Cell by cell, a distribution does not know that the left half of a wall has the colour of the right half. Draw each cell by itself, and the wall is confetti. A **conditional variational autoencoder** draws once for the whole picture: eight numbers, $u$, say which of the possible colourings is meant.
#
# - **In training**, a second network looks at the true colours and writes $u$; the first one paints from the grey picture and $u$. Writing costs: the more $u$ says about the picture, the further it lies from plain random numbers, and this distance (the Kullback-Leibler divergence from the standard normal distribution) is added to the loss. So $u$ should hold what the grey picture does not tell, and little else.
# - **Afterwards** nobody knows the true colours. $u$ is drawn at random, and each draw is a colouring.
#
# **Guess first.** Draw several colourings of each picture. Where will they differ?

# %%
def new_diverse():
    """The same backbone, a head that is told u, and the network that writes u from the true colours."""
    backbone = session.backbone("diverse")
    return backbone, DiverseColourisation(backbone, session.rng("diverse head"))


diverse = session.train("diverse", *new_diverse(), steps=session.budget(quick=300, classroom=4000, full=30000))

# %%
await diverse.finished()
drawn = diverse.task.several(diverse.backbone, six, 4, session.rng("draws", session.device))
rows = {"what it sees": in_grey} | {f"draw {k + 1}": paint(six, drawn[:, k]) for k in range(4)}
session.show(
    picture_rows(rows | {"the picture": six}), caption="Four colourings of each picture. In a column only u differs. Does each thing get a colour of its own, or does u tint everything?",
    alt="Six pictures: in grey, four times coloured, and the original.", rests_on=[],
)
everything = torch.cat([spread(diverse.task.several(diverse.backbone, few, 8, session.rng("many", session.device)))
                        for few in asked.images.split(100)])
heat = {"spread of eight draws": everything[chosen]}
session.show(
    heat_rows(six, heat), caption="How far eight colourings lie from their mean, in units of a and b. Bright: they differ.",
    alt="Six pictures and a map of the spread for each.", rests_on=[],
)
if in_the_world:
    for name in ("free", "fixed"):
        session.record(f"col.spread.{name}", everything[where[name]].mean().item(), unit="units of a and b")
    session.claim("col.diverse")

# %% [markdown]
# ## 7 · Your photo, and an old film
#
# Upload a photo, or type its path. It stays on this computer; only its middle square is used, at the size of the training pictures. What did the network never see, and what does it make of it?

# %%
def coloured(photo):
    """A photo in grey, in both networks' colours, and as it is."""
    one = photo[None].to(session.device)
    titles = ["grey", "regression", "classification", "as it is"]
    found = [paint(one, torch.zeros(1, 2, 1, 1)), run.task.colours(run.backbone, one), classifier.task.colours(classifier.backbone, one, COLD), one]
    return image_row(torch.cat(found), titles, side=1.9), "A photo in grey, coloured by regression, by classification, and as it is."


example = torch.from_numpy(coffee()).permute(2, 0, 1)[:, :, 100:500].float()
example = torch.nn.functional.interpolate(example[None], (photos.size, photos.size), mode="area")[0].round().to(torch.uint8)
photo = OwnPhoto(coloured, example, caption="A photo that the networks have never seen, of a kind that they have never seen.").show()

# %% [markdown]
# Old films were shot in grey, and the lecture names them as a use. Here is a strip: a photograph in black and white, over which the view moves a little from frame to frame. Each frame is coloured by itself. **Before you run it:** will the same coat have the same colour in all of them?

# %%
still = torch.from_numpy(camera())[None].expand(3, -1, -1)
frames = torch.stack([still[:, 40:296, left : left + 256] for left in range(60, 240, 30)])
frames = torch.nn.functional.interpolate(frames.float(), (photos.size, photos.size), mode="area").round().to(torch.uint8)
session.show(
    picture_rows({"the film": frames, "coloured": classifier.task.colours(classifier.backbone, frames.to(session.device), COLD).cpu()}),
    caption="Six frames of a film, coloured one by one. Nothing tells the network that they belong together: colours may flicker.",
    alt="Six overlapping pieces of a photograph of a man with a camera, in grey and coloured.", rests_on=[],
)

# %% [markdown]
# ## 8 · Is it good for anything else?
#
# The probe of notebook 02 again, with one condition: **every** network is shown the pictures in grey, the one with random weights, and the one that was trained with labels for as many steps. Else a control could name classes by a colour that this network cannot see.

# %%
question = "For what share of pictures will a linear probe, at its best stage, name the right class?"
forecast_probe = session.forecast("col.probe.best", question, start=1 / len(photos.classes))

# %%
class GreySupervised(Supervised):
    """The control with labels, on grey pictures."""

    def hide(self, batch, rng):
        visible, labels = super().hide(batch, rng)
        return visible.mean(1, keepdim=True).expand(-1, 3, -1, -1), labels


def new_supervised():
    """A backbone with random weights, and a head that names the class."""
    backbone = session.backbone("supervised")
    return backbone, GreySupervised(backbone, len(photos.classes), session.rng("supervised head"))


labelled = session.train("supervised_for_colourisation", *new_supervised(), steps=steps)

# %%
await labelled.finished()
make = functools.partial(new_network, "classification", rebalance=0.5)
classifier = session.trained("colourisation", make, steps=steps)  # trained now if you skipped section 4
await classifier.finished()
networks = (classifier.backbone, session.backbone("random control"), labelled.backbone)  # all are asked through the task's own eyes
best = session.compare_probes("col", *[(classifier.task, tower) for tower in networks], rests_on=[])
session.claim("col.transfers")

# %% [markdown]
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** Section 3 says where the answer with one colour went grey; section 4 how much of the colour comes back when the network may keep its doubt, and what that costs in error. Section 5 says whether the doubt sits where it belongs.
#
# **What could still fool us.** Colourful is not right. A network that paints every wall a cheerful orange has a high chroma, and looks convincing to people who have not seen the original. That is why error stands beside chroma wherever we measure.
#
# **Where the lecture is loose.** It says that an object with several possible colours comes out grey, the mean of all solutions. Two conditions are left out. The network must be made to answer with one colour, and pay by its distance from the truth; and the possible colours must balance. The first you have changed in section 4; the second fails for the bird.
#
# **Where this stands beside the paper.** A linear classifier on the frozen stages of AlexNet on ImageNet, and transfer after fine-tuning on the data set PASCAL VOC.

# %% tags=["published"]
session.published("colourisation")
session.gap({
    "training pictures": ("1.3 million", len(photos.train)), "a picture's side, in pixels": ("176 to 256", photos.size),
    "bins of colours": ("313, with a margin", len(bins)), "answers along each side": ("a quarter of the pixels", true.shape[-1]),
    "channels of the widest stage": ("512", max(session.backbone().widths.values())),
    "times that each picture was shown": ("many", round(steps * 32 / len(photos.train), 1)),
}, "Zhang, Isola and Efros 2016")

# %% [markdown]
# **Check yourself.** Seven questions; only the first try counts.

# %%
quiz = Quiz("colourisation", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Take a photo with a lawn and one with a red car, and look at both in section 7. Then lower the temperature to its end. Which of the two changes?
