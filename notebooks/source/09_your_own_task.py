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
# # A task of your own
#
# > **The question.** You have seen people hide an angle, a place, a colour, an order. What would *you* hide, and would a network learn to see from it?
# >
# > **You will** take a fresh task through four audits, watch one of them catch a shortcut, and mend it. Then you invent a task of your own, send it through the same audits, and have its features marked on a question that you have not seen.
# >
# > **Before you start:** Python and arrays, and at least notebook 02, where probes and claims are explained. If you know 03 or 07 as well, the shortcut below will look familiar.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · A task is invented | read | do the exercise |
# | 3 · Doubt first: four audits | ✓ | ✓, with its two exercises |
# | 4 · Mend it, then train | ✓ | ✓, and run the sweep |
# | 5 · Your turn | read, and go on with the worked example | ✓ invent, audit, train |
# | 6 · Before the envelope is opened | ✓ | ✓ |
# | 7 · The envelope | ✓ | ✓ |
# | 8 · From a cell to a notebook | read | try it in a terminal |
# | 9 · What we know now | ✓ | ✓ |
#
# Not sure what to invent? Leave section 5 as it is. The worked example then takes the place of your task up to the end, and the figures say so.

# %% [markdown] tags=["instructor"]
# **For who teaches.** Works best in pairs, with a deadline for the invention and another one for the audits. Let every pair hand its task to another pair, whose job is to find the shortcut. Nobody may open section 7 before the fingerprint is written on the board.
#
# Frequent first ideas (upside down, zoomed, mirrored quarter) each have the hole that section 5 names; do not say so, the audits will. A task that fails an audit and is defended well is worth more than one that passes by being dull.
#
# Live: the training of section 4, with its learning rate. The game of section 1 is best played by the whole room; let half of it play the opened task of section 3 as well.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 4 | 4 |
# | 2 · A task is invented | 5 | 10 |
# | 3 · Doubt first: four audits | 8 | 17 |
# | 4 · Mend it, then train | 6 | 10 |
# | 5 · Your turn | 7 | 30 |
# | 6 · Before the envelope is opened | 3 | 3 |
# | 7 · The envelope | 5 | 6 |
# | 8 · From a cell to a notebook | 3 | 5 |
# | 9 · What we know now | 3 | 4 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or cifar10, stl10, imagenette, folder:PATH
seed = 0
device = "auto"

# %%
from course_lib.evaluation import checkup
from course_lib.evaluation.checkup import draw_visible
from course_lib.evaluation.envelope import open_envelope
from course_lib.evaluation.probes import best_stage
from course_lib.evaluation.supervised import Supervised
from course_lib.exercises import exercise
from course_lib.features import fingerprint, frozen
from course_lib.models import initialise
from course_lib.plots.images import image_grid, image_row
from course_lib.plots.layers import bars_beside_chance, probe_curve
from course_lib.pretext import PretextTask, normalise  # noqa: F401 (for your task)
from course_lib.pretext.odd_quarter import PLACES, OddQuarter, exchange
from course_lib.run import new_method
from course_lib.shortcuts import linear_reader
from course_lib.start import start
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz

# %%
import functools

import torch
import torch.nn.functional as F

session = start("09_your_own_task", profile=profile, dataset=dataset, seed=seed, device=device)
photos = session.dataset
steps = session.budget(quick=300, classroom=4000, full=20000)
asked = photos.test.subset(slice(session.budget(quick=1000, classroom=10000)))  # the pictures that networks are asked about
sizes = {"train_size": session.budget(quick=1500, classroom=20000), "test_size": session.budget(quick=1000, classroom=10000)}  # of probes
MyTask = OddQuarter  # until you have written yours

# %% [markdown]
# You need not read the next cells now. They make the networks of this notebook (all begin with the same random weights), send one through the audits of section 3, and prepare the game.

# %%
def network(**mends):
    """A backbone and the worked example on top of it; it uses your `exchange` as soon as there is one."""
    task = OddQuarter(backbone := session.backbone("pretext"), session.rng("head"), exchange=lambda *given: exchange(*given), **mends)
    return backbone, task.to(session.device)


