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
# # What does this sound look like?
#
# > **The question.** A film has pictures and a sound, and nobody had to write down that they belong together. What does a network learn about both that is asked only this: do they?
# >
# > **You will** match sounds to pictures by ear and eye, turn sounds into pictures, train two towers that meet at the end, ask them where a sound comes from, and catch a network that listens and never looks.
# >
# > **Before you start:** Python and arrays, and notebook 02, where probes and claims are explained. Whoever cannot hear, or has no loudspeaker: every sound is also shown.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | ✓ | ✓ |
# | 2 · Sounds as pictures | read | do the exercise |
# | 3 · Invent the labels | read | do both exercises |
# | 4 · Train | ✓ | ✓ |
# | 5 · Where does it come from? | ✓ | ✓, with a video of your own |
# | 6 · Which sound goes with this picture? | look at the figure | ✓, with its exercise |
# | 7 · What are the features worth? | ✓ | ✓ |
# | 8 · Doubt | ✓ | ✓, and run the sweeps |
# | 9 · What we know now | ✓ | ✓ |

# %% [markdown] tags=["instructor"]
# **For who teaches.** Check the loudspeakers before the lesson; section 1 is nothing without sound. Let the room vote on the four pictures.
#
# Section 5, where the heat moves with the sound, is the live demonstration; a video of your own of a few seconds can be prepared beforehand. In section 7 the printed ceiling (who knows the instruments' names alone) deserves a minute: it says how little beyond names the task asks for. Section 8 shows that treating only one side of the pairs is enough to spoil everything.
#
# Live: in section 6 let a picture look for sounds first; ask which of the sounds found is its own, and turn the direction round. The learning rate of section 4 may be moved while you talk.
#
# | section | 45 minutes | 90 minutes |
# |---|---|---|
# | 1 · Play | 5 | 6 |
# | 2 · Sounds as pictures | 3 | 10 |
# | 3 · Invent the labels | 4 | 19 |
# | 4 · Train | 7 | 8 |
# | 5 · Where does it come from? | 7 | 11 |
# | 6 · Which sound goes with this picture? | 4 | 11 |
# | 7 · What are the features worth? | 6 | 8 |
# | 8 · Doubt | 5 | 9 |
# | 9 · What we know now | 4 | 5 |

# %% tags=["parameters"]
profile = "quick"  # quick: a laptop · classroom, full: a GPU · smoke: tests
dataset = "world"  # or clips:PATH, a folder of your own videos with sound
seed = 0
device = "auto"

# %%
from course_lib.data.frames import frames
from course_lib.data.spectrograms import log_mel, spectrograms, spectrograms_of
from course_lib.evaluation import sounding
from course_lib.evaluation.probes import best_stage, few_shot, probe_stages
from course_lib.evaluation.supervised import Supervised
from course_lib.exercises import exercise
from course_lib.models import Backbone, build_backbone
from course_lib.plots.images import coloured
from course_lib.plots.layers import probe_curve
from course_lib.plots.settings import in_words, setting_bars
from course_lib.plots.sounds import heat_rows, spectrogram_panel
from course_lib.pretext import PretextTask
from course_lib.pretext.audio_visual import AudioVisual
from course_lib.shortcuts import as_by_telephone
from course_lib.start import start
from course_lib.widgets.game import Game
from course_lib.widgets.listening import OwnClip, RetrievalExplorer, SoundButtons
from course_lib.widgets.player import Player
from course_lib.widgets.quiz import Quiz

# %%
import dataclasses

import torch
from IPython.display import display

session = start("06_audio_video", profile=profile, dataset=dataset, seed=seed, device=device, part="sounds")
films = session.dataset
middle = films.test.clips.shape[1] // 2  # of a film, the frame that stands for it
heard = spectrograms_of(films.test)  # each sound as a picture, made once
truth_known = "present" in films.test.annotations  # in the world; nobody wrote it down for your videos
instruments = [films.classes[label] for label in films.test.labels.tolist()]
steps = session.budget(quick=680, classroom=4000, full=20000)

# %% [markdown]
# ## 1 · Play
#
# Each film lasts about a second. Press Play and listen, or look at the picture of the sound: time runs to the right, pitch upwards. Which of the four pictures belongs to it?

