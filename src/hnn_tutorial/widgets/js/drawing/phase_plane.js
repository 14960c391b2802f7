// The phase plane of one degree of freedom: which part of it is shown, how states lie in it, the
// level lines of H, and what the reader's hand in it means.
import { sampleMesh, traceLevel } from "./contours.js";
import { Axes, angleLabel, clamp, drawFrame, tickLabel, ticks, tracePoints, withUnit } from "./canvas.js";
import { wrapAngle } from "../physics/vectors.js";

const LEVELS = 7;
const MESH = 56; // cells along a side, for level lines without a formula

export class PhasePlane {
  /** `pair` counts the degrees of freedom: the plane of q and p number `pair`. */
  constructor(system, pair = 0) {
    Object.assign(this, { system, q: pair, p: system.degrees + pair });
    this.isAngle = system.angles.includes(pair);
    /** What the middle of the plane shows: a table need not reach as far on both sides of zero. */
    this.middle = system.middle ?? new Array(2 * system.degrees).fill(0);
  }

  /** Show motions up to an energy; keep what is shown while a state moves inside it. */
  fit(state, energy) {
    const inside = this.view && this.shown(state).every((value, i) => Math.abs(value - this.middle[i]) <= this.view[i]);
    if (!inside) this.view = this.system.view(energy);
  }

  layout({ width, height }, top = 8) {
    const before = this.axes;
    this.axes = new Axes({ left: 42, top, right: width - 8, bottom: height - 26 }, this.range(this.q), this.range(this.p));
    if (before?.right !== this.axes.right || before.bottom !== this.axes.bottom) this.levelPath = null;
  }

  /** From where to where component i is shown. */
  range(i) {
    return [this.middle[i] - this.view[i], this.middle[i] + this.view[i]];
  }

  /** A state with its angles in (−π, π]. */
  shown(state) {
    return Array.from(state, (value, i) => (this.system.angles.includes(i) ? wrapAngle(value) : value));
  }

  /** Where a state lies on the canvas. */
  place(state) {
    const q = state[this.q];
    return [this.axes.x(this.isAngle ? wrapAngle(q) : q), this.axes.y(state[this.p])];
  }

  /** The state with its point of this plane brought to a place on the canvas. */
  moved(state, x, y) {
    return this.#with(state, ...this.axes.invert(x, y));
  }

  /** The state, moved by so many key strokes. */
  nudged(state, dx, dy) {
    const stroke = (i) => Number((this.view[i] / 50).toPrecision(1));
    const shown = this.shown(state);
    return this.#with(shown, shown[this.q] + dx * stroke(this.q), shown[this.p] + dy * stroke(this.p));
  }

  #with(state, q, p) {
    return this.clamped(state.map((value, i) => (i === this.q ? q : i === this.p ? p : value)));
  }

  /** A state inside what is shown, in four digits after the point. */
  clamped(state) {
    return Array.from(state, (value, i) => {
      const inside = clamp(value, ...this.range(i));
      // Not rounded across the edge.
      return clamp(Math.trunc(1e4 * inside) / 1e4, ...this.range(i));
    });
  }

  /** Add a curve through states to the path; it ends where an angle is cut at the rim. */
  trace(g, count, state) {
    const half = (this.axes.right - this.axes.left) / 2;
    tracePoints(g, count, (k) => this.place(state(k)), this.isAngle ? (before, x) => Math.abs(before - x) > half : undefined);
  }

  /** Add the lines H = energy to the path (one degree of freedom). */
  traceEnergy(g, energy) {
    if (this.system.levelCurve) for (const curve of this.system.levelCurve(energy)) this.#traceCurve(g, curve);
    else traceLevel(g, this.axes, this.#energyMesh(), energy);
  }

  /** H over the plane of a system without a formula for its level lines: it is always the same plane. */
  #energyMesh() {
    this.energyMesh ??= this.sample((x) => this.system.hamiltonian(x), this.middle);
    return this.energyMesh;
  }

  /** Fill where H lies between two energies, for a system without a formula for its level lines: as a
   * picture of the mesh, a pixel for each node. */
  fillBetween(g, [low, high]) {
    const { count } = this.#energyMesh();
    const size = count + 1;
    const color = g.fillStyle; // of the theme
    if (this.band?.color !== color) this.band = { color, picture: this.#bandOf(color, low, high, size) };
    const { left, right, top, bottom } = this.axes;
    const [wide, tall] = [(right - left) / count, (bottom - top) / count];
    g.drawImage(this.band.picture, left - wide / 2, top - tall / 2, size * wide, size * tall);
  }

  #bandOf(color, low, high, size) {
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const picture = canvas.getContext("2d");
    picture.fillStyle = color;
    this.#energyMesh().values.forEach((value, k) => {
      if (value >= low && value <= high) picture.fillRect(k % size, size - 1 - Math.floor(k / size), 1, 1);
    });
    return canvas;
  }

  /** Add one closed outline of the states of lower energy to the path. */
  traceOutline(g, energy) {
    this.#traceCurve(g, this.system.levelCurve(energy).flat());
    g.closePath();
  }

  #traceCurve(g, curve) {
    tracePoints(g, curve.length, (k) => [this.axes.x(curve[k][0]), this.axes.y(curve[k][1])]);
  }

  /** Energies whose level lines are drawn: nearer to each other where H is flat. */
  levels() {
    if (this.system.levels) return this.system.levels(LEVELS);
    const top = 1.6 * this.system.hamiltonian(this.view.map((half, i) => (i === this.p ? half : 0)));
    return Array.from({ length: LEVELS }, (_, k) => top * ((k + 1) / LEVELS) ** 2);
  }

  /** Values of a function of the state on this plane, with the rest of the state as given. */
  sample(f, state) {
    const x = Float64Array.from(state);
    const value = (at, height) => {
      x[this.q] = at;
      x[this.p] = height;
      return f(x);
    };
    return sampleMesh(value, this.range(this.q), this.range(this.p), MESH);
  }

  /** Level lines of the true H; with more degrees of freedom, at the rest of the state as given. */
  drawLevels(g, color, state) {
    g.strokeStyle = color;
    g.lineWidth = 1;
    g.setLineDash([]);
    if (this.system.degrees === 1 && !this.system.levelCurve) {
      // They stay the same from start to start, and are many short pieces.
      if (!this.levelPath) {
        this.levelPath = new Path2D();
        this.traceMesh(this.levelPath, this.#energyMesh());
      }
      g.stroke(this.levelPath);
      return;
    }
    g.beginPath();
    if (this.system.levelCurve) for (const energy of this.levels()) this.traceEnergy(g, energy);
    else this.traceMesh(g, this.sample((x) => this.system.hamiltonian(x), state));
    g.stroke();
  }

  traceMesh(g, mesh) {
    for (const level of this.levels()) traceLevel(g, this.axes, mesh, level);
  }

  drawFrame(g, colors) {
    const { axes, system } = this;
    const [q, qUnit] = system.coordinates[this.q];
    const [p, pUnit] = system.coordinates[this.p];
    const dense = axes.right - axes.left < 330 ? 4 : 6;
    drawFrame(g, axes, colors, {
      xTicks: this.isAngle ? [-Math.PI, -Math.PI / 2, 0, Math.PI / 2, Math.PI] : ticks(axes.xLow, axes.xHigh, dense),
      xText: this.isAngle ? angleLabel : tickLabel,
      yTicks: ticks(axes.yLow, axes.yHigh, dense - 1),
      xName: withUnit(q, qUnit),
      yName: withUnit(p, pUnit),
    });
  }
}
