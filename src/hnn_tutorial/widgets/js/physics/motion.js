// A motion from one start, computed in slices so that no frame waits for a long one.
import { addScaled, allFinite } from "./vectors.js";

const RUNAWAY = 1e6;
const STEPS_BETWEEN_LOOKS = 8;

export class Motion {
  /** `energy` is the true H, recorded along the way; `method` a row of METHODS. `into` and `from`
   * lead from a state [q, p] to the coordinates in which the field is stated, and back. */
  constructor({ field, energy, method, step, start, horizon, into = (x) => x, from = (x) => x }) {
    Object.assign(this, { field, energy, method, step, from });
    this.last = into(start);
    this.count = Math.floor(horizon / step + 1e-9);
    this.states = [Float64Array.from(start)];
    this.energies = [energy(this.states[0])];
    /** Why the motion ended early, or null. */
    this.problem = null;
  }

  get computed() {
    return this.states.length - 1;
  }

  /** Time up to which the motion is known. */
  get end() {
    return this.computed * this.step;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  /** Compute on, until done or until the clock (performance.now) shows `deadline`. */
  advance(deadline) {
    while (!this.done) {
      for (let i = 0; i < STEPS_BETWEEN_LOOKS && !this.done; i++) this.#step();
      if (performance.now() > deadline) return;
    }
  }

  #step() {
    try {
      const next = this.method.step(this.field, this.last, this.step);
      if (!allFinite(next) || next.some((value) => Math.abs(value) > RUNAWAY)) {
        this.problem = "ran away";
        return;
      }
      // A table has no energy beyond its edge: there a motion of a model ends too.
      const state = this.from(next);
      this.energies.push(this.energy(state));
      this.states.push(state);
      this.last = next;
    } catch (error) {
      this.problem = error.message;
    }
  }

  /** The state at a time, on the straight line between two steps; the last one after the end. */
  at(time) {
    const k = Math.min(Math.floor(time / this.step), this.computed);
    const here = this.states[k];
    if (k === this.computed) return here;
    return addScaled(here, time / this.step - k, addScaled(this.states[k + 1], -1, here));
  }
}
