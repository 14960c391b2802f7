// The learned-dynamics lab: truth and trained models as motions from one start that the reader moves.
import { METHODS, coupledParts } from "../physics/integrators.js";
import { buildModels } from "../physics/models.js";
import { Motion } from "../physics/motion.js";
import { asVelocities } from "../physics/systems.js";
import { themeColors } from "../shell/theme.js";
import { Axes, drawFrame, drawMark, formatNumber, formatPercent, tickLabel, ticks, tracePoints, useStyle, withUnit } from "../drawing/canvas.js";
import { element, roleWord, select, slider, swatch } from "../shell/controls.js";
import { PlaneLab } from "./plane_lab.js";
import { widget } from "../shell/shell.js";

const FRAME_BUDGET = 3; // ms of integration in one frame; drawing needs about as much again
const STEP = { low: 0.01, high: 0.4 }; // s: what the slider offers
const MOST_STEPS = 10000; // of one motion: more than a frame can draw in time
const TRUTH_STEP = 0.01; // s: the truth is RK4 at this step or a finer one, exact to the eye
const OFF = { kept: 0.25, tenth: 0.1, beyond: 0.05, integrator: 0.01 }; // parts of the energy that the tasks speak of
const FAINT = 0.3; // of the part of a motion that is still to come

class LearnedLab extends PlaneLab {
  name = "learned-lab";
  loads = ["_system", "_models", "_weights", "region"];
  starts = ["state", "step", "method", "horizon"];
  shared = ["state", "step", "method"];

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    this.buildStages();
    const energy = this.stage("energy", this.canvas("energy", "energy over time"));
    this.scrub(energy, () => this.energyAxes);
    const seconds = (value) => `${tickLabel(value)} s`;
    this.stepSlider = slider({ name: "step Δt", low: STEP.low, high: STEP.high, step: STEP.low, format: seconds }, life, (value) => this.choose("step", value));
    const choices = Object.entries(METHODS).map(([value, { title }]) => ({ value, text: title }));
    this.methodSelect = select({ name: "integrator", choices }, life, (value) => this.choose("method", value));
    this.methodNote = element("p", { class: "hnn-note" });
    this.linesPlace = element("div", { class: "hnn-slot" });

