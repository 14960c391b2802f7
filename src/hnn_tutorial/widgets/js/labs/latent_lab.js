// The latent lab: a point (q, p) that the reader drags, decoded to a picture at once; let go, it moves by a
// learned H. Where the truth is known, the true motion from the same start runs beside it.
import { METHODS } from "../physics/integrators.js";
import { CosineDecoder, LatentSystem, PendulumCamera, pictureError } from "../physics/latent.js";
import { DenseNetwork } from "../physics/models/dense.js";
import { decodeFloats } from "../physics/models.js";
import { Motion } from "../physics/motion.js";
import { Pendulum } from "../physics/systems/pendulum.js";
import { allFinite } from "../physics/vectors.js";
import { TimeChart } from "../drawing/chart.js";
import { drawMark, formatNumber, useStyle } from "../drawing/canvas.js";
import { GreyPicture } from "../drawing/grey_picture.js";
import { PhasePlane } from "../drawing/phase_plane.js";
import { element, roleWord, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";

const LATENT_BUDGET = 3; // ms of integration in one frame
const LATENT_HORIZON = 20; // s
const LATENT_STEP = [0.001, 0.2]; // s
const TRUE_STEP = 0.01; // s, of RK4: exact to the eye
const TO_BE_SEEN = 0.3; // strength of the part of a curve that is still to come
const ALIKE = 0.015; // part of the plane's width within which two pictures are the same to the eye
const APART = 0.4; // part of the plane's half height by which momenta differ plainly
const AT_REST_WITHIN = 0.01; // part of the plane's width
const LOOKED_AT = 2; // s of a picture that rests
const NAMES = 22; // px above a picture, for its name
const GAP_BETWEEN = 14; // px

class LatentLab extends Shell {
  name = "latent-lab";
  loads = ["_potential", "_weights", "_decoder", "_pixels", "_truth"];
  starts = ["state", "step"];
  speeds = [0.25, 1, 3];
  motions = [];
  /** Starts at which the reader's hand has rested. */
  rested = [];

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    const body = this.stage("body", this.canvas("pictures", "pictures"));
    const phase = this.stage("phase", this.canvas("plane"), this.canvas("phase", "latent plane"));
    this.handle = this.startHandle("hnn-handle-start", "start in the latent plane", phase, {
      moved: (x, y) => this.moveTo(this.plane.moved(this.state, x, y)),
      stepped: (dx, dy) => this.moveTo(this.plane.nudged(this.state, dx, dy)),
    });
    const energy = this.stage("energy", this.canvas("whole"), this.canvas("known", "q over time"));
    this.chart = new TimeChart(this.surfaces.whole, this.surfaces.known);
    this.scrub(energy, () => this.chart.axes);
    this.step = slider({ name: "step Δt", low: LATENT_STEP[0], high: LATENT_STEP[1], step: 0.001, format: (value) => `${Number(value.toFixed(4))} s` }, life, (value) => this.choose("step", value));
    this.rows = element("tbody");
    const headings = ["motion", "q", "p", "H"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, ...headings)), this.rows);
    this.apart = element("p", { class: "hnn-fate" });
    const note = element("p", { class: "hnn-note" }, "H is that of the network. Shaded: no picture was seen there.");
    return [
      this.head(),
      body,
      phase,
      element("div", { class: "hnn-numbers" }, table, this.apart, note),
      energy,
      this.controls({ more: [this.step.label] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const [potential, decoder, truth] = ["_potential", "_decoder", "_truth"].map((name) => this.model.get(name));
    const weights = decodeFloats(this.model.get("_weights"));
    if (!allFinite(weights)) throw new Error("the weights of the potential hold NaN or infinite values");
    if (!(potential.stiffness >= 0)) throw new Error(`the stiffness must be zero or above, but is ${potential.stiffness}`);
    this.decoder = new CosineDecoder(decoder, this.model.get("_pixels"));
    this.span = decoder.span;
    this.system = new LatentSystem(new DenseNetwork(potential.sizes, potential.activation, weights), decoder.interval, potential.stiffness);
    this.plane = new PhasePlane(this.system);
    this.plane.view = this.system.view();
    this.rested = [];
    const { height, width } = this.decoder;
    this.picture = new GreyPicture(height, width);
    this.pendulum = truth.name ? new Pendulum(truth.parameters) : null;
    if (this.pendulum) {
      this.angle = truth.angle;
      this.camera = new PendulumCamera(height, truth.camera);
      this.difference = new Float32Array(height * width);
    }
    this.entries = [{ label: "learned", role: "hnn" }, ...(this.pendulum ? [{ label: "true", role: "truth" }] : [])];
    this.title.textContent = "latent plane";
    this.root.setAttribute("aria-label", "a point in the latent plane, and its picture");
    const beside = this.pendulum ? ["; beside it the ", roleWord("true motion", "truth"), " from the same start"] : [];
    this.who.replaceChildren("A point is decoded to a picture, and moves by the ", roleWord("learned H", "hnn"), ...beside, ".");
    const dot = element("span", { class: "hnn-dot", "aria-hidden": "true" });
    this.hint.replaceChildren("Drag the start ", dot, " and look at the picture; arrow keys move it too.");
    this.buildRows();
  }

  buildRows() {
    const { roles } = themeColors("light");
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => {
      const cells = [element("td"), element("td"), element("td")];
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells));
      return cells;
    });
  }

  start() {
    const [state, step] = ["state", "step"].map((name) => this.model.get(name));
    if (!Array.isArray(state) || state.length !== 2 || !state.every(Number.isFinite)) throw new Error(`the start must be two finite numbers [q, p], but is ${JSON.stringify(state)}`);
    if (!this.system.contains(state[0])) throw new Error(`the start has q = ${state[0]}, where no picture is known: only from ${this.system.interval.map((q) => q.toFixed(3)).join(" to ")}`);
    if (!(step >= LATENT_STEP[0] && step <= LATENT_STEP[1])) throw new Error(`the step must be from ${LATENT_STEP.join(" to ")} s, but is ${step}`);
    this.state = Float64Array.from(state);
    const { system } = this;
    const energy = (x) => {
      if (!system.contains(x[0])) throw new Error("left the positions of which pictures are known");
      return system.hamiltonian(x);
    };
    const horizon = LATENT_HORIZON;
    this.learned = new Motion({ field: (x, out) => system.field(x, out), energy, method: METHODS.leapfrog, step, start: this.state, horizon });
    this.motions = [this.learned];
    if (this.pendulum) this.motions.push(this.trueMotion(horizon));
    this.step.show(step);
    this.startText = `q = ${formatNumber(state[0])}, p = ${formatNumber(state[1])}`;
    const range = this.plane.range(0).map((value) => value.toFixed(2));
    this.handle.say(state[0].toFixed(3), range, this.startText);
    this.stale = true;
  }

  /** The pendulum from the angle and rate that the latent start stands for, in the latent's own terms. */
  trueMotion(horizon) {
    const { pendulum, state, angle: [slope, offset] } = this;
    const { inertia } = pendulum;
    const into = ([q, p]) => Float64Array.of((q - offset) / slope, (inertia * p) / slope);
    const from = ([angle, momentum]) => Float64Array.of(slope * angle + offset, (slope * momentum) / inertia);
    // Of the network, which knows nothing of the truth.
    const energy = (x) => this.system.hamiltonian(x);
    return new Motion({ field: (x, out) => pendulum.field(x, out), energy, method: METHODS.rk4, step: TRUE_STEP, start: state, horizon, into, from });
  }

  tasks() {
    const [width, half] = [2 * this.plane.view[0], this.plane.view[1]];
    const same = {
      says: "Find two starts that show the same picture at first, and then different ones.",
      done: () => {
        const [q, p] = this.state;
        if (this.rested.at(-1)?.join() !== [q, p].join()) this.rested.push([q, p]);
        return this.rested.some((other) => Math.abs(q - other[0]) < ALIKE * width && Math.abs(p - other[1]) > APART * half);
      },
      shows: "One picture shows where the rod is, and nothing of p: it takes two of them to start a motion.",
    };
    const rest = {
      says: "Find the start from which the picture rests.",
      done: () => this.time > LOOKED_AT && this.learned.states.every(([q]) => Math.abs(q - this.state[0]) < AT_REST_WITHIN * width),
      shows: "There p is zero and V is lowest: nobody told the network where that is.",
    };
    const leave = {
      says: "Find a start from which the motion leaves the pictures that were seen in training.",
      done: () => {
        const [q] = this.learned.at(this.time);
        return q < this.span[0] || q > this.span[1];
      },
      shows: "Beyond them V and the decoder only guess, and nothing in the picture says so.",
    };
    const { bottom } = this.system;
    const hangs = bottom > this.span[0] && bottom < this.span[1];
    return { same, ...(hangs ? { rest } : {}), leave };
  }

  // --- what the reader does --------------------------------------------------------------------

  moveTo(state) {
    this.choose("state", Array.from(state));
  }

  reset() {
    this.rested = [];
    super.reset();
  }

  // --- frames ----------------------------------------------------------------------------------

  /** Where the learned motion ends. */
  get end() {
    return this.learned.problem === null ? LATENT_HORIZON : this.learned.end;
  }

  get ended() {
    return this.motions.length > 0 && this.time >= this.end;
  }

  get known() {
    return Math.min(this.end, ...this.motions.filter(({ done }) => !done).map(({ end }) => end));
  }

  seek(time) {
    super.seek(Math.min(time, this.known));
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      this.time = Math.min(this.time + elapsed / 1000, this.known);
      if (this.ended) {
        this.playing = false;
        this.speakSoon();
      }
    }
    this.draw();
    return this.playing || computing;
  }

  compute() {
    const deadline = performance.now() + LATENT_BUDGET;
    for (;;) {
      const open = this.motions.filter(({ done }) => !done);
      if (open.length === 0) return false;
      if (performance.now() > deadline) return true;
      this.stale = true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + LATENT_BUDGET / 6);
    }
  }

  draw() {
    const { surfaces, colors, plane } = this;
    if (!this.fitSurfaces()) return;
    if (this.stale) {
      plane.layout(surfaces.plane);
      this.drawPlane(surfaces.plane.clear(), colors);
      this.drawChart(colors);
      this.stale = false;
    }
    this.chart.show(this.time);
    this.drawPhase(surfaces.phase.clear(), colors);
    this.drawPictures(surfaces.pictures.clear(), colors);
    this.handle.put(...plane.place(this.state));
  }

  /** Motions from the bottom up. */
  layers() {
    return this.entries.map((entry, i) => ({ ...entry, motion: this.motions[i], style: this.colors.roles[entry.role] })).sort((a, b) => a.style.order - b.style.order);
  }

  drawPlane(g, colors) {
    const { plane, span } = this;
    const { axes } = plane;
    axes.clip(g);
    g.fillStyle = colors.roles.data.color;
    g.globalAlpha = 0.1;
    g.fillRect(axes.left, axes.top, axes.x(span[0]) - axes.left, axes.bottom - axes.top);
    g.fillRect(axes.x(span[1]), axes.top, axes.right - axes.x(span[1]), axes.bottom - axes.top);
    g.globalAlpha = 1;
    plane.drawLevels(g, colors.line, this.state);
    // Not before the reader has touched it: a story is not told by its end.
    for (const { motion, style } of this.touched ? this.layers() : []) {
      useStyle(g, style, TO_BE_SEEN);
      this.traceOrbit(g, motion, motion.end);
      g.stroke();
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
    plane.drawFrame(g, colors);
  }

  traceOrbit(g, motion, time) {
    const whole = Math.min(motion.computed, Math.floor(time / motion.step));
    g.beginPath();
    this.plane.trace(g, whole + 2, (k) => (k <= whole ? motion.states[k] : motion.at(time)));
  }

  drawPhase(g, colors) {
    this.plane.axes.clip(g);
    for (const { motion, style } of this.layers()) {
      useStyle(g, style);
      this.traceOrbit(g, motion, this.time);
      g.stroke();
    }
    for (const { motion, role } of this.layers()) drawMark(g, role, colors, ...this.plane.place(motion.at(this.time)), 5);
    g.restore();
  }

  drawChart(colors) {
    const [low, high] = this.system.interval;
    const curves = this.layers().map(({ style, motion }) => ({ style, count: motion.computed + 1, step: motion.step, value: (k) => motion.states[k][0] }));
    this.chart.draw(colors, { curves, horizon: LATENT_HORIZON, low, high, xName: "time (s)", yName: "q", faint: this.touched ? TO_BE_SEEN : 0 });
  }

  drawPictures(g, colors) {
    const { width, height } = this.surfaces.pictures;
    const decoded = this.decoder.decode(this.learned.at(this.time)[0]);
    const shown = [{ name: "decoded", values: decoded, role: "hnn" }];
    if (this.pendulum) {
      const [slope, offset] = this.angle;
      const seen = this.camera.draw((this.motions[1].at(this.time)[0] - offset) / slope);
      for (let i = 0; i < seen.length; i++) this.difference[i] = Math.abs(decoded[i] - seen[i]);
      this.off = pictureError(decoded, seen);
      shown.push({ name: "true", values: seen, role: "truth" }, { name: "difference", values: this.difference });
    }
    const side = Math.floor(Math.min(height - NAMES - 2, (width - (shown.length - 1) * GAP_BETWEEN) / shown.length - 2));
    let left = Math.round((width - shown.length * side - (shown.length - 1) * GAP_BETWEEN) / 2);
    const top = Math.round((height - side + NAMES) / 2) - 1;
    for (const { name, values, role } of shown) {
      this.picture.draw(g, values, colors, left, top, side);
      g.setLineDash([]);
      g.lineWidth = role ? 1.5 : 1;
      g.strokeStyle = role ? colors.roles[role].color : colors.line;
      g.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
      g.fillStyle = colors.ink;
      g.textAlign = "left";
      g.textBaseline = "bottom";
      g.fillText(name, left, top - 5);
      left += side + GAP_BETWEEN;
    }
  }

  // --- numbers and words -----------------------------------------------------------------------

  fate() {
    const { learned } = this;
    return learned.problem !== null && this.time >= learned.end ? `At ${formatNumber(learned.end, 1)} s the motion ${learned.problem}.` : "";
  }

  showNumbers() {
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    put(this.clock, `t = ${formatNumber(this.time, 1)} s`);
    this.motions.forEach((motion, i) => {
      const [q, p] = motion.at(this.time);
      [q, p, this.system.hamiltonian([q, p])].forEach((value, k) => put(this.cells[i][k], formatNumber(value, 3)));
    });
    const off = this.pendulum && this.off !== undefined ? `Root mean square of the difference: ${formatNumber(this.off, 3)} of black to white.` : "";
    put(this.apart, this.fate() || off);
  }

  summary() {
    if (this.motions.some(({ done }) => !done)) return null;
    const text = `From ${this.startText}: learned H = ${formatNumber(this.learned.energies[0], 3)}.`;
    this.surfaces.pictures.canvas.setAttribute("aria-label", `The picture that the point is decoded to${this.pendulum ? ", the true one, and their difference" : ""}. ${text}`);
    this.surfaces.phase.canvas.setAttribute("aria-label", `Latent plane with level lines of the learned H, and the motion. ${text}`);
    this.surfaces.known.canvas.setAttribute("aria-label", `q over time. ${text}`);
    const fate = this.fate();
    return fate ? `${text} ${fate}` : text;
  }
}

export default widget(LatentLab);
