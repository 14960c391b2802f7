"""Checks of the chapter "A network that learns a Hamiltonian: the mass-spring"."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise, product
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    Wrong,
    as_tensor,
    choices,
    close,
    conform,
    expect,
    function,
    gradient,
    match,
    numbers,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.data import Dataset, add_noise, simulate
from hnn_tutorial.evaluation import energy_drift
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient as gradient_of
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.systems import DampedMassSpring, MassSpring
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("hnn_mass_spring")
exercise, progress = chapter.exercise, chapter.progress

SIGMAS = (0.0, 0.25, 0.5, 1.0)
"""Noise levels of exercise 7."""

EFFECTS = {
    "same": "the same orbits at the same pace",
    "rescaled": "the same orbits, all faster (or slower) by one common factor",
    "reversed": "the same orbits, run through backwards at the same pace",
    "own pace": "the same orbits, but each with a factor of its own",
    "other orbits": "different orbits",
}
"""The answers that exercise 8 offers, and what they mean."""

CHANGES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor], str]] = {
    "H + 5": (
        "same",
        lambda q, p: q**2 / 2 + p**2 / 2 + 5,
        "a constant has no gradient. This is why an HNN learns H only up to a constant",
    ),
    "2 * H": (
        "rescaled",
        lambda q, p: q**2 + p**2,
        "the gradient doubles, and with it both velocities: the curves H = const stay what they "
        "were. This is why the HNN paper's spring, H = q² + p², turns at 2 rad/s",
    ),
    "-H": (
        "reversed",
        lambda q, p: -(q**2 + p**2) / 2,
        "both velocities change sign. To run an HNN backwards is to integrate -H",
    ),
    "H**2": (
        "own pace",
        lambda q, p: (q**2 + p**2) ** 2 / 4,
        "the chain rule gives the factor dH²/dH = 2H. H is constant along an orbit, so the factor "
        "is too, but it differs from orbit to orbit",
    ),
    "H with p -> -p": (
        "same",
        lambda q, p: q**2 / 2 + (-p) ** 2 / 2,
        "this H contains p only as p², so nothing has changed at all. (To change the sign of p "
        "along a motion is another matter: that runs it backwards)",
    ),
    "H + q": (
        "other orbits",
        lambda q, p: q**2 / 2 + p**2 / 2 + q,
        "a constant force moves the equilibrium to q = -1: the circles get a new centre",
    ),
    "H + q * p": (
        "other orbits",
        lambda q, p: q**2 / 2 + p**2 / 2 + q * p,
        "now H = (q + p)²/2, whose level curves are straight lines: nothing oscillates any more",
    ),
}
"""What exercise 8 does to H = (q² + p²)/2: the right answer, the new H, and the reason."""


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Hamilton's equations of the mass-spring")
def spring_field(answer: Any) -> str:
    """Check ``field(x, mass, stiffness)``, the closed form of [dq/dt, dp/dt]."""
    field = function(answer, "spring_field(x, mass, stiffness)")
    m, k = 2.0, 3.0
    x = states(6)
    q, p = x[..., 0], x[..., 1]
    right = MassSpring(m, k).field
    mistakes = [
        (
            stack(p / m, k * q),
            "dp/dt has the wrong sign: Hamilton's second equation carries a minus. A spring pulls "
            "back; this one pushes.",
        ),
        (stack(-p / m, -k * q), "dq/dt has the wrong sign: Hamilton's first equation has none."),
        (
            stack(-p / m, k * q),
            "Both signs are reversed: this is the motion run backwards in time. The minus belongs "
            "to the second equation, dp/dt = -∂H/∂q.",
        ),
        (
            stack(k * q, p / m),
            "This is the gradient [∂H/∂q, ∂H/∂p]: it points uphill, to higher energy. Hamilton's "
            "equations turn it by a quarter: q moves by ∂H/∂p, p by -∂H/∂q.",
        ),
        (stack(-k * q, p / m), "The two components are in the wrong order: [dq/dt, dp/dt]."),
        (stack(q / m, -k * p), "q and p are exchanged: the state is [q, p], so q is `x[..., 0]`."),
        (
            stack(p, -k * q),
            "dq/dt lacks the mass: p is the momentum, and the velocity is p/m.",
        ),
        (stack(m * p, -k * q), "dq/dt is the velocity p/m: divide by the mass."),
        (stack(p / m, -q), "dp/dt lacks the stiffness k."),
        (stack(p, -q), "Mass and stiffness are missing: this is right for m = k = 1 only."),
        (
            stack(p / (2 * m), -k * q / 2),
            "Half of the right field: the derivative of p²/2 is p, not p/2.",
        ),
        (
            stack(p / m, -k * q / m),
            "dp/dt is divided by the mass: -kq/m is the acceleration, and p is the momentum.",
        ),
        (
            stack(p / k, -m * q),
            "Mass and stiffness are exchanged: the call is `spring_field(x, mass, stiffness)`.",
        ),
    ]
    got = field(x, m, k, like=x)
    given = {"m": m, "k": k}
    other = "This is not the mass-spring's field."
    match(got, right(x), mistakes, other, at=x, parameters=given)
    for shape in ((2,), (4, 3, 2)):
        x = states(12)[:1].reshape(2) if shape == (2,) else states(12).reshape(shape)
        match(
            field(x, m, k, like=x),
            right(x),
            otherwise=f"Right for states of shape (6, 2), and wrong for shape {shape}.",
        )
    return (
        "Right, for single states and for batches. Your field is linear in the state: what it "
        "does to one orbit it does to all, so every orbit takes the same time, 2π√(m/k)."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _curved(x: Tensor) -> Tensor:
    """A Hamiltonian without any symmetry, for one degree of freedom."""
    q, p = x[..., 0], x[..., 1]
    return p**2 / 2 + torch.cos(q) + q**2 * p / 3


def _coupled(x: Tensor) -> Tensor:
    """A Hamiltonian without any symmetry, for two degrees of freedom."""
    q1, q2, p1, p2 = x.unbind(-1)
    return p1**2 / 2 + p2**2 + q1 * q2**2 + q1 * p2 + torch.sin(q2)


def _triple(x: Tensor) -> Tensor:
    """A Hamiltonian without any symmetry, for three degrees of freedom."""
    q1, q2, q3, p1, p2, p3 = x.unbind(-1)
    return p1**2 / 2 + p2**2 + p3**2 / 3 + q1 * q2**2 + q3 * p2 + torch.sin(q3 + q1)


@exercise(2, "code", "The symplectic gradient of any H")
def symplectic_gradient(answer: Any) -> str:
    """Check ``symplectic_gradient(H, x)``: [∂H/∂p, -∂H/∂q] by automatic differentiation."""
    field = function(answer, "symplectic_gradient(H, x)")
    x = states(6)
    right = hamiltonian_field(_curved)(x)
    dH = gradient_of(_curved)(x)
    mistakes = [
        (
            dH,
            "This is the gradient [∂H/∂q, ∂H/∂p]. The symplectic gradient turns it by a quarter: "
            "[∂H/∂p, -∂H/∂q].",
        ),
        (
            dH.flip(-1),
            "dp/dt has the wrong sign: Hamilton's second equation carries a minus.",
        ),
        (-right, "Both signs are reversed: the minus belongs to ∂H/∂q."),
        (-dH, "This is -∇H, the way downhill; Hamilton's motion goes along the slope."),
        (
            right / len(x),
            "Every value is divided by the number of states: the mean over the batch was "
            "differentiated. Take the sum, and each state keeps its own gradient.",
        ),
    ]
    match(field(_curved, x, like=x), right, mistakes, "This is not the symplectic gradient.", at=x)

    for shape in ((2,), (4, 3, 2)):
        x = states(12)[0] if shape == (2,) else states(12).reshape(shape)
        match(
            field(_curved, x, like=x),
            hamiltonian_field(_curved)(x),
            otherwise=f"Right for states of shape (6, 2), and wrong for shape {shape}.",
        )

    x = states(5, degrees=2)
    got, dH = field(_coupled, x), gradient_of(_coupled)(x)
    expect(
        getattr(got, "shape", None) != (5, 2),
        "Right for one degree of freedom. For two, the state is [q1, q2, p1, p2], and the result "
        "has only 2 of 4 components: split the gradient into halves, `dH.chunk(2, dim=-1)`, "
        "instead of indexing 0 and 1.",
    )
    conform(got, x, "With two degrees of freedom `symplectic_gradient`")
    pairs = stack(dH[..., 1], -dH[..., 0], dH[..., 3], -dH[..., 2])
    match(
        got,
        hamiltonian_field(_coupled)(x),
        [(pairs, "With two degrees of freedom the state is [q1, q2, p1, p2], not [q1, p1, ...].")],
        "Right for one degree of freedom, and wrong for two.",
        at=x,
    )

    x = states(4, degrees=3)
    match(
        field(_triple, x, like=x),
        hamiltonian_field(_triple)(x),
        otherwise="Right for one and two degrees of freedom, and wrong for three.",
        at=x,
    )

    x = states(4).requires_grad_()
    field(_curved, x, like=x)
    expect(
        x.grad is None,
        "`.backward()` leaves its result in `x.grad`, and adds to it at every call: "
        "`torch.autograd.grad(H(x).sum(), x)` returns it and leaves no trace.",
    )

    x = states(6)
    theta = torch.tensor(1.3, dtype=x.dtype, requires_grad=True)
    got = field(lambda y: theta * y[..., 0] ** 2 / 2 + y[..., 1] ** 2 / 2, x)
    slope = gradient(got.square().sum(), theta, "the symplectic gradient", name="H's parameters")
    match(
        slope,
        (2 * theta * x[..., 0] ** 2).sum(),
        otherwise="The field is right, but its gradient with respect to H's parameters is not.",
    )
    return (
        "Right: for any H, any batch, any number of degrees of freedom, and training can go "
        "through it. The same function serves a formula and a network."
    )


# --- 3 -------------------------------------------------------------------------------------------


def _drifting(x: Tensor) -> Tensor:
    """A field that conserves none of the energies used here, any degrees of freedom."""
    q, p = x.chunk(2, dim=-1)
    return torch.cat([p + 0.3 * q**2, -torch.sin(q) - 0.2 * p], dim=-1)


def _without_drift(f: Tensor, dH: Tensor) -> Tensor:
    """A field less its part along ∇H: f - (∇H·f / |∇H|²) ∇H."""
    return f - (dH * f).sum(-1, keepdim=True) / dH.square().sum(-1, keepdim=True) * dH


@exercise(3, "derive", "The smallest repair of a drifting field")
def repair(answer: Any) -> str:
    """Check ``repair(field, H, x)``: the nearest field that conserves H."""
    repaired = function(answer, "repair(field, H, x)")
    x = states(6)
    f, dH = _drifting(x), gradient_of(_curved)(x)
    rate, steepness = (dH * f).sum(-1, keepdim=True), dH.square().sum(-1, keepdim=True)
    motion = hamiltonian_field(_curved)(x)
    right = _without_drift(f, dH)
    mistakes = [
        (f, "The field comes back unchanged, and the energy still drifts: ∇H · f is not zero."),
        (
            f + rate / steepness * dH,
            "The harmful part is added once more; subtract it.",
        ),
        (
            rate / steepness * dH,
            "This is the harmful part itself, across the contours: return what is left of the "
            "field without it.",
        ),
        (
            f - rate * dH,
            "∇H is not a unit vector: divide by its squared length |∇H|².",
        ),
        (
            f - rate / steepness.sqrt() * dH,
            "Divide by the *squared* length of ∇H: one length makes it a unit vector in the scalar "
            "product, the other where it is subtracted.",
        ),
        (
            motion,
            "This is H's own motion. It conserves H, but so do other fields, and one of them is "
            "nearer to the given one.",
        ),
        (0 * f, "A field of zeros conserves everything, and is far away from the given one."),
        (
            f - rate.mean() / steepness.mean() * dH,
            "Each state has its own ∇H · f and |∇H|²: sum over the last axis, not over the batch.",
        ),
        (
            f - (dH * f).sum() / dH.square().sum() * dH,
            "Each state has its own ∇H · f and |∇H|²: sum over the last axis, not over the batch.",
        ),
    ]
    got = repaired(_drifting, _curved, x, like=x)
    left_over = (dH * got).sum(-1).abs().max().item()
    advice = (
        "It conserves H, but a smaller change of the field would do."
        if left_over < 1e-9
        else f"The energy still changes, at up to {left_over:.2g} J/s."
    )
    match(got, right, mistakes, advice, at=x)
    for shape in ((2,), (4, 3, 2)):
        x = states(12)[0] if shape == (2,) else states(12).reshape(shape)
        match(
            repaired(_drifting, _curved, x, like=x),
            _without_drift(_drifting(x), gradient_of(_curved)(x)),
            otherwise=f"Right for states of shape (6, 2), and wrong for shape {shape}.",
        )

    x = states(5, degrees=2)
    f, motion = _drifting(x), hamiltonian_field(_coupled)(x)
    along = f - _without_drift(f, motion)
    match(
        repaired(_drifting, _coupled, x, like=x),
        _without_drift(f, gradient_of(_coupled)(x)),
        [
            (
                along,
                "The field was projected on H's own motion. With one degree of freedom that is the "
                "same, for a contour has one direction only; with two, more directions conserve H: "
                "remove the part along ∇H instead.",
            )
        ],
        "Right for one degree of freedom, and wrong for two.",
        at=x,
    )
    x = states(6)
    own = MassSpring(2.0, 3.0)
    match(
        repaired(own.field, own.hamiltonian, x, like=x),
        own.field(x),
        otherwise="A field that conserves H already should come back as it is.",
    )
    return (
        "Right: the energy is conserved to rounding, no smaller change would do that, and a field "
        "that needs no repair gets none."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "The divergence of a field")
def divergence(answer: Any) -> str:
    """Check ``divergence(field, x)``: the trace of the field's Jacobian."""
    div = function(answer, "divergence(field, x)")
    rtol, atol = 1e-4, 1e-6
    x = states(6)

    def swirl(x: Tensor) -> Tensor:
        q, p = x[..., 0], x[..., 1]
        return stack(q**2 + 2 * p, p * torch.sin(q) + 0.3 * p**2 - q)

    q, p = x[..., 0], x[..., 1]
    a, d = 2 * q, torch.sin(q) + 0.6 * p  # the Jacobian's diagonal
    b, c = torch.full_like(q, 2), p * torch.cos(q) - 1  # and what is beside it
    got = div(swirl, x)
    expect(
        getattr(got, "shape", None) != (6, 2),
        "One number for each state is wanted, and there are two. If these are the two diagonal "
        "terms, add them; if they come from the gradient of `field(x).sum()`, they hold the "
        "off-diagonal terms too: differentiate one component at a time.",
    )
    conform(got, x, "`divergence`", (6,))
    mistakes = [
        (
            a + b + c + d,
            "All four derivatives were added. The divergence takes only the diagonal, ∂q̇/∂q + "
            "∂ṗ/∂p: differentiate one component at a time, and keep its own entry.",
        ),
        (c - b, "This is the curl, ∂ṗ/∂q - ∂q̇/∂p: how fast the field turns, not how it swells."),
        (
            b - c,
            "This is (minus) the curl: it takes ∂q̇/∂p and ∂ṗ/∂q, the entries off the diagonal.",
        ),
        (b + c, "These are the entries off the diagonal: take ∂q̇/∂q and ∂ṗ/∂p."),
        (a - d, "The two terms are added, not subtracted."),
        (a, "Only ∂q̇/∂q is there; ∂ṗ/∂p is missing."),
        (d, "Only ∂ṗ/∂p is there; ∂q̇/∂q is missing."),
        (a * d - b * c, "This is the determinant of the Jacobian; the divergence is its trace."),
        ((a + d) / 2, "Half of the right value: sum over the components, do not average."),
        (-(a + d), "The sign is wrong: a field that points outwards has positive divergence."),
        ((a + d).abs(), "The absolute value hides the sign: a contracting field is negative."),
    ]
    match(
        got, a + d, mistakes, "This is not the trace of the Jacobian.", at=x, rtol=rtol, atol=atol
    )

    damped = DampedMassSpring(2.0, 3.0, 0.4)
    for shape in ((2,), (4, 3, 2)):
        x = states(12)[0] if shape == (2,) else states(12).reshape(shape)
        got = div(damped.field, x, like=x, shape=shape[:-1])
        right = torch.full(shape[:-1], -damped.damping / damped.mass, dtype=x.dtype)
        match(got, right, otherwise=f"Wrong for a damped spring, states of shape {shape}.",
              rtol=rtol, atol=atol)  # fmt: skip

    x = states(5, degrees=2)
    matrix = torch.arange(16, dtype=x.dtype).reshape(4, 4)
    got = div(lambda y: y @ matrix.T, x, like=x, shape=(5,))
    expect(
        close(got, torch.full((5,), 30.0), 1e-4),
        "Right for one degree of freedom, and wrong for two: loop over all components, "
        "`range(x.shape[-1])`.",
    )

    for degrees in (1, 2):
        model = HNN(degrees=degrees, hidden=(8, 8), seed=degrees)
        got = div(model.field, states(5, degrees=degrees))
        expect(
            got.abs().max() < 1e-6,
            "An HNN's field has no divergence, whatever its weights, and yours finds "
            f"{got.abs().max():.2g}.",
        )
    return (
        "Right: -c/m for the damped spring, and zero for an HNN whose weights are random. No "
        "training is needed for that: ∂²H/∂q∂p and -∂²H/∂p∂q cancel."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "code", "The loss of an HNN")
