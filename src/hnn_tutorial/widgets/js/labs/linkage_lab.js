// The linkage lab: points on rods that the reader drags, lets go, and closes to a loop; followed by RATTLE,
// by RK4 on the field with multipliers, and by a network that learned the open chain.
import { drawMark, formatNumber, useStyle } from "../drawing/canvas.js";
import { formatAnySize } from "../drawing/chart.js";
import { drawGauges } from "../drawing/gauges.js";
import { button, element, handle, roleWord, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";
import { ConstrainedField, Rods, rattleStep } from "../physics/constraints.js";
import { rk4Step } from "../physics/integrators/explicit.js";
import { LinkageMotion, dragged } from "../physics/linkage.js";
import { DenseNetwork } from "../physics/models/dense.js";
import { decodeFloats } from "../physics/models.js";
import { allFinite } from "../physics/vectors.js";

const FRAME_BUDGET = 5; // ms of stepping in one frame
const HORIZON = 120; // s
const STEPS = [0.001, 0.1]; // s
const NUDGE = 0.02; // of the linkage's size, by a key
const SHORTEST = 1e-3; // of a rod that closes the loop
const LEFT = 0.01; // m: rods that are plainly off
const LOOKED = 3; // s of a closed loop

/** Colours with a role for RK4, which is no model: that of the explicit methods. */
function withMethod(colors) {
  return { ...colors, roles: { ...colors.roles, explicit: { ...colors.methodKinds.explicit, dash: [6, 3], width: 2 } } };
}

class LinkageLab extends Shell {
  name = "linkage-lab";
  loads = ["_system", "_models", "_weights"];
  starts = ["positions", "closing", "step"];
  motions = [];
  handles = [];

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    this.body = this.stage("body", this.canvas("ground"), this.canvas("body", "the linkage"));
    this.layer = element("div", { class: "hnn-layer" });
    this.body.append(this.layer);
    this.closeButton = button("Close the loop", life, () => this.toggle());
    this.step = slider({ name: "step", low: STEPS[0], high: STEPS[1], step: 0.001, format: (value) => `${Number(value.toFixed(4))} s` }, life, (value) => this.choose("step", value));
    this.rows = element("tbody");
    const headings = ["motion", "rods off by (m)", "energy off by (J)"].map((text) => element("th", { scope: "col" }, text));
    this.table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, ...headings)), this.rows);
    this.fate = element("p", { class: "hnn-fate" });
    const gauges = this.stage("gauge", this.canvas("gauges", "gauges of rods and energy"));
    const numbers = element("div", { class: "hnn-numbers" }, this.table, this.fate, element("p", { class: "hnn-note" }, "The largest so far; below, just now."), gauges);
    return [this.head(), this.body, numbers, this.controls({ buttons: [this.closeButton], first: [this.step.label] }), element("div", { class: "hnn-foot" }, this.status)];
  }

  buildHandle(joint) {
    const name = `joint ${joint + 1}`;
    const part = handle({ className: "hnn-handle-body", name, hint: this.hint.id }, this.layer, this.life, {
      grabbed: () => {
        this.dragging = true;
        this.play(false);
        this.time = 0;
        this.redraw();
      },
      moved: (x, y) => this.drag(joint, this.invert(x, y)),
      released: () => {
        this.dragging = false;
        this.play(this.wantsMotion);
      },
      stepped: (dx, dy) => {
        const [x, y] = this.positions.slice(2 * joint, 2 * joint + 2);
        this.drag(joint, [x + NUDGE * this.size * dx, y + NUDGE * this.size * dy]);
      },
    });
    part.knob.setAttribute("aria-roledescription", "movable joint");
    return part;
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { title, pairs, lengths, masses, weights, anchor } = this.model.get("_system");
    const open = new Rods(pairs, lengths, [[0, 0]]);
    Object.assign(this, { open, anchor, chains: { false: { masses: masses[0], weights: weights[0] }, true: { masses: masses[1], weights: weights[1] } } });
    this.size = lengths.reduce((sum, length) => sum + length, 0);
    this.reach = Math.max(this.size, Math.hypot(...anchor));
    const specs = this.model.get("_models");
    const floats = specs.length ? decodeFloats(this.model.get("_weights")) : new Float32Array(0);
    const expected = specs.reduce((sum, { count }) => sum + count, 0);
    if (floats.length !== expected) throw new Error(`the models need ${expected} weights, but ${floats.length} arrived`);
    this.learned = specs.map(({ label, role, networks: [sizes], activation, count, masses: M }) => {
      if (!allFinite(floats)) throw new Error(`the weights of "${label}" hold NaN or infinite values`);
      // Its masses come as they are; the numbers that make them stand first.
      const inside = floats.subarray(count - sizes.slice(1).reduce((sum, width, k) => sum + width * (sizes[k] + 1), 0));
      const network = new DenseNetwork(sizes, activation, inside);
      return { label, role, masses: M, force: (q) => network.inputGradient(q).map((slope) => -slope) };
    });
    this.entries = [{ label: "RATTLE", role: "truth" }, { label: "RK4", role: "explicit" }, ...this.learned];
    this.title.textContent = title;
    this.root.setAttribute("aria-label", `${title}: ${this.entries.map(({ label }) => label).join(", ")}`);
    const [truth, other, ...learned] = this.entries.map(({ label, role }) => roleWord(label, role));
    const third = learned.length ? [", and ", ...learned, ", which learned masses and forces, by RATTLE too"] : [];
    this.who.replaceChildren("The same motion by ", truth, ", which solves for the rods' lengths at each step, by ", other, " with the rods' forces", ...third, ".");
    this.hint.textContent = "Drag a joint, or move it by arrow keys; then let go.";
    while (this.handles.length < open.points) this.handles.push(this.buildHandle(this.handles.length));
    this.handles.forEach(({ knob }, i) => (knob.hidden = i >= open.points));
    this.buildTable();
  }

  buildTable() {
    const { roles } = withMethod(themeColors("light"));
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => {
      const cells = [element("td"), element("td")];
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells));
      return cells;
    });
  }

  start() {
    const [positions, closing, step] = ["positions", "closing", "step"].map((name) => this.model.get(name));
    const { open } = this;
    if (!Array.isArray(positions) || positions.length !== 2 * open.points || !positions.every(Number.isFinite)) throw new Error(`the positions must be ${2 * open.points} finite numbers, but are ${JSON.stringify(positions)}`);
    if (!(closing === 0 || closing >= SHORTEST)) throw new Error(`the closing rod must have a length, or 0 for none, but has ${closing}`);
    if (!(step >= STEPS[0] && step <= STEPS[1])) throw new Error(`the step must be from ${STEPS.join(" to ")} s, but is ${step}`);
    const rods = closing ? open.withRod([open.points - 1, -2], closing, this.anchor) : open;
    const { masses, weights } = this.chains[closing > 0];
    // Four digits of the positions travel; the rest is found again.
    const q = rods.project(positions, unit(open.points));
    const start = Float64Array.of(...q, ...new Float64Array(q.length));
    const pull = Float64Array.from({ length: q.length }, (_, i) => (i & 1 ? -weights[i >> 1] : 0));
    const truth = new ConstrainedField(() => pull, masses, rods);
    const field = (x) => truth.field(x);
    const potential = (x) => weights.reduce((sum, weight, i) => sum + weight * x[2 * i + 1], 0);
    const energy = (x) => truth.kinetic(x) + potential(x);
    const models = this.learned.map((own) => new ConstrainedField(own.force, own.masses, rods));
    const ways = [(x, h) => rattleStep(truth, x, h), (x, h) => rk4Step(field, x, h), ...models.map((model) => (x, h) => rattleStep(model, x, h))];
    this.motions = ways.map((advance) => new LinkageMotion({ advance, energy, rods, start, step }));
    Object.assign(this, { rods, positions: q, closing });
    this.step.show(step);
    const text = closing ? "Open the loop" : "Close the loop";
    if (this.closeButton.textContent !== text) this.closeButton.textContent = text;
    this.refusal = "";
    this.redraw();
  }

  tasks() {
    const leave = {
      says: "Find a step with which RK4 leaves its rods by a centimetre, and RATTLE does not.",
      done: () => this.motions[1].offMost > LEFT && this.motions[0].problem === null,
      shows: "RK4 knows rods by their forces alone: what a step takes from a length stays lost.",
    };
    const close = {
      says: "Close the loop, and let it swing for three seconds.",
      done: () => this.closing > 0 && this.time > LOOKED,
      shows: "One rod more, and no formula anew: masses and weights are those of the open chain.",
    };
    // A loop that is closed from the beginning is no task.
    return this.home.closing ? { leave, close } : { close, leave };
  }

  // --- what the reader does --------------------------------------------------------------------

  drag(joint, place) {
    const at = dragged(this.rods, this.positions, joint, place, this.size);
    this.choose("positions", Array.from(at, (value) => Number(value.toFixed(5))));
  }

  /** A rod more, from the last joint to the second anchor, as long as it is far; or one less. */
  toggle() {
    const shown = this.motions[0].shown(this.time);
    const q = this.open.project(shown, unit(this.open.points));
    const last = q.slice(-2);
    const length = this.closing ? 0 : Math.hypot(last[0] - this.anchor[0], last[1] - this.anchor[1]);
    if (!this.closing && length < SHORTEST) return this.say("The last joint is on the second pivot: there is no room for a rod.");
    const positions = Array.from(q, (value) => Number(value.toFixed(5)));
    // In between the rods must reach, too.
    for (const [name, value] of this.closing ? [["closing", 0], ["positions", positions]] : [["positions", positions], ["closing", length]]) this.model.set(name, value);
    this.model.save_changes();
    this.play(this.wantsMotion);
  }

  say(text) {
    this.refusal = text;
    this.status.textContent = text;
  }

  play(playing, asked) {
    super.play(playing, asked);
    this.speakSoon();
  }

  reset() {
    // What it is set back to has rods that reach, but perhaps not those that are there now.
    this.model.set("closing", 0);
    super.reset();
  }

  get ended() {
    return this.time >= HORIZON || this.motions.every(({ problem }) => problem !== null);
  }

  // --- frames --------------------------------------------------------------------------------

  frame(now, elapsed) {
    // Reset, Replay or a hand, without another start.
    if (this.time === 0) for (const motion of this.motions) motion.begin();
    if (this.playing) {
      const deadline = performance.now() + FRAME_BUDGET;
      const wanted = Math.min(HORIZON, this.time + elapsed / 1000);
      for (const motion of this.motions) motion.advanceTo(wanted, deadline);
      const behind = this.motions.filter(({ problem }) => problem === null).map(({ time }) => time);
      this.time = Math.min(wanted, ...behind);
      if (this.ended) this.playing = false;
    }
    this.draw();
    return this.playing;
  }

  invert(x, y) {
    return [(x - this.centre[0]) / this.scale, (this.centre[1] - y) / this.scale];
  }

  place(q, joint) {
    return [this.centre[0] + this.scale * q[2 * joint], this.centre[1] - this.scale * q[2 * joint + 1]];
  }

  draw() {
    if (!this.fitSurfaces()) return;
    const { ground, body, gauges } = this.surfaces;
    const colors = withMethod(this.colors);
    const { width, height } = ground;
    this.centre = [width / 2, height / 2];
    this.scale = (Math.min(width, height) / 2 - 20) / this.reach;
    if (this.stale) this.drawGround(ground.clear(), colors);
    this.stale = false;
    const g = body.clear();
    const shown = this.motions.map((motion) => motion.shown(this.time));
    shown.forEach((q, i) => this.drawLinkage(g, colors, this.entries[i].role, q));
    const held = this.dragging || this.time === 0 ? this.positions : shown[0];
    this.handles.slice(0, this.open.points).forEach((part, joint) => {
      part.put(...this.place(held, joint));
      part.say(held[2 * joint].toFixed(2), [-this.reach, this.reach].map((limit) => limit.toFixed(2)), `x = ${formatNumber(this.positions[2 * joint])} m, y = ${formatNumber(this.positions[2 * joint + 1])} m`);
    });
    const changes = (of) => this.entries.map(({ role }, i) => ({ role, change: of(this.motions[i]) }));
    drawGauges(gauges, colors, [
      { name: "rods, at first off by", unit: "m", start: 0, changes: changes(({ off }) => off) },
      { name: "energy, at first", unit: "J", start: this.motions[0].first, changes: changes(({ change }) => change) },
    ]);
  }

  drawGround(g, colors) {
    g.lineWidth = 1;
    g.strokeStyle = colors.faint;
    g.beginPath();
    g.arc(...this.centre, this.scale * this.size, 0, 2 * Math.PI);
    g.stroke();
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.roles.highlight.color;
    this.rodPath(g, this.positions);
    g.stroke();
    g.setLineDash([]);
    // Pivots: the second one is empty as long as nothing hangs on it.
    const pivots = [[0, 0], this.anchor].map(([x, y]) => [this.centre[0] + this.scale * x, this.centre[1] - this.scale * y]);
    pivots.forEach(([x, y], i) => {
      g.beginPath();
      g.moveTo(x, y);
      g.lineTo(x - 8, y - 12);
      g.lineTo(x + 8, y - 12);
      g.closePath();
      g.strokeStyle = colors.muted;
      g.fillStyle = colors.muted;
      g.lineWidth = 1.5;
      if (i && !this.closing) g.stroke();
      else g.fill();
    });
  }

  rodPath(g, q) {
    g.beginPath();
    const at = (end) => {
      if (end >= 0) return this.place(q, end);
      const [x, y] = this.rods.anchors[-1 - end];
      return [this.centre[0] + this.scale * x, this.centre[1] - this.scale * y];
    };
    for (const [i, j] of this.rods.pairs) {
      g.moveTo(...at(i));
      g.lineTo(...at(j));
    }
  }

  drawLinkage(g, colors, role, q) {
    useStyle(g, colors.roles[role]);
    this.rodPath(g, q);
    g.stroke();
    g.globalAlpha = 1;
    for (let joint = 0; joint < this.open.points; joint++) drawMark(g, role, colors, ...this.place(q, joint), 8);
  }

  // --- numbers and words ----------------------------------------------------------------------

  ends() {
    return this.entries.flatMap(({ label }, i) => (this.motions[i].problem ? [`${label} stopped after ${formatNumber(this.motions[i].time)} s: ${this.motions[i].problem}`] : []));
  }

  showNumbers() {
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    this.motions.forEach(({ offMost, changeMost }, i) => [offMost, changeMost].forEach((value, k) => put(this.cells[i][k], formatAnySize(value))));
    const ends = this.ends();
    put(this.fate, ends.length ? `${ends.join("; ")}.` : "");
    put(this.clock, `${formatNumber(this.time)} s`);
  }

  summary() {
    if (this.refusal) return this.refusal;
    const { points } = this.open;
    const what = this.closing ? `Closed loop: ${points} links and a rod of ${formatNumber(this.closing)} m` : `Open chain of ${points} link${points === 1 ? "" : "s"}`;
    this.surfaces.body.canvas.setAttribute("aria-label", `${what}: ${this.entries.map(({ label }) => label).join(", ")}`);
    const steps = `${what}, steps of ${this.model.get("step")} s.`;
    if (this.playing) return steps;
    const off = this.entries.map(({ label }, i) => `${label} ${formatAnySize(this.motions[i].offMost)} m`);
    return `${steps} After ${formatNumber(this.time)} s rods are off by: ${off.join(", ")}.`;
  }
}

const unit = (n) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => Number(i === j)));

export default widget(LinkageLab);
