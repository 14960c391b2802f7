// What the integrator lab computes of one method: a long motion with its energy errors, and how its
// error falls when more work is spent on it.
import { allFinite } from "../vectors.js";

const RUNAWAY_STATE = 1e6;

/** Numbers of steps, at most 6 % apart, at which errors are noted: a curve on a logarithmic axis. */
export function notedSteps(count) {
  const noted = [];
  for (let k = 1; k < count; k = Math.max(k + 1, Math.round(1.06 * k))) noted.push(k);
  noted.push(count);
  return noted;
}

/** A motion of many steps. Its arrays are kept from one start to the next. */
export class LongRun {
  #states = new Float32Array(0);

  constructor(method) {
    this.method = method;
  }

  begin({ field, energy, start, step, noted }) {
    const size = start.length;
    this.count = noted.at(-1);
    const length = (this.count + 1) * size;
    if (this.#states.length < length) this.#states = new Float32Array(length);
    Object.assign(this, { energy, start, step, noted, size });
    this.x = Float64Array.from(start);
    this.#states.set(this.x);
    this.calls = 0;
    this.field = (x, out) => {
      this.calls += 1;
      return field(x, out);
    };
    this.startEnergy = energy(start);
    this.computed = 0;
    this.paid = 0; // calls up to the last step that was good
    this.largest = 0;
    /** Largest relative energy error up to each noted step, as far as it is computed. */
    this.errors = [];
    /** Why the motion ended early, or null. */
    this.problem = null;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  /** Time up to which the motion is known. */
  get end() {
    return this.computed * this.step;
  }

  /** Calls of the field per step, on average. */
  get cost() {
    return this.paid / this.computed;
  }

  advance(deadline) {
    while (!this.done) {
      for (let i = 0; i < 32 && !this.done; i++) this.#step();
      if (performance.now() > deadline) return;
    }
  }

  #step() {
    const { x, size } = this;
    try {
      this.method.step(this.field, x, this.step, x);
    } catch (error) {
      this.problem = error.message;
      return;
    }
    for (let i = 0; i < size; i++) if (!(Math.abs(x[i]) <= RUNAWAY_STATE)) this.problem = "ran away";
    if (this.problem !== null) return;
    this.computed += 1;
    this.paid = this.calls;
    this.#states.set(x, this.computed * size);
    const error = Math.abs(this.energy(x) - this.startEnergy) / (Math.abs(this.startEnergy) || 1);
    if (error > this.largest) this.largest = error;
    if (this.noted[this.errors.length] === this.computed) this.errors.push(this.largest);
  }

  /** Component i of the state after k steps. */
  state(k, i) {
    return this.#states[k * this.size + i];
  }

  /** The largest error up to a time. */
  largestUntil(time) {
    const k = Math.floor(time / this.step + 1e-9);
    let j = 0;
    while (j + 1 < this.errors.length && this.noted[j + 1] <= k) j += 1;
    return k < 1 || this.errors.length === 0 ? 0 : this.errors[j];
  }
}

/** Distance from `right` after `duration` in `count` steps of a method, and the calls of the field
 * that this took; NaN where the method fails. */
export function workAndError({ system, method, start, duration, count, right }) {
  let calls = 0;
  const field = (x, out) => {
    calls += 1;
    return system.field(x, out);
  };
  const x = Float64Array.from(start);
  try {
    for (let k = 0; k < count; k++) method.step(field, x, duration / count, x);
  } catch {
    return { calls: NaN, error: NaN };
  }
  const error = allFinite(x) ? Math.hypot(...system.difference(x, right)) : NaN;
  return { calls: calls / duration, error };
}
