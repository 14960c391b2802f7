// A scene of points of mass in the plane: each has a grip for its position and one for its velocity.
import { drawMark, formatNumber } from "../../drawing/canvas.js";
import { drawDot } from "./trail.js";

const GAP = 0.09; // in half-widths: from a body to the end of the arrow that means rest
const ARROW = 0.3; // half-widths: the longest arrow of a start
const TOO_SHORT = 0.12;
const TOO_LONG = 0.6;

export const brief = (value, unit) => (unit ? `${formatNumber(value)} ${unit}` : formatNumber(value));

function drawArrow(g, axes, [fromX, fromY], [toX, toY]) {
  const [x, y] = [axes.x(toX), axes.y(toY)];
  const angle = Math.atan2(y - axes.y(fromY), x - axes.x(fromX));
  const back = (length, turn) => [x - length * Math.cos(angle + turn), y - length * Math.sin(angle + turn)];
  g.beginPath();
  g.moveTo(axes.x(fromX), axes.y(fromY));
  g.lineTo(...back(8, 0));
  g.stroke();
  g.beginPath();
  g.moveTo(x, y);
  g.lineTo(...back(13, 0.42));
  g.lineTo(...back(13, -0.42));
  g.fill();
}

export class PointScene {
  fields = [];

  /** `masses` of the points; `units` of position and velocity; `label(i)` names point i. */
  constructor(system, masses, units, label) {
    Object.assign(this, { system, masses, units, label });
    this.n = system.degrees;
    this.tracks = masses.map((_, i) => (x) => [x[2 * i], x[2 * i + 1]]);
    this.grips = masses.flatMap((_, i) => [this.#position(i), this.#velocity(i)]);
  }

  fit(half) {
    this.half = half;
    this.arrow ??= ARROW * half;
  }

  /** Choose the length of the arrow of a unit of velocity by a state, unless it suits that already. */
  scaleArrows(state) {
    const fastest = Math.max(...this.masses.map((_, i) => Math.hypot(...this.velocityOf(state, i))));
    const longest = (fastest * this.arrow) / this.half;
    if (longest < TOO_SHORT || longest > TOO_LONG) this.arrow = (ARROW * this.half) / (fastest || 1);
  }

  velocityOf(state, i) {
    const at = this.n + 2 * i;
    return [state[at] / this.masses[i], state[at + 1] / this.masses[i]];
  }

  #changed(state, at, values) {
    const next = Float64Array.from(state);
    values.forEach((value, k) => (next[at + k] = value));
    return next;
  }

  #position(i) {
    const [unit] = this.units;
    return {
      name: `position of ${this.label(i)}`,
      kind: "body",
      place: this.tracks[i],
      moved: (state, point) => this.#changed(state, 2 * i, point),
      stepped: (state, dx, dy) => this.#changed(state, 2 * i, [state[2 * i] + 0.02 * dx * this.half, state[2 * i + 1] + 0.02 * dy * this.half]),
      say: (state) => [state[2 * i], [-this.half, this.half], `x = ${brief(state[2 * i], unit)}, y = ${brief(state[2 * i + 1], unit)}`],
    };
  }

  #velocity(i) {
    const [, unit] = this.units;
    const set = (state, velocity) => this.#changed(state, this.n + 2 * i, velocity.map((value) => value * this.masses[i]));
    return {
      name: `velocity of ${this.label(i)}`,
      kind: "arrow",
      place: (state) => this.tip(state, i),
      moved: (state, [x, y]) => {
        const [bodyX, bodyY] = this.tracks[i](state);
        const length = Math.hypot(x - bodyX, y - bodyY);
        const speed = Math.max(0, length - GAP * this.half) / this.arrow;
        return set(state, [x - bodyX, y - bodyY].map((part) => (length ? (part / length) * speed : 0)));
      },
      stepped: (state, dx, dy) => {
        const [across, up] = this.velocityOf(state, i);
        const size = (0.02 * this.half) / this.arrow;
        return set(state, [across + dx * size, up + dy * size]);
      },
      say: (state) => {
        const [across, up] = this.velocityOf(state, i);
        const most = this.half / this.arrow;
        return [Math.hypot(across, up), [0, most], `${brief(across, unit)} across, ${brief(up, unit)} up`];
      },
    };
  }

  /** Where the arrow of point i ends: a gap away at rest, so that it can be taken hold of. */
  tip(state, i) {
    const [x, y] = this.tracks[i](state);
    const velocity = this.velocityOf(state, i);
    const speed = Math.hypot(...velocity);
    const [across, up] = speed ? velocity.map((part) => part / speed) : [Math.SQRT1_2, Math.SQRT1_2];
    const length = GAP * this.half + speed * this.arrow;
    return [x + across * length, y + up * length];
  }

  drawStart(g, colors, axes, state) {
    g.strokeStyle = g.fillStyle = colors.roles.highlight.color;
    g.lineWidth = 2;
    g.setLineDash([]);
    this.masses.forEach((_, i) => drawArrow(g, axes, this.tracks[i](state), this.tip(state, i)));
  }

  radius(i) {
    return Math.max(4, Math.min(10, 6 * Math.cbrt(this.masses[i])));
  }

  drawState(g, colors, axes, role, state) {
    this.tracks.forEach((track, i) => {
      const [x, y] = track(state);
      drawMark(g, role, colors, axes.x(x), axes.y(y), this.radius(i));
    });
  }

  drawCopy(g, axes, state) {
    for (const track of this.tracks) drawDot(g, axes, track(state), 2.6);
  }

  drawNames() {}
}
