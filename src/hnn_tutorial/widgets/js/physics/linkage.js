// A linkage that swings: a motion of points on rods in steps, with how far its rods and its energy are off; and
// a linkage in a hand.

const RUNAWAY = 1e3;
const HEAVY = 0.2; // of the others' inverse masses: the joint in the hand is moved the least by its rods
const REACH = 0.04; // of the linkage's size, the farthest that a hand goes at once

export class LinkageMotion {
  /** `advance(x, h)` returns the state one step later; `energy(x)` is the true one. */
  constructor({ advance, energy, rods, start, step }) {
    Object.assign(this, { next: advance, energy, rods, start, step, first: energy(start) });
    this.begin();
  }

  begin() {
    this.x = Float64Array.from(this.start);
    this.before = this.x;
    this.computed = 0;
    /** How far it is off now: the rod that is farthest from its length, and the energy. */
    this.off = 0;
    this.change = 0;
    this.offMost = 0;
    this.changeMost = 0;
    /** Why it ended early, or null. */
    this.problem = null;
  }

  get time() {
    return this.computed * this.step;
  }

  /** Compute on past a time, or until the clock (performance.now) shows `deadline`. */
  advanceTo(time, deadline) {
    while (this.problem === null && this.time < time && performance.now() < deadline) this.#advance();
  }

  #advance() {
    let next;
    try {
      next = this.next(this.x, this.step);
    } catch (error) {
      this.problem = error.message;
      return;
    }
    if (!next.every((value) => Math.abs(value) < RUNAWAY)) {
      this.problem = "it ran away";
      return;
    }
    [this.before, this.x] = [this.x, next];
    this.computed += 1;
    this.off = this.rods.offBy(next);
    this.change = this.energy(next) - this.first;
    this.offMost = Math.max(this.offMost, Math.abs(this.off));
    this.changeMost = Math.max(this.changeMost, Math.abs(this.change));
  }

  /** The positions at a time within the last step, in a straight line: for the eye. */
  shown(time) {
    const { x, before, step } = this;
    const share = this.problem === null ? Math.min(1, Math.max(0, 1 - (this.time - time) / step)) : 1;
    return x.slice(0, x.length / 2).map((value, i) => before[i] + share * (value - before[i]));
  }
}

/** The positions on the rods with a joint as near to (x, y) as a hand can bring it. */
export function dragged(rods, q, joint, [x, y], size) {
  const W = Array.from({ length: rods.points }, (_, i) => Array.from({ length: rods.points }, (__, j) => (i !== j ? 0 : i === joint ? HEAVY : 1)));
  let at = Float64Array.from(q);
  for (let go = 0; go < 200; go++) {
    const way = [x - at[2 * joint], y - at[2 * joint + 1]];
    const distance = Math.hypot(...way);
    if (distance < 1e-9 * size) return at;
    const share = Math.min(1, (REACH * size) / distance);
    const moved = Float64Array.from(at);
    for (let axis = 0; axis < 2; axis++) moved[2 * joint + axis] += share * way[axis];
    try {
      const held = rods.project(moved, W);
      // The hand pulls no farther where the rods are stretched out.
      if (!(Math.hypot(x - held[2 * joint], y - held[2 * joint + 1]) < distance - 1e-6 * size)) return at;
      // A projection that leaps has found another way to put the rods together.
      if (held.some((value, i) => Math.abs(value - at[i]) > 10 * REACH * size)) return at;
      at = held;
    } catch {
      return at;
    }
  }
  return at;
}
