"""A Hamiltonian of bodies that act on each other in pairs, by their distance alone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import as_number, check_count, check_positive, check_tensor, describe
from hnn_tutorial.models._model import Model
from hnn_tutorial.models.embedding import Embedding

COUPLINGS = (None, "masses")


class PairwiseHNN(Model):
    r"""One small network for the potential of a pair, shared by all pairs of bodies.

    .. math:: H_\theta = \sum_i \frac{|p_i|^2}{2 m_i}
              + \sum_{i<j} c_{ij}\, \varphi_\theta(|q_i - q_j|)

    .. math:: \dot q_i = \frac{p_i}{m_i}, \qquad
              \dot p_i = \sum_{j \ne i} c_{ij}\, \varphi_\theta'(r_{ij})\, \frac{q_j - q_i}{r_{ij}}

    The state is ``[q1x, q1y, …, q2x, q2y, …, p1x, p1y, …]``, the positions of all bodies and then
    their momenta. Distances do not change when all bodies are moved or turned together. So total
    momentum and angular momentum are conserved at any weights, trained or not, as the model's own
    energy is. H is separable: leapfrog and the other splitting methods apply.

    The potential does not know how many bodies there are. ``for_bodies`` gives a model of another
    number of bodies with the same potential.

    The network sees the distance r itself. Given :math:`1/r`, it would need one weight for Newton's
    potential, and its finding it would prove nothing. Outside the distances it was trained on, φ
    is a guess. Where two bodies coincide their force has no direction, and the field is NaN in that
    state, and in no other.

    Which bodies attract each other how strongly is in :math:`c_{ij}`. It is 1 for bodies of one
    kind (``couplings=None``), and :math:`m_i m_j` with ``couplings="masses"``, as in gravity.
    Other forces between unlike bodies, such as those of charges of both signs, are beyond this
    model: it has one potential, and no kinds of bodies.

    Args:
        degrees: bodies times ``dimension``; there are two bodies or more.
        hidden: widths of the hidden layers of :math:`\varphi`.
        activation: a key of ``ACTIVATIONS``.
        angles: none; a distance between angles is no distance.
        seed: draws the initial weights.
        dtype: of the weights.
        dimension: of the space the bodies move in: 2 for a plane.
        masses: in kg, one for each body, or one number for all. With None they are learned, as
            logarithms, and start at 1.
        couplings: None for bodies of one kind, ``"masses"`` for forces as the product of the
            masses.

    Raises:
        ValueError: if ``degrees`` does not divide into two bodies or more of this dimension, there
            is another number of masses, a mass is not positive, or a position is an angle.

    References:
        Battaglia et al. 2016 (interaction networks); Sanchez-Gonzalez et al. 2019 (Hamiltonian
        graph networks).
    """

    kind = "pairwise_hnn"

    known_mass: Tensor
    first: Tensor
    second: Tensor
    pairs: Tensor
    sign: Tensor

    def __init__(
        self,
        degrees: int,
        hidden: Sequence[int] = (16,),
        activation: str = "tanh",
        *,
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
        dimension: int = 2,
        masses: float | Sequence[float] | None = None,
        couplings: str | None = None,
    ) -> None:
        check_count(degrees=degrees, dimension=dimension)
        bodies, over = divmod(int(degrees), int(dimension))
        if over or bodies < 2:
            raise ValueError(
                f"degrees = {degrees} in dimension = {dimension}; expected bodies × dimension, "
                f"with two bodies or more, such as {2 * dimension} for two"
            )
        if not isinstance(couplings, str | None) or couplings not in COUPLINGS:
            raise ValueError(f"couplings = {describe(couplings)}; expected None or 'masses'")
        self.dimension, self.bodies, self.couplings = int(dimension), bodies, couplings
        self._known = None if masses is None else check_masses(masses, bodies)
        super().__init__(degrees, hidden, activation, angles=angles, seed=seed, dtype=dtype)

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network of φ, and the masses."""
        if self.angles:
            raise ValueError(
                f"angles = {self.angles}; a PairwiseHNN takes distances between positions, "
                "and none of these may be an angle"
            )
        self.embedding = Embedding(self.degrees, (), dtype)
        self.network = self.dense(1, 1, generator, dtype)
        if self._known is None:
            self.log_mass = nn.Parameter(torch.zeros(self.bodies, dtype=dtype))
        else:
            mass = torch.tensor(self._known, dtype=dtype)
            self.register_buffer("known_mass", mass, persistent=False)
        # Constants, not weights: pair k is that of bodies first[k] < second[k]. Body i is in the
        # pairs of_body[i], and is pulled towards the second where it is the first.
        first, second = torch.triu_indices(self.bodies, self.bodies, 1)
        number = torch.arange(len(first))
        of_body = [number[(first == i) | (second == i)] for i in range(self.bodies)]
        pairs = torch.stack(of_body)
        sign = torch.where(first[pairs] == torch.arange(self.bodies).unsqueeze(-1), 1.0, -1.0)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("pairs", pairs, persistent=False)
        self.register_buffer("sign", sign.to(dtype).unsqueeze(-1), persistent=False)

    @property
    def masses(self) -> Tensor:
        """The masses of the bodies, in kg, ``(bodies,)``: known, or as learned so far."""
        return torch.exp(self.log_mass) if self._known is None else self.known_mass

    @property
    def config(self) -> dict[str, Any]:
        """What ``build_model`` needs to make a model of this shape, as plain JSON values."""
        config = {**super().config, "dimension": self.dimension}
        if self._known is not None:
            config["masses"] = list(self._known)
        return config if self.couplings is None else {**config, "couplings": self.couplings}

    def for_bodies(
        self, bodies: int, masses: float | Sequence[float] | None = None
    ) -> "PairwiseHNN":
        """Return the model of another number of bodies that has the same network φ.

        The network is shared, not copied: training one model changes the other.

        Args:
            bodies: how many, two or more.
            masses: in kg, one for each body, or one number for all. None takes the known mass
                that all bodies of this model have.

        Raises:
            ValueError: if ``masses`` is None and the bodies here do not have one known mass, or
                there is another number of them than of bodies.
        """
        check_count(bodies=bodies)
        if masses is None:
            if self._known is None or len(set(self._known)) > 1:
                has = "learned masses" if self._known is None else f"masses {self._known}"
                raise ValueError(
                    f"this model has {has}; say those of the {bodies} bodies, such as masses=1.0"
                )
            masses = self._known[0]
        dtype = self.embedding.choose.dtype
        other = PairwiseHNN(
            bodies * self.dimension,
            self.hidden,
            self.activation,
            dtype=dtype,
            dimension=self.dimension,
            masses=masses,
            couplings=self.couplings,
        ).to(self.embedding.choose.device)
        other.network = self.network
        return other

    def potential(self, r: Tensor) -> Tensor:
        """Return φ of distances r in m, the same shape; right up to a constant."""
        return self.network(self._distances(r)).squeeze(-1)

    def attraction(self, r: Tensor) -> Tensor:
        """Return φ′ of distances r in m, the same shape: positive where bodies attract."""
        return self.network.input_gradient(self._distances(r)).squeeze(-1)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy, ``(..., 2n) -> (...,)``; right up to a constant."""
        q, p = self._by_body(x)
        kinetic = (p.square().sum(-1) / (2 * self.masses)).sum(-1)
        distance = self._apart(q).square().sum(-1).sqrt()
        return kinetic + self._coupled(self.potential(distance)).sum(-1)

    def field(self, x: Tensor) -> Tensor:
        """Return ``hamiltonian_field(self.hamiltonian)(x)``, ``(..., 2n) -> (..., 2n)``."""
        q, p = self._by_body(x)
        apart = self._apart(q)
        distance = apart.square().sum(-1).sqrt()
        pull = (self._coupled(self.attraction(distance)) / distance).unsqueeze(-1) * apart
        force = (self.sign * pull[..., self.pairs, :]).sum(-2)
        return torch.cat([(p / self.masses.unsqueeze(-1)).flatten(-2), force.flatten(-2)], dim=-1)

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        q, p = self._by_body(x)
        apart = self._apart(q)
        distance = apart.square().sum(-1).sqrt()
        slopes, attraction = self.network.slope_jacobian(
            distance.unsqueeze(-1), torch.ones_like(distance)[..., None, None]
        )
        # Body i is pulled by the pairs that it is in, towards the second where it is the first.
        number = torch.arange(self.bodies, device=x.device).unsqueeze(-1)
        first, second = (number == self.first).to(x), (number == self.second).to(x)
        along = self._coupled(1 / distance).unsqueeze(-1) * apart
        by_network = torch.einsum(
            "ik,bkd,bkw->bidw", first - second, along, slopes.squeeze(-2)
        ).flatten(1, 2)
        velocity, force = p / self.masses.unsqueeze(-1), attraction * along
        force = torch.einsum("ik,bkd->bid", first - second, force)
        value = torch.cat([velocity.flatten(-2), force.flatten(-2)], dim=-1)
        by_network = torch.cat([torch.zeros_like(by_network), by_network], dim=1)
        if self._known is not None:
            return by_network, value
        # The logarithms of the masses come first among the parameters: q̇ = p e^(−log m), and where
        # masses couple, a pair's force is proportional to both of its masses.
        own = torch.eye(self.bodies, dtype=x.dtype, device=x.device)
        by_mass = [torch.einsum("bid,ij->bidj", -velocity, own).flatten(1, 2)]
        by_mass.append(torch.zeros_like(by_mass[0]))
        if self.couplings is not None:
            by_mass[1] = torch.einsum(
                "ik,bkd,jk->bidj", first - second, attraction * along, first + second
            ).flatten(1, 2)
        return torch.cat([torch.cat(by_mass, dim=1), by_network], dim=-1), value

    def _distances(self, r: Tensor) -> Tensor:
        check_tensor(r, "r")
        return r.unsqueeze(-1)

    def _apart(self, q: Tensor) -> Tensor:
        """Return the vectors from the first body of each pair to its second."""
        return q[..., self.second, :] - q[..., self.first, :]

    def _coupled(self, of_pairs: Tensor) -> Tensor:
        if self.couplings is None:
            return of_pairs
        masses = self.masses
        return masses[self.first] * masses[self.second] * of_pairs

    def _by_body(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two halves of a state as ``(..., bodies, dimension)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        shape = (self.bodies, self.dimension)
        return q.unflatten(-1, shape), p.unflatten(-1, shape)


def check_masses(masses: float | Sequence[float], bodies: int) -> tuple[float, ...]:
    """Return as many masses as there are bodies, or say what is wrong with them."""
    if not isinstance(masses, list | tuple):
        masses = [as_number("masses", masses, "a positive number, or one for each body")] * bodies
    if len(masses) != bodies:
        raise ValueError(
            f"masses = {tuple(masses)}; expected {bodies}, one for each body, or one number"
        )
    for number, mass in enumerate(masses, 1):
        check_positive(**{f"mass of body {number}": mass})
    return tuple(as_number("masses", mass) for mass in masses)
