// What a reader answers with: choices, a number, a curve that is drawn, a point that is moved.
// Each has `root`, `value()` (null until there is an answer), `set(value)`, `close()` and `hint`.
import { clamp } from "../drawing/canvas.js";
import { element, svg } from "../shell/controls.js";
import { DRAWN, numberText } from "./judge.js";
import { drawCurve, drawPlane, keepDrawn, planeHeight } from "./plane.js";
import { rich } from "./rich.js";

const KEYS_ARE_OURS = { "data-lm-suppress-shortcuts": "true" };
let groups = 0;

class ChoiceGuess {
  hint = "Choose one.";

  constructor({ answers }, name, life, changed) {
    const group = `hnn-choice-${++groups}`;
    this.inputs = answers.map((_, i) => element("input", { type: "radio", name: group, value: i, ...KEYS_ARE_OURS }));
    const rows = answers.map((answer, i) => element("label", { class: "hnn-option" }, this.inputs[i], element("span", {}, ...rich(answer))));
    this.root = element("fieldset", { class: "hnn-options" }, element("legend", { class: "hnn-quiet-name" }, name), ...rows);
    life.listen(this.root, "change", changed);
  }

  value() {
    const at = this.inputs.findIndex((input) => input.checked);
    return at < 0 ? null : at;
  }

  set(value) {
    this.inputs.forEach((input, i) => (input.checked = i === value));
  }

  close() {
    this.root.disabled = true;
  }
}

const STEPS = 1000;

class NumberGuess {
  constructor({ low, high, log, unit }, name, life, changed) {
    const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
    this.place = (value) => Math.round((STEPS * ((log ? Math.log(value) : value) - from)) / (to - from));
    const at = (place) => {
      const value = from + ((to - from) * place) / STEPS;
      // As many digits as the slider can tell apart.
      return Number((log ? Math.exp(value) : value).toPrecision(3));
    };
    this.hint = `Choose a value: press on the line, or type a number from ${numberText(low)} to ${numberText(high, unit)}.`;
    this.limits = [low, high];
    this.answer = null;
    const nameOf = (part) => `${name}: ${part}`;
    this.range = element("input", { type: "range", class: "hnn-range", min: 0, max: STEPS, step: 1, "aria-label": nameOf("slider"), ...KEYS_ARE_OURS });
    this.typed = element("input", { type: "text", class: "hnn-typed", inputmode: "decimal", autocomplete: "off", size: 8, "aria-label": nameOf("number"), ...KEYS_ARE_OURS });
    const ends = element("div", { class: "hnn-ends", "aria-hidden": "true" }, element("span", {}, numberText(low, unit)), element("span", {}, numberText(high, unit)));
    if (log) ends.insertBefore(element("span", {}, numberText(Math.sqrt(low * high), unit)), ends.lastChild);
    const box = element("span", { class: "hnn-typed-box" }, this.typed, unit && element("span", { class: "hnn-unit" }, unit));
    this.root = element("div", { class: "hnn-number-row" }, element("div", { class: "hnn-slider-box" }, this.range, ends), box);
    this.text = (value) => numberText(value, unit);
    this.unset();
    const slide = () => {
      this.set(clamp(at(Number(this.range.value)), low, high));
      changed();
    };
    life.listen(this.range, "input", slide);
    // A press in the middle, where the hidden thumb stands, is an answer too, and so is Enter.
    life.listen(this.range, "click", () => this.answer === null && slide());
    life.listen(this.typed, "input", () => {
      const value = Number(this.typed.value.trim().replace(",", ".").replace("−", "-"));
      const fine = this.typed.value.trim() !== "" && value >= low && value <= high;
      this.typed.setAttribute("aria-invalid", String(!fine && this.typed.value.trim() !== ""));
      if (fine) this.show(value);
      else this.unset();
      this.answer = fine ? value : null;
      changed();
    });
  }

  /** No thumb: the slider says no number that the box does not say. */
  unset() {
    this.range.value = STEPS / 2;
    this.range.classList.add("hnn-untouched");
    this.range.setAttribute("aria-valuetext", "no value yet");
  }

  show(value) {
    this.range.value = this.place(value);
    this.range.classList.remove("hnn-untouched");
    this.range.setAttribute("aria-valuetext", this.text(value));
  }

  value() {
    return this.answer;
  }

