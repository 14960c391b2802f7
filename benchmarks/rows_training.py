"""Rows about training: second-order steps against the paper's recipe, and the cost of one step."""

import torch
from harness import Row, make_row, medians, row, seconds
from reference import LEARNING_RATE, WEIGHT_DECAY, ReferenceHNN, train_reference
from torch import Tensor, nn

from hnn_tutorial.data import Dataset, simulate
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit, fit_ensemble

# H = q² + p².
SPRING = MassSpring(mass=0.5, stiffness=2.0)


def spring_data(seed: int) -> Dataset:
    """Return the paper's spring without noise: 50 trajectories of 30 points, half held out."""
    times = torch.linspace(0, 3, 30, dtype=torch.float64)
    trajectories = simulate(SPRING, SPRING.sample(50, seed), times)
    return trajectories.dataset(SPRING.field).split(0.5, seed)[0]


@row
def spring_lm_vs_adam(repeats: int) -> list[Row]:
    """Time of a small HNN under Levenberg–Marquardt to the field error of the paper's recipe.

    Both train on the same noise-free states, by the paper's protocol: t in [0, 3], radius
    uniform in (0.1, 1). The field error is taken on 2000 fresh states. Each repeat draws other
    data and weights.
    """
    fresh = SPRING.sample(2000, 12345)
    settings = LevenbergMarquardt(steps=100)
    records = []
    for seed in range(repeats):
        train = spring_data(seed)
        # Both sides once, briefly, so that neither pays for what torch sets up on first use.
        train_reference(ReferenceHNN(seed), train.states, train.derivatives, steps=5)
        fit(HNN(1, (16, 16)), train, LevenbergMarquardt(steps=3), progress=False)

        reference = ReferenceHNN(seed)
        slow = seconds(lambda m=reference, d=train: train_reference(m, d.states, d.derivatives))
        goal = field_error(lambda x, m=reference: m.field(x.float()).double(), SPRING.field, fresh)

        # A first run finds the step that reaches the goal, a second one times just those.
        ours = HNN(1, (16, 16), seed=seed)
        validation = {"states": fresh, "derivatives": SPRING.field(fresh)}
        history = fit(ours, train, settings, validation=validation, progress=False)
        errors = history.validation_loss
        enough = next((k for k, e in enumerate(errors) if k > 0 and e <= goal), None)
        quick = None
        if enough is not None:
            short = LevenbergMarquardt(steps=enough)
            again = HNN(1, (16, 16), seed=seed)
            quick = seconds(lambda m=again, d=train, s=short: fit(m, d, s, progress=False))
        whole = seconds(
            lambda s=seed, d=train: fit(HNN(1, (16, 16), seed=s), d, settings, progress=False)
        )
        records.append(
            {
                "reference_seconds": slow,
                "reference_field_mse": goal,
                "seconds_to_that": quick,
                "steps_to_that": enough,
                "seconds_in_all": whole,
                "final_field_mse": field_error(ours.field, SPRING.field, fresh),
            }
        )
    middle = medians(records)
    return [
        make_row(
            "spring_lm_vs_adam",
            {"seconds": middle["reference_seconds"], "field_mse": middle["reference_field_mse"]},
            {name: v for name, v in middle.items() if not name.startswith("reference")},
            # A run that never got there (None) is no times faster.
            [
                r["reference_seconds"] / r["seconds_to_that"] if r["seconds_to_that"] else 0.0
                for r in records
            ],
            "ratio >= 20, final field MSE <= 1e-10",
            lambda ratio: ratio >= 20 and middle["final_field_mse"] <= 1e-10,
            runs=records,
        )
    ]


