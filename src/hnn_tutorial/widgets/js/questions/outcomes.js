// What was predicted and what is right, in one picture.
import { ticks } from "../drawing/canvas.js";
import { element, svg } from "../shell/controls.js";
import { guessMark } from "./guesses.js";
import { numberText } from "./judge.js";
import { drawCurve, drawPlane, keepDrawn, label, planeHeight } from "./plane.js";
import { rich } from "./rich.js";

function showChoices({ answers }, { right }, guess) {
  const rows = answers.map((answer, i) => {
    const marks = [right.includes(i) && "right", guess === i && "your answer"].filter(Boolean);
    const kind = `hnn-outcome-option${right.includes(i) ? " hnn-right" : ""}${guess === i ? " hnn-chosen" : ""}`;
    const tags = marks.map((mark) => element("span", { class: "hnn-tag" }, mark));
    return element("li", { class: kind }, element("span", {}, ...rich(answer)), " ", ...tags);
  });
  return element("ul", { class: "hnn-outcome-options" }, ...rows);
}

function drawNumberLine(width, { low, high, log, unit }, { value, within }, guess) {
  const [left, right, line] = [14, width - 14, 40];
  const scale = log ? Math.log : (x) => x;
  const across = (x) => left + ((right - left) * (scale(x) - scale(low))) / (scale(high) - scale(low));
  const inside = (x) => Math.min(Math.max(across(x), left), right);
  const root = svg("svg", { class: "hnn-plane", width, height: 96, viewBox: [0, 0, width, 96].join(" "), "aria-hidden": "true" });
  const near = log ? [value / within, value * within] : [-1, 1].map((side) => value + side * Math.max(within * Math.abs(value), (high - low) / 20));
  const [from, to] = near.map((x) => inside(Math.max(x, log ? Number.MIN_VALUE : x)));
  root.append(svg("rect", { class: "hnn-near", x: from, y: line - 9, width: Math.max(to - from, 2), height: 18, rx: 4 }));
  root.append(svg("line", { class: "hnn-axis-line", x1: left, x2: right, y1: line, y2: line }));
  const decades = Math.floor(Math.log10(high) + 1e-9) - Math.ceil(Math.log10(low) - 1e-9);
  const values = log ? (decades >= 1 ? Array.from({ length: decades + 1 }, (_, k) => 10 ** (Math.ceil(Math.log10(low) - 1e-9) + k)) : [low, high]) : ticks(low, high, width < 420 ? 4 : 7);
  const every = Math.ceil(values.length / (width < 420 ? 4 : 8));
  values.forEach((x, i) => {
    root.append(svg("line", { class: "hnn-axis-line", x1: across(x), x2: across(x), y1: line - 4, y2: line + 4 }));
    if (i % every === 0) root.append(written(across(x), line + 22, numberText(x)));
  });
  function written(x, y, text, kind) {
    const half = 3.6 * text.length;
    return label(Math.min(Math.max(x, half), width - half), y, "middle", text, kind);
  }
  const beyond = (x) => (x > high ? " →" : "");
  const before = (x) => (x < low ? "← " : "");
  root.append(svg("circle", { class: "hnn-truth-mark", cx: inside(value), cy: line, r: 6 }), written(inside(value), line + 46, `${before(value)}answer ${numberText(value, unit)}${beyond(value)}`, "hnn-axis"));
  if (guess !== null) root.append(guessMark(across(guess), line), written(across(guess), line - 20, `you ${numberText(guess, unit)}`, "hnn-you"));
  return root;
}

function drawPoints(width, spec, { at }, guess) {
  const plane = drawPlane(width, planeHeight(width), spec);
  const { axes, root } = plane;
  const [x, y] = [Math.min(Math.max(axes.x(at[0]), axes.left), axes.right), Math.min(Math.max(axes.y(at[1]), axes.top), axes.bottom)];
  if (guess) root.append(svg("line", { class: "hnn-between", x1: axes.x(guess[0]), y1: axes.y(guess[1]), x2: x, y2: y }));
  root.append(svg("circle", { class: "hnn-truth-mark", cx: x, cy: y, r: 6 }));
  if (guess) root.append(guessMark(axes.x(guess[0]), axes.y(guess[1])));
  return root;
}

function drawCurves(width, spec, { values, role }, guess) {
  const plane = drawPlane(width, planeHeight(width), spec);
  plane.root.append(drawCurve(plane, values, { class: "hnn-truth-line", style: `stroke: ${roleColour(role)}` }));
  if (guess) plane.root.append(drawCurve(plane, guess, { class: "hnn-guess-line" }));
  return plane.root;
}

const roleColour = (role) => `var(--hnn-role-${role.replace(" ", "-")})`;

const DRAWINGS = { number: drawNumberLine, point: drawPoints, curve: drawCurves };

function legend(kind, role, guess) {
  const key = (mark, text) => element("span", { class: "hnn-key" }, svg("svg", { width: 26, height: 14, viewBox: "0 0 26 14", "aria-hidden": "true" }, mark), text);
  const line = (attributes) => svg("path", { d: "M1 7H25", fill: "none", ...attributes });
  const you = kind === "curve" ? line({ class: "hnn-guess-line" }) : guessMark(13, 7);
  const truth = kind === "curve" ? line({ class: "hnn-truth-line", style: `stroke: ${roleColour(role)}` }) : svg("circle", { class: "hnn-truth-mark", cx: 13, cy: 7, r: 5 });
  return element("div", { class: "hnn-keys" }, ...(guess === null ? [] : [key(you, "you")]), key(truth, "the answer"));
}

/** The element that shows an outcome; `guess` is null for who read on without an answer. */
export function showOutcome(kind, spec, truth, guess, life) {
  if (kind === "choice") return showChoices(spec, truth, guess);
  const stage = element("div", { class: "hnn-plane-shown" });
  keepDrawn(stage, life, (width) => stage.replaceChildren(DRAWINGS[kind](width, spec, truth, guess)));
  return kind === "number" ? stage : element("div", {}, stage, legend(kind, truth.role, guess));
}