def open_network():
    """The worked example as it first comes to mind: no gap, and each quarter in the light of its picture."""
    return network(gap=False, own_light=False)

# %%
def my_network():
    """A backbone and your task; the worked example, where there is no task of yours."""
    if MyTask is OddQuarter:
        return network()
    backbone = session.backbone("pretext")
    return backbone, MyTask(backbone, session.rng("my head")).to(session.device)


def new_supervised():
    """A backbone, and a head that names the class."""
    backbone = session.backbone("pretext")
    return backbone, Supervised(backbone, len(photos.classes), session.rng("supervised head")).to(session.device)

# %%
@functools.cache
def findings(run, make):
    """What all four audits find about a trained network, and its accuracy; asked once."""
    accuracy = session.scores(run.backbone, run.task, asked).get("accuracy")
    before = checkup.before_training(make, photos.train, session.rng("audit"), steps=session.budget(quick=80))
    size = session.budget(quick=1200)  # how many pictures a cheap reader learns from
    return before + checkup.after_training(run.task, run.backbone, photos, session.rng("audit"), accuracy, size), accuracy


def audited(run, make, name):
    """Show the report card; record the network's accuracy, the best cheap reader's, and that on emptied pictures."""
    card, accuracy = findings(run, make)
    for what, value in (("accuracy", accuracy), ("reader", card[2].value), ("empty", card[3].value)):
        if value is not None:
            session.record(f"own.{what}.{name}", value, chance=run.task.chance, unit="fraction")
    session.say(checkup.report_card(card))
    return card

# %%
@functools.cache
def play():
    """Ten puzzles as the network sees them, and the game."""
    items = photos.test.batch(torch.randperm(len(photos.test), generator=session.rng("puzzle"))[:20]).images.cpu()
    maker = OddQuarter(session.backbone("pretext"), session.rng("head"))
    pictures, hidden = (each[::2] for each in maker.pasted(items, session.rng("game")))  # whom a quarter is from is not shown
    seen = maker.seen(pictures, session.rng("game colours"))
    return seen, Game(checkup.as_bytes(seen), hidden, list(PLACES), question="Which quarter comes from another picture?", columns=2,
                      alt="A picture in four quarters, one of which comes from another picture")

# %% [markdown]
# ## 1 · Play
#
# Each of these pictures is made of four quarters. One quarter comes from another picture. Which one?
#
# A grey cross hides where the quarters meet. Each quarter has been given the same light and contrast, and half of the pictures are in grey. Look for what goes on behind the cross, and for what does not.

# %%
seen, game = play()
game = game.show()

# %% [markdown]
# You looked for a roof that has no wall below it, for a cloth whose stripes change, for ground that is suddenly sky. You asked which parts *belong together*. That is what a network should have to ask, too.
#
# **Commit yourself.** Guessing finds one odd quarter in four. How many in a hundred will a network find, on pictures that it has never seen?

# %%
forecast = session.forecast("own.pretext_accuracy", "In what share of pictures will the network find the odd quarter?", start=0.25)

# %% [markdown]
# ## 2 · A task is invented
#
# The task above is in none of the other notebooks. It was invented for this one, in the way in which you will invent yours: begin with the three lines, and ask what you can do to a picture so that you know something about it afterwards.
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# Here: paste in a quarter of another picture. What you know afterwards is where you pasted. The other picture is the one before it in the batch, and the quarter keeps its place, so that an upper left quarter always stands at the upper left.
#
# **Before you write it:** why should the pasted quarter come from the *same* place of the other picture? What could a network go by, if it came from anywhere?
#
# > **Exercise 1 · `exchange`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `images` and `others` have the shape `N x C x 2s x 2s` (s is the side of a quarter), `quarter` holds N whole numbers: 0 upper left, 1 upper right, 2 lower left, 3 lower right. Return new pictures: of image n, the quarter that `quarter[n]` names is taken from the same place of `others[n]`; the rest stays.

# %%
def exchange(images, others, quarter):
    """Each image with one quarter taken from its partner: N x C x 2s x 2s."""
    raise NotImplementedError  # your turn: replace this line


exchange = exercise("your_own_task.exchange", exchange)