def hnn_loss(answer: Any) -> str:
    """Check ``hnn_loss(H, x, dx)``: the mean over states of both squared residuals."""
    loss = function(answer, "hnn_loss(H, x, dx)")
    x = states(6)
    dx = states(6, seed=1)
    dH = gradient_of(_curved)(x)
    r_q, r_p = dH[..., 1] - dx[..., 0], dH[..., 0] + dx[..., 1]
    right = (r_q**2 + r_p**2).mean()
    mistakes = [
        (
            ((r_q + r_p) ** 2).mean(),
            "The residuals were added before they were squared, so one can cancel the other. "
            "Square each, then add. (Exercise 6 shows what goes wrong otherwise.)",
        ),
        (((r_q - r_p) ** 2).mean(), "The residuals were subtracted before they were squared."),
        (
            (r_q**2 + (dH[..., 0] - dx[..., 1]) ** 2).mean(),
            "The second residual has the wrong sign: ṗ = -∂H/∂q, so it is ∂H/∂q + ṗ.",
        ),
        (
            ((dH[..., 1] + dx[..., 0]) ** 2 + r_p**2).mean(),
            "The first residual has the wrong sign: q̇ = ∂H/∂p, so it is ∂H/∂p - q̇.",
        ),
        (
            ((dH - dx) ** 2).sum(-1).mean(),
            "The gradient itself is fitted to [q̇, ṗ]: turn it first, [∂H/∂p, -∂H/∂q].",
        ),
        (
            right / 2,
            "Half of the right value: the mean over states *and* components was taken (as "
            "`mse_loss` does). It has the same minimum, but asked for is the sum over the two "
            "components, then the mean over states.",
        ),
        (right * 6, "The sum over the states was taken in place of the mean."),
        (
            right * 3,
            "Three times the right value. Two mistakes give this: the mean over the 2 components "
            "and the sum over the 6 states, where it should be the other way round; or a division "
            "by 2 in place of 6.",
        ),
        (right.sqrt(), "The root of the right value: leave the squared norm as it is."),
        (
            (r_q**2 + r_p**2).sqrt().mean(),
            "The mean of the norms: square them. (The root has a kink at zero, which slows the "
            "last part of training.)",
        ),
        ((r_q.abs() + r_p.abs()).mean(), "Absolute values are taken in place of squares."),
        ((r_q**2).mean(), "Only the residual of q̇ is there."),
        ((r_p**2).mean(), "Only the residual of ṗ is there."),
        ((r_q + r_p).mean(), "The residuals are not squared."),
    ]
    got = loss(_curved, x, dx, like=x, shape=())
    match(got, right, mistakes, "This is not the mean of the squared residuals.")

    spring = MassSpring(2.0, 3.0)
    zero = loss(spring.hamiltonian, x, spring.field(x), like=x, shape=())
    expect(zero.abs() < 1e-12, f"For the true H the loss must vanish; yours is {zero:.2g}.")

    x, dx = states(5, degrees=2), states(5, seed=1, degrees=2)
    right = (hamiltonian_field(_coupled)(x) - dx).square().sum(-1).mean()
    match(
        loss(_coupled, x, dx, like=x, shape=()),
        right,
        otherwise="Right for one degree of freedom, and wrong for two.",
    )

    x = states(6)
    theta = torch.tensor(1.3, dtype=x.dtype, requires_grad=True)
    got = loss(lambda y: theta * y[..., 0] ** 2 / 2 + y[..., 1] ** 2 / 2, x, MassSpring().field(x))
    slope = gradient(got, theta, "the loss", name="H's parameters")
    match(
        slope,
        (2 * (theta - 1) * x[..., 0] ** 2).mean(),
        otherwise="The loss is right, but its gradient with respect to H's parameters is not.",
    )
    x, dx = states(4, degrees=3), states(4, seed=2, degrees=3)
    match(
        loss(_triple, x, dx, like=x, shape=()),
        (hamiltonian_field(_triple)(x) - dx).square().sum(-1).mean(),
        otherwise="Right for one and two degrees of freedom, and wrong for three.",
    )
    return "Right: zero for the true H, two separate norms, and its gradient trains H."


