// The schedule lab: how a position is sold over time, drawn by the reader; its cost beside the least, and the
// quantity that the cheapest path conserves.
import { Axes, clamp, drawFrame, formatNumber, tickLabel, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { Execution, pathThrough } from "../physics/execution.js";
import { button, element, readNumber, roleWord, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";

const PIECES = 240; // of a path, about
const CLOSE = 0.01; // part of the least cost
const EVEN = 1e-3; // part of the position by which a path is a straight line

class ScheduleLab extends Shell {
  name = "schedule-lab";
  loads = ["_cost"];
  starts = ["levels", "aversion"];
  speeds = null;
  revealed = false;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life } = this;
    const path = this.stage("phase", this.canvas("path", "what is left to sell, over time"));
    const rate = this.stage("parts", this.canvas("rate", "rate of selling over time"));
    const energy = this.stage("energy", this.canvas("energy", "what the cheapest path conserves, over time"));
    const { knots } = this.model.get("_cost");
    this.handles = Array.from({ length: knots }, (_, j) => {
      // A layer for each, so that a press between them is nobody's.
      const layer = element("div", { class: "hnn-layer" });
      path.append(layer);
      const made = this.startHandle("hnn-handle-start", "the schedule", layer, {
        moved: (_, y) => this.pull(j, this.axes.invert(0, y)[1]),
        stepped: (_, dy) => this.pull(j, this.levels[j] + (dy * this.shares) / 100),
      });
      made.knob.setAttribute("aria-roledescription", "movable point");
      return made;
    });
    const [low, high] = this.model.get("_cost").aversions.map(Math.log10);
    const format = (power) => tickLabel(Number((10 ** power).toPrecision(3)));
    this.slider = slider({ name: "aversion to risk", low, high, step: 0.01, format, read: (text) => Math.log10(readNumber(text)) }, life, (power) => this.choose("aversion", clamp(10 ** power, 10 ** low, 10 ** high)));
    this.evenButton = button("Sell evenly", life, () => this.choose("levels", this.line()));
    this.bestButton = button("Cheapest path", life, () => this.reveal());
    const { roles } = themeColors("light");
    this.rows = element("tbody");
    const row = (label, role, style) => {
      const cells = [element("td"), element("td"), element("td")];
      this.rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, style), label), ...cells));
      return cells;
    };
    this.cells = [row("yours", "highlight", { ...roles.highlight, width: 2.2 }), row("least", "truth", roles.truth)];
    const headings = ["cost of", "impact", "risk", "both"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, ...headings)), this.rows);
    this.reading = element("p", { class: "hnn-reading" });
    this.verdict = element("p", { class: "hnn-verdict" });
    const controls = this.controls({ buttons: [this.evenButton, this.bestButton], first: [this.slider.label] });
    // Nothing moves by itself here.
    this.playButton.remove();
    return [
      this.head(),
      path,
      element("div", { class: "hnn-numbers" }, this.reading, table, this.verdict),
      rate,
      energy,
      controls,
      element("div", { class: "hnn-foot" }, this.status),
    ];
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { impact, exponent, volatility, shares, horizon, knots, aversions } = this.model.get("_cost");
    const numbers = { impact, exponent, volatility, shares, horizon };
    for (const [name, value] of Object.entries(numbers)) if (!(value > 0)) throw new Error(`the ${name} must be above 0, but is ${value}`);
    Object.assign(this, { ...numbers, knots, aversions, revealed: false });
    this.steps = Math.ceil(PIECES / (knots + 1));
    this.count = this.steps * (knots + 1);
    this.step = horizon / this.count;
    this.title.textContent = "selling over time";
    this.root.setAttribute("aria-label", "a schedule of selling, its cost and the least cost");
    this.who.replaceChildren("How much is left to sell, by ", roleWord("your schedule", "highlight"), ": fast selling moves the price, and what waits is at risk. The ", roleWord("cheapest path", "truth"), " is shown once you are near it, or ask.");
    const dot = element("span", { class: "hnn-dot", "aria-hidden": "true" });
    this.hint.replaceChildren("Drag the points ", dot, " up and down; change the aversion to risk.");
  }

  start() {
    const [levels, aversion] = ["levels", "aversion"].map((name) => this.model.get(name));
    if (!Array.isArray(levels) || levels.length !== this.knots || !levels.every((q) => q >= 0 && q <= this.shares)) throw new Error(`the schedule must be ${this.knots} numbers from 0 to ${this.shares}, but is ${JSON.stringify(levels)}`);
    if (!(aversion > 0)) throw new Error(`the aversion to risk must be above 0, but is ${aversion}`);
    const { shares, horizon, count, step } = this;
    this.levels = levels;
    if (aversion !== this.aversion || !this.best) {
      this.aversion = aversion;
      this.cost = new Execution({ impact: this.impact, exponent: this.exponent, risk: aversion * this.volatility ** 2 });
      this.best = this.describe(this.cost.cheapest(shares, horizon, count));
    }
    this.mine = this.describe(pathThrough([shares, ...levels, 0], this.steps));
    this.excess = this.mine.cost.total / this.best.cost.total - 1;
    // Those of the straight line and of the best path at once, so that nothing jumps in a drag.
    this.fastest = Math.max((2.6 * shares) / horizon, 1.15 * Math.max(...this.best.rates));
    const rest = this.cost.risk * shares ** 2;
    this.energyRange = [-1.1 * rest, Math.max(this.exponent * this.cost.impactCost((2.2 * shares) / horizon), 2 * this.best.energies[count >> 1] + 0.3 * rest)];
    this.slider.show(Math.log10(aversion));
    this.handles.forEach((handle, j) => {
      const time = (horizon * (j + 1)) / (this.knots + 1);
      handle.knob.setAttribute("aria-label", `what is left after ${formatNumber(time)} days`);
      handle.say(levels[j].toFixed(3), ["0", shares.toFixed(2)], `${formatNumber(levels[j], 3)} shares, ${this.says()}`);
    });
    this.stale = true;
  }

  /** A path with its cost, and rates and energies at the middles of its steps. */
  describe(path) {
    const { step } = this;
    const rates = Float64Array.from({ length: path.length - 1 }, (_, k) => (path[k] - path[k + 1]) / step);
    const energies = rates.map((rate, k) => this.cost.energy((path[k] + path[k + 1]) / 2, rate));
    return { path, rates, energies, cost: this.cost.cost(path, step) };
  }

  /** Even selling. */
  line() {
    return Array.from({ length: this.knots }, (_, j) => Number((this.shares * (1 - (j + 1) / (this.knots + 1))).toFixed(6)));
  }

  tasks() {
    const changed = () => this.levels.join() !== this.home.levels.join();
    const near = {
      says: "Draw a schedule that costs at most one percent more than the cheapest.",
      done: () => changed() && !this.asked && this.excess < CLOSE,
      shows: "Its E is nearly the same at all times: that is how a cheapest path can be told, without trying others.",
    };
    const patient = {
      says: "Sell evenly, and find an aversion to risk for which that costs at most one percent too much.",
      done: () => this.line().every((q, j) => Math.abs(q - this.levels[j]) < EVEN * this.shares) && this.excess < CLOSE,
      shows: "Where risk costs nearly nothing, nothing hurries, and an even rate is the cheapest.",
    };
    return { near, patient };
  }

  // --- what the reader does --------------------------------------------------------------------

  /** Nothing moves by itself here. */
  play() {
    this.loop?.request();
  }

  pull(j, q) {
    this.choose("levels", this.levels.map((level, i) => (i === j ? Number(clamp(q, 0, this.shares).toFixed(5)) : level)));
  }

  /** Show the cheapest path, and lay the reader's there. */
  reveal() {
    this.revealed = true;
    this.asked = true;
    this.choose("levels", this.levels.map((_, j) => Number(this.best.path[this.steps * (j + 1)].toFixed(5))));
    this.redraw();
  }

  reset() {
    this.revealed = false;
    this.asked = false;
    super.reset();
  }

  // --- frames ----------------------------------------------------------------------------------

  frame() {
    if (!this.dragging && this.touched && this.excess < CLOSE) this.revealed = true;
    if (!this.fitSurfaces()) return false;
    const { highlight } = this.colors.roles;
    const yours = { ...highlight, width: 2.2 };
    this.drawPath(this.surfaces.path.clear(), yours);
    this.drawOverTime(this.surfaces.rate, yours, ({ rates }) => rates, [0, this.fastest], "rate of selling v (shares per day)");
    this.drawOverTime(this.surfaces.energy, yours, ({ energies }) => energies, this.energyRange, "E = β v h(v) − α q² (currency per day)");
    this.stale = false;
    return false;
  }

  curve(g, axes, style, values, at) {
    useStyle(g, style);
    g.beginPath();
    tracePoints(g, values.length, (k) => [axes.x((k + at) * this.step), axes.y(values[k])]);
    g.stroke();
    g.globalAlpha = 1;
    g.setLineDash([]);
  }

  drawPath(g, yours) {
    const { colors, horizon, shares } = this;
    const { width, height } = this.surfaces.path;
    const axes = (this.axes = new Axes({ left: 46, top: 8, right: width - 14, bottom: height - 26 }, [0, horizon], [-0.04 * shares, 1.06 * shares]));
    drawFrame(g, axes, colors, { xTicks: ticks(0, horizon, width < 380 ? 4 : 6), yTicks: ticks(0, shares, 5) });
    // Where no schedule is: it falls from the one corner to the other.
    g.fillStyle = colors.ink;
    g.textAlign = "right";
    g.textBaseline = "top";
    g.fillText("left to sell q (shares)", axes.right - 7, axes.top + 7);
    g.textAlign = "left";
    g.textBaseline = "bottom";
    g.fillText("time (days)", axes.left + 7, axes.bottom - 5);
    axes.clip(g);
    if (this.revealed) this.curve(g, axes, colors.roles.truth, this.best.path, 0);
    this.curve(g, axes, yours, this.mine.path, 0);
    g.restore();
    g.fillStyle = colors.ink;
    for (const [time, q] of [[0, shares], [horizon, 0]]) g.fillRect(axes.x(time) - 4, axes.y(q) - 4, 8, 8);
    this.handles.forEach((handle, j) => handle.put(axes.x((horizon * (j + 1)) / (this.knots + 1)), axes.y(this.levels[j])));
  }

  drawOverTime(surface, yours, values, range, name) {
    const { colors, horizon } = this;
    const g = surface.clear();
    const { width, height } = surface;
    const axes = new Axes({ left: 46, top: 26, right: width - 14, bottom: height - 26 }, [0, horizon], range);
    drawFrame(g, axes, colors, { xTicks: ticks(0, horizon, width < 380 ? 4 : 6), yTicks: ticks(...range, 4) });
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "bottom";
    g.fillText(name, axes.left, axes.top - 6);
    axes.clip(g);
    if (range[0] < 0) {
      g.strokeStyle = colors.line;
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(axes.left, axes.y(0));
      g.lineTo(axes.right, axes.y(0));
      g.stroke();
    }
    if (this.revealed) this.curve(g, axes, colors.roles.truth, values(this.best), 0.5);
    this.curve(g, axes, yours, values(this.mine), 0.5);
    g.restore();
  }

  // --- numbers and words -----------------------------------------------------------------------

  says() {
    const percent = 100 * this.excess;
    if (percent < 0.005) return "as cheap as can be";
    return `${percent < 10 ? formatNumber(percent, 2) : Math.round(percent)}\u00a0% dearer than the cheapest`;
  }

  showNumbers() {
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    [this.mine, this.best].forEach(({ cost }, i) => [cost.impact, cost.risk, cost.total].forEach((value, k) => put(this.cells[i][k], tickLabel(Number(value.toPrecision(4))))));
    put(this.reading, `Your schedule is ${this.says()}.`);
    const { energies } = this.mine;
    const [least, most] = [Math.min(...energies), Math.max(...energies)];
    put(this.verdict, `E goes from ${tickLabel(Number(least.toPrecision(3)))} to ${tickLabel(Number(most.toPrecision(3)))} along yours; along the cheapest path it is ${tickLabel(Number(this.best.energies[this.count >> 1].toPrecision(3)))} all the time.`);
  }

  summary() {
    const text = `Your schedule is ${this.says()}, with aversion ${tickLabel(Number(this.aversion.toPrecision(3)))}.`;
    this.surfaces.path.canvas.setAttribute("aria-label", `What is left to sell over time, by your schedule${this.revealed ? " and by the cheapest path" : ""}. ${text}`);
    this.surfaces.rate.canvas.setAttribute("aria-label", `The rate of selling over time. ${text}`);
    this.surfaces.energy.canvas.setAttribute("aria-label", `E over time, which is constant along the cheapest path. ${this.verdict.textContent}`);
    return text;
  }
}

export default widget(ScheduleLab);
