"""The checks of the mass-spring's HNN: right answers pass, wrong ones get their message."""

from math import sqrt
from statistics import median

import pytest
import torch
from check_tools import Case, ChapterChecks, autograd, pack

from hnn_tutorial.check import hnn_mass_spring as spring
from hnn_tutorial.mechanics import gradient, hamiltonian_field, jacobian
from hnn_tutorial.systems import MassSpring


def qp(x):
    return x[..., 0], x[..., 1]


def energy(q, p):
    return (q**2 + p**2) / 2


# 1


def field_matrix(x, m, k):
    A = torch.tensor([[0, 1 / m], [-k, 0]], dtype=x.dtype)
    return x @ A.T


def field_in_place(x, m, k):
    x[..., 0], x[..., 1] = x[..., 1].clone() / m, -k * x[..., 0].clone()
    return x


def field_transposed(x, m, k):
    return torch.stack([x[..., 1] / m, -k * x[..., 0]])


FIELD = Case(
    spring.spring_field,
    lambda x, m, k: pack(x[..., 1] / m, -k * x[..., 0]),
    {
        "matrix": field_matrix,
        "cat": lambda x, m, k: torch.cat([x[..., 1:] / m, -k * x[..., :1]], dim=-1),
        "flip": lambda x, m, k: x.flip(-1) * torch.tensor([1 / m, -k], dtype=x.dtype),
        "via H": lambda x, m, k: hamiltonian_field(MassSpring(m, k).hamiltonian)(x),
    },
    {
        "sign of dp/dt": (
            lambda x, m, k: pack(x[..., 1] / m, k * x[..., 0]),
            "dp/dt has the wrong sign: Hamilton's second equation carries a minus",
        ),
        "sign of dq/dt": (
            lambda x, m, k: pack(-x[..., 1] / m, -k * x[..., 0]),
            "dq/dt has the wrong sign",
        ),
        "both signs": (
            lambda x, m, k: pack(-x[..., 1] / m, k * x[..., 0]),
            "backwards in time",
        ),
        "gradient": (lambda x, m, k: pack(k * x[..., 0], x[..., 1] / m), "points uphill"),
        "order": (lambda x, m, k: pack(-k * x[..., 0], x[..., 1] / m), "in the wrong order"),
        "q and p swapped": (
            lambda x, m, k: pack(x[..., 0] / m, -k * x[..., 1]),
            "q and p are exchanged",
        ),
        "p is not a velocity": (lambda x, m, k: pack(x[..., 1], -k * x[..., 0]), "lacks the mass"),
        "times the mass": (lambda x, m, k: pack(m * x[..., 1], -k * x[..., 0]), "divide by"),
        "no stiffness": (lambda x, m, k: pack(x[..., 1] / m, -x[..., 0]), "lacks the stiffness"),
        "no parameters": (lambda x, m, k: pack(x[..., 1], -x[..., 0]), "m = k = 1 only"),
        "half": (lambda x, m, k: field_matrix(x, m, k) / 2, "Half of the right field"),
        "acceleration": (
            lambda x, m, k: pack(x[..., 1] / m, -k * x[..., 0] / m),
            "-kq/m is the acceleration",
        ),
        "parameters swapped": (
            lambda x, m, k: pack(x[..., 1] / k, -m * x[..., 0]),
            "Mass and stiffness are exchanged",
        ),
        "something else": (lambda x, m, k: x**3, "This is not the mass-spring's field. At x = ["),
        "None": (lambda x, m, k: None, "`spring_field` returns None: is a `return` missing?"),
        "list": (lambda x, m, k: [x[..., 1] / m, -k * x[..., 0]], "`torch.stack([...], dim=-1)`"),
        "transposed": (
            field_transposed,
            "gives shape (2, 6); for this input it should be (6, 2). The components came first",
        ),
        "cat of (6,) and (6,)": (
            lambda x, m, k: torch.cat([x[..., 1] / m, -k * x[..., 0]]),
            "`torch.cat` joins axes that exist",
        ),
        "first states only": (
            lambda x, m, k: pack(x[0] / m, -k * x[1]),
            "The batch axes do not come through",
        ),
        "one batch axis only": (
            lambda x, m, k: torch.stack([x[:, 1] / m, -k * x[:, 0]], dim=1),
            "IndexError`: too many indices",
        ),
        "unpacked": (
            lambda x, m, k: (lambda q, p: pack(p / m, -k * q))(*x),
            "was called with a tensor of shape (6, 2), `2.0`, `3.0`",
        ),
        "torch.tensor": (
            lambda x, m, k: torch.tensor([x[..., 1] / m, -k * x[..., 0]]),
            "take plain numbers, and cut the graph",
        ),
        "NaN": (lambda x, m, k: field_matrix(x, m, k) / 0 * 0, "gives NaN or infinity in 12 of 12"),
        "in place": (field_in_place, "changes its input in place"),
        "two arguments": (lambda x, m: x, "Your function could not be called. `TypeError`"),
        "called already": (torch.zeros(2), "the function was called already. Pass `spring_field`"),
        "misspelt": (lambda x, m, k: x.momentum / m, "Your code raised"),
        "a string": ("field", "wants a function `spring_field(x, mass, stiffness)`, and got `'fi"),
    },
)


