"""What vectors of words know: which things come in which colours, which word was hidden, which words are alike."""

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from course_lib.data.sentences import Corpus, words_of
from course_lib.data.splits import Dataset

# The tables are private to the files of the world, since any change to those draws the world anew for everyone.
from course_lib.data.world.captions import _COLOURS, _NOUNS
from course_lib.errors import CourseError
from course_lib.pretext.word2vec import Word2vec

COLOURS = sorted({word for row in _COLOURS for shades in row[1:] for word in shades.split()})
NOUNS = {  # noun -> class; of trees, captions name no colour
    noun: {"sailing": "boat"}.get(kind, kind)
    for kind, nouns in _NOUNS.items() if kind not in ("tree", "conifer")
    for noun in nouns.split()
}  # fmt: skip


def thing_and_colour(caption: str) -> tuple[str, str] | None:
    """What a caption is about and in which colour, ("finch", "scarlet"); None where it does not say."""
    words = words_of(caption.split(",")[0])  # what follows the comma is another thing
    colour = next((word for word in words if word in COLOURS), None)
    noun = next((word for word in words if word in NOUNS), None)
    return (noun, colour) if noun and colour else None


class Affinity:
    """Which colours the things of the world come in, and pairs of a noun and a colour that are kept from the networks.

    The truth of a pair is by how much more often (log) the objects of the noun's class have that colour word than objects
    at large, over all scenes, by the world's labels. The synonyms of a noun share it: whoever is not told about scarlet
    finches may still know from robins.

    Args:
        world: the data set `world`.
        rng: a CPU generator that draws which pairs are held out.
        share: of the pairs (0…1).
    """

    def __init__(self, world: Dataset, rng: torch.Generator, share: float = 0.2):
        self.nouns, self.colours = sorted(NOUNS), COLOURS
        counts = torch.full((len(world.classes), len(self.colours)), 0.0)
        for split in (world.train, world.val, world.test):
            for caption, label in zip(split.annotations["captions"], split.labels.tolist(), strict=True):
                pair = thing_and_colour(caption)
                if pair:
                    counts[label, self.colours.index(pair[1])] += 1
        expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
        log_ratio = ((counts + 0.5) / (expected + 0.5)).log()
        self.truth = log_ratio[[world.classes.index(NOUNS[noun]) for noun in self.nouns]]  # nouns x colours
        self.held_out = torch.rand(self.truth.shape, generator=rng) < share

    def kept(self, captions: list[str]) -> list[list[str]]:
        """The captions without those that join a held-out pair, as words."""
        hidden = {(self.nouns[row], self.colours[column]) for row, column in self.held_out.nonzero().tolist()}
        return [words_of(caption) for caption in captions if thing_and_colour(caption) not in hidden]

    def agreement(self, backbone: nn.Embedding, task: Word2vec, corpus: Corpus) -> float:
        """Spearman's rank correlation, over the held-out pairs, of the network's scores with the truth."""
        nouns, colours = ([corpus.number(word) for word in words] for words in (self.nouns, self.colours))
        inputs, outputs = backbone.weight.detach().float().cpu(), task.output.weight.detach().float().cpu()
        scores = inputs[nouns] @ outputs[colours].T + outputs[nouns] @ inputs[colours].T  # either predicts the other
        return float(spearmanr(scores[self.held_out].numpy(), self.truth[self.held_out].numpy()).statistic)


def hidden_words(
    asked: Corpus, rng: torch.Generator, count: int, choices: int = 4, frequent: int = 100, near: int = 40
) -> tuple[Tensor, Tensor, Tensor]:
    """Questions: which of `choices` words stood here? places N x 2, words N x choices, and which is right, N.

    Hidden are words that are not among the `frequent` most common ones, in sentences of eight known words or more. All
    answers lie within `near` ranks of frequency, and none of them is to be seen elsewhere in the sentence. Where the hidden
    word lies among those ranks is drawn as well: were it always in their middle, its being neither the most nor the least
    frequent of the answers would give it away.
    """
    size = len(asked.vocabulary)
    rank = asked.sentences[asked.places[:, 0], asked.places[:, 1]]
    long = ((asked.sentences >= 0).sum(1) >= 8)[asked.places[:, 0]]
    possible = asked.places[long & (rank >= frequent + near) & (rank < size - near)]
    hidden = asked.sentences[possible[:, 0], possible[:, 1]]
    possible = possible[(asked.sentences[possible[:, 0]] == hidden[:, None]).sum(1) == 1]
    if not len(possible):
        raise CourseError(f"No sentence has a word to hide: the text has {size} words, and those in the middle are asked about.")
    chosen = possible[torch.randperm(len(possible), generator=rng)[:count]]
    answers, truth = [], torch.randint(choices, (len(chosen),), generator=rng)
    shifts = torch.randint(near, (len(chosen),), generator=rng)
    for (sentence, column), right, shift in zip(chosen.tolist(), truth.tolist(), shifts.tolist(), strict=True):
        word, used = int(asked.sentences[sentence, column]), set(asked.sentences[sentence].tolist())
        around = [other for other in range(word - shift, word - shift + near) if other not in used]
        wrong = [around[i] for i in torch.randperm(len(around), generator=rng)[: choices - 1].tolist()]
        answers.append([*wrong[:right], word, *wrong[right:]])
    return chosen, torch.tensor(answers), truth


def choose(backbone: nn.Module, task: Word2vec, asked: Corpus, places: Tensor, answers: Tensor) -> Tensor:
    """How well each answer (N x K words) fits its gap at `places` (N x 2): N x K scores by a network trained on CBOW."""
    device = next(backbone.parameters()).device
    with torch.no_grad():
        neighbours, _ = task.hide_middle(asked.windows(places, task.reach).to(device))
        return task.scores(task.predict(backbone, neighbours), answers.to(device)).float().cpu()


def nearest_words(vectors: Tensor, direction: Tensor, without: list[int], count: int) -> list[tuple[int, float]]:
    """The `count` words whose vectors (V x D) point most nearly in `direction` (D), none of `without`: (number, cosine)."""
    cosine = nn.functional.normalize(vectors.float(), dim=1) @ nn.functional.normalize(direction.float(), dim=0)
    cosine[without] = -2.0
    best = cosine.topk(min(count, len(vectors) - len(without)))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
