// A motion of the Hénon–Heiles system, or of a network that learned it, followed from the section x = 0
// back to it, again and again; and, for a while, how fast a neighbour parts from it.
import { adaptiveStep } from "./integrators/adaptive.js";
import { crossing } from "./section.js";
import { addScaled } from "./vectors.js";

const SAMPLE = 0.2; // between two looks at the sign of x; an orbit takes about 6 to come back
const FINE = 1e-9; // tolerance of a step: over 1000 units of time the true energy keeps to 3e-7
const NEAR = 1e-7; // distance at which the neighbour is held
const DIRECTION = Float64Array.of(0.36, 0.48, -0.48, 0.64); // of the neighbour at first, without preference
const WATCHED = 600; // time for which it is followed
const ORDER = 9; // powers of e by which it parts in that time in an ordered motion, at most
const CHAOS = 12; // and in a chaotic one, at least
const OVER = 1.01; // times the energy that a point in the section needs: plainly more than there is

export class Passages {
  /** `start` is a state on the section. It is the first of `points`, which are y, p_y, y, p_y, ...; `energy`
   * is the true H, of which `drift` keeps the greatest change at a point. From `far` it has escaped. */
  constructor({ field, energy, start, horizon, far }) {
    Object.assign(this, { field, energy, horizon, far });
    this.state = Float64Array.from(start);
    this.next = new Float64Array(start.length);
    this.neighbour = addScaled(this.state, NEAR, DIRECTION);
    this.count = Math.round(horizon / SAMPLE);
    this.watched = Math.round(Math.min(horizon, WATCHED) / SAMPLE);
    this.computed = 0;
    this.points = [start[1], start[3]];
    this.first = energy(start);
    this.drift = 0;
    this.growth = 0;
    /** Whether a point lies where the energy allows none. */
    this.left = false;
    /** Why the motion ended early, or null. */
    this.problem = null;
  }

  get time() {
    return this.computed * SAMPLE;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  /** How often it came back. */
  get returns() {
    return this.points.length / 2 - 1;
  }

  /** "curve", "scatter" or, where that is not clear, "unclear"; null as long as it is not known. */
  get kind() {
    if (this.problem !== null || this.returns === 0) return this.done ? "unclear" : null;
    if (this.computed < this.watched) return null;
    if (this.watched * SAMPLE < WATCHED) return "unclear";
    return this.growth < ORDER ? "curve" : this.growth > CHAOS ? "scatter" : "unclear";
  }

  /** Compute on, until done or until the clock (performance.now) shows `deadline`. */
  advance(deadline) {
    while (!this.done && performance.now() < deadline) {
      try {
        this.#step();
      } catch (error) {
        this.problem = error.message;
      }
    }
  }

  #step() {
    const { field, state, next } = this;
    adaptiveStep(field, state, SAMPLE, next, FINE);
    if (!(Math.hypot(next[0], next[1]) < this.far)) {
      this.problem = "escaped";
      return;
    }
    const crossed = crossing(field, state, next, SAMPLE);
    if (crossed) {
      const [, y, , py] = crossed.state;
      this.points.push(y, py);
      this.left ||= this.energy([0, y, 0, py]) > OVER * this.first;
      this.drift = Math.max(this.drift, Math.abs(this.energy(crossed.state) - this.first));
    }
    [this.state, this.next] = [next, state];
    if (this.computed < this.watched) this.#watch();
    this.computed += 1;
  }

  #watch() {
    const { field, neighbour, state } = this;
    adaptiveStep(field, neighbour, SAMPLE, neighbour, FINE);
    const apart = addScaled(neighbour, -1, state);
    const distance = Math.hypot(...apart);
    this.growth += Math.log(distance / NEAR);
    for (let i = 0; i < state.length; i++) neighbour[i] = state[i] + (NEAR / distance) * apart[i];
  }
}
