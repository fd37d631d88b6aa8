"""The puzzle: its tray by counting, its widget by the messages that the screen sends, and a game played with it."""

import itertools
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.pretext.jigsaw import compose, scramble
from course_lib.widgets.game import Game
from course_lib.widgets.puzzle import Board, Puzzle, Tray

PERMUTATIONS = torch.stack([torch.randperm(9, generator=torch.Generator().manual_seed(seed)) for seed in range(5)])
IN_ORDER = torch.randint(0, 256, (3, 9, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
HIDDEN = [2, 0, 4]
SCRAMBLED = scramble(IN_ORDER, torch.tensor(HIDDEN), PERMUTATIONS)
orders = st.permutations(range(9))


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def puzzle(**options):
    return Puzzle(SCRAMBLED, PERMUTATIONS, **options)


def solution(permutation):
    """Swaps that put a scrambled picture in order: one tile after another to its place."""
    held, swaps = list(permutation), []
    for place in range(9):
        where = held.index(place)
        if where != place:
            held[where], held[place] = held[place], held[where]
            swaps.append([place, where, float(len(swaps))])
    return swaps


# --- the tray


def test_a_tray_counts():
    tray = Tray()
    assert tray.order == list(range(9)) and tray.moves == 0 and tray.seconds == 0
    tray.swap(2, 5, 1.5)
    tray.swap(5, 0, 4.0)
    assert tray.order == [2, 1, 5, 3, 4, 0, 6, 7, 8]
    assert (tray.moves, tray.seconds) == (2, 4.0)
    assert Tray(tray.swaps).order == tray.order
    for place in (-1, 9):
        with pytest.raises(CourseError, match=f"places 0 to 8, and a swap named 3 and {place}"):
            tray.swap(3, place)


@given(permutation=orders)
def test_putting_the_tiles_in_order_solves(permutation):
    swaps = solution(permutation)
    tray = Tray(swaps)
    assert tray.permutation == list(permutation) and tray.solved(torch.tensor(permutation))
    for done in range(len(swaps)):
        assert not Tray(swaps[:done]).solved(permutation)
    tiles = IN_ORDER[0, list(permutation)]
    assert torch.equal(tiles[tray.order], IN_ORDER[0])


@given(permutation=orders, others=st.lists(orders, max_size=4), place=st.integers(0, 4))
def test_an_arrangement_claims_the_permutation_that_it_undoes(permutation, others, place):
    others = [other for other in others if other != permutation]
    listed = torch.tensor([*others[:place], permutation, *others[place:]])
    assert Tray(solution(permutation)).claim(listed) == min(place, len(others))
    if others:
        assert Tray(solution(permutation)).claim(torch.tensor(others)) == -1


# --- the widget


def test_the_tiles_lie_on_the_board_as_they_were_scrambled():
    shown = puzzle()
    assert len(shown.board.tiles) == 9 and len(set(shown.board.tiles)) == 9
    assert all(tile.startswith("data:image/png;base64,") for tile in shown.board.tiles)
    first, clock = shown.board.tiles, shown.board.item
    shown.ask(1)
    assert not set(first) & set(shown.board.tiles) and shown.board.item == clock + 1
    shown.ask(0)
    assert shown.board.tiles == first


def test_one_picture_is_a_puzzle_too():
    assert Puzzle(SCRAMBLED[0], PERMUTATIONS).board.tiles == puzzle().board.tiles


def test_what_the_screen_reports_is_the_answer(on_screen):
    shown, heard = puzzle(), []
    shown.on_answer = heard.append
    shown.board.swaps = solution(PERMUTATIONS[2].tolist())
    assert shown.tray.solved(PERMUTATIONS[2]) and heard == []
    shown._told({"answer": shown.board.swaps})
    shown.ask(1)
    assert shown.tray.moves == 0 and shown.board.swaps == []
    shown._told({"answer": [[0, 1, 2.0]]})  # before the swaps themselves have come
    shown._told({"focus": "not for this side"})
    assert heard == [2, -1]
    assert [(item, tray.moves) for item, tray in shown.answered] == [(0, len(solution(PERMUTATIONS[2].tolist()))), (1, 1)]
    shown.ask(2)
    assert shown.board.swaps == [] and shown.tray.order == list(range(9))


def test_after_the_last_item_answers_do_nothing():
    shown, heard = puzzle(), []
    shown.on_answer = heard.append
    shown.ask(None)
    shown._told({"answer": []})
    assert heard == [] and shown.answered == []


def test_swaps_by_program_count_like_a_students():
    shown = puzzle()
    for place, other, _ in solution(PERMUTATIONS[2].tolist()):
        shown.swap(place, other)
    assert shown.tray.solved(PERMUTATIONS[2]) and shown.answer() == 2


def test_a_wrong_message_is_shown_not_swallowed():
    shown = puzzle()
    shown._safely(lambda: shown._told({"answer": [[0, 12, 1.0]]}))
    assert "a swap named 0 and 12" in shown.before.value and 'role="alert"' in shown.before.value


def test_arrangements_show_what_a_permutation_would_mean():
    shown = puzzle()
    for item, right in enumerate(HIDDEN):
        assert torch.equal(shown.arrangement(item, right), compose(IN_ORDER)[item])
        assert not torch.equal(shown.arrangement(item, 1), compose(IN_ORDER)[item])


def test_the_right_picture_comes_after_the_answer_and_not_before():
    told = puzzle(hidden=HIDDEN)
    assert told.before.value == ""
    told.answer()
    assert told.before.value.count("<img") == 2 and "not solved, after 0 swaps" in told.before.value
    told.ask(1)
    told._told({"answer": solution(PERMUTATIONS[HIDDEN[1]].tolist())})
    assert told.before.value.count("<img") == 1 and ": solved, after" in told.before.value
    assert all('alt=""' not in tag and "alt=" in tag for tag in re.findall("<img[^>]*>", told.before.value))
    silent = puzzle()
    silent.answer()
    assert silent.before.value == ""


@pytest.mark.parametrize(("tiles", "hidden", "sentence"), [
    (SCRAMBLED.float(), None, "needs uint8 tiles"), (SCRAMBLED[:, :8], None, "needs uint8 tiles"),
    (SCRAMBLED[0, 0], None, "needs uint8 tiles"), (SCRAMBLED, [0, 1], "3 puzzles need 3 answers, 0 to 4"),
    (SCRAMBLED, [0, 1, 5], "3 puzzles need 3 answers, 0 to 4"),
])  # fmt: skip
def test_what_makes_no_puzzle_is_refused(tiles, hidden, sentence):
    with pytest.raises(CourseError, match=sentence):
        Puzzle(tiles, PERMUTATIONS, hidden)


# --- frames of a film

ENDS_AND_MIDDLE = torch.tensor([[0, 1, 2], [1, 0, 2], [0, 2, 1]])  # the frame in the middle: second, first, third
FRAMES = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 3, 4, 4) * 100


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_frames_may_run_backwards(hidden):
    shown = Puzzle(FRAMES[ENDS_AND_MIDDLE[hidden]][None], ENDS_AND_MIDDLE, [hidden], noun="frame", reversible=True)
    assert (shown.board.noun, shown.board.columns, len(shown.board.tiles)) == ("frame", 3, 3)
    assert shown.arrangement(0, hidden).shape == (3, 4, 16)
    for order in itertools.permutations(range(3)):
        lie = [int(FRAMES[ENDS_AND_MIDDLE[hidden]][tile, 0, 0, 0]) // 100 for tile in order]
        tray = Tray([], 3, reversible=True)
        tray.order = list(order)
        assert (tray.claim(ENDS_AND_MIDDLE) == hidden) == (lie in ([0, 1, 2], [2, 1, 0]))
        assert tray.claim(ENDS_AND_MIDDLE) >= 0  # whichever order: of three, one is in the middle


def test_tiles_fill_their_rows():
    with pytest.raises(CourseError, match="9 tiles do not fill rows of 4"):
        Puzzle(SCRAMBLED, PERMUTATIONS, columns=4)
    assert Puzzle(FRAMES[None], ENDS_AND_MIDDLE, columns=1).arrangement(0, 0).shape == (3, 16, 4)


# --- in a game


def game():
    shown = puzzle(hidden=HIDDEN)
    words = [f"permutation {k + 1}" for k in range(5)]
    return Game(compose(SCRAMBLED), HIDDEN, words, "What was the picture?", "A picture in disorder", answer_widget=shown), shown


def test_a_game_is_played_with_it(on_screen, capsys):
    played, shown = game()
    shown._told({"answer": solution(PERMUTATIONS[2].tolist())})
    assert played.score.yours == [2] and "Right: permutation 3" in played.feedback.value
    shown._told({"answer": []})
    assert played.score.yours == [2, -1] and "you said none of them" in played.feedback.value
    shown._told({"answer": solution(PERMUTATIONS[1].tolist())})
    assert played.score.yours == [2, -1, 1] and played.score.item is None
    played.let_play(torch.eye(5)[HIDDEN])
    assert "network 3 of 3" in capsys.readouterr().out
    played.try_again()
    assert shown.item == 1 and shown.board.swaps == []
    shown._told({"answer": solution(PERMUTATIONS[0].tolist())})
    assert played.score.second == {1: 0}


def test_headless_a_game_prints_a_row_and_no_puzzle(capsys, monkeypatch):
    displayed = []
    monkeypatch.setattr("course_lib.widgets.game.show_figure", lambda *figure: displayed.append(figure))
    monkeypatch.setattr("course_lib.widgets.game.show_panel", lambda game: displayed.append(game))
    game()[0].show()
    assert len(displayed) == 1 and "What was the picture?" in displayed[0][1]


# --- the files


def test_nothing_comes_from_the_network():
    for file in (Board._esm, Board._css):
        assert len(str(file)) > 1000 and not re.search(r"https?:|//cdn|url\(|\bimport\b", str(file))


def test_colours_are_jupyterlabs_with_fallbacks():
    rules = re.findall(r"(?:color|background|border|outline): ([^;]+);", str(Board._css))
    assert rules and all(re.search(r"var\(--jp-[\w-]+, [^)]+\)", rule) for rule in rules)


def test_what_you_and_the_network_made_of_each_puzzle():
    played = puzzle(hidden=HIDDEN)
    for swap in solution(PERMUTATIONS[HIDDEN[0]].tolist()):
        played.swap(*swap[:2])
    played.answer()
    played.ask(1)
    played.answer()  # as it lies
    figure, words = played.replay([1, 0, 4])
    assert words == ("puzzle 1: you solved, the network not solved; puzzle 2: you not solved, the network solved; "
                     "puzzle 3: you not played, the network solved.")  # fmt: skip
    assert len(figure.axes) == 4 * 3
    assert len(puzzle(hidden=HIDDEN).replay(HIDDEN)[0].axes) == 3 * 3  # nobody has played: no row for you
    with pytest.raises(CourseError, match="3 right answers and as many"):
        played.replay([1])
    with pytest.raises(CourseError, match="3 right answers and as many"):
        puzzle().replay(HIDDEN)


def test_the_game_leaves_the_picture_to_the_puzzle(on_screen):
    game = Game(compose(SCRAMBLED), HIDDEN, ["a", "b", "c", "d", "e"], "What was it?", "tiles", answer_widget=puzzle()).show()
    assert "1 of 3" in game.picture.value and "<img" not in game.picture.value