# %%
alone = (films.test.annotations["present"].sum(1) == 1).cpu() if truth_known else torch.ones(len(films.test), dtype=torch.bool)
order = torch.randperm(len(films.test), generator=session.rng("play"))
order = order[alone[order]]  # of films with one instrument, where that is known
kinds = films.test.labels.cpu()
asked = order[:10]
choices = sounding.choices(asked, order, kinds if truth_known else torch.arange(len(kinds)), session.rng("choices"))
right = (choices == asked[:, None]).int().argmax(1)
pictures = films.test.clips[choices.flatten(), middle].cpu().unflatten(0, choices.shape)  # 10 x 4 x 3 x S x S
game = Game(coloured(heard[asked].cpu() / 255), right, [f"picture {k + 1}" for k in range(choices.shape[1])],
            "Which picture belongs to this sound?", alt="A spectrogram",
            answer_widget=SoundButtons(films.test.sounds[asked].cpu(), pictures, films.test.rate)).show()

# %% [markdown]
# You knew what a drum sounds like before you came here. Did somebody teach you that, sound by sound? Hardly. You had seen it and heard it at the same moment, often enough. That co-occurrence is all that the network gets.
#
# **Before you train anything, commit yourself.** The network will see one frame and hear half a second, and say whether they belong together. It is scored so that guessing gets a half: the share of belonging pairs that it accepts and the share of other pairs that it refuses, averaged. This is called *balanced accuracy*. How much will it reach on films that it has never seen?

# %%
forecast = session.forecast("av.pretext_accuracy", "What score will the network reach?", start=0.5)

# %% [markdown]
# ## 2 · Sounds as pictures
#
# A sound is a list of numbers, sixteen thousand a second in our films: how far the air has swung, and to which side. How often it swings to and fro in a second is the **frequency**, and we hear it as pitch. How strongly, squared, is the **power**. Convolutions are good at pictures, so we make a picture of it.
#
# Take a short piece of the sound and measure how much of each frequency is in it; that is the piece's *spectrum*, and it becomes a column. Move on by a hundredth of a second, and again. Then add up neighbouring frequencies to *bands*. The result is a **log-mel spectrogram**. *Mel*: the bands are spaced as the ear spaces them, narrow where pitches are low. *Log*: each time the ear says *twice as loud*, the power has grown about tenfold. On a logarithm tenfold is always the same step, so equal steps in the picture are about equal steps to the ear.
#
# Power is counted in **decibels** below the loudest spot of the sound: a tenth of the loudest is -10, a hundredth is -20. How loud the whole recording is then no longer matters.
#
# > **Exercise 1 · `decibels`** (difficulty 2 of 5, importance 3 of 5, about six minutes.) `power` holds the powers of N sounds in F bands at T moments, N x F x T, none below zero. Return them in decibels below the loudest of each sound: 0 for the loudest, and never below `-reach`. A sound that is all zeros is `-reach` everywhere.

# %%
def decibels(power, reach):
    """Power in decibels below the loudest of each sound, from -reach to 0."""
    raise NotImplementedError  # your turn: replace this line


decibels = exercise("audio_video.decibels", decibels)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def decibels(power, reach):
#     loudest = power.amax((1, 2), keepdim=True)
#     share = torch.where(loudest > 0, power / loudest, 0.0)
#     return (10 * share.log10()).clamp(min=-reach)
# ```
# </details>

# %%
one_each = [instruments.index(name) for name in films.classes if name in instruments][:8]
names = [instruments[k] for k in one_each]
waves = films.test.sounds[one_each].float().cpu() / 32768  # from whole numbers of 16 bits to -1…1
pieces = {"n_fft": 512, "hop_length": 160, "window": torch.hann_window(512)}  # 512 numbers at a time, moving on by 160
power = torch.stft(waves, **pieces, pad_mode="constant", return_complex=True).abs().square()  # N x 257 frequencies x moments
levels = ((decibels(power[:, :200, :100], 80.0) / 80 + 1) * 255).to(torch.uint8).flip(1)  # as grey levels, low pitches last
session.show(
    spectrogram_panel(levels, names),
    caption="A sound of each kind, all frequencies equally far apart, by your function: the brighter, the more power. Sort them by what you see.",
    alt="Spectrograms: " + ", ".join(names) + ".",
    rests_on=["audio_video.decibels"],
)
session.show(
    spectrogram_panel(heard[one_each], names),
    caption="The same in bands as the ear spaces them; this is what the network gets. Look at a sound with many stripes: they were evenly spaced, and now they crowd towards the top.",
    alt="Log-mel spectrograms: " + ", ".join(names) + ".", rests_on=[],
)

