"""The exercises of one notebook: registration, running a check, progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from hnn_tutorial.check.answers import NotAttempted, Wrong
from hnn_tutorial.check.answers import run as answers_run
from hnn_tutorial.check.notes import note, solved
from hnn_tutorial.check.result import Progress, Result, Standing

Check = Callable[..., str | None]
"""Takes what a learner hands in and returns the message for a right answer; see `exercise`."""

KINDS = ("derive", "code", "experiment", "think")
"""The kinds of exercises."""
UNTOUCHED = "Replace the stub with your answer, run that cell, then run this one again."


class Chapter:
    """The checks of one exercise notebook, and which of its exercises are solved.

    Args:
        name: Name of the notebook without suffix, for example ``"hnn_mass_spring"``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.exercises: dict[str, str] = {}  # name of the check -> title shown
        self.numbers: dict[str, int] = {}  # name of the check -> number of the exercise
        self._results: dict[str, Result] = {}

    def exercise(
        self, number: int, kind: str, title: str
    ) -> Callable[[Check], Callable[..., Result]]:
        """Decorator: turn a function that states expectations into a check that returns a `Result`.

        The function takes what the learner hands in. It ends by returning the message for a right
        answer (a string), or stops at the first expectation that is not met. Only `Wrong` and
        `NotAttempted`, which the helpers of `hnn_tutorial.check` raise, are caught: any other
        exception is a bug in the check and is raised.

        Args:
            number: Number of the exercise in the notebook.
            kind: One of ``"derive"``, ``"code"``, ``"experiment"``, ``"think"``.
            title: What it is about, in a few words.

        Returns:
            The decorator.

        Raises:
            ValueError: If the kind is unknown, or name or number are taken.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; choose one of: {', '.join(KINDS)}")
        shown = f"Exercise {number} ({kind}): {title}"

        def decorate(check: Check) -> Callable[..., Result]:
            name = check.__name__
            if name in self.numbers or number in self.numbers.values():
                raise ValueError(f"exercise {number} ({name}) of {self.name} is registered twice")
            self.exercises[name], self.numbers[name] = shown, number

            @wraps(check)
            def run(*answers: Any) -> Result:
                try:
                    if any(answer is Ellipsis for answer in answers):
                        raise NotAttempted
                    with answers_run():
                        message = check(*answers) or "All tests passed."
                    noted = note(self.name, number, self.numbers.values())
                    result = Result(shown, "passed", message, noted)
                except NotAttempted as reason:
                    text = str(reason) or UNTOUCHED
                    result = Result(shown, "not attempted", text.rstrip(".") + ".")
                except Wrong as reason:
                    result = Result(shown, "wrong", str(reason))
                self._results[name] = result
                return result

            return run

        return decorate

    def progress(self) -> Progress:
        """Which exercises of the notebook are solved, by each check's last run.

        Where a check has not run since the kernel started, what was noted earlier counts.
        """
        earlier = solved(self.name, self.numbers.values())

        def status(name: str) -> Standing:
            if name in self._results:
                return self._results[name].status
            return "passed earlier" if self.numbers[name] in earlier else None

        return Progress(tuple((title, status(name)) for name, title in self.exercises.items()))

    def reset(self) -> None:
        """Forget all results, as a restart of the kernel does; what was noted stays."""
        self._results.clear()
