"""What a network has to beat: the last value, a sine, the textbook's formula, and SINDy."""

import importlib
import importlib.util
import math
import re
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn

from hnn_tutorial.own_recording.task import Field, Start, Task


def persistence(task: Task, start: Start) -> Tensor:
    """Return the last value before the start, at all times."""
    return start.before[1][-1].expand(len(start.later[0]), -1)


class Sine:
    r"""A damped sine for each position.

    .. math:: q = e^{-\gamma t} (a \cos\omega t + b \sin\omega t) + c

    ω and γ are fitted to the training part; a, b and c to the rows before each start.

    Args:
        task: the recording.
    """

    def __init__(self, task: Task) -> None:
        self.shapes = []
        for k in range(task.degrees):
            self.shapes.append(self._shape(task, k))

    @staticmethod
    def _shape(task: Task, k: int) -> tuple[float, float]:
        trial = max(task.learned.trials, key=lambda one: len(one.times))
        column = k + (task.degrees if task.by_velocity else 0)
        clock = ((trial.times - trial.times[0]) / task.seconds).numpy()
        values = task.scaled(trial.states)[:, 0, column].numpy()
        tried = []
        for turn in (0.25, 0.5, 0.75, 1.0, 1.25):

            def missed(shape: np.ndarray) -> np.ndarray:
                terms = _terms(clock, *shape)
                best, *_ = np.linalg.lstsq(terms, values, rcond=None)
                return terms @ best - values

            tried.append(least_squares(missed, [turn, 0.0], bounds=([0.02, 0.0], [20.0, 3.0])))
        found = min(tried, key=lambda one: float(one.cost)).x
        return float(found[0]), float(found[1])

    def __call__(self, task: Task, start: Start) -> Tensor:
        """Return the forecast ``(T, n)``."""
        times, seen = start.before
        columns = []
        for k, shape in enumerate(self.shapes):
            here = times[0]
            terms = _terms((times - here).numpy(), *shape)
            best, *_ = np.linalg.lstsq(terms, seen[:, k].numpy(), rcond=None)
            columns.append(_terms((start.later[0] - here).numpy(), *shape) @ best)
        return torch.from_numpy(np.stack(columns, axis=-1))


def _terms(times: np.ndarray, frequency: float, damping: float) -> np.ndarray:
    decay = np.exp(-damping * times)
    turn = frequency * times
    return np.stack([decay * np.cos(turn), decay * np.sin(turn), np.ones_like(times)], axis=-1)


class PendulumFormula(nn.Module):
    r"""The textbook's pendulum: :math:`\ddot q = -k \sin(q - q_0) - c\,\dot q`."""

    title = "pendulum formula"
    formula = "q̈ = −k sin(q − q₀) − c q̇"

    def __init__(self) -> None:
        super().__init__()
        self.constants = nn.Parameter(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[v, a]``."""
        k, rest, friction = self.constants
        q, v = x[..., 0], x[..., 1]
        return torch.stack([v, -k * torch.sin(q - rest) - friction * v], dim=-1)

    def constants_in_si(self, size: float, seconds: float) -> str:
        """Return the fitted constants in words."""
        k, rest, friction = self.constants.tolist()
        return (
            f"k = {k / seconds**2:.4g} 1/s², q₀ = {rest:.3g} rad, c = {friction / seconds:.3g} 1/s"
        )


class DoublePendulumFormula(nn.Module):
    """The textbook's double pendulum, both angles from hanging down, with friction in both joints.

    Its constants are the ratios of masses and lengths, gravity over length, and the frictions.
    """

    title = "double-pendulum formula"
    formula = "Lagrange's equations of two rods with point masses, with friction in both joints"

    def __init__(self) -> None:
        super().__init__()
        self.constants = nn.Parameter(
            torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
        )

    def field(self, x: Tensor) -> Tensor:
        """Return ``[v, a]``."""
        mass, length, gravity = torch.exp(self.constants[:3])
        first, second = self.constants[3:5]
        turned = self.constants[5:]
        q, v = x.chunk(2, dim=-1)
        (a, b), (u, w) = (q - turned).unbind(-1), v.unbind(-1)
        cosine, sine = torch.cos(a - b), torch.sin(a - b)
        joint = second * (w - u)
        force_a = -mass * length * sine * w**2 - (1 + mass) * gravity * torch.sin(a)
        force_b = mass * length * (sine * u**2 - gravity * torch.sin(b))
        force_a, force_b = force_a - first * u + joint, force_b - joint
        A, B, C = 1 + mass, mass * length * cosine, mass * length**2
        determinant = A * C - B * B
        acceleration = [C * force_a - B * force_b, A * force_b - B * force_a]
        return torch.cat([v, torch.stack(acceleration, -1) / determinant.unsqueeze(-1)], dim=-1)

    def constants_in_si(self, size: float, seconds: float) -> str:
        """Return the fitted constants in words."""
        mass, length, gravity = self.constants[:3].exp().tolist()
        first, second, a, b = self.constants[3:].tolist()
        return (
            f"m₂/m₁ = {mass:.4g}, l₂/l₁ = {length:.4g}, g/l₁ = {gravity / seconds**2:.4g} 1/s², "
            f"frictions over m₁l₁² {first / seconds:.3g} and {second / seconds:.3g} 1/s, angles "
            f"of rest {a:.3g} and {b:.3g} rad"
        )


class LinearFormula(nn.Module):
    r"""Springs and friction: :math:`\ddot q = -K(q - q_0) - C\,\dot q`, with full matrices.

    Args:
        degrees: n.
    """

    def __init__(self, degrees: int) -> None:
        super().__init__()
        self.title = "spring formula" if degrees == 1 else "formula of coupled springs"
        self.formula = "q̈ = −K (q − q₀) − C q̇"
        self.stiffness = nn.Parameter(torch.eye(degrees, dtype=torch.float64))
        self.friction = nn.Parameter(torch.zeros(degrees, degrees, dtype=torch.float64))
        self.rest = nn.Parameter(torch.zeros(degrees, dtype=torch.float64))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[v, a]``."""
        q, v = x.chunk(2, dim=-1)
        pull = (q - self.rest) @ self.stiffness.mT + v @ self.friction.mT
        return torch.cat([v, -pull], dim=-1)

    def constants_in_si(self, size: float, seconds: float) -> str:
        """Return the fitted constants in words."""
        K = (self.stiffness.detach() / seconds**2).tolist()
        C = (self.friction.detach() / seconds).tolist()
        rest = (self.rest.detach() * size).tolist()
        return f"K = {_rounded(K)} 1/s², C = {_rounded(C)} 1/s, q₀ = {_rounded(rest)} from the mean"


def _rounded(values: list[Any]) -> str:
    shown = [_rounded(v) if isinstance(v, list) else f"{v:.4g}" for v in values]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"


Formula = PendulumFormula | DoublePendulumFormula | LinearFormula


def textbook_formula(task: Task) -> Formula:
    """Return the formula that a textbook has for such positions, its constants not yet fitted."""
    if task.degrees == 1 and task.angles == (0,):
        return PendulumFormula()
    if task.degrees == 2 and task.angles == (0, 1):
        return DoublePendulumFormula()
    return LinearFormula(task.degrees)


THRESHOLDS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005)