# --- 6 -------------------------------------------------------------------------------------------


def _runs_away(field: Callable[[Tensor], Tensor], seconds: float = 20.0) -> float:
    """Share of eight starts on the unit circle whose distance keeps growing."""
    angle = torch.arange(8, dtype=torch.float64) * torch.pi / 4 + 0.3
    start = stack(torch.cos(angle), torch.sin(angle))
    times = torch.linspace(0, 2 * seconds, 401, dtype=torch.float64)
    distance = integrate(field, start, times).norm(dim=-1).nan_to_num(torch.inf)
    early, late = distance[:201].amax(0), distance[201:].amax(0)
    return ((late > 1.4 * early) | late.isinf()).double().mean().item()


@exercise(6, "derive", "An impostor that flies apart")
def impostor(answer: Any) -> str:
    """Check ``impostor(x)``: residuals that cancel everywhere, and a motion that runs away."""
    H = function(answer, "impostor(x)")

    def slope(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        return gradient(H(x), x, "`impostor`", name="its input").detach()

    x = states(15)
    rows = H(x, like=x, shape=(15,))
    batch = H(x.reshape(5, 3, 2), like=x, shape=(5, 3))
    expect(
        close(batch.reshape(15), rows),
        "States of shape (5, 3, 2) get other values than the same states as (15, 2): index the "
        "last axis, `x[..., 0]`, not `x[:, 0]`.",
    )
    dH = slope(x)
    r_q, r_p = dH[..., 1] - x[..., 1], dH[..., 0] - x[..., 0]  # the true gradient is x itself
    total = (r_q + r_p).abs()
    loss = (r_q**2 + r_p**2).mean().item()
    expect(
        loss > 1e-8,
        "This is the true H, but for a constant: its field is right. Wanted is a wrong one that "
        "the norm of the sum cannot tell from it.",
    )
    if not total.max() < 1e-8:
        expect(
            not close(dH[..., 0], -dH[..., 1]),
            "Your H depends on q - p alone. It is the *difference* from the true H that has to: "
            "add the true H.",
        )
        expect(
            not close(r_q, r_p),
            "The difference from the true H depends on q + p, and both residuals are equal: they "
            "double instead of cancelling. What function has ∂g/∂q = -∂g/∂p?",
        )
        at = total.argmax()
        raise Wrong(
            f"The residuals do not cancel: at x = [{x[at, 0]:.3g}, {x[at, 1]:.3g}] their sum is "
            f"{r_q[at] + r_p[at]:.3g}. With g for the difference from the true H it is ∂g/∂p + "
            "∂g/∂q: that must vanish everywhere."
        )
    share = _runs_away(lambda y: stack(slope(y)[..., 1], -slope(y)[..., 0]))
    expect(
        share > 0,
        f"The residuals cancel and the field is wrong (two norms give {loss:.2g}), but its motion "
        "still oscillates: between 20 and 40 s no start is much farther away than it was before. "
        "The curves H = const must be open. What sign does g need?",
    )
    expect(
        share > 0.5,
        f"Only {share:.0%} of the starts run away: choose an H whose curves are all open, such as "
        "a quadratic form that takes both signs.",
    )
    return (
        f"Right: the norm of the sum is {total.max() ** 2:.0e} at every state, the two norms give "
        f"{loss:.2g}, and {share:.0%} of the starts run away from what should be a spring."
    )


# --- 7 -------------------------------------------------------------------------------------------


@exercise(7, "experiment", "What a noisy ruler does to the learned frequency")
def noisy_positions(answer: Any) -> str:
    """Check ``ratios``: for each σ, learned over true angular frequency for several seeds."""
    values = numbers(answer, SIGMAS, "ratios", "ratio for each seed")
    middle = {sigma: median(row) for sigma, row in values.items()}
    shown = ", ".join(f"{m:.3f} at σ = {s:g}" for s, m in middle.items())
    clean = middle[0.0]
    expect(
        abs(clean + 1) > 0.05,
        "Without noise the ratio is -1: the sense of rotation. The state of a spring runs "
        "clockwise in the (q, p) plane.",
    )
    expect(
        abs(clean * 2 * math.pi - 1) > 0.02,
        f"Without noise the ratio is {clean:.3f}, which is 1/(2π): turns per second. The true one "
        "is 1 rad/s.",
    )
    expect(
        abs(clean - 1) < 0.02,
        "Without noise the learned frequency should be the true one, and the median ratio is "
        f"{clean:.3f}. Has the training converged, and is the frequency measured over several "
        "turns?",
    )
    expect(
        any(abs(m - 1) > 0.03 for m in middle.values()),
        f"The noise does nothing ({shown}). Two causes are likely: the noise was put on the "
        "derivatives, where it averages out; or the derivatives were computed from the noisy "
        "states, so that both fit again. Take the derivatives from the clean states, and give "
        "the network the noisy ones.",
    )
    expect(
        all(max(row) - min(row) > 1e-6 for sigma, row in values.items() if sigma > 0),
        "Different seeds gave exactly the same ratio: use `seed` for the states and the noise.",
    )
    expect(
        middle[1.0] < 1,
        f"The ratio grows with σ ({shown}). Noise in the states makes the field *weaker*: was "
        "the true frequency divided by the learned one?",
    )

    def near(law: Callable[[float], float]) -> bool:
        return all(abs(m - law(sigma)) < 0.06 for sigma, m in middle.items())

    slips: list[tuple[Callable[[float], float], str]] = [
        (
            lambda sigma: 1 / (1 + sigma**2),
            "follow 1/(1 + σ²): that is what noise on q *and* p does, as in the chapter. Here "
            "only q is noisy: leave the second column as it is.",
        ),
        (
            lambda sigma: 1 / math.sqrt(1 + sigma**4),
            "are what noise of standard deviation σ² gives: pass σ itself to `add_noise`.",
        ),
        (
            lambda sigma: 1 / math.sqrt(1 + sigma),
            "are what noise of variance σ gives: its standard deviation is to be σ.",
        ),
    ]
    right_already = near(lambda sigma: 1 / math.sqrt(1 + sigma**2))
    for law, message in slips:
        expect(right_already or not near(law), f"The median ratios ({shown}) {message}")
    medians = list(middle.values())
    expect(
        all(a > b for a, b in pairwise(medians)),
        f"The median should fall as σ grows; it is {shown}.",
    )
    for sigma, got in middle.items():
        want = 1 / (1 + sigma**2) ** 0.5
        expect(
            abs(got - want) < 0.06,
            f"At σ = {sigma:g} the median ratio is {got:.3f}; theory gives {want:.3f}. Is σ the "
            "standard deviation (not the variance) of the noise, and are the states drawn by "
            "`torch.randn`, with standard deviation 1?",
        )
    return (
        f"Right: the median ratio is {shown}, near 1/√(1 + σ²). Why the root, where the chapter "
        "has none?"
    )


# --- 8 -------------------------------------------------------------------------------------------


@exercise(8, "think", "Which changes of H can be seen in the motion?")
def changes_of_H(answer: Any) -> str:
    """Check ``effects``: for each change of H one of the answers in `EFFECTS`."""
    advice = {
        "H + 5": "What is the gradient of a constant?",
        "2 * H": "What do both velocities become, and does that change the curves?",
        "-H": "What do both velocities become?",
        "H**2": "The chain rule gives dH²/dH = 2H: what is H along one orbit, and on another?",
        "H with p -> -p": "Write the new H out.",
        "H + q": "Where do both velocities vanish now?",
        "H + q * p": "Complete the square: what are the curves H = const?",
    }
    right = {change: effect for change, (effect, _, _) in CHANGES.items()}
    choices(answer, right, EFFECTS, advice, "effects")
    reasons = [f"`{change}`: {why}." for change, (_, _, why) in CHANGES.items()]
    return "\n".join(["All right:", *reasons])


# --- 9 -------------------------------------------------------------------------------------------

SPRING = MassSpring(mass=0.5, stiffness=2.0)
"""The chapter's spring, H = q² + p²."""

START = torch.tensor([0.9, 0.0], dtype=torch.float64)
"""Where the motions of exercise 9 start."""

TIMES = torch.linspace(0, 20, 201, dtype=torch.float64)
"""The times of exercise 9, in s."""

MOST_MOTIONS = 40
"""How many motions exercise 9 may record."""

TRENDS = {
    "grows": "at the end more than twice what it was at the beginning",
    "shrinks": "at the end less than half of what it was at the beginning",
    "stays": "in between",
}
"""The answers of exercise 9: what the HNN's advantage does as motions are added."""

STUDY = ("sigma", "motions", "seeds", "prediction", "baseline", "hnn", "conclusion")
"""The keys of exercise 9."""


@lru_cache(maxsize=256)
def train(kind: str, motions: int, sigma: float, seed: int) -> MLP | HNN:
    """Train a small network on a recording of the chapter's spring, for exercise 9.

    Args:
        kind: ``"baseline"`` or ``"hnn"``.
        motions: how many are recorded, for three seconds each.
        sigma: standard deviation of the noise on the rates of change.
        seed: of the starts, the noise and the first weights.
    """
    times = torch.linspace(0, 3, 30, dtype=torch.float64)
    clean = simulate(SPRING, SPRING.sample(motions, seed=seed), times).dataset(SPRING.field)
    rates = add_noise(clean.derivatives, sigma, seed=seed + 1)
    build = MLP if kind == "baseline" else HNN
    model = build(1, hidden=(8, 8), seed=seed)
    fit(model, Dataset(clean.states, rates), LevenbergMarquardt(steps=15), progress=False)
    return model


@lru_cache(maxsize=256)
def _drift(kind: str, motions: int, sigma: float, seed: int) -> float:
    with torch.no_grad():
        path = integrate(train(kind, motions, sigma, seed).field, START, TIMES)
    return energy_drift(path, SPRING.hamiltonian).item()


def _word(value: Any, key: str) -> str:
    word = value.strip().casefold() if isinstance(value, str) else ""
    expect(
        word in TRENDS,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, TRENDS))}.',
    )
    return word