# %% [markdown]
# Strings and pipes draw stripes. The lowest is the tone that you would sing; the others, its *overtones*, ring along with it. What is struck or plucked begins all at once and fades. Shakers and hands draw no stripes, only a cloud. Press Play and follow the cursor.

# %%
for clip in (one_each[0], one_each[-1]):
    display(Player(f"{instruments[clip]}", films.test.clips[clip].cpu(), films.test.sounds[clip].cpu(), rate=films.test.rate))

# %% [markdown]
# ## 3 · Invent the labels
#
# The three lines of every task in this course:
#
# ```python
# visible, hidden = task.hide(batch, rng)
# prediction = task.predict(backbone, visible)
# loss = task.loss(prediction, hidden)
# ```
#
# What is visible is a frame and half a second of sound. What is hidden is whether they come from the same moment of the same film. Pairs that belong come for nothing. For the others, the *negatives*, each frame needs sounds of *other* films (the claims below call them clips). Which? We have no names of instruments, and must not use them. So any other film will do, and now and then it will hold the same instrument. We live with that.
#
# > **Exercise 2 · `others`** (difficulty 3 of 5, importance 5 of 5, about eight minutes.) There are `count` films. For each of them draw the numbers of `each` different other films, none of them the film's own: a tensor of whole numbers, `count` x `each`. Every other film is equally likely. All randomness comes from the generator `rng`.

# %%
def others(count, each, rng):
    """For each of `count` films, the numbers of `each` different other films."""
    raise NotImplementedError  # your turn: replace this line


others = exercise("audio_video.others", others)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def others(count, each, rng):
#     chances = torch.rand(count, count, generator=rng)
#     chances.fill_diagonal_(-1)  # its own is never among the largest
#     return chances.topk(each, dim=1).indices
# ```
# </details>

# %%
drawn = others(len(films.train), 5, session.rng("others"))
names = films.train.labels.cpu()
alike = (names[drawn] == names[:, None]).float().mean().item()
print(f"Films drawn as others, by your function: {drawn.numel():,}; in {100 * alike:.0f} of 100 the same thing is heard.")

# %% [markdown]
# So often a label *no* is wrong, if names are what counts. In training we save the drawing: a batch is itself drawn at random, so each frame is asked about the sounds of all the others in it. It is your `others`, with everybody else. The table below is the whole task. In training two frames in three, drawn at random, lose their colours, so that no film can be recognised by them.

# %%
def new_network(**options):
    """A backbone that looks, with random weights, and the task: a second tower that listens, and the head."""
    backbone = session.backbone("audio_visual")
    return backbone, AudioVisual(backbone, session.rng("head"), **options)


backbone, task = new_network()
task.to(session.device)
session.show(
    task.draw(films.train.batch(range(5)), session.rng("draw", session.device)),
    caption="Five frames and the half seconds about them. Read along a row: one sound belongs, four do not. Where no note falls into the half second only noise is heard, and the answer is yes all the same.",
    alt="A table of five frames and five spectrograms; on its diagonal stands yes, elsewhere no.", rests_on=[],
)

# %% [markdown]
# **Two towers.** A picture and a sound have nothing in common that one filter could see. So there are two networks: one looks, one listens. Each ends in a list of numbers, 128 of them. Only at the very end they meet. The lecture's network *concatenates* the two lists, and a small head decides. There is a second way, and we take it: make both lists arrows of length one, and measure how far apart their tips are. Near means yes.
#
# > **Exercise 3 · `distances`** (difficulty 2 of 5, importance 4 of 5, about six minutes.) `seen` is N x D, `heard` is M x D. Bring every row to length one. Return the distances between each row of the one and each row of the other, N x M.

# %%
def distances(seen, heard):
    """Distances between the rows of N x D and of M x D, each brought to length one: N x M."""
    raise NotImplementedError  # your turn: replace this line


