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
# # What does a label cost?
#
# > **The question.** Networks learn to see from pictures that somebody has labelled. How much labelling can the world afford, and what can be learnt without any?
# >
# > **You will** label against the clock, work out what that means for fourteen million pictures, see what labels buy and where they stop helping, and teach a network about words from sentences that nobody labelled.
# >
# > **Before you start:** Python and arrays. No more.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play: label it yourself | ✓ | ✓ |
# | 2 · What a label costs | ✓ | ✓, with its exercise |
# | 3 · How much is there to label? | look at the figures | ✓, with its exercise |
# | 4 · What labels buy, and where they stop | ✓ | ✓ |
# | 5 · Labels that nobody gave | read | ✓ |
# | 6 · Guess the hidden word | ✓ | ✓, with its two exercises |
# | 7 · What do the vectors know? | browse | ✓, with its exercise |
# | 8 · Doubt | ✓ | ✓ |
# | 9 · What we know now | ✓ | ✓ |
#
# *The lecture* is one on self-supervised learning whose claims this course checks: what it says is either measured here, or marked as its word.
#
# Run the cells one after another with Shift + Enter. The next cell holds what you may change.

# %% [markdown] tags=["instructor"]
# **For who teaches.** Start the clock for everybody at once in section 1 and collect the paces on the board: their spread is the first lesson. Then run the calculator backwards in front of the class, and let it find out which assumptions give the lecture's figure.
#
# Section 4 trains while you talk; ask for the forecast first, and write it down where all can see it. In section 5 let them argue about the place of a photo before you open the answer. The word game of section 6 works with two hundred people by show of hands; section 7 is for browsing at home.
#
# Live: the calculator of section 2 and the exponent of section 3, both from the back of the room: let somebody name an assumption, set it, and ask who would have guessed the new total within a factor of ten. The nearest words and the analogies of section 7 are live too; ask for the answer before you choose the question, and show one that fails.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play: label it yourself | 6 | 7 |
# | 2 · What a label costs | 7 | 10 |
# | 3 · How much is there to label? | 4 | 14 |
# | 4 · What labels buy, and where they stop | 8 | 11 |
# | 5 · Labels that nobody gave | 3 | 6 |
# | 6 · Guess the hidden word | 7 | 15 |
# | 7 · What do the vectors know? | 2 | 13 |
# | 8 · Doubt | 4 | 7 |
# | 9 · What we know now | 3 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.data import open_dataset
from course_lib.data.sentences import corpus, docstrings
from course_lib.evaluation.hashtags import Hashtags, with_words
from course_lib.evaluation.probes import few_shot
from course_lib.evaluation.supervised import Supervised
from course_lib.evaluation.words import Affinity, choose, hidden_words, nearest_words
from course_lib.exercises import exercise
from course_lib.plots.images import image_row
from course_lib.plots.labelling import agreements, cited, cost_bars, large, long_tail, scale_of_data, similar_words, years_by_seconds
from course_lib.plots.settings import in_words, setting_bars
from course_lib.pretext.word2vec import Word2vec, hide_middle, noise_distribution, table
from course_lib.start import start
from course_lib.widgets.explorers import SettingsExplorer
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz
from course_lib.widgets.words import WordGame

# %%
import dataclasses
import functools

import torch

