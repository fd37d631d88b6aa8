"""The lectern: one panel for who teaches. Large type, a clock, polls, demos in prepared states, rehearsed curves."""

import html
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import display

from course_lib.errors import CourseError
from course_lib.widgets import demos, lecture, show_error
from course_lib.widgets.game import Buttons
from course_lib.widgets.lecture import Clock, Section, Tally
from course_lib.widgets.quiz import Question
from course_lib.widgets.rehearsal import Rehearsed, RehearsedCurves

HERE = Path(__file__).parent
STYLE = HERE.joinpath("lectern.css").read_text(encoding="utf-8")
LARGE = HERE.joinpath("large_type.css").read_text(encoding="utf-8")
AT_FIRST = "as it was before"
OWN = "a question of your own"
WIDE = {"layout": {"width": "min(40em, 95%)"}, "style": {"description_width": "8em"}}

Keep = Callable[..., str]  # changes by name -> "", or a sentence why they could not be kept


class Lectern:
    """What an instructor sees below `session.teach()`: a switch for large type, and rooms of which one is open.

    Args:
        notebook: its name, `02_rotation`.
        sections: of the notebook, with the minutes planned.
        questions: those of its quiz, to poll.
        prepared: the states of its demos.
        scope: what the names in the notebook stand for at any time.
        rehearsed: gives what was rehearsed up to now.
    """

    def __init__(
        self, notebook: str, sections: Sequence[Section], questions: Sequence[Question], prepared: Sequence[demos.Demo],
        scope: Mapping[str, Any], rehearsed: Callable[[], list[Rehearsed]],
    ):  # fmt: skip
        kept = lecture.kept(notebook)

        def keep(**changes) -> str:
            return lecture.keep(notebook, **changes)

        self.clock = ClockFace(sections, kept.get("clock"), keep)
        self.poll = PollFace(questions, kept.get("polls"), keep)
        self.demos = DemoFace(prepared, scope)
        self.rehearsed = RehearsalFace(notebook, rehearsed)
        rooms = {"clock": self.clock, "poll": self.poll, "demos": self.demos, "rehearsed curves": self.rehearsed}
        self.large = ipywidgets.ToggleButton(
            value=bool(kept.get("large")), description="Large type", icon="search-plus",
            tooltip="Enlarge the whole notebook, or not",
        )  # fmt: skip
        self.room = ipywidgets.ToggleButtons(
            options=list(rooms), tooltips=[f"Open: {name}" for name in rooms], style={"button_width": "auto"}
        )
        self.style, self.open = ipywidgets.HTML(), ipywidgets.VBox()
        self.large.add_class("course-lectern-large")
        self.room.add_class("course-lectern-room")

        def enlarge(_=None) -> None:
            self.style.value = f"<style>{STYLE}{LARGE if self.large.value else ''}</style>"

        def enter(_=None) -> None:
            face = rooms[self.room.value]
            face.enter()
            self.open.children = [face.panel]

        self.large.observe(lambda _: (enlarge(), keep(large=self.large.value)), names="value")
        self.room.observe(enter, names="value")
        enlarge()
        enter()
        self.panel = ipywidgets.VBox([self.style, ipywidgets.HBox([self.large, self.room]), self.open])
        self.panel.add_class("course-lectern")

    def show(self) -> "Lectern":
        """Display it."""
        display(self.panel)
        return self