distances = exercise("audio_video.distances", distances)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def distances(seen, heard):
#     seen = seen / seen.norm(dim=1, keepdim=True)
#     heard = heard / heard.norm(dim=1, keepdim=True)
#     return torch.cdist(seen, heard)
# ```
# </details>

# %% [markdown]
# From a distance $d$ to an answer: the network says yes if $d$ is below a threshold $t$, the surer the farther below,
#
# $$ p(\text{belongs}) = \sigma\big(s\,(t - d)\big), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}, $$
#
# where the slope $s$ and the threshold $t$ are two numbers that it learns along the way.
#
# Two questions make the loss. Of each pair: yes or no, with the two answers weighing the same. And of each frame: which of all sounds in the batch is yours? (And of each sound: which frame?) Guessing that costs the logarithm of the batch's size, so the curve of the loss begins far above that of a plain yes or no.
#
# Arrows that point the same way are 0 apart, opposite ones 2, those at a right angle about 1.41. What do you expect of random weights, for pairs that belong and for others?

# %%
seen_before, heard_before = sounding.embedded(backbone, task, films.test)
far = distances(seen_before, heard_before)
own = torch.eye(len(far), dtype=torch.bool)
print(f"Before training, by your function: own sound {far[own].mean():.2f}, another's {far[~own].mean():.2f}.")

# %% [markdown]
# ## 4 · Train
#
# **How far does one get by names alone?** Somebody who knows every instrument by sight and by sound still accepts a wrong pair when what is heard in one film is seen in the other, whether it plays there or not. Wrong pairs are half of the score, so half of that share is lost. In our world we can count it. To get further one must know more than names: when the stick falls, say.

# %%
if truth_known:
    session.record("av.ceiling", sounding.class_ceiling(films.test), chance=0.5, unit="fraction")
    session.say("Who knows all names, and nothing else, scores **{av.ceiling}**.")

# %%
run = session.train("audio_visual", backbone, task, steps=steps)

# %%
await run.finished()
session.record("av.pretext_accuracy", session.scores(backbone, task)["accuracy"], chance=0.5, unit="fraction")
session.say("On films that it has not met the network scores **{av.pretext_accuracy}**; guessing gets {av.pretext_accuracy.chance}.")
for claim in ["learns", "level", *(["ceiling"] if truth_known else [])]:
    session.claim(f"av.{claim}")

# %% [markdown]
# Now the network plays your game, with a handicap: you heard the whole second, and it hears the half about the middle. Of the four pictures it takes the one whose arrow is nearest to the sound's.

# %%
seen, said = sounding.embedded(backbone, task, films.test)
game.let_play(torch.stack([-distances(seen[row], said[clip : clip + 1])[:, 0] for row, clip in zip(choices, asked.tolist())]))

# %% [markdown]
# ## 5 · Where does it come from?
#
# Nobody told the network where in the picture the sound comes from. Nobody told it that there *is* such a place. But the last map of the tower that looks has a vector for each of its spots, six by six in our films, and the picture's arrow is their mean. So we can ask each spot how surely it belongs to the sound. We call the answer its **heat**, and lay it over the frame.
#
# In about half of our films there are two instruments, and only one is heard. In half of those the silent one moves all the same. A cheap rival points to whatever moves most; where both move, that should do little better than a coin. **Guess:** in how many films is the mean heat higher on the instrument that sounds than on the silent one?

# %%
forecast_place = session.forecast("av.localise.heat", "In what share of films is the one that sounds hotter?", start=0.5)

# %%
run = session.trained("audio_visual", new_network, steps=steps)  # trained now if you skipped section 4
await run.finished()
backbone, task = run.backbone, run.task
pick = torch.cat([order[:1], order[~torch.isin(order, order[:1])][:1]])
if truth_known:
    two = sounding.pairs(films.test)
    pick = torch.cat([order[:1], (films.test.annotations["present"].sum(1) == 2).nonzero().flatten().cpu()[:2]])
shown = films.test.subset(pick)
hot = sounding.heat(backbone, task, shown)
session.show(
    heat_rows(shown.clips, hot, [instruments[k] for k in pick.tolist()]),
    caption="Films, and below each the same under its heat: the yellower, the surer. Is it yellow on what the word at the left names? And when?", rests_on=[],
    alt="Frames of films with one or two instruments; in the rows below, bright spots where the network takes the sound to come from.",
)

