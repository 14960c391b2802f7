// Points on rods in the plane: the rods as data, the forces that hold them, and RATTLE, with the names and
// formulas of Python's `constraints` and `integrators/rattle.py`. Positions are [x1, y1, x2, y2, ...], states
// [q, q̇].
import { solve } from "./models/matrices.js";
import { allFinite } from "./vectors.js";

const NEWTON_STEPS = 30;
const SETTLED = 16 * Number.EPSILON;

export class Rods {
  /** `pairs` are the two ends of each rod; −1 is the first anchor, −2 the second. */
  constructor(pairs, lengths, anchors) {
    Object.assign(this, { pairs, lengths, anchors, points: 1 + Math.max(...pairs.flat()) });
  }

  withRod(pair, length, anchor) {
    return new Rods([...this.pairs, pair], [...this.lengths, length], [...this.anchors, anchor]);
  }

  /** The vector along each rod, [x, y, x, y, ...]. */
  vectors(q) {
    return this.#differences(q, this.anchors);
  }

  /** How these vectors change with velocities of the points: the anchors rest. */
  turning(velocity) {
    return this.#differences(velocity, null);
  }

  #differences(q, anchors) {
    const at = (end, axis) => (end >= 0 ? q[2 * end + axis] : anchors ? anchors[-1 - end][axis] : 0);
    const found = new Float64Array(2 * this.pairs.length);
    this.pairs.forEach(([i, j], k) => {
      for (let axis = 0; axis < 2; axis++) found[2 * k + axis] = at(j, axis) - at(i, axis);
    });
    return found;
  }

  /** g = (|d|² − l²)/2 of each rod. */
  values(q) {
    const d = this.vectors(q);
    return this.lengths.map((length, k) => (d[2 * k] ** 2 + d[2 * k + 1] ** 2 - length ** 2) / 2);
  }

  /** By how much of its square a length is off, at most. */
  misfit(q) {
    const far = q.reduce((most, value) => Math.max(most, value * value), 0);
    return this.values(q).reduce((most, g, k) => Math.max(most, (2 * Math.abs(g)) / (this.lengths[k] ** 2 + far)), 0);
  }

  /** The largest difference of a rod from its length, in m, with its sign. */
  offBy(q) {
    const d = this.vectors(q);
    return this.lengths.reduce((most, length, k) => {
      const off = Math.hypot(d[2 * k], d[2 * k + 1]) - length;
      return Math.abs(off) > Math.abs(most) ? off : most;
    }, 0);
  }

  /** Gᵀλ */
  force(d, multipliers) {
    const force = new Float64Array(2 * this.points);
    this.pairs.forEach(([i, j], k) => {
      for (let axis = 0; axis < 2; axis++) {
        const pull = multipliers[k] * d[2 * k + axis];
        if (j >= 0) force[2 * j + axis] += pull;
        if (i >= 0) force[2 * i + axis] -= pull;
      }
    });
    return force;
  }

  /** B W Bᵀ, with B as in Python: how a pull along one rod acts on another. */
  coupling(W) {
    const between = (a, b) => (a >= 0 && b >= 0 ? W[a][b] : 0);
    return this.pairs.map(([i, j]) => this.pairs.map(([k, l]) => between(j, l) - between(j, k) - between(i, l) + between(i, k)));
  }

  /** The positions on the rods that Newton's method leads to, along W Gᵀ. */
  project(q, W) {
    const coupling = this.coupling(W);
    let at = Float64Array.from(q);
    for (let i = 0; i < NEWTON_STEPS; i++) {
      const settled = this.misfit(at) <= SETTLED;
      const d = this.vectors(at);
      const pull = times(W, this.force(d, solveMultipliers(coupling, d, d, this.values(at))));
      at = at.map((value, k) => value - pull[k]);
      if (settled) return at;
    }
    throw new Error("the rods do not reach");
  }
}

