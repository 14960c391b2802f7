// A plane of a prediction, in SVG: frame, numbers, names, curves and points.
import { Axes, tickLabel, ticks } from "../drawing/canvas.js";
import { svg } from "../shell/controls.js";

/** Axes with their picture. `spec` has x and y, each [name, low, high]; sizes in CSS pixels. */
export function drawPlane(width, height, spec) {
  const box = { left: 46, top: 24, right: width - 12, bottom: height - 40 };
  const axes = new Axes(box, spec.x.slice(1), spec.y.slice(1));
  const root = svg("svg", { class: "hnn-plane", width, height, viewBox: [0, 0, width, height].join(" "), "aria-hidden": "true" });
  const { left, top, right, bottom } = box;
  root.append(svg("rect", { class: "hnn-frame", x: left, y: top, width: right - left, height: bottom - top }));
  for (const value of ticks(...spec.x.slice(1), width < 420 ? 4 : 6)) {
    root.append(svg("line", { class: "hnn-tick", x1: axes.x(value), x2: axes.x(value), y1: top, y2: bottom }), label(axes.x(value), bottom + 15, "middle", tickLabel(value)));
  }
  for (const value of ticks(...spec.y.slice(1), 4)) {
    root.append(svg("line", { class: "hnn-tick", x1: left, x2: right, y1: axes.y(value), y2: axes.y(value) }), label(left - 7, axes.y(value) + 4, "end", tickLabel(value)));
  }
  root.append(label(right, bottom + 32, "end", spec.x[0], "hnn-axis"), label(left, top - 9, "start", spec.y[0], "hnn-axis"));
  return { axes, root };
}

export function label(x, y, anchor, text, kind = "hnn-number") {
  return svg("text", { class: kind, x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, text);
}

/** A curve through heights that are equally spaced along the axis; null leaves a gap. */
export function drawCurve({ axes }, heights, attributes) {
  const clamp = (value) => Math.min(Math.max(value, Math.min(axes.top, axes.bottom) - 4), Math.max(axes.top, axes.bottom) + 4);
  let path = "";
  let lifted = true;
  heights.forEach((height, k) => {
    if (height === null) {
      lifted = true;
      return;
    }
    const x = axes.left + ((axes.right - axes.left) * k) / (heights.length - 1);
    path += `${lifted ? "M" : "L"}${x.toFixed(1)} ${clamp(axes.y(height)).toFixed(1)}`;
    lifted = false;
  });
  return svg("path", { fill: "none", d: path, ...attributes });
}

/** Draw now and whenever the width of the stage changes. */
export function keepDrawn(stage, life, draw) {
  let last = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.round(stage.clientWidth);
    if (width && width !== last) {
      last = width;
      draw(width);
    }
  });
  observer.observe(stage);
  life.onEnd(() => observer.disconnect());
}

export const planeHeight = (width) => Math.round(Math.min(300, Math.max(230, width * 0.5)));
