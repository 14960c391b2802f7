"""Levenberg–Marquardt: few expensive steps, each of which solves a linear least-squares problem."""

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from scipy.linalg import lapack
from torch import Tensor

from hnn_tutorial._validate import check_count, check_not_negative, check_positive
from hnn_tutorial.training._at_once import loop, steps_at_once
from hnn_tutorial.training._batches import State, next_batch, start_batches
from hnn_tutorial.training._problem import (
    Problem,
    TrainingDivergedError,
    chunks,
    require_finite,
)
from hnn_tutorial.training.losses import Batch, SampleLoss

MOVED = ("weights", "damping", "stalled")
"""What a step changes in a state, beside its place among the batches."""

Solve = Callable[[float], Tensor | None]
"""From what is added to a diagonal to a step ``(P,)``, or None where it cannot be computed."""


@dataclass(frozen=True)
class LevenbergMarquardt:
    r"""Gauss–Newton steps, damped as much as it takes for the loss to fall.

    With the residuals r, their exact Jacobian J with respect to all P weights, and M the
    number of residuals, each step solves

    .. math:: \left(\tfrac 1M J^\top J + \mu\,\mathcal L\, I\right) s = -\tfrac 1M J^\top r,
              \qquad \mathcal L = \tfrac 1M \|r\|^2 .

    A step that lowers the loss is taken, and μ falls by ten; otherwise μ doubles and the step
    is solved for again from the same :math:`J^\top J`. The damping has the factor :math:`\mathcal
    L` so that it vanishes with the residual, and so that data on another scale need no other μ.
    (Where the residual can reach zero, convergence is then quadratic in theory. Networks only come
    near zero, and their last steps are linear.) Measured on the ideal spring with its derivatives
    scaled by 1/100, 1 and 100 (2-16-16-1 HNN, 500 states, 6 seeds each): 17 of the 18 runs came to
    a relative loss of 1e-10, all within 58 steps. With μI alone, or μ times the diagonal of
    :math:`J^\top J`, from μ = 1e-3 or 1, 7 to 9 of 18 did so within 100.

    :math:`J^\top J` and :math:`J^\top r` are summed over blocks of ``chunk`` samples, in float64
    whatever the model's dtype. With fewer residuals than weights the same step comes from
    :math:`J J^\top`, which is then the smaller matrix: for an HNN 2-32-32-1 on 100 states in a
    twentieth of the time. Memory on top of model and data: about 3 · 8 · chunk · m · P bytes for a
    block, and 4 · 8 · P² for the linear system, or 8 · M · P + 4 · 8 · M² where M is less than P. A
    block that does not fit into memory is halved until it does. The loss of a trial step is
    evaluated for up to 16,384 samples at once; for small networks and long data that is more than
    the block: measured, 25 MB for an HNN 2-16-16-1 and 49 MB for such an LNN.

    Args:
        steps: most steps to take.
        batch_size: samples in a batch; None uses all of them at each step. With fewer than
            P/m samples a step can fit its own batch exactly, noise included; on noise-free
            data that did no harm (batches of 50 out of 5000 states, P = 337), and batches of 50 to
            150 out of 750 states of the spring led to the same error in a third to a fifth of the
            time of all of them.
        chunk: samples in a block of the Jacobian, and the most in a batch that ``fit`` compiles.
        damping: the first μ.
        tolerance: stop when five steps in a row each lower the loss by less than this
            fraction, or no damping lowers it. Full batches only. Zero stops for the latter
            alone.
        weight_decay: λ of a penalty :math:`\lambda \|\theta\|^2 / 2` added to the loss: the
            same as ``Adam``'s.

    Raises:
        ValueError: for a setting that makes no sense.
        MemoryError: (when training) if not even a block of one sample fits.

    References:
        Levenberg 1944; Marquardt 1963; Yamashita & Fukushima 2001 (damping by the residual).
    """

    steps: int = 100
    batch_size: int | None = None
    chunk: int = 512
    damping: float = 1.0
    tolerance: float = 1e-5
    weight_decay: float = 0.0

    name: ClassVar[str] = "levenberg_marquardt"
    validation_every: ClassVar[int] = 1
    checkpoint_every: ClassVar[int] = 10

    LESS: ClassVar[float] = 0.1
    MORE: ClassVar[float] = 2.0
    TRIALS: ClassVar[int] = 60
    STALLED: ClassVar[int] = 5

    def __post_init__(self) -> None:
        check_count(
            steps=self.steps,
            batch_size=1 if self.batch_size is None else self.batch_size,
            chunk=self.chunk,
        )
        check_positive(damping=self.damping)
        check_not_negative(tolerance=self.tolerance, weight_decay=self.weight_decay)

    def start(self, problem: Problem, seed: int | torch.Generator) -> State:
        """Return the state before the first step.

        Raises:
            TypeError: for a loss that is no sum of squares.
        """
        if isinstance(problem.residual, SampleLoss):
            raise TypeError(
                f"{problem.residual} is no sum of squares, which Levenberg–Marquardt needs; use "
                "Adam, or one of PyTorch's optimisers by TorchOptimizer"
            )
        size = problem.samples if self.batch_size is None else self.batch_size
        if problem.compile and size > self.chunk:
            raise ValueError(
                f"compile=True is for batches of at most chunk = {self.chunk} samples, and here "
                f"are {size}: larger ones are not faster; call fit without it, or set batch_size"
            )
        return {
            "weights": problem.weights(),
            "step": torch.tensor(0),
            "damping": torch.tensor(self.damping, dtype=torch.float64),
            "stalled": torch.tensor(0),
            **start_batches(problem, self.batch_size, seed),
        }

    def step(self, problem: Problem, state: State) -> tuple[State, float]:
        """Return the state after one more step, and the loss on its batch before that step.

        Raises:
            TrainingDivergedError: if a residual or a derivative of one is not finite.
        """
        if problem.compile:
            leapt = self.leap(problem, state, 1)
            if leapt is None:
                raise ValueError(
                    "compile=True makes steps of LevenbergMarquardt by JAX (pip install "
                    "'hnn-tutorial[jax]'), on a CPU, and of a model and a residual of this "
                    "package; call fit without compile=True"
                )
            new, losses, finite = leapt
            if finite:
                return new, losses[0]
        # What is not finite is told apart here.
        batch, changes = next_batch(problem, self.batch_size, state)
        weights, damping = state["weights"], float(state["damping"])
        few = _residuals(problem, batch) < len(weights)
        prepare = self._by_residuals if few else self._by_weights
        solve, loss = prepare(problem, weights, batch)
        before = self._objective(loss, weights)
        taken = None
        for _ in range(self.TRIALS):
            s = solve(damping * before)
            if s is not None and torch.isfinite(s).all():
                trial = weights + s.to(weights.dtype)
                after = self._objective(problem.loss(trial, batch), trial)
                if after < before:
                    taken = trial
                    break
            damping *= self.MORE
        if taken is None:
            # A failed batch says nothing about the next one, so its damping is forgotten.
            damping, stalled = float(state["damping"]), self.STALLED
        else:
            slow = before - after < self.tolerance * before
            damping, stalled = damping * self.LESS, int(state["stalled"]) + 1 if slow else 0
        new = {
            "weights": weights if taken is None else taken,
            "step": state["step"] + 1,
            "damping": torch.tensor(damping, dtype=torch.float64),
            "stalled": torch.tensor(stalled),
        }
        return {**state, **changes, **new}, loss

    def leap(
        self, problem: Problem, state: State, count: int
    ) -> tuple[State, list[float], bool] | None:
        """Make several steps in one compiled call, by JAX; see ``steps_at_once``.

        With full batches it pauses whenever one more slow step would end the training.
        """
        settings = self.tolerance, self.weight_decay, float(self.batch_size is None)
        return steps_at_once(
            problem,
            state,
            count,
            self.batch_size,
            moved=MOVED,
            given=lambda done: settings,
            make=self._loop,
            function=problem.residuals,
            of_one=True,
        )

    @classmethod
    def _loop(cls, evaluate: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step as JAX compiles it, from the residuals of one sample: that of ``step``."""
        jax: Any = importlib.import_module("jax")
        jnp, linalg = jax.numpy, jax.scipy.linalg

        def solved(A: Any, b: Any, shift: Any) -> Any:
            shifted = A + shift * jnp.eye(len(A))
            return linalg.cho_solve(linalg.cho_factor(shifted), b)

        def step(moved: Any, given: Any, batch: Any, values: Any) -> tuple[Any, ...]:
            weights, damping, stalled = moved
            tolerance, decay, full = given
            half = 0.5 * decay

            def residuals(weights: Any, *sample: Any) -> tuple[Any, Any]:
                r = evaluate(weights, *(each[None] for each in sample), *values)[0]
                return r, r

            over_samples = (None, *(0 for _ in batch))
            J, r = jax.vmap(jax.jacrev(residuals, has_aux=True), over_samples)(weights, *batch)
            J, r = (each.astype(jnp.float64) for each in (J, r))
            J, r, at = J.reshape(-1, weights.size), r.ravel(), weights.astype(jnp.float64)
            loss = jnp.mean(r * r)

            def objective(loss: Any, weights: Any) -> Any:
                return loss + half * jnp.sum(weights.astype(jnp.float64) ** 2)

            if len(r) < len(at):
                pairs = J @ J.T / r.size

                def solve(shift: Any) -> Any:
                    c = shift + half
                    part = jnp.where(half > 0, half / c, 0.0)
                    return _from_pairs(J, r, at, part, lambda b: solved(pairs, b, c))

            else:
                A = J.T @ J / r.size + half * jnp.eye(len(at))
                g = r @ J / r.size + half * at  # J.T @ r took as long as J.T @ J

                def solve(shift: Any) -> Any:
                    return -solved(A, g, shift)

            before = objective(loss, weights)

            def trial(damping: Any) -> tuple[Any, Any]:
                new = weights + solve(damping * before).astype(weights.dtype)
                r = jax.vmap(lambda *sample: residuals(new, *sample)[0])(*batch)
                return new, objective(jnp.mean(r.astype(jnp.float64) ** 2), new)

            def fails(tried: Any) -> Any:
                (_, after), _, count = tried
                return ~(after < before) & (count < cls.TRIALS)

            def again(tried: Any) -> Any:
                _, damping, count = tried
                return trial(cls.MORE * damping), cls.MORE * damping, count + 1

            tried = (trial(damping), damping, 1)
            (new, after), last, _ = jax.lax.while_loop(fails, again, tried)
            lower = after < before
            slow = before - after < tolerance * before
            counted = jnp.where(slow, stalled + 1, 0)
            stalled = jnp.where(lower, counted, cls.STALLED)
            moved = (
                jnp.where(lower, new, weights),
                jnp.where(lower, cls.LESS * last, damping),
                stalled,
            )
            finite = jnp.isfinite(loss) & jnp.isfinite(jnp.sum(J * J))
            pause = (full > 0) & (stalled >= cls.STALLED - 1)
            return moved, loss.astype(weights.dtype), finite, pause

        return loop(step)

    def stop_reason(self, state: State) -> str | None:
        """Return why to stop now, or None to go on."""
        if self.batch_size is None and int(state["stalled"]) >= self.STALLED:
            return "converged: the loss no longer falls"
        return None

    def _objective(self, loss: float, weights: Tensor) -> float:
        if self.weight_decay == 0:
            return loss
        return loss + 0.5 * self.weight_decay * weights.square().sum(dtype=torch.float64).item()

    def _by_weights(self, problem: Problem, weights: Tensor, batch: Batch) -> tuple[Solve, float]:
        """Return the damped step as a function of what is added to the diagonal, and the loss."""
        A, g, loss = self._normal_equations(problem, weights, batch)
        solved = _solver(problem, A)
        return lambda shift: solved(-g, shift), loss

    def _by_residuals(self, problem: Problem, weights: Tensor, batch: Batch) -> tuple[Solve, float]:
        r"""Return the same from the matrix of all pairs of the M residuals, where they are fewer.

        .. math:: s = -\tfrac 1M J^\top \left(\tfrac 1M J J^\top + c I\right)^{-1}
                  (r - a J \theta) - a\, \theta, \qquad a = \frac{\lambda}{2 c},

        with the penalty's part in c. At most as many numbers are kept as the other way.
        """
        count, half = _residuals(problem, batch), 0.5 * self.weight_decay
        most = 8 * count * len(weights) + 4 * 8 * count**2
        what = f"{count:,} residuals and {len(weights):,}"
        J = _room(problem, "J", count, len(weights), what, most)
        r, done = J.new_empty(count), 0
        for rows, residuals in self._blocks(problem, weights, batch):
            part = slice(done, done + residuals.numel())
            J[part], r[part] = rows.reshape(-1, len(weights)), residuals.reshape(-1)
            done = part.stop
        loss = require_finite(r.square().mean().item(), "the loss")
        pairs = _room(problem, "A", count, count, what, most).zero_()
        _add_lower_product(pairs, J.mT)
        if not torch.isfinite(pairs.diagonal()).all():
            raise TrainingDivergedError("a derivative of the residuals is not finite")
        pairs.div_(count)
        at, solved = weights.double(), _solver(problem, pairs)

        def solve(shift: float) -> Tensor | None:
            c = shift + half
            part = half / c if half else 0.0
            return _from_pairs(J, r, at, part, lambda b: solved(b, c))

        return solve, loss

    def _normal_equations(
        self, problem: Problem, weights: Tensor, batch: Batch
    ) -> tuple[Tensor, Tensor, float]:
        """Return the lower half of JᵀJ/M, Jᵀr/M with the penalty's part, and the loss."""
        size = weights.numel()
        A = _room(problem, "A", size, size, f"{size:,}", 4 * 8 * size**2).zero_()
        g = weights.new_zeros(size, dtype=torch.float64)
        total, count = 0.0, 0
        # Not under no_grad as a whole: there PyTorch 2.13 differentiates torch.linalg.solve wrongly
        # inside vmap(jacrev(...)), by orders of magnitude (test_training.py holds it).
        for J, r in self._blocks(problem, weights, batch):
            J, r = J.reshape(-1, size).double(), r.reshape(-1).double()
            _add_lower_product(A, J)
            g.addmv_(J.mT, r)
            total += r.square().sum().item()
            count += r.numel()
        loss = require_finite(total / count, "the loss")
        # A sum of squares, which no number that is not finite leaves finite.
        if not torch.isfinite(A.diagonal()).all():
            raise TrainingDivergedError("a derivative of the residuals is not finite")
        A.div_(count)
        g.div_(count)
        if self.weight_decay:
            A.diagonal().add_(0.5 * self.weight_decay)
            g.add_(weights.double(), alpha=0.5 * self.weight_decay)
        return A, g, loss

    def _blocks(
        self, problem: Problem, weights: Tensor, batch: Batch
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield Jacobian and residuals by blocks, which are halved where memory is short."""
        waiting = list(chunks(batch, self.chunk))
        while waiting:
            part = waiting.pop(0)
            samples = len(next(iter(part.values())))
            try:
                block = problem.jacobian(weights, part)
            except (RuntimeError, MemoryError) as error:
                # PyTorch has no common class for it; on a CPU it is a plain RuntimeError.
                if not re.search("memory|bad_alloc", str(error)):
                    raise
                if samples == 1:
                    raise MemoryError(
                        f"not even the Jacobian of one sample, by {weights.numel():,} weights, "
                        "fits into memory; use a smaller network, or Adam"
                    ) from error
                waiting[:0] = chunks(part, -(-samples // 2))
                continue
            yield block


def _room(problem: Problem, name: str, rows: int, columns: int, what: str, most: int) -> Tensor:
    """Return a matrix to be filled, or raise ``MemoryError`` that says what the system takes.

    It is the one of the step before, if that was as large: what is new has to be fetched page by
    page, which took longer than to fill it.
    """
    known = problem.rooms.get(name)
    if known is None or known.shape != (rows, columns):
        problem.rooms.pop(name, None)
        try:
            known = torch.empty(rows, columns, dtype=torch.float64, device=problem.device)
        except RuntimeError as error:
            raise MemoryError(
                f"the linear system of {what} weights takes {most / 1e9:.2g} GB, more than there "
                "is; use a smaller network, or Adam"
            ) from error
        problem.rooms[name] = known
    return known


def _from_pairs(J: Any, r: Any, at: Any, part: Any, solve: Callable[[Any], Any]) -> Any:
    """Return the step of ``_by_residuals``, for tensors and JAX's arrays; None where there is none.

    ``part`` is its a; ``solve`` is by the damped matrix of all pairs.
    """
    y = solve((r - part * (J @ at)) / len(r))
    return None if y is None else -(J.mT @ y) - part * at


def _residuals(problem: Problem, batch: Batch) -> int:
    """Return the number of residuals of a batch."""
    return problem.components * len(next(iter(batch.values())))


def _solver(problem: Problem, A: Tensor) -> Callable[[Tensor, float], Tensor | None]:
    """Return ``(b, shift) -> x`` that solves ``(A + shift I) x = b``; None if it cannot be done.

    Only the lower triangle of A is read. On a CPU by SciPy's LAPACK in one call: for 337 weights
    on one thread 0.4 ms, of PyTorch's two with a new matrix 0.9 ms.
    """
    rows = len(A)
    shifted = _room(problem, "shifted", rows, rows, f"{rows:,}", 4 * 8 * rows**2)

    def solved(b: Tensor, shift: float) -> Tensor | None:
        shifted.copy_(A).diagonal().add_(shift)
        # Who counts PyTorch's operations wants these among them.
        if A.device.type == "cpu" and problem.may_record:
            # LAPACK counts by columns: to it this is the upper triangle.
            _, x, failed = lapack.dposv(shifted.numpy().T, b.numpy(), overwrite_a=True)
            return None if failed else torch.from_numpy(x)
        factor, fails = torch.linalg.cholesky_ex(shifted)
        return None if fails else torch.cholesky_solve(b.unsqueeze(-1), factor).squeeze(-1)

    return solved


COLUMNS = 96
"""Of J at a time. On one thread, 1,000 residuals by 337 weights took 2.5 ms, and 1,600 by 697
took 14.8 ms; the whole product 3.9 and 25.4 ms, BLAS's ``syrk`` 2.3 and 14.2 ms. Widths that are
no multiple of 48 were slower."""


def _add_lower_product(A: Tensor, J: Tensor) -> None:
    """Add the lower triangle of ``J.mT @ J`` to A, which above it is left as it comes.

    By block columns from the diagonal down: half of the multiplications, as the product is
    symmetric. PyTorch has no ``syrk``.
    """
    # On a GPU many small products take longer than one large one.
    width = COLUMNS if A.device.type == "cpu" else len(A)
    for start in range(0, len(A), width):
        A[start:, start : start + width].addmm_(J[:, start:].mT, J[:, start : start + width])
