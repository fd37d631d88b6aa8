"""The quiz: its files, its score, and its buttons."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.widgets.quiz import FOLDER, Option, Question, Quiz, Score, load, read, shuffled

SHIPPED = sorted(path.stem for path in FOLDER.glob("*.toml"))
OPTION = '[[question.option]]\ntext = "{0}"\nright = {1}\nfeedback = "because {0}"\n'
RIGHT, WRONG, OTHER = OPTION.format("A", "true"), OPTION.format("B", "false"), OPTION.format("C", "false")
ASKED = '[[question]]\ntext = "Which?"\n'
WHOLE = ASKED + WRONG + RIGHT + OTHER


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the files


@pytest.fixture
def written(tmp_path):
    """Reads a file of this content."""

    def read_this(content):
        path = tmp_path / "broken.toml"
        path.write_text(content, encoding="utf-8")
        return read(path)

    return read_this


def test_a_file_becomes_questions(written):
    (question,) = written(WHOLE)
    options = (Option("B", False, "because B"), Option("A", True, "because A"), Option("C", False, "because C"))
    assert question == Question("Which?", options)
    with pytest.raises(FrozenInstanceError):
        question.text = "Another?"


def test_line_breaks_in_a_text_are_spaces(written):
    assert written(WHOLE.replace('"Which?"', '"""Which\n  of\nthem?"""'))[0].text == "Which of them?"


@pytest.mark.parametrize(("content", "sentence"), [
    ("[[question", "cannot be read as TOML"),
    ("", "must have question, and nothing else; it has no keys"),
    ("question = []", r"question must be a list in \[\[double brackets"),
    (WHOLE.replace("[[question]]", "[question]"), r"question must be a list in \[\[double brackets"),
    ('question = ["Which?"]', "question 1 must have text and option, and nothing else; it has no keys"),
    ('title = "Rotation"\n' + WHOLE, "must have question, and nothing else; it has title and question"),
    (WHOLE + ASKED, "question 2 must have text and option, and nothing else; it has text"),
    (WHOLE + "[[question]]", "question 2 must have text and option, and nothing else; it has no keys"),
    (WHOLE.replace('"Which?"', '" "'), "question 1: text must be a text in quotes that is not empty"),
    (WHOLE.replace('"Which?"', "3"), "question 1: text must be a text in quotes"),
    (WHOLE.replace('feedback = "because A"', ""), "option 2 must have text, right and feedback, and nothing else"),
    (WHOLE.replace("right", "correct", 1), "question 1, option 1 must have text, right and feedback"),
    (WHOLE.replace("because C", ""), "question 1, option 3: feedback must be a text in quotes that is not empty"),
    (WHOLE.replace("true", '"yes"'), "question 1, option 2: right must be true or false"),
    (ASKED + WRONG + RIGHT, "question 1 has too few options: 2; give it at least 3"),
    (WHOLE + ASKED + WRONG * 3, "question 2 has 0 options with right = true; exactly one must be right"),
    (WHOLE + RIGHT, "question 1 has 2 options with right = true"),
])  # fmt: skip
def test_a_malformed_file_is_refused(written, content, sentence):
    with pytest.raises(CourseError, match=f"^broken.toml.*{sentence}"):
        written(content)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "broken.toml").write_bytes(WHOLE.replace("Which", "Où").encode("latin-1"))
    with pytest.raises(CourseError, match="cannot be read as TOML"):
        read(tmp_path / "broken.toml")


@pytest.mark.parametrize("name", ["rotatoin", "../quizzes/rotation"])
def test_an_unknown_name_lists_what_there_is(name):
    with pytest.raises(CourseError, match=rf"no quiz '{name}'; there are .*rotation, .*world"):
        load(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_quiz_gives_nothing_away_by_its_shape(name):
    """The right options are no more often the longest, the shortest or at some place than half of the time."""
    questions = load(name)
    assert len({question.text for question in questions}) == len(questions)
    places, lengths = [], []
    for question in questions:
        assert len({option.text for option in question.options}) == len(question.options)
        (right,) = (option for option in question.options if option.right)
        wrong = [len(option.text) for option in question.options if not option.right]
        places.append(question.options.index(right))
        lengths.append((len(right.text) > max(wrong), len(right.text) < min(wrong)))
        assert 0.75 * min(wrong) < len(right.text) < 1.25 * max(wrong)
    assert all(places.count(place) <= len(questions) / 2 for place in places)
    assert all(sum(extreme) <= len(questions) / 2 for extreme in zip(*lengths, strict=True))  # longest, then shortest


# --- the logic


def question(text="Which?", options=5):
    return Question(text, tuple(Option(f"option {i}", i == 1, f"because {i}") for i in range(options)))


def test_the_score_counts_first_tries():
    score = Score([question(), question(), question()])
    assert score.words() == "0 of 3 solved"
    assert score.answer(0, 1).right  # at the first try
    assert not score.answer(2, 0).right and score.answer(2, 1).right  # at the second
    assert (score.solved, score.at_first_try, score.words()) == (2, 1, "2 of 3 solved")
    assert score.answer(1, 4).feedback == "because 4"
    score.answer(1, 1)
    assert score.words() == "1 of 3 at the first try"
    score.answer(0, 2)  # out of curiosity
    assert score.words() == "1 of 3 at the first try"


def test_no_such_option():
    score = Score([question()])
    with pytest.raises(IndexError):
        score.answer(0, 5)
    assert score.tried == [[]]


def test_the_seed_fixes_the_order():
    questions = [question(str(i)) for i in range(4)]
    first, again, other = (shuffled(questions, seeded(seed)) for seed in (1, 1, 2))
    assert first == again != other
    for before, after in zip(questions, first, strict=True):
        assert after.text == before.text
        assert sorted(option.text for option in after.options) == [option.text for option in before.options]
    assert len({tuple(option.text for option in question.options) for question in first}) > 1


# --- the widget


@pytest.fixture
def quiz(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    return Quiz("rotation", seeded())


def press(quiz, number, right):
    """Press the first button of a question whose option is right, or wrong; returns the option."""
    options = quiz.score.questions[number].options
    choice = next(i for i, option in enumerate(options) if option.right == right)
    quiz.buttons[number][choice].click()
    return options[choice]


def test_playing_by_the_buttons(quiz):
    quiz.show()
    count = len(quiz.buttons)
    assert quiz.result.value == f"0 of {count} solved"
    for number in range(count):
        if number == 2:
            option = press(quiz, number, right=False)
            assert "✗ No." in quiz.feedback[number].value and option.feedback[:15] in quiz.feedback[number].value
            assert f"✗ {option.text}" in [button.description for button in quiz.buttons[number]]
            assert quiz.result.value == f"2 of {count} solved"
        option = press(quiz, number, right=True)
        assert "✓ Right." in quiz.feedback[number].value and option.feedback[:15] in quiz.feedback[number].value
        assert f"✓ {option.text}" in [button.description for button in quiz.buttons[number]]
    assert quiz.result.value == f"{count - 1} of {count} at the first try"
    assert not any(button.disabled for buttons in quiz.buttons for button in buttons)  # it would lose the focus


def test_buttons_say_what_they_are_and_nothing_more(quiz):
    for number, (question, buttons) in enumerate(zip(quiz.score.questions, quiz.buttons, strict=True), 1):
        assert [button.description for button in buttons] == [option.text for option in question.options]
        for button in buttons:
            assert button.tooltip == f"Answer to question {number} of {len(quiz.buttons)}"
            assert "course-quiz-option" in button._dom_classes and button.style.button_color is None


def test_texts_are_shown_as_they_are(quiz, monkeypatch):
    odd = Question("Is 1 < 2?", tuple(Option(f"{i} & <b>", i == 0, "<i>since") for i in range(3)))
    monkeypatch.setattr("course_lib.widgets.quiz.load", lambda name: [odd])
    quiz = Quiz("odd", seeded())
    assert "1 &lt; 2" in quiz.panel.children[1].children[0].value
    press(quiz, 0, right=True)
    assert "&lt;i&gt;since" in quiz.feedback[0].value


def test_an_error_in_a_callback_is_shown(quiz):
    quiz.score.questions.clear()
    quiz.buttons[0][0].click()
    assert "IndexError" in quiz.feedback[0].value


def test_the_options_stand_in_the_order_of_the_seed():
    def shown(seed):
        return [[button.description for button in buttons] for buttons in Quiz("rotation", seeded(seed)).buttons]

    assert shown(1) == shown(1) != shown(2)


@pytest.mark.parametrize("name", SHIPPED)
def test_headless_the_questions_are_printed_without_answers(name, capsys):
    quiz = Quiz(name, seeded()).show()
    printed = capsys.readouterr().out
    for question in quiz.score.questions:
        assert question.text in printed
        for option in question.options:
            assert option.text in printed and option.feedback not in printed
    assert not any(mark in printed for mark in ("✓", "✗", "*", "True", "False"))