# %%
for clip, hot_one in zip(pick.tolist(), hot):
    display(Player(f"heard: {instruments[clip]}", films.test.clips[clip].cpu(), films.test.sounds[clip].cpu(), heat=hot_one, rate=films.test.rate))

# %% [markdown]
# Two examples are not a count. In films with two instruments we know where each is: the mean heat on the sounding one, against that on the silent one.

# %%
if truth_known:
    by = {"heat": sounding.hits(sounding.heat(backbone, task, two), two), "motion": sounding.hits(sounding.motion(two.clips), two)}
    both_move = two.annotations["silent_moves"].flatten().bool().cpu()
    panels = {"all films with two": {}, "both move": {}}
    for name, hit in by.items():
        panels["all films with two"][name] = session.record(f"av.localise.{name}", hit.float().mean(), chance=0.5, unit="fraction")
        panels["both move"][name] = session.record(f"av.localise.both.{name}", hit[both_move].float().mean(), chance=0.5, unit="fraction")
    session.show(setting_bars(panels, "heat"), alt=in_words(panels), rests_on=[],
                 caption="How often the instrument that sounds gets more than the silent one: by the network's heat, and by what moves more. Guessing gets a half. Compare the two panels: which bar falls when both move?")
    for claim in ("localise.level", "localise", "localise.both"):
        session.claim(f"av.{claim}")

# %% [markdown]
# Whoever does much better than motion where both move knows which thing makes which sound. But the heat lies on *things that make this sound*, not on *the thing that makes it now*. Two drums, of which one is played, would both be hot. Section 8 asks whether the network knows about moments.
#
# **Your own video.** Film something that sounds, and see where the heat goes. The network has met eight painted instruments and nothing else, so do not expect much of it; train it on your own films with `dataset = "clips:PATH"`.

# %%
def heat_of(clip, sound):
    """The heat of one clip with one sound."""
    with torch.no_grad():
        task.eval()
        return task.heat(backbone, clip[None].to(session.device), log_mel(sound[None]).to(session.device))[0].cpu()


first = pick[0].item()
own_clip = OwnClip(heat_of, films.test.clips[first].cpu(), films.test.sounds[first].cpu(),
                   caption="A film, and where the network takes its sound to come from.").show()

# %% [markdown]
# ## 6 · Which sound goes with this picture?
#
# Both arrows live in one space, so either can search for the other. Give it a picture, and play the sounds that it finds. Turn it round, and let a sound find pictures.

# %%
run = session.trained("audio_visual", new_network, steps=steps)
await run.finished()
seen, said = sounding.embedded(run.backbone, run.task, films.test)
explorer = RetrievalExplorer(films.test, seen, said, order[:8].tolist(), instruments).show()

# %% [markdown]
# How good is it? For each picture we count the sounds that are nearer than its own. If there are fewer than ten, its own is found. The share of pictures for which it is found is called *recall at ten*.
#
# > **Exercise 4 · `recall`** (difficulty 2 of 5, importance 3 of 5, about six minutes.) `distances` is N x N; what belongs together stands on the diagonal. Return the share of rows in which fewer than `k` others are nearer than the row's own.

# %%
def recall(distances, k):
    """The share of rows in which fewer than k others are nearer than the one on the diagonal."""
    raise NotImplementedError  # your turn: replace this line


recall = exercise("audio_video.recall", recall)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def recall(distances, k):
#     own = distances.diagonal()[:, None]
#     nearer = (distances < own).sum(dim=1)
#     return (nearer < k).float().mean().item()
# ```
# </details>

# %%
far, chance = distances(seen, said), min(1.0, 10 / len(films.test))
session.record("av.retrieval.chance", chance, unit="fraction")
own, right_name = {}, {}
for name, table in (("sounds", far), ("pictures", far.T)):
    own[f"finds {name}"] = session.record(f"av.retrieval.{name}", recall(table, 10), chance=chance, unit="fraction")
    if truth_known:
        fits = sounding.fits(films.test) if name == "sounds" else sounding.fits(films.test).T  # N x N: is it seen, what is heard?
        by_name = (10 / fits.sum(1)).clamp(max=1).mean()  # finds all that fit, and guesses among them
        own[f"{name}, by name"] = session.record(f"av.retrieval.{name}.by_name", by_name, chance=chance, unit="fraction")
        right_name[f"finds {name}"] = fits.gather(1, table.argsort(1)[:, :10]).mean().item()
        right_name["chance"] = fits.mean().item()
