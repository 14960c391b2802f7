// The learned-dynamics lab: truth and trained models as motions from one start that the reader moves.
import { wrapAngle } from "./vectors.js";
import { buildSystem } from "./systems.js";
import { METHODS, coupledParts } from "./integrators.js";
import { buildModels } from "./models.js";
import { Motion } from "./motion.js";
import { BODIES } from "./bodies.js";
import { FrameLoop, Life } from "./life.js";
import { followTheme, themeColors } from "./theme.js";
import { Axes, Surface, drawFrame, drawMark, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "./drawing.js";
import { button, element, handle, select, slider, swatch } from "./controls.js";

const FRAME_BUDGET = 3; // ms of integration in one frame; drawing needs about as much again
const STEP = { low: 0.01, high: 0.4 }; // s: what the slider offers
const MOST_STEPS = 10000; // of one motion: more than a frame can draw in time
const TRUTH_STEP = 0.01; // s: the truth is RK4 at this step or a finer one, exact to the eye
const NUMBERS_EVERY = 120; // ms between two updates of the numbers while playing
const FAINT = 0.3; // of the part of a motion that is still to come
const SPEAK_AFTER = 700; // ms of rest before the summary is announced

let labs = 0;

class LearnedLab {
  constructor(model, root) {
    this.model = model;
    this.life = new Life();
    this.id = `hnn-lab-${++labs}`;
    this.time = 0;
    this.playing = false;
    // The reader's wish, which outlives a drag; a page that asks for calm starts still.
    this.seen = false;
    this.wantsMotion = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.build(root);
    followTheme(this.root, this.life, (colors) => {
      this.colors = colors;
      this.redraw();
    });
    this.loop = new FrameLoop(this.root, this.life, (now, elapsed) => this.frame(now, elapsed), {
      onFirstSight: () => {
        this.seen = true;
        this.play(this.wantsMotion);
      },
    });
    const resizes = new ResizeObserver(() => this.redraw());
    resizes.observe(this.root);
    this.life.onEnd(() => resizes.disconnect());
    this.life.onEnd(() => clearTimeout(this.speech));
    this.life.onEnd(() => this.root.remove());
    this.life.observe(model, ["_system", "_models", "_weights", "region"], () => this.load());
    this.life.observe(model, ["state", "step", "method", "horizon"], () => this.start());
    this.load();
  }

  // --- the page elements -------------------------------------------------------------------

  build(el) {
    const { life } = this;
    const canvas = (label) => element("canvas", { class: "hnn-canvas", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
    const stage = (area, ...canvases) => element("div", { class: `hnn-stage hnn-${area}` }, ...canvases);

    this.surfaces = {};
    const surface = (name, label) => {
      const made = canvas(label);
      this.surfaces[name] = new Surface(made);
      return made;
    };
    const body = stage("body", surface("body", "the body"));
    const phase = stage("phase", surface("plane"), surface("phase", "phase plane"));
    const energy = stage("energy", surface("energy", "energy over time"));

    const hint = element("p", { class: "hnn-hint", id: `${this.id}-hint` });
    this.hint = hint;
    this.phaseHandle = this.startHandle("hnn-handle-start", "start in the phase plane", phase, {
      moved: (x, y) => this.moveTo(this.axes.invert(x, y)),
      stepped: (dx, dy) => this.moveTo(this.nudged(dx, dy)),
    });
    // Pulling the body holds it still: it starts from rest, as it would from a hand.
    this.bodyHandle = this.startHandle("hnn-handle-body", "the body, released from rest", body, {
      moved: (x, y) => this.moveTo([this.body.coordinate(x, y), 0]),
      stepped: (dx, dy) => this.moveTo([this.nudged(dx || dy, 0)[0], 0]),
    });

    this.clock = element("span", { class: "hnn-clock" }, "t = 0.0 s");
    this.title = element("span", { class: "hnn-title" });
    this.playButton = button("Play", life, () => this.play(!this.playing, true));
    this.playButton.classList.add("hnn-primary");
    const reset = button("Reset", life, () => this.reset());
    const seconds = (value) => `${tickLabel(value)} s`;
    this.stepSlider = slider({ name: "step Δt", low: STEP.low, high: STEP.high, step: STEP.low, format: seconds }, life, (value) => this.choose("step", value));
    const choices = Object.entries(METHODS).map(([value, { title }]) => ({ value, text: title }));
    this.methodSelect = select({ name: "integrator", choices }, life, (value) => this.choose("method", value));
    this.methodNote = element("p", { class: "hnn-note" });

    this.rows = element("tbody");
    const heading = (text) => element("th", { scope: "col" }, text);
    const table = element(
      "table",
      { class: "hnn-table" },
      element("thead", {}, element("tr", {}, heading("motion"), heading("energy error"), heading("distance from truth"))),
      this.rows
    );
    this.status = element("p", { class: "hnn-status", role: "status", "aria-live": "polite" });
    this.content = element(
      "div",
      { class: "hnn-card" },
      element("div", { class: "hnn-head" }, this.title, this.clock, hint),
      body,
      phase,
      element("div", { class: "hnn-numbers" }, table),
      energy,
      element("div", { class: "hnn-controls" }, element("div", { class: "hnn-buttons" }, this.playButton, reset), this.stepSlider.label, this.methodSelect.label),
      element("div", { class: "hnn-foot" }, this.status, this.methodNote)
    );
    this.message = element("p", { class: "hnn-message", role: "alert", hidden: true });
    this.root = element("div", { class: "hnn-lab", role: "group", "aria-label": "learned dynamics" }, this.message, this.content);
    el.append(this.root);
  }

  startHandle(className, name, stage, actions) {
    return handle({ className, name, hint: `${this.id}-hint` }, stage, this.life, {
      grabbed: () => {
        this.dragging = true;
        this.play(false);
        this.time = 0;
        this.redraw();
      },
      released: () => {
        this.dragging = false;
        this.play(this.wantsMotion);
      },
      ...actions,
    });
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  /** Say what is wrong instead of the lab, or (with null) show the lab. */
  complain(problem) {
    this.problem = problem;
    this.content.hidden = problem !== null;
    this.message.hidden = problem === null;
    this.message.textContent = problem === null ? "" : `This lab cannot run: ${problem}.`;
  }

  /** Rebuild the system and the models. */
  load() {
    try {
      const spec = this.model.get("_system");
      this.system = buildSystem(spec);
      this.body = new BODIES[spec.name](this.system);
      const specs = this.model.get("_models");
      const models = buildModels(specs, this.model.get("_weights"));
      const truth = { label: "truth", role: "truth", field: (x) => this.system.field(x) };
      this.entries = [truth, ...specs.map(({ label, role }, i) => ({ label, role, field: (x) => models[i].field(x) }))];
      const region = this.model.get("region") ?? [];
      this.region = region.length === 2 ? region : null;
      this.home ??= { state: this.model.get("state"), step: this.model.get("step"), method: this.model.get("method") };
    } catch (error) {
      this.complain(error.message);
      return;
    }
    const names = this.entries.map(({ label }) => label).join(", ");
    this.title.textContent = this.system.title;
    this.root.setAttribute("aria-label", `${this.system.title}: ${names} from one start`);
    this.hint.replaceChildren(
      "Drag the start ",
      element("span", { class: "hnn-dot", "aria-hidden": "true" }),
      ` in the plane, or the ${this.system.bodyName} itself; or focus one and use the arrow keys.`
    );
    this.bodyHandle.knob.setAttribute("aria-label", `the ${this.system.bodyName}, released from rest`);
    this.buildRows();
    this.view = null;
    this.start();
  }

  buildRows() {
    const { roles } = themeColors("light");
    const row = (label, picture, className = "") => {
      const cells = [element("td"), element("td")];
      this.rows.append(element("tr", { class: className }, element("th", { scope: "row" }, picture, label), ...cells));
      return cells;
    };
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => row(label, swatch(role, roles[role])));
    this.cells.push(row("integrator alone", "", "hnn-quiet"));
  }

  /** Start all motions anew from the present state, step and method. */
  start() {
    try {
      this.check();
    } catch (error) {
      this.complain(error.message);
      return;
    }
    this.complain(null);
    const { state, step } = this;
    const horizon = this.model.get("horizon");
    const method = METHODS[this.method];
    const energy = (x) => this.system.hamiltonian(x);
    const common = { energy, start: state, horizon };
    const fine = step / Math.ceil(step / TRUTH_STEP - 1e-9);
    const [truth, ...models] = this.entries;
    this.truth = new Motion({ ...common, field: truth.field, method: METHODS.rk4, step: fine });
    this.motions = [this.truth, ...models.map(({ field }) => new Motion({ ...common, field, method, step }))];
    // What the method does to the true field: the part of each error that no network made.
    this.control = new Motion({ ...common, field: truth.field, method, step });
    this.horizon = horizon;
    this.time = 0;
    this.stepSlider.limit(Math.min(STEP.high, horizon));
    this.stepSlider.show(step);
    this.methodSelect.show(this.method);
    this.fitView();
    this.describeStart();
    this.speakSoon();
    if (this.playing || this.dragging) this.redraw();
    else this.play(this.wantsMotion && this.seen);
  }

  check() {
    if (!this.entries) throw new Error(this.problem ?? "it has no system");
    const state = this.model.get("state");
    const size = 2 * this.system.degrees;
    if (!Array.isArray(state) || state.length !== size || !state.every(Number.isFinite)) {
      throw new Error(`the start must be ${size} finite numbers [q, p], but is ${JSON.stringify(state)}`);
    }
    const [step, horizon] = [this.model.get("step"), this.model.get("horizon")];
    if (!(step > 0) || !(horizon >= step)) throw new Error(`the step (${step} s) must be positive and no longer than the horizon (${horizon} s)`);
    const count = Math.round(horizon / Math.min(step, TRUTH_STEP));
    if (count > MOST_STEPS) throw new Error(`${horizon} s takes ${count} steps, more than the ${MOST_STEPS} that a lab draws`);
    this.state = Float64Array.from(state);
    this.step = step;
    this.method = this.model.get("method");
    const reasons = this.unsuitableMethods();
    if (!(this.method in METHODS)) throw new Error(`unknown method "${this.method}"; there are ${Object.keys(METHODS).join(", ")}`);
    if (this.method in reasons) throw new Error(`${METHODS[this.method].title} needs H = T(p) + V(q), but ${reasons[this.method]}`);
    this.methodSelect.allow(reasons);
    const greyed = Object.keys(reasons).map((name) => METHODS[name].title);
    this.methodNote.hidden = greyed.length === 0;
    this.methodNote.textContent = `Not offered: ${greyed.join(", ")}. They need H = T(p) + V(q), but ${Object.values(reasons)[0]}.`;
  }

  /** The methods that cannot serve every motion here, each with the reason. */
  unsuitableMethods() {
    const found = this.entries.map(({ label, field }) => [label, coupledParts(field, this.state)]).find(([, reason]) => reason);
    if (!found) return {};
    const reason = found[0] === "truth" ? `${found[1]} in the true field` : `in the ${found[0]}'s field ${found[1]}`;
    return Object.fromEntries(Object.entries(METHODS).filter(([, m]) => m.needsSeparable).map(([name]) => [name, reason]));
  }

  /** Choose the part of the plane that is shown; keep it while the start moves inside. */
  fitView() {
    const energy = Math.max(this.system.hamiltonian(this.state), this.region?.[1] ?? 0);
    const inside = this.view && this.shownState(this.state).every((value, i) => Math.abs(value) <= this.view[i]);
    if (!inside) this.view = this.system.view(energy);
    this.planeStale = true;
  }

  shownState(state) {
    return this.system.periodic ? [wrapAngle(state[0]), state[1]] : [...state];
  }

  // --- what the reader does --------------------------------------------------------------------

  choose(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  moveTo(state) {
    const clamped = state.map((value, i) => Math.max(-this.view[i], Math.min(this.view[i], value)));
    this.choose("state", clamped.map((value) => Number(value.toFixed(4))));
  }

  /** The start, moved by so many key strokes. */
  nudged(dx, dy) {
    const sizes = this.view.map((half) => Number((half / 50).toPrecision(1)));
    const [q, p] = this.shownState(this.state);
    return [q + dx * sizes[0], p + dy * sizes[1]];
  }

  play(playing, asked = false) {
    if (asked) this.wantsMotion = playing;
    if (playing && this.horizon && this.time >= this.horizon) this.time = 0;
    this.playing = playing;
    this.redraw();
  }

  reset() {
    this.time = 0;
    this.model.set("step", this.home.step);
    this.model.set("method", this.home.method);
    this.model.set("state", this.home.state);
    this.model.save_changes();
    this.play(this.wantsMotion);
  }

  // --- frames ------------------------------------------------------------------------------

  redraw() {
    this.planeStale = true;
    this.loop?.request();
  }

  frame(now, elapsed) {
    if (this.problem !== null || !this.motions) return false;
    const computing = this.compute();
    if (this.playing) {
      const known = Math.min(...this.motions.filter((m) => !m.done).map((m) => m.end), this.horizon);
      this.time = Math.min(this.time + elapsed / 1000, known);
      if (this.time >= this.horizon) this.playing = false;
    }
    this.draw(computing);
    if (!this.playing || now - (this.numbersAt ?? 0) > NUMBERS_EVERY) {
      this.numbersAt = now;
      this.showNumbers();
    }
    return this.playing || computing;
  }

  /** Integrate for a slice of the frame; the motion that lags most goes first. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      const open = [...this.motions, this.control].filter((motion) => !motion.done);
      if (open.length === 0) return false;
      if (performance.now() > deadline) return true;
      this.planeStale = true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + FRAME_BUDGET / 6);
    }
  }

  draw() {
    const { surfaces, colors } = this;
    const resized = Object.values(surfaces).map((surface) => surface.fit());
    if (surfaces.phase.width === 0) return;
    if (resized.some(Boolean) || this.planeStale || !this.axes) {
      const { width, height } = surfaces.plane;
      const [q, p] = this.view;
      this.axes = new Axes({ left: 42, top: 8, right: width - 8, bottom: height - 26 }, [-q, q], [-p, p]);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.planeStale = false;
    }
    this.drawPhase(surfaces.phase.clear(), colors);
    this.drawBody(surfaces.body.clear(), colors);
    this.drawEnergy(surfaces.energy.clear(), colors);
  }

  /** Entries with their motions, from the bottom up. */
  layers() {
    const layers = this.entries.map((entry, row) => ({ ...entry, row, motion: this.motions[row], style: this.colors.roles[entry.role] }));
    return layers.sort((a, b) => a.style.order - b.style.order);
  }

  /** What changes only with the start: level curves of H, training region, whole orbits. */
  drawPlane(g, colors) {
    const { axes, system } = this;
    axes.clip(g);
    const trace = (energy) => {
      for (const curve of system.levelCurve(energy)) tracePoints(g, curve.length, (k) => [axes.x(curve[k][0]), axes.y(curve[k][1])]);
    };
    if (this.region) {
      g.beginPath();
      for (const energy of this.region) {
        if (energy <= 0) continue;
        // One closed outline per energy; the band between the two is what even-odd fills.
        const outline = system.levelCurve(energy).flat();
        tracePoints(g, outline.length, (k) => [axes.x(outline[k][0]), axes.y(outline[k][1])]);
        g.closePath();
      }
      g.fillStyle = colors.roles.data.color;
      g.globalAlpha = 0.07;
      g.fill("evenodd");
      g.globalAlpha = 1;
    }
    g.strokeStyle = colors.faint;
    g.lineWidth = 1;
    g.setLineDash([]);
    const top = system.hamiltonian([0, this.view[1]]);
    for (let k = 1; k <= 7; k++) {
      g.beginPath();
      trace(1.6 * top * (k / 7) ** 2);
      g.stroke();
    }
    for (const { motion, style } of this.layers()) {
      useStyle(g, style, FAINT);
      this.traceOrbit(g, motion, motion.end);
      g.stroke();
    }
    g.globalAlpha = 1;
    g.restore();
    const [[q, qUnit], [p, pUnit]] = system.coordinates;
    const dense = surfaceIsSmall(this.surfaces.plane) ? 4 : 6;
    drawFrame(g, axes, colors, {
      xTicks: system.periodic ? [-Math.PI, -Math.PI / 2, 0, Math.PI / 2, Math.PI] : ticks(axes.xLow, axes.xHigh, dense),
      xText: system.periodic ? angleLabel : tickLabel,
      yTicks: ticks(axes.yLow, axes.yHigh, dense - 1),
      xName: `${q} (${qUnit})`,
      yName: `${p} (${pUnit})`,
    });
    if (this.region) {
      g.fillStyle = colors.roles.data.color;
      g.globalAlpha = 0.14;
      g.fillRect(axes.right - 104, axes.top + 9, 11, 11);
      g.globalAlpha = 1;
      g.fillStyle = colors.muted;
      g.textAlign = "left";
      g.textBaseline = "middle";
      g.fillText("training data", axes.right - 87, axes.top + 15);
    }
  }

  traceOrbit(g, motion, time) {
    const { axes, system } = this;
    const whole = Math.min(motion.computed, Math.floor(time / motion.step));
    const wrap = system.periodic ? wrapAngle : (q) => q;
    const point = (k) => {
      const [q, p] = k <= whole ? motion.states[k] : motion.at(time);
      return [axes.x(wrap(q)), axes.y(p)];
    };
    const half = (axes.right - axes.left) / 2;
    g.beginPath();
    tracePoints(g, whole + 2, point, system.periodic ? (before, x) => Math.abs(before - x) > half : undefined);
  }

  drawPhase(g, colors) {
    const { axes } = this;
    axes.clip(g);
    const layers = this.layers();
    for (const { motion, style } of layers) {
      useStyle(g, style);
      this.traceOrbit(g, motion, this.time);
      g.stroke();
    }
    for (const { motion, role } of layers) {
      const [q, p] = this.shownState(motion.at(this.time));
      drawMark(g, role, colors, axes.x(q), axes.y(p), 5);
    }
    g.restore();
    const [q, p] = this.shownState(this.state);
    this.phaseHandle.put(axes.x(q), axes.y(p));
  }

  drawBody(g, colors) {
    this.body.layout(this.surfaces.body, this.entries.length, this.view);
    this.body.drawGround(g, colors, this.state);
    const layers = this.layers();
    for (const layer of layers) this.body.drawMotion(g, colors, layer, layer.motion.at(this.time), layer.row);
    this.bodyHandle.put(...this.body.place(this.truth.at(this.time)[0], 0));
  }

  drawEnergy(g, colors) {
    const { width, height } = this.surfaces.energy;
    const initial = this.truth.energies[0];
    const high = 2 * Math.max(initial, 1e-3 * this.system.hamiltonian([0, this.view[1]]));
    const axes = new Axes({ left: 42, top: 8, right: width - 8, bottom: height - 26 }, [0, this.horizon], [0, high]);
    drawFrame(g, axes, colors, {
      xTicks: ticks(0, this.horizon, width < 360 ? 4 : 8),
      yTicks: ticks(0, high, 3),
      xName: "time (s)",
      yName: "energy H (J)",
    });
    axes.clip(g);
    for (const { motion, style } of this.layers()) {
      const trace = (time) => {
        const whole = Math.min(motion.computed, Math.floor(time / motion.step));
        g.beginPath();
        tracePoints(g, whole + 1, (k) => [axes.x(k * motion.step), axes.y(motion.energies[k])]);
        g.stroke();
      };
      useStyle(g, style, FAINT);
      trace(motion.end);
      useStyle(g, style);
      trace(this.time);
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
  }

  // --- numbers and words -------------------------------------------------------------------

  /** Energy error in parts of the starting energy, and distance from the truth, at a time. */
  errors(motion, time) {
    // At the last whole step: between two steps a motion is only drawn.
    const stepped = motion.step * Math.min(Math.floor(time / motion.step + 1e-9), motion.computed);
    const truth = this.truth.at(stepped);
    const state = motion.at(stepped);
    const { system } = this;
    return {
      energy: (system.hamiltonian(state) - system.hamiltonian(truth)) / this.truth.energies[0],
      distance: Math.hypot(...system.difference(state, truth)),
    };
  }

  showNumbers() {
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} s`;
    const label = this.playing ? "Pause" : this.time >= this.horizon ? "Replay" : "Play";
    if (this.playButton.textContent !== label) this.playButton.textContent = label;
    [...this.motions, this.control].forEach((motion, i) => {
      const [energy, distance] = this.cells[i];
      if (motion === this.truth) {
        energy.textContent = distance.textContent = "–";
      } else if (motion.problem !== null && this.time > motion.end) {
        energy.textContent = motion.problem;
        distance.textContent = `at ${formatNumber(motion.end, 1)} s`;
      } else {
        const error = this.errors(motion, this.time);
        energy.textContent = formatPercent(error.energy);
        distance.textContent = formatNumber(error.distance, error.distance < 0.1 ? 3 : 2);
      }
    });
  }

  describeStart() {
    const [q, p] = this.shownState(this.state);
    const [[, qUnit], [, pUnit]] = this.system.coordinates;
    const text = `q = ${formatNumber(q)} ${qUnit}, p = ${formatNumber(p)} ${pUnit}`;
    this.phaseHandle.say(q.toFixed(2), [-this.view[0], this.view[0]].map((v) => v.toFixed(2)), text);
    this.bodyHandle.say(q.toFixed(2), [-this.view[0], this.view[0]].map((v) => v.toFixed(2)), `q = ${formatNumber(q)} ${qUnit}`);
    this.startText = text;
  }

  speakSoon() {
    clearTimeout(this.speech);
    this.speech = setTimeout(() => this.speak(), SPEAK_AFTER);
  }

  /** Say where the motions from this start lead, once they are computed to the end. */
  speak() {
    if (this.problem !== null) return;
    if (this.dragging || [...this.motions, this.control].some((motion) => !motion.done)) {
      this.speakSoon();
      return;
    }
    const ends = this.entries.slice(1).map(({ label }, i) => {
      const motion = this.motions[i + 1];
      if (motion.problem !== null) return `${label} ${motion.problem} at ${formatNumber(motion.end, 1)} s`;
      return `${formatPercent(this.errors(motion, this.horizon).energy)} (${label})`;
    });
    const result = ends.length ? `: after ${tickLabel(this.horizon)}\u00a0s the energy is off by ${ends.join(", ")}` : "";
    const summary = `From ${this.startText}${result}.`;
    this.status.textContent = summary;
    const names = this.entries.map(({ label }) => label).join(", ");
    this.surfaces.phase.canvas.setAttribute("aria-label", `Phase plane with the orbits of ${names}. ${summary}`);
    this.surfaces.body.canvas.setAttribute("aria-label", `The ${this.system.title}, moving as ${names} say. ${summary}`);
    this.surfaces.energy.canvas.setAttribute("aria-label", `Energy H over ${tickLabel(this.horizon)} s along the motions of ${names}. ${summary}`);
  }
}

function surfaceIsSmall(surface) {
  return surface.width < 380;
}

function angleLabel(angle) {
  return { "-2": "−π", "-1": "−π/2", 0: "0", 1: "π/2", 2: "π" }[Math.round((2 * angle) / Math.PI)];
}

/** A share in percent with its sign, and a sensible number of digits. */
export function formatPercent(share) {
  const percent = 100 * share;
  if (!Number.isFinite(percent)) return "–";
  const size = Math.abs(percent);
  if (size < 0.0005) return "0.000\u00a0%";
  if (size > 999.5) return `over\u00a0${percent > 0 ? "+" : "−"}999\u00a0%`;
  const digits = size >= 10 ? 0 : size >= 1 ? 1 : size >= 0.1 ? 2 : 3;
  return `${percent > 0 ? "+" : "−"}${size.toFixed(digits)}\u00a0%`;
}

function render({ model, el }) {
  const lab = new LearnedLab(model, el);
  return () => lab.life.end();
}

export default { render };