def _whole(value: Any, key: str) -> list[int]:
    found = as_tensor(value)
    expect(
        found is None or torch.isfinite(found.to(torch.float64)).all(),
        f'An entry of `study["{key}"]` is not a finite number.',
    )
    if found is None or found.ndim != 1 or not (found == found.round()).all():
        raise Wrong(f'`study["{key}"]` should be a list of whole numbers, such as [1, 2].')
    listed = [int(v) for v in found.tolist()]
    expect(
        0 < len(listed) <= 20 and len(set(listed)) == len(listed) and min(listed) >= 0,
        f'`study["{key}"]` should hold different numbers, none of them negative, at most 20.',
    )
    return listed


@exercise(9, "experiment", "An open question: when does the structure stop mattering?")
def advantage(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction, conclusion = (_word(study[key], key) for key in ("prediction", "conclusion"))
    found = as_tensor(study["sigma"])
    if found is None or found.numel() != 1:
        raise Wrong('`study["sigma"]` should be one number from 0 to 1: the noise on the rates.')
    expect(math.isfinite(float(found)), '`study["sigma"]` is not a finite number.')
    expect(0 <= float(found) <= 1, f'`study["sigma"]` is {float(found):g}: choose it from 0 to 1.')
    sigma = float(found)
    motions, seeds = _whole(study["motions"], "motions"), _whole(study["seeds"], "seeds")
    expect(
        motions == sorted(motions) and motions[0] > 0 and motions[-1] <= MOST_MOTIONS,
        f'`study["motions"]` is {motions}: numbers of motions from 1 to {MOST_MOTIONS} are '
        "wanted, the fewest first.",
    )
    expect(len(motions) >= 2, 'One number of motions shows no trend: `study["motions"]` needs two.')
    shape = (len(motions), len(seeds))
    drifts: dict[str, Tensor] = {}
    for kind in ("baseline", "hnn"):
        rows = as_tensor(study[kind])
        if rows is None or tuple(rows.shape) != shape:
            raise Wrong(
                f'`study["{kind}"]` should hold numbers of shape {shape}: a row for each number '
                "of motions, in it the drift with each seed."
            )
        drifts[kind] = rows.to(torch.float64)
        expect(
            torch.isfinite(drifts[kind]).all(),
            f'An entry of `study["{kind}"]` is not a finite number.',
        )
    for kind, row, column in product(drifts, range(len(motions)), range(len(seeds))):
        case = (motions[row], sigma, seeds[column])
        given, want = float(drifts[kind][row, column]), _drift(kind, *case)
        if abs(given / want - 1) < 0.02:
            continue
        where = f'`study["{kind}"]`: {motions[row]} motions, seed {seeds[column]}: '
        other = "hnn" if kind == "baseline" else "baseline"
        for wrong, message in (
            (_drift(other, *case), "this is the drift of the other model."),
            (100 * want, "this is per cent; give the share itself."),
            (want * 0.81, "this is in joules: divide by the energy at the start."),
            (want / 0.9, "divide by the energy at the start, not by its root."),
            (-want, "a largest departure is positive."),
            (
                _drift(kind, motions[row], 0.1 if sigma == 0 else 0.0, seeds[column]),
                "this is what another noise gives than the one you state.",
            ),
        ):
            expect(abs(given / wrong - 1) >= 0.02, where + message)
        raise Wrong(
            f"{where}you have {given:.4g}, and the network that `check.train` gives drifts by "
            f"{want:.4g}: the largest |H(x(t)) - H(x(0))|/H(x(0)) from `check.START` along "
            "`check.TIMES`, with the true H."
        )
    factors = [
        median(drifts["baseline"][k].tolist()) / median(drifts["hnn"][k].tolist())
        for k in range(len(motions))
    ]
    change = factors[-1] / factors[0]
    trend = "grows" if change > 2 else "shrinks" if change < 0.5 else "stays"
    rubric = [
        (len(seeds) >= 5, "at least five seeds: one network proves little"),
        (len(motions) >= 3, "a curve: three numbers of motions or more"),
        (motions[-1] >= 5 * motions[0], "a range that is wide enough: a factor of five"),
        (
            conclusion == trend,
            "a conclusion that your own numbers support: in the median the baseline drifts "
            f"{factors[0]:.3g} times as far as the HNN with the fewest motions, and "
            f"{factors[-1]:.3g} times with the most",
        ),
    ]
    score(rubric)
    came = "came true" if prediction == conclusion else "did not come true: that is worth knowing"
    shown = ", ".join(f"{f:.3g} ({n})" for f, n in zip(factors, motions, strict=True))
    return (
        f"All {len(rubric)} points of the rubric, and the numbers are those of the networks. Your "
        f"prediction {came}. The baseline's drift in units of the HNN's, with the number of "
        f"motions: {shown}."
    )