class ClockFace:
    """A clock that runs through the sections of a path, with its buttons."""

    def __init__(self, sections: Sequence[Section], kept: dict | None, keep: Keep):
        self.clock, self._keep, self._ticking = Clock(sections, kept), keep, threading.Event()
        self.path = ipywidgets.ToggleButtons(
            options=[(f"{minutes} minutes", minutes) for minutes in lecture.PATHS], value=self.clock.path, description="path",
            style={"button_width": "auto", "description_width": "initial"},
        )  # fmt: skip
        self.start = ipywidgets.Button()
        self.next = ipywidgets.Button(description="Next section", icon="step-forward", tooltip="You go on to the next section")
        self.back = ipywidgets.Button(description="Back", icon="step-backward", tooltip="Back to the section before")
        self.stop = ipywidgets.Button(description="Set to zero", icon="refresh", tooltip="The clock back to the beginning")
        self.time, self.text, self.plan = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        for hook in ("path", "start", "next", "back", "stop", "time", "text", "plan"):
            getattr(self, hook).add_class(f"course-clock-{hook}")
        self.path.observe(lambda change: self._do(lambda: setattr(self.clock, "path", change.new)), names="value")
        self.start.on_click(lambda _: self._do(self.clock.pause if self.clock.running else self.clock.start))
        self.next.on_click(lambda _: self._do(lambda: self.clock.move(1)))
        self.back.on_click(lambda _: self._do(lambda: self.clock.move(-1)))
        self.stop.on_click(lambda _: self._do(self.clock.stop))
        buttons = ipywidgets.HBox([self.start, self.next, self.back, self.stop], layout={"flex_flow": "row wrap"})
        self.panel = ipywidgets.VBox([self.path, buttons, self.time, self.text, self.plan])
        self._do(lambda: None)

    def enter(self) -> None:
        self.tick()

    def tick(self) -> None:
        """Show the time, where the lecture is and where it should be; called every second while the clock runs."""
        self.time.value = f'<span role="timer" aria-live="off">{self.clock.time()}</span>'
        self.text.value = html.escape(self.clock.words())
        rows = []
        for number, section in enumerate(self.clock.sections):
            begins, ends = self.clock.span(number)
            when = f"{begins} to {ends}" if ends > begins else "left out"
            mark = " ".join(["◀ you"] * (number == self.clock.at) + ["● due"] * (number == self.clock.due))
            here = ' class="course-clock-here"' if number == self.clock.at else ""
            rows.append(f"<tr{here}><td>{html.escape(section.title)}</td><td>{when}</td><td>{mark}</td></tr>")
        self.plan.value = f"<table><tr><th>section</th><th>minutes</th><th></th></tr>{''.join(rows)}</table>"

    def _do(self, action: Callable[[], object]) -> None:
        """A button was pressed: do it, keep it, show it, and tick on if the clock runs."""
        try:
            action()
            unkept = self._keep(clock=self.clock.state)
            self._ticking.set()  # whoever ticks ends
            running = self.clock.running
            self.start.description, self.start.icon = ("Pause", "pause") if running else ("Start", "play")
            self.start.tooltip = "Stop the clock for a while" if running else "Start the clock, or let it go on"
            self.tick()
            if unkept:
                raise CourseError(unkept)
            if running:
                self._ticking = threading.Event()
                threading.Thread(target=self._tick_until, args=[self._ticking], daemon=True).start()
        except Exception as error:
            show_error(self.text, error)

    def _tick_until(self, ended: threading.Event) -> None:
        while not ended.wait(1.0):
            self.tick()


class _Hands(Buttons):
    """A button and a field for each option: a press, or its digit, counts one hand; the field takes the count of a full room."""

    def __init__(self, options: Sequence[str], counts: Sequence[int]):
        self.counts: list[ipywidgets.BoundedIntText] = []
        self._first = list(counts)
        super().__init__(options, columns=1)
        self.keys.description = f"or type digits, 1 to {len(options)}: each counts one hand"
        self.keys.tooltip = "Each digit that you type here counts one hand for that option"
        self.keys.add_class("course-poll-keys")
        self.on_answer = lambda choice: setattr(self.counts[choice], "value", self.counts[choice].value + 1)

    def _cell(self, words: str) -> ipywidgets.Widget:
        button = super()._cell(words)
        button.tooltip = f"One hand for: {words}"
        number = len(self.counts)
        count = ipywidgets.BoundedIntText(
            self._first[number], min=0, max=9999, description="hands", tooltip=f"Hands for: {words}",
            layout={"width": "9em"}, style={"description_width": "initial"},
        )  # fmt: skip
        self.counts.append(count.add_class("course-poll-count"))
        return ipywidgets.HBox([count, button.add_class("course-poll-option")], layout={"align_items": "center"})