# %% [markdown]
# <details><summary>A solution, and an answer, for when you have tried</summary>
#
# ```python
# def exchange(images, others, quarter):
#     result, side = images.clone(), images.shape[-1] // 2
#     for n, q in enumerate(quarter.tolist()):
#         top, left = q // 2 * side, q % 2 * side
#         result[n, :, top:top + side, left:left + side] = others[n, :, top:top + side, left:left + side]
#     return result
# ```
#
# A lower right quarter in the upper left corner is odd for a reason that has nothing to do with the other three: ground where sky should be. One quarter alone would often tell, and nobody would have to compare.
# </details>

# %%
_, first = open_network()
pictures, hidden = first.pasted(photos.train.batch(range(6)).images.cpu(), session.rng("draw"))
session.show(
    image_row(pictures, [PLACES[answer] for answer in hidden.tolist()]),
    caption="Six pictures, one quarter of each exchanged; above each, which. This is the first idea, without cross and without care for the light.",
    alt="Six small pictures; in each, one quarter visibly belongs to another picture.",
    rests_on=["your_own_task.exchange"],
)

# %% [markdown]
# The library's `predict` runs the whole picture through the backbone, averages the last map over each quarter, and asks how unlike the other three each quarter is, channel by channel. One linear layer weighs the channels. The loss is the cross-entropy over the four quarters.
#
# ## 3 · Doubt first: four audits
#
# A new task is guilty until it is acquitted. Four questions are worth asking of any of them:
#
# | audit | asks |
# |---|---|
# | contract | Does the same generator give the same answer? Do answers differ, is `chance` right, does the loss reach the backbone? |
# | memory | Can a fresh network learn a dozen pictures by heart? If it cannot, it will not learn many either. |
# | cheap readers | Can something that recognises nothing read the answer off what is visible? |
# | without content | Does the trained network still answer when nothing is left to be recognised? |
#
# The first is about mistakes, and begins with a small one that is made often: what does guessing get? One over the number of answers, if all come equally often. If they do not, somebody who cannot see still does better than that.
#
# > **Exercise 2 · `guessing`** (difficulty 1 of 5, importance 4 of 5, about three minutes.) `hidden` holds N whole numbers, any numbers, negative ones too. Return how often somebody is right who always gives the same answer, the best one, as a number from 0 to 1.

# %%
def guessing(hidden):
    """How often the commonest answer is right, 0…1."""
    raise NotImplementedError  # your turn: replace this line


guessing = exercise("your_own_task.guessing", guessing)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def guessing(hidden):
#     values, counts = hidden.unique(return_counts=True)
#     return counts.max().item() / len(hidden)
# ```
# </details>

# %%
drawn = torch.randint(0, 4, (400,), generator=session.rng("balanced"))
lopsided = torch.randint(0, 5, (400,), generator=session.rng("lopsided")) % 4  # five numbers into four answers
print(f"Four answers drawn alike: always giving the commonest is right for {guessing(drawn):.3f}. "
      f"Drawn from five numbers and wrapped round: {guessing(lopsided):.3f}.")
print("A little above 0.25 is luck: the commonest answer of a sample is always at least that frequent.")

# %% [markdown]
# The third audit sends in readers who are blind to things. One sees *colours*, without places; one the *layout*, a picture of eight by eight pixels; one *frequencies*, how fine the picture is; one the four *corner* pixels, where a careless line may leave a mark. And one sees *seams*.
#
# Think of the seam. Where a quarter was pasted, neighbouring pixels come from different pictures. How large is the step from one to the next?
#
# > **Exercise 3 · `seam_steps`** (difficulty 3 of 5, importance 5 of 5, about eight minutes.) `images` are floats, `N x C x 2s x 2s`. Return N x 4: the mean size (absolute difference) of the step across each of the four inner borders, over channels and pixels. First the upper half of the border between left and right, then its lower half; then the left half of the border between top and bottom, then its right half.

# %%
def seam_steps(images):
    """The mean step across each inner border: N x 4."""
    raise NotImplementedError  # your turn: replace this line


