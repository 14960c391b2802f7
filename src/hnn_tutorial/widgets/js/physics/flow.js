// A flow that is a motion: leapfrog of H = Σ p²/2m + V(q) in the plane, V a network and a spring; and a swarm
// of samples that it moves.
import { uniformNumbers } from "./swarm.js";

const PLACES = 4; // of the first drift of a step, evenly apart, at which the force is kept
const FORCES = 2 * PLACES;
const STATE = 4;
const AT_ONCE = 25; // samples between two looks at the clock

export class LeapfrogFlow {
  constructor({ steps, duration, masses, stiffness }, network) {
    Object.assign(this, { steps, duration, masses, stiffness, network, step: duration / steps });
    this.place = new Float64Array(2);
  }

  potential(q1, q2) {
    this.place[0] = q1;
    this.place[1] = q2;
    return this.network.forward(this.place)[0] + (this.stiffness * (q1 * q1 + q2 * q2)) / 2;
  }

  /** Write the force at a place into out[at], out[at + 1]. */
  force(q1, q2, out, at = 0) {
    const { place, stiffness } = this;
    place[0] = q1;
    place[1] = q2;
    const slope = this.network.inputGradient(place);
    out[at] = -slope[0] - stiffness * q1;
    out[at + 1] = -slope[1] - stiffness * q2;
  }

  /** One step of length h of [q1, q2, p1, p2], in place: half a drift, a kick, half a drift. */
  advance(x, h) {
    const { masses: [m1, m2] } = this;
    const force = (this.kick ??= new Float64Array(2));
    x[0] += (h / 2) * (x[2] / m1);
    x[1] += (h / 2) * (x[3] / m2);
    this.force(x[0], x[1], force);
    x[2] += h * force[0];
    x[3] += h * force[1];
    x[0] += (h / 2) * (x[2] / m1);
    x[1] += (h / 2) * (x[3] / m2);
    return x;
  }

  /** Where a start is at a time: whole steps, and then a shorter one. */
  at(start, time) {
    const { step } = this;
    const x = Float64Array.from(start);
    const whole = Math.floor(time / step + 1e-9);
    for (let k = 0; k < whole; k++) this.advance(x, step);
    const rest = time - whole * step;
    return rest > 1e-12 ? this.advance(x, rest) : x;
  }
}

/** So many standard normal states of four numbers, the same ones for a seed. */
export function normalStates(count, seed) {
  const draw = uniformNumbers(seed);
  const states = new Float64Array(STATE * count);
  for (let i = 0; i < states.length; i += 2) {
    // In pairs, by Box and Muller.
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    states[i] = radius * Math.cos(angle);
    states[i + 1] = radius * Math.sin(angle);
  }
  return states;
}

/** A swarm under a flow, known step by step. */
export class FlowSwarm {
  constructor(flow, starts, steps) {
    Object.assign(this, { flow, count: starts.length / STATE, steps });
    /** States at whole steps, and the forces along each step's first drift. */
    this.states = [Float32Array.from(starts)];
    this.forces = [];
    this.row = null;
    this.moved = 0;
    this.x = new Float64Array(STATE);
    this.f = new Float64Array(2);
  }

  get computed() {
    return this.forces.length;
  }

  /** Time up to which all samples are known. */
  get end() {
    return this.computed * this.flow.step;
  }

  get done() {
    return this.computed >= this.steps;
  }

  /** Compute on, until done or until the clock (performance.now) shows `deadline`; true if a step was completed. */
  advance(deadline) {
    const { count } = this;
    while (!this.done) {
      this.row ??= { next: new Float32Array(STATE * count), forces: new Float32Array(FORCES * count) };
      while (this.moved < count) {
        for (let n = 0; n < AT_ONCE && this.moved < count; n++) this.#move(this.moved++);
        if (performance.now() > deadline && this.moved < count) return false;
      }
      this.states.push(this.row.next);
      this.forces.push(this.row.forces);
      this.row = null;
      this.moved = 0;
      if (performance.now() > deadline) return true;
    }
    return true;
  }

