// Page elements that the labs share. Every class carries the prefix hnn-, because themes restyle
// plain names; every control keeps its keys from JupyterLab's shortcuts.

import { opacity } from "../drawing/canvas.js";

/** Make an element: attributes by name (false leaves one out), then children (nodes or text). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

export function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) target.setAttribute(name, value === true ? "" : value);
  }
}

export function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

export const KEYS_STAY_HERE = { "data-lm-suppress-shortcuts": "true" };

export function button(text, life, pressed) {
  const made = element("button", { type: "button", class: "hnn-button", ...KEYS_STAY_HERE }, text);
  life.listen(made, "click", pressed);
  return made;
}

/** The first number in a text, as people write one: a true minus sign and a decimal comma count too. */
export function readNumber(text) {
  const found = /[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/i.exec(text.replace("−", "-").replace(",", "."));
  return found ? Number(found[0]) : NaN;
}

/** A native range input with its name, and its value, which can be typed; `changed(value)` while it
 * moves. `read(text)` is the value that a typed text stands for, if that is not its first number. */
export function slider({ name, low, high, step, format, read = readNumber }, life, changed) {
  const input = element("input", { type: "range", class: "hnn-range", "aria-label": name, min: low, max: high, step, ...KEYS_STAY_HERE });
  const typed = element("input", { type: "text", class: "hnn-value", "aria-label": `${name}, typed`, inputmode: "decimal", autocomplete: "off", spellcheck: "false", ...KEYS_STAY_HERE });
  const word = element("span", { class: "hnn-word", role: "status" });
  const show = (value) => {
    input.value = value;
    typed.value = format(value);
    typed.style.width = `${typed.value.length + 1.5}ch`;
    input.setAttribute("aria-valuetext", typed.value);
    input.shown = value;
  };
  life.listen(input, "input", () => {
    word.textContent = "";
    changed(Number(input.value));
  });
  life.listen(typed, "focus", () => typed.select());
  // Enter and a step elsewhere both end in a change.
  life.listen(typed, "change", () => {
    const asked = read(typed.value);
    const [least, most] = [Number(input.min), Number(input.max)];
    const value = Math.min(most, Math.max(least, step >= 1 ? Math.round(asked) : asked));
    word.textContent = Number.isNaN(asked) ? "not a number" : asked > most ? `at most ${format(most)}` : asked < least ? `at least ${format(least)}` : "";
    if (Number.isNaN(asked)) return show(input.shown);
    show(value);
    changed(value);
  });
  life.listen(typed, "keydown", (event) => {
    if (event.key === "Escape") show(input.shown);
  });
  const label = element("div", { class: "hnn-field" }, element("div", { class: "hnn-name" }, element("span", {}, name), " ", element("label", { class: "hnn-tap" }, typed), word), input);
  return { label, show, limit: (most) => (input.max = most) };
}

/** A button that opens and closes a part of the card: `{ button, region }`. `changed` is told. */
export function disclosure(text, life, changed, ...children) {
  const region = element("div", { class: "hnn-more", id: `hnn-more-${Math.random().toString(36).slice(2)}`, hidden: true }, ...children);
  const opener = button(text, life, () => {
    region.hidden = !region.hidden;
    opener.setAttribute("aria-expanded", String(!region.hidden));
    changed();
  });
  setAttributes(opener, { "aria-expanded": "false", "aria-controls": region.id });
  opener.classList.add("hnn-opener");
  return { button: opener, region };
}

/** A word in the colour of a role, as it stands in the pictures. */
export function roleWord(text, role) {
  return element("span", { class: "hnn-role-word", style: `color: color-mix(in srgb, var(--hnn-role-${role.replace(" ", "-")}) 78%, var(--hnn-ink))` }, text);
}

/** A native select. Choices: `{ value, text }`; `allow(reasons)` disables those with a reason. */
export function select({ name, choices }, life, changed) {
  const input = element("select", { class: "hnn-select", ...KEYS_STAY_HERE });
  const options = choices.map(({ value, text }) => element("option", { value }, text));
  input.append(...options);
  life.listen(input, "change", () => changed(input.value));
  const label = element("label", { class: "hnn-field" }, element("span", { class: "hnn-name" }, name), input);
  return {
    label,
    show: (value) => (input.value = value),
    allow: (reasons) => {
      for (const option of options) option.disabled = option.value in reasons;
    },
  };
}

/** A round handle on a canvas, moved by mouse, finger or arrow keys. A press of the mouse or a tap
 * anywhere on the stage brings it there.
 *
 * `moved(x, y)` gets the new centre in pixels of the stage, `stepped(dx, dy)` the direction of an
 * arrow key (five times as far with Shift), `grabbed` and `released` frame a drag. */
export function handle({ className, name, hint }, stage, life, { grabbed, moved, released, stepped }) {
  const knob = element("div", {
    class: `hnn-handle ${className}`,
    role: "slider",
    tabindex: "0",
    "aria-label": name,
    "aria-roledescription": "movable start",
    "aria-describedby": hint,
    ...KEYS_STAY_HERE,
  });
  let offset = null;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const grab = (event, from) => {
    offset = from;
    knob.setPointerCapture(event.pointerId);
    knob.classList.add("hnn-grabbed");
    knob.focus({ preventScroll: true });
    event.preventDefault();
    grabbed();
  };
  life.listen(stage, "pointerdown", (event) => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    if (event.target === knob) {
      grab(event, [x - knob.centre[0], y - knob.centre[1]]);
    } else if (event.pointerType === "mouse") {
      // Elsewhere the handle comes to the mouse: a body in motion is hard to hit. A finger there
      // may want to scroll, so it is heard only once it has tapped (below).
      grab(event, [0, 0]);
      moved(x, y);
    }
  });
  life.listen(stage, "click", (event) => {
    if (event.target === knob || event.pointerType === "mouse" || !event.pointerType) return;
    grabbed();
    moved(...place(event));
    released();
  });
  life.listen(knob, "pointermove", (event) => {
    if (!offset) return;
    const [x, y] = place(event);
    moved(x - offset[0], y - offset[1]);
  });
  const release = () => {
    if (!offset) return;
    offset = null;
    knob.classList.remove("hnn-grabbed");
    released();
  };
  life.listen(knob, "pointerup", release);
  life.listen(knob, "pointercancel", release);
  life.listen(knob, "keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const size = event.shiftKey ? 5 : 1;
    stepped(direction[0] * size, direction[1] * size);
  });
  stage.append(knob);
  knob.centre = [0, 0];
  return {
    knob,
    put(x, y) {
      knob.centre = [x, y];
      knob.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    },
    say(value, [low, high], text) {
      setAttributes(knob, { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": value, "aria-valuetext": text });
    },
  };
}

const MARKS = {
  truth: () => svg("circle", { cx: 17, cy: 7, r: 5.2 }),
  baseline: () => svg("path", { d: "M17 1.6 22.4 7 17 12.4 11.6 7z" }),
  "second order": () => svg("rect", { x: 13, y: 3, width: 8, height: 8 }),
  pairwise: () => svg("path", { d: "M13.4 3.4a3.6 3.6 0 1 0 .01 0zM20.6 3.4a3.6 3.6 0 1 0 .01 0z" }),
  formula: () => svg("path", { d: "M15 2h4v3h3v4h-3v3h-4v-3h-3v-4h3z" }),
  lnn: () => svg("path", { d: "M17 2 22 11.2H12z" }),
  another: () => svg("rect", { x: 15, y: 2, width: 4, height: 10 }),
  "yet another": () => svg("rect", { x: 12, y: 5, width: 10, height: 4 }),
};

/** Line and mark of a role, as they stand in the pictures. */
export function swatch(role, style) {
  const color = `var(--hnn-role-${role.replace(" ", "-")})`;
  const mark = (MARKS[role] ?? (() => svg("circle", { cx: 17, cy: 7, r: 3.6 })))();
  setAttributes(mark, { fill: color, stroke: "var(--hnn-surface)", "stroke-width": 1.2 });
  const line = svg("line", { x1: 1, y1: 7, x2: 33, y2: 7, stroke: color, "stroke-width": style.width, "stroke-dasharray": style.dash.join(" "), "stroke-opacity": opacity(style) });
  return svg("svg", { class: "hnn-swatch", viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" }, line, mark);
}