seam_steps = exercise("your_own_task.seam_steps", seam_steps)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def seam_steps(images):
#     side = images.shape[-1] // 2
#     across = (images[..., side] - images[..., side - 1]).abs().mean(1)        # N x 2s, a step for each row
#     down = (images[..., side, :] - images[..., side - 1, :]).abs().mean(1)    # N x 2s, a step for each column
#     return torch.stack([half.mean(1) for border in (across, down) for half in border.chunk(2, 1)], dim=1)
# ```
# </details>
#
# Four numbers a picture, and on them the simplest classifier there is. No convolution, no colour, no idea of a thing. **Guess**: how many odd quarters will it find?

# %%
forecast_seam = session.forecast("own.seam", "Four numbers a picture: what share of odd quarters will a linear reader find?", start=0.25)

# %%
def read_seams(task):
    """What a linear reader of your four numbers finds."""
    parts = []
    for split, size in ((photos.train, session.budget(quick=1200)), (asked, len(asked))):
        visible, hidden = checkup.questions(task, split.subset(slice(size)))
        parts.append((seam_steps(visible).numpy(), hidden.numpy()))
    return linear_reader(*parts)


session.record("own.seam", read_seams(open_network()[1]), chance=0.25, unit="fraction")
session.say("Your four numbers find **{own.seam}** of the odd quarters. Guessing finds {own.seam.chance}.")

# %% [markdown]
# Where that is far above guessing, a network need not recognise anything, and it would report a splendid accuracy. (The library's own reader of seams, in the audit, takes every step in the picture, not only your four.) Let us see what the four audits say. A network is trained on the open task first, for half as long as the others below.

