// The Lagrangian lab: a path between two held ends under the reader's hand, and its action beside that
// of the true path.
import { Action, conjugatePoints, lowestMode } from "../physics/action.js";
import { BODIES } from "../drawing/bodies.js";
import { button, element, roleWord, slider, swatch } from "../shell/controls.js";
import { Axes, drawFrame, drawMark, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { Shell, widget } from "../shell/shell.js";
import { Pendulum } from "../physics/systems/pendulum.js";
import { Projectile } from "../physics/systems/projectile.js";
import { themeColors } from "../shell/theme.js";

const HANDLES = 5;
const DESCENT = 0.12; // share of a step in one frame: at rest within a second or two
const AT_REST = 1e-6; // of the range of q: a descent whose steps are smaller has arrived
const MOST_FALLS = 5000;
const NUDGE = 0.08; // of the range of q
const PAUSE = 500; // ms between two runs of the body
const FAMILY = 1.5; // how far the last panel looks, in parts of the bend
const ARROWS = 23;
const ARROW = 0.8; // of what a whole step of the descent would move
const STATIONARY = 0.03; // of the range of the path: a descent that wants to move it less is at its end

/** A smooth bump, 1 in the middle and 0 from two on: the cubic B-spline. */
function bump(u) {
  const far = Math.abs(u);
  if (far < 1) return 1 - 1.5 * far ** 2 + 0.75 * far ** 3;
  return far < 2 ? (2 - far) ** 3 / 4 : 0;
}

/** The part of an axis that is shown: kept as long as all fits, so that nothing jumps in a drag. */
function keptRange(kept, low, high, room, least) {
  const span = Math.max(high - low, least);
  const fits = kept && low >= kept[0] && high <= kept[1] && span > 0.2 * (kept[1] - kept[0]);
  return fits ? kept : [low - room, high + room];
}

/** A ball that rises and falls, the true one and the reader's side by side. */
class ThrownBody {
  layout(surface, rows, [low, high]) {
    const { width, height } = surface;
    Object.assign(this, { width, rows, low, top: 18, bottom: height - 34 });
    this.scale = (this.bottom - this.top) / (high - low);
  }

  place(q, row) {
    return [(this.width * (row + 1)) / (this.rows + 1), this.bottom - (q - this.low) * this.scale];
  }

  drawGround(g, colors) {
    const [, ground] = this.place(0, 0);
    g.lineWidth = 1;
    g.setLineDash([]);
    g.strokeStyle = colors.muted;
    g.beginPath();
    g.moveTo(8, ground);
    g.lineTo(this.width - 8, ground);
    g.stroke();
    g.fillStyle = colors.muted;
    g.textAlign = "left";
    g.textBaseline = "top";
    g.fillText("q = 0", 10, ground + 5);
  }

  drawMotion(g, colors, { role, label }, [q], row) {
    const [x, y] = this.place(q, row);
    useStyle(g, colors.roles[role]);
    g.globalAlpha = 0.35;
    g.beginPath();
    g.moveTo(x, this.top);
    g.lineTo(x, this.bottom);
    g.stroke();
    g.globalAlpha = 1;
    g.setLineDash([]);
    drawMark(g, role, colors, x, y, 9);
    g.fillStyle = colors.ink;
    g.textAlign = "center";
    g.textBaseline = "top";
    g.fillText(label, x, this.bottom + 12);
  }
}

// Of the systems, those whose action the lab can show; and how their bodies look.
const LAGRANGIAN_SYSTEMS = {
  pendulum: { System: Pendulum, Body: BODIES.pendulum, units: { force: "N m" } },
  // Its potential energy is linear, so that S has no other minimum than the true path.
  projectile: { System: Projectile, Body: ThrownBody, units: { force: "N" }, only: true },
};

class LagrangianLab extends Shell {
  name = "lagrangian-lab";
  loads = ["_system"];
  starts = ["state", "duration", "bend"];
  // A bend has more numbers than an address should hold.
  shared = ["state", "duration"];
  speeds = [0.25, 1, 3];
  descending = false;
  revealed = false;
  rest = 0;

  // --- the page elements -----------------------------------------------------------------------

  build() {
    const { life } = this;
    const body = this.stage("body", this.canvas("body", "the body"));
    const path = this.stage("phase", this.canvas("path", "paths against time"));
    const parts = this.stage("parts", this.canvas("parts", "kinetic and potential energy over time"));
    this.scrub(parts, () => this.partsAxes);
    const family = this.stage("energy", this.canvas("family", "action of the paths between"));
    this.handles = Array.from({ length: HANDLES }, (_, j) => {
      // A layer for each, so that a press between them is nobody's.
      const layer = element("div", { class: "hnn-layer" });
      path.append(layer);
      const made = this.startHandle("hnn-handle-start", "the path", layer, {
        moved: (_, y) => this.pull(j, this.axes.invert(0, y)[1]),
        stepped: (_, dy) => this.pull(j, this.path[this.node(j)] + (dy * (this.range[1] - this.range[0])) / 100),
      });
      made.knob.setAttribute("aria-roledescription", "movable point");
      return made;
    });
    this.descendButton = button("Descend", life, () => this.descend(!this.descending));
    this.trueButton = button("True path", life, () => this.reveal(new Float64Array(this.bend.length)));
    this.nudgeButton = button("Nudge", life, () => this.nudge());
    const format = (value) => `${formatNumber(value)} s`;
    this.durationSlider = slider({ name: "duration", low: 0.1, high: 2, step: 0.01, format }, life, (value) => this.choose("duration", value));
    const { roles } = themeColors("light");
    const heading = (text) => element("th", { scope: "col" }, text);
    const row = (label, picture, className = "") => {
      const cells = [element("td"), element("td"), element("td")];
      rows.append(element("tr", { class: className }, element("th", { scope: "row" }, picture, label), ...cells));
      return cells;
    };
    const rows = element("tbody");
    this.reading = element("p", { class: "hnn-reading" });
    this.cells = [row("true path", swatch("truth", roles.truth)), row("your path", swatch("highlight", { ...roles.highlight, width: 2.2 })), row("difference", "", "hnn-quiet")];
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, heading("in J s"), heading("∫ T dt"), heading("∫ V dt"), heading("action S"))), rows);
    this.verdict = element("p", { class: "hnn-verdict" });
    return [
      this.head(),
      path,
      body,
      element("div", { class: "hnn-numbers" }, this.reading, table, this.verdict),
      parts,
      family,
      this.controls({ buttons: [this.descendButton], first: [this.durationSlider.label], more: [this.trueButton, this.nudgeButton] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  // --- from the traits to paths ------------------------------------------------------------------

  load() {
    const { name, parameters } = this.model.get("_system");
    const known = LAGRANGIAN_SYSTEMS[name];
    if (!known) throw new Error(`unknown system "${name}"; there are ${Object.keys(LAGRANGIAN_SYSTEMS).join(", ")}`);
    this.system = new known.System(parameters);
    this.body = new known.Body(this.system);
    this.units = { position: this.system.coordinates[0][1], ...known.units };
    this.only = known.only === true;
    this.title.textContent = "Which path does nature take?";
    this.root.setAttribute("aria-label", `${this.system.title}: the action of a path between two held ends`);
    this.who.replaceChildren("Both ends of ", roleWord("your path", "highlight"), ` are held. Nature's path, by which the ${this.system.bodyName} really moves, is one whose action S is stationary.`);
    this.hint.replaceChildren("Drag the points ", element("span", { class: "hnn-dot", "aria-hidden": "true" }), " up and down and watch S; the arrows show where it falls.");
    this.durationSlider.limit(Number((2.5 * this.model.get("duration")).toFixed(2)));
    this.range = this.partsRange = null;
  }

  tasks() {
    const stationary = {
      says: "Bend your path along the arrows, until no bend changes its action any more.",
      done: () => this.isStationary(),
      shows: "Its action is stationary, and so it is a motion: Newton's law holds along it.",
    };
    return { stationary };
  }

  start() {
    this.descending = false;
    const state = this.model.get("state");
    if (!Array.isArray(state) || state.length !== 2 || !state.every(Number.isFinite)) throw new Error(`the start must be 2 finite numbers [q, p], but is ${JSON.stringify(state)}`);
    const duration = this.model.get("duration");
    if (!(duration > 0) || !Number.isFinite(duration)) throw new Error(`the duration must be a positive number of seconds, but is ${duration}`);
    const bend = this.model.get("bend");
    if (!Array.isArray(bend) || bend.length < 3 || !bend.every(Number.isFinite) || bend[0] !== 0 || bend.at(-1) !== 0) throw new Error("the bend must be finite numbers, the first and the last of them 0");
    this.action = new Action(this.system, duration, bend.length - 1);
    // Another motion has another true path, which is still to be found.
    const asked = JSON.stringify([state, duration]);
    if (asked !== this.asked) this.revealed = false;
    this.asked = asked;
    this.truth = this.action.motion(state);
    if (!this.truth.every(Number.isFinite)) throw new Error("the true motion runs away");
    const hessian = this.action.hessian(this.truth);
    this.conjugate = conjugatePoints(hessian).map((k) => k * this.action.step);
    this.mode = lowestMode(hessian);
    this.trueParts = this.action.parts(this.truth);
    this.ownForce = Math.max(1e-6, ...this.truth.map((q) => Math.abs(this.action.force(q))));
    this.setBend(Float64Array.from(bend));
    this.durationSlider.show(duration);
    this.describe();
  }

  /** Take a bend to show, without telling anyone. */
  setBend(bend) {
    this.bend = bend;
    this.path = bend.map((value, k) => this.truth[k] + value);
    this.parts = this.action.parts(this.path);
    this.slope = this.action.gradient(this.path);
    this.force = this.slope.map((value) => value / this.action.step);
    this.descent = this.action.descentFrom(this.path, this.slope);
    // The scale of strip and arrows: no less than the true motion's own forces, so that next to
    // nothing looks like next to nothing.
    this.strongest = Math.max(this.ownForce, ...this.force.map(Math.abs));
    this.fitRange();
    this.stale = true;
  }

  fitRange() {
    const low = Math.min(...this.truth, ...this.path);
    const high = Math.max(...this.truth, ...this.path);
    const span = Math.max(high - low, 0.2);
    this.range = keptRange(this.range, low, high, 0.3 * span, 0.2);
  }

  /** Whether S changes next to nothing by any bend: then a descent has nowhere to go. */
  isStationary() {
    const range = Math.max(...this.path) - Math.min(...this.path);
    return this.descent.every((move) => Math.abs(move) <= STATIONARY * range);
  }

  node(j) {
    return Math.round(((j + 1) * (this.bend.length - 1)) / (HANDLES + 1));
  }

  // --- what the reader does ----------------------------------------------------------------------

  bendTo(bend) {
    this.choose("bend", Array.from(bend, (value) => Number(value.toFixed(9))));
  }

  /** Bring point j of the path to the height q, and what is near it along; the ends stay. */
  pull(j, q) {
    const [low, high] = this.range;
    const centre = this.node(j);
    const last = this.bend.length - 1;
    const gap = last / (HANDLES + 1);
    const lift = Math.max(low, Math.min(high, q)) - this.path[centre];
    // Splines have no kinks, so that a path which is drawn by hand can come as near to a motion as one
    // likes. Mirrored at the ends with the other sign, they keep them.
    const smooth = (k) => bump((k - centre) / gap) - bump((k + centre) / gap) - bump((k + centre - 2 * last) / gap);
    this.bendTo(this.bend.map((value, k) => (k === 0 || k === last ? 0 : value + lift * smooth(k))));
  }

  /** Show the true path, and lay the reader's there. */
  reveal(bend) {
    this.revealed = true;
    this.bendTo(bend);
  }

  /** A small bend along the direction in which S rises least, or falls. */
  nudge() {
    const size = NUDGE * (this.range[1] - this.range[0]);
    this.bendTo(this.bend.map((value, k) => (k === 0 || k === this.bend.length - 1 ? 0 : value + size * this.mode[k])));
  }

  reset() {
    this.revealed = false;
    super.reset();
  }

  descend(on) {
    this.descending = on;
    // A page that asks for calm gets the end of the descent, not the way there.
    if (on && matchMedia("(prefers-reduced-motion: reduce)").matches) for (let i = 0; i < MOST_FALLS && this.fall(); i++);
    if (!this.descending) this.bendTo(this.bend);
    this.redraw();
  }

  /** One step of the descent; false, and told to Python, once it has arrived. */
  fall() {
    const path = Float64Array.from(this.path);
    const moved = this.action.descend(path, DESCENT);
    this.setBend(path.map((q, k) => q - this.truth[k]));
    this.descending = moved > AT_REST * (this.range[1] - this.range[0]);
    if (!this.descending) this.bendTo(this.bend);
    return this.descending;
  }

  // --- frames --------------------------------------------------------------------------------------

  frame(now, elapsed) {
    if (this.descending) this.fall();
    if (this.playing) {
      this.rest = this.time >= this.action.duration ? this.rest + elapsed : 0;
      this.time = this.rest > PAUSE ? 0 : Math.min(this.time + elapsed / 1000, this.action.duration);
    }
    if (!this.fitSurfaces()) return false;
    // The reader's path is a curve like the others, in the colour of what the hand moves.
    const { highlight } = this.colors.roles;
    const colors = { ...this.colors, roles: { ...this.colors.roles, yours: { ...highlight, width: 2.2 } } };
    this.drawPath(this.surfaces.path.clear(), colors);
    if (this.stale) {
      this.drawParts(this.surfaces.parts.clear(), colors);
      this.drawFamily(this.surfaces.family.clear(), colors);
    }
    this.drawBody(this.surfaces.body.clear(), colors);
    this.stale = false;
    return this.playing || this.descending;
  }

  at(path) {
    const k = Math.min(this.time / this.action.step, path.length - 1);
    const before = Math.min(Math.floor(k), path.length - 2);
    return path[before] + (k - before) * (path[before + 1] - path[before]);
  }

  drawPath(g, colors) {
    const { width, height } = this.surfaces.path;
    const { duration, step } = this.action;
    const left = 46;
    const right = width - 8;
    const middle = Math.round(height * 0.64);
    const times = ticks(0, duration, width < 380 ? 4 : 6);
    const axes = (this.axes = new Axes({ left, top: 8, right, bottom: middle }, [0, duration], this.range));
    drawFrame(g, axes, colors, { xTicks: [], yTicks: ticks(...this.range, 5), yName: `q (${this.units.position})` });
    axes.clip(g);
    for (const time of this.conjugate) this.drawConjugate(g, colors, axes, time);
    this.drawArrows(g, colors, axes);
    const curve = (path, style) => {
      useStyle(g, style);
      g.beginPath();
      tracePoints(g, path.length, (k) => [axes.x(k * step), axes.y(path[k])]);
      g.stroke();
    };
    if (this.revealed) curve(this.truth, colors.roles.truth);
    curve(this.path, colors.roles.yours);
    g.globalAlpha = 1;
    g.setLineDash([]);
    if (this.revealed) drawMark(g, "truth", colors, axes.x(this.time), axes.y(this.at(this.truth)), 4);
    // Hollow, because the points that can be pulled are full.
    g.beginPath();
    g.arc(axes.x(this.time), axes.y(this.at(this.path)), 4, 0, 2 * Math.PI);
    g.fillStyle = colors.surface;
    g.fill();
    useStyle(g, { ...colors.roles.yours, width: 1.8 });
    g.stroke();
    g.restore();
    g.fillStyle = colors.ink;
    for (const end of [0, this.path.length - 1]) {
      g.beginPath();
      g.rect(axes.x(end * step) - 4, axes.y(this.path[end]) - 4, 8, 8);
      g.fill();
    }
    this.handles.forEach((handle, j) => handle.put(axes.x(this.node(j) * step), axes.y(this.path[this.node(j)])));

    const most = 1.15 * this.strongest;
    const strip = new Axes({ left, top: middle + 26, right, bottom: height - 26 }, [0, duration], [-most, most]);
    drawFrame(g, strip, colors, { xTicks: times, yTicks: [0], xName: "time (s)" });
    g.textAlign = "left";
    g.textBaseline = "bottom";
    g.fillText(`off Newton's law by ∂L/∂q − d/dt ∂L/∂q̇ (${this.units.force})`, left, strip.top - 5);
    strip.clip(g);
    g.beginPath();
    const last = this.path.length - 1;
    g.moveTo(strip.x(step), strip.y(0));
    for (let k = 1; k < last; k++) g.lineTo(strip.x(k * step), strip.y(this.force[k]));
    g.lineTo(strip.x(duration - step), strip.y(0));
    g.fillStyle = colors.roles.highlight.color;
    g.globalAlpha = 0.25;
    g.fill();
    useStyle(g, { ...colors.roles.yours, width: 1.6 });
    g.stroke();
    g.restore();
  }

  drawConjugate(g, colors, axes, time) {
    const x = axes.x(time);
    g.strokeStyle = colors.muted;
    g.lineWidth = 1.2;
    g.setLineDash([3, 4]);
    g.beginPath();
    g.moveTo(x, axes.top);
    g.lineTo(x, axes.bottom);
    g.stroke();
    g.setLineDash([]);
    g.fillStyle = colors.muted;
    g.textBaseline = "bottom";
    g.textAlign = x > (axes.left + axes.right) / 2 ? "right" : "left";
    g.fillText("conjugate point", x + (g.textAlign === "right" ? -5 : 5), axes.bottom - 6);
  }

  /** Arrows on the path, some of the way that the descent would go: where it must be bent for S to fall. */
  drawArrows(g, colors, axes) {
    useStyle(g, { ...colors.roles.highlight, width: 1.4, dash: [] });
    const last = this.path.length - 1;
    for (let i = 1; i <= ARROWS; i++) {
      const k = Math.round((i * last) / (ARROWS + 1));
      // S falls along the descent reversed; up is negative on the page.
      const length = ARROW * this.descent[k] * axes.yScale;
      if (Math.abs(length) < 3) continue;
      const [x, y] = [axes.x(k * this.action.step), axes.y(this.path[k])];
      const tip = y + length;
      const head = 3.5 * Math.sign(length);
      g.beginPath();
      g.moveTo(x, y);
      g.lineTo(x, tip);
      g.moveTo(x - 3, tip - head);
      g.lineTo(x, tip);
      g.lineTo(x + 3, tip - head);
      g.stroke();
    }
  }

  drawBody(g, colors) {
    const { revealed } = this;
    this.body.layout(this.surfaces.body, revealed ? 2 : 1, this.range);
    this.body.drawGround(g, colors, [this.truth[0], 0]);
    if (revealed) this.body.drawMotion(g, colors, { role: "truth", label: "true path" }, [this.at(this.truth), 0], 0);
    this.body.drawMotion(g, colors, { role: "yours", label: "your path" }, [this.at(this.path), 0], revealed ? 1 : 0);
  }

  /** T and V along the reader's path, and their difference, whose area is S. */
  drawParts(g, colors) {
    const { width, height } = this.surfaces.parts;
    const { duration, step } = this.action;
    const parts = Array.from({ length: this.path.length - 1 }, (_, k) => this.action.parts(this.path.slice(k, k + 2)));
    const { yours } = colors.roles;
    const curves = [
      { name: "T", of: ({ kinetic }) => kinetic, style: { color: colors.muted, width: 1.4, dash: [] } },
      { name: "V", of: ({ potential }) => potential, style: { color: colors.muted, width: 1.4, dash: [5, 3] } },
      { name: "T − V, whose area is S", of: ({ action }) => action, style: yours },
    ].map((curve) => ({ ...curve, values: parts.map((part) => curve.of(part) / step) }));
    const all = curves.flatMap(({ values }) => values);
    const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
    this.partsRange = keptRange(this.partsRange, low, high, 0.2 * (high - low || 1), 0);
    // Time lies as it does in the picture of the paths.
    const axes = (this.partsAxes = new Axes({ left: 46, top: 28, right: width - 8, bottom: height - 26 }, [0, duration], this.partsRange));
    drawFrame(g, axes, colors, { xTicks: ticks(0, duration, width < 380 ? 4 : 6), yTicks: ticks(...this.partsRange, 4), xName: "time (s)", yName: "energy (J)" });
    axes.clip(g);
    for (const { of, values, style } of curves) {
      useStyle(g, style);
      g.beginPath();
      // A step's energy belongs to its middle.
      tracePoints(g, values.length, (k) => [axes.x((k + 0.5) * step), axes.y(values[k])]);
      g.stroke();
      if (of !== curves.at(-1).of) continue;
      g.lineTo(axes.x(duration - step / 2), axes.y(0));
      g.lineTo(axes.x(step / 2), axes.y(0));
      g.globalAlpha = 0.18;
      g.fill();
    }
    g.restore();
    let x = axes.left;
    g.textAlign = "left";
    g.textBaseline = "middle";
    for (const { name, style } of curves) {
      useStyle(g, style);
      g.beginPath();
      g.moveTo(x, 13);
      g.lineTo(x + 24, 13);
      g.stroke();
      g.fillStyle = colors.ink;
      g.fillText(name, x + 30, 13);
      x += 46 + g.measureText(name).width;
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
  }

  /** S along the line of paths from the true one (0) through the reader's (1). */
  drawFamily(g, colors) {
    const { width, height } = this.surfaces.family;
    const bent = this.bend.some((value) => Math.abs(value) > 1e-6);
    const bend = bent ? this.bend : this.mode.map((value) => value * NUDGE * (this.range[1] - this.range[0]));
    const shares = Array.from({ length: 61 }, (_, i) => FAMILY * (i / 30 - 1));
    const values = shares.map((share) => this.action.value(this.truth.map((q, k) => q + share * bend[k])) - this.trueParts.action);
    const low = Math.min(0, ...values);
    const high = Math.max(0, ...values);
    // Room for the names of the axes, which stand inside.
    const room = (high - low || 1) * (22 / (height - 78));
    const axes = new Axes({ left: 46, top: 8, right: width - 8, bottom: height - 26 }, [-FAMILY, FAMILY], [low - room, high + room]);
    drawFrame(g, axes, colors, { xTicks: [-1, 0, 1], xText: (share) => ["other way", "true path", bent ? "your path" : "nudged"][share + 1], yTicks: ticks(low, high, 3), yName: "S less that of the true path (J s)" });
    axes.clip(g);
    g.strokeStyle = colors.line;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(axes.left, axes.y(0));
    g.lineTo(axes.right, axes.y(0));
    g.stroke();
    useStyle(g, { ...colors.roles.yours, color: colors.ink, width: 1.6 });
    g.beginPath();
    tracePoints(g, shares.length, (i) => [axes.x(shares[i]), axes.y(values[i])]);
    g.stroke();
    drawMark(g, "truth", colors, axes.x(0), axes.y(0), 4.5);
    if (bent) drawMark(g, "yours", colors, axes.x(1), axes.y(this.parts.action - this.trueParts.action), 6);
    g.restore();
  }

  // --- numbers and words -----------------------------------------------------------------------

  showNumbers() {
    this.clock.textContent = `t = ${formatNumber(this.time)} s`;
    if (!this.revealed && !this.dragging && this.isStationary()) {
      this.revealed = true;
      this.redraw();
    }
    for (const [cell] of [this.cells[0], this.cells[2]]) cell.parentElement.hidden = !this.revealed;
    const rests = this.isStationary() ? " No small bend changes it: it is stationary." : " It falls along the arrows.";
    this.reading.replaceChildren("Action S = ", element("strong", {}, `${formatNumber(this.parts.action, 3)} J s`), ".", rests);
    const label = this.descending ? "Stop" : "Descend";
    if (this.descendButton.textContent !== label) this.descendButton.textContent = label;
    const numbers = [this.trueParts, this.parts].map(({ kinetic, potential, action }) => [kinetic, potential, action]);
    numbers.push(numbers[1].map((value, i) => value - numbers[0][i]));
    this.cells.forEach((cells, row) => cells.forEach((cell, i) => (cell.textContent = formatNumber(numbers[row][i], 3))));
  }

  describe() {
    const count = this.conjugate.length;
    const directions = count === 1 ? "one direction" : `${count} directions`;
    const times = this.conjugate.map((time) => `${formatNumber(time)} s`).join(", ");
    this.verdict.textContent =
      count === 0
        ? `The true path is a minimum of S: every small bend raises it.${this.only ? "" : " A path farther away may have less."}`
        : `The true path is no minimum of S but a saddle: beyond the conjugate point${count > 1 ? "s" : ""} (${times}) S falls in ${directions}. Press Nudge (under More), then Descend.`;
    this.handles.forEach(({ knob }, j) => knob.setAttribute("aria-label", `the path at ${formatNumber(this.node(j) * this.action.step)} s`));
    const unit = this.units.position;
    this.handles.forEach((handle, j) => {
      const q = this.path[this.node(j)];
      handle.say(q.toFixed(2), this.range.map((value) => value.toFixed(2)), `q = ${formatNumber(q)} ${unit}, S = ${formatNumber(this.parts.action, 3)} J s`);
    });
  }

  summary() {
    if (this.descending) return null;
    const gap = this.parts.action - this.trueParts.action;
    const compared = Math.abs(gap) < 5e-4 ? "as much as the true path's" : `${formatNumber(Math.abs(gap), 3)} J s ${gap > 0 ? "above" : "below"} the true path's`;
    const bent = this.bend.some((value) => Math.abs(value) > 1e-3 * (this.range[1] - this.range[0]));
    const another = bent && this.force.every((value) => Math.abs(value) < 2e-3 * this.ownForce) ? " It is a motion too, another one between the same ends." : "";
    const text = `Your path has the action ${formatNumber(this.parts.action, 3)} J s, ${compared}.${another}`;
    this.surfaces.path.canvas.setAttribute("aria-label", `The true path and yours against time, and below them the Euler–Lagrange residual of yours. ${text}`);
    this.surfaces.body.canvas.setAttribute("aria-label", `The ${this.system.bodyName} moving along the true path and along yours.`);
    this.surfaces.parts.canvas.setAttribute("aria-label", `Kinetic and potential energy along your path, and their difference, whose area is the action. ${text}`);
    this.surfaces.family.canvas.setAttribute("aria-label", `The action of the paths on the line from the true one through yours. ${this.verdict.textContent}`);
    return text;
  }
}

export default widget(LagrangianLab);