session = start("01_labelling_cost", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
facts = cited("labelling_cost")  # what others have measured, with its sources
IMAGENET = 14_197_122  # pictures

# %%
DIMENSION, REACH = 24, 4  # numbers in a word's vector, neighbours on each side
often = {"steps": session.budget(quick=400, classroom=4000), "batch_size": 1000, "learning_rate": 0.05}


@functools.cache
def read():
    """Sentences to learn from, as numbers; sentences of other modules, as numbers and as words."""
    learn, ask = docstrings(max(20_000, session.budget(quick=120_000, classroom=300_000)))
    text = corpus(learn, least=10)
    return text.to(session.device), corpus(ask, like=text), ask


def new_reader(data, dimension=DIMENSION, purpose="docstrings", **options):
    """A table of vectors, small random numbers, and the task with its head; section 6 explains both."""
    options = {"reach": REACH, "hide_middle": hide_middle, "noise_distribution": noise_distribution} | options
    return table(len(data.vocabulary), dimension, session.rng(purpose)).to(session.device), Word2vec(data, dimension, **options)


# %% [markdown]
# You need not read the imports, nor the two functions, which section 6 will use. What they gave you: `photos.train` and `photos.test`, pictures as torch tensors (torch's arrays); and `session.rng("some words")`, a generator of random numbers that gives the same draws for the same words and seed.
#
# ## 1 · Play: label it yourself
#
# Unless you have put in photos of your own, the pictures come from *the world*: a data set that a program of this course draws, with things of ten classes in scenes, and a caption below each. Since we drew it, we know the truth about it.
#
# Here are twenty pictures. Say of each what it is about, as fast as you can without being wrong. The clock runs from your first answer on; the pause before it, in which you read this, does not count.
#
# Do all twenty. It has to be a little boring.

# %%
known = photos.test.subset(photos.test.labels < 10)  # ten answers are enough to choose from
order = torch.randperm(len(known), generator=session.rng("twenty"))
twenty = known.subset(order[:20])
game = Game(twenty.images.cpu(), twenty.labels.tolist(), photos.classes[:10],
            question="What is this picture about?", alt="A picture with one main thing in it", clock=True).show()

# %% [markdown]
# What was your pace, and how often were you wrong? Was the twentieth harder than the first?
#
# **Now guess, before you run the next cell.** ImageNet, the collection on which computer vision grew up, holds fourteen million pictures. At your pace, with eight hours a day and weekends off, when would you be done?

# %%
pace, missed = game.pace(), len(game.score.wrong(game.score.yours))
if pace is None:
    pace, error = facts[0]["value"], facts[7]["value"] / 100
    print("Nobody has labelled here, so what follows is an example: the published pace of a yes or no, and the published share of wrong labels in ImageNet.")
else:
    error = missed / len(game.score.yours)
for words, pictures in (("ImageNet", IMAGENET), ("all images on the internet, by the lecture's estimate", IMAGENET * 1e5)):
    years = pictures * pace / 3600 / 2000
    print(f"At {pace:.1f} s a picture, {words}: {large(years)} years of 2000 working hours, and {large(pictures * error)} wrong labels.")

# %% [markdown]
# One word for a picture is among the cheapest labels that there are. And the ten answers stood before you: ImageNet has more than twenty thousand.

# %% [markdown]
# ## 2 · What a label costs
#
# The cell above multiplied three things: how many images there are, how long one answer takes, and how long a year of work is. A fourth was left out: how many people must agree. Write it down once, and we can ask it anything.
#
# > **Exercise 1 · `human_years`** (difficulty 1 of 5, importance 4 of 5, about three minutes.) `images` is how many there are; `seconds` is the time of one answer; `answers` is how many people look at each image; `hours` is how many hours a working year has. Return how many such years the labels take. (The last line of the cell checks your function. Until it is right, ours is used, and the notebook goes on.)

# %%
def human_years(images, seconds, answers, hours):
    """Working years that the labels take."""
    raise NotImplementedError  # your turn: replace this line


human_years = exercise("labelling_cost.human_years", human_years)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def human_years(images, seconds, answers, hours):
#     return images * answers * seconds / 3600 / hours
# ```
# </details>
#
# **Forwards.** Choose a kind of label and move the rest. A *tag* is a yes or no about one class. A *box* is drawn around one thing and checked. A *mask* is its outline. *Keypoints* are the joints of one body. The seconds are published ones (section 9 lists their sources); two thousand hours are fifty weeks of forty. The wage is for you to choose: it begins with the minimum wage of the United States, and a study of the workers on one large platform found a median of two dollars an hour (Hara et al. 2018, arXiv:1712.05796).

# %%
SECONDS = {row["method"]: row["value"] for row in facts[:4]}  # tag, box, mask, keypoints


def forwards(label, images, seconds_each, answers, hours_a_year, dollars_an_hour):
    seconds = SECONDS | ({} if seconds_each == "as published" else {label: seconds_each})
    years = {name: human_years(images, value, answers, hours_a_year) for name, value in seconds.items()}
    money = {name: value * hours_a_year * dollars_an_hour for name, value in years.items()}
    words = "; ".join(f"{name}: {large(years[name])} human-years, {large(money[name])} dollars" for name in years)
    return cost_bars(years, money, label, images), f"One label for each of {large(images)} images. {words}."


calculator = SettingsExplorer(forwards, {
    "label": list(SECONDS), "images": [IMAGENET, *(10**power for power in range(3, 13))],
    "seconds_each": ["as published", 0.5, 1, 2, 5, 7, 10, 20, 50, 100, 200, 1000, 5400],
    "answers": [1, 2, 3, 5, 10], "hours_a_year": [2000, 1000, 1500, 3000, 8766], "dollars_an_hour": [7.25, 1, 2, 5, 15, 30, 100],
}, caption="Human-years of work for one label an image, on an axis where each step is ten times the one before. Orange: what you chose.").show()  # fmt: skip

# %% [markdown]
# Look at the gap between a tag and a mask. It is why there are fewer masks than tags in the world, and it is a matter of arithmetic, not of taste.
#
# **Backwards.** The lecture says that ImageNet's labels took about 22 human-years. It does not say how that was counted. So turn the sum around: which time for one image gives that figure? Before you look: a second? A minute?
#
# Two things are open. Is a year a job's two thousand hours, or does the clock never stop? And are we speaking of the fourteen million images that stayed, or of all those that people looked at? By the project's own account these were a hundred and sixty million.

# %%
YEARS_OF = {"a working year, 2000 hours": 2000, "a clock that never stops, 8766 hours": 8766}
COUNTED = {"images that stayed: 14 million": IMAGENET, "images that people looked at: 160 million": facts[8]["value"]}


def backwards(human_years_in_all, counted, answers):
    axis = [10 ** (power / 20) for power in range(-20, 61)]
    lines = {words: (axis, [human_years(COUNTED[counted], s, answers, hours) for s in axis]) for words, hours in YEARS_OF.items()}
    crossings = {words: human_years_in_all / human_years(COUNTED[counted], 1, answers, hours) for words, hours in YEARS_OF.items()}
    said = "; ".join(f"with {words}, {seconds:.3g} s" for words, seconds in crossings.items())
    return years_by_seconds(lines, human_years_in_all, crossings, counted), f"For {human_years_in_all} human-years one image must take: {said}."


reverse = SettingsExplorer(backwards, {"human_years_in_all": [22, 1, 5, 10, 50, 100], "counted": list(COUNTED), "answers": [1, 2, 3, 5, 10]},
                           caption="Human-years by the seconds that one image takes, for two lengths of a year. The dots: what gives the total that you chose.").show()

# %% [markdown]
# Take the images that people looked at, one answer each, and working years. What does one image take? About what is published for a yes or no (the table in section 9). So the lecture's figure can be had from a plain story: everybody looked once, for the time of a click. It can also be had from all fourteen million images, most of a minute for each, and a clock that never stops.
#
# What this shows: "22 human-years" fits several stories that differ by a factor of fifty. What it does not show: which of them was meant. A cost without its assumptions is a number, not a fact.

# %% [markdown]
# ## 3 · How much is there to label?
#
# How many images have boxes? How many have a class? How many have nothing? **Put the three in order, and guess by how many zeros they differ**, before you run the cell.

# %%
rows = cited("scale_of_data")
said = "; ".join(f"{row['method']}, {row['dataset']}: {large(row['value'])} {row['unit']}" for row in rows)
session.show(
    scale_of_data(rows),
    caption="How much there is, by what somebody had to do for it. Each mark of the axis is ten times the one before it. Rings: the lecture's own rough figures. Other senses are counted in other units. Alternative texts are what a web page says in place of a picture; tokens are words or pieces of words.",
    alt=f"Dots on a logarithmic axis. {said}.", rests_on=[],
)

# %% [markdown]
# The less one asks of a person for each picture, the more there is of it, by and large. From boxes to classes it is a zero or two, and the two overlap. From ImageNet to all images it is five zeros by the lecture's estimate, and no wage pays for that. And then come sounds, films and text: things that are not images at all.
#
# Suppose we had the money. There is a second problem, and money does not solve it.
#
# **The long tail.** Things are not equally frequent. There are many photos of dogs and few of aardvarks. Often the $i$-th most frequent class comes about $1 / i^s$ times as often as the first: Zipf's law. At $s = 0$ all are equal; at $s = 1$ the hundredth class is a hundred times rarer than the first.
#
# You draw pictures from the internet and label each, until all of a thousand classes have ten. If all are equally frequent you need ten thousand labels at the very least. **Guess:** how many at $s = 1$?
#
# > **Exercise 2 · `labels_until`** (difficulty 3 of 5, importance 3 of 5, about eight minutes.) `labels` are N whole numbers from 0 to `classes` - 1, in the order in which they were drawn, an int64 tensor; up to millions of them will come. (A loop over `labels.tolist()` is quick enough; a table of N x `classes` would fill the memory.) Return how many of them it takes, from the first on, until every class has come at least `k` times; -1 if it never does.

# %%
def labels_until(labels, classes, k):
    """How many labels it takes until every class has k of them; -1 if they do not suffice."""
    raise NotImplementedError  # your turn: replace this line


labels_until = exercise("labelling_cost.labels_until", labels_until)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def labels_until(labels, classes, k):
#     counts, missing = [0] * classes, classes
#     for place, label in enumerate(labels.tolist()):
#         counts[label] += 1
#         if counts[label] == k:
#             missing -= 1
#         if missing == 0:
#             return place + 1
#     return -1
# ```
# </details>

# %%
CLASSES, ENOUGH = 1000, 10


def draw_until(exponent):
    """Labels drawn by Zipf's law until every class has enough: how many, and how many of each class by then."""
    chances, rng = torch.arange(1, CLASSES + 1) ** -float(exponent), session.rng(f"tail {exponent}")
    labels, needed = torch.empty(0, dtype=torch.int64), -1
    while needed < 0:
        more = torch.multinomial(chances, max(20_000, len(labels)), replacement=True, generator=rng)
        labels = torch.cat([labels, more])
        needed = labels_until(labels, CLASSES, ENOUGH)
    return needed, labels[:needed].bincount(minlength=CLASSES)


drawn = {exponent: draw_until(exponent) for exponent in (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5)}

# %%
def tail(exponent):
    needed, counts = drawn[exponent]
    words = f"At exponent {exponent} it takes {large(needed)} labels; the most frequent class then has {large(counts.max().item())}."
    return long_tail(counts.tolist(), {key: value[0] for key, value in drawn.items()}, exponent), words


slider = SettingsExplorer(tail, {"exponent": [1, *(key for key in drawn if key != 1)]},
                          caption="Left: how many labels each of a thousand classes has got, when the last of them has ten. Right: how many labels that took, drawn once for each exponent: small differences are luck.").show()

# %% [markdown]
# The next cell ends in two **claims**. A claim was written down before anybody measured it: A is larger (or smaller) than B, by a margin. One run agrees with it or not; a verdict takes three runs, which somebody makes in a terminal with the command that stands there. You need not. (Numbers of labels are compared as powers of ten, so a margin of 0.5 is a factor of about three.)

# %%
for name, exponent in (("even", 0), ("zipf", 1)):
    session.record(f"cost.tail.{name}", torch.tensor(float(drawn[exponent][0])).log10(), unit="(log10 of labels)")
session.record("cost.tail.head", drawn[1][1][:100].sum() / drawn[1][1].sum(), chance=0.1, unit="fraction")
session.say("With the exponent 1, the hundred most frequent of a thousand classes took **{cost.tail.head}** of all labels; equally frequent classes would have taken {cost.tail.head.chance}.")
session.claim("cost.tail")
session.claim("cost.tail.head")

# %% [markdown]
# Most of the work goes into one more picture of what you have plenty of. And the rarest classes decide when you are done.
#
# What could fool us: the law itself. Real classes follow it roughly, and nobody labels pictures as they come; one searches for aardvarks. But a search needs a word that somebody has written below the picture, and so it is a weak label already. We come to those.

# %% [markdown]
# ## 4 · What labels buy, and where they stop
#
# Why did anybody pay for fourteen million labels? Because of what came after. A network trained on them can be taken over for another task, for which there are few labels, and does far better there than one that begins from nothing. This is called **supervised pretraining**, and it carried computer vision for a decade.
#
# A **network** is a function with many adjustable numbers, its *weights*, which begin at random. The **loss** says how wrong its answers are. *Training* repeats one step: take a few pictures, a *batch*, and change the weights a little so that the loss falls; the *learning rate* is how much. The *seed* fixes what is drawn at random. The simplest network is a *linear classifier*: each class is a weighted sum of the numbers that come in, and the largest sum wins.
#
# Let us buy some labels. A network learns to name most of the classes from all their labels. Then comes the small task: four classes that it has *never* seen, ten labels each. The network is a **backbone**, the layers that turn a picture into numbers, its *features*, and a **head**, one more layer that turns these into an answer. For the small task the head is thrown away and the features stay as they are; a linear classifier reads them. (The next notebook explains such *probes*.) Against it stands the very same network with the random weights that it began with.
#
# **Forecast.** Guessing names one of four. What share will the pretrained network's features name?

# %%
forecast = session.forecast("cost.pretrain.labels", "Four unseen classes, ten labels each: what share of test pictures will be named?")

# %%
enough = len(photos.classes) >= 6 and photos.train.labels.bincount(minlength=len(photos.classes)).min() >= 10
pictures = photos if enough else open_dataset("world", device=session.device)
if not enough:
    print("Your photos have fewer than six classes, or one with fewer than ten photos; this section uses the world instead.")
known_classes = len(pictures.classes) - 4  # the last four are kept for the small task
seen = pictures.train.subset(pictures.train.labels < known_classes)
steps = session.budget(quick=110, classroom=3000, full=20000)


def new_labelled():
    """A backbone with random weights, and a head that names the classes that it may see."""
    backbone = session.backbone("pretrain", image_size=pictures.size)
    return backbone, Supervised(backbone, known_classes, session.rng("head"))


labelled = session.train("labels", *new_labelled(), split=seen, steps=steps, batch_size=64)

# %% [markdown]
# While it trains: who says that a label must be clean? Below pictures on the internet stand hashtags, file names, captions. They cost nothing, because somebody wrote them for another reason. They are **weak labels**: incomplete, beside the point, or wrong. A place where a photo was taken, noted down by the phone, is one too (PlaNet, Weyand et al. 2016, arXiv:1602.05314).
#
# Every scene of the world has a caption. We make it worse: a quarter of the pictures get the caption of another one. A second network must name the words, for as many steps, from the same pictures. It never sees the four classes either. Its score while it trains is how often the one word that it is surest of is among those of the picture. (The cell shows two captions and the words that the network is asked for: some fit, some were swapped.) **Guess:** will it be worse than the one with clean labels, and by how much?

# %%
captioned = "captions" in pictures.train.annotations
if captioned:
    tags = with_words(seen, wrong=0.25, rng=session.rng("wrong captions"))

    def new_weak():
        """The same backbone with the same random weights, and a head that names words."""
        backbone = session.backbone("pretrain", image_size=pictures.size)
        return backbone, Hashtags(backbone, tags, session.rng("words head"))

    for caption, words in zip(seen.annotations["captions"][:2], tags.labels[:2].cpu()):
        print(f"caption: {caption}\n  to be named: {', '.join(tags.classes[k] for k in words.nonzero().flatten())}")
    weak = session.train("words", *new_weak(), split=tags, steps=steps, batch_size=64)
else:
    print("Nobody wrote captions for these pictures; weak labels are tried in the world only.")

# %% [markdown]
# Now the small task, for every network we have. And one more question, which decides what all this is worth to a doctor: what if the small task comes from another **domain**? The world has pictures of cells under a microscope. They are as far from its scenes as an X-ray is from a holiday photo. Four kinds of cells, ten labels each. **Guess** before you look: how much of the gain is left?

# %%
labelled = session.trained("labels", new_labelled, steps=steps, split=seen, batch_size=64)
await labelled.finished()
networks = {"random": session.backbone("pretrain", image_size=pictures.size), "labels": labelled.backbone}
if captioned:
    weak = session.trained("words", new_weak, steps=steps, split=tags, batch_size=64)
    await weak.finished()
    networks = {"random": networks["random"], "words": weak.backbone, "labels": labelled.backbone}


def small_task(backbone, data, draws=2, times=1):
    """Test accuracy of a linear probe on the last four classes, with ten labels each, drawn `draws` times."""
    val, test = times * session.budget(quick=400, classroom=10000), times * session.budget(quick=1000, classroom=10000)
    data = dataclasses.replace(data, val=data.val.subset(slice(val)), test=data.test.subset(slice(test)))
    classes = list(range(len(data.classes)))[-4:]
    return few_shot(labelled.task, backbone, data, classes, session.rng("few"), shots=10, draws=draws)


# %%
cells = open_dataset("world:cells", device=session.device)
kinds = cells.classes[-4:]
session.show(
    image_row(torch.stack([cells.train.images[cells.train.labels == cells.classes.index(kind)][0].cpu() for kind in kinds]), kinds),
    caption="One cell of each of the four kinds.", alt=f"Four drawn cells: {', '.join(kinds)}.", rests_on=[],
)

# %%
panels = {
    "four unseen classes": {name: small_task(backbone, pictures) for name, backbone in networks.items()},
    "four kinds of cells": {name: small_task(networks[name], cells) for name in ("random", "labels")},
}
scenes, other = panels.values()
for name, value in scenes.items():
    session.record("cost.weak.words" if name == "words" else f"cost.pretrain.{name}", value, chance=0.25, unit="fraction")
session.record("cost.domain.scenes", scenes["labels"] - scenes["random"], chance=0, unit="fraction")
session.record("cost.domain.cells", other["labels"] - other["random"], chance=0, unit="fraction")
session.show(
    setting_bars(panels, "labels", chance=0.25),
    caption="Test accuracy of a linear probe with ten labels a class, on features of a network with random weights, pretrained on words of captions, and (orange) pretrained on labels. Dotted: guessing.",
    alt=in_words(panels), rests_on=[],
)

# %%
session.say("On four classes that it had never seen, pretraining with labels gained **{cost.domain.scenes.points}** over random weights; on four kinds of cells, **{cost.domain.cells.points}**.")
if captioned:
    session.say("Of the four unseen classes, features of words name {cost.weak.words}, those of clean labels {cost.pretrain.labels}, and random weights {cost.pretrain.random}.")
for claim in ("pretrain", *(("weak.labels",) if captioned else ())):
    session.claim(f"cost.{claim}")

# %% [markdown]
# What this shows: how much labels of *other* things are worth, and how much less (or not) they are worth elsewhere. What it does not show: that the labels did it. A network that had looked at the same pictures without labels might have gained as much. That question is the rest of this course.
#
# What could fool us: a small gain on cells may also mean that there is little to gain there. Look whether random weights stand far above guessing already: then there is.
#
# And one run is one run. With another seed other pictures carry the ten labels, and other random weights stand at the beginning; both sides of a comparison then move up or down together, often by more than one of them leads. A verdict is stricter than that: over three seeds the *smallest* A must beat the *largest* B. By this rule a lead that is there in every run can remain *undecided*. So a *sweep*, several experiments behind one button, draws the ten labels twenty times instead of twice, and asks four times as many test pictures, of the same networks. `scenes` and `cells` are what labels gain on each. Until you press the button, you see what others measured, over several seeds.

# %%
@functools.cache
def often_drawn(name, domain):
    """The small task with less luck in it."""
    return small_task(networks[name], {"scenes": pictures, "cells": cells}[domain], draws=20, times=4)


def measured(what):
    """One network's accuracy on unseen classes; or what labels gain in a domain over random weights."""
    return often_drawn(what, "scenes") if what in networks else often_drawn("labels", what) - often_drawn("random", what)


if captioned:
    draws = session.sweep("cost.draws", measured, {what: what for what in ("random", "words", "scenes", "cells")})

# %% [markdown]
# Where there is least to pretrain on, labels are dearest: X-rays, tissue, satellites, machine parts, the depth camera of a robot, a telescope. There is no ImageNet of any of them, and a radiologist does not work for the minimum wage.

# %% [markdown]
# ## 5 · Labels that nobody gave
#
# So far a label came from somebody who was paid, or from somebody who wrote it for another reason. There is a third source: the data itself.
#
# | | what is to be predicted | who made it |
# |---|---|---|
# | **supervised** | a label, fixed beforehand | a person, for this purpose |
# | **weakly supervised** | a hashtag, a caption, a place | a person or a device, for another purpose |
# | **self-supervised** | a part or a property of the data | a program, from the data |
# | **unsupervised** | nothing | nobody |
#
# The lecture gives two definitions of the third row.
#
# 1. *By the labels.* It is supervised learning whose labels are made automatically, without a person.
# 2. *By prediction.* Part of the data is hidden, part is visible; predict the hidden part, or a property of it, from the visible one.
#
# The second is how this course is written down. Every task in every notebook has these three lines:
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# Is *unsupervised* the wrong word for it, then? Finding clusters also learns from no labels, but nothing is asked that has a right answer. Here there is one, and a loss that says how far off you were.
#
# **Which row?** A film whose sound is hidden, to be predicted from its pictures. A photo whose place was noted down by the phone. A text in which one word is covered.
#
# <details><summary>Decide, then look</summary>
#
# The first and the third are self-supervised: what is hidden comes with the data. The second is weakly supervised: a device noted the place, for another purpose, and it is in no pixel of the photo.
# </details>

# %% [markdown]
# ## 6 · Guess the hidden word
#
# Self-supervision grew up with text, so let us begin there. The text is on your computer already: the explanations, called docstrings, that stand in the modules of Python's own library. We read them; nothing is run. (Another version of Python has other docstrings, so the numbers of this section depend on it.)
#
# In each sentence one word is hidden. Which of the four was it? All four are about equally frequent words, so frequency is no help; and none of them stands elsewhere in the sentence, or you could win by looking for it. You see the whole sentence; the network will see four words on either side.

# %%
text, unseen, ask = read()  # to learn from; of modules that the network does not learn from, as numbers and as words
places, choices, truth = hidden_words(unseen, session.rng("gaps"), 12)
gaps = [" ".join("___" if k == column else word for k, word in enumerate(ask[row])) for row, column in places.tolist()]
words = [[text.vocabulary[number] for number in row] for row in choices.tolist()]
guessing = WordGame(gaps, words, truth.tolist(), "Which word is hidden?").show()

# %% [markdown]
# How did you know? Partly by grammar: after *the* comes no verb. Partly by meaning: a *file* is *opened*. Nobody taught you this sentence; you have read others.
#
# **Forecast.** Guessing gets one of four. A network is going to read the text for less than a minute. What share of hidden words will it get, in modules it has never read?

# %%
forecast_words = session.forecast("cost.word2vec.guess", "Of four words of like frequency, how often will the network pick the hidden one?", start=0.25)

# %% [markdown]
# A sentence goes to the network as numbers: each word by its place in a list of words. Around each word we cut a **window**: a few words to the left, the word, as many to the right. Where the sentence ends too soon there stands -1.
#
# > **Exercise 3 · `hide_middle`** (difficulty 1 of 5, importance 5 of 5, about four minutes.) `windows` is N x W whole numbers, W odd. Return two tensors: the neighbours, N x (W - 1), from left to right and without the middle; and the words in the middle, N.

# %%
def hide_middle(windows):
    """The neighbours of each window, N x (W - 1), and the word in its middle, N."""
    raise NotImplementedError  # your turn: replace this line


hide_middle = exercise("labelling_cost.hide_middle", hide_middle)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def hide_middle(windows):
#     middle = windows.shape[1] // 2
#     return torch.cat([windows[:, :middle], windows[:, middle + 1:]], dim=1), windows[:, middle]
# ```
# </details>
#
# The labels are there, and they cost nothing. To predict a word among all that it knows, the network would have to give a number to each of them at every step. **Negative sampling** asks less: tell the word that was there from a few that were drawn. Which ones? If all were equally likely, the wrong answers would be rare words, and easy to spot. If they came as often as in the text, far too many would be *the* and *a*. Mikolov and colleagues settled between the two.
#
# > **Exercise 4 · `noise_distribution`** (difficulty 1 of 5, importance 3 of 5, about three minutes.) `counts` says how often each of V words occurs. Return V chances that sum to one, proportional to the counts (a tensor) to the power of three quarters.

# %%
def noise_distribution(counts):
    """How likely each word is drawn as a wrong answer."""
    raise NotImplementedError  # your turn: replace this line


noise_distribution = exercise("labelling_cost.noise_distribution", noise_distribution)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def noise_distribution(counts):
#     raised = counts ** 0.75
#     return raised / raised.sum()
# ```
# </details>
#
# This is **word2vec** (Mikolov et al. 2013). The network could not be smaller: a table with one vector for each word. To predict, take the mean of the neighbours' vectors; the word that fits best has a second vector, in the head, that points the same way. Predicting the word from its neighbours is called **CBOW**; predicting a neighbour from the word, **skip-gram**. And it is the same three lines:

# %%
backbone, task = new_reader(text)  # your two functions are in it
task.to(session.device)
rng = session.rng("look", session.device)
batch = task.sample(text, 4, rng)
visible, hidden = task.hide(batch, rng)
prediction = task.predict(backbone, visible)
loss = task.loss(prediction, hidden)
print(f"windows: {tuple(batch.shape)}   visible: {tuple(visible.shape)}   prediction: {tuple(prediction.shape)}   hidden: {tuple(hidden.shape)}")
print("Hidden are the word that was there and five that were drawn.")
print(f"loss: {loss.item():.2f}   (knowing nothing, each of six yes or no at one half: 6 ln 2 = {6 * torch.tensor(2.0).log():.2f})")

# %%
session.show(
    task.draw(batch, session.rng("draw", session.device)),
    caption="Four windows: what the network sees, with ___ where the hidden word stood, the word that was there, and the words that were drawn as wrong answers. A dot stands for the end of a sentence, or for a word too rare to have a vector.",
    alt="A table of four windows of words, each with its hidden word and five wrong answers.",
    rests_on=["labelling_cost.hide_middle", "labelling_cost.noise_distribution"],
)

# %% [markdown]
# Write $v$ for the mean of the neighbours' vectors, $u$ for the second vector of the word that was there, and $u_1, \dots, u_5$ for those of the words that were drawn, each with as many numbers as the table is wide. The product $u \cdot v$, the sum of the products of their numbers, is large where the two point the same way. With $\sigma(x) = 1 / (1 + e^{-x})$, which turns a number into a chance, the loss of one window is
#
# $$-\ln \sigma(u \cdot v) - \sum_{k=1}^{5} \ln \sigma(-u_k \cdot v)$$
#
# Six questions to be answered with yes or no. Train, and watch the share of windows in which the right word is scored above all five wrong ones. (The number of steps and the learning rate of the networks that read were chosen by their loss on captions which were kept for that, and which no result here comes from.)

# %%
reading = session.train("docstrings", backbone, task, split=text, **often)

# %%
await reading.finished()
guessing.let_play(choose(backbone, task, unseen, places, choices))
many = hidden_words(unseen, session.rng("many gaps"), session.budget(quick=1000, classroom=3000))
right = choose(backbone, task, unseen, *many[:2]).argmax(1) == many[2]
session.record("cost.word2vec.guess", right.float().mean(), chance=0.25, unit="fraction")
session.record("cost.word2vec.frequent", (many[1].argmin(1) == many[2]).float().mean(), chance=0.25, unit="fraction")
session.say("On many more gaps from modules that it never read, it picks the hidden word in **{cost.word2vec.guess}**; guessing gets {cost.word2vec.guess.chance}, "
            "and always taking the most frequent of the four gets {cost.word2vec.frequent}.")
session.claim("cost.word2vec.guess")
session.claim("cost.word2vec.frequent")

# %% [markdown]
# The task was to guess words. What we wanted is the table. Nobody said that *first* and *last* have something to do with each other; but both fit into the same gaps. Have they got vectors that point the same way? Section 7 looks.

# %% [markdown]
# ## 7 · What do the vectors know?
#
# Choose a word. Beside it stand those whose vectors point most nearly the same way. Which of them mean the same, which the opposite, and which belong to the same sort of text only?

# %%
text, unseen, _ = read()
reading = session.trained("docstrings", lambda: new_reader(text), split=text, **often)
await reading.finished()
vectors = reading.backbone.weight.detach().float().cpu()
menu = [word for word in ("first", "file", "read", "list", "true", "error", "name", "bytes", "thread", "the") if word in text.vocabulary]


def alike(word):
    number = text.number(word)
    found = [(text.vocabulary[k], cosine) for k, cosine in nearest_words(vectors, vectors[number], [number], 8)]
    return similar_words({f"like “{word}”": found}), f"Nearest to {word}: {', '.join(other for other, _ in found)}."


neighbours = SettingsExplorer(alike, {"word": menu + sorted(set(text.vocabulary[20:400]) - set(menu))},
                              caption="The words whose vectors point most nearly the same way; a cosine of one would be the very same direction.").show()

# %% [markdown]
# What made word2vec famous was arithmetic. The step from *king* to *queen* was said to be nearly that from *man* to *woman*, so one can ask: *a* is to *b* as *c* is to what?
#
# > **Exercise 5 · `analogy`** (difficulty 3 of 5, importance 3 of 5, about eight minutes.) `vectors` is V x D; `a`, `b`, `c` are numbers of words. Bring every vector to length one. Return the number of the word, none of the three, whose vector points most nearly the same way as `unit[b] - unit[a] + unit[c]`, where `unit` are the vectors at length one.

# %%
def analogy(vectors, a, b, c):
    """a is to b as c is to which word?"""
    raise NotImplementedError  # your turn: replace this line


analogy = exercise("labelling_cost.analogy", analogy)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def analogy(vectors, a, b, c):
#     unit = torch.nn.functional.normalize(vectors, dim=1)
#     fit = unit @ (unit[b] - unit[a] + unit[c])
#     fit[[a, b, c]] = -10  # lower than any product can be
#     return fit.argmax().item()
# ```
# </details>

# %%
QUESTIONS = ["start end first", "read write input", "key keys value", "is are has", "return returns raise", "left right first", "minimum maximum lower", "file files directory", "byte bytes character"]
QUESTIONS = [line for line in QUESTIONS if set(line.split()) <= set(text.vocabulary)] or [" ".join(text.vocabulary[:3])]


def solve(question):
    a, b, c = (text.number(word) for word in question.split())
    unit = torch.nn.functional.normalize(vectors, dim=1)
    names = "{} is to {} as {} is to".format(*question.split())
    answer = text.vocabulary[int(analogy(vectors, a, b, c))]
    found = {f"{names}: {answer}": nearest_words(vectors, unit[b] - unit[a] + unit[c], [a, b, c], 6), f"like “{question.split()[2]}” alone": nearest_words(vectors, vectors[c], [c], 6)}
    panels = {title: [(text.vocabulary[k], cosine) for k, cosine in rows] for title, rows in found.items()}
    return similar_words(panels), f"{names} {answer}, by your function. Like {question.split()[2]} alone: {', '.join(word for word, _ in list(panels.values())[1])}."


analogies = SettingsExplorer(solve, {"question": QUESTIONS},
                             caption="Left: the words nearest to b - a + c; the title gives the answer of your function. Right: those nearest to c alone.").show()

# %% [markdown]
# Look at both sides. How often is the answer a neighbour of *c* already, so that the arithmetic adds little? With so little text it is a toy, and with much text it is still less of a miracle than it was said to be (Linzen 2016, arXiv:1606.07736). And the three words of the question had to be taken out by hand. Count both, over all the questions:

# %%
unit, near, itself = torch.nn.functional.normalize(vectors, dim=1), 0, 0
for question in QUESTIONS:
    a, b, c = (text.number(word) for word in question.split())
    near += int(analogy(vectors, a, b, c)) in [k for k, _ in nearest_words(vectors, vectors[c], [a, b, c], 6)]
    itself += nearest_words(vectors, unit[b] - unit[a] + unit[c], [], 1)[0][0] in (a, b, c)
print(f"Of {len(QUESTIONS)} answers, {near} are among the six words nearest to c alone. With nothing taken out, {itself} answers would be a word of the question.")

# %% [markdown]
# ## 8 · Doubt
#
# The network picks hidden words. Does it know anything about the *world*, or only about grammar? In a docstring we cannot tell. In our captions we can, because we know the world that they speak about.
#
# The scenes have things in many colours. Most may have any. Birds come in two hues only, each with two names. Every pair of a thing and a colour has an **affinity**, known from the scenes themselves: is it more frequent than chance, or less?
#
# Could the network just remember the pairs it has read? We see to it that it cannot: one pair in five is **held out**, with every caption in which it occurs. If it has read about scarlet robins and red finches, two birds and two names of one hue, does it suspect that there are scarlet finches?
#
# And the control. The same words, as often, but each at a random place, so that the sentences mean nothing. Whatever a network scores there comes from frequencies and luck. There are four networks, then: skip-gram and CBOW, each on captions and on shuffled ones. Each scores the held-out pairs: the product of the thing's vector and the colour's second vector, plus the same the other way round. The *rank correlation* asks whether the order of the scores is that of the true affinities: one is the same order, zero no relation, minus one the reverse. **Guess** it for each of the four.

# %%
world = open_dataset("world")
affinity = Affinity(world, session.rng("held out"))
captions = corpus(affinity.kept(world.train.annotations["captions"]))
mixed = captions.shuffled(session.rng("shuffle"))
print(f"{int(affinity.held_out.sum())} of {affinity.held_out.numel()} pairs are held out; {len(captions.sentences)} captions are left.")
print("as it was: ", " ".join(captions.vocabulary[k] for k in captions.sentences[0] if k >= 0))
print("shuffled:  ", " ".join(captions.vocabulary[k] for k in mixed.sentences[0] if k >= 0))


def agreement(data, **options):
    """How well a network that reads these captions agrees with the world about pairs that it never met."""
    backbone, task = new_reader(data, 16, "captions", reach=3, **options)
    session.fit(backbone, task, data.to(session.device), **often)
    return affinity.agreement(backbone, task, data)


# %%
panels = {
    "skip-gram": {"captions": agreement(captions, skipgram=True), "shuffled": agreement(mixed, skipgram=True)},
    "CBOW": {"captions": agreement(captions), "shuffled": agreement(mixed)},
}
for name, value in zip(("skipgram", "shuffled", "cbow", "cbow_shuffled"), (value for bars in panels.values() for value in bars.values())):
    session.record(f"cost.word2vec.{name}", value, chance=0, unit="(rank correlation)")
session.show(
    agreements(panels),
    caption="Rank correlation of the network's scores with the world's affinities, over pairs of a thing and a colour that it never met. Beside each: the same network on shuffled words.",
    alt=" ".join(f"{method}, {words}: {value:.2f}." for method, bars in panels.items() for words, value in bars.items()),
    rests_on=["labelling_cost.hide_middle", "labelling_cost.noise_distribution"],
)
session.claim("cost.word2vec")

# %% [markdown]
# What this shows: whether word vectors carry something about things and colours beyond the pairs that were read. Counting pairs could not: the count of a held-out pair is zero, for those that exist as for those that do not. A network on shuffled words knows only how frequent a word is; where it falls below zero, that is probably because the names of birds' colours are frequent words, and few other things have much of them.
#
# CBOW is the harder case. It predicts from the mean of six neighbours, so that the thing and its colour are two voices among six, while skip-gram looks at one pair at a time.
#
# What it does not show: that knowing a word's place is knowledge. In our captions every colour stands just before a thing, so it would be no wonder if all colours came out as neighbours of each other. That is grammar, which we wrote ourselves. It would be easy to score it and call it understanding; so we do not.
#
# How much of a bar is luck? The pairs that were held out, the first weights and the shuffle are drawn, so a single bar may be far off. The sweep draws all three five times for CBOW, on captions and on shuffled words, and takes the mean; its ranges over seeds are the answer:

# %%
def five_times(shuffles):
    """The mean rank correlation of five networks of CBOW, each with other pairs held out and other first weights."""
    found = []
    for k in range(5):
        other = Affinity(world, session.rng(f"held out {k}"))
        read = corpus(other.kept(world.train.annotations["captions"]))
        read = read.shuffled(session.rng(f"shuffle {k}")) if shuffles else read
        backbone, task = new_reader(read, 16, f"captions {k}", reach=3)
        session.fit(backbone, task, read.to(session.device), **often)
        found.append(other.agreement(backbone, task, read))
    return sum(found) / len(found)


fives = session.sweep("cost.cbow", five_times, {"captions": False, "shuffled": True}, chance=0, unit="(rank correlation)")

# %% [markdown]
# **Another way to be fooled.** In the game, the wrong answers were about as frequent as the right one. Had they been drawn from the whole text, a rare word among *the* and *of* would have given itself away. Even so the door is easily left open. When we first wrote the game, the wrong words were taken from just above and just below the hidden one in the list of frequencies. Do you see how to win without reading? (The hidden word was hardly ever the most frequent of the four, nor the rarest.) So look at all four ranks; if the game is fair, each wins about one time in four:

# %%
many = hidden_words(read()[1], session.rng("many gaps"), session.budget(quick=1000, classroom=3000))
ranks = many[1].argsort(1)  # of each question the four answers, most frequent first
for k, words in enumerate(("most frequent", "second", "third", "rarest")):
    print(f"always the {words} of the four: {100 * (ranks[:, k] == many[2]).float().mean():.1f} %")
print(f"By luck alone such a share moves by about {100 * (0.25 * 0.75 / len(many[2])) ** 0.5:.1f} points.")

# %% [markdown]
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** What labels of other things are worth to a task with few labels, near by and far away; whether words that nobody checked help at all; and what covering a word and asking for it teaches about what words stand for. The boxes above say what this run found.
#
# **What could still fool us.** One seed, one small network, few classes. "Another domain" is one pair of domains. The held-out pairs share their synonyms with pairs that were read, and birds carry much of the correlation; in a world where everything has its own colour, the sum would look different.
#
# **Where the lecture is loose.** It gives 22 human-years without the assumption behind them; section 2 shows how far these may lie apart. It takes the internet for five orders of magnitude larger than ImageNet, without a source. It says that self-supervised labels come from the data, and names hashtags and places in the same breath: those come from people and devices, and are weak labels. In its account of text the label is a word out of *all* words; word2vec, as it is trained, never asks about all of them.
#
# **What others have measured.** The seconds, the errors and the sizes that we used, with their sources, and what lies between our reader and the published one:

# %% tags=["published"]
session.published("labelling_cost")
session.published("scale_of_data")
session.gap({
    "words of text": ("about 1 billion", len(read()[0])), "words that have a vector": ("692 000", len(read()[0].vocabulary)),
    "numbers in a vector": ("300", DIMENSION), "wrong answers drawn for each word": ("5 to 20", 5),
    "neighbours on each side": ("up to 5", REACH),
    "frequent words": ("most of them skipped", "all kept"),
}, "Mikolov et al. 2013 (arXiv:1310.4546)")

# %% [markdown]
# **Check yourself.** Six questions on what this notebook did. You may go on trying; only the first try counts.

# %%
quiz = Quiz("labelling_cost", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** Put a zip file of your own photos, one folder a class, into `dataset` at the top (`folder:my-photos.zip`) and label twenty of them against the clock. Is it easier because they are yours? Then change the kind of label in section 2: how many of your photos could you outline in an evening?