# %%
opened = session.trained("open", open_network, steps=steps // 2)

# %%
await opened.finished()

card = audited(opened, open_network, "open")
session.claim("own.shortcut")

# %% [markdown]
# Read the table from the top. The contract is kept, and a dozen pictures can be learnt by heart: nothing is *broken*. That is what makes shortcuts unpleasant. They do not look like mistakes; they look like success.
#
# What makes the third row fail? A reader that gets two thirds of what the network has beyond guessing. The fourth goes by the same rule.
#
# The pictures of the last audit are emptied *first*, and then a quarter is exchanged as always. They are emptied in two ways. Cut into small tiles that are laid out anew, they keep every pixel and lose every thing; but tiles have seams everywhere. Is the network still right on them? Then seams are not all that it goes by. Keep that for section 4. As noise with each picture's own spectrum, they keep how fine and how coarse they are.

# %%
some = photos.test.batch(range(5)).images.cpu()
rows = torch.cat([some, *(empty(some, session.rng("empty")) for empty in checkup.EMPTY.values())])
session.show(
    image_grid(rows, 5, side=1.1, names=["pictures", *checkup.EMPTY]),
    caption="What the last audit asks about: pictures, their tiles scattered, and noise of their spectrum. In the lower two rows no thing is whole; small parts and textures stay in the tiles.",
    alt="Three rows of five: pictures, the same pictures as scattered tiles, and coloured noise.", rests_on=[],
)

# %% [markdown]
# ## 4 · Mend it, then train
#
# **Before you read on:** what would you change in `hide`, so that the seam is gone?
#
# A **gap** is the plain answer: a grey cross over the inner borders. What is behind the cross nobody can compare. But is that all? Two photos differ in light. One was taken at noon, one in fog; one has a warm cast, one a cold one. Three quarters share a light and the fourth has its own, and to see that, one need not know what a house is.
#
# So the second mend gives each quarter its **own light**: every channel at mean 0, the quarter as a whole at spread 1; and half of the pictures lose their colours altogether. Here is the mended task.

# %%
_, mended = network()
session.show(
    mended.draw(photos.train.batch(range(6)), session.rng("draw", session.device)),
    caption="Above, as pasted; below, what the network sees: each quarter in its own light, a cross over the seams, half of the pictures in grey. A flat quarter is stretched until its noise shows.",
    alt="Two rows of six pictures: with one quarter exchanged, and the same with a grey cross and evened light.",
    rests_on=["your_own_task.exchange"],
)

# %%
run = session.train("odd_quarter", *network(), steps=steps)

# %%
run = session.trained("odd_quarter", network, steps=steps)
await run.finished()
card = audited(run, network, "blocked")
accuracy = session.records["own.accuracy.blocked"]["value"]
session.record("own.pretext_accuracy", accuracy, chance=0.25, unit="fraction")
session.record("own.empty", session.records["own.empty.blocked"]["value"], chance=0.25, unit="fraction")
session.claim("own.learns")
session.claim("own.looks")

# %%
seen, game = play()
with frozen(run.backbone), frozen(run.task):
    said = run.task.predict(run.backbone, seen.to(session.device))
game.let_play(said)
figure, description = game.replay()
session.show(figure, caption="Eight of your puzzles, with the true odd quarter and the network's answer. Where it errs, could you have told?",
             alt=description, rests_on=["your_own_task.exchange"])

# %% [markdown]
# Now both report cards in one figure: the network, the best cheap reader, and the network on emptied pictures, before the mend and after it.

# %%
opened = session.trained("open", open_network, steps=steps // 2)
await opened.finished()
bars = {}
for name, one, make in (("open", opened, open_network), ("blocked", run, network)):
    card, accuracy = findings(one, make)
    bars |= {f"{name}: network": accuracy, f"{name}: best cheap reader": card[2].value, f"{name}: network, emptied": card[3].value}
    session.record(f"own.reader.{name}", card[2].value, chance=0.25, unit="fraction")
session.show(
    bars_beside_chance(bars, 0.25, "What the mend takes, and from whom"),
    caption="Open: the first idea. Blocked: with gap and own light. Blocked, what the network has beyond the reader is what no reader of ours can tell. The open network was trained for half as long.",
    alt="Bars: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in bars.items()),
    rests_on=["your_own_task.exchange"],
)
session.claim("own.blocked")

# %% [markdown]
# A lower accuracy, and a task that gives less away. That is the point at which many give up: the figure that everybody reports has become worse. (Whether the features are better for it, this notebook does not measure.)
#
# What this shows: the readers that we sent in have lost the answer. What it does not show: that nobody else has it. A reader is a suspicion made into a measurement; it finds what somebody suspected, and nothing else. Behind the cross, ours compare no two quarters: a linear reader can ask whether a quarter is bright, not whether it is unlike the rest. And a shared light is just such a comparison. Here is the test of that: a network with **the gap alone**, each quarter in the light of its picture. `gap` is what it finds, `empty` what it still finds on emptied pictures (`own.empty` is that of the network with both mends). **Guess** before you look. What several seeds gave stands in the table; the button trains it here.

# %%
@functools.cache
def gap_alone():
    """A network trained behind the cross, in the pictures' own light."""
    backbone, task = network(own_light=False)
    session.fit(backbone, task, steps=steps)
    return task, backbone


def emptied():
    """What it finds where nothing can be recognised."""
    return max(checkup.score_without_content(*gap_alone(), photos.test, session.rng("audit")).values())


mends = session.sweep("own.mends", lambda measure: measure(), {
    "gap": lambda: session.scores(*gap_alone()[::-1], asked)["accuracy"], "empty": emptied,
}, chance=0.25)  # fmt: skip

# %% [markdown]
# With the gap alone there is no seam to be read, and yet: how does the network do on pictures in which nothing can be recognised, beside real ones? What it loses when each quarter gets its own light, it had from light, colour or contrast. The last audit shows that, and no reader of ours could. No audit replaces another.
#
# And the blocked task? Look at its last audit again. If it fails there as well, ask what emptied pictures still hold once light and colours are evened. Our suspicion is **texture**: bricks stay bricks, and three quarters of bricks share them. Scattered tiles keep their bricks, and noise has none; so compare their two figures on the report card. Is that a shortcut? The seam and the light were traces of how the question was made; texture belongs to what the picture shows. But it is not a thing. An audit tells you what a network *can* live on. Whether it may is for you to decide, and to write down: we let it stand, and expect features that know materials better than things.
#
# ## 5 · Your turn
#
# Invent. A good task has an answer that you know because you made it, that a person could tell by looking, and that no cheap reader can. Here are some beginnings, each with a hole that you would have to find:
#
# | hide | the hole |
# |---|---|
# | whether the picture stands on its head | light comes from above, sky is bright |
# | how far it was zoomed | enlarging blurs; which frequencies are left? |
# | which of two halves is the left one | what does a lens do towards the edges? |
# | whether two halves belong together | the light, the noise of the camera |
# | which quarter was mirrored | a seam, again |
# | which of the colour channels were exchanged | the histogram of colours alone |
# | where a piece was taken out and filled in | the filling is smoother than the rest |
#
# And one rule from notebook 02: move pixels; do not invent any, unless you do the same to all of them.
#
# > **Exercise 4 · `MyTask`** (difficulty 4 of 5, importance 5 of 5, about twenty-five minutes.) The cell below is a task that lacks one thing: `hide`. `batch.images` holds N x 3 x S x S bytes. Return `visible`, floats N x 3 x S x S from about -1 to 1 (`normalise` makes them), and `hidden`, N whole numbers from 0 to `answers - 1`. Draw from `rng`, and from nothing else: `torch.randint(0, self.answers, (len(batch),), generator=rng, device=batch.images.device)`. Set `answers`. Everything else may stay as it is, and may be changed.

# %%
class MyTask(PretextTask):
    """What is hidden, and from what is it predicted? Your sentence here."""
    answers = 2           # how many there are
    chance = 1 / answers  # what guessing gets
    def __init__(self, backbone, rng):
        super().__init__()
        self.head = initialise(torch.nn.Linear(backbone.widths[backbone.stage_names[-1]], self.answers), rng)
    def hide(self, batch, rng):
        raise NotImplementedError  # your turn: replace this line
    def predict(self, backbone, visible):  # what follows may stay as it is
        return self.head(backbone(visible).mean((2, 3)))
    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction, hidden)
    def score(self, prediction, hidden):
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}
    draw = draw_visible  # a picture of both, from the library

