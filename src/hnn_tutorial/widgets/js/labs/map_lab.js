// The map lab: the true map of a pendulum over a time, or of a driven one over a period, and learned ones,
// each applied again and again to the starts that the reader clicks.
import { PhasePlane } from "../drawing/phase_plane.js";
import { formatNumber, tickLabel } from "../drawing/canvas.js";
import { formatAnySize } from "../drawing/chart.js";
import { drawGauges } from "../drawing/gauges.js";
import { StartsLab, counted, put } from "./starts_lab.js";
import { element, roleWord, select } from "../shell/controls.js";
import { widget } from "../shell/shell.js";
import { Iterates } from "../physics/iterates.js";
import { buildMaps } from "../physics/maps.js";
import { DrivenPendulum, flowMap } from "../physics/systems/driven_pendulum.js";
import { Pendulum } from "../physics/systems/pendulum.js";

const FRAME_BUDGET = 5; // ms of mapping in one frame
const SLICE = 32; // maps of one motion between two looks at the clock
const FRAMES = 90; // in which a start is mapped to its end, so that one sees it go
const MOST_MODELS = 3;
const COUNTS = [300, 2000, 10000];
const MOST_MAPS = 10000;
const AREA_LOST = 0.01; // a plain change of an area

class MapLab extends StartsLab {
  name = "map-lab";
  loads = ["_system", "_step", "_models", "_weights"];
  starts = ["starts", "count"];
  resets = ["starts", "count"];
  shared = ["count"];
  planeName = "plane of a map";

  build() {
    this.countSelect = select({ name: "maps of a start", choices: [] }, this.life, (value) => this.choose("count", Number(value)));
    this.newest = element("p", { class: "hnn-caption" });
    const gauges = element("div", { class: "hnn-gauges" }, this.newest, this.stage("gauge", this.canvas("gauges", "gauges of the newest start")));
    return this.buildParts(this.countSelect, gauges);
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { name, parameters } = this.model.get("_system");
    const System = { pendulum: Pendulum, driven_pendulum: DrivenPendulum }[name];
    if (!System) throw new Error(`unknown system "${name}"; there are pendulum, driven_pendulum`);
    const system = new System(parameters);
    const driven = name === "driven_pendulum";
    const step = this.model.get("_step");
    if (!(step > 0)) throw new Error(`the step must be above 0, but is ${step}`);
    const specs = this.model.get("_models");
    if (specs.length > MOST_MODELS) throw new Error(`there are ${specs.length} models; there is room for ${MOST_MODELS}`);
    const maps = buildMaps(specs, this.model.get("_weights"), step);
    const truth = { label: "truth", role: "truth", map: driven ? system.periodMap() : flowMap(system, step) };
    Object.assign(this, { system, driven, entries: [truth, ...specs.map(({ label, role }, i) => ({ label, role, map: maps[i] }))], runs: [], level: null });
    const later = driven ? "a period" : `${tickLabel(step)} s`;
    this.title.textContent = system.title;
    this.root.setAttribute("aria-label", `${system.title}: maps, applied again and again: ${this.entries.map(({ label }) => label).join(", ")}`);
    const others = this.entries.slice(1).flatMap(({ label, role }, i, all) => [i === 0 ? "" : i < all.length - 1 ? ", " : " and ", roleWord(label, role)]);
    const beside = others.length ? ["; beside it ", ...others] : [];
    this.who.replaceChildren(`Each point is the last one ${later} later, by the true map`, ...beside, ". A start keeps one colour.");
    this.hint.textContent = "Click a start; or move the cursor by arrow keys, and press Enter.";
    this.root.classList.toggle("hnn-driven", driven);
    this.showViews([this.surfaces.gauges]);
    for (const view of this.shown) view.plane = new PhasePlane(system);
    this.buildTable("map", ["area off by", ...(driven ? ["curve", "scatter"] : ["energy off by"])]);
  }

  start() {
    const count = this.model.get("count");
    if (!Number.isInteger(count) || count < 1 || count > MOST_MAPS) throw new Error(`the count must be a whole number from 1 to ${MOST_MAPS}, but is ${count}`);
    const starts = this.readStarts();
    if (count !== this.level) this.runs = [];
    Object.assign(this, { count, level: count });
    const most = Math.max(2.1 * this.system.torque, ...starts.map((start) => 1.1 * this.system.hamiltonian(start)));
    for (const { plane } of this.shown) plane.view = this.system.view(most);
    const counts = [...new Set([...COUNTS, count])].sort((a, b) => a - b);
    this.offer(this.countSelect, counts, count, (value) => value.toLocaleString("en"));
    const energy = (x) => this.system.hamiltonian(x);
    this.follow(starts, (start) => this.entries.map(({ map }) => new Iterates({ map, energy, start, count })));
  }

  tasks() {
    // By the reader, not by who made the lab.
    const found = (test) => this.runs.some((run) => !this.home.starts.some((start) => start.join() === run.key) && test(run));
    const area = {
      says: "Find a start at which a learned map changes an area by a hundredth. Which map cannot?",
      done: () => found(({ motions: [, ...learned] }) => learned.some(({ areaDrift }) => Math.abs(Math.expm1(areaDrift)) > AREA_LOST)),
      shows: "A map without structure changes an area a little each time, and what it does adds up. A symplectic one does not at any weights.",
    };
    const scatter = {
      says: "Find a start whose true points scatter, and do not draw a curve.",
      done: () => found(({ motions: [truth] }) => truth.kind === "scatter"),
      shows: "Seen once a period, no energy holds a motion to a curve. Area is what the true map keeps everywhere.",
    };
    return { ...(this.entries.length > 1 ? { area } : {}), ...(this.driven ? { scatter } : {}) };
  }

