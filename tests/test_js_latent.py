"""The latent lab's computing under node: the decoder, the camera, and leapfrog of a learned V."""

import base64
import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import DenseNetwork
from hnn_tutorial.pixels import pendulum_frames
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.widgets import LatentLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "latent.mjs"
EXPORTS = "CosineDecoder, DenseNetwork, LatentSystem, METHODS, PendulumCamera, decodeFloats"
SLOPE = 0.4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "latent.mjs"
    return browser_tools.run_node(module, bundle("labs/latent_lab.js", EXPORTS), DRIVER)


def seen(q):
    """Pictures of a pendulum whose angle is q/SLOPE."""
    return pendulum_frames(q[:, 0] / SLOPE, 20)


@pytest.fixture(scope="module")
def lab():
    """With a potential whose weights float32 holds exactly."""
    potential = DenseNetwork((1, 9, 1), "softplus", seed=3)
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter.copy_((2 * parameter).float().double())
    return LatentLab(
        potential,
        seen,
        (-1.0, 0.8),
        truth=Pendulum(),
        angle=(SLOPE, 0.0),
        start=(0.3, -0.4),
        stiffness=1.3,
    )


def sent(lab):
    return {
        "potential": lab._potential,
        "weights": base64.b64encode(lab._weights).decode(),
        "decoder": lab._decoder,
        "pixels": base64.b64encode(lab._pixels).decode(),
    }


def test_the_page_decodes_what_python_decodes_but_for_the_loss_that_it_states(run, lab):
    low, high = lab._decoder["interval"]
    assert (low, high) == pytest.approx((-1.18, 0.98))
    q = torch.linspace(*lab._decoder["span"], 97, dtype=torch.float64)
    [answer] = run({"task": "decode", "places": q.tolist(), **sent(lab)})
    pictures = torch.tensor(answer, dtype=torch.float64).reshape(-1, 20, 20)
    error = (pictures - seen(q.unsqueeze(-1))).square().mean().sqrt()
    # Stated where the decoder was asked; the places between lose as much.
    assert 0.2 * lab.loss < error < 1.5 * lab.loss
    scales = torch.tensor(lab._decoder["scales"], dtype=torch.float64)
    whole = torch.frombuffer(bytearray(lab._pixels), dtype=torch.int8).reshape(len(scales), -1)
    angle = math.pi * (q - low) / (high - low)
    cosines = torch.cos(angle.unsqueeze(-1) * torch.arange(len(scales)))
    expected = (cosines @ (scales.unsqueeze(-1) * whole)).clamp(0, 1).reshape(pictures.shape)
    # Summed in single precision.
    assert (pictures - expected).abs().max() < 1e-5
    assert lab.loss < 0.012


def test_the_camera_is_that_of_python(run):
    angles = torch.linspace(-3, 4, 11, dtype=torch.float64)
    camera = {"width": 0.13, "softness": 0.05, "view": 1.4, "supersample": 3}
    [answer] = run({"task": "camera", "size": 17, "camera": camera, "angles": angles.tolist()})
    pictures = torch.tensor(answer, dtype=torch.float64).reshape(-1, 17, 17)
    # Summed in single precision.
    assert (pictures - pendulum_frames(angles, 17, **camera)).abs().max() < 1e-6


def test_the_motion_is_that_of_python(run, lab):
    step, count = 0.05, 60
    [answer] = run(
        {"task": "motion", "start": [0.3, -0.4], "step": step, "count": count, **sent(lab)}
    )
    times = step * torch.arange(count + 1, dtype=torch.float64)
    expected = integrate(lab.system.field, lab.state, times, "leapfrog")
    states = torch.tensor(answer["states"], dtype=torch.float64)
    assert (states - expected).abs().max() < 1e-10
    energies = torch.tensor(answer["energies"], dtype=torch.float64)
    assert (energies - lab.system.hamiltonian(states)).abs().max() < 1e-12
    low, high = lab._decoder["interval"]
    q = torch.linspace(low, high, 2001, dtype=torch.float64)
    values = lab.system.hamiltonian(torch.stack([q, 0 * q], dim=-1)).detach()
    assert answer["bottom"] == pytest.approx(float(q[values.argmin()]), abs=0.01)
    assert answer["view"][0] == pytest.approx((high - low) / 2)
    assert answer["view"][1] ** 2 / 2 > float(values.max() - values.min())