# %%
MyTask = exercise("your_own_task.my_task", MyTask)

# %% [markdown]
# <details><summary>One that passes the check, for when you have tried</summary>
#
# ```python
#     def hide(self, batch, rng):
#         hidden = torch.randint(0, 2, (len(batch),), generator=rng, device=batch.images.device)
#         turned = torch.where(hidden[:, None, None, None] == 1, batch.images.flip(2), batch.images)
#         return normalise(turned), hidden
# ```
#
# It asks whether the picture stands on its head: the task that `course new-method` writes for you to change. It keeps the contract. Whether it passes the other audits is for you to find out.
# </details>

# %%
_, task = my_network()
session.show(
    task.draw(photos.train.batch(range(6)), session.rng("draw", session.device)),
    caption="Your task on six pictures. Could you tell the answer? Could you tell it without knowing what the picture shows?",
    alt="Six pictures as the network sees them, each with what is hidden.",
    rests_on=["your_own_task.my_task"],
)

# %% [markdown]
# **Write down three things before you train:** what must a network know about pictures to do this? Which shortcut worries you most? And how often will it be right? The audit of the contract and of memory needs no training; run it first, and mend what it finds.

# %%
first_two = checkup.before_training(my_network, photos.train, session.rng("audit"), steps=session.budget(quick=80))
session.say(checkup.report_card(first_two))
forecast_mine = session.forecast("own.accuracy.mine", "How often will a network be right at your task?")

# %%
if MyTask is OddQuarter:  # the network of section 4
    make, mine = network, session.trained("odd_quarter", network, steps=steps)
else:
    make, mine = my_network, session.train("mine", *my_network(), steps=steps)

# %%
await mine.finished()
card = audited(mine, make, "mine")
failed = [finding.audit for finding in card if finding.passed is False]
print(f"Not passed: {', '.join(failed)}." if failed else "Every audit that could be asked is passed.")

# %% [markdown]
# A failed audit is not a bad mark. It tells you where to look next: change `hide`, and run everything from there again. Or it tells you something that you decide to live with, as we did with texture; then write down why. Go round as often as you like: `hide`, audit, train, audit. When you are content, go on, and do not come back.
#
# ## 6 · Before the envelope is opened
#
# There is one more question, and you do not know it. It is about the same pictures; it was chosen without regard to your task; and no other notebook asks it. (We wrote both the question and the worked example, so for that one it is not blind.) A linear probe will answer it from your network's frozen features, from random weights, and from a network trained with class labels for as many steps.
#
# Why sealed? Whoever knows what features will be asked chooses the task for that question, and then reports how well it transfers. That is no lie, and no news either.
#
# Commit yourself in two ways. The cell below computes a **fingerprint** of your trained network: train it again in another way, and the number is another. Write it down, with a forecast.

