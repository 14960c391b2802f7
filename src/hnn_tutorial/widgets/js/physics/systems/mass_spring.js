// A mass on a spring, with and without friction.
import { addScaled } from "../vectors.js";
import { wellCurve } from "./well.js";

export class MassSpring {
  degrees = 1;
  angles = [];
  coordinates = [["q", "m"], ["p", "kg m/s"]];
  title = "mass on a spring";
  bodyName = "mass";

  constructor({ mass, stiffness }) {
    Object.assign(this, { mass, stiffness });
  }

  hamiltonian(x) {
    return x[1] ** 2 / (2 * this.mass) + (this.stiffness * x[0] ** 2) / 2;
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1] / this.mass;
    slope[1] = -this.stiffness * x[0];
    return slope;
  }

  /** [q, p] of [q, q̇]. */
  momenta(v) {
    return Float64Array.of(v[0], this.mass * v[1]);
  }

  difference(x, y) {
    return addScaled(x, -1, y);
  }

  levelCurve(energy, count = 96) {
    const turning = Math.sqrt((2 * energy) / this.stiffness);
    const potential = (q) => (this.stiffness * q * q) / 2;
    return [wellCurve(energy, this.mass, potential, turning, count)];
  }

  /** Half-widths [q, p] of a plane that shows motions up to an energy with room around them. */
  view(energy) {
    const room = 2.1 * (energy || this.stiffness / 2); // at rest: as if pulled out by 1 m
    return [Math.sqrt((2 * room) / this.stiffness), Math.sqrt(2 * room * this.mass)];
  }
}

export class DampedMassSpring extends MassSpring {
  title = "mass on a spring with friction";

  constructor({ damping, ...spring }) {
    super(spring);
    this.damping = damping;
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1] / this.mass;
    slope[1] = -this.stiffness * x[0] - this.damping * slope[0];
    return slope;
  }
}
