// The recording lab: a swing of the reader's own, from a file, from the phone in the hand or as a sample; two
// laws of motion fitted to its first four fifths; and what they forecast of the rest, and of what comes next.
import { formatNumber } from "../drawing/canvas.js";
import { button, element, roleWord, select, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";
import { RolloutFit } from "../training/rollout.js";
import { Trainer, serveTraining } from "../training/trainer.js";
import { COUNTDOWN, FOLLOWED, PHONE_NAMES, Phone, RECORDED } from "./recording/phone.js";
import { TimeScene, drawPendulum } from "./recording/scene.js";
import { FittedSwing, LONGEST, Swing, fitSwing } from "./recording/swing.js";
import { QUANTITIES, guessColumns, readTable, tableOf, takeColumns, writeTable } from "./recording/table.js";

const GRAVITY = 9.81; // m/s²
const LEARNING_TAKES = 3; // s that a training is shown in
const LONGEST_TRAINING = 5000; // ms of work: a slow device stops there
const IN_A_HURRY = 1; // s, while a phone goes on swinging
const LARGEST_FILE = 5e6; // bytes
const LAWS = { textbook: { role: "formula", text: "formula" }, energy: { role: "hnn", text: "network" } };
const FROM_BELOW = ["energy", "textbook"]; // the dashes of the one lie on the line of the other
const MOST_DIGITS = 4;
const HEADROOM = 1.4; // above the largest value: the names of the axes stand there

const rolloutFit = (job) => new RolloutFit(job);

/** The worker's side of this lab. */
function serveRollouts(scope) {
  serveTraining(scope, rolloutFit);
}

const variance = (values) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
};

/** What a motion shows at a time, between two of its own. */
function valueAt({ times, values }, time) {
  const next = times.findIndex((other) => other >= time);
  if (next <= 0) return next < 0 ? values.at(-1) : values[0];
  const part = (time - times[next - 1]) / (times[next] - times[next - 1]);
  return values[next - 1] + part * (values[next] - values[next - 1]);
}

