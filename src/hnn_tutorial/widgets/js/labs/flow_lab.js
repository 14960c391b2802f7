// The flow lab: samples of a Gaussian that a learned Hamiltonian carries to a density and back; time is under
// the reader's hand, and one sample is their own.
import { sampleMesh, traceLevel } from "../drawing/contours.js";
import { Axes, clamp, drawFrame, formatNumber, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { DensityTable, FlowSwarm, LeapfrogFlow, normalStates } from "../physics/flow.js";
import { DenseNetwork } from "../physics/models/dense.js";
import { decodeFloats } from "../physics/models.js";
import { allFinite } from "../physics/vectors.js";
import { button, element, roleWord } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";

const FLOW_BUDGET = 3; // ms of computing in one frame
const PERIODS = 2; // in T: how far time reaches
const LOOKS_PER_STEP = 6; // of the curve of samples on the target
const PATH = 48; // pieces of a path in the time T
const CONTOURS = 10;
const CONTOUR_MESH = 48;
const SPECK = 1.6; // px of a sample
const LIGHT = 0.35; // strength of what is still to come
const NEAR_FOCUS = 0.04; // in T
const SAME_PLACE = 0.01; // part of the plane's width
const TWO_PLACES = 1; // unit: how far two ends are apart
const KNOWN_STARTS = 300; // states by which the plane of momenta is chosen

class FlowLab extends Shell {
  name = "flow-lab";
  loads = ["_flow", "_weights", "_target", "_density", "_samples"];
  starts = ["state"];
  speeds = [0.1, 0.25, 0.5, 1];
  direction = 1;
  furthest = 0;
  /** Starts of the reader's own sample at which the hand has rested. */
  rested = [];
  swarm = null;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    const phase = this.stage("phase", this.canvas("ground"), this.canvas("places", "plane of positions"));
    const body = this.stage("body", this.canvas("momentaGround"), this.canvas("momenta", "plane of momenta"));
    this.handles = [phase, body].map((stage, part) =>
      this.startHandle("hnn-handle-start", part ? "momentum of your sample" : "place of your sample", stage, {
        moved: (x, y) => this.put(part, this.axes[part].invert(x, y)),
        stepped: (dx, dy) => {
          const stroke = this.halves[part] / 50;
          this.put(part, [this.state[2 * part] + dx * stroke, this.state[2 * part + 1] + dy * stroke]);
        },
      })
    );
    const energy = this.stage("energy", this.canvas("chart", "samples on the target over time"));
    this.scrub(energy, () => this.chartAxes);
    this.backButton = button("Run backwards", life, () => this.turn(-this.direction, true));
    this.rows = element("tbody");
    const row = (text) => {
      const cells = [element("td"), element("td")];
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, text), ...cells));
      return cells;
    };
    this.cells = ["on the target", "spread of the positions q", "spread of the momenta p"].map(row);
    const headings = ["samples", "now", "at t = 0"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, ...headings)), this.rows);
    this.ending = element("p", { class: "hnn-fate" });
    return [
      this.head(),
      phase,
      body,
      energy,
      element("div", { class: "hnn-numbers" }, table, this.ending),
      this.controls({ buttons: [this.backButton] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  turn(direction, asked = false) {
    this.direction = direction;
    this.backButton.setAttribute("aria-pressed", direction < 0);
    if (asked) this.play(true, true);
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const [description, table, { count, seed }] = ["_flow", "_target", "_samples"].map((name) => this.model.get(name));
    const weights = decodeFloats(this.model.get("_weights"));
    if (!allFinite(weights)) throw new Error("the weights of the potential hold NaN or infinite values");
    const { duration, stiffness, masses } = description;
    if (!(duration > 0 && stiffness > 0 && masses.every((mass) => mass > 0))) throw new Error("the flow's duration, masses and κ must be above 0");
    this.flow = new LeapfrogFlow(description, new DenseNetwork(description.sizes, description.activation, weights));
    this.target = new DensityTable(table, this.model.get("_density"));
    this.covered = table.covered;
    const starts = normalStates(count, seed);
    this.swarm = new FlowSwarm(this.flow, starts, PERIODS * description.steps);
    this.shown = new Float32Array(starts.length);
    this.shares = [this.target.share(starts)];
    this.halves = [table.half, this.momentaShown(starts)];
    this.first = this.spreads(starts);
    this.contours = null;
    this.picture = null;
    this.rested = [];
    this.horizon = PERIODS * duration;
    this.title.textContent = "a flow that is a motion";
    this.root.setAttribute("aria-label", "samples of a Gaussian, moved by a learned Hamiltonian to a density");
    this.who.replaceChildren(
      roleWord("Samples", "hnn"),
      " start as a Gaussian of positions and momenta, and move by a learned H; after the time T their positions follow the ",
      roleWord("target", "truth"),
      "."
    );
    const dot = element("span", { class: "hnn-dot", "aria-hidden": "true" });
    this.hint.replaceChildren("Drag the time below; drag a sample of your own ", dot, " and its momentum.");
    this.turn(1);
  }

  /** Half of the plane of momenta: what holds most of them up to the time T. */
  momentaShown(starts) {
    const sizes = [];
    for (let i = 0; i < Math.min(starts.length, 4 * KNOWN_STARTS); i += 4) {
      const x = starts.slice(i, i + 4);
      for (let k = 0; k < this.flow.steps; k++) {
        this.flow.advance(x, this.flow.step);
        sizes.push(Math.abs(x[2]), Math.abs(x[3]));
      }
    }
    sizes.sort((a, b) => a - b);
    const most = sizes[Math.floor(0.98 * sizes.length)];
    return Math.ceil(clamp(1.25 * most, 3, 100));
  }

  start() {
    const state = this.model.get("state");
    if (!Array.isArray(state) || state.length !== 4 || !state.every(Number.isFinite)) throw new Error(`the start must be four finite numbers [q1, q2, p1, p2], but is ${JSON.stringify(state)}`);
    this.state = Float64Array.from(state);
    const { flow } = this;
    this.path = Array.from({ length: PERIODS * PATH + 1 }, (_, k) => flow.at(state, (k * flow.duration) / PATH));
    this.endOfOwn = this.path[PATH];
    const text = (part) => `${["q", "p"][part]} = ${formatNumber(state[2 * part])}, ${formatNumber(state[2 * part + 1])}`;
    this.handles.forEach((handle, part) => handle.say(state[2 * part].toFixed(2), [-this.halves[part], this.halves[part]].map((value) => value.toFixed(2)), text(part)));
    this.startText = `${text(0)} with ${text(1)}`;
    this.furthest = 0;
    this.turn(1);
    this.stale = true;
  }

  tasks() {
    const focus = {
      says: "Find the time at which most of the samples lie on the target, and stop there.",
      done: () => !this.playing && Math.abs(this.time / this.flow.duration - 1) < NEAR_FOCUS,
      shows: "Only at T. Volume is kept: what is pressed together in q is spread in p, and flies apart again.",
    };
    const momentum = {
      says: "From one place, find two momenta whose samples end a unit or more apart at T.",
      done: () => {
        const now = { start: Array.from(this.state), end: this.endOfOwn };
        if (this.rested.at(-1)?.start.join() !== now.start.join()) this.rested.push(now);
        const near = ({ start }) => Math.hypot(start[0] - now.start[0], start[1] - now.start[1]) < 2 * SAME_PLACE * this.halves[0];
        return this.rested.some((other) => near(other) && Math.hypot(other.end[0] - now.end[0], other.end[1] - now.end[1]) >= TWO_PLACES);
      },
      shows: "Where a sample starts does not say where it ends. The momenta are what lets one hill become two.",
    };
    const back = {
      says: "Let it run to the target, and then backwards until it is a Gaussian again.",
      done: () => this.direction < 0 && this.furthest >= this.flow.duration && this.time <= 0.02 * this.flow.duration,
      shows: "Backwards is the same motion with the step's sign turned. So every point's density can be computed.",
    };
    return { focus, momentum, back };
  }

  // --- what the reader does --------------------------------------------------------------------

  put(part, place) {
    const half = this.halves[part];
    const state = Array.from(this.state);
    place.forEach((value, c) => (state[2 * part + c] = Number(clamp(value, -half, half).toFixed(4))));
    this.choose("state", state);
  }

  reset() {
    this.rested = [];
    this.furthest = 0;
    this.turn(1);
    super.reset();
  }

  play(playing, asked = false) {
    // From its end it goes on from the other one.
    if (playing && this.ended && this.direction < 0) this.time = this.known;
    super.play(playing, asked);
  }

  // --- frames ----------------------------------------------------------------------------------

  get ended() {
    return this.swarm !== null && (this.direction > 0 ? this.time >= this.horizon - 1e-9 : this.time <= 0);
  }

  get known() {
    return this.swarm.done ? this.horizon : this.swarm.end;
  }

  seek(time) {
    super.seek(Math.min(time, this.known));
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      this.time = clamp(this.time + (this.direction * elapsed) / 1000, 0, this.known);
      if (this.ended) {
        this.playing = false;
        this.speakSoon();
      }
    }
    this.furthest = Math.max(this.furthest, this.time);
    this.draw();
    return this.playing || computing;
  }

  compute() {
    const { swarm, shares, flow } = this;
    const deadline = performance.now() + FLOW_BUDGET;
    if (!swarm.done) swarm.advance(deadline);
    const most = swarm.computed * LOOKS_PER_STEP;
    while (shares.length <= most && performance.now() < deadline) {
      shares.push(this.target.share(swarm.at((shares.length * flow.step) / LOOKS_PER_STEP, this.shown)));
    }
    return !swarm.done || shares.length <= most;
  }

  draw() {
    const { surfaces, colors } = this;
    if (!this.fitSurfaces()) return;
    if (this.stale) {
      this.layout();
      this.drawGround(surfaces.ground.clear(), colors);
      this.drawMomentaGround(surfaces.momentaGround.clear(), colors);
      this.stale = false;
    }
    const states = this.swarm.at(Math.min(this.time, this.known), this.shown);
    [surfaces.places, surfaces.momenta].forEach((surface, part) => this.drawSamples(surface.clear(), colors, states, part));
    this.drawChart(surfaces.chart.clear(), colors);
    this.handles.forEach((handle, part) => handle.put(this.axes[part].x(this.state[2 * part]), this.axes[part].y(this.state[2 * part + 1])));
  }

  /** Squares in the middle of their stages, so that a circle is one. */
  layout() {
    this.axes = [this.surfaces.ground, this.surfaces.momentaGround].map(({ width, height }, part) => {
      const side = Math.min(width - 42, height - 34);
      const left = 34 + Math.max(0, (width - 42 - side) / 2);
      const range = [-this.halves[part], this.halves[part]];
      return new Axes({ left, top: 8, right: left + side, bottom: 8 + side }, range, range);
    });
  }

  drawGround(g, colors) {
    const axes = this.axes[0];
    axes.clip(g);
    this.drawTarget(g, colors, axes);
    this.drawContours(g, colors, axes);
    g.restore();
    this.drawPlaneFrame(g, colors, axes, "q");
  }

  drawMomentaGround(g, colors) {
    const axes = this.axes[1];
    axes.clip(g);
    // The Gaussian's own circles, at one and two units.
    g.strokeStyle = colors.line;
    g.lineWidth = 1;
    g.setLineDash([]);
    for (const radius of [1, 2]) {
      g.beginPath();
      g.arc(axes.x(0), axes.y(0), radius * axes.xScale, 0, 2 * Math.PI);
      g.stroke();
    }
    g.restore();
    this.drawPlaneFrame(g, colors, axes, "p");
  }

  drawPlaneFrame(g, colors, axes, letter) {
    const marks = ticks(axes.xLow, axes.xHigh, 4);
    drawFrame(g, axes, colors, { xTicks: marks, yTicks: marks, xName: `${letter}₁`, yName: `${letter}₂` });
  }

  /** The target's density as a picture, a pixel for each node of its table. */
  drawTarget(g, colors, axes) {
    const { color } = colors.roles.truth;
    if (this.picture?.color !== color) this.picture = { color, canvas: this.targetPicture(color) };
    const { canvas } = this.picture;
    const { half, mesh } = this.target;
    const node = (2 * half * axes.xScale) / mesh;
    g.imageSmoothingEnabled = true;
    g.drawImage(canvas, axes.x(-half) - node / 2, axes.y(half) - node / 2, canvas.width * node, canvas.height * node);
  }

  targetPicture(color) {
    const { size, levels, depth } = this.target;
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const context = canvas.getContext("2d");
    const image = context.createImageData(size, size);
    const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    levels.forEach((level, k) => {
      // The top row of a picture is its first.
      const at = 4 * ((size - 1 - Math.floor(k / size)) * size + (k % size));
      rgb.forEach((value, c) => (image.data[at + c] = value));
      image.data[at + 3] = 105 * Math.exp((level / 255 - 1) * depth);
    });
    context.putImageData(image, 0, 0);
    return canvas;
  }

  drawContours(g, colors, axes) {
    const { half } = this.target;
    if (!this.contours) {
      const mesh = sampleMesh((x, y) => this.flow.potential(x, y), [-half, half], [-half, half], CONTOUR_MESH);
      const lowest = mesh.values.reduce((a, b) => Math.min(a, b));
      // Up to the lowest place of the rim: all of the plane that a level line closes.
      const rim = Array.from({ length: CONTOUR_MESH + 1 }, (_, k) => k).flatMap((k) => [k, k * (CONTOUR_MESH + 1), CONTOUR_MESH * (CONTOUR_MESH + 1) + k, k * (CONTOUR_MESH + 1) + CONTOUR_MESH]);
      const top = 1.5 * (Math.min(...rim.map((k) => mesh.values[k])) - lowest) || 1;
      this.contours = { mesh, levels: Array.from({ length: CONTOURS }, (_, k) => lowest + top * ((k + 0.5) / CONTOURS) ** 1.5) };
    }
    g.strokeStyle = colors.muted;
    g.globalAlpha = 0.4;
    g.lineWidth = 1;
    g.setLineDash([]);
    g.beginPath();
    for (const level of this.contours.levels) traceLevel(g, axes, this.contours.mesh, level);
    g.stroke();
    g.globalAlpha = 1;
  }

  drawSamples(g, colors, states, part) {
    const axes = this.axes[part];
    axes.clip(g);
    g.fillStyle = colors.roles.hnn.color;
    g.globalAlpha = 0.55;
    for (let i = 2 * part; i < states.length; i += 4) g.fillRect(axes.x(states[i]) - SPECK / 2, axes.y(states[i + 1]) - SPECK / 2, SPECK, SPECK);
    g.globalAlpha = 1;
    this.drawOwn(g, colors, axes, part);
    g.restore();
  }

  /** The reader's own sample: its path so far, and lightly up to T; a ring where it is, a cross where it ends. */
  drawOwn(g, colors, axes, part) {
    const { path } = this;
    const { color } = colors.roles.highlight;
    const place = (x) => [axes.x(x[2 * part]), axes.y(x[2 * part + 1])];
    const here = this.flow.at(this.state, this.time);
    const whole = Math.min(path.length - 1, Math.floor((this.time / this.flow.duration) * PATH + 1e-9));
    const trace = (count, strength, last) => {
      useStyle(g, { color, width: 2, dash: [] }, strength);
      g.beginPath();
      tracePoints(g, count + (last ? 1 : 0), (k) => place(k < count ? path[k] : last));
      g.stroke();
    };
    if (this.touched) {
      trace(PATH + 1, LIGHT);
      const [x, y] = place(this.endOfOwn);
      g.globalAlpha = 1;
      g.beginPath();
      g.moveTo(x - 5, y - 5);
      g.lineTo(x + 5, y + 5);
      g.moveTo(x - 5, y + 5);
      g.lineTo(x + 5, y - 5);
      g.stroke();
    }
    trace(whole + 1, 1, here);
    const [x, y] = place(here);
    g.globalAlpha = 1;
    g.beginPath();
    g.arc(x, y, 5, 0, 2 * Math.PI);
    g.fillStyle = colors.surface;
    g.fill();
    g.stroke();
  }

  drawChart(g, colors) {
    const { width, height } = this.surfaces.chart;
    const { duration, step } = this.flow;
    const axes = (this.chartAxes = new Axes({ left: 46, top: 26, right: width - 14, bottom: height - 26 }, [0, this.horizon], [0, 1.08]));
    const words = { 0: "0", 1: "½T", 2: "T", 3: "1½T", 4: "2T" };
    drawFrame(g, axes, colors, {
      xTicks: [0, 1, 2, 3, 4].map((k) => (k * duration) / 2),
      xText: (time) => words[Math.round((2 * time) / duration)],
      yTicks: [0, 0.5, 1],
      yText: (share) => `${100 * share}\u00a0%`,
    });
    g.strokeStyle = colors.muted;
    g.lineWidth = 1;
    g.setLineDash([4, 4]);
    g.beginPath();
    g.moveTo(axes.left, axes.y(this.covered));
    g.lineTo(axes.right, axes.y(this.covered));
    g.moveTo(axes.x(duration), axes.top);
    g.lineTo(axes.x(duration), axes.bottom);
    g.stroke();
    g.setLineDash([]);
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "bottom";
    g.fillText("samples on the target", axes.left, axes.top - 6);
    axes.clip(g);
    const gap = step / LOOKS_PER_STEP;
    const trace = (count, strength) => {
      if (count < 2) return;
      useStyle(g, colors.roles.hnn, strength);
      g.beginPath();
      tracePoints(g, count, (k) => [axes.x(k * gap), axes.y(this.shares[k])]);
      g.stroke();
    };
    if (this.touched) trace(this.shares.length, LIGHT);
    trace(Math.min(this.shares.length, Math.floor(Math.max(this.time, this.furthest) / gap + 1e-9) + 1), 1);
    g.globalAlpha = 1;
    g.restore();
  }

  // --- numbers and words -----------------------------------------------------------------------

  /** Root mean square of the positions, and of the momenta. */
  spreads(states) {
    const sums = [0, 0];
    for (let i = 0; i < states.length; i++) sums[(i & 2) >> 1] += states[i] ** 2;
    return sums.map((sum) => Math.sqrt((2 * sum) / states.length));
  }

  showNumbers() {
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    put(this.clock, `t = ${formatNumber(this.time / this.flow.duration)} T`);
    const states = this.swarm.at(Math.min(this.time, this.known), this.shown);
    const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
    const now = this.spreads(states);
    const rows = [[percent(this.target.share(states)), percent(this.shares[0])], ...now.map((value, i) => [formatNumber(value), formatNumber(this.first[i])])];
    rows.forEach((texts, i) => texts.forEach((text, k) => put(this.cells[i][k], text)));
    const [q1, q2] = this.endOfOwn;
    const on = this.target.at(q1, q2) >= this.target.edge ? "on the target" : "beside the target";
    put(this.ending, this.touched ? `At T your sample is at (${formatNumber(q1)}, ${formatNumber(q2)}), ${on}.` : "");
  }

  summary() {
    if (!this.swarm.done) return null;
    const text = `Your sample starts at ${this.startText}.`;
    const share = this.shares[this.flow.steps * LOOKS_PER_STEP];
    this.surfaces.places.canvas.setAttribute("aria-label", `Plane of positions: the samples over the target, and the level lines of V. ${text}`);
    this.surfaces.momenta.canvas.setAttribute("aria-label", `Plane of momenta. ${text}`);
    const told = share === undefined || !(this.touched || this.ended) ? "" : ` At T ${Math.round(100 * share)} % of the samples are on the target.`;
    this.surfaces.chart.canvas.setAttribute("aria-label", `Samples on the target over time.${told}`);
    return `${text}${told}`;
  }
}

export default widget(FlowLab);