panels = {"its own among the nearest ten": own | {"chance": chance}} | ({"of the ten, with the right name": right_name} if truth_known else {})
session.show(setting_bars(panels, "finds sounds"), alt=in_words(panels), rests_on=["audio_video.recall", "audio_video.distances"],
             caption="Left: how often a film's own other half is among the ten nearest of all test films; beside it who knows names alone, and guesses among the films that fit. Right: the share of the ten that fit the query by name.")

# %%
session.claim("av.retrieval.sounds")
session.claim("av.retrieval.pictures")

# %% [markdown]
# Whatever the network has above the bars *by name*, it knows about the film and not only about instruments. The task does ask for that, since another drum's sound counts as wrong. But one drum looks and sounds much like another, and a single frame says little about which notes were played.
#
# ## 7 · What are the features worth?
#
# The task is a means. The end is two towers that have learnt something. We ask each for the name of the instrument.
#
# **The tower that listens**, with five labels a class, and no more. Its rivals: the same tower with random weights; and no tower at all, only how much of each pitch a sound has on average. **Guess** how often the trained one names the instrument.

# %%
forecast_sound = session.forecast("av.sound.tower", "How often will a probe with five labels a class name the sound?", start=0.125)

# %%
class Means(PretextTask):
    """How much of each pitch a sound has, averaged over time: what can be had without any network."""

    def represent(self, backbone, batch, stage):
        return batch.images[:, 0].float().mean(2)


def five_labels(task, tower):
    """How well five labels a class tell the sounds apart by these features."""
    return few_shot(task, tower, spectrograms(films), list(range(len(films.classes))), session.rng("five labels"), draws=session.budget(quick=3))


# %%
run = session.trained("audio_visual", new_network, steps=steps)
await run.finished()
backbone, task, several = run.backbone, run.task, len(films.classes) > 1
if several:
    untrained = build_backbone("small", rng=session.rng("random control"), image_size=64).to(session.device)
    # Means looks at the spectrogram itself, so it gets a "network" that hands on what it is given.
    towers = {"means": (Means(), Backbone({"means": torch.nn.Identity()}, [3]).to(session.device)), "random": (PretextTask(), untrained),
              "tower": (PretextTask(), task.sound_tower)}
    sounds_named = {name: session.record(f"av.sound.{name}", five_labels(*pair), chance=1 / len(films.classes), unit="fraction") for name, pair in towers.items()}
    session.show(setting_bars({"sounds named, five labels a class": sounds_named}, "tower"), alt=in_words({"sounds named": sounds_named}),
                 rests_on=[], caption="What a linear probe names by the mean spectrum, by a tower with random weights, and by the tower that has learnt beside pictures. The gap between random and tower is what that added.")
    session.claim("av.audio")
    session.claim("av.audio.random")

# %% [markdown]
# **The tower that looks**, stage by stage, on frames with a single instrument, beside random weights.

# %%
shots = frames(films, min(4, films.test.clips.shape[1]))
if truth_known:
    parts = {name: (split := getattr(shots, name)).subset(split.annotations["present"].sum(1) == 1) for name in ("train", "val", "test")}
    shots = dataclasses.replace(shots, **parts)


def probed(task, backbone):
    """Linear probes of the instrument after each stage."""
    sizes = {"train_size": session.budget(quick=800, classroom=4000), "test_size": session.budget(quick=400)}
    return probe_stages(task, backbone, shots, session.rng("probe"), **sizes)


# %%
if several:
    probes = {"probe": probed(task, backbone), "random": probed(task, session.backbone("random control"))}
    heights = {name: {stage: probe.test for stage, probe in found.items()} for name, found in probes.items()}
    best, by_chance = best_stage(probes["probe"]), 1 / len(films.classes)
    for name, line in heights.items():
        for stage, height in line.items():
            session.record(f"av.vision.{name}.{stage}", height, chance=by_chance, unit="fraction")
        session.record(f"av.vision.{name}.{'best' if name == 'probe' else 'at_best'}", line[best], chance=by_chance, unit="fraction")
    session.show(
        probe_curve(heights["probe"], heights["random"], by_chance),
        caption="Frames with one instrument, named by a linear probe after each stage of the tower that looks. Right: where did training add most?", rests_on=[],
        alt=" ".join(f"{name}: " + ", ".join(f"{stage} {100 * v:.1f} %" for stage, v in line.items()) + "." for name, line in heights.items()),
    )

