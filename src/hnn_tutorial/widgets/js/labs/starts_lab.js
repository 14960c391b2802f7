// What the labs of many starts share: planes side by side, one for the truth and one for each model, in which
// every start that the reader clicks draws its points, and a table of what became of them.
import { clamp } from "../drawing/canvas.js";
import { startColor } from "../drawing/start_color.js";
import { button, element, handle, roleWord, swatch } from "../shell/controls.js";
import { Shell } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";

const MOST_STARTS = 40;
const FULL = `There are ${MOST_STARTS} starts, the most that the lab follows. Clear them first.`;
const FILL = 6; // starts that "Fill" adds
const TRIES = 200; // places that "Fill" looks at
const PLASTIC = 1.32471795724474602596; // its powers spread points evenly over a plane
const DOT = 1.7; // pixels

/** "1 start", "2,000 points". */
export const counted = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

/** Put a text into an element, which a screen reader may watch, if it is another one. */
export const put = (target, text) => {
  if (target.textContent !== text) target.textContent = text;
};

/**
 * A lab of this kind has a trait `starts` of pairs and defines, beside what `shell.js` asks for:
 *
 * - `planeName`, what a plane is called, and `ranges()`, the intervals that it shows;
 * - `nudged(place, dx, dy)`, a place moved by so many key strokes, and `at(place)`, a place in words;
 * - `spot(a, b)`, the place at such shares of the plane where "Fill" may put a start, or null;
 * - `drawPlane(view, surface)`, which draws a plane and returns its axes;
 * - `pointsOf(motion)`, its points as [x, y, x, y, ...] and how many of these numbers are computed.
 *
 * A run is `{ key, start, number, motions }`, with one motion, `{ done, ... }`, for each of `entries`.
 */
export class StartsLab extends Shell {
  speeds = null;
  entries = [];
  views = [];
  runs = [];
  place = [0, 0];
  filled = 0;

  // --- the page elements -------------------------------------------------------------------

  /** The parts of the card: below the planes one choice, and beside them a table and what else there is. */
  buildParts(choice, ...numbers) {
    const { life } = this;
    const fill = button("Fill", life, () => this.fill());
    fill.title = `Add ${FILL} starts`;
    fill.classList.add("hnn-primary");
    const undo = button("Undo", life, () => this.choose("starts", this.wanted.slice(0, -1)));
    const clear = button("Clear", life, () => this.choose("starts", []));
    this.headings = element("tr");
    this.rows = element("tbody");
    const table = element("table", { class: "hnn-table" }, element("thead", {}, this.headings), this.rows);
    this.note = element("p", { class: "hnn-note" });
    this.numbers = element("div", { class: "hnn-numbers" }, element("div", {}, table, this.note), ...numbers);
    this.nets = element("div", { class: "hnn-nets" });
    const controls = this.controls({ buttons: [fill, clear], first: [choice.label], more: [undo] });
    // All is computed at once, and nothing moves.
    this.playButton.remove();
    return [this.head(), this.nets, controls, element("div", { class: "hnn-foot" }, this.status)];
  }

