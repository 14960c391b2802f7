// The training lab: two networks, one that may learn any field and one that learns an energy, get the
// same points, which the reader chooses, and learn before the reader's eyes.
import { buildSystem } from "../physics/systems.js";
import { PhasePlane } from "../drawing/phase_plane.js";
import { formatNumber, formatPercent, tickLabel } from "../drawing/canvas.js";
import { button, element, handle, roleWord, select, slider } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { initialWeights } from "../training/initial_weights.js";
import { Samples, observe } from "../training/samples.js";
import { shownAt } from "../training/trainer.js";
import { CurveScene, OPTIMIZER_CHOICES, inWords, positions, trainings } from "./training/curve_scene.js";
import { FieldScene, errorMesh } from "./training/field_scene.js";
import { Learner, NETWORKS, trueOrbit } from "./training/learner.js";
import { formatAnySize } from "../drawing/chart.js";
import { POINT_SETS } from "./training/point_sets.js";

const FRAME_BUDGET = 3; // ms of integration in one frame
const STROKE_GAP = 10; // pixels between two samples of a stroke
const LEARNING_TAKES = 4; // s that one training is shown in, at speed 1
const ENTRIES = 50; // of the history in one training
const TELL_PYTHON_EVERY = 500; // ms
const RUNS = 3; // former trainings whose curves are kept
const KEPT = 0.02; // of the energy: what the first task asks of the baseline
const LOST = 0.1; // of the field: what the second asks of both, where no points are
const FINE = 1e-4; // of the field: what the third asks of the HNN

const WIDTHS = ["8", "16", "24", "48", "8-8", "16-16", "24-24"];
const SHOWS = { both: "both", baseline: "the baseline alone", hnn: "the HNN alone" };
const PRESSES = { trajectory: "the motion from there", states: "single states" };

const asChoices = (table, text = (value) => value) => Object.entries(table).map(([value, entry]) => ({ value, text: text(entry) }));
const sameBytes = (a, b) => a === b || (a?.byteLength === b?.byteLength && new Uint8Array(a.buffer, a.byteOffset, a.byteLength).every((value, k) => value === new Uint8Array(b.buffer, b.byteOffset, b.byteLength)[k]));