class PollFace:
    """A question, its options, and the hands raised for each, before a demo and after it; nothing leaves this computer."""

    def __init__(self, questions: Sequence[Question], kept: dict | None, keep: Keep):
        self._questions, self._keep = list(questions), keep
        self._polls: dict = kept if isinstance(kept, dict) else {}
        titles = [(f"{number}. {question.text}", number) for number, question in enumerate(self._questions, 1)]
        self.choice = ipywidgets.Dropdown(options=[*titles, (OWN, 0)], description="question", **WIDE)
        self.question = ipywidgets.Text(
            description="it reads", continuous_update=False, placeholder="What do you expect?", **WIDE
        )
        self.options = ipywidgets.Textarea(
            description="options", continuous_update=False, placeholder="one a line, two to six", rows=4, **WIDE
        )
        self.moment = ipywidgets.ToggleButtons(
            options=[(f"{moment} the demo", moment) for moment in lecture.MOMENTS], style={"button_width": "auto"}
        )
        self.clear = ipywidgets.Button(description="Clear the counts", icon="trash", tooltip="Both before and after")
        self.answer = ipywidgets.ToggleButton(description="Show the answer", tooltip="What the notebook's quiz says")
        self.asked, self.bars, self.message = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.hands_box, self.hands, self.tally = ipywidgets.VBox(), None, None
        for hook in ("choice", "question", "options", "asked", "moment", "clear", "answer", "bars", "message"):
            getattr(self, hook).add_class(f"course-poll-{hook}")
        self.choice.observe(lambda _: self._safely(self._chosen), names="value")
        for field in (self.question, self.options):
            field.observe(lambda _: self._safely(self._ask), names="value")
        self.moment.observe(lambda _: self._safely(self._lay_out), names="value")
        self.answer.observe(lambda _: self._safely(self._draw), names="value")
        self.clear.on_click(lambda _: self._safely(self._clear))
        buttons = ipywidgets.HBox([self.moment, self.clear, self.answer], layout={"flex_flow": "row wrap"})
        self.panel = ipywidgets.VBox([
            self.choice, self.question, self.options, self.asked, buttons, self.hands_box, self.bars, self.message,
        ])  # fmt: skip
        self._safely(self._chosen)

    def enter(self) -> None:
        """Nothing to be done."""

    def _chosen(self) -> None:
        own = self.choice.value == 0
        for field in (self.question, self.options):
            field.layout.display = None if own else "none"
        self.answer.layout.display = "none" if own else None
        self.answer.value = False
        self._ask()

    def _ask(self) -> None:
        """Take up the question that is chosen, with the hands that it has got already."""
        if self.choice.value:
            chosen = self._questions[self.choice.value - 1]
            question, options = chosen.text, [option.text for option in chosen.options]
        else:
            question = self.question.value.strip()
            options = [line.strip() for line in self.options.value.splitlines() if line.strip()]
            if not (question and options):  # not written yet
                self.hands_box.children, self.bars.value, self.asked.value = [], "", ""
                return
        self.tally = Tally(question, options, self._polls.get(question))
        self.asked.value = f"<b>{html.escape(question)}</b>"
        self._lay_out()

    def _lay_out(self) -> None:
        """A row for each option, with its hands at this moment."""
        if self.tally is None:
            return
        self.hands = _Hands(self.tally.options, self.tally.counts[self.moment.value])
        for count in self.hands.counts:
            count.observe(lambda _: self._safely(self._counted), names="value")
        self.hands_box.children = [self.hands.widget]
        self._draw()

    def _counted(self) -> None:
        self.tally.counts[self.moment.value] = [count.value for count in self.hands.counts]
        self._draw()
        self._polls[self.tally.question] = self.tally.state
        if unkept := self._keep(polls=self._polls):
            raise CourseError(unkept)

    def _clear(self) -> None:
        if self.tally is not None:
            self._polls.pop(self.tally.question, None)
            self._keep(polls=self._polls)
            self._ask()

    def _draw(self) -> None:
        if self.tally is None:
            return
        self.bars.value, self.message.value = self.tally.bars(), ""
        if self.answer.value and self.choice.value:
            right = next(option for option in self._questions[self.choice.value - 1].options if option.right)
            self.message.value = f'<span role="alert">✓ {html.escape(right.text)} {html.escape(right.feedback)}</span>'

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            show_error(self.message, error)


