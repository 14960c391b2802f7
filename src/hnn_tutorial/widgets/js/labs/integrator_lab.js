// The integrator lab: all methods from one start, how much energy each makes or loses, and what it costs.
import { wrapAngle } from "../physics/vectors.js";
import { HenonHeiles } from "../physics/systems/henon_heiles.js";
import { MassSpring } from "../physics/systems/mass_spring.js";
import { Pendulum } from "../physics/systems/pendulum.js";
import { TwoBody } from "../physics/systems/two_body.js";
import { METHODS, coupledParts } from "../physics/integrators.js";
import { LongRun, notedSteps, workAndError } from "../physics/integrators/long_run.js";
import { drawMethodMark, methodStyle, methodSwatch, useMethodStyle } from "../drawing/method_style.js";
import { Axes, drawFrame, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { element, select, slider } from "../shell/controls.js";
import { Swings } from "./integrator/swings.js";
import { Shell, widget } from "../shell/shell.js";

const FRAME_BUDGET = 3; // ms of integration in one frame; drawing needs about as much again
const STEP = { low: 0.01, high: 0.5 }; // s: what the slider offers
const HORIZONS = [20, 100, 500, 1000]; // s
const MOST_STEPS = 100000; // of one motion
const SLOWEST_SHOW = 30; // s that the longest motions take to be shown
const TRAIL = { seconds: 10, points: 300 }; // of each motion in the plane
const TENTH = 0.1; // of the energy, of which a task speaks
const FAINT = 0.35; // of the part that is still to come
const LEAST_ERROR = 1e-16; // where the logarithmic axes begin at the lowest
const MOST_ERROR = 10; // and where they end at the highest
const RACE = { duration: 10, counts: [14, 20, 32, 50, 80, 125, 200, 320, 500, 800, 1250], truth: 5000 };

const CONSERVATIVE = { mass_spring: MassSpring, pendulum: Pendulum, henon_heiles: HenonHeiles, two_body: TwoBody };

/** The plane that is shown is that of the first two components: (q, p), or two positions. */
class IntegratorLab extends Shell {
  name = "integrator-lab";
  loads = ["_system"];
  starts = ["state", "step", "horizon"];

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life, model } = this;
    const body = this.stage("body", this.canvas("body", "the system, moved by each method"));
    const phase = this.stage("phase", this.canvas("plane"), this.canvas("phase", "plane of the orbits"));
    const energy = this.stage("energy", this.canvas("energy", "energy error over time"), this.canvas("now"));
    const cost = this.stage("cost", this.canvas("cost", "error against cost"));
    this.scrub(energy, () => this.clockAxes);
    this.handle = this.startHandle("hnn-handle-start", "start in the plane", phase, {
      moved: (x, y) => this.moveTo(this.axes.invert(x, y)),
      stepped: (dx, dy) => this.moveTo(this.nudged(dx, dy)),
    });
    const seconds = (value) => `${tickLabel(value)} s`;
    this.stepSlider = slider({ name: "step Δt", low: STEP.low, high: STEP.high, step: STEP.low, format: seconds }, life, (value) => this.choose("step", value));
    this.horizonSelect = select({ name: "length of the motions", choices: HORIZONS.map((value) => ({ value, text: seconds(value) })) }, life, (value) => this.choose("horizon", Number(value)));

    this.truth = new LongRun(METHODS.gauss_legendre4);
    const rows = element("tbody");
    this.entries = Object.entries(METHODS).map(([name, method]) => {
      const entry = { name, method, style: methodStyle(name), run: new LongRun(method), race: [] };
      entry.box = element("input", { type: "checkbox", class: "hnn-check", "data-lm-suppress-shortcuts": "true" });
      life.listen(entry.box, "change", () => this.choose("methods", this.entries.filter(({ box }) => box.checked).map((other) => other.name)));
      const kind = ` order ${method.order}, ${method.symplectic ? "symplectic" : "not symplectic"}`;
      const label = element("label", { class: "hnn-toggle" }, entry.box, methodSwatch(entry.style), element("span", { class: "hnn-method" }, method.title), element("span", { class: "hnn-spoken" }, kind));
      entry.cost = element("td");
      entry.error = element("td");
      entry.row = element("tr", {}, element("th", { scope: "row" }, label), element("td", { class: "hnn-optional" }, method.order), entry.cost, entry.error);
      rows.append(entry.row);
      return entry;
    });
    const heading = (text, className = "") => element("th", { scope: "col", class: className }, text);
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, heading("method"), heading("order", "hnn-optional"), heading("calls"), heading("energy error"))), rows);
    this.note = element("p", { class: "hnn-note" });

    life.observe(model, ["methods"], () => this.attempt(() => (this.problem === null ? this.switchMethods() : this.begin())));
    this.homeMethods = model.get("methods");
    return [
      this.head(),
      body,
      this.controls({ first: [this.stepSlider.label], more: [this.horizonSelect.label] }),
      element("div", { class: "hnn-numbers" }, table),
      phase,
      energy,
      cost,
      element("div", { class: "hnn-foot" }, this.status, this.note),
    ];
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  load() {
    const { name, parameters } = this.model.get("_system");
    if (!(name in CONSERVATIVE)) throw new Error(`unknown system "${name}"; there are ${Object.keys(CONSERVATIVE).join(", ")}`);
    this.system = new CONSERVATIVE[name](parameters);
    this.energy = (x) => this.system.hamiltonian(x);
    this.field = (x, out) => this.system.field(x, out);
    this.swings = new Swings(this.surfaces.body, name, this.system);
    this.title.textContent = `Integrators: ${this.system.title}`;
    this.root?.setAttribute("aria-label", `integrators on the ${this.system.title}`);
    this.who.textContent = `One ${this.system.title} for each method, all from one start with one step. Dotted: how far the true one goes.`;
    this.hint.replaceChildren("Change the step, switch methods on and off, or drag the start ", element("span", { class: "hnn-dot", "aria-hidden": "true" }), " (arrow keys work too).");
    this.view = null;
  }

  tasks() {
    const run = (name) => {
      const entry = this.shown?.find((each) => each.name === name);
      return entry && this.time > this.step ? entry.run : null;
    };
    const both = () => run("rk4") && run("leapfrog");
    const lose = {
      says: "Make the step, or the motion, so long that RK4 loses a tenth of its energy while leapfrog stays within a tenth.",
      done: () => both() && run("rk4").largestUntil(this.time) >= TENTH && run("leapfrog").largestUntil(this.time) < TENTH,
      shows: "In a single step RK4 is the more exact of the two. But its errors all point one way and add up; those of leapfrog go to and fro.",
    };
    const win = {
      says: "Find a step with which RK4 keeps its energy better than leapfrog, to the end.",
      done: () => both() && this.ended && run("rk4").largest < run("leapfrog").largest,
      shows: "With a short step order wins, as long as the motion is not too long: the errors of RK4 still add up.",
    };
    const tame = {
      says: "Make the step so short that Euler's energy does not even double by the end.",
      done: () => run("euler") && this.ended && run("euler").problem === null && run("euler").largest < 1,
      shows: "It still climbs, only more slowly, for every step of Euler adds energy. Errors that go to and fro do not add up.",
    };
    const on = this.model.get("methods");
    return on.includes("rk4") && on.includes("leapfrog") ? { lose, win, tame } : { tame, lose, win };
  }

  start() {
    this.check();
    this.noted = notedSteps(Math.round(this.horizon / this.step));
    this.rate = Math.max(1, this.horizon / SLOWEST_SHOW);
    for (const entry of this.entries) entry.fresh = false;
    this.truth.begin({ field: this.field, energy: this.energy, start: this.state, step: RACE.duration / RACE.truth, noted: [RACE.truth] });
    this.switchMethods();
    this.stepSlider.limit(Math.min(STEP.high, this.horizon));
    this.stepSlider.show(this.step);
    this.showHorizon();
    this.fitView();
    const shown = this.shownState(this.state);
    this.startText = shown.map((value, i) => `${this.system.coordinates[i][0]} = ${formatNumber(value)} ${this.system.coordinates[i][1]}`.replace(/ 1$/, "")).join(", ");
    this.handle.say(shown[0].toFixed(2), [-this.view[0], this.view[0]].map((value) => value.toFixed(2)), this.startText);
  }

  check() {
    const [state, step, horizon] = ["state", "step", "horizon"].map((name) => this.model.get(name));
    const size = 2 * this.system.degrees;
    if (!Array.isArray(state) || state.length !== size || !state.every(Number.isFinite)) {
      throw new Error(`the start must be ${size} finite numbers [q, p], but is ${JSON.stringify(state)}`);
    }
    if (!(step > 0) || !(horizon >= step)) throw new Error(`the step (${step} s) must be positive and no longer than the horizon (${horizon} s)`);
    const count = Math.round(horizon / step);
    if (!(count <= MOST_STEPS)) throw new Error(`${horizon} s takes ${count} steps, more than the ${MOST_STEPS} that the lab computes`);
    this.state = Float64Array.from(state);
    Object.assign(this, { step, horizon });
  }

  /** Follow the trait `methods`: those that are new start, the others go on. */
  switchMethods() {
    const names = this.model.get("methods");
    const reason = coupledParts(this.field, this.state);
    for (const name of names) {
      if (!(name in METHODS)) throw new Error(`unknown method "${name}"; there are ${Object.keys(METHODS).join(", ")}`);
      if (reason && METHODS[name].needsSeparable) throw new Error(`${METHODS[name].title} needs H = T(p) + V(q), but ${reason} in this system`);
    }
    for (const entry of this.entries) {
      entry.on = names.includes(entry.name);
      entry.box.checked = entry.on;
      entry.box.disabled = reason !== null && entry.method.needsSeparable;
      entry.row.classList.toggle("hnn-off", !entry.on);
      if (!entry.on || entry.fresh) continue;
      entry.fresh = true;
      entry.raced = 0;
      entry.run.begin({ field: this.field, energy: this.energy, start: this.state, step: this.step, noted: this.noted });
    }
    this.shown = this.entries.filter(({ on }) => on);
    const notOffered = reason === null ? "" : ` Not offered: methods that need H = T(p) + V(q), for here ${reason}.`;
    this.note.textContent = `Hollow marks: not symplectic. Calls are those of the field in a step; a kick or a drift is one, although it needs half of the field.${notOffered}`;

    this.makeRoom(this.card.querySelector(".hnn-body").clientWidth);
    this.speakSoon();
    this.redraw();
  }

  /** As many rows of pictures as the methods need: before the first frame, so that nothing moves then. */
  makeRoom(width) {
    this.card.style.setProperty("--hnn-rows", Swings.rows(width, this.shown.length));
  }

  /** Python may choose a length that is not offered yet. */
  showHorizon() {
    const offered = this.horizonSelect.label.querySelector("select");
    if (![...offered.options].some(({ value }) => Number(value) === this.horizon)) {
      offered.append(element("option", { value: this.horizon }, `${tickLabel(this.horizon)} s`));
    }
    this.horizonSelect.show(this.horizon);
  }

  fitView() {
    const inside = this.view && this.shownState(this.state).every((value, i) => Math.abs(value) <= this.view[i]);
    if (!inside) this.view = this.system.view?.(this.energy(this.state)) ?? this.positionsView();
    this.stale = true;
  }

  /** Half-widths of a plane of positions: square, with room around the start and its orbit. */
  positionsView() {
    const half = 1.6 * Math.max(Math.hypot(this.state[0], this.state[1]), 0.6);
    return [half, half];
  }

  shownState([q, p]) {
    return [this.system.periodic ? wrapAngle(q) : q, p];
  }

  moveTo(state) {
    const clamped = state.map((value, i) => Math.max(-this.view[i], Math.min(this.view[i], value)));
    // Towards zero: 3.1416 is beyond π, and would stand at the other end of the plane.
    const moved = clamped.map((value) => Math.trunc(1e4 * value) / 1e4);
    this.choose("state", [...moved, ...this.state.slice(2)]);
  }

  /** The start, moved by so many key strokes. */
  nudged(dx, dy) {
    const sizes = this.view.map((half) => Number((half / 50).toPrecision(1)));
    const [q, p] = this.shownState(this.state);
    return [q + dx * sizes[0], p + dy * sizes[1]];
  }

  reset() {
    this.model.set("methods", this.homeMethods);
    super.reset();
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return this.time >= this.horizon;
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      this.time = Math.min(this.time + (this.rate * elapsed) / 1000, Math.max(this.known, this.time));
      if (this.ended) this.playing = false;
    }
    if (this.fitSurfaces()) this.draw();
    return this.playing || computing;
  }

  /** Up to when all motions are computed. */
  get known() {
    return Math.min(...this.shown.filter(({ run }) => !run.done).map(({ run }) => run.end), this.horizon);
  }

  seek(time) {
    super.seek(Math.min(time, this.known));
  }

  /** Compute for a slice of the frame: first what is seen first, then the race, then the long rest. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      if (!this.truth.done) {
        this.stale = true;
        this.truth.advance(deadline);
        if (!this.truth.done) return true;
      }
      const open = this.shown.filter(({ run }) => !run.done);
      const behind = open.find(({ run }) => run.end < TRAIL.seconds);
      const racer = this.shown.find(({ raced }) => raced <= RACE.counts.length);
      if (!racer && open.length === 0) return false;
      if (performance.now() > deadline) return true;
      this.stale = true;
      if (behind || !racer) {
        const last = behind ?? open.reduce((a, b) => (b.run.computed < a.run.computed ? b : a));
        last.run.advance(performance.now() + FRAME_BUDGET / 8);
      } else {
        this.raceOn(racer);
      }
    }
  }

  /** One more point of a method's curve of error against cost; the last is that of the present step. */
  raceOn(entry) {
    const count = RACE.counts[entry.raced] ?? Math.ceil(RACE.duration / this.step - 1e-9);
    entry.race[entry.raced] = workAndError({ system: this.system, method: entry.method, start: this.state, duration: RACE.duration, count, right: this.truth.x });
    entry.raced += 1;
  }

  draw() {
    const { surfaces, colors } = this;
    if (this.stale) {
      this.makeRoom(surfaces.body.width);
      const { width, height } = surfaces.plane;
      const [q, p] = this.view;
      this.axes = new Axes({ left: 42, top: 8, right: width - 8, bottom: height - 26 }, [-q, q], [-p, p]);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.drawEnergy(surfaces.energy.clear(), colors);
      this.drawCost(surfaces.cost.clear(), colors);
      this.stale = false;
    }
    this.drawSwings(surfaces.body.clear(), colors);
    this.drawPhase(surfaces.phase.clear(), colors);
    this.drawNow(surfaces.now.clear(), colors);
  }

  /** The true orbit, and those of its neighbours. */
  drawPlane(g, colors) {
    const { axes, system } = this;
    const trace = (energy) => {
      g.beginPath();
      for (const curve of system.levelCurve(energy)) tracePoints(g, curve.length, (k) => [axes.x(curve[k][0]), axes.y(curve[k][1])]);
      g.stroke();
    };
    axes.clip(g);
    g.strokeStyle = colors.faint;
    g.lineWidth = 1;
    g.setLineDash([]);
    const top = system.hamiltonian([0, this.view[1]]);
    if (system.levelCurve) for (let k = 1; k <= 7; k++) trace(1.6 * top * (k / 7) ** 2);
    useStyle(g, colors.roles.truth);
    const energy = this.energy(this.state);
    if (!system.levelCurve) this.traceRun(g, this.truth, 0, RACE.truth);
    else if (energy > 0) trace(energy);
    g.globalAlpha = 1;
    g.restore();
    const names = [0, 1].map((i) => (system.coordinates[i][1] === "1" ? system.coordinates[i][0] : system.coordinates[i].join(" (") + ")"));
    const dense = this.surfaces.plane.width < 380 ? 4 : 6;
    drawFrame(g, axes, colors, { xTicks: ticks(axes.xLow, axes.xHigh, dense), yTicks: ticks(axes.yLow, axes.yHigh, dense - 1), xName: names[0], yName: names[1] });
  }

  drawPhase(g, colors) {
    const { axes, step, time } = this;
    axes.clip(g);
    const trail = Math.min(TRAIL.seconds, this.horizon);
    for (const { run, style } of this.shown) {
      if (time < trail) {
        useMethodStyle(g, style, colors, FAINT);
        this.traceRun(g, run, time / step, trail / step);
      }
      useMethodStyle(g, style, colors);
      this.traceRun(g, run, Math.max(0, time - trail) / step, time / step);
    }
    g.globalAlpha = 1;
    for (const { run, style } of this.shown) drawMethodMark(g, style, colors, ...this.place(run, Math.min(time / step, run.computed)));
    g.restore();
    const [q, p] = this.shownState(this.state);
    this.handle.put(axes.x(q), axes.y(p));
  }

  drawSwings(g, colors) {
    const { time, step } = this;
    const shown = this.shown.map(({ method, style, run }) => {
      const k = Math.min(time / step, run.computed);
      const state = Float64Array.from({ length: run.size }, (_, i) => this.between(run, k, i));
      const gone = run.problem !== null && time >= run.end;
      // Between two steps there is no energy to speak of.
      const whole = Float64Array.from({ length: run.size }, (_, i) => run.state(Math.floor(k + 1e-9), i));
      const off = (this.energy(whole) - run.startEnergy) / (Math.abs(run.startEnergy) || 1);
      return { title: method.title, style, state, gone, off: gone ? (run.problem === "ran away" ? "ran away" : "no step") : off };
    });
    this.swings.draw(g, colors, shown, { energy: this.energy(this.state), truth: this.truth, reach: this.view[0] });
  }

  /** Component i of a run after k steps; between two steps on the straight line from one to the other. */
  between(run, k, i) {
    const whole = Math.min(Math.floor(k), run.computed);
    const next = Math.min(whole + 1, run.computed);
    return run.state(whole, i) + (k - whole) * (run.state(next, i) - run.state(whole, i));
  }

  /** Where a run is in the plane after k steps. */
  place(run, k) {
    const [q, p] = [0, 1].map((i) => this.between(run, k, i));
    return [this.axes.x(this.system.periodic ? wrapAngle(q) : q), this.axes.y(p)];
  }

  /** The polygon of a run's steps, as many of them as can be told apart. */
  traceRun(g, run, from, to) {
    const first = Math.ceil(from);
    const last = Math.min(Math.floor(to), run.computed);
    if (first > run.computed) return;
    const stride = Math.max(1, Math.floor((last - first) / TRAIL.points));
    const count = Math.max(0, Math.floor((last - first) / stride)) + 1;
    const half = (this.axes.right - this.axes.left) / 2;
    const end = Math.min(to, run.computed);
    g.beginPath();
    tracePoints(g, count + 1, (k) => this.place(run, k < count ? first + k * stride : end), this.system.periodic ? (before, x) => Math.abs(before - x) > half : undefined);
    g.stroke();
  }

  /** Largest energy error up to each time, both on logarithmic axes. */
  drawEnergy(g, colors) {
    const errors = this.shown.flatMap(({ run }) => run.errors).filter((error) => error > LEAST_ERROR);
    const [low, high] = decades(errors.map((error) => Math.min(error, MOST_ERROR)), [1e-8, 1]);
    const axes = logarithmicAxes(g, colors, this.surfaces.energy, [Math.log10(this.step), Math.log10(this.horizon)], [low, high], "time (s)", "largest energy error |ΔH| / H");
    this.energyAxes = axes;
    // For the scrubber the time itself lies along x.
    this.clockAxes = { xLow: this.step, xHigh: this.horizon, x: (time) => axes.x(Math.log10(Math.max(time, this.step))), invert: (x) => [10 ** axes.invert(x, 0)[0]] };
    axes.clip(g);
    for (const { run, style } of this.shown) {
      useMethodStyle(g, style, colors);
      g.beginPath();
      tracePoints(g, run.errors.length, (j) => [axes.x(Math.log10(run.noted[j] * this.step)), axes.y(logOf(run.errors[j], low))]);
      g.stroke();
    }
    g.restore();
  }

  /** What moves over the energy errors: a mark on each curve at the present time. */
  drawNow(g, colors) {
    const { energyAxes: axes } = this;
    const time = Math.max(this.time, this.step);
    const x = axes.x(Math.log10(time));
    axes.clip(g);
    for (const { run, style } of this.shown) {
      if (run.errors.length && (run.problem === null || time <= run.end)) drawMethodMark(g, style, colors, x, axes.y(logOf(run.largestUntil(time), axes.yLow)), 0.8);
    }
    g.restore();
  }

  /** Error after RACE.duration against calls of the field, each method a curve over its step sizes. */
  drawCost(g, colors) {
    const points = this.shown.flatMap(({ race }) => race).filter(({ calls, error }) => calls > 0 && error > 0);
    const [low, high] = decades(points.map(({ error }) => Math.min(error, MOST_ERROR)), [1e-12, 1]);
    const [left, right] = decades(points.map(({ calls }) => calls), [1, 1e4]);
    const axes = logarithmicAxes(g, colors, this.surfaces.cost, [left, right], [low, high], "calls of the field per second of motion", `distance from the truth after ${RACE.duration} s`);
    axes.clip(g);
    for (const { race, style } of this.shown) {
      const place = ({ calls, error }) => [axes.x(Math.log10(calls)), axes.y(logOf(error, low))];
      const curve = race.slice(0, RACE.counts.length).filter(({ error }) => error >= 0);
      useMethodStyle(g, style, colors);
      g.beginPath();
      tracePoints(g, curve.length, (k) => place(curve[k]));
      g.stroke();
      const present = race[RACE.counts.length];
      if (present?.error >= 0) drawMethodMark(g, style, colors, ...place(present));
    }
    g.restore();
  }

  // --- numbers and words -------------------------------------------------------------------

  showNumbers() {
    const faster = this.rate > 1 ? ` (shown ${tickLabel(Number(this.rate.toPrecision(2)))} times as fast)` : "";
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} s${faster}`;
    for (const { on, run, cost, error } of this.entries) {
      cost.textContent = on && run.computed ? formatCost(run.cost) : "";
      if (!on) error.textContent = "";
      else if (run.problem !== null && this.time >= run.end) error.textContent = describeProblem(run);
      else error.textContent = formatError(run.largestUntil(this.time));
    }
  }

  summary() {
    if (this.shown.some(({ run }) => !run.done)) return null;
    const kept = this.shown.filter(({ run }) => run.problem === null).map(({ run, method }) => `${formatError(run.largest)} (${method.title})`);
    const failed = this.shown.filter(({ run }) => run.problem !== null).map(({ run, method }) => `; ${method.title} ${describeProblem(run)}`);
    const result = kept.length ? `the largest energy error is ${kept.join(", ")}` : this.shown.length ? "no method came to the end" : "no method is switched on";
    const summary = `From ${this.startText}, over ${tickLabel(this.horizon)}\u00a0s in steps of ${tickLabel(this.step)}\u00a0s: ${result}${failed.join("")}.`;
    const label = (name, text) => this.surfaces[name].canvas.setAttribute("aria-label", `${text} ${summary}`);
    label("body", "The system, moved by each method.");
    label("phase", "Plane with the true orbit and those of the methods.");
    label("energy", "Largest energy error against time, both logarithmic.");
    label("cost", `Distance from the truth after ${RACE.duration} s against calls of the field, both logarithmic.`);
    return summary;
  }
}

function describeProblem(run) {
  return run.problem === "ran away" ? `ran away at ${formatNumber(run.end, 1)}\u00a0s` : "needs a shorter step";
}

/** Whole powers of ten around values (as exponents), or those of `otherwise` without any. */
function decades(values, otherwise) {
  const good = values.filter((value) => value > LEAST_ERROR && Number.isFinite(value));
  const [low, high] = good.length ? [good.reduce((a, b) => Math.min(a, b)), good.reduce((a, b) => Math.max(a, b))] : otherwise;
  const bottom = Math.floor(Math.log10(low));
  return [bottom, Math.max(bottom + 1, Math.ceil(Math.log10(high)))];
}

/** Draw the frame of a plot over exponents of ten, its names outside of it, and return its axes. */
function logarithmicAxes(g, colors, { width, height }, [left, right], [low, high], xName, yName) {
  const axes = new Axes({ left: 46, top: 24, right: width - 16, bottom: height - 42 }, [left, right], [low, high]);
  drawFrame(g, axes, colors, { xTicks: powers(left, right), yTicks: powers(low, high), xText: powerLabel, yText: powerLabel });
  g.fillStyle = colors.ink;
  g.textAlign = "left";
  g.textBaseline = "top";
  g.fillText(yName, 2, 4);
  g.textAlign = "right";
  g.textBaseline = "bottom";
  g.fillText(xName, axes.right, height - 2);
  return axes;
}

/** Exponents of the ticks within an interval of exponents, at most six. */
function powers(low, high) {
  const gap = Math.ceil((high - low) / 6);
  const values = [];
  for (let k = Math.ceil(low / gap - 1e-9) * gap; k <= high + 1e-9; k += gap) values.push(k);
  return values;
}

function logOf(value, least) {
  return Math.max(least, Math.log10(value));
}

function superscript(exponent) {
  return String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
}

function powerLabel(exponent) {
  return exponent >= -2 && exponent <= 3 ? tickLabel(10 ** exponent) : `10${superscript(exponent)}`;
}

/** An error as it is read off a logarithmic axis: 0.031, or 4.2 × 10⁻⁷. */
export function formatError(error) {
  if (error === 0) return "0";
  if (error >= 1e-3 && error < 1e4) return tickLabel(Number(error.toPrecision(2)));
  const [mantissa, exponent] = error.toExponential(1).split("e");
  return `${mantissa}\u00a0×\u00a010${superscript(Number(exponent))}`;
}

function formatCost(cost) {
  return tickLabel(Number(cost.toPrecision(3)));
}

export default widget(IntegratorLab);