def with_weights_of(reference: ReferenceHNN) -> HNN:
    """Return our model of the reference's network, with its weights."""
    model = HNN(1, (200, 200), dtype=torch.float32)
    linear = [layer for layer in reference.network if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, other in zip(model.network.layers, linear, strict=True):
            layer.weight.copy_(other.weight)
            if other.bias is not None:
                layer.bias.copy_(other.bias)
    return model


def gradients(model: nn.Module, states: Tensor, derivatives: Tensor) -> list[Tensor]:
    """Make one gradient of the loss, and return it for the weights that both models have."""
    for p in model.parameters():
        p.grad = None
    (model.field(states) - derivatives).square().mean().backward()
    return [p.grad for p in model.parameters() if p.grad is not None][:5]


BATCHES = (50, 200, 750)


@row
def gradient_step(repeats: int) -> list[Row]:
    """Time of a gradient of the paper's network, 2-200-200-1 in float32, on equal weights.

    Theirs is ``autograd.grad(create_graph=True)`` and a backward pass, ours the field of
    ``HNN`` and a backward pass. The batch of 750 is the one that the spring is trained on; the
    others show how the ratio depends on it. The six products of a 750 × 200 with a 200 × 200
    matrix that any way needs are timed as well: their time bounds the ratio.
    """
    reference = ReferenceHNN(0)
    model = with_weights_of(reference)
    data = spring_data(0).to(dtype=torch.float32)
    x, y = data.states, data.derivatives
    a, w = torch.randn(750, 200), torch.randn(200, 200)
    for one, other in zip(gradients(model, x, y), gradients(reference, x, y), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * other.abs().max().item())

    def many(work, count: int = 60) -> float:
        return seconds(lambda: [work() for _ in range(count)]) / count * 1e3

    # The weight decay and the rate of the recipe; neither changes the time of a step.
    settings = Adam(60, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    records = []
    for _ in range(max(5, repeats)):
        record = {}
        for count in BATCHES:
            part = x[:count], y[:count]
            record[f"reference ms, batch {count}"] = many(lambda p=part: gradients(reference, *p))
            record[f"ours ms, batch {count}"] = many(lambda p=part: gradients(model, *p))
        record["products ms"] = 6 * many(lambda: a @ w)
        record["reference ms, Adam step"] = (
            1e3 / 60 * seconds(lambda: train_reference(ReferenceHNN(0), x, y, steps=60))
        )
        fresh = with_weights_of(reference)
        record["ours ms, Adam step"] = (
            1e3 / 60 * seconds(lambda m=fresh: fit(m, data, settings, progress=False))
        )
        records.append(record)
    return [
        make_row(
            f"gradient_step: {case}",
            medians(records)[f"reference ms, {case}"],
            medians(records)[f"ours ms, {case}"],
            [r[f"reference ms, {case}"] / r[f"ours ms, {case}"] for r in records],
            "ratio >= 1.5",
            lambda ratio: ratio >= 1.5,
            runs=records,
        )
        for case in (*(f"batch {count}" for count in BATCHES), "Adam step")
    ]


@row
def ensemble(repeats: int, device: str = "cpu") -> list[Row]:
    """Time of Adam on an HNN 2-32-32-1 for many seeds: one after another, or all at once.

    On the spring's 750 points, in float64 and float32, with batches of 50 and of all points.
    """
    place = "" if device == "cpu" else f", {device}"
    rows = []
    data = spring_data(0)
    cases = [
        (16, None, torch.float64),
        (64, None, torch.float64),
        (64, None, torch.float32),
        (16, 50, torch.float64),
        (64, 50, torch.float64),
    ]
    for members, batch_size, dtype in cases:
        used = data.to(device=device, dtype=dtype)
        settings = Adam(40, batch_size=batch_size)
        records = []
        for _ in range(repeats):
            models, others = (
                [HNN(1, (32, 32), seed=s, dtype=dtype).to(device) for s in range(members)]
                for _ in range(2)
            )
            together = seconds(
                lambda m=models, d=used, s=settings: fit_ensemble(m, d, s, progress=False)
            )

            def alone(models=others, d=used, s=settings) -> None:
                for seed, model in enumerate(models):
                    fit(model, d, s, seed=seed, progress=False)

            records.append({"reference": seconds(alone), "ours": together})
        middle = medians(records)
        kind = str(dtype).removeprefix("torch.")
        batch = "all points" if batch_size is None else f"batch {batch_size}"
        rows.append(
            make_row(
                f"ensemble: {members} members, {batch}, {kind}{place}",
                middle["reference"],
                middle["ours"],
                [r["reference"] / r["ours"] for r in records],
                "ratio > 1",
                lambda ratio: ratio > 1,
                runs=records,
            )
        )
    return rows
