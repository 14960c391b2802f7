// What brings a pole on a cart up and holds it there, by the energy and mass matrix of a machine of its
// own, true or learned: `{ energy(x), massMatrix(x), field(x) }` of [s, θ, ṡ, θ̇].
import { rk4Step } from "./integrators/explicit.js";
import { allFinite, wrapAngle } from "./vectors.js";

const TOO_FAR = 1e4; // of any coordinate: the motion has run away
const SLICE = 16; // held inputs between two looks at the clock

/** The accelerations that a force on the cart and a torque on the pole add. */
export function addedBy([[a, b], [c, d]], force, torque) {
  const determinant = a * d - b * c;
  return [(d * force - b * torque) / determinant, (a * torque - c * force) / determinant];
}

export class Steering {
  /** `law`: `{ gain, above, limit, centre, most, near, regulator }`. */
  constructor(machine, law) {
    Object.assign(this, { machine, law });
    this.goal = machine.energy(Float64Array.of(0, Math.PI, 0, 0));
  }

  /** Whether the regulator holds the pole there. */
  isNear([, angle, , turning]) {
    const [size, rate] = this.law.near;
    return Math.abs(wrapAngle(angle - Math.PI)) < size && Math.abs(turning) < rate;
  }

  /** The force on the cart, cut to what the motor can do. */
  input(x) {
    const { limit } = this.law;
    const wanted = this.isNear(x) ? this.#hold(x) : this.#pump(x);
    return Math.min(limit, Math.max(-limit, wanted));
  }

  #hold([place, angle, speed, turning]) {
    const [a, b, c, d] = this.law.regulator;
    return -(a * place + b * wrapAngle(angle - Math.PI) + c * speed + d * turning);
  }

  #pump(x) {
    const { machine, goal } = this;
    const { gain, above, most, centre } = this.law;
    const [place, angle, speed, turning] = x;
    const seen = Float64Array.of(0, angle, 0, turning); // from the cart, wherever it is
    const coupling = machine.massMatrix(seen)[1][0];
    const asked = gain * (machine.energy(seen) - goal - above) * coupling * turning - centre[0] * place - centre[1] * speed;
    const wanted = Math.min(most, Math.max(-most, asked));
    return (wanted - machine.field(x)[2]) / addedBy(machine.massMatrix(x), 1, 0)[0];
  }
}

/** The true motion under a steering that is asked every `hold` seconds. */
export class Steered {
  constructor({ system, steering, friction, hold, horizon, start }) {
    Object.assign(this, { system, steering, friction, hold });
    this.count = Math.round(horizon / hold);
    this.states = [Float64Array.from(start)];
    this.inputs = [];
    this.work = [0];
    this.energies = [this.poleEnergy(this.states[0])];
    this.problem = null;
    this.field = (x, slope) => {
      system.field(x, slope);
      const [cart, pole] = addedBy(system.massMatrix(x), this.force, -friction * x[3]);
      slope[2] += cart;
      slope[3] += pole;
      return slope;
    };
  }

  /** Of the pole as seen from the cart, by the true masses. */
  poleEnergy([, angle, , turning]) {
    return this.system.energy(Float64Array.of(0, angle, 0, turning));
  }

  get computed() {
    return this.inputs.length;
  }

  get end() {
    return this.computed * this.hold;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  advance(deadline) {
    while (!this.done) {
      for (let i = 0; i < SLICE && !this.done; i++) this.#step();
      if (performance.now() > deadline) return;
    }
  }

  #step() {
    const x = this.states.at(-1);
    this.force = this.steering.input(x);
    const next = rk4Step(this.field, x, this.hold);
    if (!allFinite(next) || next.some((value) => Math.abs(value) > TOO_FAR)) {
      this.problem = "ran away";
      return;
    }
    this.inputs.push(this.force);
    // Exact, for the force is held.
    this.work.push(this.work.at(-1) + this.force * (next[0] - x[0]));
    this.states.push(next);
    this.energies.push(this.poleEnergy(next));
  }

  /** The state at a time, between two on a straight line; the last one after the end. */
  at(time) {
    const k = Math.min(Math.floor(time / this.hold + 1e-9), this.computed);
    if (k === this.computed) return this.states[k];
    const share = time / this.hold - k;
    return this.states[k].map((value, i) => value + share * (this.states[k + 1][i] - value));
  }

  /** Since when the pole stands, within `size` of upright, at a time; null where it does not. */
  heldSince(time, size) {
    let k = Math.min(Math.floor(time / this.hold + 1e-9), this.computed);
    const stands = (j) => Math.abs(wrapAngle(this.states[j][1] - Math.PI)) < size;
    if (!stands(k)) return null;
    while (k > 0 && stands(k - 1)) k -= 1;
    return k * this.hold;
  }
}
