"""No cell and no module plays sounds by `IPython.display.Audio` or redraws by ipywidgets' `interact`.

The two together hang kernels that run without a screen (see `course_lib/widgets/player.py`). What stands in docstrings,
comments and texts is allowed: the syntax tree is read, not the lines.
"""

import ast

import pytest

from course_lib.paths import project

ROOT = project()
FILES = sorted([*(ROOT / "course_lib").rglob("*.py"), *(ROOT / "notebooks" / "source").glob("*.py")])
BLOCKING = {"IPython": {"Audio"}, "ipywidgets": {"interact", "interact_manual", "interactive", "interactive_output"}}


def offenders(source):
    """The lines of a source that import or use what blocks, each with its full name: (line, name)."""
    tree, names, found = ast.parse(source), {}, set()  # names: what an import calls something -> its full name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                names[one.asname or top] = one.name if one.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for one in node.names:
                full = f"{node.module}.{one.name}"
                names[one.asname or one.name] = full
                if blocks(full):
                    found.add((node.lineno, full))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and blocks(full := full_name(node, names)):
            found.add((node.lineno, full))
    return sorted(found)


def blocks(full):
    """Whether a full name is one that blocks, or all names of the module that has one."""
    top, _, rest = full.partition(".")
    return top in BLOCKING and (rest.rpartition(".")[2] in BLOCKING[top] or rest in ("*", "display.*"))


def full_name(node, names):
    """The full name of a chain such as `a.b.c`, if it begins with something imported; else nothing."""
    rest = []
    while isinstance(node, ast.Attribute):
        rest.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(rest)])


@pytest.mark.parametrize(("source", "expected"), [
    ("from IPython.display import Audio", [(1, "IPython.display.Audio")]),
    ("from IPython.display import Audio as play\nplay(sound)", [(1, "IPython.display.Audio"), (2, "IPython.display.Audio")]),
    ("import IPython.display\n\nIPython.display.Audio(sound)", [(3, "IPython.display.Audio")]),
    ("import IPython.display as ipd\nipd.Audio(sound)", [(2, "IPython.display.Audio")]),
    ("from IPython import display\ndef f():\n    return display.Audio(sound)", [(3, "IPython.display.Audio")]),
    ("from IPython.display import *", [(1, "IPython.display.*")]),
    ("from IPython.lib.display import Audio", [(1, "IPython.lib.display.Audio")]),
    ("def f():\n    from ipywidgets import interact", [(2, "ipywidgets.interact")]),
    ("import ipywidgets as w\n@w.interact(x=3)\ndef f(x): ...", [(2, "ipywidgets.interact")]),
    ("import ipywidgets\nshow = ipywidgets.interactive", [(2, "ipywidgets.interactive")]),
    ("from ipywidgets.widgets.interaction import interact_manual", [(1, "ipywidgets.widgets.interaction.interact_manual")]),
    ("from ipywidgets import *", [(1, "ipywidgets.*")]),
    ("await start()\nfrom IPython.display import Audio", [(2, "IPython.display.Audio")]),  # as in a cell
])  # fmt: skip
def test_an_offender_is_found(source, expected):
    assert offenders(source) == expected


@pytest.mark.parametrize("source", [
    '"""Never use IPython.display.Audio, nor interact."""',
    "# from IPython.display import Audio\ntext = 'from ipywidgets import interact'",
    "from IPython.display import HTML, display\nimport ipywidgets\nipywidgets.Audio(value=sound)",  # a widget: it may
    "def interact(x): ...\ninteract(3)\nclass Audio: ...\nAudio()",
    "from .display import Audio\nimport torchaudio\ntorchaudio.Audio",
    "import ipywidgets\nipywidgets.VBox([Player(sound)]).interact",
])  # fmt: skip
def test_what_only_looks_like_one_is_not(source):
    assert offenders(source) == []


def test_there_are_modules_and_notebooks_to_look_at():
    assert {"course_lib", "source"} <= {path.parent.name for path in FILES} and len(FILES) > 50


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_in_the_course_blocks_a_kernel_without_a_screen(path):
    assert offenders(path.read_text(encoding="utf-8")) == []
