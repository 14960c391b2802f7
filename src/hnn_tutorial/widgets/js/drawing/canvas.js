// Canvas drawing that the labs share: crisp surfaces, axes, curves in the course's line styles.

export const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** A canvas that fills its element at any pixel density. Coordinates are CSS pixels. */
export class Surface {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.width = 0;
    this.height = 0;
  }

  /** Fit the pixels to the size on the page; true if the picture must be drawn anew. */
  fit() {
    const { clientWidth, clientHeight } = this.canvas;
    const density = devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * density), Math.round(clientHeight * density)];
    if (this.canvas.width === width && this.canvas.height === height && this.density === density) return false;
    Object.assign(this.canvas, { width, height });
    Object.assign(this, { width: clientWidth, height: clientHeight, density });
    this.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    return true;
  }

  clear() {
    const g = this.context;
    g.setTransform(this.density, 0, 0, this.density, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    g.font = this.font ?? FONT;
    g.lineJoin = "round";
    return g;
  }
}

/** Linear map from a rectangle of values to a box of pixels, and back. */
export class Axes {
  constructor({ left, top, right, bottom }, [xLow, xHigh], [yLow, yHigh]) {
    Object.assign(this, { left, top, right, bottom, xLow, xHigh, yLow, yHigh });
    this.xScale = (right - left) / (xHigh - xLow);
    this.yScale = (bottom - top) / (yHigh - yLow);
  }

  x(value) {
    return this.left + (value - this.xLow) * this.xScale;
  }

  y(value) {
    return this.bottom - (value - this.yLow) * this.yScale;
  }

  invert(x, y) {
    return [this.xLow + (x - this.left) / this.xScale, this.yLow + (this.bottom - y) / this.yScale];
  }

  /** Restrict drawing to the box (undo with `restore`). */
  clip(g) {
    g.save();
    g.beginPath();
    g.rect(this.left, this.top, this.right - this.left, this.bottom - this.top);
    g.clip();
  }
}

/** Round values (1, 2 or 5 times a power of ten apart) within an interval, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const gap = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const values = [];
  for (let k = Math.ceil(low / gap - 1e-9); k * gap <= high + 1e-9 * gap; k++) values.push(k * gap);
  return values;
}

/** A number with a true minus sign and as many digits as asked for. */
export function formatNumber(value, digits = 2) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export function tickLabel(value) {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

/** The name of a quantity with its unit, if it has one. */
export function withUnit(name, unit) {
  return unit ? `${name} (${unit})` : name;
}

/** An angle that is a multiple of a quarter turn, in parts of π. */
export function angleLabel(angle) {
  return { "-2": "−π", "-1": "−π/2", 0: "0", 1: "π/2", 2: "π" }[Math.round((2 * angle) / Math.PI)];
}

/** A share in percent with its sign, and a sensible number of digits. */
export function formatPercent(share) {
  const percent = 100 * share;
  if (!Number.isFinite(percent)) return "–";
  const size = Math.abs(percent);
  if (size < 0.0005) return "0.000\u00a0%";
  // Of so much nobody wants a percentage: "+12 times".
  if (size > 999.5) return `${size > 999950 ? "over\u00a0" : ""}${percent > 0 ? "+" : "−"}${Math.min(Math.round(size / 100), 9999)}\u00a0times`;
  const digits = size >= 10 ? 0 : size >= 1 ? 1 : size >= 0.1 ? 2 : 3;
  return `${percent > 0 ? "+" : "−"}${size.toFixed(digits)}\u00a0%`;
}

/** Frame, ticks with labels, and axis names of a plane. */
export function drawFrame(g, axes, colors, { xTicks, yTicks, xName, yName, xText = tickLabel, yText = tickLabel }) {
  const { left, right, top, bottom } = axes;
  g.strokeStyle = colors.line;
  g.lineWidth = 1;
  g.setLineDash([]);
  g.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
  g.fillStyle = colors.muted;
  g.textAlign = "center";
  g.textBaseline = "top";
  // A canvas ends 8 pixels beside its frame: the last number stands a little to the left of its tick.
  for (const value of xTicks) {
    const text = xText(value);
    g.fillText(text, Math.min(axes.x(value), right + 8 - g.measureText(text).width / 2), bottom + 6);
  }
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const value of yTicks) g.fillText(yText(value), left - 6, axes.y(value));
  g.fillStyle = colors.ink;
  if (xName) {
    g.textAlign = "right";
    g.textBaseline = "bottom";
    g.fillText(xName, right - 7, bottom - 5);
  }
  if (yName) {
    g.textAlign = "left";
    g.textBaseline = "top";
    g.fillText(yName, left + 7, top + 7);
  }
}