  /** A plane, its name above it, and in words below it what became of its motions. */
  buildView(number) {
    const { life } = this;
    const name = `view${number}`;
    const whole = this.canvas(name, this.planeName);
    const stage = this.stage("net", whole, this.canvas(`${name}Dots`));
    const layer = element("div", { class: "hnn-layer hnn-taking" });
    stage.append(layer);
    const view = { name, whole, caption: element("p", { class: "hnn-caption" }), points: element("span"), fate: element("p", { class: "hnn-fate" }) };
    const cursor = handle({ className: "hnn-handle-cursor", name: "where to start", hint: this.hint.id }, layer, life, {
      grabbed: () => {},
      moved: (x, y) => this.aim(view.axes.invert(x, y)),
      released: () => this.add(this.place),
      stepped: (dx, dy) => this.aim(this.nudged(this.place, dx, dy)),
    });
    cursor.knob.setAttribute("aria-roledescription", "movable cursor");
    life.listen(cursor.knob, "keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.add(this.place);
    });
    // One plane is enough for the keyboard: a start is one for all.
    if (number) {
      cursor.knob.tabIndex = -1;
      cursor.knob.setAttribute("aria-hidden", "true");
    }
    return Object.assign(view, { cursor, root: element("div", { class: "hnn-view" }, view.caption, stage, view.fate) });
  }

  /** Show a plane for each entry; `surfaces` are drawn beside them. */
  showViews(surfaces = []) {
    const { entries, views, nets } = this;
    this.root.classList.add("hnn-starts-lab");
    while (views.length < entries.length) views.push(this.buildView(views.length));
    const shown = views.slice(0, entries.length);
    this.shown = shown;
    // What is not in the page has no size, and is not drawn.
    this.drawn = [...shown.flatMap(({ name }) => [this.surfaces[name], this.surfaces[`${name}Dots`]]), ...surfaces];
    shown.forEach((view, i) => view.caption.replaceChildren(roleWord(entries[i].label, entries[i].role), view.points));
    const [first, ...others] = shown.map(({ root }) => root);
    nets.replaceChildren(first, this.numbers, ...others);
    nets.dataset.views = shown.length;
  }

  fitSurfaces() {
    const resized = this.drawn.map((surface) => surface.fit());
    if (resized.some(Boolean)) this.stale = true;
    return this.drawn.every(({ width }) => width > 0);
  }

  buildTable(corner, columns) {
    const { roles } = themeColors("light");
    this.headings.replaceChildren(...[corner, ...columns].map((text) => element("th", { scope: "col" }, text)));
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => {
      const cells = columns.map(() => element("td"));
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells));
      return cells;
    });
  }

  /** Offer numbers in a choice, with the one that is chosen among them. */
  offer({ label }, values, chosen, text) {
    const input = label.querySelector("select");
    if (input.dataset.values !== values.join()) {
      input.replaceChildren(...values.map((value) => element("option", { value }, text(value))));
      input.dataset.values = values.join();
    }
    input.value = String(chosen);
  }

  // --- from the widget's traits ----------------------------------------------------------------

  /** Take the starts from the widget, or say what is wrong with them. */
  readStarts() {
    const starts = this.model.get("starts");
    const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite);
    if (!Array.isArray(starts) || !starts.every(isPair)) throw new Error(`the starts must be pairs of finite numbers, but are ${JSON.stringify(starts)}`);
    if (starts.length > MOST_STARTS) throw new Error(`there are ${starts.length} starts; the lab follows at most ${MOST_STARTS}`);
    this.wanted = starts;
    return starts;
  }

  /** Run from these starts. What runs from one of them already goes on, in its colour; `begun` makes the motions of another. */
  follow(starts, begun) {
    const before = new Map(this.runs.map((run) => [run.key, run]));
    const keyed = new Map(starts.map((start) => [start.join(), start]));
    const numbers = new Set([...before.values()].filter(({ key }) => keyed.has(key)).map(({ number }) => number));
    let free = 0;
    this.runs = [...keyed].map(([key, start]) => {
      if (before.has(key)) return before.get(key);
      while (numbers.has(free)) free += 1;
      numbers.add(free);
      return { key, start, number: free, motions: begun(start) };
    });
    this.say("");
    this.redraw();
  }

  // --- what the reader does --------------------------------------------------------------------

  /** Nothing moves by itself here. */
  play() {
    this.loop?.request();
  }

  aim(place) {
    const ranges = this.ranges();
    this.place = place.map((value, i) => clamp(value, ...ranges[i]));
    this.loop.request();
  }

  /** Why there can be no start, or "". */
  refuses(start) {
    return this.runs.some(({ key }) => key === start.join()) ? `There is a start at ${this.at(start)} already.` : "";
  }

  /** Take a start, or say why not. */
  add(place) {
    const start = place.map((value) => Number(value.toFixed(4)));
    const refusal = this.refuses(start);
    if (refusal) this.say(refusal);
    else this.take([start]);
  }

  take(starts) {
    if (this.runs.length + starts.length > MOST_STARTS) this.say(FULL);
    else this.choose("starts", [...this.runs.map(({ start }) => [...start]), ...starts]);
  }

  /** Add starts that lie evenly over the plane. */
  fill() {
    const free = Math.min(FILL, MOST_STARTS - this.runs.length);
    if (free <= 0) return this.say(FULL);
    const found = [];
    for (let i = 0; i < TRIES && found.length < free; i++) {
      this.filled += 1;
      const spot = this.spot(...[1, 2].map((power) => (0.5 + this.filled / PLASTIC ** power) % 1));
      if (spot) found.push(spot.map((value) => Number(value.toFixed(4))));
    }
    this.take(found);
  }

  reset() {
    this.filled = 0;
    this.place = [0, 0];
    super.reset();
  }

  say(text) {
    this.refusal = text;
    if (text) this.status.textContent = text;
  }

  // --- frames --------------------------------------------------------------------------------

  frame() {
    const computing = this.compute();
    this.draw();
    return computing;
  }

  /** Whether all motions are at their end. */
  get finished() {
    return this.runs.every(({ motions }) => motions.every(({ done }) => done));
  }

  /** Draw the planes anew where they are stale, and add the points that are new; whether there was room. */
  draw() {
    if (!this.fitSurfaces()) return false;
    const { shown, surfaces, stale } = this;
    const dark = this.root.dataset.hnnTheme === "dark";
    shown.forEach((view, i) => {
      const dots = surfaces[`${view.name}Dots`];
      if (stale) {
        view.axes = this.drawPlane(view, surfaces[view.name]);
        dots.clear();
        view.dotted = new Map();
        for (const run of this.runs) this.drawStart(surfaces[view.name].context, view.axes, run, dark);
      }
      for (const run of this.runs) this.drawPoints(dots.context, view, run, run.motions[i], dark);
      view.cursor.put(view.axes.x(this.place[0]), view.axes.y(this.place[1]));
    });
    this.stale = false;
    const [range] = this.ranges();
    shown[0].cursor.say(this.place[0].toFixed(3), range.map((limit) => limit.toFixed(2)), this.at(this.place));
    return true;
  }

  drawStart(g, axes, { start: [x, y], number }, dark) {
    g.strokeStyle = startColor(number, dark);
    g.lineWidth = 1.5;
    g.beginPath();
    g.arc(axes.x(x), axes.y(y), 4, 0, 2 * Math.PI);
    g.stroke();
  }

  /** Add the points that are new to those already drawn. */
  drawPoints(g, { axes, dotted }, { key, number }, motion, dark) {
    const { points, end } = this.pointsOf(motion);
    let at = dotted.get(key) ?? 0;
    if (at === end) return;
    g.fillStyle = startColor(number, dark);
    axes.clip(g);
    for (; at < end; at += 2) g.fillRect(axes.x(points[at]) - DOT / 2, axes.y(points[at + 1]) - DOT / 2, DOT, DOT);
    g.restore();
    dotted.set(key, at);
  }

  // --- numbers and words ----------------------------------------------------------------------

  /** Write what is known of entry i: its points, what became of its motions, and its row of the table. */
  showEntry(i, points, fate, texts) {
    put(this.shown[i].points, counted(points, "point"));
    put(this.shown[i].fate, fate && `Starts: ${fate}.`);
    this.cells[i].forEach((cell, k) => put(cell, String(texts[k])));
  }
}
