// A start and where a map takes it again and again, with what becomes of its energy, of a small area around
// it, and of a small arrow from it to a neighbour.
import { wrapAngle } from "./vectors.js";

const RUNAWAY = 1e6;
const FEWEST = 300; // maps after which an orbit is judged
const ORDER = 7; // powers of e by which a neighbour parts beyond one for each map, at most in order
const CHAOS = 14; // and in chaos, at least

export class Iterates {
  /** `energy` is the true H. `points` are q, p, q, p, ... with q in (−π, π], and `count` is how often to map. */
  constructor({ map, energy, start, count }) {
    Object.assign(this, { map, energy, count });
    this.x = Float64Array.from(start);
    this.next = new Float64Array(2);
    this.slopes = new Float64Array(4);
    this.arrow = [0.6, 0.8];
    this.points = new Float32Array(2 * (count + 1));
    this.computed = 0;
    this.#note();
    this.first = energy(this.x);
    /** How far the energy is from its first value, now and at most. */
    this.change = 0;
    this.drift = 0;
    /** The logarithm of the area, now and where it is farthest from 0: a sum over the maps. */
    this.area = 0;
    this.areaDrift = 0;
    this.growth = 0;
    /** Why it ended early, or null. */
    this.problem = null;
  }

  get done() {
    return this.problem !== null || this.computed >= this.count;
  }

  /** "curve", "scatter" or, where that is not clear, "unclear"; null as long as it is not known. */
  get kind() {
    if (!this.done) return null;
    if (this.problem !== null || this.computed < FEWEST) return "unclear";
    const beyond = this.growth - Math.log(this.computed);
    return beyond < ORDER ? "curve" : beyond > CHAOS ? "scatter" : "unclear";
  }

  /** Map up to so many times, until done or until the clock (performance.now) shows `deadline`. */
  advance(most, deadline) {
    for (let i = 0; i < most && !this.done; i++) {
      if (performance.now() > deadline) return;
      this.#step();
    }
  }

  #step() {
    const { x, next, slopes, arrow } = this;
    try {
      this.map.map(x, next, slopes);
    } catch (error) {
      this.problem = error.message;
      return;
    }
    if (!(Math.abs(next[0]) < RUNAWAY && Math.abs(next[1]) < RUNAWAY)) {
      this.problem = "ran away";
      return;
    }
    [this.x, this.next] = [next, x];
    this.computed += 1;
    this.#note();
    this.change = this.energy(next) - this.first;
    this.drift = Math.max(this.drift, Math.abs(this.change));
    this.area += Math.log(Math.abs(slopes[0] * slopes[3] - slopes[1] * slopes[2]));
    if (Math.abs(this.area) > Math.abs(this.areaDrift)) this.areaDrift = this.area;
    const along = slopes[0] * arrow[0] + slopes[1] * arrow[1];
    const across = slopes[2] * arrow[0] + slopes[3] * arrow[1];
    const length = Math.hypot(along, across);
    this.growth += Math.log(length);
    this.arrow = [along / length, across / length];
  }

  #note() {
    this.points[2 * this.computed] = wrapAngle(this.x[0]);
    this.points[2 * this.computed + 1] = this.x[1];
  }
}
