"""Wrong answers made from a right one: its outputs spoilt, its inputs mistreated, its source rewritten in one place.

`mutants("rotation.rotate")` gives them by name. What an exercise asks for decides which there are: a spoiling that its
answers do not bear (a single number has no axes to swap) makes none. Each differs from the reference on *some* input, or
is left out by name, with a reason (see `refusals.answers`).
"""

import ast
import contextlib
import copy
import inspect
import itertools
import math
import textwrap
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.data import Batch
from course_lib.exercises import Unsolved, find
from course_lib.pretext import PretextTask

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
# What is done to an answer that is one number.
NUMBERS = {
    "one more": lambda x: x + 1,
    "one less": lambda x: x - 1,
    "the sign turned": lambda x: -x,
    "doubled": lambda x: 2 * x,
    "halved": lambda x: x / 2,
    "squared": lambda x: x * x,
    "a hundred times as much": lambda x: 100 * x,
    "a hundredth more": lambda x: 1.01 * x + 0.01,
    "taken from one": lambda x: 1 - x,
    "rounded": float.__round__,  # whole numbers and tensors do not bear it
    "zero": lambda x: 0 * x,
    "no number": lambda x: math.nan,
    "infinite": lambda x: math.inf,
    "in words": str,
    "in a list": lambda x: [x],
    "twice": lambda x: (x, x),
    "with an axis": lambda x: torch.as_tensor(x)[None],
    "yes or no": lambda x: x > 0,
    "a complex number": lambda x: x + 0j,
}
# What is done to the scores of a task.
SCORES = {
    "scores alone": lambda scores: next(iter(scores.values())),
    "scores in a list": lambda scores: list(scores.items()),
    "scores as tensors": lambda scores: {name: torch.tensor(value) for name, value in scores.items()},
    "scores in percent": lambda scores: {name: 101.0 for name in scores},
    "scores in words": lambda scores: {name: str(value) for name, value in scores.items()},
}
# Those of the above that no task bears, whatever it is about.
FORM = {
    "last sample lost", "flat", "an axis too many", "a list", "an array", "zeros", "labels as a list", "one label short",
    "labels in degrees", "labels from one", "no number", "infinite", "zero", "in words", "in a list", "twice", "with an axis",
    "yes or no", *SCORES,
}  # fmt: skip
# Where the answer is right, by the first tensor that is handed in; elsewhere it is zero.
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
# What one place of the source becomes: operators, comparisons, and the names of functions and methods.
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}  # fmt: skip
SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "times", ast.Div: "over", ast.FloorDiv: "over, rounded down", ast.Mod: "rest",
    ast.Pow: "power", ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "=", ast.NotEq: "≠",
}  # fmt: skip
NAMES = {
    "max": "min", "min": "max", "amax": "amin", "amin": "amax", "argmax": "argmin", "maximum": "minimum", "minimum": "maximum",
    "sum": "mean", "mean": "sum", "log2": "log", "log10": "log", "log": "log2",
}  # fmt: skip


def mutants(
    exercise: str, reference: Callable | None = None, source: Callable | None = None, labels: bool = False
) -> dict[str, Callable]:
    """All that can be made of a right answer to an exercise, name -> function.

    Args:
        exercise: `rotation.rotate`.
        reference: the right answer, unless the exercise's own.
        source: the function whose source is rewritten, where the reference only calls it.
        labels: the answer is a pair, whose second thing is labels.
    """
    reference = reference or find(exercise).reference
    arguments, answer = _first_case(exercise, reference)
    made = _misbehaved(reference, arguments, answer) | _misread(reference, arguments)
    for part, value in enumerate(answer if isinstance(answer, tuple) else [answer]):
        of_which = ", in the second part" * part
        table = LABELS if labels and part else SPOILT if isinstance(value, Tensor) and value.dim() else NUMBERS
        for name, spoil in table.items():
            if table is LABELS or _bears(spoil, value):
                made[name + of_which * (table is not LABELS)] = _spoilt(reference, spoil, part)
    for name, right in ONLY.items():
        if any(isinstance(argument, Tensor) for argument in arguments) and _bears(right, _first_tensor(arguments)):
            made[f"right only for {name}"] = _only(reference, right)
    if isinstance(answer, tuple):
        made["the two parts exchanged"] = lambda *arguments: reference(*arguments)[::-1]
        made["the first part alone"] = lambda *arguments: reference(*arguments)[0]
    return made | _rewritten(reference, source or reference)


