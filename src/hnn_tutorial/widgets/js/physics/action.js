// The action of a path, as `mechanics.action` sums it by the midpoint rule, with its first and second
// variation, for one degree of freedom with L = M q̇²/2 − V(q). A path is an array of positions at
// equal steps; its two ends are held.
import { implicitMidpointStep } from "./integrators/implicit.js";

const SLOPE_STEP = 1e-5; // of q, for the slope of the force

export class Action {
  constructor(system, duration, steps) {
    this.system = system;
    this.duration = duration;
    this.steps = steps;
    this.step = duration / steps;
    // From the Hamiltonian side, so that no formula is written twice: q̇ = p/M and ṗ = −V′(q).
    this.mass = 1 / system.field([0, 1])[0];
    this.potential = (q) => system.hamiltonian([q, 0]);
    this.force = (q) => system.field([q, 0])[1];
    this.forceSlope = (q) => (this.force(q + SLOPE_STEP) - this.force(q - SLOPE_STEP)) / (2 * SLOPE_STEP);
  }

  /** ∫T dt, ∫V dt and their difference S. */
  parts(path) {
    const { step: h, mass } = this;
    let [kinetic, potential] = [0, 0];
    for (let k = 0; k < path.length - 1; k++) {
      kinetic += (mass * (path[k + 1] - path[k]) ** 2) / (2 * h);
      potential += h * this.potential((path[k] + path[k + 1]) / 2);
    }
    return { kinetic, potential, action: kinetic - potential };
  }

  value(path) {
    return this.parts(path).action;
  }

  /** ∂S/∂q_k, zero at the held ends. Over the step it is ∂L/∂q − d/dt ∂L/∂q̇. */
  gradient(path) {
    const { step: h, mass } = this;
    const slope = new Float64Array(path.length);
    for (let k = 1; k < path.length - 1; k++) {
      const [a, q, b] = [path[k - 1], path[k], path[k + 1]];
      slope[k] = (mass * (2 * q - a - b)) / h + (h / 2) * (this.force((a + q) / 2) + this.force((q + b) / 2));
    }
    return slope;
  }

  /** The second variation, a symmetric tridiagonal matrix: `diagonal[k]`, and `beside[k]` between k and k + 1. */
  hessian(path) {
    const { step: h, mass } = this;
    const diagonal = new Float64Array(path.length);
    const beside = new Float64Array(path.length - 1);
    for (let k = 0; k < path.length - 1; k++) {
      const bend = (h / 4) * this.forceSlope((path[k] + path[k + 1]) / 2);
      diagonal[k] += mass / h + bend;
      diagonal[k + 1] += mass / h + bend;
      beside[k] = bend - mass / h;
    }
    return { diagonal, beside };
  }

  /** The motion from a state [q, p]: the implicit midpoint rule, whose motions are stationary to rounding. */
  motion(state) {
    const path = new Float64Array(this.steps + 1);
    let x = Float64Array.from(state);
    path[0] = x[0];
    for (let k = 1; k <= this.steps; k++) {
      x = implicitMidpointStep((y, out) => this.system.field(y, out), x, this.step);
      path[k] = x[0];
    }
    return path;
  }

  /** How far each point of a path would go uphill by the step that a force-free L would ask for. */
  descentFrom(path, slope) {
    const free = { diagonal: new Float64Array(path.length).fill((2 * this.mass) / this.step), beside: new Float64Array(path.length - 1).fill(-this.mass / this.step) };
    return solveBetween(free, slope);
  }

  /** Move a path downhill by a share of the step that a force-free L would ask for; less of it where S
   * would rise. Returns the largest move of a point. */
  descend(path, share) {
    const slope = this.gradient(path);
    const move = this.descentFrom(path, slope);
    const before = this.value(path);
    const gain = slope.reduce((sum, value, k) => sum + value * move[k], 0);
    for (let size = share; size > 1e-9; size /= 2) {
      const next = path.map((q, k) => q - size * move[k]);
      if (this.value(next) <= before - 1e-4 * size * gain) {
        path.set(next);
        return size * move.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      }
    }
    return 0;
  }
}

/** Solve for the inner points of a tridiagonal system whose ends are held at zero. */
export function solveBetween({ diagonal, beside }, right) {
  const last = right.length - 1;
  const x = Float64Array.from(right);
  const ratio = new Float64Array(right.length);
  x[0] = x[last] = 0;
  for (let k = 1; k < last; k++) {
    const before = k > 1 ? beside[k - 1] : 0;
    const pivot = diagonal[k] - before * ratio[k - 1];
    ratio[k] = beside[k] / pivot;
    x[k] = (right[k] - before * x[k - 1]) / pivot;
  }
  for (let k = last - 2; k > 0; k--) x[k] -= ratio[k] * x[k + 1];
  return x;
}

/** Where neighbouring motions from the same start meet again, in steps: the zeros of Jacobi's field.
 * There are as many of them before the end as directions in which S falls (Morse). */
export function conjugatePoints({ diagonal, beside }, shift = 0) {
  const found = [];
  let [before, here] = [0, 1];
  for (let k = 1; k < diagonal.length - 1; k++) {
    const next = -((diagonal[k] - shift) * here + (k > 1 ? beside[k - 1] : 0) * before) / beside[k];
    if (here > 0 !== next > 0) found.push(k + here / (here - next));
    // Only ratios count; sizes may grow without bound.
    const size = Math.abs(here) + Math.abs(next);
    [before, here] = [here / size, next / size];
  }
  return found;
}

/** The bend in which S changes least or falls most: the lowest mode of the second variation, at most 1. */
export function lowestMode(hessian) {
  const { diagonal, beside } = hessian;
  // Gershgorin's circles hold all eigenvalues; halving finds the lowest.
  let low = Math.min(...diagonal) - 2 * Math.max(...beside.map(Math.abs));
  let high = Math.max(...diagonal);
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (conjugatePoints(hessian, middle).length > 0) high = middle;
    else low = middle;
  }
  const shifted = { diagonal: diagonal.map((value) => value - low), beside };
  let mode = diagonal.map((_, k) => Math.sin((Math.PI * k) / (diagonal.length - 1)));
  for (let i = 0; i < 3; i++) {
    mode = solveBetween(shifted, mode);
    const size = mode.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    mode = mode.map((value) => value / size);
  }
  return mode;
}
