// What stands beside the plane in the orbit lab. Every panel has two surfaces, `whole` below `known`, and
// one on top of both for marks; it has `frame(lab)`, called when all is to be drawn anew, `show(lab)`,
// called in every frame, and `words` for those who do not see it.
import { Axes, angleLabel, drawFrame, drawMark, tickLabel, ticks, useStyle } from "../../drawing/canvas.js";
import { drawGauges } from "../../drawing/gauges.js";
import { TimeChart } from "../../drawing/chart.js";
import { wrapAngle } from "../../physics/vectors.js";

export const FAINT = 0.3; // of what is still to come, and of a whole orbit
const LEAST = 0.05; // half-width of an axis of a path
const UNITS = { energy: "J", "momentum x": "kg m/s", "momentum y": "kg m/s", "angular momentum": "kg m²/s" };

export function unitOf(name) {
  return UNITS[name];
}

export function timeName({ unit }) {
  return unit ? `time (${unit})` : "time";
}

export function largest(count, value) {
  let most = 0;
  for (let k = 0; k < count; k++) most = Math.max(most, value(k));
  return most;
}

/** How far every motion has moved from what the true one conserves. */
export class GaugePanel {
  words = "Gauges of what the motion conserves; the table has their numbers.";

  constructor({ panel }) {
    this.surface = panel;
  }

  frame() {}

  show({ colors, system, state, entries, motions, lastSample }) {
    const gauge = (name, unit, measure, change) => {
      const start = measure(state);
      const changes = entries.map(({ role }, i) => ({ role, change: change(measure(motions[i].at(lastSample(motions[i]))), start) }));
      return { name, unit, start, changes };
    };
    const values = Object.entries(system.invariants).map(([name, measure]) => gauge(name, unitOf(name), measure, (now, start) => now - start));
    const angles = Object.entries(system.directions ?? {}).map(([name, measure]) => gauge(name, "rad", measure, (now, start) => wrapAngle(now - start)));
    drawGauges(this.surface, colors, [...values, ...angles]);
  }
}

/** How far the copies of a start have parted, beside the slope of the Lyapunov exponent. */
export class SpreadPanel {
  words = "Distance of the copies from the start's orbit over time, on a logarithmic scale, with the Lyapunov slope.";

  constructor(whole, known) {
    this.chart = new TimeChart(whole, known);
  }

  get axes() {
    return this.chart.axes;
  }

  frame({ swarm, scene, colors, apart, horizon }) {
    const low = Math.floor(Math.log10(apart)) - 1;
    const most = largest(swarm.spreads.length, (k) => swarm.spreads[k]);
    const high = Math.max(1, Math.ceil(Math.log10(most) + 0.9));
    const curve = { style: colors.roles.truth, count: swarm.spreads.length, step: swarm.step, value: (k) => swarm.spreads[k] };
    const slope = { ...colors.roles.highlight, width: 2, dash: [6, 4] };
    const label = (g, axes) => {
      axes.clip(g);
      useStyle(g, slope);
      g.beginPath();
      g.moveTo(axes.x(0), axes.y(Math.log10(apart)));
      g.lineTo(axes.x(horizon), axes.y(Math.log10(apart) + swarm.exponent * horizon * Math.LOG10E));
      g.stroke();
      g.restore();
      const rows = [[curve.style, "spread of the copies"], [slope, "Lyapunov slope"]];
      rows.forEach(([style, text], i) => {
        const y = axes.bottom - 50 + 16 * i;
        useStyle(g, style);
        g.beginPath();
        g.moveTo(axes.right - 162, y);
        g.lineTo(axes.right - 138, y);
        g.stroke();
        g.globalAlpha = 1;
        g.setLineDash([]);
        g.fillStyle = colors.ink;
        g.textAlign = "left";
        g.textBaseline = "middle";
        g.fillText(text, axes.right - 132, y);
      });
    };
    this.chart.draw(colors, { curves: [curve], horizon, log: true, low, high, xName: timeName(scene), yName: "distance in [q, p]", label, faint: FAINT });
  }

  show({ time }) {
    this.chart.show(time);
  }
}

/** The path of a motion in a plane that the scene chooses, as far as the time has come. */
export class PathPanel {
  constructor({ panel, panelKnown, panelTop }, { x, y }) {
    Object.assign(this, { whole: panel, known: panelKnown, top: panelTop, x, y });
    this.words = `Path of the motion in the plane of ${x.name} and ${y.name}.`;
  }

  frame({ truth, colors }) {
    const { width, height } = this.whole;
    const box = { left: 46, top: 8, right: width - 14, bottom: height - 26 };
    const [xRange, yRange] = [this.x, this.y].map((side) => sideRange(side, truth));
    this.axes = new Axes(box, xRange.limits, yRange.limits);
    const look = { xTicks: xRange.ticks, yTicks: yRange.ticks, xText: xRange.text, yText: yRange.text, xName: this.x.name, yName: this.y.name };
    drawFrame(this.whole.clear(), this.axes, colors, look);
    this.wraps = [xRange.wraps, yRange.wraps];
    this.#begin();
  }

  #begin() {
    this.known.clear();
    this.drawn = new Map();
    this.time = 0;
  }

  #place(state) {
    const [x, y] = [this.x, this.y].map(({ value }, i) => (this.wraps[i] ? Math.atan2(Math.sin(value(state)), Math.cos(value(state))) : value(state)));
    return [this.axes.x(x), this.axes.y(y)];
  }

  show({ time, colors, layers }) {
    if (time < this.time) this.#begin();
    this.time = time;
    const g = this.known.context;
    const top = this.top.clear();
    this.axes.clip(g);
    this.axes.clip(top);
    const [across, down] = [(this.axes.right - this.axes.left) / 2, (this.axes.bottom - this.axes.top) / 2];
    for (const { motion, style, role } of layers()) {
      const from = this.drawn.get(role) ?? 0;
      const to = Math.min(motion.computed, Math.floor(time / motion.step));
      useStyle(g, { ...style, width: Math.min(style.width, 1.5), dash: [] }, 0.8);
      g.beginPath();
      let [beforeX, beforeY] = [Infinity, Infinity];
      for (let k = from; k <= to; k++) {
        const [x, y] = this.#place(motion.state(k));
        // The pen is lifted where an angle comes round.
        if (Math.abs(x - beforeX) > across || Math.abs(y - beforeY) > down) g.moveTo(x, y);
        else g.lineTo(x, y);
        [beforeX, beforeY] = [x, y];
      }
      g.stroke();
      this.drawn.set(role, to);
      drawMark(top, role, colors, ...this.#place(motion.at(time)), 5);
    }
    g.restore();
    top.restore();
  }
}

/** What one axis of a path shows: all of the true motion, an angle at most once around. */
function sideRange({ value, both, angle }, truth) {
  const most = Math.max(LEAST, 1.1 * largest(truth.computed + 1, (k) => Math.abs(value(truth.state(k)))));
  if (angle && most > Math.PI) {
    const quarters = [-2, -1, 0, 1, 2].map((k) => (k * Math.PI) / 2);
    return { limits: [-Math.PI, Math.PI], ticks: quarters, text: angleLabel, wraps: true };
  }
  const limits = [both ? -most : 0, most];
  return { limits, ticks: ticks(...limits, 5), text: tickLabel, wraps: false };
}