def _first_case(exercise: str, reference: Callable) -> tuple[tuple, object]:
    """The arguments with which an exercise's check begins, and the right answer to them."""
    seen = []

    def asked(*arguments):
        seen.append((arguments, reference(*arguments)))
        raise NotImplementedError

    with contextlib.suppress(Unsolved):
        find(exercise).check(asked)
    return seen[0]


def _bears(change: Callable, value) -> bool:
    """Whether a change can be made to such a value at all."""
    try:
        change(value)
    except (IndexError, RuntimeError, TypeError, ValueError):
        return False
    return True


def _changed(answer, change: Callable, part: int = 0):
    if isinstance(answer, tuple):
        return tuple(change(value) if k == part else value for k, value in enumerate(answer))
    return change(answer)


def _spoilt(reference: Callable, spoil: Callable, part: int) -> Callable:
    return lambda *arguments: _changed(reference(*arguments), spoil, part)


def _first_tensor(arguments: tuple) -> Tensor:
    return next(argument for argument in arguments if isinstance(argument, Tensor))


def _nothing(value):
    return torch.zeros_like(value) if isinstance(value, Tensor) else 0 * value


def _only(reference: Callable, right: Callable) -> Callable:
    def function(*arguments):
        answer = reference(*arguments)
        return answer if right(_first_tensor(arguments)) else _changed(answer, _nothing)

    return function


def _misread(reference: Callable, arguments: tuple) -> dict[str, Callable]:
    """Numbers among the arguments moved, or kept as they were at first; neighbours of one kind exchanged."""

    def moved(place: int, change: Callable) -> Callable:
        return lambda *given: reference(*given[:place], change(given[place]), *given[place + 1 :])

    def exchanged(place: int) -> Callable:
        return lambda *given: reference(*given[:place], given[place + 1], given[place], *given[place + 2 :])

    made = {}
    for place, argument in enumerate(arguments):
        if type(argument) in (int, float):
            made[f"argument {place + 1} one too large"] = moved(place, lambda given: given + 1)
            made[f"argument {place + 1} always {argument:.4g}"] = moved(place, lambda given, first=argument: first)
    for place, (argument, following) in enumerate(itertools.pairwise(arguments)):
        alike = isinstance(argument, Tensor) and isinstance(following, Tensor) and argument.dtype == following.dtype
        if alike or (type(argument) is type(following) and isinstance(argument, (int, float, list))):
            made[f"arguments {place + 1} and {place + 2} exchanged"] = exchanged(place)
    return made


def _misbehaved(reference: Callable, arguments: tuple, answer) -> dict[str, Callable]:
    given_up, raised = itertools.count(), itertools.count()

    def spoils_its_input(*arguments):
        answer = _changed(reference(*arguments), copy.copy)
        with torch.no_grad():
            _first_tensor(arguments)[-1:] += 1
        return answer

    def draws_from_the_global_generator(*arguments):
        torch.rand(1)
        return reference(*arguments)

    def shuffled_by_the_global_generator(*arguments):
        return _changed(reference(*arguments), lambda t: t[torch.randperm(len(t))])

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

    functions = [draws_from_the_global_generator, gives_up, raises_later, leaves, interrupts, takes_no_arguments]
    if any(isinstance(argument, Tensor) for argument in arguments):
        functions.append(spoils_its_input)
    first = answer[0] if isinstance(answer, tuple) else answer
    if isinstance(first, Tensor) and first.dim():
        functions.append(shuffled_by_the_global_generator)
    return {function.__name__.replace("_", " "): function for function in functions}