  #move(i) {
    const { flow, x, f, row: { next, forces } } = this;
    const { step, masses: [m1, m2] } = flow;
    const from = this.states[this.computed];
    const [at, place] = [STATE * i, FORCES * i];
    for (let c = 0; c < STATE; c++) x[c] = from[at + c];
    for (let k = 0; k < PLACES; k++) {
      const drift = ((k / (PLACES - 1)) * step) / 2;
      flow.force(x[0] + drift * (x[2] / m1), x[1] + drift * (x[3] / m2), f);
      forces[place + 2 * k] = f[0];
      forces[place + 2 * k + 1] = f[1];
    }
    // The last of them is that of the whole step.
    x[0] += (step / 2) * (x[2] / m1);
    x[1] += (step / 2) * (x[3] / m2);
    x[2] += step * f[0];
    x[3] += step * f[1];
    x[0] += (step / 2) * (x[2] / m1);
    x[1] += (step / 2) * (x[3] / m2);
    next.set(x, at);
  }

  /** All states at a time that is known, into `out`: between two steps by a shorter one, whose force is that of
   * the cubic through the four that are kept. */
  at(time, out) {
    const { flow: { step, masses: [m1, m2] }, states, forces, computed } = this;
    const k = Math.min(Math.floor(time / step + 1e-9), computed);
    const share = Math.min(1, Math.max(0, time / step - k));
    if (k === computed || share < 1e-9) {
      out.set(states[k]);
      return out;
    }
    const [from, force, h] = [states[k], forces[k], share * step];
    const [a, b, c, d] = [share, 3 * share - 1, 3 * share - 2, share - 1];
    const weights = [(-b * c * d) / 2, (9 * a * c * d) / 2, (-9 * a * b * d) / 2, (a * b * c) / 2];
    for (let i = 0; i < this.count; i++) {
      const at = STATE * i;
      for (let axis = 0; axis < 2; axis++) {
        let pull = 0;
        for (let n = 0; n < PLACES; n++) pull += weights[n] * force[FORCES * i + 2 * n + axis];
        const p = from[at + 2 + axis] + h * pull;
        out[at + axis] = from[at + axis] + (h / 2) * ((from[at + 2 + axis] + p) / (axis ? m2 : m1));
        out[at + 2 + axis] = p;
      }
    }
    return out;
  }
}

/** ln ρ of a density below its maximum, from a table of 8 bits over a square around the origin. */
export class DensityTable {
  constructor({ half, mesh, depth, edge }, bytes) {
    const size = mesh + 1;
    if (!bytes || bytes.byteLength !== size * size) throw new Error(`the target's table needs ${size * size} bytes, but ${bytes?.byteLength ?? 0} arrived`);
    Object.assign(this, { half, mesh, depth, edge, size });
    this.levels = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
  }

  at(x, y) {
    const { half, mesh, size, levels, depth } = this;
    const [i, j] = [((x + half) / (2 * half)) * mesh, ((y + half) / (2 * half)) * mesh];
    if (!(i >= 0 && j >= 0 && i <= mesh && j <= mesh)) return -depth;
    const [column, row] = [Math.min(Math.floor(i), mesh - 1), Math.min(Math.floor(j), mesh - 1)];
    const [right, up] = [i - column, j - row];
    const k = row * size + column;
    const below = levels[k] + right * (levels[k + 1] - levels[k]);
    const above = levels[k + size] + right * (levels[k + size + 1] - levels[k + size]);
    return ((below + up * (above - below)) / 255 - 1) * depth;
  }

  /** Part of the states that lie in the region which holds nearly all of the density. */
  share(states) {
    let inside = 0;
    for (let i = 0; i < states.length; i += STATE) inside += this.at(states[i], states[i + 1]) >= this.edge;
    return (inside * STATE) / states.length;
  }
}