  // --- what the reader does --------------------------------------------------------------------

  ranges() {
    const { plane } = this.shown[0];
    return [plane.range(0), plane.range(1)];
  }

  nudged(place, dx, dy) {
    return this.shown[0].plane.nudged(place, dx, dy);
  }

  at([q, p]) {
    return `q = ${formatNumber(q, 3)}, p = ${formatNumber(p, 3)}`;
  }

  /** In the middle of the plane. */
  spot(...shares) {
    return shares.map((share, i) => (1.6 * share - 0.8) * this.shown[0].plane.view[i]);
  }

  // --- frames --------------------------------------------------------------------------------

  /** Map on for a slice of the frame: the newest start first, in all planes at once. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    const share = Math.ceil(this.count / FRAMES);
    let open = false;
    for (const { motions } of [...this.runs].reverse()) {
      for (let done = 0; done < share; done += SLICE) for (const motion of motions) motion.advance(Math.min(SLICE, share - done), deadline);
      open ||= motions.some((motion) => !motion.done);
    }
    return open;
  }

  drawPlane({ plane }, surface) {
    const { colors } = this;
    const g = surface.clear();
    plane.layout(surface);
    plane.axes.clip(g);
    // The driven one has no energy that lasts.
    if (!this.driven) plane.drawLevels(g, colors.line, [0, 0]);
    g.restore();
    plane.drawFrame(g, colors);
    return plane.axes;
  }

  drawStart(g, axes, { start, number }, dark) {
    super.drawStart(g, axes, { start: this.shown[0].plane.shown(start), number }, dark);
  }

  pointsOf({ points, computed }) {
    return { points, end: 2 * (computed + 1) };
  }

  draw() {
    if (!super.draw()) return;
    const run = this.runs.at(-1);
    const changes = (of) => this.entries.map(({ role }, i) => ({ role, change: of(run.motions[i]) }));
    const area = () => ({ name: "area, at first", unit: "", start: 1, changes: changes((motion) => Math.expm1(motion.area)) });
    const energy = () => ({ name: "energy, at first", unit: "J", start: run.motions[0].first, changes: changes((motion) => motion.change) });
    drawGauges(this.surfaces.gauges, this.colors, run ? [area(), ...(this.driven ? [] : [energy()])] : []);
  }

  // --- numbers and words ----------------------------------------------------------------------

  /** What is known of the motions of one entry. */
  tally(i) {
    const motions = this.runs.map((run) => run.motions[i]);
    const of = (test) => motions.filter(test).length;
    const rim = this.shown[i].plane.view[1];
    return {
      points: motions.reduce((sum, { computed }) => sum + computed + 1, 0),
      area: motions.reduce((most, { areaDrift }) => (Math.abs(areaDrift) > Math.abs(most) ? areaDrift : most), 0),
      drift: motions.reduce((most, { drift }) => Math.max(most, drift), 0),
      curves: of(({ kind }) => kind === "curve"),
      scattered: of(({ kind }) => kind === "scatter"),
      away: of(({ problem }) => problem === "ran away"),
      broken: of(({ problem }) => problem !== null && problem !== "ran away"),
      outside: of(({ problem, x }) => problem === null && Math.abs(x[1]) > rim),
    };
  }

  /** What became of those that left the plane. */
  fate({ away, broken, outside }) {
    return [away && `${away} ran away`, broken && `${broken} broke off`, outside && `${outside} left the plane`].filter(Boolean).join(", ");
  }

  showNumbers() {
    this.entries.forEach((_, i) => {
      const tally = this.tally(i);
      const numbers = [formatAnySize(Math.expm1(tally.area)), ...(this.driven ? [tally.curves, tally.scattered] : [formatAnySize(tally.drift)])];
      this.showEntry(i, tally.points, this.fate(tally), this.runs.length ? numbers : numbers.map(() => "–"));
    });
    put(this.clock, counted(this.runs.length, "start"));
    const run = this.runs.at(-1);
    put(this.newest, run ? `The newest start, after ${counted(run.motions[0].computed, "map")}` : "The newest start");
    const units = this.driven ? "" : ", and energies are in J";
    put(this.note, `The largest over all starts; an area is 1 at first${units}.`);
  }

  summary() {
    if (!this.finished) return null;
    const tallies = this.entries.map((_, i) => this.tally(i));
    this.shown.forEach(({ whole }, i) => whole.setAttribute("aria-label", `${this.entries[i].label}: ${counted(tallies[i].points, "point")} of ${counted(this.runs.length, "start")}`));
    if (this.refusal) return this.refusal;
    if (!this.runs.length) return "No start yet.";
    const told = tallies.map((tally, i) => {
      const fate = this.fate(tally);
      const ended = fate && ` (${fate})`;
      const more = this.driven ? `${counted(tally.curves, "curve")}, ${tally.scattered} scattered` : `energy by ${formatAnySize(tally.drift)} J`;
      return `${this.entries[i].label}: area off by ${formatAnySize(Math.expm1(tally.area))}, ${more}${ended}`;
    });
    this.surfaces.gauges.canvas.setAttribute("aria-label", `gauges of the newest start; over all starts, ${told.join("; ")}`);
    return `${(told.length > 1 ? told.slice(1) : told).join("; ")}.`;
  }
}

export default widget(MapLab);
