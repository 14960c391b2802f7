"""Checks of the exercises: they test properties, and name the likely mistake.

In a notebook::

    from hnn_tutorial.check import hnn_mass_spring as check

    check.spring_field(spring_field)  # displays: passed, not yet right, or not attempted yet
    check.progress()  # which exercises are solved

How to add a check
------------------
1. One module per exercise notebook, named like it. It opens with::

       from hnn_tutorial.check.answers import expect, function, match
       from hnn_tutorial.check.chapter import Chapter

       chapter = Chapter("pendulum")
       exercise, progress = chapter.exercise, chapter.progress

2. One function per exercise. It takes what the learner hands in and states what must be true; the
   first expectation that is not met becomes the message. It returns the message for a right
   answer: say what was tested, and one thing worth noticing::

       @exercise(1, "derive", "The pendulum's field")
       def pendulum_field(answer):
           field = function(answer, "field(x)")  # the only way to call a learner's code
           x = states(8)
           got = field(x, like=x)  # None, wrong shape, no numbers, NaN: all told here
           match(got, truth(x), [(-truth(x), "Both signs are reversed: time runs backwards.")])
           energy_rate = (grad_H(x) * got).sum(-1)
           expect(close(energy_rate, 0 * energy_rate), "This field does not conserve energy.")
           return "Right, for single states and for batches."

   `function` passes fresh copies of tensors at each call and returns the values as a tensor like
   `like`, whatever the learner used: NumPy arrays, lists, plain numbers, integers and float32 are
   right if their values are. `conform` does the same for a value that is at hand: go on with what
   it *returns*. `as_tensor` turns anything with numbers in it into a tensor. Where gradients must
   flow, ask for them by `gradient`: it alone refuses NumPy, and says why.

   `match` compares with the right values. Say which mistakes belong to this exercise, and give it
   what it needs to recognise the slips that students make everywhere::

       match(
           got,
           truth(x, m=1.7, k=0.6),
           [(other, "Its message.")],
           "First sentence, if none of these mistakes is recognised.",
           at=x,  # states: the worst is shown; also the numbers of states and components
           times=t,  # if the first axis is the time: one step late or early
           parameters={"m": 1.7, "k": 0.6},  # factors such as m, 1/k, m·k², sqrt(m)
           counts={"the number of seeds": 5},  # sums in place of means
           truth=truth,  # called as truth(x, m=..., k=...): exchanged or forgotten parameters,
           # [p, q] for [q, p], p for p/m, the first state in place of all
       )

   A slip is named only if undoing it makes all values right; if several fit, all are named. The
   message also shows the worst entry, with digits enough to tell the two numbers apart. `worst`
   gives that sentence to checks that compare by themselves, `recognise` the slips, and
   `name_factor` of ``check.slips`` the name of a factor. Choose parameters that differ from each
   other, from 1 and from 2, and batches whose axes all differ, such as (4, 3, 2): then no two
   slips look alike.

   `number`, `table`, `numbers` and `choices` cover single numbers, dicts, dicts of numbers for
   each seed, and dicts of words; `score` judges an open task by its rubric.
3. Test properties (signs, conservation, convergence, gradients against finite differences, batch
   shapes) rather than one number, so that every right answer passes, however it is written.
4. A message says what was found, then the likely mistake. It names a cause only after the check
   has undone this cause and seen the values become right. It never says only "wrong".
5. In ``tests/test_check_NAME.py``, NAME the module's, state one `Case` for each exercise: the
   solution, right answers written differently, wrong ones with the message each must get, and the
   stub. ``tests/check_tools.py`` adds the answers that every check must meet, and says how:
   bad answers, right ones of other types, and all mutants of the solution.
   ``python tests/mutants.py NAME`` prints which mutants pass your check. None may.

Only exceptions from inside the learner's function become messages; ``check.hints`` puts a sentence
under those that beginners meet. An exception in the check itself is a bug of ours and is raised as
such.
"""

from hnn_tutorial.check.answers import (
    STUB,
    NotAttempted,
    Wrong,
    as_tensor,
    choices,
    close,
    conform,
    expect,
    function,
    gradient,
    match,
    number,
    numbers,
    score,
    table,
    worst,
)
from hnn_tutorial.check.chapter import KINDS, Chapter
from hnn_tutorial.check.result import Progress, Result
from hnn_tutorial.check.slips import recognise

__all__ = [
    "KINDS",
    "STUB",
    "Chapter",
    "NotAttempted",
    "Progress",
    "Result",
    "Wrong",
    "as_tensor",
    "choices",
    "close",
    "conform",
    "expect",
    "function",
    "gradient",
    "match",
    "number",
    "numbers",
    "recognise",
    "score",
    "table",
    "worst",
]