  set(value) {
    this.answer = value;
    this.show(value);
    this.typed.value = String(value);
    this.typed.removeAttribute("aria-invalid");
  }

  close() {
    this.range.disabled = this.typed.disabled = true;
  }
}

/** A stage with a plane that is drawn anew when its width or what stands in it changes. */
class PlaneGuess {
  constructor(spec, name, life, changed) {
    this.spec = spec;
    this.changed = changed;
    this.closed = false;
    this.picture = element("div", { class: "hnn-plane-picture" });
    this.root = element("div", { class: "hnn-plane-stage" }, this.picture);
    this.life = life;
    this.name = name;
    keepDrawn(this.root, life, (width) => {
      this.width = width;
      this.draw();
    });
    let pen = null;
    const place = (event) => {
      const box = this.root.getBoundingClientRect();
      const { left, right, top, bottom } = this.plane.axes;
      return this.plane.axes.invert(clamp(event.clientX - box.left, left, right), clamp(event.clientY - box.top, top, bottom));
    };
    life.listen(this.root, "pointerdown", (event) => {
      if (event.button !== 0 || this.closed || !this.plane) return;
      event.preventDefault();
      this.root.setPointerCapture(event.pointerId);
      pen = place(event);
      this.moved(pen, pen);
    });
    life.listen(this.root, "pointermove", (event) => {
      if (!pen) return;
      for (const each of event.getCoalescedEvents?.() ?? []) {
        const next = place(each);
        this.moved(pen, next);
        pen = next;
      }
      const last = place(event);
      this.moved(pen, last);
      pen = last;
    });
    const lift = () => {
      if (pen) this.lifted?.();
      pen = null;
    };
    life.listen(this.root, "pointerup", lift);
    life.listen(this.root, "pointercancel", lift);
  }

  draw() {
    if (!this.width) return;
    const height = planeHeight(this.width);
    this.root.style.height = `${height}px`;
    this.plane = drawPlane(this.width, height, this.spec);
    this.picture.replaceChildren(this.plane.root);
    this.drawAnswer();
  }

  /** A place that the arrow keys move: `stepped(right, up)` gets shares of the axes. */
  knot(name, stepped) {
    const made = element("div", { class: "hnn-knot", role: "slider", tabindex: 0, "aria-label": name, ...KEYS_ARE_OURS });
    this.life.listen(made, "keydown", (event) => {
      const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!direction || this.closed || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const size = event.shiftKey ? 0.1 : 0.02;
      stepped(direction[0] * size, direction[1] * size);
    });
    this.root.append(made);
    return made;
  }

  put(knot, x, y) {
    knot.style.transform = `translate(${this.plane.axes.x(x).toFixed(1)}px, ${this.plane.axes.y(y).toFixed(1)}px)`;
  }

  say(knot, low, high, value, text) {
    for (const [name, part] of Object.entries({ valuemin: low, valuemax: high, valuenow: value, valuetext: text })) knot.setAttribute(`aria-${name}`, part);
  }

  close() {
    this.closed = true;
    this.root.classList.add("hnn-closed");
    for (const knot of this.root.querySelectorAll(".hnn-knot")) knot.remove();
  }
}

const KNOTS = 7;

class CurveGuess extends PlaneGuess {
  hint = "Draw from the left end to the right, or move the dots by the arrow keys.";

  constructor(spec, name, life, changed) {
    super(spec, name, life, changed);
    this.heights = new Array(DRAWN).fill(null);
    const [xName, left, right] = spec.x;
    this.knots = Array.from({ length: KNOTS }, (_, i) => {
      const x = left + ((right - left) * i) / (KNOTS - 1);
      return this.knot(`${name}: at ${xName} ${numberText(x)}`, (_, up) => up && this.bend(i, up));
    });
  }

  at(i) {
    return Math.round((i * (DRAWN - 1)) / (KNOTS - 1));
  }

  middle() {
    return (this.spec.y[1] + this.spec.y[2]) / 2;
  }