# 2


def sg_functorch(H, x):
    dH = torch.func.grad(lambda y: H(y).sum())(x)
    n = x.shape[-1] // 2
    return torch.cat([dH[..., n:], -dH[..., :n]], dim=-1)


def sg_matrix(H, x):
    n = x.shape[-1] // 2
    J = torch.zeros(2 * n, 2 * n, dtype=x.dtype)
    J[:n, n:], J[n:, :n] = torch.eye(n), -torch.eye(n)
    return autograd(H, x) @ J.T


def sg(H, x):
    dH_dq, dH_dp = autograd(H, x).chunk(2, dim=-1)
    return torch.cat([dH_dp, -dH_dq], dim=-1)


def sg_backward(H, x):
    x.requires_grad_()
    H(x).sum().backward(create_graph=True)
    dq, dp = x.grad.chunk(2, dim=-1)
    return torch.cat([dp, -dq], dim=-1)


def sg_mean(H, x):
    x = x.detach().requires_grad_()
    dq, dp = torch.autograd.grad(H(x).mean(), x, create_graph=True)[0].chunk(2, -1)
    return torch.cat([dp, -dq], dim=-1)


def sg_interleaved(H, x):
    dH = autograd(H, x)
    return torch.stack([dH[..., 1::2], -dH[..., 0::2]], dim=-1).flatten(-2)


def sg_unmarked(H, x):
    return torch.autograd.grad(H(x).sum(), x)[0]