/** Add points to the current path, lifting the pen where `jump` says that they do not connect. */
export function tracePoints(g, count, point, jump) {
  let previous = null;
  for (let k = 0; k < count; k++) {
    const [x, y] = point(k);
    if (previous === null || jump?.(previous, x)) g.moveTo(x, y);
    else g.lineTo(x, y);
    previous = x;
  }
}

/** Set colour, width and dashes of a role. A broad line is a soft track for those on top of it. */
export function useStyle(g, style, strength = 1) {
  g.strokeStyle = style.color;
  g.fillStyle = style.color;
  g.lineWidth = style.width;
  g.setLineDash(style.dash);
  g.globalAlpha = strength * opacity(style);
}

/** Opacity of a role's line: the truth lies broad and soft under the models. */
export function opacity(style) {
  return style.width > 3 ? 0.5 : 1;
}

/** Outline of a role's mark. Truth is a disc, baseline a diamond, HNN a small disc, ... : no two
 * roles are told apart by colour alone. */
export function markPath(g, role, x, y, radius) {
  g.beginPath();
  if (role === "baseline") {
    const r = radius * 1.15;
    g.moveTo(x, y - r);
    g.lineTo(x + r, y);
    g.lineTo(x, y + r);
    g.lineTo(x - r, y);
    g.closePath();
  } else if (role === "second order") {
    g.rect(x - radius * 0.85, y - radius * 0.85, 1.7 * radius, 1.7 * radius);
  } else if (role === "formula") {
    // A cross.
    const [r, a] = [1.2 * radius, 0.4 * radius];
    for (const [x1, y1] of [[a, r], [a, a], [r, a], [r, -a], [a, -a], [a, -r], [-a, -r], [-a, -a], [-r, -a], [-r, a], [-a, a], [-a, r]]) g.lineTo(x + x1, y + y1);
    g.closePath();
  } else if (role === "pairwise") {
    // Two discs, side by side.
    const r = 0.7 * radius;
    for (const side of [-1, 1]) {
      g.moveTo(x + side * r + r, y);
      g.arc(x + side * r, y, r, 0, 2 * Math.PI);
    }
  } else if (role === "lnn") {
    g.moveTo(x, y - 1.2 * radius);
    g.lineTo(x + 1.1 * radius, y + 0.8 * radius);
    g.lineTo(x - 1.1 * radius, y + 0.8 * radius);
    g.closePath();
  } else if (role.endsWith("another")) {
    // A bar: upright for the one, lying for the other.
    const [a, b] = role === "another" ? [0.45, 1.1] : [1.1, 0.45];
    g.rect(x - a * radius, y - b * radius, 2 * a * radius, 2 * b * radius);
  } else {
    g.arc(x, y, role === "truth" ? radius * 1.25 : radius * 0.8, 0, 2 * Math.PI);
  }
}

/** A filled mark with a thin rim in the background's colour, so that marks on top of each other
 * stay apart. */
export function drawMark(g, role, colors, x, y, radius) {
  g.setLineDash([]);
  g.globalAlpha = 1;
  g.fillStyle = colors.roles[role].color;
  g.strokeStyle = colors.surface;
  g.lineWidth = 1.5;
  markPath(g, role, x, y, radius);
  g.fill();
  g.stroke();
}