/** The λ with G(q) W G(q₀)ᵀ λ = wanted, from the vectors along the rods. */
function solveMultipliers(coupling, d, before, wanted) {
  const A = coupling.map((row, k) => row.map((value, l) => value * (d[2 * k] * before[2 * l] + d[2 * k + 1] * before[2 * l + 1])));
  const multipliers = solve(A, Array.from(wanted));
  if (!allFinite(multipliers)) throw new Error("its rods hold each other");
  return multipliers;
}

/** A matrix between points, times a vector of their components. */
function times(W, vector) {
  return Float64Array.from(vector, (_, i) => W[i >> 1].reduce((sum, value, j) => sum + value * vector[2 * j + (i & 1)], 0));
}

const along = (d, turning, k) => d[2 * k] * turning[2 * k] + d[2 * k + 1] * turning[2 * k + 1];

/** The motion of masses on rods: `force(q)` is −∇V, `masses` the matrix between the points. */
export class ConstrainedField {
  constructor(force, masses, constraints) {
    const columns = masses.map((_, j) => solve(masses.map((row) => [...row]), masses.map((__, i) => (i === j ? 1 : 0))));
    this.inverse = masses.map((_, i) => columns.map((column) => column[i]));
    this.coupling = constraints.coupling(this.inverse);
    Object.assign(this, { force, masses, constraints });
  }

  /** [q̇, q̈] of [q, q̇], so that no rod changes its length twice over time. */
  field(x) {
    const { constraints, coupling, inverse } = this;
    const half = x.length / 2;
    const velocity = x.slice(half);
    const free = this.force(x.slice(0, half));
    const d = constraints.vectors(x);
    const turning = constraints.turning(velocity);
    const bending = constraints.turning(times(inverse, free));
    const wanted = constraints.lengths.map((_, k) => -along(d, bending, k) - along(turning, turning, k));
    const held = constraints.force(d, solveMultipliers(coupling, d, d, wanted));
    const slope = new Float64Array(x.length);
    slope.set(velocity);
    slope.set(times(inverse, free.map((value, i) => value + held[i])), half);
    return slope;
  }

  /** ½ q̇ᵀ M q̇ */
  kinetic(x) {
    const velocity = x.slice(x.length / 2);
    return times(this.masses, velocity).reduce((sum, p, i) => sum + (p * velocity[i]) / 2, 0);
  }
}

/** Half a kick, a drift onto the rods, half a kick that leaves the velocity along them. */
export function rattleStep({ constraints, coupling, inverse, force }, x, h) {
  const half = x.length / 2;
  const q = x.slice(0, half);
  const before = constraints.vectors(q);
  const push = times(inverse, force(q));
  const kicked = q.map((_, i) => x[half + i] + (h / 2) * push[i]);
  const multipliers = constraints.lengths.map(() => 0);
  const drifted = () => {
    const pull = times(inverse, constraints.force(before, multipliers));
    const v = kicked.map((value, i) => value + pull[i]);
    return [q.map((value, i) => value + h * v[i]), v];
  };
  for (let i = 0; ; i++) {
    if (i === NEWTON_STEPS) throw new Error("the step is too long");
    const [next] = drifted();
    const settled = constraints.misfit(next) <= SETTLED;
    const change = solveMultipliers(coupling, constraints.vectors(next), before, constraints.values(next).map((g) => g / h));
    change.forEach((value, k) => (multipliers[k] -= value));
    if (settled) break;
  }
  const [next, v] = drifted();
  const last = times(inverse, force(next));
  const velocity = v.map((value, i) => value + (h / 2) * last[i]);
  const d = constraints.vectors(next);
  const turning = constraints.turning(velocity);
  const away = times(inverse, constraints.force(d, solveMultipliers(coupling, d, d, constraints.lengths.map((_, k) => along(d, turning, k)))));
  const out = new Float64Array(x.length);
  out.set(next);
  out.set(velocity.map((value, i) => value - away[i]), half);
  return out;
}