# %%
if several:
    session.say(f"By the validation frames **{best}** serves it best: **{{av.vision.probe.best}}**, against {{av.vision.random.at_best}} with random weights.")
    session.claim("av.vision")

# %% [markdown]
# Is that much? Its rival is a network of the same kind that was *told* what is heard, trained for as many steps on such frames. **Guess** first: by the features of which of the two will the probe name more frames?

# %%
def with_labels(_):
    """What a probe reads, at the same stage, off a network that was trained with labels."""
    tower = session.backbone("supervised")
    named = Supervised(tower, len(shots.classes), session.rng("supervised head"))
    session.fit(tower, named, shots.train, steps=steps)
    return probed(named, tower)[best].test


if several:
    labelled = session.sweep("av.labels", with_labels, {"supervised": None}, chance=1 / len(films.classes))

# %% [markdown]
# If the two are close, labels bought little here. That does not show that they never do: eight instruments on plain ground are easy.
#
# ## 8 · Doubt
#
# **Does it look at all?** In our batches each sound is right with one frame and wrong with all the others. Whoever only listens says the same each time and gets a half; grey pictures will show it. It need not be so. Whoever builds such a data set cuts pairs that belong from one film, and fetches the other sounds from somewhere else. Suppose these came from an archive that kept half as many numbers a second, as a telephone does. Fewer numbers cannot follow fast swings, so the highest pitches are gone. We inject that: every sound that does *not* belong is treated so, everything else stays as it is. **Guess:** what will a network score that has trained on such data for a sixteenth of the steps?