def sg_no_sum(H, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(H(x), x)[0]


def sg_no_graph(H, x):
    return sg(H, x).detach()


def sg_create_graph_forgotten(H, x):
    dq, dp = autograd(H, x, create_graph=False).chunk(2, -1)
    return torch.cat([dp, -dq], dim=-1)


GRADIENT = Case(
    spring.symplectic_gradient,
    sg,
    {
        "torch.func": sg_functorch,
        "matrix": sg_matrix,
        "package": lambda H, x: hamiltonian_field(H)(x),
    },
    {
        "gradient": (autograd, "This is the gradient [∂H/∂q, ∂H/∂p]"),
        "sign of dp/dt": (lambda H, x: autograd(H, x).flip(-1), "dp/dt has the wrong sign"),
        "both signs": (lambda H, x: -sg(H, x), "Both signs are reversed"),
        "downhill": (lambda H, x: -autograd(H, x), "the way downhill"),
        "mean": (sg_mean, "divided by the number of states"),
        "one degree only": (
            lambda H, x: pack(autograd(H, x)[..., 1], -autograd(H, x)[..., 0]),
            "has only 2 of 4 components",
        ),
        "interleaved": (sg_interleaved, "[q1, q2, p1, p2], not [q1, p1, ...]"),
        "backward": (sg_backward, "leaves its result in `x.grad`"),
        "input not marked": (sg_unmarked, "requires_grad_()`"),
        "no sum": (sg_no_sum, "sum over the batch first, as in `H(x).sum()`"),
        "detached": (sg_no_graph, "No gradient flows from the symplectic gradient"),
        "no create_graph": (sg_create_graph_forgotten, "without `create_graph=True`"),
        "NumPy": (lambda H, x: sg(H, x).detach().numpy(), "No gradient flows"),
        "None": (lambda H, x: None, "returns None"),
        "misspelt": (lambda H, x: torch.autograd.gradient(H(x), x), "Your code raised"),
    },
    gradients=True,
)


# 3


def dot(a, b):
    return (a * b).sum(-1, keepdim=True)


def repair(f, H, x):
    dH = autograd(H, x)
    return f(x) - dot(dH, f(x)) / dot(dH, dH) * dH


def repair_by_normal(f, H, x):
    normal = torch.nn.functional.normalize(gradient(H)(x), dim=-1)
    return f(x) - torch.einsum("...i,...j,...j->...i", normal, normal, f(x))


def repair_by_projector(f, H, x):
    dH = gradient(H)(x).unsqueeze(-1)
    P = torch.eye(x.shape[-1], dtype=x.dtype) - dH @ dH.mT / (dH.mT @ dH)
    return (P @ f(x).unsqueeze(-1)).squeeze(-1)


def repair_by_lagrange(f, H, x):
    """Solve the linear system of the Lagrange multiplier: [I, ∇H; ∇Hᵀ, 0] [g, λ] = [f, 0]."""
    d = x.shape[-1]
    dH = gradient(H)(x)
    K = torch.zeros(*x.shape[:-1], d + 1, d + 1, dtype=x.dtype)
    K[..., :d, :d] = torch.eye(d, dtype=x.dtype)
    K[..., :d, d], K[..., d, :d] = dH, dH
    right = torch.cat([f(x), torch.zeros_like(x[..., :1])], dim=-1)
    return torch.linalg.solve(K, right)[..., :d]


def harmful(f, H, x):
    return f(x) - repair(f, H, x)


def along(f, H, x):
    return dot(sg(H, x), f(x)) / dot(sg(H, x), sg(H, x)) * sg(H, x)


REPAIR = Case(
    spring.repair,
    repair,
    {
        "unit normal": repair_by_normal,
        "projector": repair_by_projector,
        "Lagrange multiplier": repair_by_lagrange,
    },
    {
        "unchanged": (lambda f, H, x: f(x), "The field comes back unchanged"),
        "added": (lambda f, H, x: f(x) + harmful(f, H, x), "added once more"),
        "harmful part": (harmful, "This is the harmful part itself"),
        "no length": (
            lambda f, H, x: f(x) - dot(autograd(H, x), f(x)) * autograd(H, x),
            "∇H is not a unit vector",
        ),
        "one length": (
            lambda f, H, x: f(x) - harmful(f, H, x) * autograd(H, x).norm(dim=-1, keepdim=True),
            "Divide by the *squared* length",
        ),
        "own motion": (lambda f, H, x: sg(H, x), "This is H's own motion"),
        "wrong part": (lambda f, H, x: f(x) - along(f, H, x), "This is the harmful part itself"),
        "along the motion": (along, "The field was projected on H's own motion"),
        "zeros": (lambda f, H, x: 0 * f(x), "A field of zeros"),
        "summed over the batch": (
            lambda f, H, x: (
                f(x)
                - (autograd(H, x) * f(x)).sum() / autograd(H, x).square().sum() * autograd(H, x)
            ),
            "Each state has its own",
        ),
        "keepdim forgotten": (
            lambda f, H, x: f(x) - (autograd(H, x) * f(x)).sum(-1) * autograd(H, x),
            "Two shapes do not fit together",
        ),
        "another conserving field": (
            lambda f, H, x: 2 * repair(f, H, x),
            "It conserves H, but a smaller change of the field would do. At x = [",
        ),
        "something else": (lambda f, H, x: x, "The energy still changes, at up to"),
        "None": (lambda f, H, x: None, "returns None"),
        "misspelt": (lambda f, H, x: f(x) - H(x).gradient(), "Your code raised"),
        "rate": (
            lambda f, H, x: dot(autograd(H, x), f(x)).squeeze(-1),
            "gives shape (6,); for this input it should be (6, 2)",
        ),
    },
    equivalent={
        "dot(f(x), dH)": "a scalar product is symmetric",
        "(a * b).mean(-1": "dot stands above and below the line: a factor cancels",
        "return -(a * b)": "dot stands above and below the line: a sign cancels",
        "return 2 * (a * b)": "dot stands above and below the line: a factor cancels",
        "return 0.5 * (a * b)": "dot stands above and below the line: a factor cancels",
    },
)


# 4


def div(f, x):
    return torch.diagonal(jacobian(f)(x), dim1=-2, dim2=-1).sum(-1)


def div_loop(f, x):
    x = x.detach().requires_grad_()
    out = f(x)
    return sum(
        torch.autograd.grad(out[..., i].sum(), x, retain_graph=True)[0][..., i]
        for i in range(x.shape[-1])
    )


def div_differences(f, x):
    h = 1e-5
    steps = h * torch.eye(x.shape[-1], dtype=x.dtype)
    return sum((f(x + e) - f(x - e))[..., i] / (2 * h) for i, e in enumerate(steps))


def entries(f, x):
    J = jacobian(f)(x)
    return J[..., 0, 0], J[..., 0, 1], J[..., 1, 0], J[..., 1, 1]


def div_no_retain(f, x):
    x = x.detach().requires_grad_()
    out = f(x)
    return sum(torch.autograd.grad(out[..., i].sum(), x)[0][..., i] for i in range(x.shape[-1]))


DIVERGENCE = Case(
    spring.divergence,
    div,
    {"loop": div_loop, "finite differences": div_differences},
    {
        "all entries": (lambda f, x: sum(entries(f, x)), "All four derivatives were added"),
        "curl": (lambda f, x: entries(f, x)[2] - entries(f, x)[1], "This is the curl"),
        "off the diagonal": (
            lambda f, x: entries(f, x)[2] + entries(f, x)[1],
            "off the diagonal: take",
        ),
        "subtracted": (lambda f, x: entries(f, x)[0] - entries(f, x)[3], "added, not subtracted"),
        "first only": (lambda f, x: entries(f, x)[0], "∂ṗ/∂p is missing"),
        "determinant": (lambda f, x: torch.linalg.det(jacobian(f)(x)), "This is the determinant"),
        "mean": (lambda f, x: div(f, x) / 2, "do not average"),
        "sign": (lambda f, x: -div(f, x), "The sign is wrong"),
        "absolute": (lambda f, x: div(f, x).abs(), "hides the sign"),
        "gradient of the sum": (
            lambda f, x: autograd(lambda y: f(y).sum(-1), x),
            "One number for each state is wanted, and there are two",
        ),
        "one degree only": (
            lambda f, x: entries(f, x)[0] + entries(f, x)[3],
            "wrong for two: loop over all components",
        ),
        "whole batch": (lambda f, x: div(f, x).sum(), "keep the batch axes"),
        "no retain_graph": (div_no_retain, "One graph is used twice"),
        "something else": (lambda f, x: 0 * div(f, x) + 7, "not the trace of the Jacobian"),
        "misspelt": (lambda f, x: torch.trace(f(x).jacobian), "Your code raised"),
    },
)


# 5


def residuals(H, x, dx):
    dq, dp = gradient(H)(x).chunk(2, dim=-1)
    vq, vp = dx.chunk(2, dim=-1)
    return dp - vq, dq + vp


def loss(H, x, dx):
    a, b = residuals(H, x, dx)
    return (a.square().sum(-1) + b.square().sum(-1)).mean()


def loss_detached(H, x, dx):
    return (sg(H, x).detach() - dx).square().sum(-1).mean()


def loss_item(H, x, dx):
    return torch.tensor(loss(H, x, dx).item(), dtype=x.dtype)


LOSS = Case(
    spring.hnn_loss,
    loss,
    {
        "one difference": lambda H, x, dx: (sg(H, x) - dx).square().sum(-1).mean(),
        "norms": lambda H, x, dx: (hamiltonian_field(H)(x) - dx).norm(dim=-1).square().mean(),
        "twice mse": lambda H, x, dx: x.shape[-1] * torch.nn.functional.mse_loss(sg(H, x), dx),
    },
    {
        "norm of the sum": (
            lambda H, x, dx: sum(residuals(H, x, dx)).square().sum(-1).mean(),
            "added before they were squared",
        ),
        "sign of dp/dt": (
            lambda H, x, dx: (autograd(H, x).flip(-1) - dx).square().sum(-1).mean(),
            "The second residual has the wrong sign",
        ),
        "gradient unturned": (
            lambda H, x, dx: (autograd(H, x) - dx).square().sum(-1).mean(),
            "turn it first",
        ),
        "mse_loss": (
            lambda H, x, dx: torch.nn.functional.mse_loss(sg(H, x), dx),
            "Half of the right value",
        ),
        "sum": (lambda H, x, dx: (sg(H, x) - dx).square().sum(), "in place of the mean"),
        "root": (lambda H, x, dx: loss(H, x, dx).sqrt(), "The root of the right value"),
        "norm": (
            lambda H, x, dx: (sg(H, x) - dx).norm(dim=-1).mean(),
            "The mean of the norms",
        ),
        "l1": (lambda H, x, dx: (sg(H, x) - dx).abs().sum(-1).mean(), "Absolute values"),
        "not squared": (lambda H, x, dx: sum(residuals(H, x, dx)).mean(), "not squared"),
        "half of it": (
            lambda H, x, dx: residuals(H, x, dx)[0].square().mean(),
            "Only the residual of q̇",
        ),
        "one per state": (
            lambda H, x, dx: (sg(H, x) - dx).square().sum(-1),
            "shape (6,); for this input it should be (). One number is wanted",
        ),
        "detached": (loss_detached, "No gradient flows from the loss to H's parameters"),
        "item": (loss_item, "No gradient flows from the loss"),
        "NumPy": (lambda H, x, dx: loss(H, x, dx).detach().numpy(), "gives a NumPy array"),
        "constant": (lambda H, x, dx: x.sum(), "not the mean of the squared residuals. Yours"),
        "misspelt": (lambda H, x, dx: (sg(H, x) - dx).squared().mean(), "Your code raised"),
    },
    gradients=True,
    equivalent={
        "b, a = residuals": "the two squares are added in either order",
        "sum(1)": "the states are (B, 2n), so axis 1 is the last one",
        "return (dq + vp, dp - vq)": "the two squares are added in either order",
        "return (-(dp - vq)": "the square forgets the sign",
        "-(dq + vp))": "the square forgets the sign",
    },
)


# 6

IMPOSTOR = Case(
    spring.impostor,
    lambda x: x[..., 0] * x[..., 1],
    {
        "as a sum": lambda x: energy(*qp(x)) - (x[..., 0] - x[..., 1]) ** 2 / 2,
        "steeper": lambda x: MassSpring().hamiltonian(x) - 3 * (x[..., 1] - x[..., 0]) ** 2 + 1,
        "parabolic": lambda x: (x[..., 0] + x[..., 1]) ** 2 / 4,
        "quartic, infinite in finite time": lambda x: (
            energy(*qp(x)) - (x[..., 0] - x[..., 1]) ** 2 - (x[..., 0] - x[..., 1]) ** 4
        ),
    },
    {
        "the true H": (lambda x: energy(*qp(x)), "This is the true H"),
        "the true H + 5": (lambda x: energy(*qp(x)) + 5, "This is the true H"),
        "difference alone": (
            lambda x: -((x[..., 0] - x[..., 1]) ** 2),
            "It is the *difference* from the true H",
        ),
        "q + p": (
            lambda x: energy(*qp(x)) - (x[..., 0] + x[..., 1]) ** 2,
            "depends on q + p",
        ),
        "the chapter's": (
            lambda x: energy(*qp(x)) + (x[..., 0] - x[..., 1]) ** 2,
            "its motion still oscillates",
        ),
        "too weak": (
            lambda x: energy(*qp(x)) - 0.2 * (x[..., 0] - x[..., 1]) ** 2,
            "its motion still oscillates",
        ),
        "another centre": (
            lambda x: energy(*qp(x)) + 9 * (x[..., 0] - x[..., 1]),
            "its motion still oscillates",
        ),
        "twice": (lambda x: 2 * energy(*qp(x)), "The residuals do not cancel: at x = ["),
        "another saddle": (lambda x: x[..., 0] ** 2 - x[..., 1] ** 2, "do not cancel"),
        "no batch": (lambda x: energy(*qp(x)).sum(), "keep the batch axes"),
        "detached": (lambda x: energy(*qp(x.detach())), "No gradient flows from `impostor`"),
        "in the graph, not of x": (
            lambda x: torch.ones(x.shape[:-1], dtype=x.dtype, requires_grad=True) * 1,
            "No gradient flows from `impostor` to its input",
        ),
        "field": (lambda x: x, "shape (15, 2); for this input it should be (15,)"),
        "misspelt": (lambda x: x.q * x.p, "Your code raised"),
    },
    spared={"q and p swapped": "H = qp is symmetric, and so is the condition"},
    gradients=True,
)


# 7


def ratios(function, spread=0.01):
    return {s: [function(s) + spread * i * (s > 0) for i in (-1, 0, 1)] for s in spring.SIGMAS}


RATIOS = Case(
    spring.noisy_positions,
    ratios(lambda s: 1 / sqrt(1 + s**2)),
    {
        "tensors": {
            s: torch.tensor(row) for s, row in ratios(lambda s: 1 / sqrt(1 + s**2), 0.03).items()
        },
        "one outlier": {
            s: [*row, row[0], 3.0] for s, row in ratios(lambda s: 1.01 / sqrt(1 + s**2)).items()
        },
        "int keys": {**ratios(lambda s: 1 / sqrt(1 + s**2)), 1: (0.65, 0.7, 0.75)},
    },
    {
        "no effect": (ratios(lambda s: 1.0), "The noise does nothing"),
        "q and p": (ratios(lambda s: 1 / (1 + s**2)), "Here only q is noisy"),
        "inverse": (ratios(lambda s: 1 + s**2), "true frequency divided by the learned"),
        "sign": (ratios(lambda s: -1 / (1 + s**2)), "the sense of rotation"),
        "not converged": (ratios(lambda s: 0.8 / (1 + s**2)), "Has the training converged"),
        "one seed": (
            ratios(lambda s: 1 / sqrt(1 + s**2), spread=0),
            "Different seeds gave",
        ),
        "variance": (ratios(lambda s: 1 / sqrt(1 + s)), "what noise of variance σ gives"),
        "turns": (ratios(lambda s: 0.159155 / sqrt(1 + s**2)), "1/(2π): turns per second"),
        "weak": (ratios(lambda s: 1 / (1 + s**2) ** 0.25), "Is σ the standard deviation (not the"),
        "missing": ({0.0: [1.0] * 3}, "has no answer yet for [0.25, 0.5, 1.0]"),
        "one value": ({s: [1.0] for s in spring.SIGMAS}, "at least 3 of them"),
        "a number": (dict.fromkeys(spring.SIGMAS, 1.0), "one ratio for each seed"),
        "NaN": (ratios(lambda s: float("nan")), "not a finite number"),
        "strings": ({s: ["1"] * 3 for s in spring.SIGMAS}, "should be one number"),
        "list": ([1.0], "should be a dict"),
        "unknown key": ({**ratios(lambda s: 1.0), 0.3: [1.0] * 3}, "unknown keys [0.3]"),
    },
    blank=dict.fromkeys(spring.SIGMAS, ...),
    equivalent={"[0.25] squared": "0.97 squared is within the 0.06 that five seeds need"},
)


# 8

EFFECTS = {change: effect for change, (effect, _, _) in spring.CHANGES.items()}
THINK = Case(
    spring.changes_of_H,
    EFFECTS,
    {
        "other order": dict(reversed(EFFECTS.items())),
        "copied": {key: str(value) for key, value in EFFECTS.items()},
    },
    {
        "constant": (EFFECTS | {"H + 5": "other orbits"}, "`H + 5`: not 'other orbits'. What is"),
        "square": (
            EFFECTS | {"H**2": "rescaled"},
            "6 of 7 are right.\n`H**2`: not 'rescaled'.",
        ),
        "flip": (EFFECTS | {"H with p -> -p": "reversed"}, "Write the new H out"),
        "two": (EFFECTS | {"-H": "same", "2 * H": "same"}, "5 of 7 are right"),
        "unknown word": (EFFECTS | {"-H": "backwards"}, "is 'backwards'; choose one of: 'same'"),
        "open": (EFFECTS | {"-H": ...}, "has no answer yet for ['-H']"),
        "not a dict": ("same", "should be a dict"),
    },
    blank=dict.fromkeys(EFFECTS, ...),
    words=spring.EFFECTS,
)


# 9


def drifts(kind, motions=(2, 6, 20), sigma=0.1, seeds=range(5), change=float):
    return [[change(spring._drift(kind, n, sigma, s)) for s in seeds] for n in motions]


def design(**changes):
    """The drifts of another design."""
    return {kind: drifts(kind, **changes) for kind in ("baseline", "hnn")}


def verdict(study):
    """What the numbers of a study say."""
    factors = [median(b) / median(h) for b, h in zip(study["baseline"], study["hnn"], strict=True)]
    change = factors[-1] / factors[0]
    return "grows" if change > 2 else "shrinks" if change < 0.5 else "stays"


STUDY = {
    "sigma": 0.1,
    "motions": [2, 6, 20],
    "seeds": [0, 1, 2, 3, 4],
    "prediction": "grows",
    **design(),
    "conclusion": "shrinks",
}
ONE_SEED = STUDY | design(seeds=[2]) | {"seeds": [2]}
TWO = STUDY | design(motions=(2, 20)) | {"motions": [2, 20]}
NARROW = STUDY | design(motions=(4, 6, 8)) | {"motions": [4, 6, 8]}
EXACT = STUDY | design(sigma=0.0) | {"sigma": 0}

ADVANTAGE = Case(
    spring.advantage,
    STUDY,
    {
        "right guess": STUDY | {"prediction": "shrinks"},
        "capitals": STUDY | {"conclusion": " Shrinks"},
        "tensors": STUDY | {"hnn": torch.tensor(STUDY["hnn"])},
        "exact rates": EXACT | {"conclusion": verdict(EXACT)},
        "rounded": STUDY | design(change=lambda v: float(f"{v:.3g}")),
    },
    {
        "unknown word": (STUDY | {"conclusion": "vanishes"}, "choose one of: 'grows'"),
        "no prediction": (STUDY | {"prediction": None}, "choose one of: 'grows'"),
        "overstated": (STUDY | {"conclusion": "grows"}, "a conclusion that your own numbers"),
        "one seed": (ONE_SEED | {"conclusion": verdict(ONE_SEED)}, "at least five seeds"),
        "two points": (TWO | {"conclusion": verdict(TWO)}, "a curve: three numbers"),
        "narrow": (NARROW | {"conclusion": verdict(NARROW)}, "a range that is wide enough"),
        "exchanged": (
            STUDY | {"baseline": STUDY["hnn"], "hnn": STUDY["baseline"]},
            "this is the drift of the other model",
        ),
        "per cent": (STUDY | {"hnn": drifts("hnn", change=lambda v: 100 * v)}, "per cent"),
        "joules": (STUDY | {"hnn": drifts("hnn", change=lambda v: 0.81 * v)}, "in joules"),
        "root": (STUDY | {"hnn": drifts("hnn", change=lambda v: v / 0.9)}, "not by its root"),
        "another noise": (STUDY | {"sigma": 0.0}, "another noise gives"),
        "made up": (STUDY | {"baseline": [[0.5] * 5] * 3}, "`check.train` gives drifts by"),
        "one number of motions": (STUDY | {"motions": [2]}, "shows no trend"),
        "most first": (STUDY | {"motions": [20, 6, 2]}, "the fewest first"),
        "too many": (STUDY | {"motions": [2, 6, 500]}, "from 1 to 40"),
        "same seed": (STUDY | {"seeds": [1] * 5}, "different numbers"),
        "half a seed": (STUDY | {"seeds": [0.5, 1, 2, 3, 4]}, "a list of whole numbers"),
        "strong noise": (STUDY | {"sigma": 7.0}, "choose it from 0 to 1"),
        "two noises": (STUDY | {"sigma": [0.0, 0.1]}, "should be one number"),
        "one row": (STUDY | {"hnn": STUDY["hnn"][0]}, "a row for each number"),
    },
    blank=dict.fromkeys(STUDY, ...),
    equivalent={"['prediction'] = ": "any prediction may be made"},
    words={"prediction": spring.TRENDS, "conclusion": spring.TRENDS},
)


class TestChecks(ChapterChecks):
    chapter = spring.chapter
    cases = (FIELD, GRADIENT, REPAIR, DIVERGENCE, LOSS, IMPOSTOR, RATIOS, THINK, ADVANTAGE)
    demanding = True


# --- the theory behind the checks ----------------------------------------------------------------


@pytest.mark.parametrize("change, entry", spring.CHANGES.items())
def test_the_answers_of_exercise_8_are_true(change, entry):
    """Classify each changed H by its field, at states on three circles, against the true one."""
    effect, H, _ = entry
    angle = torch.linspace(0, 6, 40, dtype=torch.float64)
    circles = [r * pack(torch.cos(angle), torch.sin(angle)) for r in (0.5, 1.0, 1.5)]
    factors = []
    for x in circles:
        new, true = hamiltonian_field(lambda y: H(y[..., 0], y[..., 1]))(x), MassSpring().field(x)
        ratio = (new * true).sum(-1) / true.square().sum(-1)
        along = torch.allclose(new, ratio[:, None] * true) and float(ratio.std()) < 1e-12
        factors.append(float(ratio.mean()) if along else None)
    if None in factors:
        found = "other orbits"
    elif max(factors) - min(factors) > 1e-9:
        found = "own pace"
    else:
        found = {1.0: "same", -1.0: "reversed"}.get(round(factors[0], 9), "rescaled")
    assert found == effect, change


def test_the_ratio_of_exercise_7_is_what_regression_gives():
    """Least squares of the clean field on states with noisy q, the theory behind the check."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(20_000, 2, generator=generator, dtype=torch.float64)
    for sigma in spring.SIGMAS:
        noise = sigma * torch.randn(len(clean), generator=generator, dtype=clean.dtype)
        noisy = torch.stack([clean[:, 0] + noise, clean[:, 1]], dim=-1)
        A = torch.linalg.lstsq(noisy, MassSpring().field(clean)).solution.T
        learned = sqrt(float(torch.linalg.det(A)))
        assert learned == pytest.approx(1 / sqrt(1 + sigma**2), abs=0.02)
