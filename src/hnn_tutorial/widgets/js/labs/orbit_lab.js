// The orbit lab: bodies in the plane whose places and velocities the reader drags, what their motion
// conserves, learned motions beside the true one, and a swarm of near-identical copies of the start.
import { element, slider, swatch } from "../shell/controls.js";
import { formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { formatAnySize, powerOfTen } from "../drawing/chart.js";
import { buildModels } from "../physics/models.js";
import { Shell, widget } from "../shell/shell.js";
import { sectionState } from "../physics/section.js";
import { Swarm } from "../physics/swarm.js";
import { themeColors } from "../shell/theme.js";
import { Track } from "../physics/track.js";
import { EnergyErrors, EnergyParts } from "./orbit/energies.js";
import { FAINT, GaugePanel, PathPanel, SpreadPanel, unitOf } from "./orbit/panels.js";
import { buildScene } from "./orbit/scenes.js";
import { SectionPanel } from "./orbit/section_panel.js";
import { orbitTasks } from "./orbit/tasks.js";
import { copyColor, strokeTrail } from "./orbit/trail.js";
import { View } from "./orbit/view.js";

const FRAME_BUDGET = 3; // ms of integration in one frame; drawing needs about as much again
const COPY_TRAIL = 0.05; // of a trail: what a copy leaves behind, and the start in their midst
const MOST_TRAIL_POINTS = 5000; // of all copies together
const ACCURATE = 1e-6; // change of the true energy, as a share, up to which the truth is trusted
const MOST_BODIES = 12; // that the plane has room for
const MOST_COPIES = 60; // that the slider offers
const MOST_SAMPLES = 10000; // of one motion
const MOST_NUMBERS = 4e6; // that a swarm keeps
const FARTHEST_SHOWN = 3; // times as far as a start reaches: what leads farther leaves the picture

class OrbitLab extends Shell {
  name = "orbit-lab";
  loads = ["_models", "_weights"];
  starts = ["state", "horizon", "swarm", "spread"];
  view = new View();
  tried = {};

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    const usual = this.speed;
    this.speeds = [0.25, 1, 4].map((share) => Number((share * usual).toPrecision(2)));
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.plane = this.stage("body", this.canvas("tracks"), this.canvas("bodies", "the bodies"));
    // One of four: the path, gauges, the spread of a swarm, or a section.
    this.beside = this.stage("phase", this.canvas("panel", "what is conserved"), this.canvas("panelKnown"), this.canvas("panelTop"));
    const energy = this.stage("energy", this.canvas("chart", "change of the energy over time"), this.canvas("chartKnown"));
    this.scrub(energy, () => this.timeChart?.axes);

    const power = (value) => powerOfTen(value).replace("10⁰", "1");
    this.swarmSlider = slider({ name: "copies of the start", low: 0, high: MOST_COPIES, step: 1, format: (v) => (v ? String(v) : "none"), read: (text) => (text.trim() === "none" ? 0 : Number(text)) }, life, (v) => this.choose("swarm", v));
    this.apartSlider = slider({ name: "distance at the start", low: -9, high: -1, step: 1, format: power, read: readPower }, life, (v) => this.choose("spread", Number(`1e${v}`)));
    this.firstFields = element("div", { class: "hnn-slot" });
    this.moreFields = element("div", { class: "hnn-slot" });
    this.headings = element("tr");
    this.rows = element("tbody");
    this.table = element("table", { class: "hnn-table" }, element("thead", {}, this.headings), this.rows);
    this.reading = element("p", { class: "hnn-reading" });
    this.note = element("p", { class: "hnn-note" });
    return [
      this.head(),
      this.plane,
      this.beside,
      element("div", { class: "hnn-numbers" }, this.reading, this.table),
      energy,
      this.controls({ first: [this.firstFields], more: [this.moreFields, this.swarmSlider.label, this.apartSlider.label] }),
      element("div", { class: "hnn-foot" }, this.status, this.note),
    ];
  }

  /** What depends on the system: a handle for all that can be dragged, a slider for all that can be typed. */
  makeControls() {
    const { life, scene } = this;
    this.handles = scene.grips.map((grip) => {
      // A layer of its own, which lets presses beside the knob through to the others.
      const layer = element("div", { class: "hnn-layer" });
      this.plane.append(layer);
      const made = this.startHandle(`hnn-handle-${grip.kind}`, grip.name, layer, {
        moved: (x, y) => this.moveTo(grip.moved(this.state, grip.free ? this.axes.invert(x, y) : this.inside(this.axes, x, y))),
        stepped: (dx, dy) => this.moveTo(grip.stepped(this.state, dx, dy)),
      });
      return { ...made, grip };
    });
    this.fields = scene.fields.map((field) => {
      const made = slider(field, life, (value) => this.moveTo(field.set(this.state, value)));
      (field.first ? this.firstFields : this.moreFields).append(made.label);
      return { ...made, field };
    });
    if (!this.section) return;
    const place = (y, py) => this.moveTo(sectionState(this.system, this.energy, y, py));
    this.sectionHandle = this.startHandle("hnn-handle-start", "start in the section", this.beside, {
      moved: (x, y) => place(...this.inside(this.section.axes, x, y)),
      stepped: (dx, dy) => place(this.state[1] + 0.01 * dx, this.state[3] + 0.01 * dy),
    });
  }

  inside(axes, x, y) {
    const within = (value, low, high) => Math.max(low, Math.min(high, value));
    return axes.invert(within(x, axes.left, axes.right), within(y, axes.top, axes.bottom));
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  load() {
    const spec = this.model.get("_system");
    this.scene ??= buildScene(spec);
    this.system = this.scene.system;
    this.kind = spec.name;
    this.hasSection = spec.name === "henon_heiles";
    const specs = this.model.get("_models");
    const models = buildModels(specs, this.model.get("_weights"));
    // Made here, since a function made at each start would keep all earlier starts alive.
    this.measureEnergy = (x) => this.system.hamiltonian(x);
    const truth = { label: "truth", role: "truth", field: (x, out) => this.system.field(x, out) };
    this.entries = [truth, ...specs.map(({ label, role }, i) => ({ label, role, field: (x, out) => models[i].field(x, out) }))];
    this.names = this.entries.map(({ label }) => label).join(", ");
    if (this.hasSection) this.section ??= new SectionPanel(this.surfaces);
    if (!this.handles) this.makeControls();
    this.copies = this.model.get("swarm");
    this.choosePanels();
    this.title.textContent = this.system.title;
    this.root.setAttribute("aria-label", `${this.system.title}: ${this.names} from one start`);
    this.hint.textContent = this.scene.hint;
    this.quantities = quantitiesOf(this.system);
    this.buildTable();
  }

  /** What stands beside the plane, and below it. */
  choosePanels() {
    const { surfaces, scene, copies } = this;
    const learned = this.entries.length > 1;
    const several = Object.keys(this.system.invariants).length > 1;
    const kind = [this.hasSection && "section", copies > 0 && "swarm", learned && several && "gauges"].filter(Boolean).join(" ") + learned;
    if (kind === this.panels) return;
    this.panels = kind;
    // Other panels have drawn there.
    for (const name of ["panel", "panelKnown", "panelTop", "chart", "chartKnown"]) {
      surfaces[name].canvas.style.clipPath = "";
      if (surfaces[name].width) surfaces[name].clear();
    }
    const spread = (whole, known) => new SpreadPanel(whole, known);
    if (this.section) this.panel = this.section;
    else if (copies) this.panel = spread(surfaces.panel, surfaces.panelKnown);
    else if (learned && several) this.panel = new GaugePanel(surfaces);
    else this.panel = new PathPanel(surfaces, scene.path);
    if (this.section && copies) this.timeChart = spread(surfaces.chart, surfaces.chartKnown);
    else this.timeChart = learned ? new EnergyErrors(surfaces) : new EnergyParts(surfaces);
  }

  buildTable() {
    const { roles } = themeColors("light");
    const { scene } = this;
    // Where there is no room, the momentum's change is left to the gauges.
    const optional = (text) => ({ class: text.startsWith("momentum") && "hnn-optional" });
    const heading = (text) => element("th", { scope: "col", ...optional(text) }, text);
    const units = (unit) => (unit ? ` (${unit.replaceAll(" ", "\u00a0")})` : "");
    const columns = this.quantities.map(({ name, unit }) => `${name}${units(unit)}`);
    if (this.entries.length > 1) columns.push(`distance from truth${units(scene.distanceUnit)}`);
    this.root.classList.toggle("hnn-wide-table", columns.length > 3);
    // Of one number the sentence above speaks.
    this.table.hidden = columns.length === 1;
    this.headings.replaceChildren(heading("change of"), ...columns.map(heading));
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => {
      const cells = columns.map((text) => element("td", optional(text)));
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells));
      return cells;
    });
  }

  tasks() {
    return orbitTasks(this);
  }

  start() {
    const before = this.copies;
    this.section?.leave(this.seenUntil, this.#keepsEnergy());
    this.check();
    this.choosePanels();
    if ((before > 0) !== this.copies > 0) this.setTask();
    const { state, horizon, scene, system } = this;
    const common = { start: state, horizon, step: scene.step };
    this.motions = this.entries.map(({ field }, i) => new Track({ ...common, field, energy: this.measureEnergy, storage: this.motions?.[i]?.storage }));
    [this.truth] = this.motions;
    // Without copies a swarm still measures how fast neighbours part, which the section's task asks.
    const wanted = this.copies || this.hasSection;
    this.swarm = wanted ? new Swarm({ ...common, system, copies: this.copies, apart: this.apart, storage: this.swarm?.storage }) : null;
    this.energy = system.hamiltonian(state);
    this.scale = energyScale(system, state);
    this.section?.begin();
    this.seenUntil = 0;
    this.looked = 0;
    this.fitView();
    this.swarmSlider.limit(Math.max(this.copies, Math.min(MOST_COPIES, this.mostCopies)));
    this.swarmSlider.show(this.copies);
    this.apartSlider.label.hidden = !this.copies;
    this.apartSlider.show(Math.round(Math.log10(this.apart)));
    for (const { show, field } of this.fields) show(field.value(state));
    for (const { say, grip } of this.handles) {
      const [value, limits, text] = grip.say(state);
      say(value.toFixed(2), limits.map((limit) => limit.toFixed(2)), text);
    }
    this.sectionHandle?.say(state[1].toFixed(3), [-1, 1], `y = ${formatNumber(state[1], 3)}, py = ${formatNumber(state[3], 3)}`);
    this.sayWho();
    this.stale = true;
  }

  #keepsEnergy() {
    const state = this.model.get("state");
    return Array.isArray(state) && Math.abs(this.system.hamiltonian(state) - this.energy) < 1e-9;
  }

  /** One sentence on who is who. */
  sayWho() {
    const { copies, apart } = this;
    const many = copies === 1 ? "one more starts" : `${copies} more start`;
    this.who.textContent = copies ? `The one with large marks is your start; ${many} ${formatAnySize(apart)} beside it, each in a colour of its own.` : "";
  }

  check() {
    const state = this.model.get("state");
    const size = 2 * this.system.degrees;
    if (this.system.masses?.length > MOST_BODIES) throw new Error(`there are ${this.system.masses.length} bodies; the plane has room for ${MOST_BODIES}`);
    if (!Array.isArray(state) || state.length !== size || !state.every(Number.isFinite)) {
      throw new Error(`the start must be ${size} finite numbers [q, p], but is ${JSON.stringify(state)}`);
    }
    const [horizon, copies, apart] = ["horizon", "swarm", "spread"].map((name) => this.model.get(name));
    const samples = horizon / this.scene.step;
    if (!(samples >= 1) || samples > MOST_SAMPLES) throw new Error(`the horizon must be from ${this.scene.step} to ${this.scene.step * MOST_SAMPLES}, but is ${horizon}`);
    this.mostCopies = Math.floor(MOST_NUMBERS / (samples * size));
    if (!Number.isInteger(copies) || copies < 0 || copies > this.mostCopies) throw new Error(`the swarm must have from 0 to ${this.mostCopies} copies, but has ${copies}`);
    if (!(apart > 0)) throw new Error(`the spread must be positive, but is ${apart}`);
    this.state = Float64Array.from(state);
    Object.assign(this, { horizon, copies, apart });
    if (!Number.isFinite(this.system.hamiltonian(this.state))) throw new Error("two bodies are in one place");
  }

  // --- the part of the plane that is shown ----------------------------------------------------

  /** Room for the start; while the reader drags nothing moves but what is dragged. */
  fitView() {
    const { scene, view } = this;
    this.fitted = !scene.extend;
    const box = scene.box(this.state);
    if (!view.box || this.fitted) view.show(box, true);
    else if (!this.dragging) view.include(box);
    const [left, right, bottom, top] = view.aim;
    scene.fit(Math.min(right - left, top - bottom) / 2);
    scene.scaleArrows(this.state);
  }

  /** Once the orbit is known: room for all of it, and no more, unless it leads far away. */
  refit() {
    const { scene, view, truth, state } = this;
    if (this.fitted || this.dragging || !truth.done) return;
    this.fitted = true;
    const most = FARTHEST_SHOWN * scene.reach(state);
    const near = (value) => Math.max(-most, Math.min(most, value));
    let box = scene.box(state);
    for (let k = 0; k <= truth.computed; k++) box = scene.extend(box, truth.state(k));
    view.show(box.map(near), this.calm);
  }

  // --- what the reader does --------------------------------------------------------------------

  moveTo(state) {
    // Six digits: far below what a hand can do, and short to read in Python.
    this.choose("state", Array.from(state, (value) => Number(value.toPrecision(this.hasSection ? 15 : 6))));
  }

  reset() {
    this.tried = {};
    this.section?.clear();
    super.reset();
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return this.truth !== undefined && this.time >= this.lastTime;
  }

  get lastTime() {
    return Math.min(this.horizon, this.truth.done ? this.truth.end : Infinity);
  }

  /** Time up to which all that moves is known. */
  get knownTime() {
    return Math.min(...this.processes.filter((one) => !one.done).map((one) => one.end), this.lastTime);
  }

  get processes() {
    return this.swarm ? [...this.motions, this.swarm] : this.motions;
  }

  seek(time) {
    super.seek(Math.min(time, this.knownTime));
    this.seenUntil = Math.max(this.seenUntil, this.time);
  }

  frame(now, elapsed) {
    const computing = this.compute();
    // Under the hand the picture holds still.
    const gliding = !this.dragging && this.view.glide(elapsed / this.speed);
    if (gliding) this.stale = true;
    if (this.playing) {
      this.time = Math.max(this.time, Math.min(this.time + elapsed / 1000, this.knownTime));
      this.seenUntil = Math.max(this.seenUntil, this.time);
      if (this.ended) this.playing = false;
    }
    this.draw();
    return this.playing || computing || gliding;
  }

  /** Integrate for a slice of the frame; whatever lags most goes first. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      const open = this.processes.filter((one) => !one.done);
      if (open.length === 0 || performance.now() > deadline) {
        this.section?.find(this);
        this.refit();
        return open.length > 0;
      }
      this.stale = true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + FRAME_BUDGET / 6);
    }
  }

  draw() {
    if (!this.fitSurfaces()) return;
    const { surfaces, colors, panel, timeChart } = this;
    if (this.stale) {
      this.drawTracks(surfaces.tracks.clear(), colors);
      panel.frame(this);
      timeChart.frame(this);
      this.stale = false;
    }
    panel.show(this);
    timeChart.show(this);
    this.drawBodies(surfaces.bodies.clear(), colors);
  }

  /** Entries with their motions, from the bottom up. */
  layers = () => {
    const layers = this.entries.map((entry, i) => ({ ...entry, motion: this.motions[i], style: this.colors.roles[entry.role] }));
    return layers.sort((a, b) => a.style.order - b.style.order);
  };

  /** What changes only with the start: the ground, whole orbits, arrows. */
  drawTracks(g, colors) {
    const { surfaces, scene, state } = this;
    const axes = (this.axes = this.view.axes(surfaces.tracks));
    scene.fit(Math.min(axes.xHigh - axes.xLow, axes.yHigh - axes.yLow) / 2);
    scene.scaleArrows(state);
    scene.drawGround(g, colors, axes, state);
    this.drawScale(g, colors);
    if (scene.wholeOrbits && !this.copies) {
      for (const { motion, style } of this.layers()) {
        useStyle(g, style, FAINT);
        this.traceTracks(g, motion);
      }
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    scene.drawStart(g, colors, axes, state);
    this.handles.forEach(({ put, grip }) => {
      const [x, y] = grip.place(state);
      put(Math.max(0, Math.min(axes.right, axes.x(x))), Math.max(0, Math.min(axes.bottom, axes.y(y))));
    });
  }

  /** A bar of a round length, in place of axes. */
  drawScale(g, colors) {
    const { axes } = this;
    const length = ticks(0, (axes.yHigh - axes.yLow) / 2, 3)[1];
    const [left, y] = [10, axes.bottom - 10];
    const right = left + length * axes.xScale;
    g.strokeStyle = colors.muted;
    g.lineWidth = 1.5;
    g.beginPath();
    for (const [x, height] of [[left, 4], [left, 0], [right, 0], [right, 4]]) g.lineTo(x, y - height);
    g.stroke();
    g.fillStyle = colors.muted;
    g.textAlign = "left";
    g.textBaseline = "alphabetic";
    const unit = this.hasSection ? "" : " m";
    g.fillText(`${tickLabel(length)}${unit}`, left + 5, y - 6);
  }

  traceTracks(g, motion) {
    const { axes } = this;
    const stride = Math.ceil((motion.computed + 1) / 2000);
    for (const track of this.scene.tracks) {
      g.beginPath();
      tracePoints(g, Math.floor(motion.computed / stride) + 1, (k) => {
        const [x, y] = track(motion.state(k * stride));
        return [axes.x(x), axes.y(y)];
      });
      g.stroke();
    }
  }

  drawBodies(g, colors) {
    const { axes, scene, time, copies } = this;
    const layers = this.layers();
    const span = Math.round((scene.trail / scene.step) * (copies ? COPY_TRAIL : 1));
    if (copies) this.drawCopies(g, span);
    for (const { motion, style } of layers) {
      const to = Math.min(motion.computed, Math.floor(time / motion.step));
      const now = motion.at(time);
      useStyle(g, { ...style, width: 2, dash: [] });
      for (const track of scene.tracks) strokeTrail(g, axes, { span, to, pieces: scene.pieces, point: (k) => track(motion.state(k)), end: track(now) });
    }
    for (const { motion, role } of layers) scene.drawState(g, colors, axes, role, motion.at(time));
    scene.drawNames(g, colors, axes, this.truth.at(time));
  }

  /** The copies, each in a hue of its own, which shows which one went where. */
  drawCopies(g, span) {
    const { axes, scene, swarm, time, copies } = this;
    const dark = this.root.dataset.hnnTheme === "dark";
    const frame = swarm.at(time);
    const to = Math.min(swarm.computed, Math.floor(time / swarm.step));
    const seen = Math.min(span, Math.ceil(MOST_TRAIL_POINTS / copies / scene.tracks.length));
    g.setLineDash([]);
    for (let i = 0; i < copies; i++) {
      const now = swarm.copy(frame, i);
      g.fillStyle = g.strokeStyle = copyColor(i, copies, dark);
      g.lineWidth = 1.5;
      for (const track of scene.tracks) strokeTrail(g, axes, { span: seen, to, pieces: 4, point: (k) => track(swarm.copy(swarm.frame(k), i)), end: track(now), strength: 0.8 });
      scene.drawCopy(g, axes, now);
    }
  }

  /** The time of a motion's last sample: between two a motion is only drawn. */
  lastSample = (motion) => motion.step * Math.min(Math.floor(this.time / motion.step + 1e-9), motion.computed);

  // --- numbers and words -------------------------------------------------------------------

  distance(motion) {
    const time = this.lastSample(motion);
    const apart = this.system.difference(motion.at(time), this.truth.at(time));
    return Math.hypot(...apart.subarray(0, this.system.degrees));
  }

  showNumbers() {
    const { scene } = this;
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} ${scene.unit}`.trim();
    this.motions.forEach((motion, i) => {
      const cells = this.cells[i];
      if (motion.problem !== null && this.time >= motion.end) {
        cells.forEach((cell) => (cell.textContent = "–"));
        cells[0].textContent = `${motion.problem} at ${formatNumber(motion.end, 1)} ${scene.unit}`;
        return;
      }
      const state = motion.at(this.lastSample(motion));
      this.quantities.forEach(({ change }, k) => (cells[k].textContent = formatAnySize(change(state, this.state))));
      if (cells.length > this.quantities.length) cells.at(-1).textContent = i ? formatAnySize(this.distance(motion)) : "–";
    });
    this.reading.replaceChildren(...this.read());
    this.reading.hidden = this.reading.textContent === "";
    this.warn();
  }

  /** The one number to watch, in a sentence. */
  read() {
    const { swarm, copies, system, energy, scene } = this;
    const strong = (value, unit) => element("strong", {}, `${formatAnySize(value)} ${unit}`.trim());
    if (copies) {
      const spread = swarm.spreads[Math.min(swarm.computed, Math.floor(this.time / swarm.step))];
      return [copies === 1 ? "The copy is " : "The copies are ", strong(spread, ""), ` from the start's orbit in [q, p], at first ${formatAnySize(this.apart)}.`];
    }
    if (!this.table.hidden) return [];
    const unit = scene.unit ? "J" : "";
    const change = system.hamiltonian(this.truth.at(this.lastSample(this.truth))) - energy;
    return ["Energy ", strong(energy, unit), `, changed by ${formatAnySize(change)} ${unit}`.trimEnd(), "."];
  }

  /** Say where the truth itself is not to be trusted. */
  warn() {
    const { truth, scene } = this;
    let k = 0;
    while (k <= truth.computed && Math.abs(truth.energyAt(k) - this.energy) <= ACCURATE * this.scale) k++;
    const at = (time) => `t = ${formatNumber(time, 1)} ${scene.unit}`.trim();
    let text = "";
    if (truth.problem !== null) text = `The true motion ${truth.problem} at ${at(truth.end)}${scene.whyBroken}.`;
    else if (k <= truth.computed) text = `From ${at(k * truth.step)} the energy of the true motion is off by more than a millionth${scene.whyInaccurate}; do not trust it from there.`;
    this.note.hidden = text === "";
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  summary() {
    if (this.processes.some((one) => !one.done)) return null;
    const { scene, swarm, horizon } = this;
    const span = `${tickLabel(horizon)}\u00a0${scene.unit}`.trim();
    const per = scene.unit ? `/${scene.unit}` : "";
    const start = `From the start with ${scene.describe(this.state)}`;
    const ends = this.entries.slice(1).map(({ label }, i) => {
      const motion = this.motions[i + 1];
      if (motion.problem !== null) return `(${label} ${motion.problem} at ${formatNumber(motion.end, 1)} ${scene.unit})`;
      const change = motion.energyAt(motion.computed) - this.energy;
      return `${formatAnySize(change)}${this.hasSection ? "" : " J"} (${label})`;
    });
    let text = ends.length ? `${start}: after ${span} the energy is off by ${ends.join(", ")}.` : `${start}.`;
    if (this.copies) {
      const rate = `${formatAnySize(swarm.exponent)}${per}`;
      const double = swarm.exponent > 0 ? `, doubling every ${formatAnySize(Math.LN2 / swarm.exponent)} ${scene.unit}`.trimEnd() : "";
      text += ` Over ${span} small distances grow at the mean rate λ = ${rate}${double}; ${this.copies} copies ${formatAnySize(this.apart)} away at first end ${formatAnySize(swarm.spreads.at(-1))} away.`;
    }
    const label = (name, words) => this.surfaces[name].canvas.setAttribute("aria-label", `${words} ${text}`);
    label("bodies", `The ${this.system.title}, moving as ${this.names} say.`);
    label("panel", this.panel.words);
    label("chart", this.timeChart.words);
    return text;
  }
}

