// The pendulum, with and without friction.
import { wrapAngle } from "../vectors.js";
import { wellCurve } from "./well.js";

export class Pendulum {
  degrees = 1;
  angles = [0];
  coordinates = [["q", "rad"], ["p", "kg m²/s"]];
  title = "pendulum";
  bodyName = "bob";
  /** q is an angle: the plane is a cylinder, cut at the upright position. */
  periodic = true;

  constructor({ mass, length, gravity }) {
    Object.assign(this, { mass, length, gravity });
    this.inertia = mass * length ** 2;
    this.torque = mass * gravity * length;
  }

  hamiltonian(x) {
    return x[1] ** 2 / (2 * this.inertia) + this.torque * (1 - Math.cos(x[0]));
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1] / this.inertia;
    slope[1] = -this.torque * Math.sin(x[0]);
    return slope;
  }

  /** [q, p] of [q, q̇]. */
  momenta(v) {
    return Float64Array.of(v[0], this.inertia * v[1]);
  }

  /** x - y, the angle the short way round. */
  difference(x, y) {
    return Float64Array.of(wrapAngle(x[0] - y[0]), x[1] - y[1]);
  }

  levelCurve(energy, count = 96) {
    const potential = (q) => this.torque * (1 - Math.cos(q));
    if (energy < 2 * this.torque) {
      const turning = Math.acos(1 - energy / this.torque);
      return [wellCurve(energy, this.inertia, potential, turning, count)];
    }
    // Turning over: one curve above, one below. Run through in opposite senses, so that the two
    // together bound the states of lower energy.
    const above = [];
    for (let i = 0; i <= count; i++) {
      const q = Math.PI * ((2 * i) / count - 1);
      above.push([q, Math.sqrt(2 * this.inertia * (energy - potential(q)))]);
    }
    return [above, above.map(([q, p]) => [q, -p]).reverse()];
  }

  view(energy) {
    const room = Math.max(2.5 * this.torque, 1.3 * energy);
    return [Math.PI, Math.sqrt(2 * this.inertia * room)];
  }
}

export class DampedPendulum extends Pendulum {
  title = "pendulum with friction";

  constructor({ damping, ...pendulum }) {
    super(pendulum);
    this.damping = damping;
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1] / this.inertia;
    slope[1] = -this.torque * Math.sin(x[0]) - this.damping * slope[0];
    return slope;
  }
}
