// The swing-up lab: a pole on a cart, brought up by its true energy and by one that a network learned.
import { buildModels } from "../physics/models.js";
import { Steered, Steering } from "../physics/steering.js";
import { CartPole } from "../physics/systems/cart_pole.js";
import { wrapAngle } from "../physics/vectors.js";
import { themeColors } from "../shell/theme.js";
import { Axes, clamp, drawFrame, drawMark, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { element, roleWord, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";

const MOST_SWINGING = 1; // models beside the truth
const SWING_BUDGET = 3; // ms of integration in one frame
const STANDS = 0.2; // rad: how far from upright a pole still stands
const SIDE_BY_SIDE = 560; // px of width from which the machines stand beside each other
const REACH = 2.2; // lengths of the pole that the track shows to each side
const TURN = 0.05; // rad of an arrow key
const WEAKER = 0.85; // part of the first limit that the task asks for
const MOST_PLACES = 400; // of one curve: about as many as the chart has pixels
const TO_COME = 0.3; // strength of the part of a curve that is still to come

class SwingUpLab extends Shell {
  name = "swing-up-lab";
  loads = ["_system", "_models", "_weights", "_gains", "_law"];
  starts = ["angle", "limit", "gain", "above", "friction"];
  speeds = [1, 3, 10];

  // --- the page elements -----------------------------------------------------------------------

  build() {
    const { life } = this;
    this.bodyStage = this.stage("body", this.canvas("body", "carts with their poles"));
    this.handle = this.startHandle("hnn-handle-body", "angle of the pole at the start", this.bodyStage, {
      moved: (x, y) => this.turnTo(x, y),
      stepped: (dx, dy) => this.turn(this.angle + TURN * (dx || dy)),
    });
    const energy = this.stage("energy", this.canvas("energy", "energy of the pole over time"));
    const force = this.stage("force", this.canvas("force", "force on the cart over time"));
    this.scrub(energy, () => this.energyAxes);
    this.sliders = {
      limit: this.number("largest force", "limit", "N"),
      gain: this.number("gain k", "gain", ""),
      above: this.number("energy above upright", "above", "J"),
      friction: this.number("friction of the joint", "friction", "kg m²/s"),
    };
    const { limit, gain, above, friction } = this.sliders;
    this.rows = element("tbody");
    const heading = (text) => element("th", { scope: "col" }, text);
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, heading("steered by"), heading("the pole"), heading("cart at (m)"), heading("work done (J)"))), this.rows);
    return [
      this.head(),
      this.bodyStage,
      element("div", { class: "hnn-numbers" }, table),
      energy,
      force,
      this.controls({ first: [limit.label, gain.label], more: [above.label, friction.label] }),
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  /** A slider of a trait, with the range that Python gives it. */
  number(name, trait, unit) {
    const [low, high] = this.model.get("_law").ranges[trait];
    const format = (value) => `${tickLabel(Number(value.toPrecision(3)))} ${unit}`.trim();
    return slider({ name, low, high, step: (high - low) / 400, format }, this.life, (value) => this.choose(trait, clamp(value, low, high)));
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { name, parameters } = this.model.get("_system");
    if (name !== "cart_pole") throw new Error(`unknown system "${name}"; there is cart_pole`);
    this.system = new CartPole(parameters);
    const specs = this.model.get("_models");
    if (specs.length > MOST_SWINGING) throw new Error(`there are ${specs.length} models; there is room for ${MOST_SWINGING}`);
    const models = buildModels(specs, this.model.get("_weights"));
    const gains = this.model.get("_gains");
    const isGain = (gain) => Array.isArray(gain) && gain.length === 4 && gain.every(Number.isFinite);
    if (gains.length !== models.length + 1 || !gains.every(isGain)) throw new Error(`the regulators must be ${models.length + 1} times four finite numbers`);
    const kinds = [{ label: "true energy", role: "truth", machine: this.system }, ...specs.map(({ label, role }, i) => ({ label, role, machine: models[i] }))];
    this.entries = kinds.map((entry, i) => ({ ...entry, regulator: gains[i] }));
    this.title.textContent = this.system.title;
    const names = this.entries.map(({ label }) => label).join(" and ");
    this.root.setAttribute("aria-label", `swing-up of a ${this.system.title}, steered by ${names}`);
    const [truth, learned] = this.entries.map(({ label, role }) => roleWord(label, role));
    this.who.replaceChildren(...(learned ? ["One true machine twice: steered by its ", truth, ", and by the energy of the ", learned, "."] : ["Steered by its ", truth, "."]));
    this.hint.textContent = "Drag the bob to where the pole shall start, at rest; change force and gain.";
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
    const law = this.model.get("_law");
    for (const trait of this.starts) {
      const value = this.model.get(trait);
      const [low, high] = law.ranges[trait];
      if (!(value >= low && value <= high)) throw new Error(`${trait} must be from ${tickLabel(low)} to ${tickLabel(high)}, but is ${value}`);
      this[trait] = value;
      this.sliders[trait]?.show(value);
    }
    const { gain, above, limit, friction } = this;
    this.horizon = law.horizon;
    const start = Float64Array.of(0, this.angle, 0, 0);
    this.motions = this.entries.map(({ machine, regulator }) => {
      const steering = new Steering(machine, { gain, above, limit, regulator, centre: law.centre, most: law.most, near: law.near });
      return new Steered({ system: this.system, steering, friction, hold: law.hold, horizon: law.horizon, start });
    });
    this.startText = `θ = ${formatNumber(this.angle)} rad`;
    this.handle.say(this.angle.toFixed(2), ["-3.14", "3.14"], this.startText);
    this.stale = true;
  }

  tasks() {
    const stand = () => this.motions.map((motion) => motion.problem === null && motion.heldSince(this.horizon, STANDS) !== null);
    const less = {
      says: "Lower the largest force by a seventh or more, so that every pole still stands at the end.",
      done: () => this.limit <= WEAKER * this.home.limit && this.ended && stand().every(Boolean),
      shows: "A weak motor needs more swings, each of which adds a little energy. That is why the energy is what to steer by.",
    };
    const differ = {
      says: "Find a setting with which one pole stands at the end and the other does not.",
      done: () => this.ended && new Set(stand()).size === 2,
      shows: "What is learned is nearly right. Where the true energy itself just succeeds, nearly right may fail, or the reverse.",
    };
    return this.entries.length > 1 ? { less, differ } : { less };
  }

  // --- what the reader does --------------------------------------------------------------------

  turn(angle) {
    this.choose("angle", Number(wrapAngle(angle).toFixed(4)));
  }

  turnTo(x, y) {
    const { carts, rod } = this.scene;
    if (rod === undefined) return;
    const nearest = carts.reduce((a, b) => (Math.hypot(x - b[0], y - b[1]) < Math.hypot(x - a[0], y - a[1]) ? b : a));
    this.turn(Math.atan2(x - nearest[0], y - nearest[1]));
  }

  // --- frames ----------------------------------------------------------------------------------

  get ended() {
    return this.time >= this.horizon;
  }

  get known() {
    return Math.min(...this.motions.filter(({ done }) => !done).map(({ end }) => end), this.horizon);
  }

  seek(time) {
    super.seek(Math.min(time, this.known));
  }

  frame(now, elapsed) {
    const computing = this.compute();
    if (this.playing) {
      this.time = Math.min(this.time + elapsed / 1000, this.known);
      if (this.ended) this.playing = false;
    }
    if (this.fitSurfaces()) {
      const { surfaces, colors } = this;
      this.drawMachines(surfaces.body.clear(), colors);
      this.drawEnergies(surfaces.energy.clear(), colors);
      this.drawForces(surfaces.force.clear(), colors);
      this.stale = false;
    }
    return this.playing || computing;
  }

  compute() {
    const deadline = performance.now() + SWING_BUDGET;
    for (;;) {
      const open = this.motions.filter(({ done }) => !done);
      if (open.length === 0) return false;
      if (performance.now() > deadline) return true;
      open.reduce((a, b) => (b.end < a.end ? b : a)).advance(performance.now() + SWING_BUDGET / 6);
    }
  }

  /** Where each machine stands: beside each other, or in a column one below the other. */
  layout() {
    const { width, height } = this.surfaces.body;
    const count = this.entries.length;
    const across = width >= SIDE_BY_SIDE ? count : 1;
    const [cellWidth, cellHeight] = [width / across, height / (count / across)];
    // A level pole on a cart at the end of its track still has its whole bob in the picture.
    const rod = Math.max(12, Math.min(cellHeight / 2 - 22, (cellWidth / 2 - 10) / (REACH + 1)));
    const cells = this.entries.map((_, i) => ({ x: ((i % across) + 0.5) * cellWidth, y: (Math.floor(i / across) + 0.5) * cellHeight + 6, left: (i % across) * cellWidth, top: Math.floor(i / across) * cellHeight, width: cellWidth }));
    return { rod, cells };
  }

  drawMachines(g, colors) {
    const { rod, cells } = this.layout();
    const scale = rod / this.system.length;
    this.scene = { rod, carts: [] };
    this.entries.forEach(({ label, role }, i) => {
      const cell = cells[i];
      const [place, angle] = this.motions[i].at(this.time);
      const edge = REACH * rod;
      const cart = [cell.x + clamp(place * scale, -edge, edge), cell.y];
      this.scene.carts.push(cart);
      this.drawTrack(g, colors, cell, edge, scale);
      g.setLineDash([2, 4]);
      g.lineWidth = 1;
      g.strokeStyle = colors.roles.highlight.color;
      g.beginPath();
      g.moveTo(cell.x, cell.y);
      g.lineTo(cell.x + rod * Math.sin(this.angle), cell.y + rod * Math.cos(this.angle));
      g.stroke();
      this.drawPush(g, colors, cart, i);
      const style = colors.roles[role];
      const bob = [cart[0] + rod * Math.sin(angle), cart[1] + rod * Math.cos(angle)];
      g.setLineDash([]);
      g.globalAlpha = 1;
      g.beginPath();
      g.roundRect(cart[0] - 17, cart[1] - 8, 34, 16, 3);
      g.fillStyle = role === "truth" ? style.color : colors.surface;
      g.fill();
      g.strokeStyle = style.color;
      g.lineWidth = 2;
      g.setLineDash(style.dash);
      g.stroke();
      useStyle(g, { ...style, width: 3 });
      g.beginPath();
      g.moveTo(...cart);
      g.lineTo(...bob);
      g.stroke();
      drawMark(g, role, colors, ...bob, 8);
      g.fillStyle = colors.ink;
      g.textAlign = "left";
      g.textBaseline = "top";
      g.fillText(this.entries.length > 1 ? `steered by: ${label}` : "", cell.left + 8, cell.top + 4);
      if (i === 0) this.handle.put(...bob);
    });
  }

  /** The track with its scale, and the angle of rest. */
  drawTrack(g, colors, { x, y }, edge, scale) {
    g.setLineDash([]);
    g.globalAlpha = 1;
    g.lineWidth = 1;
    g.strokeStyle = colors.line;
    g.beginPath();
    g.moveTo(x - edge - 17, y + 8.5);
    g.lineTo(x + edge + 17, y + 8.5);
    const most = edge / scale;
    for (const value of ticks(-most, most, 4)) {
      g.moveTo(x + value * scale, y + 8);
      g.lineTo(x + value * scale, y + 13);
    }
    g.stroke();
    g.fillStyle = colors.muted;
    g.textAlign = "center";
    g.textBaseline = "top";
    const marks = ticks(-most, most, 4);
    for (const value of marks) g.fillText(value === marks.at(-1) ? `${tickLabel(value)} m` : tickLabel(value), x + value * scale, y + 15);
  }

  /** The force at this time, an arrow beside the cart. */
  drawPush(g, colors, [x, y], i) {
    const { inputs, hold } = this.motions[i];
    const force = inputs[Math.min(Math.floor(this.time / hold + 1e-9), inputs.length - 1)] ?? 0;
    const reach = (44 * force) / this.limit;
    if (Math.abs(reach) < 2) return;
    const side = Math.sign(reach);
    const [from, to] = [x + 20 * side, x + 20 * side + reach];
    g.setLineDash([]);
    g.globalAlpha = 1;
    g.strokeStyle = colors.ink;
    g.fillStyle = colors.ink;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(from, y);
    g.lineTo(to, y);
    g.stroke();
    g.beginPath();
    g.moveTo(to + 5 * side, y);
    g.lineTo(to - 3 * side, y - 5);
    g.lineTo(to - 3 * side, y + 5);
    g.fill();
  }

  /** From the bottom up. */
  layers() {
    return this.entries.map((entry, i) => ({ motion: this.motions[i], style: this.colors.roles[entry.role] })).sort((a, b) => a.style.order - b.style.order);
  }

  /** A curve for each machine, faint where it is still to come once the reader has touched the lab. */
  traceOver(g, axes, values) {
    axes.clip(g);
    for (const { motion, style } of this.layers()) {
      const { hold } = motion;
      const all = values(motion);
      const trace = (count, strength) => {
        if (count < 2) return;
        const stride = Math.ceil(all.length / MOST_PLACES);
        useStyle(g, style, strength);
        g.beginPath();
        tracePoints(g, Math.floor((count - 1) / stride) + 1, (k) => [axes.x(k * stride * hold), axes.y(all[k * stride])]);
        g.stroke();
      };
      if (this.touched) trace(all.length, TO_COME);
      trace(Math.min(all.length, Math.floor(this.time / hold) + 1), 1);
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
  }

  dashedLine(g, axes, colors, value, text) {
    const y = axes.y(value);
    g.setLineDash([4, 4]);
    g.lineWidth = 1;
    g.strokeStyle = colors.muted;
    g.beginPath();
    g.moveTo(axes.left, y);
    g.lineTo(axes.right, y);
    g.stroke();
    g.setLineDash([]);
    g.fillStyle = colors.muted;
    g.textAlign = "right";
    g.textBaseline = "bottom";
    g.fillText(text, axes.right - 6, y - 3);
  }

  drawEnergies(g, colors) {
    const { width, height } = this.surfaces.energy;
    const upright = 2 * this.system.lever * this.system.gravity;
    const axes = new Axes({ left: 46, top: 8, right: width - 8, bottom: height - 26 }, [0, this.horizon], [0, 1.6 * upright]);
    this.energyAxes = axes;
    drawFrame(g, axes, colors, { xTicks: ticks(0, this.horizon, width < 360 ? 4 : 8), yTicks: ticks(0, 1.6 * upright, 4), xName: "time (s)", yName: "energy of the pole (J)" });
    this.dashedLine(g, axes, colors, upright, "upright");
    this.traceOver(g, axes, ({ energies }) => energies);
  }

  drawForces(g, colors) {
    const { width, height } = this.surfaces.force;
    const most = 1.35 * this.limit;
    const axes = new Axes({ left: 46, top: 8, right: width - 8, bottom: height - 26 }, [0, this.horizon], [-most, most]);
    drawFrame(g, axes, colors, { xTicks: ticks(0, this.horizon, width < 360 ? 4 : 8), yTicks: [-this.limit, 0, this.limit], yText: (value) => tickLabel(Number(value.toPrecision(2))), yName: "force (N)" });
    this.traceOver(g, axes, ({ inputs }) => inputs);
  }

  // --- numbers and words -----------------------------------------------------------------------

  fate(motion, time) {
    if (motion.problem !== null && time > motion.end) return `${motion.problem} at ${formatNumber(motion.end, 1)} s`;
    const since = motion.heldSince(time, STANDS);
    return since === null ? "swings" : `up since ${formatNumber(since, 1)} s`;
  }

  showNumbers() {
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    put(this.clock, `t = ${formatNumber(this.time, 1)} s`);
    this.motions.forEach((motion, i) => {
      const [pole, place, work] = this.cells[i];
      const k = Math.min(Math.floor(this.time / motion.hold + 1e-9), motion.computed);
      put(pole, this.fate(motion, this.time));
      put(place, formatNumber(motion.states[k][0]));
      put(work, formatNumber(motion.work[k]));
    });
  }

  summary() {
    if (this.motions.some(({ done }) => !done)) return null;
    const ends = this.entries.map(({ label }, i) => `${label}: ${this.fate(this.motions[i], this.horizon + 1)}`).join("; ");
    const start = `From ${this.startText}, with at most ${tickLabel(Number(this.limit.toPrecision(3)))} N`;
    const told = `${start}, after ${tickLabel(Number(this.horizon.toPrecision(3)))} s: ${ends}.`;
    this.surfaces.body.canvas.setAttribute("aria-label", `The cart with its pole. ${told}`);
    this.surfaces.energy.canvas.setAttribute("aria-label", `Energy of the pole over time. ${told}`);
    this.surfaces.force.canvas.setAttribute("aria-label", `Force on the cart over time, at most ${tickLabel(this.limit)} N.`);
    // Whoever looks on sees the story run; the page tells its end afterwards, or after a touch.
    if (this.touched || this.ended || !this.playing) return told;
    this.speakSoon();
    return `${start}.`;
  }
}

export default widget(SwingUpLab);
