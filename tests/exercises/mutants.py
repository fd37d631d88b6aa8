"""Wrong answers made from a right one: its outputs spoilt, its inputs mistreated, the numbers in its source moved.

`mutants(reference)` gives them by name. Each differs from the reference on *some* input.
"""

import ast
import copy
import inspect
import itertools
import textwrap
from collections.abc import Callable

import torch
from torch import Tensor

# What is done to the pictures (or features) that an answer returns.
SPOILT = {
    "axes swapped": lambda t: t.transpose(-2, -1),
    "mirrored": lambda t: t.flip(-1),
    "upside down": lambda t: t.flip(-2),
    "one turn too many": lambda t: torch.rot90(t, 1, (-2, -1)),
    "samples in reverse": lambda t: t.flip(0),
    "samples moved on by one": lambda t: t.roll(1, 0),
    "last sample lost": lambda t: t[:-1],
    "last sample a copy of the first": lambda t: torch.cat([t[:-1], t[:1]]),
    "first sample emptied": lambda t: torch.cat([t[:1] * 0, t[1:]]),
    "channels in reverse": lambda t: t.flip(1),
    "first channel everywhere": lambda t: t[:, :1].expand_as(t),
    "another type": lambda t: t.to(torch.float32 if t.dtype != torch.float32 else torch.float64),
    "half precision": lambda t: t.half().to(t.dtype) if t.is_floating_point() else t // 2 * 2,
    "scaled": lambda t: t.float() / 255,
    "a little noise": lambda t: t + (torch.arange(t.numel()) % 2).reshape(t.shape).to(t.dtype),
    "flat": lambda t: t.flatten(),
    "an axis too many": lambda t: t[None],
    "a list": lambda t: list(t),
    "an array": lambda t: t.detach().numpy(),
    "zeros": torch.zeros_like,
}
# What is done to the labels, where there are any.
LABELS = {
    "labels in reverse": lambda labels: labels.flip(0),
    "labels one turn off": lambda labels: (labels + 1) % 4,
    "labels clockwise": lambda labels: -labels % 4,
    "labels in degrees": lambda labels: labels * 90,
    "labels from one": lambda labels: labels + 1,
    "labels of another order": lambda labels: torch.arange(4).repeat(len(labels) // 4),
    "labels of 32 bits": lambda labels: labels.int(),
    "labels as floats": lambda labels: labels.float(),
    "labels as a list": lambda labels: labels.tolist(),
    "one label short": lambda labels: labels[:-1],
    "labels in a column": lambda labels: labels[:, None],
    "90 and 270 the same": lambda labels: torch.where(labels == 3, 1, labels),
}
# Where the answer is right; elsewhere it is zero.
ONLY = {
    "one sample": lambda t: len(t) == 1,
    "two samples": lambda t: len(t) == 2,
    "several samples": lambda t: len(t) > 1,
    "at most eight samples": lambda t: len(t) <= 8,
    "three channels": lambda t: t.shape[1] == 3,
    "one channel": lambda t: t.shape[1] == 1,
    "several channels": lambda t: t.shape[1] > 1,
    "as many channels as rows": lambda t: t.shape[1] == t.shape[2],
    "as many samples as channels": lambda t: len(t) == t.shape[1],
    "four rows": lambda t: t.shape[2] == 4,
    "an even side": lambda t: t.shape[2] % 2 == 0,
    "an odd side": lambda t: t.shape[2] % 2 == 1,
    "more than two rows": lambda t: t.shape[2] > 2,
    "at most nine rows": lambda t: t.shape[2] <= 9,
    "bytes": lambda t: t.dtype == torch.uint8,
    "single precision": lambda t: t.dtype == torch.float32,
    "all but double precision": lambda t: t.dtype != torch.float64,
    "contiguous memory": lambda t: t.is_contiguous(),
}


def mutants(reference: Callable, source: Callable | None = None, labels: bool = False) -> dict[str, Callable]:
    """All that can be made of `reference`, name -> function.

    source: the function whose numbers are moved, where `reference` only calls it.
    labels: the answer is a pair (pictures, labels).
    """
    made = {name: _spoilt(reference, pictures=spoil) for name, spoil in SPOILT.items()}
    made |= {f"right only for {name}": _only(reference, right) for name, right in ONLY.items()}
    if labels:
        made |= {name: _spoilt(reference, labels=spoil) for name, spoil in LABELS.items()}
    return made | _misbehaved(reference) | _renumbered(reference, source or reference)


def _changed(answer, pictures: Callable = lambda t: t, labels: Callable = lambda t: t):
    return (pictures(answer[0]), labels(answer[1])) if isinstance(answer, tuple) else pictures(answer)


def _spoilt(reference: Callable, **spoil: Callable) -> Callable:
    return lambda *arguments: _changed(reference(*arguments), **spoil)


def _images(arguments: tuple) -> Tensor:
    return next(argument for argument in arguments if isinstance(argument, Tensor))


def _only(reference: Callable, right: Callable) -> Callable:
    def function(*arguments):
        answer = reference(*arguments)
        return answer if right(_images(arguments)) else _changed(answer, pictures=torch.zeros_like)

    return function


def _misbehaved(reference: Callable) -> dict[str, Callable]:
    given_up, raised = itertools.count(), itertools.count()

    def spoils_its_input(*arguments):
        answer = _changed(reference(*arguments), pictures=torch.clone)
        _images(arguments)[-1:] += 1
        return answer

    def draws_from_the_global_generator(*arguments):
        torch.rand(1)
        return reference(*arguments)

    def shuffled_by_the_global_generator(*arguments):
        return _changed(reference(*arguments), pictures=lambda t: t[torch.randperm(len(t))])

    def gives_up(*arguments):
        return reference(*arguments) if next(given_up) < 4 else None

    def raises_later(*arguments):
        return reference(*arguments) if next(raised) < 4 else [][1]

    def leaves(*arguments):
        raise SystemExit(1)

    def interrupts(*arguments):
        raise KeyboardInterrupt

    def takes_no_arguments():
        return None

    functions = (
        spoils_its_input, draws_from_the_global_generator, shuffled_by_the_global_generator, gives_up, raises_later,
        leaves, interrupts, takes_no_arguments,
    )  # fmt: skip
    return {function.__name__.replace("_", " "): function for function in functions}


def _renumbered(reference: Callable, source: Callable) -> dict[str, Callable]:
    """One whole number of the source one larger or one smaller."""
    tree, made = ast.parse(textwrap.dedent(inspect.getsource(source))), {}
    for k, node in enumerate(ast.walk(tree)):
        if not (isinstance(node, ast.Constant) and type(node.value) is int):
            continue
        for step in (-1, 1):
            mutant = copy.deepcopy(tree)
            list(ast.walk(mutant))[k].value += step
            names = dict(source.__globals__)
            exec(compile(mutant, "<mutant>", "exec"), names)
            function = names[source.__name__]
            if source is not reference:  # a copy of the reference that finds the mutant under the old name
                function = type(reference)(reference.__code__, reference.__globals__ | {source.__name__: function})
            made[f"number {k}: {node.value} made {node.value + step}"] = function
    return made
