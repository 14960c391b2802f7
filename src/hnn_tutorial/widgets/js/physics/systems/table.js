// A system of the reader's own, of one degree of freedom: no formula, but a table that Python made of it
// (widgets/_table.py), and so a field that ends where the table ends.
import { wrapAngle } from "../vectors.js";

/** What is said of a motion that came to the edge of the table. */
export const LEFT = "left the table";

/** A function on a mesh: its value and slopes at the nodes, in each cell the bicubic Hermite polynomial
 * through them. Its slopes are continuous. */
class Sheet {
  /** Where the last state that `find` was given lies: the number of its node, then four cubics and
   * their slopes in each direction. */
  static place = { node: 0, q: new Float64Array(8), p: new Float64Array(8) };

  constructor(numbers, [rows, columns], [stepQ, stepP]) {
    this.columns = columns + 1;
    // In cells, so that no step is needed any more: f, f_q, f_p, f_qp of each node.
    const scale = [1, stepQ, stepP, stepQ * stepP];
    this.nodes = Float64Array.from(numbers, (value, k) => value * scale[k % 4]);
    if (this.nodes.length !== 4 * (rows + 1) * this.columns) throw new Error(`the table needs ${4 * (rows + 1) * this.columns} numbers, but ${this.nodes.length} arrived`);
  }

  /** The value at the place, with `inQ` and `inP` 0; the slope along q or p, in cells, with one of them 4. */
  at({ node, q, p }, inQ = 0, inP = 0) {
    const { columns, nodes } = this;
    let sum = 0;
    for (let a = 0; a < 2; a++) {
      const f = q[inQ + a];
      const d = q[inQ + 2 + a];
      for (let b = 0; b < 2; b++) {
        const k = 4 * (node + a * columns + b);
        sum += p[inP + b] * (nodes[k] * f + nodes[k + 1] * d) + p[inP + 2 + b] * (nodes[k + 2] * f + nodes[k + 3] * d);
      }
    }
    return sum;
  }
}

/** The four cubics of a cell at s in [0, 1], for values and slopes at its ends, and their slopes. */
function setCubics(out, s) {
  const rest = 1 - s;
  out[0] = (1 + 2 * s) * rest * rest;
  out[1] = s * s * (3 - 2 * s);
  out[2] = s * rest * rest;
  out[3] = -s * s * rest;
  out[4] = -6 * s * rest;
  out[5] = 6 * s * rest;
  out[6] = rest * (1 - 3 * s);
  out[7] = s * (3 * s - 2);
}

export class TableSystem {
  degrees = 1;
  bodyName = "bead";

  /** `spec` is what `encode_own_system` returns: `plane` [[q from, to], [p from, to]]; `cells` along each;
   * `table`, little-endian float64 in base64, of H, then of what q̇ and ṗ have besides (where
   * `beside` says so); `coupled`, why q̇ and ṗ cannot be split, or ""; `divergence`, between which rates
   * areas grow, or []; `error`, how far the field is off;
   * `says`, that in words; `lowest` and `highest`, of H. */
  constructor(spec) {
    const { angles, beside, cells, coordinates, coupled, divergence, error, highest, lowest, plane, says, table, title } = spec;
    Object.assign(this, { angles, cells, coordinates, coupled, divergence, error, highest, lowest, plane, says, title });
    this.steps = plane.map(([low, high], i) => (high - low) / cells[i]);
    this.middle = plane.map(([low, high]) => (low + high) / 2);
    this.halves = plane.map(([low, high]) => (high - low) / 2);
    const bytes = Uint8Array.from(atob(table), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const numbers = Float64Array.from({ length: bytes.length / 8 }, (_, k) => view.getFloat64(8 * k, true));
    if (!numbers.every(Number.isFinite)) throw new Error("the table holds numbers that are not finite");
    const kept = [true, ...beside].filter(Boolean).length;
    const each = numbers.length / kept;
    const sheet = (k) => new Sheet(numbers.subarray(k * each, (k + 1) * each), cells, this.steps);
    this.energies = sheet(0);
    this.besideQ = beside[0] ? sheet(1) : null;
    this.besideP = beside[1] ? sheet(kept - 1) : null;
    // With units that are stated, H is in joules.
    this.energyUnit = coordinates.every(([, unit]) => unit) ? "J" : "";
  }

  /** Find the cell of a state, or say that there is none. */
  #find(q, p) {
    const { place } = Sheet;
    const { cells, plane, steps } = this;
    const s = ((this.angles.length ? wrapAngle(q) : q) - plane[0][0]) / steps[0];
    const t = (p - plane[1][0]) / steps[1];
    // A rounding error beyond the edge is no way beyond it; NaN is.
    if (!(s > -1e-9 && s < cells[0] + 1e-9 && t > -1e-9 && t < cells[1] + 1e-9)) throw new Error(LEFT);
    const i = Math.min(Math.max(0, Math.floor(s)), cells[0] - 1);
    const j = Math.min(Math.max(0, Math.floor(t)), cells[1] - 1);
    place.node = i * (cells[1] + 1) + j;
    setCubics(place.q, s - i);
    setCubics(place.p, t - j);
    return place;
  }

  contains(x) {
    return x.every((value, i) => this.angles.includes(i) || (value >= this.plane[i][0] && value <= this.plane[i][1]));
  }

  hamiltonian(x) {
    return this.energies.at(this.#find(x[0], x[1]));
  }

  field(x, slope = new Float64Array(2)) {
    const { besideP, besideQ, energies, steps } = this;
    const [q, p] = [x[0], x[1]];
    // Where q̇ depends on p alone and ṗ on q, they are read along one row and one column of the table, so
    // that not even a rounding error couples them.
    let place = this.coupled ? this.#find(q, p) : this.#find(q, this.plane[1][0]);
    slope[1] = -energies.at(place, 4, 0) / steps[0] + (besideP ? besideP.at(place) : 0);
    if (!this.coupled) place = this.#find(this.plane[0][0], p);
    slope[0] = energies.at(place, 0, 4) / steps[1] + (besideQ ? besideQ.at(place) : 0);
    return slope;
  }

  /** [q, p] of [q, q̇]: the p at which the table's ∂H/∂p is q̇, by bisection, for it rises with p where
   * there is a Lagrangian. */
  momenta([q, velocity]) {
    const at = (p) => this.energies.at(this.#find(q, p), 0, 4) / this.steps[1] - velocity;
    let [low, high] = this.plane[1];
    if (at(low) > 0 || at(high) < 0) throw new Error(LEFT);
    for (let k = 0; k < 52; k++) {
      const middle = (low + high) / 2;
      if (at(middle) < 0) low = middle;
      else high = middle;
    }
    return Float64Array.of(q, (low + high) / 2);
  }

  /** x - y, an angle the short way round. */
  difference(x, y) {
    const apart = x[0] - y[0];
    return Float64Array.of(this.angles.length ? wrapAngle(apart) : apart, x[1] - y[1]);
  }

  /** Half-widths of the plane: that of the table, always. */
  view() {
    return this.halves;
  }

  /** Energies whose level lines are drawn: nearer to each other where H is flat. */
  levels(count) {
    return Array.from({ length: count }, (_, k) => this.lowest + (this.highest - this.lowest) * ((k + 1) / count) ** 2);
  }
}