# %%
mine = session.trained("odd_quarter" if MyTask is OddQuarter else "mine", my_network, steps=steps)
await mine.finished()
sealed = fingerprint(mine.backbone)[:12]
print(f"The network that will be marked: {sealed}.")
print(f"Always giving the commonest answer would be right for {100 * open_envelope(photos).chance:.0f} %.")
forecast_gain = session.forecast("own.sealed.probe", "For what share of test pictures will a probe on your features answer the sealed question?")

# %%
labelled = session.trained("supervised_for_own", new_supervised, steps=steps)

# %% [markdown]
# ## 7 · The envelope

# %%
envelope = open_envelope(photos)
answers = envelope.answers if len(envelope.answers) > 2 else " or ".join(envelope.answers)
print(f"{envelope.question} ({answers if isinstance(answers, str) else ', '.join(answers)})")
examples, words = envelope.examples(session.rng("examples"))
session.show(image_row(examples, words, side=1.3 * examples.shape[-1] / examples.shape[-2]),
             caption=f"{envelope.question} Examples from the training pictures, with the answers.",
             alt="Pictures with their answers: " + ", ".join(words), rests_on=[])

# %% [markdown]
# Nobody told your network about this. In the world a thing stands before one of five surfaces, or on open land; in photos of your own, of which only classes are known, two pictures are compared by the difference of their features. Which of the three networks do you expect to answer best? The one with labels was taught to name things, whatever they stand before.
#
# Training pictures fit the probe; validation pictures choose its strength and the stage; test pictures are used once, for the figure.

# %%
labelled = session.trained("supervised_for_own", new_supervised, steps=steps)
await labelled.finished()
mine = session.trained("odd_quarter" if MyTask is OddQuarter else "mine", my_network, steps=steps)
await mine.finished()
print(f"The network that is marked: {fingerprint(mine.backbone)[:12]}.")
networks = {"probe": (mine.task, mine.backbone), "random": (mine.task, session.backbone("pretext").to(session.device)),
            "supervised": (labelled.task, labelled.backbone)}
found = {name: envelope.probes(*pair, session.rng("probe"), **sizes) for name, pair in networks.items()}
heights = {name: {stage: probe.test for stage, probe in stages.items()} for name, stages in found.items()}

# %%
for name, stages in found.items():
    session.record(f"own.sealed.{name}", stages[best_stage(stages)].test, chance=envelope.chance, unit="fraction")
session.show(
    probe_curve(heights["probe"], heights["random"], envelope.chance, heights["supervised"]),
    caption=f"{envelope.question} Left: a linear probe after each stage of three networks. Right: what training added. Dotted: always giving the commonest answer.",
    alt="Probe accuracy by stage. " + " ".join(f"{name}: " + ", ".join(f"{stage} {100 * height:.1f} %" for stage, height in line.items()) + "."
                                              for name, line in heights.items()),
    rests_on=["your_own_task.my_task", "your_own_task.exchange"],
)
session.say("Each at its own best stage on the validation pictures: your task **{own.sealed.probe}**, random weights {own.sealed.random}, "
            "class labels {own.sealed.supervised}; guessing {own.sealed.probe.chance}.")
print("These stages:", ", ".join(f"{name} {best_stage(stages)}" for name, stages in found.items()))

# %%
if MyTask is OddQuarter:  # the claims are about the worked example
    for claim in (["own.transfers", "own.beats_labels"] if photos.name == "world" else ["own.transfers.photos"]):
        session.claim(claim)

