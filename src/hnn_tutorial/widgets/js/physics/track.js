// A motion by adaptive steps, sampled at equal times and kept in one array, which the next motion
// from another start takes over: a drag makes sixty of them a second.
import { adaptiveStep } from "./integrators/adaptive.js";

const FARTHEST = 1e6;

export class Track {
  /** `energy` is the true H, recorded along the way; `storage` that of a track no longer wanted. */
  constructor({ field, energy, step, start, horizon, storage }) {
    Object.assign(this, { field, energy, step, size: start.length });
    this.count = Math.floor(horizon / step + 1e-9);
    const length = (this.count + 1) * (this.size + 1);
    this.storage = storage?.length === length ? storage : new Float64Array(length);
    this.current = Float64Array.from(start);
    this.computed = -1;
    /** Why the motion ended early, or null. */
    this.problem = null;
    this.#keep();
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
    while (!this.done && performance.now() < deadline) {
      try {
        adaptiveStep(this.field, this.current, this.step, this.current);
        if (this.current.every((value) => Math.abs(value) <= FARTHEST)) this.#keep();
        else this.problem = "ran away";
      } catch (error) {
        this.problem = error.message;
      }
    }
  }

  #keep() {
    this.computed += 1;
    const row = this.computed * (this.size + 1);
    this.storage.set(this.current, row);
    this.storage[row + this.size] = this.energy(this.current);
  }

  state(k) {
    const row = k * (this.size + 1);
    return this.storage.subarray(row, row + this.size);
  }

  energyAt(k) {
    return this.storage[k * (this.size + 1) + this.size];
  }

  /** The state at a time, on the straight line between two samples; the last one after the end. */
  at(time) {
    const k = Math.min(Math.floor(time / this.step), this.computed);
    const here = this.state(k);
    if (k === this.computed) return here;
    const share = time / this.step - k;
    const there = this.state(k + 1);
    return here.map((value, i) => value + share * (there[i] - value));
  }
}