  /** Move one dot; the curve runs straight from it to its neighbours. */
  bend(i, up) {
    const [, low, high] = this.spec.y;
    this.heights = this.heights.map((height) => height ?? this.middle());
    const heights = [i - 1, i, i + 1].map((k) => (k < 0 || k >= KNOTS ? null : this.heights[this.at(k)]));
    heights[1] = clamp(heights[1] + up * (high - low), low, high);
    for (const side of [-1, 1]) {
      const other = heights[1 + side];
      if (other === null) continue;
      const [from, to] = [this.at(i), this.at(i + side)];
      for (let k = from; k !== to; k += side) this.heights[k] = heights[1] + ((other - heights[1]) * (k - from)) / (to - from);
    }
    this.heights[this.at(i)] = heights[1];
    this.draw();
    this.changed();
  }

  moved([fromX, fromY], [toX, toY]) {
    const [, left, right] = this.spec.x;
    const column = (x) => Math.round(((x - left) / (right - left)) * (DRAWN - 1));
    const [from, to] = [column(fromX), column(toX)];
    const step = Math.sign(to - from);
    this.heights[to] = toY;
    for (let k = from; k !== to; k += step) this.heights[k] = fromY + ((toY - fromY) * (k - from)) / (to - from);
    this.draw();
    this.changed();
  }

  /** An end that was missed by a hair is drawn on, level. */
  lifted() {
    const drawn = this.heights.map((height, k) => (height === null ? -1 : k)).filter((k) => k >= 0);
    const [first, last] = [drawn[0], drawn.at(-1)];
    if (first <= 3) this.heights.fill(this.heights[first], 0, first);
    if (last >= DRAWN - 4) this.heights.fill(this.heights[last], last + 1);
    for (let i = 1; i < drawn.length; i++) {
      const [a, b] = [drawn[i - 1], drawn[i]];
      // What lies between two strokes is joined.
      for (let k = a + 1; k < b; k++) this.heights[k] = this.heights[a] + ((this.heights[b] - this.heights[a]) * (k - a)) / (b - a);
    }
    this.draw();
    this.changed();
  }

  drawAnswer() {
    this.plane.root.append(drawCurve(this.plane, this.heights, { class: "hnn-guess-line" }));
    const [name, low, high] = this.spec.y;
    if (this.closed) return;
    this.knots.forEach((knot, i) => {
      const height = this.heights[this.at(i)] ?? this.middle();
      const [, left, right] = this.spec.x;
      this.put(knot, left + ((right - left) * i) / (KNOTS - 1), height);
      this.say(knot, low, high, height, `${name} ${numberText(height)}`);
    });
  }

  value() {
    return this.heights.includes(null) ? null : this.heights.map((height) => Number(height.toPrecision(4)));
  }

  set(heights) {
    this.heights = [...heights];
    this.draw();
  }
}

class PointGuess extends PlaneGuess {
  hint = "Press where it is, or move the point by the arrow keys.";

  constructor(spec, name, life, changed) {
    super(spec, name, life, changed);
    this.at = null;
    this.dot = this.knot(name, (right, up) => {
      const [x, y] = this.at ?? this.middle();
      const step = (value, share, [, low, high]) => clamp(value + share * (high - low), low, high);
      this.moved(null, [step(x, right, spec.x), step(y, up, spec.y)]);
    });
  }

  middle() {
    return [this.spec.x, this.spec.y].map(([, low, high]) => (low + high) / 2);
  }

  moved(_, to) {
    this.at = to;
    this.draw();
    this.changed();
  }

  drawAnswer() {
    const [x, y] = this.at ?? this.middle();
    const { x: across, y: up } = this.spec;
    if (!this.closed) {
      this.put(this.dot, x, y);
      this.dot.classList.toggle("hnn-unset", !this.at);
      this.say(this.dot, across[1], across[2], x, `${across[0]} ${numberText(x)}, ${up[0]} ${numberText(y)}`);
    } else if (this.at) {
      this.plane.root.append(guessMark(this.plane.axes.x(x), this.plane.axes.y(y)));
    }
  }

  value() {
    return this.at && this.at.map((part) => Number(part.toPrecision(4)));
  }

  set(at) {
    this.at = [...at];
    this.draw();
  }
}

/** The mark of what the reader said: a ring in the colour of the hand. */
export function guessMark(x, y) {
  return svg("circle", { class: "hnn-guess-mark", cx: x.toFixed(1), cy: y.toFixed(1), r: 7 });
}

const GUESSES = { choice: ChoiceGuess, number: NumberGuess, curve: CurveGuess, point: PointGuess };

export function makeGuess(kind, spec, name, life, changed) {
  return new GUESSES[kind](spec, name, life, changed);
}