/** The power of ten in a text: 10⁻⁶, 1e-6, 0.000001 and −6 are the same. */
function readPower(text) {
  const plain = text.replace("−", "-").replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]/g, (letter) => "0123456789-"["⁰¹²³⁴⁵⁶⁷⁸⁹⁻".indexOf(letter)]);
  const [, power] = /^\s*10\^?(-\d+)\s*$/.exec(plain) ?? [];
  const value = Number(power ?? plain);
  return power === undefined && value > 0 ? Math.round(Math.log10(value)) : value;
}

/** The columns of the table: the invariants, both components of the momentum in one. */
function quantitiesOf(system) {
  const { invariants } = system;
  const unitless = system.coordinates[0][1] === "1";
  const single = (name) => ({ name, unit: unitless ? "" : unitOf(name), change: (x, start) => invariants[name](x) - invariants[name](start) });
  const across = invariants["momentum x"];
  const up = invariants["momentum y"];
  if (!across) return [single("energy")];
  const momentum = { name: "momentum", unit: "kg m/s", change: (x, start) => Math.hypot(across(x) - across(start), up(x) - up(start)) };
  return [single("energy"), momentum, single("angular momentum")];
}

/** What a change of the energy is held against: |H|, or the kinetic energy where H is near zero. */
function energyScale(system, state) {
  const still = state.map((value, i) => (i < system.degrees ? value : 0));
  const energy = system.hamiltonian(state);
  return Math.max(Math.abs(energy), Math.abs(energy - system.hamiltonian(still)));
}

export default widget(OrbitLab);
