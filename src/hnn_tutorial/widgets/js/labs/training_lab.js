// The training lab: the reader gathers data in one phase plane, trains a network on them, and sees
// the field and the orbit that it learned in another.
import { buildSystem } from "../physics/systems.js";
import { METHODS } from "../physics/integrators.js";
import { Motion } from "../physics/motion.js";
import { themeColors } from "../shell/theme.js";
import { Axes, drawFrame, drawMark, formatNumber, formatPercent, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { formatAnySize, powerOfTen } from "../drawing/log_chart.js";
import { PhasePlane } from "../drawing/phase_plane.js";
import { button, element, handle, select, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { FIELDS } from "../training/dense_field.js";
import { initialWeights } from "../training/initial_weights.js";
import { Samples, decodeDoubles, observe } from "../training/samples.js";
import { Trainer } from "../training/trainer.js";

const FRAME_BUDGET = 3; // ms of integration in one frame
const ORBIT_STEP = 0.05; // s, of RK4
const ERROR_MESH = 25; // states across, on which the field error is measured
const ARROWS = 11; // across the plane
const STROKE_GAP = 10; // pixels between two samples of a stroke
const REPORT_EVERY = 50; // ms between two entries of the history; more as it grows long
const TELL_PYTHON_EVERY = 500; // ms
const RUNS = 3; // former trainings that are remembered

const KINDS = {
  hnn: { text: "HNN", role: "hnn", outputs: 1 },
  mlp: { text: "MLP (baseline)", role: "baseline", outputs: 2 },
};
const CAPTION = 28; // pixels above a picture
const LOSS_LINE = { width: 1.4, dash: [2, 3] };
const WIDTHS = [4, 8, 16, 24, 32];
const OPTIMIZER_CHOICES = {
  levenberg_marquardt: { text: "Levenberg–Marquardt", short: "LM", steps: 40 },
  adam: { text: "Adam", short: "Adam", steps: 5000 },
};

class TrainingLab extends Shell {
  name = "training-lab";
  loads = ["_system", "region", "horizon"];
  starts = ["_network", "_weights", "_samples", "noise", "optimizer", "state", "history"];
  past = [];
  seed = 1;
  stroke = null;
  table = null;
  dataStale = true;
  learnedStale = true;
  orbit = null;
  shownOrbit = null;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    const data = this.stage("data", this.canvas("plane"), this.canvas("samples", "the data in the phase plane"));
    const learned = this.stage("learned", this.canvas("field"), this.canvas("orbit", "the learned field"));
    const curve = this.stage("curve", this.canvas("curve", "loss over time"));

    this.cursor = handle({ className: "hnn-handle-cursor", name: "where to take a sample", hint: this.hint.id }, data, life, {
      grabbed: () => this.beginStroke(),
      moved: (x, y) => this.drawStroke(this.plane.moved(this.place, x, y)),
      released: () => this.endStroke(),
      stepped: (dx, dy) => this.moveCursor(this.plane.nudged(this.place, dx, dy)),
    });
    this.cursor.knob.setAttribute("aria-roledescription", "movable cursor");
    life.listen(this.cursor.knob, "keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.beginStroke();
      this.endStroke();
    });
    this.startKnob = this.startHandle("hnn-handle-start", "start of the orbits", learned, {
      moved: (x, y) => this.choose("state", this.plane.moved(this.state, x, y)),
      stepped: (dx, dy) => this.choose("state", this.plane.nudged(this.state, dx, dy)),
    });

    this.trainButton = button("Train", life, () => this.choose("training", !this.model.get("training")));
    this.trainButton.classList.add("hnn-primary");
    const fresh = button("New weights", life, () => this.renew());
    const undo = button("Undo", life, () => this.edit((samples) => samples.undo()));
    const clear = button("Clear data", life, () => this.edit((samples) => samples.clear()));
    const options = (choices) => Object.entries(choices).map(([value, { text }]) => ({ value, text }));
    const presses = { trajectory: { text: "the motion from there" }, states: { text: "single states" } };
    this.press = "trajectory";
    this.pressSelect = select({ name: "a press takes", choices: options(presses) }, life, (value) => (this.press = value));
    this.pressSelect.show(this.press);
    this.kindSelect = select({ name: "network", choices: options(KINDS) }, life, (kind) => this.renew({ kind }));
    const widths = WIDTHS.map((width) => ({ value: `${width}-${width}`, text: `2 × ${width}` }));
    this.widthSelect = select({ name: "hidden layers", choices: widths }, life, (value) => this.renew({ hidden: value ? value.split("-").map(Number) : [] }));
    this.optimizerSelect = select({ name: "optimiser", choices: options(OPTIMIZER_CHOICES) }, life, (value) => this.choose("optimizer", value));
    this.noiseSlider = slider({ name: "noise σ", low: 0, high: 0.2, step: 0.01, format: tickLabel }, life, (value) => this.choose("noise", value));

    this.rows = element("tbody");
    const heading = (text) => element("th", { scope: "col" }, text);
    const headings = element("tr", {}, heading("training"), heading("loss"), heading("field error"), heading("energy error"));
    const table = element("table", { class: "hnn-table" }, element("thead", {}, headings), this.rows);
    this.note = element("p", { class: "hnn-note" });

    this.trainer = new Trainer(this.model.get("_esm"), {
      reported: (report) => this.take(report),
      failed: (message) => this.conclude(message),
    });
    life.onEnd(() => this.leave());
    life.observe(this.model, ["training"], () => this.follow());

    return [
      element("div", { class: "hnn-head" }, this.title, this.clock, this.hint),
      data,
      learned,
      element("div", { class: "hnn-numbers" }, table),
      curve,
      element(
        "div",
        { class: "hnn-controls" },
        element("div", { class: "hnn-buttons" }, this.trainButton, fresh, undo, clear, this.resetButton),
        this.pressSelect.label,
        this.kindSelect.label,
        this.widthSelect.label,
        this.optimizerSelect.label,
        this.noiseSlider.label
      ),
      element("div", { class: "hnn-foot" }, this.status, this.note),
    ];
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
    this.plane = new PhasePlane(this.system);
    this.plane.view = this.system.view(high);
    const { view } = this.plane;
    this.mesh = [];
    for (let i = 0; i < ERROR_MESH; i++) {
      for (let j = 0; j < ERROR_MESH; j++) {
        const x = Float64Array.from(view, (half, k) => half * (((k ? j : i) + 0.5) * (2 / ERROR_MESH) - 1));
        const energy = this.system.hamiltonian(x);
        if (energy >= low && energy <= high) this.mesh.push({ x, slope: this.system.field(x) });
      }
    }
    this.place ??= this.plane.clamped(view.map((half) => half / 4));
    this.title.textContent = `training: ${this.system.title}`;
    this.root.setAttribute("aria-label", `${this.system.title}: gather data and train a network`);
    this.hint.textContent = "Press or draw in the first plane to take data, or move its cursor with the arrow keys and press Enter. Drag the start of the orbits in the second.";
    this.truth = this.table = null;
    queueMicrotask(() => this.follow());
  }

  /** Read everything that may have changed, and begin the orbits anew if they did. */
  start() {
    const { model } = this;
    const { kind, sizes } = model.get("_network") ?? {};
    if (!KINDS[kind] || !Array.isArray(sizes)) throw new Error(`a lab trains ${Object.keys(KINDS).join(" or ")}, not "${kind}"`);
    if (sizes[0] !== 2 || sizes.at(-1) !== KINDS[kind].outputs) throw new Error(`a network ${sizes.join("-")} is no ${kind} of this system`);
    const field = new FIELDS[kind](sizes);
    const weights = decodeDoubles(model.get("_weights"));
    if (weights.length !== field.size) throw new Error(`a ${sizes.join("-")} network has ${field.size} weights, but ${weights.length} arrived`);
    if (!weights.every(Number.isFinite)) throw new Error("the weights hold NaN or infinite values");
    const state = model.get("state");
    if (!Array.isArray(state) || state.length !== 2 || !state.every(Number.isFinite)) throw new Error(`the start must be 2 finite numbers [q, p], but is ${JSON.stringify(state)}`);
    const optimizer = model.get("optimizer");
    if (!OPTIMIZER_CHOICES[optimizer]) throw new Error(`unknown optimiser "${optimizer}"; there are ${Object.keys(OPTIMIZER_CHOICES).join(", ")}`);
    const noise = model.get("noise");
    if (!(noise >= 0 && noise < Infinity)) throw new Error(`the noise (${noise}) must be a number from zero on`);
    const table = model.get("_samples");
    if (this.stroke === null && table !== this.table) this.samples = new Samples(this.system, table);
    // What is drawn follows two hands: the reader's on the data, and the training's.
    this.dataStale ||= table !== this.table || noise !== this.noise;
    this.learnedStale = true;
    Object.assign(this, { kind, sizes, field, weights, optimizer, noise, table });
    this.role = KINDS[kind].role;
    this.history = model.get("history") ?? [];
    this.state = Float64Array.from(state);
    this.showSettings();
    this.startOrbits();
  }

  showSettings() {
    const hidden = this.sizes.slice(1, -1);
    const widths = this.widthSelect.label.querySelector("select");
    // Python may send layers that are not on the list.
    if (![...widths.options].some(({ value }) => value === hidden.join("-"))) {
      widths.append(element("option", { value: hidden.join("-") }, hidden.join(" and ") || "none"));
    }
    this.kindSelect.show(this.kind);
    this.widthSelect.show(hidden.join("-"));
    this.optimizerSelect.show(this.optimizer);
    this.noiseSlider.show(this.noise);
    const training = this.model.get("training");
    this.trainButton.textContent = training ? "Stop" : this.history.length ? "Train on" : "Train";
    this.buildRows();
  }

  describe(kind, sizes, optimizer) {
    return `${KINDS[kind].text.split(" ")[0]} ${sizes.slice(1, -1).join("-")}, ${OPTIMIZER_CHOICES[optimizer].short}`;
  }

  /** One row for the network now, and one for each of the trainings before. */
  buildRows() {
    const { roles } = themeColors("light");
    const now = { label: this.describe(this.kind, this.sizes, this.optimizer), role: this.role };
    const listed = [now, ...this.past];
    if (listed.length === this.listed?.length && listed.every(({ label }, i) => label === this.listed[i].label)) return;
    this.listed = listed;
    this.cells = listed.map(({ label, role, texts }, i) => {
      const cells = [0, 1, 2].map((k) => element("td", {}, texts?.[k] ?? "–"));
      const row = element("tr", { class: i ? "hnn-quiet" : "" }, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells);
      return { row, cells };
    });
    this.rows.replaceChildren(...this.cells.map(({ row }) => row));
  }

  startOrbits() {
    const { system, state, horizon } = this;
    const common = { energy: (x) => system.hamiltonian(x), method: METHODS.rk4, step: ORBIT_STEP, start: state, horizon };
    const moved = !this.truth || this.truth.states[0].some((value, i) => value !== state[i]);
    if (moved) {
      this.truth = new Motion({ ...common, step: ORBIT_STEP / 5, field: (x) => system.field(x) });
      this.shownOrbit = null;
    } else if (this.orbit && !this.orbit.done) {
      // Weights come faster than a slow page can follow: finish this orbit first.
      this.orbitIsOld = true;
      return;
    }
    const { field, weights } = this;
    this.orbit = new Motion({ ...common, field: (x) => field.value(weights, x) });
    this.orbitIsOld = false;
  }

  // --- what the reader does --------------------------------------------------------------------

  /** Nothing moves by itself here. */
  play() {
    this.loop?.request();
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

  beginStroke() {
    this.stroke = [];
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
    const [x, y] = this.plane.place(state);
    const [lastX, lastY] = last ? this.plane.place(last) : [Infinity, Infinity];
    if (Math.hypot(x - lastX, y - lastY) >= STROKE_GAP) this.stroke.push(state);
  }

  endStroke() {
    const states = this.stroke?.length ? this.stroke : this.taken();
    this.stroke = null;
    this.dragging = false;
    this.edit((samples) => {
      if (!samples.add(states)) this.say(`There is no room for ${states.length} more samples.`);
    });
  }

  /** All as it was at first. */
  reset() {
    this.past = [];
    this.model.set({ ...this.home, training: false });
    this.model.save_changes();
  }

  edit(change) {
    change(this.samples);
    this.choose("_samples", this.samples.encode());
  }

  /** Begin with new weights, of another kind or size if one is named. */
  renew({ kind = this.kind, hidden = this.sizes.slice(1, -1) } = {}) {
    this.remember();
    const sizes = [2, ...hidden, KINDS[kind].outputs];
    const weights = initialWeights(sizes, ++this.seed);
    this.model.set({ training: false, history: [], _network: { kind, sizes }, _weights: new DataView(weights.buffer) });
    this.model.save_changes();
  }

  /** Keep the numbers of a training for comparison. */
  remember() {
    if (this.history.length === 0 || !this.shownOrbit) return;
    const { history, role } = this;
    this.past.unshift({ label: `${this.describe(this.kind, this.sizes, this.trained)}, ${history.at(-1)[0]} steps`, role, history, texts: this.texts() });
    this.past.length = Math.min(this.past.length, RUNS);
  }

  // --- training --------------------------------------------------------------------------------

  /** Do what the trait `training` says. Of several views of one lab, the first to see it trains. */
  follow() {
    const { model } = this;
    if (this.problem !== null || this.life.ended) return;
    if (!model.get("training")) {
      this.trainer.stop();
      if (model.get("_runner") === this.id) this.choose("_runner", "");
    } else if (!model.get("_runner")) {
      model.set("_runner", this.id);
      this.beginTraining();
    }
    this.showSettings();
    this.speakSoon();
    this.redraw();
  }

  beginTraining() {
    const { model, kind, sizes, weights, optimizer, samples } = this;
    if (samples.count === 0) {
      this.conclude("there are no data; press in the first plane to take some");
      return;
    }
    const steps = model.get("steps") || OPTIMIZER_CHOICES[optimizer].steps;
    const settings = optimizer === "adam" ? { steps, learningRate: model.get("learning_rate"), schedule: "cosine" } : { steps };
    this.trained = optimizer;
    this.ending = "";
    this.startedAt = performance.now();
    this.toldAt = this.startedAt;
    this.before = this.history.at(-1) ?? [0, 0];
    this.trainer.start({ kind, sizes, states: samples.states(this.noise), derivatives: samples.derivatives(), weights, optimizer, settings });
  }

  /** A slice of training is done. */
  take({ weights, losses, step, done, reason, diverged }) {
    this.latestLoss = losses.at(-1) ?? this.latestLoss;
    const now = performance.now();
    const seconds = this.before[1] + (now - this.startedAt) / 1000;
    const due = seconds - (this.history.at(-1)?.[1] ?? 0) >= Math.max(REPORT_EVERY / 1000, seconds / 100);
    if (!done && (!due || losses.length === 0)) return;
    const entry = [this.before[0] + step, seconds, this.latestLoss, this.fieldError(weights)];
    this.model.set({ _weights: new DataView(weights.buffer), history: [...this.history, entry] });
    if (done) {
      this.conclude(diverged ? `${reason}; the last good weights were kept. Try fewer data, or new weights` : "", diverged ? "" : reason);
    } else if (now - this.toldAt > TELL_PYTHON_EVERY) {
      this.toldAt = now;
      this.model.save_changes();
    }
  }

  /** A training is over, with a problem to tell or a reason. */
  conclude(problem, reason = "") {
    this.ending = problem ? `Training stopped: ${problem}.` : reason;
    this.model.set({ training: false, _runner: "" });
    this.model.save_changes();
    if (problem) this.say(this.ending);
  }

  /** The view closes. */
  leave() {
    this.trainer.stop();
    if (this.model.get("_runner") === this.id) this.conclude("");
  }

  /** The mean squared error of the field on the mesh, free of noise. */
  fieldError(weights) {
    let sum = 0;
    for (const { x, slope } of this.mesh) {
      const value = this.field.value(weights, x);
      sum += (value[0] - slope[0]) ** 2 + (value[1] - slope[1]) ** 2;
    }
    return sum / (2 * this.mesh.length);
  }

  // --- frames ------------------------------------------------------------------------------

  frame() {
    const computing = this.compute();
    if (!this.fitSurfaces()) return computing;
    const { surfaces, colors } = this;
    if (this.stale) {
      this.plane.layout(surfaces.plane, CAPTION);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.dataStale = this.learnedStale = true;
      this.stale = false;
    }
    if (this.dataStale) this.drawSamples(surfaces.samples.clear(), colors);
    if (this.learnedStale) {
      this.drawField(surfaces.field.clear(), colors);
      this.drawCurve(surfaces.curve.clear(), colors);
    }
    this.dataStale = this.learnedStale = false;
    this.drawOrbits(surfaces.orbit.clear(), colors);
    return computing;
  }

  /** Integrate for a slice of the frame. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (const motion of [this.truth, this.orbit]) {
      motion.advance(deadline);
      if (!motion.done) return true;
    }
    this.shownOrbit = this.orbit;
    if (!this.orbitIsOld) return false;
    this.startOrbits();
    return true;
  }

  drawPlane(g, colors) {
    const { plane } = this;
    plane.axes.clip(g);
    plane.drawLevels(g, colors);
    // Inside this line the field error is measured.
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.muted;
    g.beginPath();
    plane.traceEnergy(g, this.region[1]);
    g.stroke();
    g.restore();
    plane.drawFrame(g, colors);
    drawCaption(g, colors, plane.axes, "data");
  }

  drawSamples(g, colors) {
    const { noise, samples } = this;
    const { axes } = this.plane;
    axes.clip(g);
    g.fillStyle = g.strokeStyle = colors.roles.data.color;
    g.setLineDash([]);
    if (noise > 0) {
      // From where the body was to where it was seen.
      g.globalAlpha = 0.35;
      g.lineWidth = 1;
      g.beginPath();
      for (const [q, p, , , a, b] of samples.rows) {
        g.moveTo(axes.x(q), axes.y(p));
        g.lineTo(axes.x(q + noise * a), axes.y(p + noise * b));
      }
      g.stroke();
    }
    const dots = (points, size) => {
      g.beginPath();
      for (const [q, p] of points) {
        g.moveTo(axes.x(q) + size, axes.y(p));
        g.arc(axes.x(q), axes.y(p), size, 0, 2 * Math.PI);
      }
    };
    g.globalAlpha = 0.75;
    dots(samples.rows.map(([q, p, , , a, b]) => [q + noise * a, p + noise * b]), 2.2);
    g.fill();
    g.globalAlpha = 1;
    if (this.stroke) {
      g.strokeStyle = colors.roles.highlight.color;
      g.lineWidth = 1.5;
      dots(this.stroke, 3.2);
      g.stroke();
    }
    g.restore();
    this.cursor.put(...this.plane.place(this.place));
    this.sayPlace(this.cursor, this.place);
    const count = `${samples.count} samples in ${samples.trajectories} strokes or motions`;
    this.surfaces.samples.canvas.setAttribute("aria-label", `The data in the phase plane: ${count}`);
  }

  sayPlace(knob, [q, p]) {
    const [[, qUnit], [, pUnit]] = this.system.coordinates;
    const [half] = this.plane.view;
    const range = [-half, half].map((value) => value.toFixed(2));
    knob.say(q.toFixed(2), range, `q = ${formatNumber(q)} ${qUnit}, p = ${formatNumber(p)} ${pUnit}`);
  }

  /** Arrows of the true field, broad and soft, and of the learned one on top. */
  drawField(g, colors) {
    const { system, field, weights, role } = this;
    const { axes, view } = this.plane;
    const cell = (axes.right - axes.left) / ARROWS;
    const rows = Math.max(4, Math.round((axes.bottom - axes.top) / cell));
    const places = [];
    for (let i = 0; i < ARROWS; i++) {
      for (let j = 0; j < rows; j++) places.push(Float64Array.of(view[0] * ((2 * i + 1) / ARROWS - 1), view[1] * ((2 * j + 1) / rows - 1)));
    }
    // In pixels, so that both axes count alike, and the longest true arrow fills its cell.
    const pixels = (slope) => [slope[0] * axes.xScale, -slope[1] * axes.yScale];
    const longest = Math.max(...places.map((x) => Math.hypot(...pixels(system.field(x)))));
    const arrows = (style, strength, slope) => {
      useStyle(g, style, strength);
      g.setLineDash([]);
      g.beginPath();
      for (const x of places) {
        let [dx, dy] = pixels(slope(x)).map((value) => (value * cell) / longest);
        const length = Math.hypot(dx, dy);
        if (!(length > 0.5)) continue;
        // A wild field is drawn as long as two cells.
        const shrink = Math.min(1, (2 * cell) / length);
        [dx, dy] = [dx * shrink, dy * shrink];
        const [fromX, fromY] = [axes.x(x[0]) - dx / 2, axes.y(x[1]) - dy / 2];
        const [toX, toY] = [fromX + dx, fromY + dy];
        const head = Math.min(5, length * shrink * 0.4) / (length * shrink);
        g.moveTo(fromX, fromY);
        g.lineTo(toX, toY);
        g.lineTo(toX - head * (dx + 0.6 * dy), toY - head * (dy - 0.6 * dx));
        g.moveTo(toX, toY);
        g.lineTo(toX - head * (dx - 0.6 * dy), toY - head * (dy + 0.6 * dx));
      }
      g.stroke();
      g.globalAlpha = 1;
    };
    axes.clip(g);
    arrows(colors.roles.truth, 0.6, (x) => system.field(x));
    arrows({ ...colors.roles[role], width: 1.5 }, 0.85, (x) => field.value(weights, x));
    // What stands at the rim must be legible there.
    g.globalAlpha = 0.85;
    g.fillStyle = colors.surface;
    g.fillRect(axes.left + 2, axes.top + 4, 76, 18);
    g.fillRect(axes.right - 58, axes.bottom - 21, 56, 18);
    g.globalAlpha = 1;
    g.restore();
    this.plane.drawFrame(g, colors);
    drawCaption(g, colors, axes, "learned", [[KINDS[this.kind].text.split(" ")[0], colors.roles[role]], ["truth", colors.roles.truth]]);
  }

  drawOrbits(g, colors) {
    const { plane, state } = this;
    plane.axes.clip(g);
    for (const [{ states }, role] of [[this.truth, "truth"], [this.shownOrbit ?? this.orbit, this.role]]) {
      useStyle(g, colors.roles[role]);
      g.beginPath();
      plane.trace(g, states.length, (k) => states[k]);
      g.stroke();
      drawMark(g, role, colors, ...plane.place(states.at(-1)), 5);
    }
    g.restore();
    this.startKnob.put(...plane.place(state));
    this.sayPlace(this.startKnob, plane.shown(state));
  }

  /** Loss and field error over time, and the field errors of the trainings before. */
  drawCurve(g, colors) {
    const { width, height } = this.surfaces.curve;
    const runs = [...this.past.map(({ history, role }) => ({ history, role, strength: 0.35 })), { history: this.history, role: this.role, strength: 1 }];
    const values = runs.flatMap(({ history }) => history.flatMap(([, , loss, error]) => [loss, error])).filter((value) => value > 0 && Number.isFinite(value));
    const powers = values.map(Math.log10);
    const low = Math.min(-6.5, ...powers);
    const high = Math.max(0.5, ...powers);
    const last = Math.max(1, ...runs.flatMap(({ history }) => history.map(([, seconds]) => seconds)));
    const axes = new Axes({ left: 42, top: CAPTION, right: width - 8, bottom: height - 26 }, [0, 1.04 * last], [low, high]);
    const gap = Math.ceil((high - low) / 5);
    const powersOfTen = [];
    for (let power = Math.ceil(low / gap) * gap; power <= high; power += gap) powersOfTen.push(power);
    drawFrame(g, axes, colors, {
      xTicks: ticks(0, last, width < 360 ? 4 : 6),
      yTicks: powersOfTen,
      yText: powerOfTen,
      xName: "time (s)",
    });
    axes.clip(g);
    for (const { history, role, strength } of runs) {
      const trace = (column) => {
        g.beginPath();
        const shown = history.filter((entry) => entry[column] > 0 && Number.isFinite(entry[column]));
        tracePoints(g, shown.length, (k) => [axes.x(shown[k][1]), axes.y(Math.log10(shown[k][column]))]);
        g.stroke();
      };
      useStyle(g, colors.roles[role], strength);
      trace(3);
      if (strength < 1) continue;
      useStyle(g, { color: colors.muted, ...LOSS_LINE });
      trace(2);
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
    drawCaption(g, colors, axes, "training", [["loss", { color: colors.muted, ...LOSS_LINE }], ["field error", colors.roles[this.role]]]);
  }

  // --- numbers and words -------------------------------------------------------------------

  /** Loss, field error, and the largest energy error of the orbit, as they stand in the table. */
  texts() {
    const [, , loss, error] = this.history.at(-1) ?? [];
    const orbit = this.shownOrbit;
    let energy = "–";
    if (orbit?.problem) energy = orbit.problem;
    else if (orbit) {
      const initial = orbit.energies[0];
      energy = formatPercent(orbit.energies.reduce((most, e) => (Math.abs(e - initial) > Math.abs(most) ? e - initial : most), 0) / initial);
    }
    return [loss === undefined ? "–" : formatError(loss), formatError(error ?? this.fieldError(this.weights)), energy];
  }

  showNumbers() {
    const texts = this.texts();
    this.cells[0].cells.forEach((cell, k) => {
      if (cell.textContent !== texts[k]) cell.textContent = texts[k];
    });
    const [step, seconds] = this.history.at(-1) ?? [0, 0];
    this.clock.textContent = `step ${step}, ${formatNumber(seconds, 1)} s`;
    this.note.textContent = `${this.samples.count} samples. The field error is measured without noise inside the dotted line; the energy error is the largest along the orbit in ${tickLabel(this.horizon)} s.`;
  }

  say(text) {
    clearTimeout(this.speech);
    this.status.textContent = text;
  }

  summary() {
    if (this.model.get("training") || !this.shownOrbit || !this.orbit.done) return null;
    if (this.ending?.startsWith("Training stopped")) return this.ending;
    const [, error, energy] = this.texts();
    const [step, seconds, loss] = this.history.at(-1) ?? [];
    const trained = step === undefined ? "not yet trained" : `after ${step} steps (${formatNumber(seconds, 1)} s, ${this.ending || "stopped"}) the loss is ${formatError(loss)}`;
    const summary = `${this.describe(this.kind, this.sizes, this.trained ?? this.optimizer)}: ${trained}, the field error ${error}, the energy error of the orbit ${energy}.`;
    this.surfaces.orbit.canvas.setAttribute("aria-label", `The learned field beside the true one, and their orbits. ${summary}`);
    this.surfaces.curve.canvas.setAttribute("aria-label", `Loss and field error over time. ${summary}`);
    return summary;
  }
}

/** Above a picture, what it shows, and what its lines mean: `[text, style]` from the right. */
function drawCaption(g, colors, axes, caption, lines = []) {
  const y = axes.top - 13;
  const write = (text, x) => {
    g.globalAlpha = 1;
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "middle";
    g.fillText(text, x, y);
  };
  write(caption, axes.left);
  let x = axes.right;
  for (const [text, style] of lines) {
    x -= g.measureText(text).width;
    write(text, x);
    useStyle(g, style);
    g.beginPath();
    g.moveTo(x - 33, y);
    g.lineTo(x - 7, y);
    g.stroke();
    x -= 48;
  }
  g.globalAlpha = 1;
  g.setLineDash([]);
}

/** A squared error; below the rounding of what is squared, only that it is. */
function formatError(value) {
  return value < 1e-15 ? `<\u00a0${powerOfTen(-15)}` : formatAnySize(value);
}

export default widget(TrainingLab);
