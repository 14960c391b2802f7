// The phase-space lab: one motion, and a cloud of states that flows with it and keeps its area.
import { METHODS } from "../physics/integrators.js";
import { Cloud } from "../physics/cloud.js";
import { drawMark, formatNumber, formatPercent, tickLabel, useStyle, withUnit } from "../drawing/canvas.js";
import { button, element, roleWord, slider } from "../shell/controls.js";
import { PlaneLab } from "./plane_lab.js";
import { widget } from "../shell/shell.js";

const STEP = 1 / 120; // s, of RK4: exact to the eye for everything that the sliders offer
const TRAIL = 720; // steps that stay visible behind the body
const STRETCHED = 3; // times its length at the start, which a task asks for
const NEAR_TOP = 0.01; // of the energy of the upright position, which another asks for
const FAR = 30; // in half-widths of the plane: further away a motion has left

class PhaseLab extends PlaneLab {
  name = "phase-lab";
  loads = ["_system", "parameters"];
  starts = ["state", "cloud"];
  resets = ["parameters", "cloud", "backwards", "state"];
  speeds = [0.25, 1, 3];

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life, model } = this;
    this.buildStages();
    this.backButton = button("Run backwards", life, () => {
      this.choose("backwards", !model.get("backwards"));
      this.play(true, true);
    });
    life.observe(model, ["backwards"], () => this.turn());
    this.turn();
    this.sliders = model.get("_sliders").map(({ name, meaning, unit, low, high, step }) => {
      const format = (value) => `${tickLabel(value)} ${unit}`;
      const made = slider({ name: meaning, low, high, step, format }, life, (value) => this.choose("parameters", { ...model.get("parameters"), [name]: value }));
      return { name, ...made };
    });
    const cloud = { name: "cloud of states", low: 0, high: 1, step: 0.05, format: (value) => (value ? `± ${tickLabel(value)}` : "none") };
    this.cloudSlider = slider(cloud, life, (value) => this.choose("cloud", value));

    this.rows = element("tbody");
    const heading = (text) => element("th", { scope: "col" }, text);
    this.compared = heading("change");
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, heading("quantity"), heading("now"), this.compared)), this.rows);
    return [
      this.head(),
      this.bodyStage,
      this.phaseStage,
      element("div", { class: "hnn-numbers" }, table),
      this.controls({ buttons: [this.backButton], first: [this.cloudSlider.label, this.planeSelect.label], more: [...this.sliders.map(({ label }) => label), this.tableNote] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  turn() {
    this.direction = this.model.get("backwards") ? -1 : 1;
    this.backButton.setAttribute("aria-pressed", this.direction < 0);
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  load() {
    const parameters = this.model.get("parameters");
    for (const { name, show } of this.sliders) {
      if (!Number.isFinite(parameters[name])) throw new Error(`the ${name} must be a number, but is ${JSON.stringify(parameters[name])}`);
      show(parameters[name]);
    }
    this.loadSystem({ ...this.model.get("_system"), parameters });
    this.field = (x, out) => this.system.field(x, out);
    this.root.setAttribute("aria-label", `${this.system.title}: a motion and a cloud of states in the phase plane`);
    const { coordinates, degrees } = this.system;
    const pairs = Array.from({ length: degrees }, (_, i) => `${coordinates[i][0]}, ${coordinates[degrees + i][0]}`);
    const energy = this.energyUnit;
    const action = energy ? `${energy} s` : "";
    const areas = degrees > 1 ? [...pairs.map((pair) => `area in ${pair} (J s)`), "sum of the areas (J s)"] : [withUnit("area of the cloud", action)];
    this.rows.replaceChildren();
    const row = (quantity) => {
      const cells = [element("td"), element("td")];
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, quantity), ...cells));
      return cells;
    };
    // Alone, one motion in one coordinate shows all that could keep its value.
    const [q, p] = coordinates.map((coordinate) => withUnit(...coordinate));
    // An H of the reader's own need not be a sum of two parts.
    const parts = this.system.says ? [] : ["kinetic energy T (J)", "potential energy V (J)"];
    this.partCells = degrees > 1 ? [] : [q, p, ...parts].map(row);
    this.cells = [withUnit("energy H", energy), ...areas].map(row);
  }

  tasks() {
    const { system } = this;
    const { damped, even, kept } = this.areaIs();
    const tasks = {};
    const change = () => Math.abs(this.cloud.areas().reduce((a, b) => a + b) / this.firstArea);
    const known = () => this.cloud && !this.cloud.lost;
    if (damped) {
      tasks.halve = {
        says: "Let the area of the cloud shrink to a half.",
        done: () => known() && this.direction > 0 && change() <= 0.5,
        shows: even ? "Friction does this, at one rate everywhere: from another start it takes as long." : "Friction does this, faster where it is stronger: from another start it may take longer.",
      };
    } else if (kept && !system.says && system.bodyName !== "mass") {
      tasks.stretch = {
        says: `Let the cloud flow until its rim is ${STRETCHED} times as long as at the start.`,
        done: () => known() && this.cloud.length() >= STRETCHED * this.firstLength,
        shows: system.degrees > 1 ? "The flow has sheared the cloud; the sum of its areas is still the same." : "The flow has sheared the cloud; its area is still the same.",
      };
    }
    if (system.bodyName === "bob" && kept) {
      tasks.top = {
        says: "Find a start from which the bob comes to rest at the top, as nearly as you can.",
        done: () => Math.abs(system.hamiltonian(this.state) / (2 * system.torque) - 1) < NEAR_TOP && this.time > 1,
        shows: "This is the separatrix: with less energy the bob swings, with more it turns over.",
      };
    }
    if (kept) {
      tasks.back = {
        says: "Let it run for a while, then backwards until it is at its start again.",
        done: () => this.direction < 0 && this.furthest > 1 && this.time < 0.1,
        shows: "It comes back on its own path: without friction the equations know no direction of time.",
      };
    }
    return tasks;
  }

  /** What the flow does to areas: whether all shrink, at one rate everywhere, or all are kept. */
  areaIs() {
    // A table says between which rates they grow.
    const [slowest, fastest] = this.system.divergence ?? [];
    if (fastest === undefined) return { damped: this.system.damping > 0, even: true, kept: !(this.system.damping > 0) };
    return { damped: fastest < 0, even: fastest - slowest < 1e-6 * Math.abs(slowest), kept: false };
  }

  start() {
    this.readState();
    const radius = this.model.get("cloud");
    if (!(radius >= 0 && radius <= 1)) throw new Error(`the cloud must reach from 0 to 1, but reaches ${radius}`);
    const { plane, state, system } = this;
    const energy = system.hamiltonian(state);
    // Sliders change what fits: then the plane is chosen anew, but not for every small change.
    const fitting = system.view(energy);
    if (plane.view?.some((half, i) => half < 0.6 * fitting[i] || half > 2.5 * fitting[i])) plane.view = null;
    plane.fit(state, energy);
    this.x = Float64Array.from(state);
    this.trail = new Float64Array(TRAIL * state.length);
    this.kept = 0;
    this.owed = 0;
    this.gone = false;
    this.left = null;
    this.cloudLeft = false;
    this.keep();
    this.cloudSlider.show(radius);
    this.cloud = radius ? new Cloud(plane, state, radius) : null;
    this.first = this.quantities();
    const cloud = this.cloud ? [", and ", roleWord("a cloud of states", "hnn"), " around its start that flows along."] : ["."];
    this.who.replaceChildren("One motion in space and in its phase plane", ...cloud);
    this.compared.textContent = this.alone ? "at the start" : "change";
    const hide = (cells, hidden) => cells.forEach(([cell]) => (cell.parentElement.hidden = hidden));
    hide(this.partCells, !this.alone);
    hide(this.cells.slice(1), !this.cloud);
    this.firstParts = this.parts();
    this.firstArea = this.cloud?.areas().reduce((a, b) => a + b);
    this.firstLength = this.cloud?.length();
    this.furthest = 0;
    this.stale = true;
    this.describeStart();
  }

  choosePlane(pair) {
    super.choosePlane(pair);
    // A cloud lies in one plane when it starts.
    this.attempt(() => this.begin());
  }

  /** Energy, the cloud's area in each plane, and with more than one plane their sum. */
  quantities() {
    const areas = this.cloud?.areas() ?? [];
    const sum = areas.length > 1 ? [areas.reduce((a, b) => a + b)] : [];
    return [this.system.hamiltonian(this.x), ...areas, ...sum];
  }

  /** Whether there is one motion in one coordinate, and no cloud: then its parts are shown. */
  get alone() {
    return !this.cloud && this.partCells.length > 0;
  }

  /** Position, momentum, kinetic and potential energy of the motion (these two where they are known). */
  parts() {
    if (this.system.says) return this.plane.shown(this.x);
    const rest = Float64Array.from(this.x, (value, i) => (i < this.system.degrees ? value : 0));
    const potential = this.system.hamiltonian(rest);
    return [...this.plane.shown(this.x), this.system.hamiltonian(this.x) - potential, potential];
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return this.gone;
  }

  play(playing, asked) {
    if (playing && this.gone) this.attempt(() => this.begin());
    super.play(playing, asked);
  }

  frame(now, elapsed) {
    if (this.playing) this.advance(elapsed / 1000);
    this.draw();
    return this.playing;
  }

  advance(seconds) {
    this.owed += seconds;
    const { step } = METHODS.rk4;
    const h = this.direction * STEP;
    for (; this.owed >= STEP; this.owed -= STEP) {
      try {
        step(this.field, this.x, h, this.x);
      } catch (error) {
        this.leave(error.message);
        return;
      }
      this.cloud?.step(this.field, step, h);
      this.time += h;
      this.furthest = Math.max(this.furthest, this.time);
      this.keep();
    }
    this.cloud?.refine();
    if (this.cloud?.left && !this.cloudLeft) {
      this.cloudLeft = true;
      this.speakSoon();
    }
    const far = (value, i) => !(this.system.angles.includes(i) || Math.abs(value) < FAR * this.plane.view[i]);
    if (this.x.some(far)) {
      // Backwards in time friction is a drive: the motion leaves every plane.
      this.gone = true;
      this.playing = false;
    }
  }

  /** The motion ends here, for nobody knows its field further on. */
  leave(why) {
    this.left = why;
    this.gone = true;
    this.playing = false;
    this.speakSoon();
  }

  keep() {
    this.trail.set(this.x, (this.kept++ % TRAIL) * this.x.length);
  }

  draw() {
    if (!this.fitSurfaces()) return;
    const { colors, plane, surfaces } = this;
    if (this.stale) {
      plane.layout(surfaces.plane);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.stale = false;
    }
    this.drawPhase(surfaces.phase.clear(), colors);
    this.body.layout(surfaces.body, 1, plane.view);
    const g = surfaces.body.clear();
    this.body.drawGround(g, colors, this.state);
    this.body.drawMotion(g, colors, { role: "truth", label: "" }, this.x, 0);
    this.putHandles(this.x);
  }

  drawPlane(g, colors) {
    const { plane } = this;
    plane.axes.clip(g);
    plane.drawLevels(g, colors.faint, this.state);
    if (this.system.degrees === 1) {
      g.strokeStyle = colors.line;
      g.lineWidth = 2;
      g.beginPath();
      plane.traceEnergy(g, this.system.hamiltonian(this.state));
      g.stroke();
    }
    g.restore();
    plane.drawFrame(g, colors);
  }

  drawPhase(g, colors) {
    const { plane, trail } = this;
    plane.axes.clip(g);
    const size = this.x.length;
    const count = Math.min(this.kept, TRAIL);
    useStyle(g, colors.roles.truth);
    g.beginPath();
    const first = this.kept - count;
    plane.trace(g, count, (k) => {
      const at = ((first + k) % TRAIL) * size;
      return trail.subarray(at, at + size);
    });
    g.stroke();
    g.globalAlpha = 1;
    this.cloud?.draw(g, plane, colors);
    drawMark(g, "truth", colors, ...plane.place(this.x), 5);
    g.restore();
  }

  // --- numbers and words -------------------------------------------------------------------

  showNumbers() {
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} s`;
    const now = this.quantities();
    if (this.alone) {
      const first = [...this.firstParts, this.first[0]];
      const cells = [...this.partCells, this.cells[0]];
      [...this.parts(), now[0]].forEach((value, i) => cells[i].forEach((cell, k) => (cell.textContent = formatNumber(k ? first[i] : value, 3))));
      return;
    }
    const known = this.cloud && !this.cloud.lost;
    const scale = Math.max(...this.first.slice(1).map(Math.abs));
    this.cells.forEach(([value, change], i) => {
      if (i > 0 && !known) {
        value.textContent = this.cloud ? (this.cloud.left ? "left" : "too fine") : "–";
        change.textContent = "–";
        return;
      }
      value.textContent = formatNumber(now[i], 3);
      change.textContent = formatPercent((now[i] - this.first[i]) / (i > 0 ? scale : this.aboveLowest(this.first[0])));
    });
  }

  summary() {
    const [energy, ...areas] = this.first;
    const { damped, kept } = this.areaIs();
    const fate = damped ? "which friction shrinks" : kept ? "which the flow keeps" : "which the flow changes";
    const [joules, action] = this.energyUnit ? [` ${this.energyUnit}`, ` ${this.energyUnit} s`] : ["", ""];
    const cloud = this.cloud ? ` The cloud around it has an area of ${formatNumber(areas.at(-1), 3)}${action}, ${fate}.` : "";
    let left = "";
    if (this.left) left = ` At ${formatNumber(this.time, 1)} s the motion ${this.left}: what comes then is not known here.`;
    else if (this.cloud?.left) left = ` A part of the cloud ${this.cloud.left}: its area is not known any more.`;
    const summary = `From ${this.startText}: energy ${formatNumber(energy, 2)}${joules}.${cloud}${left}`;
    this.surfaces.phase.canvas.setAttribute("aria-label", `Phase plane with the motion and the cloud. ${summary}`);
    this.surfaces.body.canvas.setAttribute("aria-label", `The ${this.system.title} as it moves. ${summary}`);
    return summary;
  }
}

export default widget(PhaseLab);
