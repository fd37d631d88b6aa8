"""Guess the hidden word: you, then the network, then chance."""

import html
from collections.abc import Sequence

import ipywidgets
import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.plots.style import show_markdown
from course_lib.widgets import headless
from course_lib.widgets.game import Buttons, Game


class _Gaps(Buttons):
    """The sentence with its gap above the buttons, and on the buttons the words that this sentence is asked about."""

    shows_items = True

    def __init__(self, sentences: Sequence[str], choices: Sequence[Sequence[str]]):
        super().__init__([f"word {k + 1}" for k in range(len(choices[0]))])
        self._sentences, self._choices = sentences, choices
        self.sentence = ipywidgets.HTML()
        self.sentence.add_class("course-words-sentence")
        self.widget.children = [self.sentence, *self.widget.children]

    def ask(self, item: int | None) -> None:
        if item is not None:
            self.sentence.value = f'<p style="font-size:120%;max-width:46em">{html.escape(self._sentences[item])}</p>'
            for number, (button, word) in enumerate(zip(self.buttons, self._choices[item], strict=True), 1):
                button.description, button.tooltip = f"{number} · {word}", f"Answer: {word}"


class WordGame(Game):
    """A game on sentences: which of several words stood in the gap?

    Args:
        sentences: N of them, each with its gap.
        choices: for each the words to choose from, N x K.
        truth: which of them stood there, N indices.
        question: asked above.
    """

    def __init__(self, sentences: Sequence[str], choices: Sequence[Sequence[str]], truth: Sequence[int], question: str):
        if len(choices) != len(sentences) or len({len(words) for words in choices}) != 1:
            raise CourseError(f"{len(sentences)} sentences need as many lists of words, all of one length, not {len(choices)}.")
        self.sentences, self.choices, self._asked = list(sentences), [list(words) for words in choices], 0
        nothing = torch.zeros(len(sentences), 3, 1, 1, dtype=torch.uint8)  # there are no pictures
        names = [f"word {k + 1}" for k in range(len(choices[0]))]
        super().__init__(nothing, truth, names, question, "", answer_widget=_Gaps(self.sentences, self.choices))

    def show(self) -> "WordGame":
        """Display the game; headless, its sentences and words as a table."""
        if not headless():
            return super().show()
        show_markdown(f"{self.question} (In JupyterLab, answer by button or key.)\n\n" + self._table(lambda item: []))
        return self

    def play(self, choice: int) -> bool:
        self._asked = self.score.item or 0
        return super().play(choice)

    def let_play(self, logits: Tensor) -> None:
        """Enter the network's scores, N x K, and show what it chose."""
        super().let_play(logits)
        answers = self.score.network
        show_markdown(self._table(lambda item: [self._said("network", item, answers[item])]))

    def _table(self, extra) -> str:
        lines = ["| sentence | words |", "|---|---|"]
        for item, sentence in enumerate(self.sentences):
            lines.append(f"| {sentence} | {'; '.join([', '.join(self.choices[item]), *extra(item)])} |")
        return "\n".join(lines)

    def _said(self, who: str, item: int, answer: int) -> str:
        right = self.score.truth[item]
        return f"**{self.choices[item][right]}**; {'✓' if answer == right else '✗'} {who}: {self.choices[item][answer]}"

    def _word(self, choice: int) -> str:
        return "none of them" if choice == -1 else self.choices[self._asked][choice]