# %%
treated = session.train("treated", *new_network(treated=as_by_telephone), steps=steps // 16)

# %%
await treated.finished()
grey = torch.full((1, 1, 1, 1, 1), 128, dtype=torch.uint8, device=films.test.clips.device)
unseen = dataclasses.replace(films.test, clips=grey.expand(films.test.clips.shape))
leaky, ours = treated.task, session.trained("audio_visual", new_network, steps=steps)
panels = {"ours": {"as trained": session.scores(ours.backbone, ours.task)["accuracy"], "grey pictures": session.scores(ours.backbone, ours.task, unseen)["accuracy"]},
          "with the shortcut": {"as trained": session.scores(treated.backbone, leaky)["accuracy"], "grey pictures": session.scores(treated.backbone, leaky, unseen)["accuracy"]}}
leaky.treated = None
panels["with the shortcut"]["nothing treated"] = session.scores(treated.backbone, leaky)["accuracy"]
session.record("av.blind", panels["ours"]["grey pictures"], chance=0.5, unit="fraction")
for name, value in zip(("treated", "blind", "clean"), panels["with the shortcut"].values()):
    session.record(f"av.shortcut.{name}", value, chance=0.5, unit="fraction")
session.show(setting_bars(panels, "as trained"), alt=in_words(panels), rests_on=[],
             caption="Scores on test films, of our network and of the one that had the shortcut: as trained; with grey pictures instead of frames; and with no sound treated. Look for the change that hurts.")

# %%
session.claim("av.shortcut")
session.claim("av.shortcut.blind")

# %% [markdown]
# It is the easiest of tasks, solved at once, and without looking. A score near the top should worry you more than one in the middle. And what are its features worth, if it goes on for as many steps as the honest one?

# %%
def cheating(_):
    """What five labels a class make of the sounds, by a tower that had the shortcut throughout."""
    backbone, task = new_network(treated=as_by_telephone)
    session.fit(backbone, task, steps=steps)
    return five_labels(PretextTask(), task.sound_tower)


if several:
    cheated = session.sweep("av.cheating", cheating, {"treated": None}, chance=1 / len(films.classes))

# %% [markdown]
# **Does it know when?** A sound of *another* film can be refused by knowing instruments. A sound of the *same* film, from another moment, cannot: the same drum is seen and heard. These are **hard negatives**. We ask our network about them, and the sweep trains another one that has met them.

# %%
def about_moments(kind):
    """Trained with or without hard negatives: how well a network tells the moment, and what five labels make of its sounds."""
    backbone, task = run.backbone, run.task
    if kind == "with":
        backbone, task = new_network(same_clip=True)
        session.fit(backbone, task, steps=steps)
    asked_about, task.same_clip = task.same_clip, True
    moment = session.scores(backbone, task)["moment"]
    task.same_clip = asked_about
    if several:
        session.record(f"av.moment_sound.{kind}", five_labels(PretextTask(), task.sound_tower), chance=1 / len(films.classes), unit="fraction")
    return moment


moments = session.sweep("av.moment", about_moments, {"without": "without", "with": "with"}, chance=0.5)

# %% [markdown]
# If hard negatives hardly help, that need not be the network's fault: a single frame says little about when. A few frames in a row would say more.
#
# **Concatenate or measure a distance?** The lecture concatenates. Here are both heads, for as many steps.

# %%
def with_head(head):
    """The score of a network with this head; the distance is what section 4 has trained."""
    if head == "distance":
        return session.scores(run.backbone, run.task)["accuracy"]
    backbone, task = new_network(head=head)
    session.fit(backbone, task, steps=steps)
    return session.scores(backbone, task)["accuracy"]


heads = session.sweep("av.head", with_head, {"distance": "distance", "concatenation": "concatenation"}, chance=0.5)

# %% [markdown]
# A difference here says which head learns sooner, not which is better in the end. What only the distance gives for nothing is the search, in which every picture is compared with every sound by their arrows alone.
#
# ## 9 · What we know now
#
# Your forecasts beside what came out:

# %%
session.calibration()

# %% [markdown]
# **What we measured.** The numbers of this run:

# %%
session.say("The network tells what belongs together with a score of **{av.pretext_accuracy}**.")
if truth_known:
    session.say("One who knows all instruments gets {av.ceiling}. Of two instruments it points to the one that sounds in **{av.localise.heat}** of the films, where motion points to it in {av.localise.motion}; "
                "with both moving, in {av.localise.both.heat} and {av.localise.both.motion}. With five labels a class its sounds are named in **{av.sound.tower}**, by mean spectra in {av.sound.means}, with random weights in {av.sound.random}.")

# %% [markdown]
# Each tower was the other one's teacher. What a picture says about the sound, and a sound about the picture, is *which instrument*; so that is what both have learnt, and it happens to be what we asked for afterwards. That is no coincidence of nature. We chose eight instruments that look different and sound different.
#
# **What could still fool us.** Our films are short and clean: one thing sounds, and it is in the picture. In real films speakers talk off screen and music is laid over everything. And two films from one recording share a room, a hum, a microphone; whoever draws negatives from other recordings only lets the network learn rooms.
#
# **Where the lecture is loose.** It takes a drum's picture and a drum's sound as belonging, a guitar's picture and a drum's sound as not. Whoever draws so knows the instruments, and that is a label. Drawn blindly, some of the wrong pairs are right, and whoever knows only names has a ceiling below the top. It also says that the network can predict what makes the sound. With either head each spot can be asked. But where the lists are joined they need not resemble one another; without the head no spot can be held against a sound, and no picture found by sorting.
#
# **Where this stands beside the papers.** Do not race these numbers. The papers' films are of everything that people put online; ours hold eight painted instruments. ESC-50 is a set of sounds to name, ImageNet one of photos. Read the second table first.

# %% tags=["published"]
session.published("audio_video")
session.gap({
    "films": ("400 thousand of Flickr-SoundNet", len(films.train)),
    "a frame's side, in pixels": ("224", films.test.clips.shape[-1]), "sound heard": ("1 s", "0.5 s"),
    "the towers": ("eight convolutions each", "five convolutions each"),
    "wrong pairs": ("one for each right one", "all others of a batch, weighed to count as much"),
}, "Arandjelović & Zisserman 2017")

# %% [markdown]
# **Check yourself.** Six questions; only the first try counts.

# %%
quiz = Quiz("audio_video", session.rng("quiz")).show()

# %% [markdown]
# **Try it.** In section 8 the treatment takes high pitches away. What else could differ between films that belong and films that do not, in a data set that you know? Write it as a function of spectrograms, hand it to `new_network(treated=…)`, and see how soon the network finds it.