class DemoFace:
    """A menu of the demos, one of their states, and a button that brings the real widget there."""

    def __init__(self, prepared: Sequence[demos.Demo], scope: Mapping[str, Any]):
        self._prepared, self._scope = {demo.name: demo for demo in prepared}, scope
        self.demo = ipywidgets.Dropdown(description="demo", **WIDE)
        self.state = ipywidgets.Dropdown(description="state", **WIDE)
        self.set = ipywidgets.Button(description="Bring it there", icon="check", tooltip="Bring the demo into this state")
        self.reset = ipywidgets.Button(
            description="Put all demos back", icon="undo", tooltip="Every demo as it was when its cell was run"
        )
        self.ask, self.text = ipywidgets.HTML(), ipywidgets.HTML()
        for hook in ("demo", "state", "set", "reset", "ask", "text"):
            getattr(self, hook).add_class(f"course-demos-{hook}")
        self.demo.observe(lambda _: self._chosen(), names="value")
        self.state.observe(lambda _: self._tell(), names="value")
        self.set.on_click(lambda _: self._safely(self.bring))
        self.reset.on_click(lambda _: self._safely(self.put_all_back))
        buttons = ipywidgets.HBox([self.set, self.reset], layout={"flex_flow": "row wrap"})
        self.panel = ipywidgets.VBox([self.demo, self.state, self.ask, buttons, self.text])
        self.enter()

    def enter(self) -> None:
        """List the demos: those with prepared states, and whatever else has been shown."""
        before = self.demo.value
        names = [(f"section {demo.section}: {demo.title}", name) for name, demo in self._prepared.items()]
        names += [(name, name) for name in self._shown() if name not in self._prepared]
        if names != list(self.demo.options):
            self.demo.options = names
            values = [name for _, name in names]
            self.demo.index = values.index(before) if before in values else 0 if names else None

    def bring(self) -> None:
        """Bring the chosen demo into the chosen state.

        Raises:
            CourseError: its cell has not been run, or it cannot be brought there.
        """
        name, state = self.demo.value, self.state.value
        demo = self._scope.get(name)
        if all(known.demo is not demo for known in demos.shown):
            where = f"Run section {self._prepared[name].section} first" if name in self._prepared else "Run its cell again"
            raise CourseError(f"{where}: there is no '{name}' yet.")
        if state is None:
            demos.put_back(demo)
        else:
            demos.apply(demo, state.set)
        self._say(f"{name}: {AT_FIRST if state is None else state.name}.")

    def put_all_back(self) -> None:
        """Every demo that has been shown as it was then; what cannot be put back is named at the end."""
        failed = []
        for known in list(demos.shown):
            try:
                demos.put_back(known.demo)
            except Exception as error:
                failed.append(f"{self._name(known.demo)} ({error})")
        if failed:
            raise CourseError(f"These could not be put back: {', '.join(failed)}; run their cells again.")
        self._say(f"All {len(demos.shown)} demos are as they were before.")

    def _shown(self) -> list[str]:
        named = [(self._name(known.demo), known.demo) for known in demos.shown]
        return list(dict.fromkeys(name for name, demo in named if self._scope.get(name) is demo))

    def _name(self, demo) -> str:
        """What the notebook calls a demo."""
        named = (name for name, value in list(self._scope.items()) if value is demo and not name.startswith("_"))
        return next(named, type(demo).__name__)

    def _chosen(self) -> None:
        prepared = self._prepared.get(self.demo.value)
        self.state.options = [(AT_FIRST, None), *((preset.name, preset) for preset in (prepared.presets if prepared else ()))]
        self.state.index = 1 if prepared else 0
        self._tell()

    def _tell(self) -> None:
        self.ask.value = f"<em>{html.escape(self.state.value.ask)}</em>" if self.state.value else ""

    def _say(self, sentence: str) -> None:
        self.text.value = f'<span role="status">{html.escape(sentence)}</span>'

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            show_error(self.text, error)


class RehearsalFace:
    """Rehearsed curves where there are any, else how to get them."""

    def __init__(self, notebook: str, rehearsed: Callable[[], list[Rehearsed]]):
        self._notebook, self._rehearsed, self._runs = notebook, rehearsed, None
        self.text, self.panel, self.curves = ipywidgets.HTML(), ipywidgets.VBox(), None

    def enter(self) -> None:
        """Look for what has been rehearsed by now."""
        try:
            runs = self._rehearsed()
            if runs and runs != self._runs:
                self.curves, self._runs = RehearsedCurves(runs), runs
                self.panel.children = [self.curves.panel]
            elif not runs:
                self.text.value = (
                    "Nothing has been rehearsed with this code, data set, profile and seed. Before the lecture, "
                    f"<code>course rehearse {self._notebook}</code> trains the network under several settings on this computer."
                )
                self.panel.children = [self.text]
        except Exception as error:
            show_error(self.text, error)
            self.panel.children = [self.text]
