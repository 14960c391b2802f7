// The section lab: Poincaré sections of the Hénon–Heiles system and of networks that learned it, side by
// side, as the reader clicks starts.
import { drawSectionPlane, sectionBounds } from "../drawing/section_plane.js";
import { formatNumber, tickLabel } from "../drawing/canvas.js";
import { formatAnySize } from "../drawing/chart.js";
import { StartsLab, counted, put } from "./starts_lab.js";
import { roleWord, select } from "../shell/controls.js";
import { widget } from "../shell/shell.js";
import { buildModels } from "../physics/models.js";
import { Passages } from "../physics/passages.js";
import { allowedShare, sectionState } from "../physics/section.js";
import { HenonHeiles } from "../physics/systems/henon_heiles.js";

const FRAME_BUDGET = 5; // ms of integration in one frame; drawing needs next to nothing
const SLICE = 1; // ms for one motion
const MOST_MODELS = 2;
const FAR = 3; // times as far as the well reaches: a motion there has escaped
const STEP = 0.01; // of the cursor, by a key
const SHARES = [1 / 2, 3 / 4, 1]; // of the energy of escape that are offered: 1/12, 1/8 and 1/6

class SectionLab extends StartsLab {
  name = "section-lab";
  loads = ["_models", "_weights"];
  starts = ["energy", "starts", "horizon"];
  resets = ["energy", "starts"];
  shared = ["energy"];
  planeName = "section";

  build() {
    this.energySelect = select({ name: "energy", choices: [] }, this.life, (value) => this.choose("energy", Number(value)));
    return this.buildParts(this.energySelect);
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { name, parameters } = this.model.get("_system");
    if (name !== "henon_heiles") throw new Error(`unknown system "${name}"; there is henon_heiles`);
    this.system = new HenonHeiles(parameters);
    const specs = this.model.get("_models");
    if (specs.length > MOST_MODELS) throw new Error(`there are ${specs.length} models; there is room for ${MOST_MODELS}`);
    const models = buildModels(specs, this.model.get("_weights"));
    this.measureEnergy = (x) => this.system.hamiltonian(x);
    const truth = { label: "truth", role: "truth", field: (x, out) => this.system.field(x, out) };
    this.entries = [truth, ...specs.map(({ label, role }, i) => ({ label, role, field: (x, out) => models[i].field(x, out) }))];
    this.runs = [];
    this.level = null;
    this.title.textContent = this.system.title;
    this.root.setAttribute("aria-label", `${this.system.title}: Poincaré sections of ${this.entries.map(({ label }) => label).join(", ")}`);
    const others = this.entries.length > 1 ? ["; the same starts run in ", ...this.entries.slice(1).flatMap(({ label, role }, i) => [i ? " and " : "", "the ", roleWord(label, role)])] : [];
    this.who.replaceChildren("Each point is where an orbit passes x = 0 to the right", ...others, ". A start keeps one colour.");
    this.hint.textContent = "Click a start inside the dashes; or move the cursor by arrow keys, and press Enter.";
    this.showViews();
    this.buildTable("starts", ["curve", "scatter", ...(this.entries.length > 1 ? ["as the truth"] : []), "energy off by"]);
  }

  start() {
    const [energy, horizon] = ["energy", "horizon"].map((name) => this.model.get(name));
    const { escapeEnergy } = this.system;
    if (!(energy > 0) || energy > escapeEnergy * (1 + 1e-12)) throw new Error(`the energy must be above 0 and at most ${tickLabel(escapeEnergy)}, but is ${energy}`);
    if (!(horizon > 0) || horizon > 1e4) throw new Error(`the horizon must be above 0 and at most 10000, but is ${horizon}`);
    const starts = this.readStarts();
    const level = `${energy}, ${horizon}`;
    if (level !== this.level) this.runs = [];
    Object.assign(this, { energy, horizon, level, bounds: sectionBounds(this.system, energy) });
    const allowed = starts.filter((pair) => this.isAllowed(pair));
    this.outside = starts.length - allowed.length;
    this.showEnergies();
    this.follow(allowed, (pair) => this.begun(pair));
  }

  begun([y, py]) {
    const { system, energy, horizon } = this;
    const far = FAR / system.coupling || FAR * Math.sqrt(2 * energy);
    const start = sectionState(system, energy, y, py);
    return this.entries.map(({ field }) => new Passages({ field, energy: this.measureEnergy, start, horizon, far }));
  }

  isAllowed([y, py]) {
    return allowedShare(this.system, this.energy, y, py) === 1;
  }

  showEnergies() {
    const { escapeEnergy } = this.system;
    const top = Number.isFinite(escapeEnergy) ? escapeEnergy : 1 / 6;
    const values = SHARES.map((share) => share * top);
    const near = (value) => Math.abs(value - this.energy) < 1e-9;
    if (!values.some(near)) values.push(this.energy);
    values.sort((a, b) => a - b);
    const text = (value) => ({ 6: "1/6", 8: "1/8", 12: "1/12" })[Math.abs(Math.round(1 / value) - 1 / value) < 1e-9 ? Math.round(1 / value) : 0] ?? String(Number(value.toPrecision(4)));
    this.offer(this.energySelect, values, values.find(near), text);
  }

