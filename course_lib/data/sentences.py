"""Text to learn words from: the world's captions, the docstrings of the Python that runs, and both as numbers.

Nothing is downloaded, imported or stored: sources are read with `ast`, and what is found stays in memory.
"""

import ast
import functools
import hashlib
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from course_lib.errors import CourseError

LONGEST = 40  # words of a sentence that are kept
_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_END = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|>>>|\n\s*[-*]\s")
_NO_PROSE = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "encodings", "pydoc_data", "site-packages", "dist-packages"}


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters and in order; numbers and signs are left out."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Corpus:
    """Sentences as numbers.

    Attributes:
        vocabulary: the words that have a number, most frequent first; a word's number is its place.
        counts: float32 V, how often each occurs in the text that the vocabulary was made from.
        sentences: int64 S x L, words by their numbers; -1 for a word without one, and where the sentence has ended.
        places: int64 T x 2, sentence and position of every word that has a number.
    """

    vocabulary: list[str]
    counts: Tensor
    sentences: Tensor
    places: Tensor

    def __len__(self) -> int:
        return len(self.places)

    def number(self, word: str) -> int:
        """A word's number. Raises `CourseError` where the corpus does not know the word."""
        if word not in self.vocabulary:
            raise CourseError(f"The word '{word}' is not among the {len(self.vocabulary)} that this text uses often enough.")
        return self.vocabulary.index(word)

    def to(self, device: torch.device | str) -> "Corpus":
        """The same on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("counts", "sentences", "places")})

    def windows(self, places: Tensor, reach: int) -> Tensor:
        """Around each of N places (N x 2), `reach` words to the left, the word, `reach` to the right: N x (2 reach + 1).

        -1 stands where a sentence has not begun or has ended, or where a word has no number.
        """
        columns = places[:, 1:] + torch.arange(-reach, reach + 1, device=places.device)
        inside = (columns >= 0) & (columns < self.sentences.shape[1])
        found = self.sentences[places[:, :1], columns.clamp(0, self.sentences.shape[1] - 1)]
        return torch.where(inside, found, -1)

    def shuffled(self, rng: torch.Generator) -> "Corpus":
        """The same words in the same number, each at a place drawn by `rng` (on the CPU): sentences without sense."""
        order = torch.randperm(len(self), generator=rng).to(self.places.device)
        rows, columns = self.places.unbind(1)
        mixed = self.sentences.clone()
        mixed[rows, columns] = self.sentences[rows[order], columns[order]]
        return replace(self, sentences=mixed)


def corpus(sentences: Iterable[Sequence[str]], least: int = 5, like: Corpus | None = None) -> Corpus:
    """Sentences, lists of words, as numbers.

    Args:
        least: words that occur less often get no number.
        like: take the vocabulary of this corpus instead of making one: for text that it has not seen.

    Raises:
        CourseError: no word occurs often enough.
    """
    sentences = [list(words[:LONGEST]) for words in sentences]
    if like is None:
        found = Counter(word for words in sentences for word in words)
        # Words that are equally frequent stand in alphabetical order, so that their numbers are the same in every run.
        kept = sorted((item for item in found.items() if item[1] >= least), key=lambda item: (-item[1], item[0]))
        vocabulary, counts = [word for word, _ in kept], torch.tensor([float(count) for _, count in kept])
    else:
        vocabulary, counts = like.vocabulary, like.counts
    if not vocabulary:
        raise CourseError(f"No word of this text occurs {least} times; there is too little of it to learn from.")
    numbers = {word: number for number, word in enumerate(vocabulary)}
    table = torch.full((len(sentences), max(map(len, sentences), default=1)), -1)
    for row, words in zip(table, sentences, strict=True):
        row[: len(words)] = torch.tensor([numbers.get(word, -1) for word in words], dtype=torch.int64)
    return Corpus(vocabulary, counts, table, (table >= 0).nonzero())


@functools.lru_cache(maxsize=2)
def docstrings(most: int = 120_000, folder: Path | None = None) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences of the docstrings of the installed standard library: (to learn from, to be asked about), as words.

    Every eighth module is kept to be asked about, whole, since docstrings of one module repeat each other. Modules come in
    an order that their names alone decide, until `most` words are found. Another version of Python has other docstrings.

    Raises:
        CourseError: there are none: some installations come without their sources.
    """
    folder = folder or Path(sysconfig.get_paths()["stdlib"])
    paths = (path.relative_to(folder) for path in folder.rglob("*.py"))
    prose = (path for path in paths if not _NO_PROSE & set(path.parts))
    kept, seen, found = ([], []), set(), 0
    for path in sorted(prose, key=lambda path: hashlib.sha256(path.as_posix().encode()).digest()):
        asked = hashlib.sha256(path.as_posix().encode()).digest()[-1] % 8 == 0
        for sentence in _sentences(folder / path):
            if tuple(sentence) not in seen:
                seen.add(tuple(sentence))
                kept[asked].append(sentence)
                found += len(sentence)
        if found >= most:
            break
    if not all(kept):
        raise CourseError(f"There are no docstrings to learn from in {folder}: this Python came without its sources.")
    return kept


def _sentences(path: Path) -> list[list[str]]:
    """Of every docstring of a file: its sentences of five words or more."""
    try:
        source = path.read_bytes()
        tree = ast.parse(source) if b'"""' in source or b"'''" in source else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):  # some files are there to be wrong
        return []
    texts = (ast.get_docstring(node) or "" for node in _documented(tree))
    sentences = (words_of(sentence) for text in texts for sentence in _END.split(text))
    return [sentence for sentence in sentences if len(sentence) >= 5]


def _documented(node: ast.AST) -> Iterable[ast.AST]:
    """A module, its classes and functions, and theirs."""
    yield node
    for part in node.body:
        if isinstance(part, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _documented(part)