# %% [markdown]
# About the worked example: were you right about the network with labels? When we wrote the claims we thought that whoever learns to name things learns to look past what is behind them, and that the odd quarter would win this question. The box says what three seeds made of that. The claim stays as it was written.
#
# And the lead over random weights? One run may show a fair one and the next none, since random weights differ in luck as well; so read the verdict of three seeds, not this run. Mind the claim's words, too: "nobody had in mind" is too strong for this task, since we wrote both, and what our network was made to know, materials, is what the envelope asks for in the world.
#
# If the verdict is *undecided*: is it the short training? That suspicion came after the result, so it needs a claim of its own, written down before it was measured: `longer` trains the worked example four times as long, and its probe has to beat the same random weights.

# %%
def after(times):
    """The worked example trained for so many times the steps: what its best stage answers."""
    backbone, task = network()
    session.fit(backbone, task, steps=times * steps)
    stages = open_envelope(photos).probes(task, backbone, session.rng("probe"), **sizes)
    return stages[best_stage(stages)].test


longer = session.sweep("own.longer", after, {"four_times": 4}, chance=open_envelope(photos).chance)

# %% [markdown]
# Do not compare this with the network with labels above: that one was trained a quarter as long. And on photos another question is asked, about classes: what the odd quarter knows about materials may say little about them.
#
# What all this shows: how much of one question, which the task was not made for, a straight line reads off its features. What it does not show: that they are good features, or bad ones. One question is one question; notebook 08 asks a whole table, and there no task wins every column.
#
# What could fool us here? The question may suit a task by accident. Ask yourself how *yours* stands to it, and whether you would have said so before.
#
# ## 8 · From a cell to a notebook
#
# A task that has passed deserves files. In a terminal, in the folder of the course:
#
# ```
# .venv/bin/course new-method my_idea
# ```
#
# writes all that a method needs, as a small task that works, and edits nothing that exists:

# %%
for path in new_method.files("my_idea", new_method.next_notebook("my_idea")):
    print(path)

# %% [markdown]
# Then, one after the other:
#
# 1. **The class.** Move your `hide`, `predict`, `loss`, `score` and `draw` into `course_lib/pretext/my_idea.py`, into the class `MyIdea` that stands there. A file's name and its class's name are all the registration there is. The imports that you need stand at its top.
# 2. **The test.** `.venv/bin/pytest tests/pretext/test_my_idea.py`. It expects the task that was written, so change what it expects. Can you undo what `hide` did, and get the picture back bit for bit? That is the best test there is.
# 3. **The claims.** `course_lib/claims/my_idea.csv`: what you expect, with a margin. Commit it *before* you measure; afterwards nobody believes a margin.
# 4. **The notebook.** `notebooks/source/…_my_idea.py` is its only text; `.venv/bin/course generate` makes the notebook from it. Put the audits into its section of doubt: `checkup.before_training` and `checkup.after_training` take any task.
# 5. **The run.** `.venv/bin/course run my_idea --profile smoke` says in seconds whether everything runs, `--profile quick` whether it learns, and `.venv/bin/course claims 'my_idea.*' --seeds 3` whether it holds.
#
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** A task that came to mind in a minute gave itself away by its seams, to a reader with no idea of a thing. A cross hid the seams; pictures without content showed that there was a second trick behind the first. With both taken away the accuracy fell, and what was left had to be looked at.
#
# **What could still fool us.** Each audit is one suspicion. Between three quarters of one photo there may be more in common than we thought of: a blur, the noise of a sensor, the direction of the light. The claims are about one small network and short trainings.
#
# **Where the lecture is loose.** It introduces each pretext task with its precautions, as if they had come with it. How they were found is not told, and a task in a paper is the survivor of many that nobody printed.
#
# **Kin of the worked example.** Jigsaw++ (Noroozi and others 2018, arXiv:1805.00385) puts tiles of another picture among those of a jigsaw; Jenni and Favaro (2018, arXiv:1806.05024) let a network spot what another one has damaged and repaired.
#
# **Check yourself.** Six questions; only the first try counts.

# %%
quiz = Quiz("your_own_task", session.rng("quiz")).show()

# %% [markdown]
# **What next.** Take the task that you invented to photos of your own (`folder:my-photos.zip` in `dataset` at the top): a camera leaves traces that the world's renderer does not. Then lend it to somebody else, and ask them to find the shortcut that you have not found.