    this.rows = element("tbody");
    const heading = (text) => element("th", { scope: "col" }, text);
    this.apart = heading("");
    const table = element(
      "table",
      { class: "hnn-table" },
      element("thead", {}, element("tr", {}, heading("motion"), heading("energy error"), this.apart)),
      this.rows
    );
    return [
      this.head(),
      this.bodyStage,
      this.phaseStage,
      element("div", { class: "hnn-numbers" }, table),
      energy,
      this.controls({ first: [this.planeSelect.label], more: [this.stepSlider.label, this.methodSelect.label, this.linesPlace, this.methodNote, this.tableNote] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  /** Rebuild the system and the models. */
  load() {
    this.loadSystem(this.model.get("_system"));
    const { system } = this;
    const specs = this.model.get("_models");
    const models = buildModels(specs, this.model.get("_weights"));
    const same = (x) => x;
    // A model of velocities computes with [q, q̇]; all that is shown is [q, p].
    const into = (x) => asVelocities(system, x);
    const from = (v) => system.momenta(v);
    const truth = { label: "truth", role: "truth", field: (x, out) => system.field(x, out), into: same, from: same };
    this.entries = [
      truth,
      ...specs.map(({ label, role }, i) => {
        const model = models[i];
        const coordinates = model.ofVelocities ? { into, from } : { into: same, from: same };
        const energy = model.energy && ((x) => model.energy(coordinates.into(x)));
        return { label, role, field: (x) => model.field(x), energy, scaled: model.ofVelocities, ...coordinates };
      }),
    ];
    const region = this.model.get("region") ?? [];
    this.region = region.length === 2 ? region : null;
    const names = this.entries.map(({ label }) => label).join(", ");
    this.root.setAttribute("aria-label", `${this.system.title}: ${names} from one start`);
    // Of positions, for those of the momenta have another unit.
    this.apart.textContent = withUnit("distance in q", this.system.coordinates[0][1]);
    this.introduce();
    this.buildRows();
    this.buildLines();
    this.plane.view = null;
  }

  /** Who is who, in one sentence. */
  introduce() {
    const [truth, ...learned] = this.entries.map(({ label, role }) => roleWord(label, role));
    const names = learned.flatMap((word, i) => [i === 0 ? "" : i === learned.length - 1 ? " and the " : ", the ", word]);
    const who = learned.length ? ["From one start: the ", truth, ", and what the ", ...names, " learned of it."] : ["The ", truth, " alone."];
    this.who.replaceChildren(...who);
  }

  tasks() {
    const networks = this.entries.map((entry, row) => ({ ...entry, row })).slice(1);
    const free = networks.find(({ energy }) => !energy);
    const bound = networks.find(({ energy }) => energy);
    const off = ({ row }, part) => {
      const error = (motion) => Math.abs(this.errors(motion, this.time).energy);
      return error(this.motions[row]) >= part && error(this.control) < OFF.integrator;
    };
    // What the lab shows by itself was not found by anybody.
    const chosen = () => this.state.some((value, i) => value !== this.home.state[i]);
    const tasks = {};
    if (free) {
      tasks.tenth = {
        says: `Find another start from which the energy of the ${free.label} is off by a tenth.`,
        done: () => chosen() && off(free, OFF.tenth),
        shows: "Nobody pushed it. No energy belongs to its field, so its small errors can add up.",
      };
      tasks.kept = {
        says: `Find a start from which the energy of the ${free.label} is within a quarter of the true one at the end.`,
        done: () => chosen() && this.ended && !off(free, OFF.kept),
        shows: "It gains on some orbits and loses on others; between them lies one that it repeats.",
      };
    }
    if (networks.length && this.system.bodyName === "bob") {
      const over = (motion) => Math.abs(motion.at(this.time)[0]) > Math.PI;
      tasks.over = {
        says: "Let a network's pendulum go over the top while the true one turns back.",
        done: () => !over(this.truth) && this.motions.slice(1).some(over),
        shows: "Nobody pushed it: its energy has grown past that of the upright position.",
      };
    }
    if (bound && this.region) {
      const outside = () => !(this.truth.energies[0] >= this.region[0] && this.truth.energies[0] <= this.region[1]);
      tasks.beyond = {
        says: `Find a start outside the training data from which even the ${bound.label} is off by 5 % in energy.`,
        done: () => outside() && off(bound, OFF.beyond),
        shows: "It keeps the energy that it learned. Out there no data told it which, so the true one changes.",
      };
    }
    return tasks;
  }

  /** The choice whose energy is drawn in the plane beside the true one. */
  buildLines() {
    const choices = this.entries.map(({ label, energy }, value) => ({ value, text: label, energy })).filter(({ energy }) => energy);
    this.linesPlace.hidden = choices.length === 0;
    this.lines = choices[0]?.value ?? 0;
    const choose = select({ name: "energy lines", choices: [{ value: 0, text: "truth alone" }, ...choices] }, this.life, (value) => {
      this.lines = Number(value);
      this.mesh = null;
      this.redraw();
    });
    choose.show(this.lines);
    this.linesPlace.replaceChildren(choose.label);
    this.mesh = null;
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
    this.check();
    const { state, step } = this;
    const horizon = this.model.get("horizon");
    const method = METHODS[this.method];
    const energy = (x) => this.system.hamiltonian(x);
    const common = { energy, start: state, horizon };
    const fine = step / Math.ceil(step / TRUTH_STEP - 1e-9);
    const [truth, ...models] = this.entries;
    this.truth = new Motion({ ...common, field: truth.field, method: METHODS.rk4, step: fine });
    this.motions = [this.truth, ...models.map(({ field, into, from }) => new Motion({ ...common, field, into, from, method, step }))];
    // What the method does to the true field: the part of each error that no network made.
    this.control = new Motion({ ...common, field: truth.field, method, step });
    this.horizon = horizon;
    this.stepSlider.limit(Math.min(STEP.high, horizon));
    this.stepSlider.show(step);
    this.methodSelect.show(this.method);
    const { view } = this.plane;
    this.plane.fit(state, Math.max(this.system.hamiltonian(state), this.region?.[1] ?? 0));
    if (view !== this.plane.view || this.system.degrees > 1) this.mesh = null;
    this.stale = true;
    this.describeStart();
  }

  check() {
    this.readState();
    const [step, horizon] = [this.model.get("step"), this.model.get("horizon")];
    if (!(step > 0) || !(horizon >= step)) throw new Error(`the step (${step} s) must be positive and no longer than the horizon (${horizon} s)`);
    const count = Math.round(horizon / Math.min(step, TRUTH_STEP));
    if (count > MOST_STEPS) throw new Error(`${horizon} s takes ${count} steps, more than the ${MOST_STEPS} that a lab draws`);
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
    const { coupled } = this.system; // of a table, which ends near some states
    const reasonOf = ({ role, field, into }) => (role === "truth" && coupled !== undefined ? coupled : coupledParts(field, into(this.state)));
    const found = this.entries.map((entry) => [entry.label, reasonOf(entry)]).find(([, reason]) => reason);
    if (!found) return {};
    const reason = found[0] === "truth" ? `${found[1]} in the true field` : `in the ${found[0]}${found[0].endsWith("s") ? "'" : "'s"} field ${found[1]}`;
    return Object.fromEntries(Object.entries(METHODS).filter(([, m]) => m.needsSeparable).map(([name]) => [name, reason]));
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return this.time >= this.horizon;
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      this.time = Math.min(this.time + elapsed / 1000, this.known);
      if (this.ended) this.playing = false;
    }
    this.draw();
    return this.playing || computing;
  }

  /** An instant, as far as all motions are computed. */
  seek(time) {
    super.seek(Math.min(time, this.known));
  }

  get known() {
    return Math.min(...this.motions.filter((m) => !m.done).map((m) => m.end), this.horizon);
  }

  /** Integrate for a slice of the frame; the motion that lags most goes first. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      const open = [...this.motions, this.control].filter((motion) => !motion.done);
      if (open.length === 0) return false;
      if (performance.now() > deadline) return true;
      this.stale = true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + FRAME_BUDGET / 6);
    }
  }

  draw() {
    const { surfaces, colors } = this;
    if (!this.fitSurfaces()) return;
    if (this.stale) {
      this.plane.layout(surfaces.plane);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.stale = false;
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
    const { plane } = this;
    const { axes } = plane;
    axes.clip(g);
    const banded = this.region && this.system.degrees === 1;
    if (banded && !this.system.levelCurve) {
      g.fillStyle = colors.roles.data.color;
      g.globalAlpha = 0.07;
      plane.fillBetween(g, this.region);
      g.globalAlpha = 1;
    } else if (banded) {
      g.beginPath();
      for (const energy of this.region) {
        // The band between the two outlines is what even-odd fills.
        if (energy > 0) plane.traceOutline(g, energy);
      }
      g.fillStyle = colors.roles.data.color;
      g.globalAlpha = 0.07;
      g.fill("evenodd");
      g.globalAlpha = 1;
    }
    // With learned lines beside them the true ones must be seen as well.
    plane.drawLevels(g, this.entries[this.lines].energy ? colors.line : colors.faint, this.state);
    this.drawLearnedLevels(g, colors);
    // Not before the reader has touched it: a story is not told by its end.
    for (const { motion, style } of this.touched ? this.layers() : []) {
      useStyle(g, style, FAINT);
      this.traceOrbit(g, motion, motion.end);
      g.stroke();
    }
    g.globalAlpha = 1;
    g.restore();
    plane.drawFrame(g, colors);
    if (banded) {
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

  /** Level lines of a learned energy, at the energies of the true ones. */
  drawLearnedLevels(g, colors) {
    const { energy, role, scaled } = this.entries[this.lines];
    // With more degrees of freedom the lines change with the start: not while it is dragged.
    if (!energy || (this.dragging && !this.mesh)) return;
    this.mesh ??= alike(this.plane.sample(energy, this.state), this.plane.sample((x) => this.system.hamiltonian(x), this.state), scaled, this.region);
    useStyle(g, { ...colors.roles[role], width: 1 }, 0.55);
    g.beginPath();
    this.plane.traceMesh(g, this.mesh);
    g.stroke();
    g.globalAlpha = 1;
    g.setLineDash([]);
  }

  traceOrbit(g, motion, time) {
    const whole = Math.min(motion.computed, Math.floor(time / motion.step));
    g.beginPath();
    this.plane.trace(g, whole + 2, (k) => (k <= whole ? motion.states[k] : motion.at(time)));
  }

  drawPhase(g, colors) {
    this.plane.axes.clip(g);
    const layers = this.layers();
    for (const { motion, style } of layers) {
      useStyle(g, style);
      this.traceOrbit(g, motion, this.time);
      g.stroke();
    }
    for (const { motion, role } of layers) {
      drawMark(g, role, colors, ...this.plane.place(motion.at(this.time)), 5);
    }
    g.restore();
  }

  drawBody(g, colors) {
    this.body.layout(this.surfaces.body, this.entries.length, this.plane.view);
    this.body.drawGround(g, colors, this.state);
    const layers = this.layers();
    for (const layer of layers) {
      layer.state = layer.motion.at(this.time);
      this.body.drawMotion(g, colors, layer, layer.state, layer.row);
    }
    this.body.drawLabels(g, colors, [...layers].sort((a, b) => a.row - b.row));
    this.putHandles(this.truth.at(this.time));
  }

  drawEnergy(g, colors) {
    const { width, height } = this.surfaces.energy;
    const initial = this.truth.energies[0];
    const lowest = this.system.lowest ?? 0;
    const high = lowest + 2 * Math.max(initial - lowest, 1e-3 * (this.plane.levels().at(-1) - lowest));
    const axes = new Axes({ left: 42, top: 8, right: width - 8, bottom: height - 26 }, [0, this.horizon], [lowest, high]);
    this.energyAxes = axes;
    drawFrame(g, axes, colors, {
      xTicks: ticks(0, this.horizon, width < 360 ? 4 : 8),
      yTicks: ticks(lowest, high, 3),
      xName: "time (s)",
      yName: withUnit("energy H", this.energyUnit),
    });
    axes.clip(g);
    for (const { motion, style } of this.layers()) {
      const trace = (time) => {
        const whole = Math.min(motion.computed, Math.floor(time / motion.step));
        g.beginPath();
        tracePoints(g, whole + 1, (k) => [axes.x(k * motion.step), axes.y(motion.energies[k])]);
        g.stroke();
      };
      if (this.touched) {
        useStyle(g, style, FAINT);
        trace(motion.end);
      }
      useStyle(g, style);
      trace(this.time);
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
  }

  // --- numbers and words -------------------------------------------------------------------

  /** Energy error in parts of the starting energy, and distance from the true position, at a time. */
  errors(motion, time) {
    // At the last whole step: between two steps a motion is only drawn.
    const stepped = motion.step * Math.min(Math.floor(time / motion.step + 1e-9), motion.computed);
    const truth = this.truth.at(stepped);
    const state = motion.at(stepped);
    const { system } = this;
    return {
      energy: (system.hamiltonian(state) - system.hamiltonian(truth)) / this.aboveLowest(this.truth.energies[0]),
      distance: Math.hypot(...system.difference(state, truth).subarray(0, system.degrees)),
    };
  }

  showNumbers() {
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} s`;
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

  /** The largest energy error of a motion on its way, with its sign, as `errors` measures it. */
  worst(motion) {
    let worst = 0;
    for (let k = 0; k <= motion.computed; k++) {
      const { energy } = this.errors(motion, k * motion.step);
      if (Math.abs(energy) > Math.abs(worst)) worst = energy;
    }
    return worst;
  }

  /** Where the motions from this start lead, once they are computed to the end. */
  summary() {
    if ([...this.motions, this.control].some((motion) => !motion.done)) return null;
    const ends = this.entries.slice(1).map(({ label }, i) => {
      const motion = this.motions[i + 1];
      if (motion.problem !== null) return `${label} ${motion.problem} at ${formatNumber(motion.end, 1)} s`;
      motion.worst ??= this.worst(motion); // asked again while it plays
      return `${formatPercent(motion.worst)} (${label})`;
    });
    const result = ends.length ? `: within ${tickLabel(this.horizon)}\u00a0s the energy is off by at most ${ends.join(", ")}` : "";
    const summary = `From ${this.startText}${result}.`;
    const names = this.entries.map(({ label }) => label).join(", ");
    this.surfaces.phase.canvas.setAttribute("aria-label", `Phase plane with the orbits of ${names}. ${summary}`);
    this.surfaces.body.canvas.setAttribute("aria-label", `The ${this.system.title}, moving as ${names} say. ${summary}`);
    this.surfaces.energy.canvas.setAttribute("aria-label", `Energy H over ${tickLabel(this.horizon)} s along the motions of ${names}. ${summary}`);
    // Whoever looks on sees the story run; the page tells its end afterwards, or after a touch.
    if (this.touched || this.ended || !this.playing) return summary;
    this.speakSoon();
    return `From ${this.startText}.`;
  }
}

/** A learned energy shifted (the motion fixes it no further; that of a Lagrangian, scaled too) to be
 * nearest to the true one: where the training data lie, or else over all of the plane. */
function alike(learned, truth, scaled, region) {
  const pairs = [];
  truth.values.forEach((value, k) => {
    if (!region || (value >= region[0] && value <= region[1])) pairs.push([learned.values[k], value]);
  });
  const mean = (f) => pairs.reduce((sum, pair) => sum + f(pair), 0) / (pairs.length || 1);
  const [x, y] = [mean((pair) => pair[0]), mean((pair) => pair[1])];
  const slope = mean((pair) => (pair[0] - x) * (pair[1] - y)) / mean((pair) => (pair[0] - x) ** 2);
  const scale = scaled && slope > 0 ? slope : 1;
  return { ...learned, values: learned.values.map((value) => y + scale * (value - x)) };
}

export default widget(LearnedLab);