def _rewritten(reference: Callable, source: Callable) -> dict[str, Callable]:
    """One place of the source changed: a whole number by one, a fraction by half, an operator or a function's name."""
    tree, made = ast.parse(textwrap.dedent(inspect.getsource(source))), {}
    for number, (place, words, change) in enumerate(_places(tree), start=1):
        mutant = copy.deepcopy(tree)
        change(list(ast.walk(mutant))[place])
        names = dict(source.__globals__)
        exec(compile(ast.fix_missing_locations(mutant), "<mutant>", "exec"), names)
        function = names[source.__name__]
        if source is not reference:  # a copy of the reference that finds the mutant under the old name
            function = type(reference)(reference.__code__, reference.__globals__ | {source.__name__: function})
        made[f"change {number}: {words}"] = function
    return made


def _places(tree: ast.AST):
    """What may be rewritten: (the node's number in `ast.walk`, words, what to do to it), the signature aside."""

    def setting(name: str, value) -> Callable:
        return lambda node: setattr(node, name, value)

    def compared(k: int, sign: ast.cmpop) -> Callable:
        return lambda node: node.ops.__setitem__(k, sign)

    signature = set(itertools.chain(*(ast.walk(part) for part in (tree.body[0].args, tree.body[0].returns) if part)))
    for place, node in enumerate(ast.walk(tree)):
        if node in signature:
            continue
        match node:
            case ast.Constant(value=bool(value)):
                yield place, f"{value} made {not value}", setting("value", not value)
            case ast.Constant(value=int(value)):
                for moved in (value - 1, value + 1):
                    yield place, f"{value} made {moved}", setting("value", moved)
            case ast.Constant(value=float(value)):
                for moved in (value / 2, value * 2) if value else (1.0,):
                    yield place, f"{value:g} made {moved:g}", setting("value", moved)
            case ast.BinOp(op=sign) if type(sign) in OPERATORS:
                other = OPERATORS[type(sign)]
                yield place, f"{SIGNS[type(sign)]} made {SIGNS[other]}", setting("op", other())
            case ast.Compare(ops=signs):
                for k, sign in enumerate(signs):
                    if other := OPERATORS.get(type(sign)):
                        yield place, f"{SIGNS[type(sign)]} made {SIGNS[other]}", compared(k, other())
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in NAMES:
                field = "attr" if isinstance(node, ast.Attribute) else "id"
                yield place, f"{name} made {NAMES[name]}", setting(field, NAMES[name])


def task_mutants(exercise: str, task: type[PretextTask]) -> dict[str, Callable]:
    """All that can be made of a right answer that is a task, name -> class: what one of its methods returns or does, spoilt.

    In form alone (see `FORM`): a task that turns its pictures, or asks for something else, is another task, and as right.
    """
    (backbone, rng), right = _first_case(exercise, task)
    images = torch.randint(0, 256, (4, 3, 64, 64), generator=rng).to(torch.uint8)
    visible, hidden = right.hide(Batch(torch.arange(4), images=images), rng)
    prediction = right.predict(backbone, visible)
    answers = {
        "hide": ((visible, SPOILT), (hidden, LABELS)), "predict": ((prediction, SPOILT),),
        "loss": ((right.loss(prediction, hidden), NUMBERS),), "score": ((right.score(prediction, hidden), SCORES),),
    }  # fmt: skip

    def mutant(method: str, made_of: Callable) -> type:
        return type("MyTask", (task,), {method: lambda self, *arguments: made_of(getattr(task, method), (self, *arguments))})

    def spoilt(spoil: Callable, part: int) -> Callable:
        return lambda right, arguments: _changed(right(*arguments), spoil, part)

    def raises(right, arguments):
        return [][1]

    def leaves(right, arguments):
        raise SystemExit(1)

    def gives_nothing(right, arguments):
        right(*arguments)

    made = {}
    for method, parts in answers.items():
        for misbehaves in (raises, leaves, gives_nothing):
            made[f"{method}: {misbehaves.__name__.replace('_', ' ')}"] = mutant(method, misbehaves)
        for part, (value, table) in enumerate(parts):
            for name, spoil in table.items():
                if name in FORM and _bears(spoil, value):
                    made[f"{method}: {name}"] = mutant(method, spoilt(spoil, part))
    return made
