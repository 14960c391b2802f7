// Bodies in a plane that attract each other, for any number of them.
import { addScaled } from "../vectors.js";

/** The state is [q1x, q1y, q2x, q2y, ..., p1x, p1y, ...]. */
export class GravitatingBodies {
  bodyName = "bodies";

  /** `masses` in the order of the bodies. */
  constructor(masses, gravitationalConstant) {
    this.masses = masses;
    this.gravity = gravitationalConstant;
    this.degrees = 2 * masses.length;
    const named = (letter, unit) => masses.flatMap((_, i) => [..."xy"].map((axis) => [`${letter}${i + 1}${axis}`, unit]));
    this.coordinates = [...named("q", "m"), ...named("p", "kg m/s")];
    this.invariants = {
      energy: (x) => this.hamiltonian(x),
      "momentum x": (x) => this.#momentum(x, 0),
      "momentum y": (x) => this.#momentum(x, 1),
      "angular momentum": (x) => this.#angularMomentum(x),
    };
  }

  hamiltonian(x) {
    const { masses, degrees: n } = this;
    let energy = 0;
    for (let i = 0; i < n; i++) energy += x[n + i] ** 2 / (2 * masses[i >> 1]);
    for (let i = 0; i < n; i += 2) {
      for (let j = i + 2; j < n; j += 2) {
        energy -= this.#strength(i, j) / Math.sqrt((x[j] - x[i]) ** 2 + (x[j + 1] - x[i + 1]) ** 2);
      }
    }
    return energy;
  }

  field(x, slope = new Float64Array(x.length)) {
    const { masses, degrees: n } = this;
    for (let i = 0; i < n; i++) {
      slope[i] = x[n + i] / masses[i >> 1];
      slope[n + i] = 0;
    }
    for (let i = 0; i < n; i += 2) {
      for (let j = i + 2; j < n; j += 2) {
        const across = x[j] - x[i];
        const up = x[j + 1] - x[i + 1];
        const square = across * across + up * up;
        const pull = this.#strength(i, j) / (square * Math.sqrt(square));
        slope[n + i] += pull * across;
        slope[n + i + 1] += pull * up;
        slope[n + j] -= pull * across;
        slope[n + j + 1] -= pull * up;
      }
    }
    return slope;
  }

  difference(x, y) {
    return addScaled(x, -1, y);
  }

  /** G m_i m_j of the bodies whose coordinates begin at i and j. */
  #strength(i, j) {
    return this.gravity * this.masses[i >> 1] * this.masses[j >> 1];
  }

  #momentum(x, axis) {
    let sum = 0;
    for (let i = axis; i < this.degrees; i += 2) sum += x[this.degrees + i];
    return sum;
  }

  #angularMomentum(x) {
    const n = this.degrees;
    let sum = 0;
    for (let i = 0; i < n; i += 2) sum += x[i] * x[n + i + 1] - x[i + 1] * x[n + i];
    return sum;
  }
}
