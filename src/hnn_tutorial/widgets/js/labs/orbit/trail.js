// What a motion leaves behind itself in the plane: a line that fades, in as many pieces as the eye needs.

const PIECES = 16;
const TRAIL_POINTS = 640; // of one trail: a piece of 40 is smooth

/** Colours far apart for the copies of a start, around the wheel, of one lightness. */
export function copyColor(i, count, dark) {
  return `oklch(${dark ? 0.76 : 0.62} 0.16 ${((360 * i) / count).toFixed(0)})`;
}

export function drawDot(g, axes, [x, y], radius) {
  g.beginPath();
  g.arc(axes.x(x), axes.y(y), radius, 0, 2 * Math.PI);
  g.fill();
}

/** Stroke the `span` samples before sample `to`, and from there to `end`, the older the fainter.
 *
 * `point(k)` is sample k in the plane, `end` the point of the present, `strength` its opacity. */
export function strokeTrail(g, axes, { span, to, point, end, strength = 1, pieces = PIECES }) {
  const from = Math.max(0, to - span);
  const stride = Math.max(1, Math.ceil(span / TRAIL_POINTS));
  // Multiples of the stride, so that the line does not quiver as it moves on.
  const first = Math.ceil(from / stride);
  const last = Math.floor(to / stride);
  const length = Math.max(1, Math.ceil((last - first) / pieces));
  for (let piece = first; piece <= last; piece += length) {
    const stop = Math.min(piece + length, last);
    const age = (to - 0.5 * (piece + stop) * stride) / span;
    g.globalAlpha = strength * Math.max(0, 1 - age) ** 1.4;
    g.beginPath();
    for (let k = piece; k <= stop; k++) {
      const [x, y] = point(k * stride);
      if (k === piece) g.moveTo(axes.x(x), axes.y(y));
      else g.lineTo(axes.x(x), axes.y(y));
    }
    if (stop === last) g.lineTo(axes.x(end[0]), axes.y(end[1]));
    g.stroke();
  }
  g.globalAlpha = 1;
}