class RecordingLab extends Shell {
  name = "recording-lab";
  loads = ["_sample", "_columns"];
  starts = [];
  speeds = null;
  /** Where the swing is from: "sample", "file" or "phone". */
  source = "sample";
  /** What is fitted so far: law -> `FittedSwing`. */
  fitted = {};
  training = false;
  seed = 0;
  trouble = "";
  later = null;
  /** Whether the chart of what was recorded shows how far the laws are off instead. */
  differences = false;
  chartStale = true;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life, model } = this;
    this.trainer = new Trainer(model.get("_esm"), { makeFit: rolloutFit, serve: serveRollouts, reported: (report) => this.take(report), failed: (message) => this.conclude(`Training stopped: ${message}.`) });
    this.phone = new Phone({
      heard: () => this.hear(),
      recorded: (columns) => this.takeRecording(columns),
      followed: (time, rates) => this.follow(time, rates),
      ended: () => this.showSource(),
      failed: (message) => this.fail(`No recording: ${message}. A file or the sample work here too.`),
    });
    const body = this.stage("body", this.canvas("body", "the swing at one instant"));
    const rate = this.stage("rate", this.canvas("rate", "the rate over time"));
    const angle = this.stage("energy", this.canvas("angle", "the angle over time"));
    this.rateScene = new TimeScene(this.surfaces.rate);
    this.angleScene = new TimeScene(this.surfaces.angle);
    this.scrub(rate, () => this.rateScene.axes);

    this.learnButton = button("Fit and train", life, () => this.learn());
    this.learnButton.classList.add("hnn-primary");
    this.offButton = button("Differences", life, () => this.showDifferences(!this.differences));
    this.offButton.setAttribute("aria-pressed", "false");
    this.saveButton = button("Download CSV", life, () => this.save());
    this.fileInput = element("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv,text/plain", "aria-label": "a CSV file of a swing", hidden: true });
    life.listen(this.fileInput, "change", () => {
      this.readFile(this.fileInput.files[0]);
      this.fileInput.value = "";
    });
    const sources = {
      sample: ["the sample", () => this.takeSample()],
      file: ["a file", () => this.fileInput.click()],
      phone: ["this phone", () => this.record()],
    };
    this.sourceButtons = Object.entries(sources).map(([name, [text, pressed]]) => {
      const made = button(text, life, pressed);
      made.classList.add("hnn-chip");
      return [name, made];
    });
    const chips = element("div", { class: "hnn-sets", role: "group", "aria-label": "where the swing is from" }, element("span", { class: "hnn-name" }, "swing from"), ...this.sourceButtons.map(([, made]) => made), this.fileInput);

    const choose = (name) => (value) =>
      this.try(() => {
        this.columns[name] = name === "quantity" ? value : Number(value);
        this.readColumns();
      });
    this.timeSelect = select({ name: "column of the time", choices: [] }, life, choose("time"));
    this.valueSelect = select({ name: "column of the swing", choices: [] }, life, choose("value"));
    const quantities = Object.entries(QUANTITIES).map(([value, { text }]) => ({ value, text }));
    this.quantitySelect = select({ name: "which holds the", choices: quantities }, life, choose("quantity"));
    const seconds = (value) => `${formatNumber(value, 1)} s`;
    this.fromSlider = slider({ name: "begin at", low: 0, high: 10, step: 0.1, format: seconds }, life, (value) => this.try(() => this.takeSwing(this.whole, value, this.to)));
    this.toSlider = slider({ name: "end at", low: 0, high: 10, step: 0.1, format: seconds }, life, (value) => this.try(() => this.takeSwing(this.whole, this.from, value)));
    const again = button("New weights", life, () => this.learn(this.seed + 1));
    const controls = this.controls({
      buttons: [this.learnButton, this.offButton, this.saveButton],
      first: [chips],
      more: [this.valueSelect.label, this.quantitySelect.label, this.timeSelect.label, this.fromSlider.label, this.toSlider.label, again],
    });
    this.playButton.classList.remove("hnn-primary");

    const heading = (text, scope) => element("th", { scope }, text);
    // Dashes and marks are the same in either theme; colours come from the style sheet.
    const { roles } = themeColors("light");
    const heads = Object.values(LAWS).map(({ role, text }) => element("th", { scope: "col" }, roleWord(text, role), " ", swatch(role, roles[role])));
    this.cells = ["k (s⁻²)", "length g/k (m)", "friction (s⁻¹)"].map((name) => ({ name: heading(name, "row"), cells: heads.map(() => element("td")) }));
    this.offRow = { name: heading("off in the last fifth (rad/s)", "row"), cells: heads.map(() => element("td")) };
    this.nextRow = { name: heading("off in what came next (rad/s)", "row"), cells: heads.map(() => element("td")) };
    const rows = [...this.cells, this.offRow, this.nextRow].map((row) => (row.root = element("tr", {}, row.name, ...row.cells)));
    for (const { cells } of [...this.cells, this.offRow]) for (const cell of cells) cell.textContent = "–";
    this.nextRow.root.hidden = true;
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, heading("fitted to the first four fifths", "col"), ...heads)), element("tbody", {}, ...rows));
    this.note = element("p", { class: "hnn-note" }, "Nothing leaves this device: file and sensor are read by this page alone. Network: H = p²/2 + V(q) with friction κ(p)² ≥ 0, V and κ small networks; its k is V″ at rest.");

    life.onEnd(() => {
      this.phone.stop();
      this.trainer.stop();
    });
    return [this.head(), body, rate, element("div", { class: "hnn-numbers" }, table), controls, angle, element("div", { class: "hnn-foot" }, this.status, this.note)];
  }

  open(el) {
    super.open(el);
    const { card, life } = this;
    life.listen(card, "dragover", (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      card.classList.add("hnn-dropping");
    });
    life.listen(card, "dragleave", (event) => card.contains(event.relatedTarget) || card.classList.remove("hnn-dropping"));
    life.listen(card, "drop", (event) => {
      card.classList.remove("hnn-dropping");
      if (event.dataTransfer.files.length === 0) return;
      event.preventDefault();
      this.readFile(event.dataTransfer.files[0]);
    });
  }

  // --- where the swing is from -----------------------------------------------------------------

  load() {
    const { model } = this;
    const bytes = model.get("_sample");
    const names = model.get("_columns");
    const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    if (names.length < 2 || numbers.length === 0 || numbers.length % names.length) throw new Error(`${numbers.length} numbers are no table of ${names.length} columns`);
    const columns = names.map((_, k) => numbers.filter((_, i) => i % names.length === k));
    this.sampleTable = tableOf(names, columns);
    this.title.textContent = "A recorded swing";
    this.root.setAttribute("aria-label", "A recorded swing: two laws fitted, and what they forecast");
    this.who.replaceChildren("The broad grey line is recorded. ", roleWord("Formula", "formula"), ": θ̈ = −k sin θ − c θ̇. ", roleWord("Network", "hnn"), ": an energy and a friction, both learned.");
    this.hint.replaceChildren("Drop a CSV file here, or record with a phone.");
    this.sourceButtons[0][1].textContent = model.get("_given") ? "the recording" : "the sample";
    this.takeSample();
  }

  takeSample() {
    this.phone.stop();
    this.takeTable(this.sampleTable, "sample");
  }

  async readFile(file) {
    if (!file) return;
    this.phone.stop();
    let advice = "";
    try {
      if (file.size > LARGEST_FILE) throw new Error(`expected at most ${LARGEST_FILE / 1e6} MB, found ${(file.size / 1e6).toFixed(1)} MB`);
      const table = readTable(await file.text());
      if (this.life.ended) return;
      if (table.names.length > 2) advice = " Other columns can be chosen under More.";
      this.takeTable(table, "file");
    } catch (error) {
      this.fail(`${file.name}: ${error.message}.${advice}`);
    }
  }

  /** Take a table, if there is a swing in it. What was there before stays if not; but of a file the columns may be
   * guessed wrong, so that it stays too, and the reader can say which. */
  takeTable(table, source) {
    const before = { table: this.table, source: this.source, columns: this.columns };
    Object.assign(this, { table, source, columns: guessColumns(table) });
    try {
      this.readColumns();
    } catch (error) {
      if (source !== "file") Object.assign(this, before);
      throw error;
    } finally {
      if (this.columns) this.showColumns();
      this.showSource();
    }
  }

  /** Read the columns that are chosen now. */
  readColumns() {
    const whole = takeColumns(this.table, this.columns);
    this.takeSwing(whole, 0, Math.min(whole.times.at(-1), LONGEST));
  }

  takeSwing(whole, from, to) {
    const swing = new Swing(whole, from, to);
    Object.assign(this, { whole, swing, from, to, trouble: "", later: null, time: 0 });
    this.showRange();
    this.forget();
    if (this.taskLine.done) this.taskLine.again();
    this.play(this.wantsMotion && this.seen);
    this.speakSoon();
  }

  /** Do what the reader chose, or say why it cannot be done. */
  try(work) {
    try {
      work();
    } catch (error) {
      const { message } = error;
      this.fail(`${message[0].toUpperCase()}${message.slice(1)}.`);
      this.showRange();
    }
  }

  /** What was fitted belongs to another swing. */
  forget() {
    this.trainer?.stop();
    this.tell([]);
    this.training = false;
    this.fitted = {};
    this.tookMs = 0;
    this.chartStale = true;
    this.redraw();
  }

  showColumns() {
    const { columns, table } = this;
    for (const [made, chosen] of [[this.timeSelect, columns.time], [this.valueSelect, columns.value]]) {
      const input = made.label.querySelector("select");
      input.replaceChildren(...table.names.map((name, k) => element("option", { value: k }, name || `column ${k + 1}`)));
      made.show(chosen);
    }
    this.quantitySelect.show(columns.quantity);
  }

  showRange() {
    const last = Math.ceil(10 * this.whole.times.at(-1)) / 10;
    this.fromSlider.limit(last);
    this.toSlider.limit(last);
    this.fromSlider.show(this.from);
    this.toSlider.show(this.to);
  }

  showSource() {
    const recording = this.phone.phase !== "off";
    for (const [name, made] of this.sourceButtons) {
      made.setAttribute("aria-pressed", String(name === (recording ? "phone" : this.source)));
      if (name === "phone") made.textContent = recording ? "stop" : "this phone";
    }
    this.redraw();
  }

  /** What the reader tried did not work. */
  fail(message) {
    this.trouble = message;
    this.showSource();
    this.say(this.trouble);
    this.redraw();
  }

  say(text) {
    clearTimeout(this.speech);
    this.status.textContent = text;
  }

  // --- the phone -------------------------------------------------------------------------------

  record() {
    if (this.phone.phase !== "off") {
      this.phone.stop();
      this.showSource();
      return;
    }
    this.trouble = "";
    this.later = null;
    this.play(false);
    this.say(`Hang up the phone, pull it aside, let go: the recording begins after ${COUNTDOWN} s and takes ${RECORDED} s.`);
    this.phone.start().then(() => this.showSource());
    this.showSource();
  }

  hear() {
    this.chartStale = true;
    this.loop.request();
  }

  takeRecording(columns) {
    const begun = columns[0][0];
    const rounded = columns.map((column, k) => column.map((value) => Number((k ? value : value - begun).toFixed(6))));
    try {
      this.takeTable(tableOf(PHONE_NAMES, rounded), "phone");
    } catch (error) {
      this.phone.stop();
      this.fail(`No swing: ${error.message}.`);
      return;
    }
    this.later = { times: [], values: [] };
    this.play(false);
    this.learn();
    this.say("Recorded. Let it swing on: both laws say what comes next, and the sensor says what does.");
  }

  /** What the phone does after the recording. */
  follow(time, rates) {
    if (!this.later || this.source !== "phone") return;
    this.later.times.push(time);
    this.later.values.push(rates[this.columns.value - 1]);
    this.time = time;
  }

  // --- fits ------------------------------------------------------------------------------------

  learn(seed = this.seed) {
    if (this.training) {
      this.trainer.stop();
      this.conclude("Training stopped.");
      return;
    }
    if (!this.swing) return;
    this.forget();
    Object.assign(this, { seed, trouble: "" });
    try {
      this.fitted.textbook = fitSwing(this.swing, "textbook");
    } catch (error) {
      this.fail(`The formula cannot be fitted: ${error.message}.`);
      return;
    }
    this.job = this.swing.job("energy", seed);
    this.training = true;
    this.trainer.begin(this.job);
    this.trainer.go({ until: Infinity, seconds: this.later ? IN_A_HURRY : LEARNING_TAKES });
    this.speakSoon();
    this.redraw();
  }

  /** A piece of training is done. */
  take({ weights, step, worked, done, reason, diverged }) {
    if (!this.training) return;
    this.fitted.energy = new FittedSwing(this.swing, this.job, weights);
    Object.assign(this, { step, tookMs: worked, chartStale: true });
    if (done) this.conclude(diverged ? `Training stopped: ${reason}. Try new weights.` : "");
    else if (worked > LONGEST_TRAINING) {
      this.trainer.stop();
      this.conclude("");
    }
    this.redraw();
  }

  conclude(problem) {
    this.training = false;
    this.tell(this.fitted.energy?.network ?? []);
    if (problem) this.fail(problem);
    this.speakSoon();
    this.redraw();
  }

  /** Let Python know the network, where there is a Python. */
  tell(network) {
    if (network.length || this.model.get("_network").length) this.choose("_network", network);
  }

  tasks() {
    const trained = () => Boolean(!this.training && this.fitted.textbook && this.fitted.energy);
    return {
      forecast: {
        says: "Fit both to the first four fifths. Whose forecast of the last fifth is nearer?",
        done: trained,
        shows: "The formula looks for two numbers, the network for two curves: it can follow other laws, and it takes some noise for a law.",
      },
      own: {
        says: "Take a swing of your own. How long is the cord, by its motion alone?",
        done: () => trained() && this.source !== "sample",
        shows: "g/k is the length of a small bob's thread that swings alike. For a body of some size it is a little more than the distance to its middle.",
      },
    };
  }

  save() {
    if (!this.table) return;
    const url = URL.createObjectURL(new Blob([writeTable(this.table)], { type: "text/csv" }));
    const link = element("a", { href: url, download: this.source === "file" ? "recording.csv" : `${this.source}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  reset() {
    super.reset();
    this.trouble = "";
    this.seed = 0;
    this.showDifferences(false);
    this.takeSample();
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return Boolean(this.swing) && this.time >= this.swing.duration;
  }

  showDifferences(differences) {
    this.differences = differences;
    this.offButton.setAttribute("aria-pressed", String(differences));
    this.chartStale = true;
    this.redraw();
  }

  /** The last time that the charts show. */
  get until() {
    return this.swing.duration + (this.later ? FOLLOWED : 0);
  }

  frame(now, elapsed) {
    if (!this.swing || !this.fitSurfaces()) return false;
    if (this.playing) {
      this.time = Math.min(this.time + elapsed / 1000, this.swing.duration);
      if (this.ended) this.playing = false;
    }
    if (this.stale || this.chartStale) this.drawCharts();
    this.drawBody();
    this.stale = this.chartStale = false;
    return this.playing;
  }

  get laws() {
    return FROM_BELOW.filter((law) => this.fitted[law]).map((law) => ({ ...LAWS[law], fit: this.fitted[law] }));
  }

  drawCharts() {
    const { colors, later, phone, swing } = this;
    const measured = swing.kind === "rate" ? "rateScene" : "angleScene";
    const [split, end, until] = [swing.split, swing.duration, this.until];
    if (phone.phase === "countdown" || phone.phase === "recording" || phone.phase === "waiting") {
      this.drawSensor();
      return;
    }
    const largest = (values) => HEADROOM * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const steps = later ? Math.ceil(FOLLOWED / (end / swing.times.length)) : 0;
    const times = [...swing.times, ...Array.from({ length: steps }, (_, k) => end + ((k + 1) * FOLLOWED) / steps)];
    // A law goes on as it went until it is fitted anew; what is recorded meanwhile changes nothing.
    const going = this.laws.map(({ role, fit }) => {
      if (fit.goneOn?.times.length !== times.length) fit.goneOn = { times, ...fit.shown(times) };
      return { role, ...fit.goneOn };
    });
    for (const [scene, kind, name] of [["rateScene", "rates", "rate (rad/s)"], ["angleScene", "angles", "angle (rad)"]]) {
      const own = scene === measured;
      const recorded = { role: "truth", times: swing.times, values: own ? swing.values : swing[kind] };
      const curves = [recorded];
      if (own && later) curves.push({ role: "truth", ...later });
      for (const law of going) curves.push({ ...law, values: own ? law.values : law[kind] });
      if (own && this.differences && going.length) {
        this.drawDifferences(scene, name);
        continue;
      }
      this[scene].draw(colors, { curves, until, split, end, half: largest(recorded.values), xName: "time (s)", yName: own || swing.kind === "angle" ? name : `${name}, integrated` });
    }
  }

  /** What each law says less what was recorded. */
  drawDifferences(scene, name) {
    const { colors, later, swing, until } = this;
    const curves = this.laws.map(({ role, fit }) => {
      const values = Array.from(swing.values, (value, k) => fit.values[k] - value);
      if (later) later.values.forEach((value, k) => values.push(valueAt(fit.goneOn, later.times[k]) - value));
      return { role, times: [...swing.times, ...(later?.times ?? [])], values };
    });
    const half = HEADROOM * curves.reduce((most, { values }) => Math.max(most, ...values.map(Math.abs)), 1e-9);
    this[scene].draw(colors, { curves, until, split: swing.split, end: swing.duration, half, xName: "time (s)", yName: `${name}: law − recorded` });
  }

  /** What the sensor says while it is being recorded. */
  drawSensor() {
    const { colors, phone } = this;
    const [times, ...axes] = phone.columns;
    const moving = axes.reduce((best, axis) => (variance(axis) > variance(best) ? axis : best));
    const begun = times[0] ?? 0;
    const half = HEADROOM * moving.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const curves = [{ role: "truth", times: times.map((time) => time - begun), values: moving }];
    this.rateScene.draw(colors, { curves, until: RECORDED, split: null, end: RECORDED, half, xName: "time (s)", yName: "rate (rad/s)" });
    this.angleScene.draw(colors, { curves: [], until: RECORDED, split: null, end: RECORDED, half: 1, xName: "time (s)", yName: "angle (rad)" });
  }

  drawBody() {
    const { laws, later, phone, swing, time } = this;
    const angleAt = (times, values) => valueAt({ times, values }, time);
    const bobs = [];
    // Nobody has recorded an angle of what comes next, nor of what is being recorded.
    if (phone.phase === "off" || phone.phase === "following") {
      if (time <= swing.duration) bobs.push({ role: "truth", angle: angleAt(swing.times, swing.angles) });
      for (const { role, fit } of laws) {
        const motion = later && fit.goneOn ? fit.goneOn : { times: swing.times, angles: fit.angles };
        bobs.push({ role, angle: angleAt(motion.times, motion.angles) });
      }
    }
    drawPendulum(this.surfaces.body, this.colors, bobs);
  }

  // --- numbers and words -------------------------------------------------------------------

  showNumbers() {
    if (!this.swing) return;
    this.clock.textContent = this.phase();
    const word = this.training ? "Stop" : this.fitted.energy ? "Train again" : "Fit and train";
    if (this.learnButton.textContent !== word) this.learnButton.textContent = word;
    const unit = this.swing.kind === "rate" ? "rad/s" : "rad";
    this.offRow.name.textContent = `off in the last fifth (${unit})`;
    this.nextRow.name.textContent = `off in what came next (${unit})`;
    this.nextRow.root.hidden = !this.later;
    Object.keys(LAWS).forEach((law, column) => {
      const fit = this.fitted[law];
      const texts = fit ? this.numbersOf(fit) : Array(5).fill("–");
      [...this.cells, this.offRow, this.nextRow].forEach(({ cells }, row) => {
        if (cells[column].textContent !== texts[row]) cells[column].textContent = texts[row];
      });
    });
  }

  /** k, length, friction, and how far the forecasts are off, as texts. */
  numbersOf(fit) {
    const { stiffness, friction } = fit;
    const deviations = fit.job.law === "textbook" ? (fit.spread ??= fit.deviations()) : null;
    const rounded = (value, error, digits) => {
      if (!error) return formatNumber(value, digits);
      const enough = Math.min(MOST_DIGITS, Math.max(0, -Math.floor(Math.log10(error))));
      return `${formatNumber(value, enough)} ± ${formatNumber(Math.max(error, 10 ** -enough), enough)}`;
    };
    const length = GRAVITY / stiffness;
    const next = this.later?.times.length && fit.goneOn ? this.nextError(fit) : NaN;
    return [
      rounded(stiffness, deviations?.[0], 2),
      rounded(length, deviations && (length * deviations[0]) / stiffness, 3),
      rounded(friction, deviations?.[1], 3),
      formatNumber(fit.error(), 3),
      Number.isFinite(next) ? formatNumber(next, 3) : "–",
    ];
  }

  /** How far a forecast of what came after the recording is off. */
  nextError({ goneOn }) {
    const { times, values } = this.later;
    return Math.sqrt(times.reduce((sum, time, k) => sum + (valueAt(goneOn, time) - values[k]) ** 2, 0) / times.length);
  }

  phase() {
    const { phone } = this;
    if (phone.phase === "asking") return "asking for the sensor";
    if (phone.phase === "waiting") return "waiting for the sensor";
    if (phone.phase === "countdown") return `let go in ${Math.ceil(-phone.clock)} s`;
    if (phone.phase === "recording") return `recording: ${formatNumber(phone.clock, 1)} of ${RECORDED} s`;
    if (this.training) return `training: step ${this.step ?? 0}`;
    if (phone.phase === "following") return `next: ${formatNumber(phone.clock - RECORDED, 1)} of ${FOLLOWED} s`;
    return `${formatNumber(this.time, 2)} of ${formatNumber(this.swing.duration, 1)} s`;
  }

  summary() {
    if (this.trouble) return this.trouble;
    if (this.phone.phase !== "off" || this.training) return null;
    const { fitted, swing } = this;
    const { left } = this.whole;
    const without = left ? ` ${left} rows without a new value were left out.` : "";
    if (!fitted.textbook) return `${swing.times.length} samples over ${formatNumber(swing.duration, 1)} s, a period of ${formatNumber(swing.period, 2)} s.${without}`;
    const [k, length, friction, off] = this.numbersOf(fitted.textbook);
    const unit = swing.kind === "rate" ? "rad/s" : "rad";
    const mine = fitted.energy ? ` and the network's by ${this.numbersOf(fitted.energy)[3]} ${unit}, after ${formatNumber(this.tookMs / 1000, 1)} s of training` : "";
    return `k = ${k} s⁻², as a simple pendulum of ${length} m; friction ${friction} s⁻¹. The formula's forecast of the last fifth is off by ${off} ${unit}${mine}.`;
  }
}

export default widget(RecordingLab);