def has_sindy() -> bool:
    """Whether ``pysindy`` is installed."""
    return importlib.util.find_spec("pysindy") is not None


def sindy(task: Task) -> tuple[Field, str, int]:
    """Return the field that SINDy finds in the smooth derivatives, its equations, and their terms.

    Candidates are the cubic polynomials of ``[q, v]``, and with angles the sines and cosines of the
    state. Of several thresholds, below which a term is left out, the one is kept that is best on
    the last quarter of the training part when fitted to the rest.

    Args:
        task: the recording.
    """
    # An extra that need not be installed; found by its name, so that no type is asked of it.
    pysindy = importlib.import_module("pysindy")
    data = task.dataset()
    x, rates = data.states.numpy(), data.derivatives.numpy()
    names = [f"q{k}" for k in range(task.degrees)] + [f"v{k}" for k in range(task.degrees)]

    def fitted(threshold: float, rows: slice) -> Any:
        library: Any = pysindy.PolynomialLibrary(degree=3)
        if task.angles:
            library = library + pysindy.FourierLibrary(n_frequencies=1)
        model = pysindy.SINDy(feature_library=library, optimizer=pysindy.STLSQ(threshold=threshold))
        return model.fit(x[rows], t=1.0, x_dot=rates[rows], feature_names=names)

    early, late = slice(0, 3 * len(x) // 4), slice(3 * len(x) // 4, None)

    def missed(threshold: float) -> float:
        said = np.asarray(fitted(threshold, early).predict(x[late]))
        return float(np.square(said - rates[late]).mean())

    threshold = min(THRESHOLDS, key=missed)
    model = fitted(threshold, slice(None))
    rates_of = sindy_in_torch(model)

    def field(x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        # A motion that has run away overflows in a cube.
        finite = torch.nan_to_num(flat, nan=1e6, posinf=1e6, neginf=-1e6).clamp(-1e6, 1e6)
        found = rates_of(finite)
        lost = ~(flat.abs() < 1e6).all(-1, keepdim=True)
        return torch.where(lost, math.nan, found).reshape(x.shape)

    written = [_tidy(one) for one in model.equations(3)]
    found = "; ".join(
        f"d{name}/dt = {equation}" for name, equation in zip(names, written, strict=True)
    )
    terms = int(np.count_nonzero(np.asarray(model.coefficients())))
    return field, f"{found}, in units of order one; threshold {threshold}", terms


def sindy_in_torch(model: Any) -> Field:
    """Return what a fitted model of pysindy predicts, thirty times as fast as its ``predict``.

    Args:
        model: of polynomials, and perhaps of sines and cosines of one frequency.
    """
    polynomials, *waves = getattr(model.feature_library, "libraries", [model.feature_library])
    powers = torch.from_numpy(np.asarray(polynomials.powers_))
    weights = torch.from_numpy(np.array(model.coefficients()))

    def rates(x: Tensor) -> Tensor:
        terms = x.unsqueeze(-2).pow(powers).prod(-1)
        if waves:
            both = torch.stack([torch.sin(x), torch.cos(x)], dim=-1)
            terms = torch.cat([terms, both.flatten(-2)], dim=-1)
        return terms @ weights.mT

    return rates


def _tidy(equation: str) -> str:
    """Write an equation of pysindy's as on paper: no "+ -", no factors of one."""
    signs = " ".join(equation.split()).replace("+ -", "− ").replace("(1 ", "(")
    return re.sub(r"(?<=\d) 1(?= |$)", "", signs)
