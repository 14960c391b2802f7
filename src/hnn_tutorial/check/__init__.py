"""Checks of the exercises: they test properties, and name the likely mistake.

In a notebook::

    from hnn_tutorial.check import hnn_mass_spring as check

    check.spring_field(spring_field)  # displays: passed, not yet right, or not attempted yet
    check.progress()  # which exercises are solved

How to add a check
------------------
1. One module per exercise notebook, named like it. It opens with::

       from hnn_tutorial.check import Chapter, expect, function, match

       chapter = Chapter("pendulum")
       exercise, progress = chapter.exercise, chapter.progress

2. One function per exercise. It takes what the learner hands in, and states what must hold; the
   first expectation that is not met becomes the message. It returns the message for a right
   answer: say what was tested, and one thing worth noticing::

       @exercise(1, "derive", "The pendulum's field")
       def pendulum_field(answer):
           field = function(answer, "field(x)")  # the only way to call a learner's code
           x = states(8)
           got = field(x, like=x)  # None, NumPy, wrong shape, dtype, NaN: all told here
           match(got, truth(x), [(-truth(x), "Both signs are reversed: time runs backwards.")])
           energy_rate = (grad_H(x) * got).sum(-1)
           expect(close(energy_rate, 0 * energy_rate), "This field does not conserve energy.")
           return "Right, for single states and for batches."

   `match` compares with the right values and recognises wrong ones; `conform`, `gradient`,
   `number`, `table`, `numbers` and `choices` cover tensors, broken autograd graphs, single
   numbers, dicts, dicts of numbers for each seed and dicts of words.
3. Test properties (signs, conservation, convergence, gradients against finite differences, batch
   shapes) rather than one number, so that every right answer passes, however it is written.
4. A message says what was found, then the likely mistake. It never says only "wrong".
5. In ``tests/test_check_NAME.py``, NAME the module's, state one `Case` for each exercise: the
   solution, at least two right answers written differently, at least three named wrong ones with
   the message each must get, and the stub. ``tests/check_tools.py`` adds the bad answers that
   every check must meet.

Only exceptions from inside the learner's function become messages. An exception in the check
itself is a bug of ours and is raised as such.
"""

from hnn_tutorial.check.answers import (
    STUB,
    NotAttempted,
    Wrong,
    choices,
    close,
    conform,
    expect,
    function,
    gradient,
    match,
    number,
    numbers,
    table,
)
from hnn_tutorial.check.chapter import KINDS, Chapter
from hnn_tutorial.check.result import Progress, Result

__all__ = [
    "KINDS",
    "STUB",
    "Chapter",
    "NotAttempted",
    "Progress",
    "Result",
    "Wrong",
    "choices",
    "close",
    "conform",
    "expect",
    "function",
    "gradient",
    "match",
    "number",
    "numbers",
    "table",
]
