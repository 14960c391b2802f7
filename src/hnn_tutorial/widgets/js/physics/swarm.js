// Near-identical copies of one start, how fast they part, and the rate at which an orbit parts
// from its neighbours for ever: the largest Lyapunov exponent.
import { adaptiveStep } from "./integrators/adaptive.js";
import { addScaled } from "./vectors.js";

const SHADOW = 1e-7; // distance at which the shadow is held; far above rounding, far below the orbit

/** Numbers uniform in [0, 1), the same ones each time (mulberry32). */
export function uniformNumbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A vector of so many components and of length 1, in a direction without preference. */
function randomDirection(size, draw) {
  const v = Float64Array.from({ length: size }, () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw()));
  return v.map((value) => value / Math.hypot(...v));
}

export class Swarm {
  /** `copies` starts (none, to learn the exponent alone) at the distance `apart` from `start`, in all
   * directions of [q, p]. `storage` may be that of a swarm that is no longer wanted: a drag makes many,
   * one after the other. */
  constructor({ system, step, start, horizon, copies, apart, storage }) {
    Object.assign(this, { system, step, copies, size: start.length });
    this.field = (x, out) => system.field(x, out);
    this.count = Math.floor(horizon / step + 1e-9);
    /** The copies after the last step, one after the other. */
    this.current = new Float64Array(copies * this.size);
    const draw = uniformNumbers(1);
    for (let i = 0; i < copies; i++) this.copy(this.current, i).set(addScaled(start, apart, randomDirection(this.size, draw)));
    const length = (this.count + 1) * this.current.length;
    /** What is drawn: the copies after every step, in as many digits as a picture needs. */
    this.storage = storage?.length === length ? storage : new Float32Array(length);
    this.frame(0).set(this.current);
    /** Root mean square distance of the copies from the orbit in their midst, after each step. */
    this.spreads = [apart];
    this.problem = null;
    // The orbit itself, and a neighbour that is brought back to the distance SHADOW at each step.
    this.centre = Float64Array.from(start);
    this.shadow = addScaled(start, SHADOW, randomDirection(this.size, draw));
    this.logGrowth = 0;
    this.moved = 0;
  }

  get computed() {
    return this.spreads.length - 1;
  }

  get end() {
    return this.computed * this.step;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  /** Mean rate of growth of the shadow's distance so far, per unit of time. */
  get exponent() {
    return this.computed ? this.logGrowth / this.end : 0;
  }

  /** Compute on, until done or until the clock (performance.now) shows `deadline`. */
  advance(deadline) {
    while (!this.done) {
      try {
        if (!this.#moveCopies(deadline)) return;
        this.#moveShadow();
      } catch (error) {
        this.problem = error.message;
        return;
      }
      this.moved = 0;
      this.spreads.push(this.#spread());
      this.frame(this.computed).set(this.current);
    }
  }

  /** Take the copies one step on, as many of them as there is time for; true if all are there. */
  #moveCopies(deadline) {
    for (; this.moved < this.copies; this.moved++) {
      if (performance.now() > deadline) return false;
      const copy = this.copy(this.current, this.moved);
      adaptiveStep(this.field, copy, this.step, copy);
    }
    return true;
  }

  #moveShadow() {
    const { field, step, system } = this;
    adaptiveStep(field, this.centre, step, this.centre);
    adaptiveStep(field, this.shadow, step, this.shadow);
    const apart = system.difference(this.shadow, this.centre);
    const distance = Math.hypot(...apart);
    this.logGrowth += Math.log(distance / SHADOW);
    this.shadow = addScaled(this.centre, SHADOW / distance, apart);
  }

  #spread() {
    let sum = 0;
    for (let i = 0; i < this.copies; i++) {
      for (const value of this.system.difference(this.copy(this.current, i), this.centre)) sum += value ** 2;
    }
    return Math.sqrt(sum / this.copies);
  }

  /** The copies after step k, for drawing. */
  frame(k) {
    return this.storage.subarray(k * this.current.length, (k + 1) * this.current.length);
  }

  /** The copies at a time, on the straight line between two steps; the last ones after the end. */
  at(time) {
    const k = Math.min(Math.floor(time / this.step), this.computed);
    const here = this.frame(k);
    if (k === this.computed) return here;
    const share = time / this.step - k;
    const there = this.frame(k + 1);
    return here.map((value, i) => value + share * (there[i] - value));
  }

  copy(states, i) {
    return states.subarray(i * this.size, (i + 1) * this.size);
  }
}
