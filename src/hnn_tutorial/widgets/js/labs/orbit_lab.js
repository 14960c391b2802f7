// The orbit lab: bodies in the plane whose places and velocities the reader drags, what their motion
// conserves, learned motions beside the true one, and a swarm of near-identical copies of the start.
import { element, slider, swatch } from "../shell/controls.js";
import { Axes, drawFrame, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { drawGauges } from "../drawing/gauges.js";
import { LogChart, formatAnySize, powerOfTen } from "../drawing/log_chart.js";
import { buildModels } from "../physics/models.js";
import { buildScene } from "./orbit_scenes.js";
import { crossing, sectionState, stateOfEnergy } from "../physics/section.js";
import { Shell, widget } from "../shell/shell.js";
import { Swarm } from "../physics/swarm.js";
import { themeColors } from "../shell/theme.js";
import { Track } from "../physics/track.js";

const FRAME_BUDGET = 3; // ms of integration in one frame; drawing needs about as much again
const TRAIL = 150; // samples of a motion behind each body
const FAINT = 0.3; // of a whole orbit
const ACCURATE = 1e-6; // change of the true energy, as a share, up to which the truth is trusted
const MOST_COPIES = 60; // that the slider offers
const MOST_SAMPLES = 10000; // of one motion
const MOST_NUMBERS = 4e6; // that a swarm keeps
const MOST_CROSSINGS = 6000; // of earlier starts that the section keeps

class OrbitLab extends Shell {
  name = "orbit-lab";
  loads = ["_models", "_weights"];
  starts = ["state", "horizon", "swarm", "spread"];
  speed = 1;
  earlier = new Float32Array(2 * MOST_CROSSINGS);
  earlierCount = 0;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    this.plane = this.stage("body", this.canvas("tracks"), this.canvas("bodies", "the bodies"));
    // One of three: gauges, the spread of a swarm, or a section.
    this.panel = this.stage("phase", this.canvas("panel", "what is conserved"), this.canvas("panelKnown"));
    const energy = this.stage("energy", this.canvas("chart", "change of the energy over time"), this.canvas("chartKnown"));
    const { surfaces } = this;
    this.energyChart = new LogChart(surfaces.chart, surfaces.chartKnown);
    this.spreadChart = new LogChart(surfaces.panel, surfaces.panelKnown);

    const power = (value) => powerOfTen(value).replace("10⁰", "1");
    this.speedSlider = slider({ name: "speed ×", low: -3, high: 4, step: 1, format: (v) => tickLabel(2 ** v) }, life, (v) => this.setSpeed(v));
    this.swarmSlider = slider({ name: "copies of the start", low: 0, high: MOST_COPIES, step: 1, format: (v) => (v ? String(v) : "none") }, life, (v) => this.choose("swarm", v));
    this.apartSlider = slider({ name: "distance at the start", low: -9, high: -1, step: 1, format: power }, life, (v) => this.choose("spread", Number(`1e${v}`)));
    this.energySlider = slider({ name: "energy", low: 0.005, high: 1 / 6, step: 0.0005, format: (v) => formatNumber(v, 4) }, life, (v) => this.moveTo(stateOfEnergy(this.system, this.state, v)));
    this.head = element("tr");
    this.rows = element("tbody");
    this.swarmNote = element("p", { class: "hnn-note" });
    this.note = element("p", { class: "hnn-note" });
    return [
      element("div", { class: "hnn-head" }, this.title, this.clock, this.hint),
      this.plane,
      this.panel,
      element("div", { class: "hnn-numbers" }, element("table", { class: "hnn-table" }, element("thead", {}, this.head), this.rows), this.swarmNote),
      energy,
      element(
        "div",
        { class: "hnn-controls" },
        element("div", { class: "hnn-buttons" }, this.playButton, this.resetButton),
        this.speedSlider.label,
        this.energySlider.label,
        this.swarmSlider.label,
        this.apartSlider.label
      ),
      element("div", { class: "hnn-foot" }, this.status, this.note),
    ];
  }

  /** A handle for everything in the plane that the scene lets the reader drag. */
  makeHandles() {
    this.handles = this.scene.grips.map((grip) => {
      // A layer of its own, which lets presses beside the knob through to the others.
      const layer = element("div", { class: "hnn-layer" });
      this.plane.append(layer);
      const made = this.startHandle(`hnn-handle-${grip.kind}`, grip.name, layer, {
        moved: (x, y) => this.moveTo(grip.moved(this.state, this.inside(this.axes, x, y))),
        stepped: (dx, dy) => this.moveTo(grip.stepped(this.state, dx, dy)),
      });
      return { ...made, grip };
    });
    if (!this.hasSection) return;
    const place = (y, py) => this.moveTo(sectionState(this.system, this.energy, y, py));
    this.sectionHandle = this.startHandle("hnn-handle-start", "start in the section", this.panel, {
      moved: (x, y) => place(...this.inside(this.sectionAxes, x, y)),
      stepped: (dx, dy) => place(this.state[1] + 0.01 * dx, this.state[3] + 0.01 * dy),
    });
  }

  inside(axes, x, y) {
    const within = (value, low, high) => Math.max(low, Math.min(high, value));
    return axes.invert(within(x, axes.left, axes.right), within(y, axes.top, axes.bottom));
  }

  // --- from the widget's traits to motions ---------------------------------------------------

  load() {
    const spec = this.model.get("_system");
    this.scene ??= buildScene(spec);
    this.system = this.scene.system;
    this.hasSection = spec.name === "henon_heiles";
    const specs = this.model.get("_models");
    const models = buildModels(specs, this.model.get("_weights"));
    // Made here, since a function made at each start would keep all earlier starts alive.
    this.measureEnergy = (x) => this.system.hamiltonian(x);
    const truth = { label: "truth", role: "truth", field: (x, out) => this.system.field(x, out) };
    this.entries = [truth, ...specs.map(({ label, role }, i) => ({ label, role, field: (x) => models[i].field(x) }))];
    this.names = this.entries.map(({ label }) => label).join(", ");
    if (!this.handles) {
      this.makeHandles();
      this.setSpeed(0);
    }
    this.title.textContent = this.system.title;
    this.root.setAttribute("aria-label", `${this.system.title}: ${this.names} from one start`);
    this.hint.textContent = `${this.scene.hint}; or focus one and use the arrow keys.`;
    this.energySlider.label.hidden = !this.hasSection;
    this.energySlider.limit(Math.min(0.5, this.system.escapeEnergy));
    this.quantities = quantitiesOf(this.system);
    this.buildTable();
  }

  buildTable() {
    const { roles } = themeColors("light");
    const { scene } = this;
    // Where there is no room, the momentum's change is left to the gauges.
    const optional = (text) => ({ class: text.startsWith("momentum") && "hnn-optional" });
    const heading = (text) => element("th", { scope: "col", ...optional(text) }, text);
    const units = (unit) => (unit ? ` (${unit.replaceAll(" ", "\u00a0")})` : "");
    const columns = this.quantities.map(({ name, unit }) => `${name}${units(unit)}`);
    if (this.entries.length > 1) columns.push(`distance from truth${units(scene.distanceUnit)}`);
    this.root.classList.toggle("hnn-wide", columns.length > 3);
    this.head.replaceChildren(heading("change of"), ...columns.map(heading));
    this.rows.replaceChildren();
    this.cells = this.entries.map(({ label, role }) => {
      const cells = columns.map((text) => element("td", optional(text)));
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, roles[role]), label), ...cells));
      return cells;
    });
  }

  start() {
    this.keepCrossings();
    this.check();
    const { state, horizon, scene, system } = this;
    const common = { start: state, horizon, step: scene.step };
    this.motions = this.entries.map(({ field }, i) => new Track({ ...common, field, energy: this.measureEnergy, storage: this.motions?.[i]?.storage }));
    [this.truth] = this.motions;
    this.swarm = this.copies ? new Swarm({ ...common, system, copies: this.copies, apart: this.apart, storage: this.swarm?.storage }) : null;
    this.energy = system.hamiltonian(state);
    this.scale = energyScale(system, state);
    this.crossings = this.hasSection ? { truth: [], copies: [], truthSeen: 0, copiesSeen: 0 } : null;
    this.seenUntil = 0;
    this.fitted = this.hasSection;
    this.fitView();
    this.swarmSlider.limit(Math.max(this.copies, Math.min(MOST_COPIES, this.mostCopies)));
    this.swarmSlider.show(this.copies);
    this.apartSlider.label.hidden = !this.copies;
    this.apartSlider.show(Math.round(Math.log10(this.apart)));
    this.energySlider.show(this.energy);
    for (const { say, grip } of this.handles) {
      const [value, limits, text] = grip.say(state);
      say(value.toFixed(2), limits.map((limit) => limit.toFixed(2)), text);
    }
    this.sectionHandle?.say(state[1].toFixed(3), [-1, 1], `y = ${formatNumber(state[1], 3)}, py = ${formatNumber(state[3], 3)}`);
    this.stale = true;
  }

  check() {
    const state = this.model.get("state");
    const size = 2 * this.system.degrees;
    if (!Array.isArray(state) || state.length !== size || !state.every(Number.isFinite)) {
      throw new Error(`the start must be ${size} finite numbers [q, p], but is ${JSON.stringify(state)}`);
    }
    const [horizon, copies, apart] = ["horizon", "swarm", "spread"].map((name) => this.model.get(name));
    const samples = horizon / this.scene.step;
    if (!(samples >= 1) || samples > MOST_SAMPLES) throw new Error(`the horizon must be from ${this.scene.step} to ${this.scene.step * MOST_SAMPLES}, but is ${horizon}`);
    this.mostCopies = Math.floor(MOST_NUMBERS / (samples * size));
    if (!Number.isInteger(copies) || copies < 0 || copies > this.mostCopies) throw new Error(`the swarm must have from 0 to ${this.mostCopies} copies, but has ${copies}`);
    if (!(apart > 0)) throw new Error(`the spread must be positive, but is ${apart}`);
    this.state = Float64Array.from(state);
    Object.assign(this, { horizon, copies, apart });
    if (!Number.isFinite(this.system.hamiltonian(this.state))) throw new Error("two bodies are in one place");
  }

  // --- the part of the plane that is shown ----------------------------------------------------

  /** Room around the start; kept while the reader moves it inside. */
  fitView() {
    const reach = this.scene.reach(this.state);
    if (!this.half || (reach > this.half && !this.dragging)) this.setHalf((this.hasSection ? 1.1 : 1.3) * reach || 1);
  }

  /** Once the orbit is known: room for all of it, unless it leads far away. */
  refit() {
    if (this.fitted || this.dragging || !this.truth.done) return;
    this.fitted = true;
    const start = this.scene.reach(this.state);
    let reach = start;
    for (let k = 0; k <= this.truth.computed; k++) reach = Math.max(reach, this.scene.reach(this.truth.state(k)));
    const half = 1.12 * Math.min(reach, 3 * start);
    if (half > this.half || half < 0.7 * this.half) this.setHalf(half);
  }

  setHalf(half) {
    this.half = half;
    this.scene.fit(half);
    this.scene.scaleArrows(this.state);
    this.stale = true;
  }

  // --- what the reader does --------------------------------------------------------------------

  moveTo(state) {
    // Six digits: far below what a hand can do, and short to read in Python.
    this.choose("state", Array.from(state, (value) => Number(value.toPrecision(this.hasSection ? 15 : 6))));
  }

  reset() {
    this.setSpeed(0);
    this.half = null;
    this.crossings = null;
    this.earlierCount = 0;
    super.reset();
  }

  setSpeed(value) {
    this.speed = this.scene.rate * 2 ** value;
    this.speedSlider.show(value);
  }

  // --- frames ------------------------------------------------------------------------------

  get ended() {
    return this.truth !== undefined && this.time >= Math.min(this.horizon, this.truth.done ? this.truth.end : Infinity);
  }

  get processes() {
    return this.swarm ? [...this.motions, this.swarm] : this.motions;
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      const known = Math.min(...this.processes.filter((one) => !one.done).map((one) => one.end), this.horizon, this.truth.done ? this.truth.end : Infinity);
      this.time = Math.max(this.time, Math.min(this.time + (this.speed * elapsed) / 1000, known));
      this.seenUntil = Math.max(this.seenUntil, this.time);
      if (this.ended) this.playing = false;
    }
    this.draw();
    return this.playing || computing;
  }

  /** Integrate for a slice of the frame; whatever lags most goes first. */
  compute() {
    const deadline = performance.now() + FRAME_BUDGET;
    for (;;) {
      const open = this.processes.filter((one) => !one.done);
      if (open.length === 0 || performance.now() > deadline) {
        this.findCrossings();
        this.refit();
        return open.length > 0;
      }
      this.stale = true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + FRAME_BUDGET / 6);
    }
  }

  draw() {
    if (!this.fitSurfaces()) return;
    const { surfaces, colors } = this;
    if (this.stale) {
      this.drawTracks(surfaces.tracks.clear(), colors);
      surfaces.panelKnown.clear();
      if (this.hasSection) this.drawSectionFrame(surfaces.panel.clear(), colors);
      else if (this.swarm) this.drawSpread(this.spreadChart);
      if (this.hasSection && this.swarm) this.drawSpread(this.energyChart);
      else this.drawEnergies(this.energyChart);
      this.stale = false;
    }
    this.energyChart.show(this.time);
    if (this.hasSection) this.drawCrossings(surfaces.panel.context, colors);
    else if (this.swarm) this.spreadChart.show(this.time);
    else this.drawGauges();
    this.drawBodies(surfaces.bodies.clear(), colors);
  }

  /** Entries with their motions, from the bottom up. */
  layers() {
    const layers = this.entries.map((entry, i) => ({ ...entry, motion: this.motions[i], style: this.colors.roles[entry.role] }));
    return layers.sort((a, b) => a.style.order - b.style.order);
  }

  /** What changes only with the start: the ground, whole orbits, arrows. */
  drawTracks(g, colors) {
    const { width, height } = this.surfaces.tracks;
    const { scene, half } = this;
    // Equal scales on both axes, the origin in the middle.
    const scale = Math.min(width, height) / 2 / half;
    const [across, up] = [width / 2 / scale, height / 2 / scale];
    this.axes = new Axes({ left: 0, top: 0, right: width, bottom: height }, [-across, across], [-up, up]);
    const { axes } = this;
    scene.drawGround(g, colors, axes, this.state);
    this.drawScale(g, colors);
    if (scene.wholeOrbits && !this.swarm) {
      for (const { motion, style } of this.layers()) {
        useStyle(g, style, FAINT);
        const stride = Math.ceil((motion.computed + 1) / 2000);
        this.traceTracks(g, motion, 0, motion.computed, stride);
      }
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    scene.drawStart(g, colors, axes, this.state);
    this.handles.forEach(({ put, grip }) => {
      const [x, y] = grip.place(this.state);
      put(Math.max(0, Math.min(width, axes.x(x))), Math.max(0, Math.min(height, axes.y(y))));
    });
  }

  /** A bar of a round length, in place of axes. */
  drawScale(g, colors) {
    const { axes, half } = this;
    const length = ticks(0, half, 3)[1];
    const [left, y] = [10, axes.bottom - 10];
    const right = left + length * axes.xScale;
    g.strokeStyle = colors.muted;
    g.lineWidth = 1.5;
    g.beginPath();
    for (const [x, height] of [[left, 4], [left, 0], [right, 0], [right, 4]]) g.lineTo(x, y - height);
    g.stroke();
    g.fillStyle = colors.muted;
    g.textAlign = "left";
    g.textBaseline = "alphabetic";
    const unit = this.hasSection ? "" : " m";
    g.fillText(`${tickLabel(length)}${unit}`, left + 5, y - 6);
  }

  traceTracks(g, motion, from, to, stride) {
    const { axes } = this;
    for (const track of this.scene.tracks) {
      g.beginPath();
      tracePoints(g, Math.floor((to - from) / stride) + 1, (k) => {
        const [x, y] = track(motion.state(from + k * stride));
        return [axes.x(x), axes.y(y)];
      });
      g.stroke();
    }
  }

  drawBodies(g, colors) {
    const { axes, scene, time } = this;
    const layers = this.layers();
    for (const { motion, style } of layers) {
      const now = Math.min(motion.computed, Math.floor(time / motion.step));
      useStyle(g, style, scene.trailStrength);
      this.traceTracks(g, motion, Math.max(0, now - TRAIL), now, 1);
    }
    if (this.swarm) {
      g.setLineDash([]);
      g.fillStyle = g.strokeStyle = colors.roles.data.color;
      g.lineWidth = 1;
      g.globalAlpha = scene.copyStrength;
      const frame = this.swarm.at(time);
      for (let i = 0; i < this.copies; i++) scene.drawCopy(g, axes, this.swarm.copy(frame, i));
    }
    g.globalAlpha = 1;
    for (const { motion, role } of layers) scene.drawState(g, colors, axes, role, motion.at(time));
    scene.drawNames(g, colors, axes, this.truth.at(time));
  }

  drawGauges() {
    const layers = this.layers();
    const { invariants } = this.system;
    const gauges = Object.entries(invariants).map(([name, measure]) => {
      const start = measure(this.state);
      const changes = layers.map(({ role, motion }) => ({ role, change: measure(motion.at(this.lastSample(motion))) - start }));
      return { name, unit: unitOf(name), start, changes };
    });
    drawGauges(this.surfaces.panel, this.colors, gauges);
  }

  /** The time of a motion's last sample: between two a motion is only drawn. */
  lastSample(motion) {
    return motion.step * Math.min(Math.floor(this.time / motion.step + 1e-9), motion.computed);
  }

  drawEnergies(chart) {
    const { scene, energy, colors } = this;
    const curves = this.layers().map(({ motion, style }) => ({
      style,
      count: motion.computed + 1,
      step: motion.step,
      value: (k) => Math.abs(motion.energyAt(k) - energy),
    }));
    const most = Math.max(...curves.map(({ count, value }) => largest(count, value)));
    const high = Math.max(-6, Math.min(6, Math.ceil(Math.log10(most || 1e-9) + 0.5)));
    const unit = this.hasSection ? "" : " (J)";
    const yName = `change of the energy${unit}`;
    chart.draw(colors, { curves, horizon: this.horizon, low: -13, high, xName: timeName(scene), yName, faint: FAINT });
  }

  drawSpread(chart) {
    const { swarm, scene, colors, apart, horizon } = this;
    const low = Math.floor(Math.log10(apart)) - 1;
    const most = largest(swarm.spreads.length, (k) => swarm.spreads[k]);
    const high = Math.max(1, Math.ceil(Math.log10(most) + 0.9));
    const curve = { style: colors.roles.truth, count: swarm.spreads.length, step: swarm.step, value: (k) => swarm.spreads[k] };
    const label = (g, axes) => {
      axes.clip(g);
      const slope = { ...colors.roles.highlight, width: 2, dash: [6, 4] };
      useStyle(g, slope);
      g.beginPath();
      g.moveTo(axes.x(0), axes.y(Math.log10(apart)));
      g.lineTo(axes.x(horizon), axes.y(Math.log10(apart) + swarm.exponent * horizon * Math.LOG10E));
      g.stroke();
      g.restore();
      const rows = [[curve.style, "spread of the copies"], [slope, "Lyapunov slope"]];
      rows.forEach(([style, text], i) => {
        const y = axes.bottom - 50 + 16 * i;
        useStyle(g, style);
        g.beginPath();
        g.moveTo(axes.right - 162, y);
        g.lineTo(axes.right - 138, y);
        g.stroke();
        g.globalAlpha = 1;
        g.setLineDash([]);
        g.fillStyle = colors.ink;
        g.textAlign = "left";
        g.textBaseline = "middle";
        g.fillText(text, axes.right - 132, y);
      });
    };
    chart.draw(colors, { curves: [curve], horizon, low, high, xName: timeName(scene), yName: "distance in [q, p]", label, faint: FAINT });
  }

  // --- the section -----------------------------------------------------------------------------

  /** Find where the motions that are known pass through the section. */
  findCrossings() {
    const { crossings: found, truth, swarm, scene } = this;
    if (!found) return;
    const { field } = this.entries[0];
    const note = (list, before, after, k) => {
      const crossed = crossing(field, before, after, scene.step);
      if (crossed) list.push({ time: k * scene.step + crossed.time, y: crossed.state[1], py: crossed.state[3] });
    };
    for (; found.truthSeen < truth.computed; found.truthSeen++) note(found.truth, truth.state(found.truthSeen), truth.state(found.truthSeen + 1), found.truthSeen);
    if (!swarm) return;
    for (; found.copiesSeen < swarm.computed; found.copiesSeen++) {
      const k = found.copiesSeen;
      for (let i = 0; i < this.copies; i++) note(found.copies, swarm.copy(swarm.frame(k), i), swarm.copy(swarm.frame(k + 1), i), k);
    }
  }

  /** Keep the points that the reader has seen of a start, as long as the energy stays. */
  keepCrossings() {
    if (!this.crossings) return;
    const state = this.model.get("state");
    const same = Array.isArray(state) && Math.abs(this.system.hamiltonian(state) - this.energy) < 1e-9;
    if (!same) this.earlierCount = 0;
    else {
      for (const { time, y, py } of this.crossings.truth) {
        if (time > this.seenUntil) break;
        // Full: the oldest give way.
        this.earlier.set([y, py], 2 * (this.earlierCount++ % MOST_CROSSINGS));
      }
    }
  }

  drawSectionFrame(g, colors) {
    const { width, height } = this.surfaces.panel;
    const { system } = this;
    const energy = Math.max(this.energy, 1e-6);
    const reach = Math.sqrt(2 * energy);
    const [low, high] = [-system.wellRadius(energy, -Math.PI / 2), system.wellRadius(energy, Math.PI / 2)];
    const room = 0.06 * (high - low);
    const axes = new Axes({ left: 46, top: 8, right: width - 14, bottom: height - 26 }, [low - room, high + room], [-1.2 * reach, 1.2 * reach]);
    this.sectionAxes = axes;
    drawFrame(g, axes, colors, { xTicks: ticks(axes.xLow, axes.xHigh, 5), yTicks: ticks(axes.yLow, axes.yHigh, 5), xName: "y", yName: "py where x = 0, px > 0" });
    // What the energy allows: p_y² / 2 + V(0, y) = H.
    g.strokeStyle = colors.muted;
    g.setLineDash([4, 3]);
    g.lineWidth = 1;
    for (const side of [-1, 1]) {
      g.beginPath();
      for (let i = 0; i <= 60; i++) {
        const y = (low + high) / 2 - ((high - low) / 2) * Math.cos((Math.PI * i) / 60);
        g.lineTo(axes.x(y), axes.y(side * Math.sqrt(Math.max(0, 2 * (energy - system.potential([0, y]))))));
      }
      g.stroke();
    }
    g.setLineDash([]);
    g.fillStyle = colors.muted;
    g.globalAlpha = 0.75;
    for (let i = 0; i < Math.min(this.earlierCount, MOST_CROSSINGS); i++) {
      g.fillRect(axes.x(this.earlier[2 * i]) - 0.75, axes.y(this.earlier[2 * i + 1]) - 0.75, 1.5, 1.5);
    }
    g.globalAlpha = 1;
    this.drawn = { truth: 0, copies: 0, time: 0 };
    this.sectionHandle.put(axes.x(this.state[1]), axes.y(this.state[3]));
  }

  /** Add the points up to the present to those already drawn. */
  drawCrossings(g, colors) {
    const { drawn, sectionAxes: axes } = this;
    if (this.time < drawn.time) {
      this.drawSectionFrame(this.surfaces.panel.clear(), colors);
      this.drawCrossings(g, colors);
      return;
    }
    drawn.time = this.time;
    const sizes = { copies: 1.5, truth: 4 };
    for (const [name, size] of Object.entries(sizes)) {
      const list = this.crossings[name];
      g.fillStyle = name === "truth" ? colors.roles.highlight.color : colors.roles.data.color;
      for (; drawn[name] < list.length && list[drawn[name]].time <= this.time; drawn[name]++) {
        const { y, py } = list[drawn[name]];
        g.fillRect(axes.x(y) - size / 2, axes.y(py) - size / 2, size, size);
      }
    }
  }

  // --- numbers and words -------------------------------------------------------------------

  distance(motion) {
    const time = this.lastSample(motion);
    const apart = this.system.difference(motion.at(time), this.truth.at(time));
    return Math.hypot(...apart.subarray(0, this.system.degrees));
  }

  showNumbers() {
    const { scene, swarm } = this;
    this.clock.textContent = `t = ${formatNumber(this.time, 1)} ${scene.unit}`.trim();
    this.motions.forEach((motion, i) => {
      const cells = this.cells[i];
      if (motion.problem !== null && this.time >= motion.end) {
        cells.forEach((cell) => (cell.textContent = "–"));
        cells[0].textContent = `${motion.problem} at ${formatNumber(motion.end, 1)} ${scene.unit}`;
        return;
      }
      const state = motion.at(this.lastSample(motion));
      this.quantities.forEach(({ change }, k) => (cells[k].textContent = formatAnySize(change(state, this.state))));
      if (cells.length > this.quantities.length) cells.at(-1).textContent = i ? formatAnySize(this.distance(motion)) : "–";
    });
    this.swarmNote.hidden = !swarm;
    if (swarm) {
      const k = Math.min(swarm.computed, Math.floor(this.time / swarm.step));
      this.swarmNote.textContent = `The ${this.copies} copies are ${formatAnySize(swarm.spreads[k])} from the start's orbit in [q, p], at first ${formatAnySize(this.apart)}.`;
    }
    this.warn();
  }

  /** Say where the truth itself is not to be trusted. */
  warn() {
    const { truth, scene } = this;
    let k = 0;
    while (k <= truth.computed && Math.abs(truth.energyAt(k) - this.energy) <= ACCURATE * this.scale) k++;
    const at = (time) => `t = ${formatNumber(time, 1)} ${scene.unit}`.trim();
    let text = "";
    if (truth.problem !== null) text = `The true motion ${truth.problem} at ${at(truth.end)}${scene.whyBroken}.`;
    else if (k <= truth.computed) text = `From ${at(k * truth.step)} the energy of the true motion is off by more than a millionth${scene.whyInaccurate}; do not trust it from there.`;
    this.note.hidden = text === "";
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  summary() {
    if (this.processes.some((one) => !one.done)) return null;
    const { scene, swarm, horizon } = this;
    const span = `${tickLabel(horizon)}\u00a0${scene.unit}`.trim();
    const per = scene.unit ? `/${scene.unit}` : "";
    const start = `From the start with ${scene.describe(this.state)}`;
    const ends = this.entries.slice(1).map(({ label }, i) => {
      const motion = this.motions[i + 1];
      if (motion.problem !== null) return `(${label} ${motion.problem} at ${formatNumber(motion.end, 1)} ${scene.unit})`;
      const change = motion.energyAt(motion.computed) - this.energy;
      return `${formatAnySize(change)}${this.hasSection ? "" : " J"} (${label})`;
    });
    let text = ends.length ? `${start}: after ${span} the energy is off by ${ends.join(", ")}.` : `${start}.`;
    if (swarm) {
      const rate = `${formatAnySize(swarm.exponent)}${per}`;
      const double = swarm.exponent > 0 ? `, doubling every ${formatAnySize(Math.LN2 / swarm.exponent)} ${scene.unit}`.trimEnd() : "";
      text += ` Over ${span} small distances grow at the mean rate λ = ${rate}${double}; ${this.copies} copies ${formatAnySize(this.apart)} away at first end ${formatAnySize(swarm.spreads.at(-1))} away.`;
    }
    const { surfaces } = this;
    const label = (name, words) => surfaces[name].canvas.setAttribute("aria-label", `${words} ${text}`);
    label("bodies", `The ${this.system.title}, moving as ${this.names} say.`);
    const spread = "Distance of the copies from the start's orbit over time, on a logarithmic scale, with the Lyapunov slope.";
    if (this.hasSection) label("panel", "Poincaré section: y and py where the orbit passes x = 0 to the right.");
    else label("panel", swarm ? spread : "Gauges of what the motion conserves; the table has their numbers.");
    label("chart", this.hasSection && swarm ? spread : "Change of the energy over time, on a logarithmic scale.");
    return text;
  }
}

function timeName({ unit }) {
  return unit ? `time (${unit})` : "time";
}

function largest(count, value) {
  let most = 0;
  for (let k = 0; k < count; k++) most = Math.max(most, value(k));
  return most;
}

const UNITS = { energy: "J", "momentum x": "kg m/s", "momentum y": "kg m/s", "angular momentum": "kg m²/s" };

function unitOf(name) {
  return UNITS[name];
}

/** The columns of the table: the invariants, both components of the momentum in one. */
function quantitiesOf(system) {
  const { invariants } = system;
  const unitless = system.coordinates[0][1] === "1";
  const single = (name) => ({ name, unit: unitless ? "" : unitOf(name), change: (x, start) => invariants[name](x) - invariants[name](start) });
  const across = invariants["momentum x"];
  const up = invariants["momentum y"];
  if (!across) return [single("energy")];
  const momentum = { name: "momentum", unit: "kg m/s", change: (x, start) => Math.hypot(across(x) - across(start), up(x) - up(start)) };
  return [single("energy"), momentum, single("angular momentum")];
}

/** What a change of the energy is held against: |H|, or the kinetic energy where H is near zero. */
function energyScale(system, state) {
  const still = state.map((value, i) => (i < system.degrees ? value : 0));
  const energy = system.hamiltonian(state);
  return Math.max(Math.abs(energy), Math.abs(energy - system.hamiltonian(still)));
}

export default widget(OrbitLab);
