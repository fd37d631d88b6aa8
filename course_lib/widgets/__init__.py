"""Interactive pieces. Callbacks are thin: what they do is a plain function or object, tested without a screen."""

import os
import sys


def headless() -> bool:
    """True where nobody can press a button: papermill, nbval, nbconvert. COURSE_HEADLESS=0 or 1 overrides.

    JupyterLab and Notebook name the session of every kernel that they start; command-line runners do not. VS Code tells the
    kernel which file it runs (a variable VSCODE_… in the environment proves nothing: its terminals have those, too), and
    Colab's kernel imports a module of its own.
    """
    forced = os.environ.get("COURSE_HEADLESS")
    if forced:
        return forced != "0"
    return "JPY_SESSION_NAME" not in os.environ and "google.colab" not in sys.modules and not _in_vs_code()


def _in_vs_code() -> bool:
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "__vsc_ipynb_file__" in shell.user_ns


def show_panel(demo) -> None:
    """Display `demo.panel`; how its controls stand is remembered, so that instructor mode can put them back."""
    from IPython.display import display

    from course_lib.widgets import demos

    demos.note(demo)
    display(demo.panel)


def show_error(place, error: BaseException) -> None:
    """Put an exception's sentence where the student looks (`place`: an HTML widget); callbacks swallow it otherwise."""
    import html

    from course_lib.plots.style import WARNING

    place.value = f'<span role="alert" style="{WARNING}">{type(error).__name__}: {html.escape(str(error))}</span>'


def draw_into(picture, draw, message=None) -> None:
    """Put into the HTML widget `picture` what `draw()` gives, a figure and the same in words.

    What it raises is shown in the widget `message`, or in the picture's place.
    """
    from course_lib.plots.style import image_tag, png

    try:
        figure, words = draw()
        picture.value = image_tag(png(figure), words)
    except Exception as error:
        show_error(message or picture, error)
