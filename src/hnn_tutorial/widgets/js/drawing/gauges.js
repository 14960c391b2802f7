// Gauges of conserved quantities: for each, how far every motion's has moved from its start.
import { Axes, drawMark } from "./canvas.js";
import { formatAnySize, powerOfTen } from "./chart.js";

const SMALLEST = -9; // power of ten: changes below it stand in the middle
const LARGEST = 1; // changes above 10 stand at the end

/** Signed place of a change on a scale of powers of ten that runs through zero. */
export function gaugePlace(change) {
  const powers = Math.log10(1 + Math.abs(change) / 10 ** SMALLEST);
  return Math.sign(change) * Math.min(powers, LARGEST - SMALLEST);
}

const WORDS = 19; // pixels above the bars of a gauge, for its name
const POWERS = 21; // and below them, for the scale
const BAR = 3; // pixels

/** `gauges`: `{ name, unit, start, changes }`, changes `{ role, change }` in the order of their bars. */
export function drawGauges(surface, colors, gauges) {
  const g = surface.clear();
  const rowHeight = Math.min(96, surface.height / gauges.length);
  const most = LARGEST - SMALLEST;
  const above = (surface.height - rowHeight * gauges.length) / 2;
  gauges.forEach(({ name, unit, start, changes }, row) => {
    const top = above + row * rowHeight + WORDS;
    const bottom = above + (row + 1) * rowHeight - POWERS;
    const axes = new Axes({ left: 16, right: surface.width - 16, top, bottom }, [-most, most], [0, 1]);
    g.textBaseline = "alphabetic";
    g.textAlign = "left";
    g.fillStyle = colors.ink;
    g.globalAlpha = 1;
    g.fillText(`${name} ${formatAnySize(start)} ${unit}`, 4, top - 6);
    g.setLineDash([]);
    g.lineWidth = 1;
    g.strokeStyle = colors.line;
    g.strokeRect(axes.left + 0.5, top + 0.5, axes.right - axes.left - 1, bottom - top - 1);
    g.fillStyle = colors.muted;
    g.textAlign = "center";
    g.textBaseline = "top";
    for (const power of [-6, -3, 0]) {
      for (const sign of [-1, 1]) tick(g, colors, axes, gaugePlace(sign * 10 ** power), `${sign < 0 ? "−" : "+"}${power ? powerOfTen(power) : 1}`);
    }
    tick(g, colors, axes, 0, "0");
    // A bar for each motion in a lane of its own, so that none hides another.
    const lane = (bottom - top) / changes.length;
    changes.forEach(({ role, change }, i) => {
      const y = top + (i + 0.5) * lane;
      g.fillStyle = colors.roles[role].color;
      const [from, to] = [axes.x(0), axes.x(gaugePlace(change))];
      g.fillRect(Math.min(from, to), y - BAR / 2, Math.abs(to - from), BAR);
      drawMark(g, role, colors, to, y, Math.max(3, Math.min(6, 0.55 * lane)));
    });
  });
}

function tick(g, colors, axes, place, text) {
  const x = axes.x(place);
  g.strokeStyle = place ? colors.line : colors.muted;
  g.beginPath();
  g.moveTo(x, axes.top);
  g.lineTo(x, axes.bottom + 4);
  g.stroke();
  g.fillText(text, x, axes.bottom + 6);
}
