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

/** `gauges`: `{ name, unit, start, changes }`, changes `{ role, change }` from the bottom up. */
export function drawGauges(surface, colors, gauges) {
  const g = surface.clear();
  const rowHeight = Math.min(90, surface.height / gauges.length);
  const most = LARGEST - SMALLEST;
  const above = (surface.height - rowHeight * gauges.length) / 2;
  gauges.forEach(({ name, unit, start, changes }, row) => {
    const top = above + row * rowHeight;
    const y = top + 0.56 * rowHeight;
    const axes = new Axes({ left: 16, right: surface.width - 16, top, bottom: top + rowHeight }, [-most, most], [0, 1]);
    g.textBaseline = "alphabetic";
    g.textAlign = "left";
    g.fillStyle = colors.ink;
    g.fillText(`${name} ${formatAnySize(start)} ${unit}`, 4, y - 15);
    g.strokeStyle = colors.line;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(axes.left, y);
    g.lineTo(axes.right, y);
    g.stroke();
    g.fillStyle = colors.muted;
    g.textAlign = "center";
    g.textBaseline = "top";
    g.lineWidth = 1;
    for (const power of [-6, -3, 0]) {
      for (const sign of [-1, 1]) tick(g, colors, axes.x(gaugePlace(sign * 10 ** power)), y, `${sign < 0 ? "−" : "+"}${power ? powerOfTen(power) : 1}`);
    }
    tick(g, colors, axes.x(0), y, "0", 11);
    for (const { role, change } of changes) drawMark(g, role, colors, axes.x(gaugePlace(change)), y, 6);
  });
}

function tick(g, colors, x, y, text, size = 6) {
  g.strokeStyle = colors.muted;
  g.beginPath();
  g.moveTo(x, y - size);
  g.lineTo(x, y + 6);
  g.stroke();
  g.fillText(text, x, y + 9);
}
