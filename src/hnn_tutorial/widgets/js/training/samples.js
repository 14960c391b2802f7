// The data that the reader gathers: states of the plane with the true derivatives there, and for each
// a pair of standard normal numbers, which times σ are its noise. A table that Python reads too.
import { METHODS } from "../physics/integrators.js";
import { wrapAngle } from "../physics/vectors.js";
import { normalNumbers } from "./initial_weights.js";

const COLUMNS = 7; // state (2), derivative (2), draw (2), number of the trajectory
export const MOST_SAMPLES = 2000;
const FINE_STEP = 0.01; // s, of the true motion

/** Little-endian float64 numbers of a DataView, ArrayBuffer or typed array. */
export function decodeDoubles(bytes) {
  const { buffer = bytes, byteOffset = 0, byteLength = 0 } = bytes ?? {};
  if (byteLength % 8) throw new Error(`${byteLength} bytes are no whole float64 numbers`);
  return new Float64Array(byteLength ? buffer.slice(byteOffset, byteOffset + byteLength) : 0);
}

export class Samples {
  /** `bytes` is the table, row by row. */
  constructor(system, bytes) {
    const table = decodeDoubles(bytes);
    if (table.length % COLUMNS) throw new Error(`the data are ${table.length} numbers, no whole rows of ${COLUMNS}`);
    if (!table.every(Number.isFinite)) throw new Error("the data hold NaN or infinite values");
    this.system = system;
    this.rows = Array.from({ length: table.length / COLUMNS }, (_, k) => table.subarray(k * COLUMNS, (k + 1) * COLUMNS));
    this.normal = normalNumbers(1 + this.count);
  }

  get count() {
    return this.rows.length;
  }

  get trajectories() {
    return new Set(this.rows.map((row) => row[6])).size;
  }

  encode() {
    const table = new Float64Array(this.count * COLUMNS);
    this.rows.forEach((row, k) => table.set(row, k * COLUMNS));
    return new DataView(table.buffer);
  }

  /** Add states as one trajectory; returns whether there was room. */
  add(states) {
    if (this.count + states.length > MOST_SAMPLES) return false;
    const number = this.rows.reduce((most, row) => Math.max(most, row[6] + 1), 0);
    for (const x of states) {
      const slope = this.system.field(x);
      this.rows.push(Float64Array.of(x[0], x[1], slope[0], slope[1], this.normal(), this.normal(), number));
    }
    return true;
  }

  /** Take the last trajectory away. */
  undo() {
    const last = this.rows.at(-1)?.[6];
    this.rows = this.rows.filter((row) => row[6] !== last);
  }

  clear() {
    this.rows = [];
  }

  /** The states as they were observed, one after the other. */
  states(noise) {
    return Float64Array.from(this.rows.flatMap((row) => [row[0] + noise * row[4], row[1] + noise * row[5]]));
  }

  derivatives() {
    return Float64Array.from(this.rows.flatMap((row) => [row[2], row[3]]));
  }
}

/** The true motion from a state, seen at `points` instants in `duration` seconds. */
export function observe(system, start, duration, points) {
  const gap = duration / Math.max(1, points - 1);
  const steps = Math.ceil(gap / FINE_STEP);
  const field = (x) => system.field(x);
  const states = [Float64Array.from(start)];
  while (states.length < points) {
    let x = states.at(-1);
    for (let k = 0; k < steps; k++) x = METHODS.rk4.step(field, x, gap / steps);
    states.push(x);
  }
  return states.map((x) => x.map((value, i) => (system.angles.includes(i) ? wrapAngle(value) : value)));
}