class TrainingLab extends Shell {
  name = "training-lab";
  loads = ["_system", "region", "horizon"];
  starts = ["_sizes", "_baseline", "_hnn", "_samples", "noise", "optimizer", "state", "show", "history"];
  shared = ["noise", "optimizer", "state", "show"];
  speeds = [0.25, 1, 4, 100];
  past = [];
  seed = 1;
  stroke = null;
  /** The training in progress, which may wait: what it depends on, and how many steps it has. */
  training = null;
  /** Where on the axis of the curve the reader looks; null for where the learning is. */
  looksAt = null;
  dataStale = true;
  curveStale = true;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life, model } = this;
    this.learners = Object.keys(NETWORKS).map((role) => new Learner(role, model.get("_esm"), { reported: (learner, report) => this.take(learner, report), failed: (message) => this.conclude(message) }));
    this.views = this.learners.map((learner) => this.buildView(learner));
    const nets = element("div", { class: "hnn-nets" }, ...this.views.map(({ root }) => root));
    const curve = this.stage("curve", this.canvas("curve", "how they learned"));
    this.curve = new CurveScene(this.surfaces.curve);
    this.scrub(curve, () => this.curve.axes);
    curve.querySelector(".hnn-scrub").setAttribute("aria-label", "the moment of the learning that is shown");

    this.learnButton = button("Learn", life, () => this.choose("training", !model.get("training")));
    this.learnButton.classList.add("hnn-primary");
    this.stepButton = button("1 step", life, () => this.makeSteps());
    this.setButtons = Object.entries(POINT_SETS).map(([name, { text }]) => {
      const made = button(text, life, () => this.takeSet(name));
      made.classList.add("hnn-chip");
      return [name, made];
    });
    const sets = element("div", { class: "hnn-sets", role: "group", "aria-label": "points to learn from" }, element("span", { class: "hnn-name" }, "points"), ...this.setButtons.map(([, made]) => made));
    this.noiseSlider = slider({ name: "noise of the points", low: 0, high: 0.3, step: 0.01, format: tickLabel }, life, (value) => this.choose("noise", value));

    this.press = "trajectory";
    this.pressSelect = select({ name: "a press takes", choices: asChoices(PRESSES) }, life, (value) => (this.press = value));
    this.pressSelect.show(this.press);
    this.optimizerSelect = select({ name: "optimiser", choices: asChoices(OPTIMIZER_CHOICES, ({ text }) => text) }, life, (value) => this.choose("optimizer", value));
    const widths = WIDTHS.map((value) => ({ value, text: value.replace("-", " and ") }));
    this.widthSelect = select({ name: "units in the hidden layers", choices: widths }, life, (value) => this.renew({ hidden: value ? value.split("-").map(Number) : [] }));
    this.showSelect = select({ name: "networks", choices: asChoices(SHOWS) }, life, (value) => this.choose("show", value));
    const others = [
      button("New weights", life, () => this.renew()),
      button("Undo points", life, () => this.edit((samples) => samples.undo())),
      button("Clear points", life, () => this.edit((samples) => samples.clear())),
    ];
    const controls = this.controls({
      buttons: [this.learnButton, this.stepButton],
      first: [sets, this.noiseSlider.label],
      more: [this.optimizerSelect.label, this.widthSelect.label, this.pressSelect.label, this.showSelect.label, element("div", { class: "hnn-buttons" }, ...others)],
    });
    // Here nothing moves but the learning.
    this.playButton.remove();
    this.note = element("p", { class: "hnn-note" });

    life.onEnd(() => this.leave());
    life.observe(model, ["training"], () => this.follow());
    life.observe(model, ["speed"], () => model.get("training") && this.training && this.go());
    return [this.head(), nets, controls, curve, element("div", { class: "hnn-foot" }, this.status, this.note)];
  }

  /** A network's picture, its name and numbers above it, and the handles in it. */
  buildView(learner) {
    const { life } = this;
    const { role, text } = learner;
    const stage = this.stage("net", this.canvas(role, `the field that the ${text} learned`));
    // The handles lie in layers of their own, so that a press on one is not a press on the other.
    const dataLayer = element("div", { class: "hnn-layer hnn-taking" });
    const startLayer = element("div", { class: "hnn-layer" });
    stage.append(dataLayer, startLayer);
    const plane = () => scene.plane;
    const cursor = handle({ className: "hnn-handle-cursor", name: "where to take points", hint: this.hint.id }, dataLayer, life, {
      grabbed: () => this.beginStroke(plane()),
      moved: (x, y) => this.drawStroke(plane().moved(this.place, x, y)),
      released: () => this.endStroke(),
      stepped: (dx, dy) => this.moveCursor(plane().nudged(this.place, dx, dy)),
    });
    cursor.knob.setAttribute("aria-roledescription", "movable cursor");
    life.listen(cursor.knob, "keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.beginStroke(plane());
      this.endStroke();
    });
    const start = handle({ className: "hnn-handle-start", name: "start of the orbits", hint: this.hint.id }, startLayer, life, {
      grabbed: () => (this.dragging = true),
      released: () => {
        this.dragging = false;
        this.redraw();
      },
      moved: (x, y) => this.choose("state", plane().moved(this.state, x, y)),
      stepped: (dx, dy) => this.choose("state", plane().nudged(this.state, dx, dy)),
    });
    const scene = new FieldScene(this.surfaces[role], learner);
    const field = element("b");
    const energy = element("b");
    const caption = element("p", { class: "hnn-caption" }, roleWord(text, role), element("span", {}, "field off by ", field), element("span", {}, "energy by ", energy));
    return { learner, scene, cursor, start, field, energy, root: element("div", { class: "hnn-view" }, caption, stage) };
  }

  // --- from the widget's traits --------------------------------------------------------------

  /** The system, the part of its plane that is shown, and the mesh of the field error. */
  load() {
    this.system = buildSystem(this.model.get("_system"));
    if (this.system.degrees !== 1) throw new Error(`the ${this.system.title} has no single phase plane`);
    const [low, high] = this.model.get("region") ?? [];
    if (!(low >= 0) || !(high > low) || !Number.isFinite(high)) throw new Error("the region of the field error must be an interval of energies");
    this.region = [low, high];
    this.horizon = this.model.get("horizon");
    if (!(this.horizon > 0)) throw new Error(`the horizon (${this.horizon} s) must be positive`);
    const view = this.system.view(high);
    this.mesh = errorMesh(this.system, view, this.region);
    for (const { scene } of this.views) scene.load(this.system, view, high);
    this.place ??= new PhasePlane(this.system).shown(view.map((half) => Math.trunc(2500 * half) / 1e4));
    this.root.setAttribute("aria-label", `${this.system.title}: give two networks points, and let them learn`);
    const dot = element("span", { class: "hnn-dot", "aria-hidden": "true" });
    this.hint.replaceChildren("Press Learn. Press in a picture to add points, or drag the start ", dot, " of the orbits; arrow keys and Enter work too.");
    this.truth = this.table = null;
    for (const learner of this.learners) learner.weights = null;
    queueMicrotask(() => this.follow());
  }

  /** Read everything that may have changed, and begin anew what follows from it. */
  start() {
    const { model } = this;
    const state = model.get("state");
    if (!Array.isArray(state) || state.length !== 2 || !state.every(Number.isFinite)) throw new Error(`the start must be 2 finite numbers [q, p], but is ${JSON.stringify(state)}`);
    const optimizer = model.get("optimizer");
    if (!OPTIMIZER_CHOICES[optimizer]) throw new Error(`unknown optimiser "${optimizer}"; there are ${Object.keys(OPTIMIZER_CHOICES).join(", ")}`);
    const noise = model.get("noise");
    if (!(noise >= 0 && noise < Infinity)) throw new Error(`the noise (${noise}) must be a number from zero on`);
    const show = model.get("show");
    if (!SHOWS[show]) throw new Error(`"${show}" is nothing to show; there are ${Object.keys(SHOWS).join(", ")}`);
    const table = model.get("_samples");
    // A kernel may send back what it was sent.
    const otherPoints = !sameBytes(table, this.table);
    if (this.stroke === null && otherPoints) this.samples = new Samples(this.system, table);
    const history = model.get("history") ?? {};
    const sizes = model.get("_sizes") ?? {};
    const renewed = this.learners.filter((learner) => learner.read(sizes[learner.role], model.get(learner.trait), history[learner.role] ?? []));
    const otherNetworks = show !== this.show;
    const other = otherPoints || noise !== this.noise || optimizer !== this.optimizer || show !== this.show;
    this.dataStale ||= other;
    this.curveStale = true;
    Object.assign(this, { optimizer, noise, table, show });
    if (otherNetworks) this.setTask();
    if (this.truth === null || state.some((value, i) => value !== this.state[i])) {
      this.state = Float64Array.from(state);
      this.truth = trueOrbit(this.system, this.state, this.horizon);
      for (const learner of this.learners) learner.restart();
    }
    // A history that is gone belongs to other weights: what comes next is another training.
    const replaced = this.active.some(({ role }) => !history[role]?.length);
    if (this.training && (other || replaced)) this.dropTraining();
    if (replaced) this.looksAt = null;
    for (const learner of renewed) if (this.looksAt === null) this.display(learner, learner.weights);
    this.arrange();
    this.showSettings();
  }

  display(learner, weights) {
    learner.show(weights, learner.measure(weights, this.mesh));
  }

  /** The learners that are shown, and learn. */
  get active() {
    return this.learners.filter(({ role }) => this.show === "both" || this.show === role);
  }

  arrange() {
    const { active } = this;
    const words = { baseline: [roleWord("baseline", "baseline"), " may learn any field"], hnn: [roleWord("HNN", "hnn"), this.show === "both" ? " only that of an energy" : " learns the field of an energy"] };
    const who = this.show === "both" ? ["From the same points the ", ...words.baseline, ", the ", ...words.hnn] : ["From its points the ", ...words[this.show]];
    if (this.who.dataset.show !== this.show) this.who.replaceChildren(...who, ". Grey is the truth; a shade is where a field is wrong.");
    this.who.dataset.show = this.show;
    this.title.textContent = `${active.length > 1 ? "Two networks learn" : "A network learns"} a ${this.system.title}`;
    this.card.classList.toggle("hnn-single", active.length === 1);
    for (const { learner, root, cursor, start } of this.views) {
      root.hidden = !active.includes(learner);
      // One picture of two is enough for the keyboard: the handles of both do the same.
      const spare = learner !== active[0];
      for (const { knob } of [cursor, start]) {
        knob.tabIndex = spare ? -1 : 0;
        knob.toggleAttribute("aria-hidden", spare);
        if (spare) knob.setAttribute("aria-hidden", "true");
      }
    }
  }

  showSettings() {
    const hidden = this.learners[0].sizes.slice(1, -1).join("-");
    const widths = this.widthSelect.label.querySelector("select");
    // Python may send layers that are not on the list.
    if (![...widths.options].some(({ value }) => value === hidden)) widths.append(element("option", { value: hidden }, hidden.replaceAll("-", " and ") || "none"));
    this.widthSelect.show(hidden);
    this.optimizerSelect.show(this.optimizer);
    this.showSelect.show(this.show);
    this.noiseSlider.show(this.noise);
    const running = this.model.get("training");
    const begun = this.training && !this.training.done;
    this.learnButton.textContent = running ? "Pause" : begun || this.active.some(({ steps }) => steps) ? "Learn on" : "Learn";
    const stride = this.stride();
    this.stepButton.textContent = stride === 1 ? "1 step" : `${stride} steps`;
    for (const [name, made] of this.setButtons) {
      const [samples, noise] = this.setOf?.[name] ?? [this.home?._samples ?? this.table, this.home?.noise ?? this.noise];
      const known = name === "first" || this.setOf?.[name];
      made.setAttribute("aria-pressed", String(Boolean(known) && noise === this.noise && sameBytes(samples, this.table)));
    }
  }

  stepsOf = (optimizer) => this.model.get("steps") || OPTIMIZER_CHOICES[optimizer].steps;

  stride() {
    return Math.min(OPTIMIZER_CHOICES[this.optimizer].stride, this.stepsOf(this.optimizer));
  }

  tasks() {
    const atRest = () => !this.model.get("training") && this.looksAt === null && this.active.every((learner) => learner.steps && learner.settled);
    const [baseline, hnn] = this.learners;
    const noisy = this.model.get("noise") > 0 ? "The points are noisy. " : "";
    const keep = {
      says: `${noisy}Make the baseline keep its energy within ${100 * KEPT} % for ${tickLabel(this.horizon)} s: what does it need?`,
      done: () => atRest() && this.active.includes(baseline) && Math.abs(baseline.energyError(this.truth)) < KEPT,
      shows: "To keep the energy the baseline must be right everywhere on its orbit. The HNN keeps one by its form, also where its field is wrong.",
    };
    const half = {
      says: "Give both only half the plane. Where are they wrong?",
      done: () => atRest() && [baseline, hnn].every((learner) => learner.steps && this.errorWithoutPoints(learner) > LOST),
      shows: "Both are wrong where no point was, and the HNN may be the worse one. That a field has an energy says nothing about which one it is over there.",
    };
    const digits = {
      says: `Bring the field of the HNN to within ${tickLabel(100 * FINE)} % of the truth. Which optimiser comes so far?`,
      done: () => atRest() && this.active.includes(hnn) && hnn.share < FINE && hnn.history.at(-1)[4] === "levenberg_marquardt",
      shows: "Levenberg–Marquardt divides by the curvature: directions in which the loss is almost flat are as near to it as steep ones.",
    };
    return this.show === "hnn" ? { digits, keep, half } : { keep, half, digits };
  }

  /** How wrong a field is in the half of the plane where no points are; 0 if there is no such half. */
  errorWithoutPoints({ wrong }) {
    const side = [-1, 1].find((sign) => this.samples.count && this.samples.rows.every(([q]) => q * sign <= 0));
    if (!side) return 0;
    const there = this.mesh.states.map(({ x, inside }, k) => (inside && x[0] * side > 0 ? wrong[k] ** 2 : null)).filter((value) => value !== null);
    return Math.sqrt(there.reduce((sum, value) => sum + value, 0) / there.length);
  }

  // --- what the reader does --------------------------------------------------------------------

  /** Nothing moves by itself here but the learning. */
  play() {
    this.loop?.request();
  }

  begin() {
    super.begin();
    this.time = this.looksAt ?? this.end;
  }

  /** How far the learning has come, on the axis of the curve. */
  get end() {
    return Math.max(0, ...this.active.map(({ history }) => positions(history, this.stepsOf).at(-1) ?? 0));
  }

  /** Look at a moment of the learning. */
  seek(at) {
    if (this.model.get("training")) this.choose("training", false);
    const { end } = this;
    this.looksAt = at >= end ? null : at;
    this.time = this.looksAt ?? end;
    for (const learner of this.learners) {
      const places = positions(learner.history, this.stepsOf);
      const nearest = places.reduce((best, place, k) => (learner.snapshots[k] && Math.abs(place - this.time) < Math.abs(places[best] - this.time) ? k : best), places.length - 1);
      const weights = this.looksAt === null ? learner.weights : (learner.snapshots[nearest] ?? learner.weights);
      if (weights !== learner.shown) this.display(learner, weights);
    }
    this.speakSoon();
    this.redraw();
  }

  moveCursor(state) {
    this.place = state;
    this.dataStale = true;
    this.loop.request();
  }

  /** What a press would take now. */
  taken() {
    if (this.press === "states") return [this.place];
    return observe(this.system, this.place, this.model.get("duration"), this.model.get("points"));
  }

  beginStroke(plane) {
    this.stroke = [];
    this.strokePlane = plane;
    this.dragging = true;
  }

  drawStroke(state) {
    this.moveCursor(state);
    if (this.stroke === null) return;
    if (this.press === "trajectory") {
      this.stroke = this.taken();
      return;
    }
    const last = this.stroke.at(-1);
    const [x, y] = this.strokePlane.place(state);
    const [lastX, lastY] = last ? this.strokePlane.place(last) : [Infinity, Infinity];
    if (Math.hypot(x - lastX, y - lastY) >= STROKE_GAP) this.stroke.push(state);
  }

  endStroke() {
    const states = this.stroke?.length ? this.stroke : this.taken();
    this.stroke = null;
    this.dragging = false;
    this.edit((samples) => {
      if (!samples.add(states)) this.say(`There is no room for ${states.length} more points.`);
    });
  }

  edit(change) {
    change(this.samples);
    this.choose("_samples", this.samples.encode());
  }

  /** Give both one of the sets of points, and let them learn it from their first weights. */
  takeSet(name) {
    const { states, noise } = POINT_SETS[name].make(this.system, this.region[1]);
    const samples = new Samples(this.system, states ? null : this.home._samples);
    if (states) samples.add(states);
    const values = { _samples: states ? samples.encode() : this.home._samples, noise: noise ?? this.home.noise };
    this.setOf = { ...this.setOf, [name]: [values._samples, values.noise] };
    this.startAnew({ ...values, _sizes: this.home._sizes, ...Object.fromEntries(this.learners.map(({ trait }) => [trait, this.home[trait]])) });
    this.choose("training", true);
  }

  /** Begin with new weights, of other sizes if they are named. */
  renew({ hidden = this.learners[0].sizes.slice(1, -1) } = {}) {
    this.seed += 1;
    const sizes = Object.fromEntries(this.learners.map(({ role, outputs }) => [role, [2, ...hidden, outputs]]));
    const weights = this.learners.map(({ role, trait }, i) => [trait, new DataView(initialWeights(sizes[role], 2 * this.seed + i).buffer)]);
    this.startAnew({ _sizes: sizes, ...Object.fromEntries(weights) });
  }

  startAnew(values) {
    this.remember();
    this.dropTraining();
    this.looksAt = null;
    this.model.set({ ...values, training: false, history: {} });
    this.model.save_changes();
  }

  /** All as it was at first. */
  reset() {
    this.past = [];
    this.looksAt = null;
    this.touched = false;
    this.dropTraining();
    this.taskLine.again();
    this.model.set({ ...this.home, training: false });
    this.model.save_changes();
  }

  /** Keep the curves of a training for comparison. */
  remember() {
    const kept = this.active.filter(({ history }) => history.length > 1).map(({ role, history }) => ({ role, history }));
    this.past = [...kept, ...this.past].slice(0, RUNS * this.learners.length);
  }

  // --- training --------------------------------------------------------------------------------

  /** Do what the trait `training` says. Of several views of one lab, the first to see it trains. */
  follow() {
    const { model } = this;
    if (this.problem !== null || this.life.ended) return;
    if (!model.get("training")) {
      for (const { trainer } of this.learners) trainer.hold();
      if (model.get("_runner") === this.id) this.choose("_runner", "");
    } else if (!model.get("_runner")) {
      model.set("_runner", this.id);
      this.go();
    }
    this.showSettings();
    this.speakSoon();
    this.redraw();
  }

  /** Go on with the training, or begin one: all its steps, or so many more at once. */
  go(more = null) {
    if (this.looksAt !== null) this.seek(Infinity);
    if (!this.training || this.training.done) this.beginTraining();
    const { training } = this;
    if (!training) return;
    const seconds = more ? 0 : LEARNING_TAKES / this.speed;
    for (const learner of this.active) {
      if (learner.ended) continue;
      learner.resting = false;
      learner.trainer.go({ until: more ? Math.min(training.steps, learner.made + more) : training.steps, seconds });
    }
  }

  makeSteps() {
    if (this.model.get("training")) this.choose("training", false);
    if (this.active.some(({ resting }) => !resting)) return;
    this.go(this.stride());
    this.showSettings();
  }

  beginTraining() {
    const { model, optimizer, samples } = this;
    this.ending = "";
    if (samples.count === 0) {
      this.conclude("there are no points; press in a picture to take some");
      return;
    }
    const steps = this.stepsOf(optimizer);
    const settings = optimizer === "adam" ? { steps, learningRate: model.get("learning_rate"), schedule: "cosine" } : { steps };
    const states = samples.states(this.noise);
    const derivatives = samples.derivatives();
    this.training = { optimizer, steps, states, derivatives, done: false };
    this.toldAt = performance.now();
    const history = {};
    for (const learner of this.active) {
      const { kind, sizes, weights } = learner;
      // The curve begins where nothing is learned yet.
      const first = learner.history.length ? learner.history : [[0, 0, learner.loss(weights, states, derivatives), learner.error, optimizer, 0]];
      history[learner.role] = first;
      Object.assign(learner, { before: first.at(-1), made: 0, ended: false, resting: true });
      learner.trainer.begin({ kind, sizes, states, derivatives, weights, optimizer, settings });
    }
    model.set("history", { ...model.get("history"), ...history });
  }

  /** What was chosen has changed: what comes next is a training of its own, from the weights now. */
  dropTraining() {
    this.training = null;
    for (const learner of this.learners) {
      learner.trainer.stop();
      learner.resting = true;
    }
    if (this.model.get("training") && this.model.get("_runner") === this.id) queueMicrotask(() => this.goOn());
  }

  goOn() {
    if (this.problem === null && !this.life.ended && !this.training && this.model.get("training") && this.model.get("_runner") === this.id) this.go();
  }

  /** A piece of training is done. */
  take(learner, { weights, step, worked, resting, done, reason, diverged }) {
    const { model, training } = this;
    if (!training) return;
    Object.assign(learner, { made: step, resting, ended: done });
    const { role, trait, before } = learner;
    const measured = learner.measure(weights, this.mesh);
    const entry = [before[0] + step, before[1] + worked / 1000, learner.loss(weights, training.states, training.derivatives), measured.error, training.optimizer, before[0]];
    const old = model.get("history")?.[role] ?? [before];
    // The last entry gives way to one near it, so that a long training has as many as a short one.
    const place = (made) => shownAt((made - before[0]) / training.steps);
    const near = old.at(-1)[0] > before[0] && place(entry[0]) - place(Math.max(before[0], old.at(-2)[0])) < 1 / ENTRIES;
    learner.weights = weights;
    if (this.looksAt === null) learner.show(weights, measured);
    model.set({ [trait]: new DataView(weights.buffer), history: { ...model.get("history"), [role]: [...(near ? old.slice(0, -1) : old), entry] } });
    if (diverged) {
      this.conclude(`${reason}; the last good weights were kept. Try fewer points, or new weights`);
      return;
    }
    if (this.active.every((other) => other.resting)) {
      training.done = this.active.every((other) => other.ended);
      if (training.done) this.ending = reason;
      if (model.get("training")) this.conclude("");
      else model.save_changes();
      this.showSettings();
    } else if (performance.now() - this.toldAt > TELL_PYTHON_EVERY) {
      this.toldAt = performance.now();
      model.save_changes();
    }
    this.speakSoon();
  }

  /** A training is over, perhaps with a problem to tell. */
  conclude(problem) {
    if (problem) {
      this.ending = `Training stopped: ${problem}.`;
      this.training = null;
      for (const { trainer } of this.learners) trainer.stop();
    }
    for (const learner of this.learners) learner.resting = true;
    this.model.set({ training: false, _runner: "" });
    this.model.save_changes();
    if (problem) this.say(this.ending);
  }

  /** The view closes. */
  leave() {
    this.training = null;
    for (const { trainer } of this.learners) trainer.stop();
    if (this.model.get("_runner") === this.id) this.conclude("");
  }

  // --- frames ------------------------------------------------------------------------------

  frame() {
    const computing = this.compute();
    if (!this.fitShown()) return computing;
    const { colors, stale, dataStale } = this;
    const data = { samples: this.samples, noise: this.noise, stroke: this.stroke };
    for (const { learner, scene, root, cursor, start } of this.views) {
      if (root.hidden || !(stale || dataStale || learner.stale)) continue;
      if (stale) scene.layout();
      scene.draw(colors, data, this.truth);
      learner.stale = false;
      cursor.put(...scene.plane.place(this.place));
      start.put(...scene.plane.place(this.state));
      this.sayPlace(cursor, this.place);
      this.sayPlace(start, scene.plane.shown(this.state));
    }
    if (stale || this.curveStale) this.curve.draw(colors, this.active, this.past, this.stepsOf);
    this.stale = this.dataStale = this.curveStale = false;
    return computing;
  }

  /** Fit the canvases that are shown. */
  fitShown() {
    const shown = Object.entries(this.surfaces).filter(([name]) => !NETWORKS[name] || this.active.some(({ role }) => role === name));
    const resized = shown.map(([, surface]) => surface.fit());
    if (resized.some(Boolean)) this.stale = true;
    return shown.every(([, surface]) => surface.width > 0);
  }

  /** Integrate for a slice of the frame. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    if (!this.truth.done) {
      this.truth.advance(deadline);
      if (!this.truth.done) return true;
      this.dataStale = true;
    }
    const more = this.active.map((learner) => learner.advance(deadline, this));
    return more.some(Boolean);
  }

  sayPlace(knob, [q, p]) {
    const [[, qUnit], [, pUnit]] = this.system.coordinates;
    const [half] = this.views[0].scene.plane.view;
    const range = [-half, half].map((value) => value.toFixed(2));
    knob.say(q.toFixed(2), range, `q = ${formatNumber(q)} ${qUnit}, p = ${formatNumber(p)} ${pUnit}`);
  }

  // --- numbers and words -------------------------------------------------------------------

  /** How far field and energy are off, as they stand above a picture. */
  texts(learner) {
    const error = learner.energyError(this.truth);
    return [formatShare(learner.share), learner.orbit ? formatOff(error) : "–"];
  }

  showNumbers() {
    for (const { learner, field, energy } of this.views) {
      const [share, off] = this.texts(learner);
      if (field.textContent !== share) field.textContent = share;
      if (energy.textContent !== off) energy.textContent = off;
    }
    this.clock.textContent = this.looksAt === null ? this.counted() : `back to ${inWords(this.seenTrainings()) || "the start"}`;
    const points = `${this.samples.count} ${this.samples.count === 1 ? "point" : "points"}`;
    const worked = this.active.map(({ text, history }) => `${text} ${formatNumber(history.at(-1)?.[1] ?? 0, 1)} s`).join(", ");
    this.note.textContent = `${points}. Field: root mean square over the states inside the dotted line, without noise. Energy: the largest difference from the truth along the orbit in ${tickLabel(this.horizon)} s. Time spent computing: ${worked}.`;
  }

  get longest() {
    return this.active.reduce((a, b) => (b.steps > a.steps ? b : a));
  }

  counted() {
    return inWords(trainings(this.longest.history, this.stepsOf)) || "not yet trained";
  }

  /** The trainings up to where the reader looks. */
  seenTrainings() {
    const { history } = this.longest;
    const at = positions(history, this.stepsOf);
    return trainings(history.filter((_, k) => at[k] <= this.looksAt + 1e-9), this.stepsOf);
  }

  say(text) {
    clearTimeout(this.speech);
    this.status.textContent = text;
  }

  summary() {
    if (this.model.get("training") || this.active.some((learner) => !learner.resting || !learner.settled)) return null;
    if (this.ending?.startsWith("Training stopped")) return this.ending;
    const found = this.active.map((learner) => {
      const [share, energy] = this.texts(learner);
      return `the ${learner.text}'s field is off by ${share}, the energy along its orbit by ${energy}`;
    });
    const when = this.looksAt === null ? this.counted() : `At an earlier moment: ${inWords(this.seenTrainings()) || "not yet trained"}`;
    const after = when === "not yet trained" ? "Not yet trained" : this.looksAt === null ? `After ${when}${this.ending?.startsWith("converged") ? ", which converged" : ""}` : when;
    const summary = `${after}: ${found.join("; ")}.`;
    for (const { learner } of this.views) this.surfaces[learner.role].canvas.setAttribute("aria-label", `The field that the ${learner.text} learned beside the true one, its points and its orbit. ${summary}`);
    this.surfaces.curve.canvas.setAttribute("aria-label", `Loss and squared field error over the steps. ${summary}`);
    return summary;
  }
}

/** A share without a sign: 12 %, 0.034 %, or 2·10⁻⁶ %. */
function formatShare(share) {
  if (share >= 1e-4) return formatOff(share).replace("+", "");
  return `${formatAnySize(100 * share)}\u00a0%`;
}

/** A share with its sign; a wild one only as that. */
function formatOff(share) {
  return Math.abs(share) < 9.995 ? formatPercent(share) : ">999\u00a0%";
}

export default widget(TrainingLab);