  tasks() {
    const judged = (i) => this.runs.map(({ motions }) => motions[i].kind);
    const scatter = {
      says: "Find a start whose true points scatter, and do not draw a curve. At which energies is there one?",
      done: () => judged(0).includes("scatter"),
      shows: "A curve hints at a second conserved quantity. Where points scatter, only the energy is left.",
    };
    const differ = {
      says: "Find a start that draws a curve in the one plane, and scatters in another.",
      done: () => this.runs.some(({ motions }) => ["curve", "scatter"].every((kind) => motions.some((motion) => motion.kind === kind))),
      shows: "A field that is nearly right can be wrong on what the motion is. It is so near the border of an island first.",
    };
    return this.entries.length > 1 ? { scatter, differ } : { scatter };
  }

  // --- what the reader does --------------------------------------------------------------------

  ranges() {
    return this.bounds;
  }

  nudged([y, py], dx, dy) {
    return [y + STEP * dx, py + STEP * dy];
  }

  at([y, py]) {
    return `y = ${formatNumber(y, 3)}, py = ${formatNumber(py, 3)}`;
  }

  refuses(start) {
    if (!this.isAllowed(start)) return `No motion of this energy passes ${this.at(start)}: it is outside the dashed line.`;
    return super.refuses(start);
  }

  spot(...shares) {
    const place = this.bounds.map(([low, high], k) => low + shares[k] * (high - low));
    return this.isAllowed(place.map((value) => 1.02 * value)) ? place : null;
  }

  // --- frames --------------------------------------------------------------------------------

  /** Integrate for a slice of the frame: the newest start first, in all planes at once. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      const run = this.runs.findLast(({ motions }) => motions.some(({ done }) => !done));
      if (!run || performance.now() > deadline) return run !== undefined;
      const open = run.motions.filter(({ done }) => !done);
      open.reduce((a, b) => (b.time < a.time ? b : a)).advance(performance.now() + SLICE);
    }
  }

  drawPlane(view, surface) {
    return drawSectionPlane(surface, this.system, this.energy, this.colors, "py");
  }

  pointsOf({ points }) {
    return { points, end: points.length };
  }

  // --- numbers and words ----------------------------------------------------------------------

  /** What is known of the motions of one entry. */
  tally(i) {
    const motions = this.runs.map((run) => run.motions[i]);
    const of = (test) => motions.filter(test).length;
    const judged = this.runs.filter(({ motions: [truth], motions: all }) => ["curve", "scatter"].includes(truth.kind) && all[i].kind !== null);
    return {
      points: motions.reduce((sum, { points }) => sum + points.length / 2, 0),
      curves: of(({ kind }) => kind === "curve"),
      scattered: of(({ kind }) => kind === "scatter"),
      judged: judged.length,
      same: judged.filter(({ motions: all }) => all[i].kind === all[0].kind).length,
      // Known where a motion came back.
      returns: motions.reduce((sum, { returns }) => sum + returns, 0),
      drift: motions.reduce((most, { drift }) => Math.max(most, drift), 0),
      escaped: of(({ problem }) => problem === "escaped"),
      broken: of(({ problem }) => problem !== null && problem !== "escaped"),
      left: of(({ left, problem }) => left && problem === null),
      never: of(({ done, problem, returns }) => done && problem === null && returns === 0),
      unclear: of(({ kind, problem, returns }) => kind === "unclear" && problem === null && returns > 0),
    };
  }

  /** What became of those that are neither a curve nor scattered. */
  fate({ escaped, broken, left, never, unclear }) {
    const parts = [
      escaped && `${escaped} escaped`,
      broken && `${broken} broke off`,
      left && `${left} left the dashes`,
      never && `${never} never came back`,
      unclear && `${unclear} unclear`,
    ].filter(Boolean);
    return parts.join(", ");
  }

  showNumbers() {
    this.entries.forEach((_, i) => {
      const tally = this.tally(i);
      const same = this.entries.length > 1 ? [i ? `${tally.same} of ${tally.judged}` : "–"] : [];
      this.showEntry(i, tally.points, this.fate(tally), [tally.curves, tally.scattered, ...same, tally.returns ? formatAnySize(tally.drift) : "–"]);
    });
    put(this.clock, counted(this.runs.length, "start"));
    const left = this.outside ? ` ${counted(this.outside, "start")} outside the dashed line at this energy ${this.outside === 1 ? "is" : "are"} left out.` : "";
    put(this.note, `Curve or scattered: by how fast a neighbour parts in the first 600 units of time.${left}`);
  }

  summary() {
    if (!this.finished) return null;
    const tallies = this.entries.map((_, i) => this.tally(i));
    this.shown.forEach(({ whole }, i) => whole.setAttribute("aria-label", `Poincaré section of the ${this.entries[i].label}: ${counted(tallies[i].points, "point")} of ${counted(this.runs.length, "start")}`));
    if (this.refusal) return this.refusal;
    if (!this.runs.length) return "No start yet.";
    const [truth, ...others] = tallies;
    const own = `Of ${counted(this.runs.length, "start")} the truth draws ${counted(truth.curves, "curve")} and scatters ${truth.scattered}.`;
    const learned = others.map((tally, i) => {
      const fate = this.fate(tally);
      const words = fate && ` (${fate})`;
      const off = tally.returns ? `, with an energy off by up to ${formatAnySize(tally.drift)}` : "";
      return ` The ${this.entries[i + 1].label} does the same for ${tally.same} of ${tally.judged}${off}${words}.`;
    });
    return own + learned.join("");
  }
}

export default widget(SectionLab);
