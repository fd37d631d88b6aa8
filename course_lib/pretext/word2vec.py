"""Word2vec: hide a word and predict it from its neighbours, or the neighbours from the word (Mikolov et al. 2013,
arXiv:1301.3781), by telling the word that was there from words that were drawn (negative sampling, arXiv:1310.4546).

The backbone is a table, one vector a word (`table`); what is learnt is the table. The task's own table, `output`, is its head.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.sentences import Corpus
from course_lib.pretext import PretextTask


def table(words: int, dimension: int, rng: torch.Generator) -> nn.Embedding:
    """A vector for each of so many words, small random numbers from `rng` (on the CPU)."""
    small = torch.empty(words, dimension).uniform_(-0.5 / dimension, 0.5 / dimension, generator=rng)
    return nn.Embedding.from_pretrained(small, freeze=False)


def hide_middle(windows: Tensor) -> tuple[Tensor, Tensor]:
    """Windows of 2 reach + 1 words (int64 N x W): the neighbours, N x (W - 1), and the word in the middle, N."""
    middle = windows.shape[1] // 2
    return torch.cat([windows[:, :middle], windows[:, middle + 1 :]], dim=1), windows[:, middle]


def noise_distribution(counts: Tensor) -> Tensor:
    """How likely each word is drawn as a wrong answer: counts (float V) to the power of 3/4, summing to 1 (section 2.2)."""
    return counts**0.75 / (counts**0.75).sum()


class Word2vec(PretextTask):
    """CBOW, a word from its neighbours; or skip-gram, a neighbour from the word.

    Args:
        corpus: what words there are, and how often.
        dimension: numbers a vector has, as many as the table's.
        reach: neighbours on each side.
        negatives: words drawn for each word that was there.
        skipgram: predict a neighbour, drawn from the window, from the word in the middle.
        hide_middle, noise_distribution: a student's own functions, say.
    """

    content = ()

    def __init__(
        self, corpus: Corpus, dimension: int = 32, *, reach: int = 3, negatives: int = 5, skipgram: bool = False,
        hide_middle: Callable[[Tensor], tuple[Tensor, Tensor]] = hide_middle,
        noise_distribution: Callable[[Tensor], Tensor] = noise_distribution,
    ):  # fmt: skip
        super().__init__()
        self.vocabulary, self.reach, self.negatives, self.skipgram = corpus.vocabulary, reach, negatives, skipgram
        self.hide_middle, self.chance = hide_middle, 1 / (1 + negatives)
        self.register_buffer("noise", noise_distribution(corpus.counts))
        self.output = nn.Embedding.from_pretrained(torch.zeros(len(corpus.vocabulary), dimension), freeze=False)

    def sample(self, data: Corpus, size: int, rng: torch.Generator) -> Tensor:
        """Windows around `size` words, drawn uniformly: int64 size x (2 reach + 1)."""
        drawn = torch.randint(len(data), (size,), generator=rng, device=rng.device)
        return data.windows(data.places[drawn], self.reach)

    def hide(self, batch: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: N x M words to predict from, -1 for none; `hidden`: N x (1 + negatives), the word that was there first."""
        visible, hidden = self.hide_middle(batch)
        if self.skipgram:
            chances = torch.rand(visible.shape, generator=rng, device=rng.device) * (visible >= 0)
            visible, hidden = hidden[:, None], visible.gather(1, chances.argmax(1, keepdim=True))[:, 0]
            visible, hidden = torch.where(hidden[:, None] >= 0, visible, -1), hidden.clamp(min=0)  # alone in its sentence
        drawn = torch.multinomial(self.noise, len(batch) * self.negatives, replacement=True, generator=rng)
        return visible, torch.cat([hidden[:, None], drawn.view(len(batch), -1)], dim=1)

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """The mean vector of what is visible, N x D; zero where nothing is."""
        there = (visible >= 0)[..., None]
        return (backbone(visible.clamp(min=0)) * there).sum(1) / there.sum(1).clamp(min=1)

    def scores(self, prediction: Tensor, words: Tensor) -> Tensor:
        """How well each of N x K words fits the prediction of its row: N x K."""
        return torch.einsum("nd,nkd->nk", prediction, self.output(words))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """The word that was there: yes; those that were drawn: no (arXiv:1310.4546, eq. 4)."""
        scores = self.scores(prediction, hidden).float()
        return (F.softplus(-scores[:, 0]) + F.softplus(scores[:, 1:]).sum(1)).mean()

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: how often the word that was there is scored above all that were drawn."""
        scores = self.scores(prediction, hidden)
        return {"accuracy": (scores[:, :1] > scores[:, 1:]).all(1).float().mean().item()}

    def draw(self, batch: Tensor, rng: torch.Generator):
        """A line a window: what is visible, what is hidden, and the wrong answers that were drawn."""
        from matplotlib.figure import Figure

        visible, hidden = self.hide(batch, rng)

        def said(numbers: Tensor) -> str:
            return " ".join(self.vocabulary[number] if number >= 0 else "·" for number in numbers.tolist())

        def with_gap(seen: Tensor) -> str:
            return said(seen) if self.skipgram else " ___ ".join(map(said, seen.chunk(2)))

        rows = [[with_gap(seen), said(row[:1]), said(row[1:])] for seen, row in zip(visible, hidden, strict=True)]
        figure = Figure(figsize=(10.5, 0.3 * len(rows) + 0.4))
        axis = figure.subplots()
        axis.set_axis_off()
        drawn = axis.table(rows, colLabels=["visible", "hidden", "wrong answers"], colWidths=[0.46, 0.14, 0.4], cellLoc="left",
                           colLoc="left", loc="center", edges="horizontal")  # fmt: skip
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(9)
        for cell in drawn.get_celld().values():
            cell.set_edgecolor("#d1d5db")
            cell.set_height(0.95 / (len(rows) + 1))
        return figure
