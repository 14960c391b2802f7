// Quantities over time, on a logarithmic scale or a plain one, drawn twice: faint to the end, and in
// full as far as the time has come. The second picture only has its clip moved from frame to frame.
import { Axes, drawFrame, tickLabel, ticks, tracePoints, useStyle } from "./canvas.js";

const MOST_POINTS = 600; // of one curve: more than the chart has pixels

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function powerOfTen(exponent) {
  return `10${[...String(exponent)].map((digit) => RAISED[digit]).join("")}`;
}

/** A number of any size with two digits, such as 0.32 or −4.1·10⁻⁷. */
export function formatAnySize(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size < 1e-15) return "0";
  if (size >= 0.01 && size < 1000) return sign + String(Number(size.toPrecision(2)));
  const [digits, exponent] = size.toExponential(1).split("e");
  const power = powerOfTen(Number(exponent));
  return sign + (digits === "1.0" ? power : `${digits}·${power}`);
}

export class TimeChart {
  /** Two surfaces, the second on top of the first. */
  constructor(whole, known) {
    Object.assign(this, { whole, known });
  }

  /** Draw curves `{ style, count, step, value(k) }` for values from `low` to `high`, which with `log`
   * are powers of ten; `room` is what stays free at the right, and `label(g, axes)` writes there. */
  draw(colors, { curves, horizon, log, low, high, xName, yName, label, faint, room = 14 }) {
    const { width, height } = this.whole;
    const axes = new Axes({ left: 46, top: 8, right: width - room, bottom: height - 26 }, [0, horizon], [low, high]);
    this.axes = axes;
    const g = this.whole.clear();
    const few = Math.max(2, height / 36);
    const yTicks = log ? powersBetween(low, high, few) : ticks(low, high, few);
    drawFrame(g, axes, colors, { xTicks: ticks(0, horizon, width < 360 ? 4 : 8), yTicks, xText: tickLabel, yText: log ? powerOfTen : tickLabel, xName, yName });
    const place = log ? (value) => Math.max(low - 1, Math.log10(value)) : (value) => value;
    this.#trace(g, curves, place, faint);
    this.#trace(this.known.clear(), curves, place, 1);
    label?.(g, axes);
  }

  #trace(g, curves, place, strength) {
    const { axes } = this;
    axes.clip(g);
    for (const { style, count, step, value } of curves) {
      const stride = Math.ceil(count / MOST_POINTS);
      useStyle(g, style, strength);
      g.beginPath();
      tracePoints(g, Math.floor((count - 1) / stride) + 1, (k) => [axes.x(k * stride * step), axes.y(place(value(k * stride)))]);
      g.stroke();
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
  }

  /** Show the curves in full up to a time. */
  show(time) {
    const hidden = this.whole.width - this.axes.x(time);
    this.known.canvas.style.clipPath = `inset(0 ${hidden.toFixed(1)}px 0 0)`;
  }
}

function powersBetween(low, high, count) {
  const every = Math.ceil((high - low) / count);
  const powers = [];
  for (let power = Math.ceil(low / every) * every; power <= high; power += every) powers.push(power);
  return powers;
}
