// The physical systems, with the names and formulas of the Python package's `systems`.
// Every system states its Hamiltonian and its field; what a lab needs beside them to draw is
// stated here too, because it follows from the formulas: level curves of H and a fitting view.
import { addScaled, wrapAngle } from "./vectors.js";

/** Points of the level curve H = energy of a well p²/(2 inertia) + V(q), as [q, p] pairs.
 * `turning` is where V reaches the energy; q = turning·sin θ crowds the points there. */
function wellCurve(energy, inertia, potential, turning, count) {
  const points = [];
  for (let i = 0; i <= count; i++) {
    const theta = (2 * Math.PI * i) / count;
    const q = turning * Math.sin(theta);
    const p = Math.sqrt(2 * inertia * Math.max(0, energy - potential(q)));
    points.push([q, Math.cos(theta) < 0 ? -p : p]);
  }
  return points;
}

export class MassSpring {
  degrees = 1;
  coordinates = [["q", "m"], ["p", "kg m/s"]];
  title = "mass on a spring";
  bodyName = "mass";

  constructor({ mass, stiffness }) {
    Object.assign(this, { mass, stiffness });
  }

  hamiltonian(x) {
    return x[1] ** 2 / (2 * this.mass) + (this.stiffness * x[0] ** 2) / 2;
  }

  field(x) {
    return Float64Array.of(x[1] / this.mass, -this.stiffness * x[0]);
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

  field(x) {
    const velocity = x[1] / this.mass;
    return Float64Array.of(velocity, -this.stiffness * x[0] - this.damping * velocity);
  }
}

export class Pendulum {
  degrees = 1;
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

  field(x) {
    return Float64Array.of(x[1] / this.inertia, -this.torque * Math.sin(x[0]));
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

  field(x) {
    const velocity = x[1] / this.inertia;
    const force = -this.torque * Math.sin(x[0]) - this.damping * velocity;
    return Float64Array.of(velocity, force);
  }
}

export const SYSTEMS = {
  mass_spring: MassSpring,
  damped_mass_spring: DampedMassSpring,
  pendulum: Pendulum,
  damped_pendulum: DampedPendulum,
};

export function buildSystem({ name, parameters }) {
  const System = SYSTEMS[name];
  if (!System) throw new Error(`unknown system "${name}"; there are ${Object.keys(SYSTEMS).join(", ")}`);
  return new System(parameters);
}
