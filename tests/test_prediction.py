"""Predictions: what may be asked and answered, what is refused and how, and what travels."""

import json
import math

import numpy as np
import pytest
import torch
from browser_tools import run_node

from hnn_tutorial.widgets import Predictions
from hnn_tutorial.widgets._bundle import SOURCES, bundle
from hnn_tutorial.widgets.prediction import DRAWN, SHOWN

X, Y = ("time (s)", 0, 20), ("energy (J)", 0, 4)
nan = math.nan


@pytest.fixture
def ask():
    return Predictions("pendulum")


def make(ask, kind):
    return {
        "choice": lambda: ask.choice("which?", ["a", "*b*", "c"]),
        "number": lambda: ask.number("how long?", 1, 20, unit="s"),
        "log": lambda: ask.number("how many?", 1, 1e4, log=True),
        "curve": lambda: ask.curve("how does it go?", X, Y),
        "signed": lambda: ask.number("which gain?", -20, 20, unit="J"),
        "share": lambda: ask.number("which share?", 0, 100, unit="%"),
        "count": lambda: ask.number("how many of ten?", 0, 10),
        "point": lambda: ask.point("where?", ("q (m)", -2, 2), ("p (kg m/s)", -4, 4)),
    }[kind]()


# --- what is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda ask: Predictions(" "), "chapter is empty; expected some text"),
        (lambda ask: ask.choice("", ["a", "b"]), "label is empty; expected some text"),
        (
            lambda ask: ask.choice("$x$", ["a", "b"]),
            r"label: '\$' in '\$x\$' is not part of a mark",
        ),
        (lambda ask: ask.choice("which?", ["a"]), r"answers are \['a'\]; expected two to eight"),
        (lambda ask: ask.choice("which?", ["a", "a"]), "expected two to eight, all different"),
        (lambda ask: ask.choice("which?", list("abcdefghi")), "expected two to eight"),
        (lambda ask: ask.number("n", 2, 2), "low, high = 2, 2; expected the lower end first"),
        (lambda ask: ask.number("n", 3, 2), "low, high = 3, 2; expected the lower end first"),
        (
            lambda ask: ask.number("n", 0, 2, log=True),
            "low = 0; expected more than 0 on a logarithm",
        ),
        (lambda ask: ask.number("n", 0, nan), "low, high = nan; expected a finite number"),
        (lambda ask: ask.curve("c", ("t", 2, 1), Y), r"x\[1\], x\[2\] = 2, 1; expected the lower"),
        (lambda ask: ask.point("p", X, ("", 0, 1)), r"y\[0\] is empty; expected some text"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(ask, wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong(ask)


@pytest.mark.parametrize(
    "kind, wrong, message",
    [
        ("choice", lambda p: p.reveal("d"), "unknown answer 'd'; choose one of: a, "),
        ("choice", lambda p: p.reveal(3), "unknown answer 3; choose one of"),
        ("choice", lambda p: p.reveal([]), "right is empty; expected an answer"),
        ("number", lambda p: p.reveal(nan), "value = nan; expected a finite number"),
        ("number", lambda p: p.reveal(1.0, within=0), "within = 0.0; expected more than 0"),
        ("log", lambda p: p.reveal(-1.0), "value = -1.0; expected more than 0 on a logarithmic"),
        ("log", lambda p: p.reveal(1.0, within=0.25), "expected a factor of more than 1"),
        ("curve", lambda p: p.reveal([0, 1], [1, nan]), "values holds NaN or infinite values"),
        ("curve", lambda p: p.reveal([0, 1, 1], [1, 2, 3]), "with times that increase"),
        ("curve", lambda p: p.reveal([0, 1], [1, 2, 3]), "lengths 2 and 3; expected at least two"),
        (
            "curve",
            lambda p: p.reveal([30, 40], [1, 2]),
            "times run from 30 to 40; the axis runs fr",
        ),
        ("curve", lambda p: p.reveal([0, 1], [1, 2], role="blue"), "unknown role 'blue'"),
        ("point", lambda p: p.reveal((0, nan)), "point holds NaN or infinite values"),
        ("point", lambda p: p.reveal((0, 1, 2)), r"point has 3 numbers; expected two, \(x, y\)"),
    ],
)
def test_an_answer_that_there_is_not_is_refused_in_words(ask, kind, wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong(make(ask, kind))


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        ("choice", 2, [3, -1, "a", True, 1.0]),
        ("number", 7.5, [0, 21, nan, "7", True]),
        ("log", 1e4, [0.5, 1e5]),
        ("curve", [1.0] * DRAWN, [[1.0] * (DRAWN - 1), [None] * DRAWN, 3]),
        ("point", [0.5, -1.0], [[0.5], [0.5, nan], 0.5]),
    ],
)
def test_a_guess_is_an_answer_to_the_question(ask, kind, good, bad):
    prediction = make(ask, kind)
    assert prediction.guess is None
    prediction.guess = good
    for wrong in bad:
        with pytest.raises(ValueError, match=r"which is no answer to .*; expected\s+None or "):
            prediction.guess = wrong
    assert prediction.guess == good


# --- what travels ---------------------------------------------------------------------------------


def test_truths_travel_as_plain_values(ask):
    assert make(ask, "choice").reveal("*b*")._truth == {"right": [1]}
    assert make(ask, "choice").reveal(["c", 0])._truth == {"right": [0, 2]}
    assert make(ask, "number").reveal(torch.tensor(9.07))._truth["within"] == 0.25
    assert make(ask, "log").reveal(9)._truth == {"value": 9.0, "within": 2.0}
    assert make(ask, "point").reveal(torch.tensor([1.0, -0.5]))._truth["at"] == [1.0, -0.5]
    times = torch.linspace(0, 10, 400)
    truth = make(ask, "curve").reveal(times, times.square(), role="hnn")._truth
    json.dumps(truth)
    assert (len(truth["values"]), truth["role"]) == (SHOWN, "hnn")
    places = np.linspace(0, 20, SHOWN)
    known = np.array(truth["values"][: SHOWN // 2 + 1], float)
    np.testing.assert_allclose(known, places[: SHOWN // 2 + 1] ** 2, atol=2e-3)
    assert set(truth["values"][SHOWN // 2 + 1 :]) == {None}, "the motion ends at 10 s"


def test_the_guess_travels_through_python_to_every_outcome(ask):
    period = make(ask, "number")
    first, again = period.reveal(9.0), period.reveal(9.0)
    period.set_state({"guess": 7.0})
    assert (first.guess, again.guess) == (7.0, 7.0)
    # Whichever shows it first says how near it was.
    again.set_state({"right": True})
    assert period.right is first.right is True
    other = make(ask, "choice").reveal("c")
    other.set_state({"passed": True})
    assert ask.score()._marks == {"how long?": "right", "which?": "passed"}


def test_the_score_knows_every_prediction_of_its_chapter_and_no_other(ask):
    score = ask.score()
    elsewhere = make(Predictions("springs"), "choice")
    one, two = make(ask, "choice"), make(ask, "point")
    assert score._marks == {"which?": "open", "where?": "open"}
    one.reveal("a")
    one.guess, one.right, two.guess = 1, False, [0, 0]
    assert score._marks == {"which?": "wrong", "where?": "answered"}
    assert elsewhere._marks == {"which?": "open"}


def test_a_cell_that_is_run_again_keeps_its_answer_unless_the_question_is_another(ask):
    make(ask, "choice").guess = 2
    assert make(ask, "choice").guess == 2
    assert ask.choice("which?", ["a", "b"]).guess is None


@pytest.mark.parametrize("kind", ["choice", "number", "log", "curve", "point"])
def test_there_is_a_picture_for_paper(ask, kind):
    prediction = make(ask, kind)
    answer = {"choice": (1,), "curve": ([0, 20], [1, 3]), "point": ((1, 2),)}.get(kind, (9.0,))
    outcome = prediction.reveal(*answer)
    for card in (prediction, outcome):
        assert card._picture.startswith("<svg")
        assert card._picture.endswith("</svg>")
        assert prediction._label in card._picture_alt
    shown = {"choice": ">Answer: <em>b</em><", "curve": "<polyline ", "point": "<circle "}
    assert shown.get(kind, ">Answer: 9") in outcome._picture
    assert len(prediction._heights) == 2
    assert all(height > 0 for card in (prediction, outcome) for height in card._heights)


def test_markup_in_a_picture_is_escaped(ask):
    assert "&lt;b&gt;" in ask.choice("a <b>?", ["x < 1", "y"])._picture


# --- how near it was ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    source = bundle("questions/prediction.js", exports="judge, fits, DRAWN")
    return run_node(folder / "judge.mjs", source, SOURCES.parents[3] / "tests/js/judge.mjs")


def verdict(judged, prediction, outcome, guess):
    prediction.guess = guess
    [answer] = judged([prediction._kind, prediction._spec, outcome._truth, prediction.guess])
    assert answer["fits"], "Python takes a guess that the page does not"
    return answer["right"], f"{answer['mark']} {answer['words']}".replace("\u00a0", " ")


NEAR, FAR, IS = "Near enough. You said", "Not near enough. You said", "the answer is"
POINTS = "You were 15 percentage points"


@pytest.mark.parametrize(
    "kind, truth, guess, right, words",
    [
        ("choice", ("c",), 2, True, "Right. You chose “c”."),
        ("choice", ("*b*",), 0, False, "No. You chose “a”; the answer is “b”."),
        (
            "choice",
            (["a", "c"],),
            2,
            True,
            "Right. You chose “c”. “a” would have been right too.",
        ),
        (
            "choice",
            (["a", "c"],),
            1,
            False,
            "No. You chose “b”; “a” or “c” would have been right.",
        ),
        ("number", (10.0,), 7.5, True, f"{NEAR} 7.5 s; {IS} 10 s. You were 25 % too low."),
        ("number", (10.0,), 7.4, False, f"{FAR} 7.4 s; {IS} 10 s. You were 26 % too low."),
        ("number", (10.0, 0.5), 14.9, True, f"{NEAR} 14.9 s; {IS} 10 s. You were 49 % too high."),
        (
            "number",
            (4.0,),
            1.0,
            False,
            f"{FAR} 1 s; {IS} 4 s. You were too low by a factor of 4.",
        ),
        ("number", (10.0,), 10.02, True, "Right. You said 10 s, and so it is."),
        # A hand cannot set less than a twentieth of the axis.
        ("number", (1.5,), 2.4, True, f"{NEAR} 2.4 s; {IS} 1.5 s. You were 60 % too high."),
        ("number", (1.5,), 2.5, False, f"{FAR} 2.5 s; {IS} 1.5 s. You were 67 % too high."),
        ("log", (800.0,), 400, True, f"{NEAR} 400; {IS} 800. You were too low by a factor of 2."),
        (
            "log",
            (800.0,),
            390,
            False,
            f"{FAR} 390; {IS} 800. You were too low by a factor of 2.1.",
        ),
        ("log", (800.0,), 799, True, "Right. You said 799; the answer is 800."),
        (
            "log",
            (1e-4,),
            100,
            False,
            f"{FAR} 100; {IS} 1 × 10⁻⁴. You were too high by a factor of 1 × 10⁶.",
        ),
        ("signed", (0.0,), -15, False, f"{FAR} −15 J; {IS} 0 J. You were too low by 15 J."),
        ("signed", (0.0,), 0, True, "Right. You said 0 J, and so it is."),
        ("signed", (-8.0,), 4, False, f"{FAR} 4 J; {IS} −8 J. You were too high by 12 J."),
        ("share", (45.0,), 30, False, f"{FAR} 30 %; {IS} 45 %. {POINTS} too low."),
        ("count", (7.0,), 3, False, f"{FAR} 3; {IS} 7. You were too low by 4."),
        (
            "point",
            ((1.0, 2.0),),
            [0.6, 2.0],
            True,
            "Near enough. You chose (0.6, 2); the answer is (1, 2).",
        ),
        (
            "point",
            ((1.0, 2.0),),
            [1.0, 1.1],
            False,
            "Not near enough. You chose (1, 1.1); the answer is (1, 2).",
        ),
        (
            "point",
            ((0.0, -2.0),),
            [0.0, -2.0],
            True,
            "Right. Your point (0, −2) lies on the answer.",
        ),
    ],
)
def test_right_or_wrong_and_how_near(ask, judged, kind, truth, guess, right, words):
    prediction = make(ask, kind)
    assert verdict(judged, prediction, prediction.reveal(*truth), guess) == (right, words)


def test_a_curve_is_judged_where_the_answer_is_known_and_within_the_axis(ask, judged):
    curve = make(ask, "curve")
    times = torch.linspace(0, 10, 200)
    outcome = curve.reveal(times, torch.full_like(times, 2.0))
    flat = lambda near, far: [near] * (DRAWN // 2 + 1) + [far] * (DRAWN // 2)  # noqa: E731
    assert verdict(judged, curve, outcome, flat(2.5, 0.0))[0] is True
    apart = "On average your curve is {} from the computed one{}."
    assert verdict(judged, curve, outcome, flat(2.5, 0.0))[1] == (
        f"Near enough. {apart.format('0.5 J', '')}"
    )
    assert verdict(judged, curve, outcome, flat(2.0, 0.0))[1] == (
        "Right. Your curve lies on the computed one."
    )
    assert verdict(judged, curve, outcome, flat(2.7, 2.0))[0] is False
    bare = ask.curve("without a unit", X, ("share", -1, 1))
    told = bare.reveal(times, torch.zeros_like(times))
    assert verdict(judged, bare, told, flat(-0.5, 0.0))[1] == (
        f"Not near enough. {apart.format('0.5', '; the upright axis runs from −1 to 1')}"
    )
    beyond = curve.reveal(times, torch.full_like(times, 99.0))
    assert verdict(judged, curve, beyond, flat(4.0, 4.0))[0] is True


def test_what_was_kept_and_no_longer_fits_is_no_answer(ask, judged):
    for kind, bad in (("choice", 7), ("number", 99), ("curve", [1.0, 2.0]), ("point", [None, 1])):
        prediction = make(ask, kind)
        [answer] = judged([prediction._kind, prediction._spec, None, bad])
        assert answer["fits"] is False
