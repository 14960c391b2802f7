// The pictures of a recorded swing: what hangs and swings, and a quantity over time.
import { Axes, drawFrame, drawMark, tickLabel, ticks, tracePoints, useStyle } from "../../drawing/canvas.js";

const KNOWN = 0.45; // opacity of a law where it was fitted; in its forecast it is drawn in full

/** The pendulum at one instant: `bobs` are `{ role, angle }`, those below first. */
export function drawPendulum(surface, colors, bobs) {
  const g = surface.clear();
  const { width, height } = surface;
  const [x, y] = [width / 2, 16];
  const length = Math.min(height - 48, width / 2 - 24);
  g.strokeStyle = colors.muted;
  g.lineWidth = 3;
  g.setLineDash([]);
  g.beginPath();
  g.moveTo(x - 34, y - 2);
  g.lineTo(x + 34, y - 2);
  g.stroke();
  g.strokeStyle = colors.line;
  g.lineWidth = 1;
  g.setLineDash([2, 4]);
  g.beginPath();
  g.moveTo(x, y);
  g.lineTo(x, y + length + 18);
  g.stroke();
  for (const { role, angle } of bobs) {
    const [bobX, bobY] = [x + length * Math.sin(angle), y + length * Math.cos(angle)];
    useStyle(g, colors.roles[role]);
    g.beginPath();
    g.moveTo(x, y);
    g.lineTo(bobX, bobY);
    g.stroke();
    if (role === "truth") drawPhone(g, colors, bobX, bobY, angle);
    else drawMark(g, role, colors, bobX, bobY, 6);
  }
  g.globalAlpha = 1;
  g.setLineDash([]);
}

function drawPhone(g, colors, x, y, angle) {
  g.save();
  g.translate(x, y);
  g.rotate(-angle);
  g.globalAlpha = 1;
  g.fillStyle = colors.surface;
  g.strokeStyle = colors.roles.truth.color;
  g.lineWidth = 2.5;
  g.setLineDash([]);
  g.beginPath();
  g.roundRect(-11, -19, 22, 38, 4);
  g.fill();
  g.stroke();
  g.restore();
}

/** A quantity over time: what was recorded, and what laws say of it. */
export class TimeScene {
  constructor(surface) {
    this.surface = surface;
  }

  /** `curves` are `{ role, times, values }`, those below first; the forecast begins at `split` (none: null),
   * and the recording ends at `end`. */
  draw(colors, { curves, until, split, end, half, xName, yName }) {
    const { width, height } = this.surface;
    const g = this.surface.clear();
    const axes = new Axes({ left: 46, top: 8, right: width - 14, bottom: height - 26 }, [0, until], [-half, half]);
    this.axes = axes;
    if (split !== null) {
      g.fillStyle = colors.faint;
      g.fillRect(axes.x(split), axes.top, axes.x(until) - axes.x(split), axes.bottom - axes.top);
    }
    drawFrame(g, axes, colors, { xTicks: ticks(0, until, width < 360 ? 4 : 8), yTicks: ticks(-half, half, Math.max(2, height / 42)), xName, yName, xText: tickLabel });
    axes.clip(g);
    for (const { role, times, values } of curves) {
      const style = colors.roles[role];
      if (role !== "truth" && split !== null) {
        this.#trace(g, style, times, values, 0, split, KNOWN);
        this.#trace(g, style, times, values, split, Infinity, 1);
      } else {
        this.#trace(g, style, times, values, 0, Infinity, 1);
      }
    }
    g.restore();
    g.globalAlpha = 1;
    g.setLineDash([]);
    if (split === null) return;
    g.fillStyle = colors.ink;
    g.textBaseline = "top";
    g.textAlign = "left";
    // On a phone the word may be a little wider than its part of the chart: then it begins before that.
    const begin = (text) => Math.min(axes.x(split) + 6, axes.right - 4 - g.measureText(text).width);
    const free = Math.max(axes.x(split) - 24, axes.left + 20 + g.measureText(yName).width);
    const word = ["forecast; from the line on, what comes next", "forecast"].find((text, k) => (k || until > end) && begin(text) >= free);
    if (word) g.fillText(word, begin(word), axes.top + 7);
    if (until <= end) return;
    g.strokeStyle = colors.muted;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(axes.x(end), axes.top);
    g.lineTo(axes.x(end), axes.bottom);
    g.stroke();
  }

  #trace(g, style, times, values, from, to, strength) {
    const { axes } = this;
    const first = Math.max(0, times.findIndex((time) => time >= from) - (from > 0 ? 1 : 0));
    const after = times.findIndex((time) => time > to);
    const count = (after < 0 ? values.length : Math.min(after, values.length)) - first;
    if (count < 2) return;
    useStyle(g, style, strength);
    g.beginPath();
    // What was not recorded is not drawn.
    const gap = (3 * (axes.x(times.at(-1)) - axes.x(times[0]))) / times.length;
    tracePoints(g, count, (k) => [axes.x(times[first + k]), axes.y(values[first + k])], (before, x) => x - before > gap);
    g.stroke();
  }
}
