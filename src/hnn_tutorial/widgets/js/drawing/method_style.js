// How the integrators look beside each other, as `plotting.method_style` has it in the figures: the
// colour says the kind, line style and shape of the mark the order. Beyond the figures a mark that is
// not symplectic is hollow, and one that is implicit has a point, so that no two differ by colour alone.
import { METHODS } from "../physics/integrators.js";
import { svg } from "../shell/controls.js";

const WIDTH = 1.8;
const ORDERS = {
  1: { dash: [1, 1.5], mark: "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z" },
  2: { dash: [], mark: "M-4.4 -4.4H4.4V4.4H-4.4Z" },
  4: { dash: [4, 1.5, 1, 1.5], mark: "M0 -6L6 0L0 6L-6 0Z" },
};

/** Kind in the palette, dash and width of the line, outline of the mark, and what is inside it. */
export function methodStyle(name) {
  const { order, symplectic, needsSeparable } = METHODS[name];
  const { dash, mark } = ORDERS[order];
  return {
    kind: symplectic ? (needsSeparable ? "splitting" : "implicit") : "explicit",
    dash: dash.map((length) => length * WIDTH),
    width: WIDTH,
    mark,
    hollow: !symplectic,
    pointed: symplectic && !needsSeparable,
  };
}

/** Set colour, width and dashes of a method's line. */
export function useMethodStyle(g, style, colors, strength = 1) {
  g.strokeStyle = colors.methodKinds[style.kind].color;
  g.lineWidth = style.width;
  g.setLineDash(style.dash);
  g.globalAlpha = strength;
}

const outlines = new Map();

/** A method's mark, with a thin rim in the background's colour. */
export function drawMethodMark(g, style, colors, x, y, size = 1) {
  if (!outlines.has(style.mark)) outlines.set(style.mark, new Path2D(style.mark));
  const outline = outlines.get(style.mark);
  const { color } = colors.methodKinds[style.kind];
  g.save();
  g.setLineDash([]);
  g.globalAlpha = 1;
  g.translate(x, y);
  g.scale(size, size);
  g.strokeStyle = colors.surface;
  g.lineWidth = 4;
  g.stroke(outline);
  g.fillStyle = style.hollow ? colors.surface : color;
  g.fill(outline);
  g.strokeStyle = color;
  g.lineWidth = 1.8;
  g.stroke(outline);
  if (style.pointed) {
    g.fillStyle = colors.surface;
    g.fillRect(-1.5, -1.5, 3, 3);
  }
  g.restore();
}

/** Line and mark of a method, as they stand in the pictures. */
export function methodSwatch(style) {
  const color = `var(--hnn-method-${style.kind})`;
  const line = svg("line", { x1: 0, y1: 8, x2: 40, y2: 8, stroke: color, "stroke-width": style.width, "stroke-dasharray": style.dash.join(" ") });
  const mark = svg("path", { d: style.mark, transform: "translate(20 8)", fill: style.hollow ? "var(--hnn-surface)" : color, stroke: color, "stroke-width": 1.8 });
  const point = style.pointed ? [svg("path", { d: "M18.5 6.5h3v3h-3z", fill: "var(--hnn-surface)" })] : [];
  return svg("svg", { class: "hnn-swatch", viewBox: "0 0 40 16", width: 40, height: 16, "aria-hidden": "true" }, line, mark, ...point);
}
