// The smile lab: the shortest way to a strike in the plane of price and volatility, one that the reader
// draws, and the smile that the distances make.
import { Axes, clamp, drawFrame, drawMark, formatNumber, ticks, tracePoints, useStyle } from "../drawing/canvas.js";
import { pathThrough } from "../physics/execution.js";
import { decodeFloats } from "../physics/models.js";
import { Sabr } from "../physics/sabr.js";
import { button, element, roleWord, slider, swatch } from "../shell/controls.js";
import { Shell, widget } from "../shell/shell.js";
import { themeColors } from "../shell/theme.js";

const STEPS = 120; // of a path
const MESH = 80; // strikes of the smile
const KNOTS = 3;
const TABLE = [41, 16]; // strikes of a learned metric, and steps of its geodesics
const MOST = 20; // times today's volatility, of a path
const NEAR = 0.01; // part of the distance
const FLAT = 0.02; // part of the volatility
const NAMES = { volatility: "volatility a", vol_of_vol: "volatility of volatility ν", correlation: "correlation ρ" };

class SmileLab extends Shell {
  name = "smile-lab";
  loads = ["_market", "_learned"];
  starts = ["strike", "levels", ...Object.keys(NAMES)];
  speeds = null;

  // --- the page elements -------------------------------------------------------------------

  build() {
    const { life, model } = this;
    const { ranges } = model.get("_market");
    const phase = this.stage("phase", this.canvas("plane", "price and volatility"));
    const body = this.stage("body", this.canvas("smile", "implied volatility by strike"));
    const strike = (name, stage, axes) =>
      this.startHandle("hnn-handle-start hnn-handle-strike", name, stage, {
        moved: (x) => this.seekStrike(this[axes].invert(x, 0)[0]),
        stepped: (dx) => this.seekStrike(this.strike + dx / 100),
      });
    this.strikes = [strike("strike", phase, "axes"), strike("strike, on the smile", body, "smileAxes")];
    this.handles = Array.from({ length: KNOTS }, (_, j) => {
      // A layer for each, so that a press between them is the strike's.
      const layer = element("div", { class: "hnn-layer" });
      for (const kind of ["pointerdown", "click"]) life.listen(layer, kind, (event) => event.stopPropagation());
      phase.append(layer);
      return this.startHandle("hnn-handle-start", `point ${j + 1} of your path`, layer, {
        moved: (_, y) => this.pull(j, this.axes.invert(0, y)[1] / this.sabr.a),
        stepped: (_, dy) => this.pull(j, this.levels[j] + dy / 50),
      });
    });
    for (const { knob } of [...this.strikes, ...this.handles]) knob.setAttribute("aria-roledescription", "movable point");
    this.learns = model.get("_learned")?.byteLength > 0;
    this.sliders = Object.entries(this.learns ? {} : NAMES).map(([trait, name]) => {
      const [low, high] = ranges[trait];
      return { trait, ...slider({ name, low, high, step: 0.01, format: (value) => formatNumber(value) }, life, (value) => this.choose(trait, value)) };
    });
    const { roles } = themeColors("light");
    const rows = element("tbody");
    const row = (label, role, style) => {
      const cells = [element("td"), element("td")];
      rows.append(element("tr", {}, element("th", { scope: "row" }, swatch(role, style), label), ...cells));
      return cells;
    };
    this.cells = [row("geodesic", "truth", roles.truth), row("your path", "highlight", { ...roles.highlight, width: 2.2 }), row("Black–Scholes", "formula", roles.formula)];
    if (this.learns) this.cells.push(row("learned metric", "hnn", roles.hnn));
    const headings = ["path", "length ℓ", "|k|/ℓ"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", { class: "hnn-table" }, element("thead", {}, element("tr", {}, ...headings)), rows);
    this.reading = element("p", { class: "hnn-reading" });
    this.verdict = element("p", { class: "hnn-verdict" });
    const straight = button("Straight path", life, () => this.choose("levels", [1, 1, 1]));
    const controls = this.controls({ buttons: [straight], more: this.sliders.map(({ label }) => label) });
    // Nothing moves by itself here.
    this.playButton.remove();
    const numbers = element("div", { class: "hnn-numbers" }, table, element("div", {}, this.reading, this.verdict));
    return [this.head(), phase, body, numbers, controls, element("div", { class: "hnn-foot" }, this.status)];
  }

  // --- from the widget's traits ----------------------------------------------------------------

  load() {
    const { reach } = this.model.get("_market");
    Object.assign(this, { reach, tops: null });
    if (this.learns) {
      const [count, steps] = TABLE;
      const width = 2 * steps + 3;
      const table = decodeFloats(this.model.get("_learned"));
      this.table = Array.from({ length: count }, (_, i) => table.subarray(i * width, (i + 1) * width));
    }
    this.title.textContent = "a smile is a distance";
    this.who.replaceChildren("Rings are as far from today as a half, one, ... The ", roleWord("geodesic", "truth"), " is the shortest way to the strike, and |k| over its length ℓ the smile.");
    this.hint.replaceChildren("Drag the strike k, and the points of ", roleWord("your path", "highlight"), ".");
  }

  start() {
    const [strike, levels, volatility, volOfVol, correlation] = this.starts.map((name) => this.model.get(name));
    const { reach } = this;
    const known = Math.abs(strike) <= reach && levels.length === KNOTS && levels.every((level) => level > 0) && volatility > 0 && volOfVol > 0 && Math.abs(correlation) < 1;
    if (!known) throw new Error(`it has no picture of ${this.starts.map((name) => [name, this.model.get(name)].join(" "))}`);
    Object.assign(this, { strike, levels });
    const sabr = (this.sabr = new Sabr({ volatility, volOfVol, correlation }));
    const heights = pathThrough([1, ...levels], STEPS / KNOTS);
    this.mine = Array.from(heights, (level, i) => [(strike * i) / STEPS, Math.log(volatility * level)]);
    this.best = sabr.geodesic(strike, STEPS);
    this.smile = Array.from({ length: MESH + 1 }, (_, i) => sabr.shortVolatility(this.strikeAt(i, MESH)));
    this.distance = sabr.distance(strike);
    this.length = sabr.length(this.mine);
    this.excess = this.length / this.distance - 1;
    if (this.learns) {
      const [place, part] = this.inTable(strike);
      const [row, next] = [this.table[place], this.table[place + 1]];
      const [found, ...path] = row.map((value, i) => value + part * (next[i] - value));
      this.learned = { volatility: found, path };
    }
    // Scales that stay in a drag, and grow with the sliders.
    const ways = [-reach, reach].map((k) => sabr.geodesic(k, STEPS));
    const needed = [Math.max(...ways.flat().map(([, y]) => Math.exp(y))), Math.max(...this.smile)];
    this.tops ??= needed.map((top) => 1.25 * top);
    this.planeTop = Math.max(this.tops[0], 1.08 * needed[0], 1.05 * volatility * Math.max(...levels));
    this.smileTop = Math.max(this.tops[1], 1.08 * needed[1]);
    for (const { trait, show } of this.sliders) show(this.model.get(trait));
    for (const { say } of this.strikes) say(strike.toFixed(3), [-reach, reach], `k = ${formatNumber(strike, 3)}, ${this.says()}`);
    this.handles.forEach(({ say }, j) => say((volatility * levels[j]).toFixed(3), [0, this.planeTop.toFixed(2)], `${formatNumber(volatility * levels[j], 3)}, ${this.says()}`));
    this.stale = true;
  }

  strikeAt(i, steps) {
    return this.reach * ((2 * i) / steps - 1);
  }

  /** Where a strike stands in the table of the learned metric: a row, and the part of the way to the next. */
  inTable(k) {
    const at = ((k / this.reach + 1) / 2) * (TABLE[0] - 1);
    const row = clamp(Math.floor(at), 0, TABLE[0] - 2);
    return [row, at - row];
  }

  tasks() {
    const near = {
      says: "Draw a path to a strike below −0.2, at most 1\u00a0% longer than the geodesic.",
      done: () => this.strike < -0.2 && this.excess < NEAR,
      shows: "No path is shorter, so each of yours gives a point below the smile.",
    };
    const flat = {
      says: "Make the smile flat.",
      done: () => this.smile.every((value) => Math.abs(value / this.sabr.a - 1) < FLAT),
      shows: "Where the volatility rests, the space is flat: that of Black–Scholes.",
    };
    const mirror = {
      says: "Tilt the smile: higher above the forward.",
      done: () => this.smile.at(-1) > 1.1 * this.smile[0],
      shows: "The correlation tilts it: now the volatility rises with the price.",
    };
    return this.learns ? { near } : { near, flat, mirror };
  }

  // --- what the reader does --------------------------------------------------------------------

  /** Nothing moves by itself here. */
  play() {
    this.loop?.request();
  }

  seekStrike(k) {
    this.choose("strike", Number(clamp(k, -this.reach, this.reach).toFixed(3)));
  }

  pull(j, level) {
    const most = Math.min(MOST, this.planeTop / 1.05 / this.sabr.a);
    this.choose("levels", this.levels.map((old, i) => (i === j ? clamp(Number(level.toFixed(3)), 1 / MOST, most) : old)));
  }

  // --- frames ----------------------------------------------------------------------------------

  frame() {
    if (!this.fitSurfaces()) return false;
    this.drawPlane(this.surfaces.plane);
    this.drawSmile(this.surfaces.smile);
    this.stale = false;
    return false;
  }

  curve(g, axes, style, points) {
    useStyle(g, style);
    g.beginPath();
    tracePoints(g, points.length, (i) => [axes.x(points[i][0]), axes.y(points[i][1])]);
    g.stroke();
    g.globalAlpha = 1;
    g.setLineDash([]);
  }

  /** The frame of a picture over the log price, and the line of the strike. */
  axesOf({ width, height }, g, top, yName, xName) {
    const { colors, reach } = this;
    const axes = new Axes({ left: 42, top: 24, right: width - 10, bottom: height - 42 }, [-1.04 * reach, 1.04 * reach], [0, top]);
    drawFrame(g, axes, colors, { xTicks: ticks(-reach, reach, 4), yTicks: ticks(0, top, 4) });
    // Outside of the frame: rings and curves are everywhere in it.
    g.fillStyle = colors.ink;
    g.textBaseline = "bottom";
    g.textAlign = "left";
    g.fillText(yName, axes.left, axes.top - 6);
    g.textAlign = "right";
    g.fillText(xName, axes.right, height - 2);
    return axes;
  }

  upright(g, axes, style) {
    this.curve(g, axes, style, [[this.strike, axes.yLow], [this.strike, axes.yHigh]]);
  }

  drawPlane(surface) {
    const { colors, sabr, strike, distance } = this;
    const g = surface.clear();
    const axes = (this.axes = this.axesOf(surface, g, this.planeTop, "volatility a", "log price ln F"));
    const { truth, highlight, formula, hnn } = colors.roles;
    const states = (style, path) => this.curve(g, axes, style, path.map(([x, y]) => [x, Math.exp(y)]));
    axes.clip(g);
    for (let ring = 0.5; ring < 3; ring += 0.5) states({ color: colors.line, width: 1, dash: [] }, sabr.circle(ring, 90));
    if (strike) states({ color: colors.muted, width: 1.2, dash: [3, 3] }, sabr.circle(distance, 180));
    this.upright(g, axes, { color: colors.ink, width: 1.2, dash: [] });
    states(truth, this.best);
    this.curve(g, axes, formula, [[0, sabr.a], [strike, sabr.a]]);
    if (this.learns) {
      const { path } = this.learned;
      states(hnn, Array.from({ length: path.length / 2 }, (_, i) => path.slice(2 * i, 2 * i + 2)));
    }
    states({ ...highlight, width: 2.2 }, this.mine);
    g.restore();
    g.fillStyle = colors.ink;
    g.fillRect(axes.x(0) - 4, axes.y(sabr.a) - 4, 8, 8);
    this.strikes[0].put(axes.x(strike), axes.y(0));
    this.handles.forEach((handle, j) => handle.put(axes.x((strike * (j + 1)) / KNOTS), axes.y(sabr.a * this.levels[j])));
  }

  drawSmile(surface) {
    const { colors, reach, sabr, strike } = this;
    const g = surface.clear();
    const axes = (this.smileAxes = this.axesOf(surface, g, this.smileTop, "implied volatility |k|/ℓ", "log strike k"));
    const { truth, formula, hnn } = colors.roles;
    axes.clip(g);
    this.upright(g, axes, { color: colors.line, width: 1, dash: [] });
    this.curve(g, axes, formula, [-reach, reach].map((k) => [k, sabr.a]));
    this.curve(g, axes, truth, this.smile.map((value, i) => [this.strikeAt(i, MESH), value]));
    if (this.learns) this.curve(g, axes, hnn, this.table.map(([value], i) => [this.strikeAt(i, TABLE[0] - 1), value]));
    g.restore();
    if (strike) drawMark(g, "highlight", colors, axes.x(strike), axes.y(Math.abs(strike) / this.length), 6);
    this.strikes[1].put(axes.x(strike), axes.y(sabr.shortVolatility(strike)));
  }

  // --- numbers and words -----------------------------------------------------------------------

  says() {
    return this.strike ? `your path is ${formatNumber(100 * this.excess, 1)}\u00a0% longer than the geodesic` : "no way is needed";
  }

  showNumbers() {
    const { sabr, strike, distance, length } = this;
    const put = (target, text) => {
      if (target.textContent !== text) target.textContent = text;
    };
    const size = Math.abs(strike);
    const pairs = [[distance, sabr.shortVolatility(strike)], [length, size / length], [size / sabr.a, sabr.a]];
    let verdict = `Along the geodesic H = ℓ²/2 stays at ${formatNumber(Math.max(...sabr.lagrangians(this.best)), 3)}.`;
    if (this.learns) {
      const { volatility } = this.learned;
      pairs.push([size / volatility, volatility]);
      const errors = this.table.map(([value], i) => Math.abs(value / sabr.shortVolatility(this.strikeAt(i, TABLE[0] - 1)) - 1)).sort((a, b) => a - b);
      const percent = (share) => `${formatNumber(100 * share, 2)}\u00a0%`;
      verdict += ` The learned smile is off by ${percent(Math.abs(volatility / pairs[0][1] - 1))} here, and by ${percent(errors[TABLE[0] >> 1])} in the median.`;
    }
    pairs.forEach((pair, i) => pair.forEach((value, j) => put(this.cells[i][j], Number.isNaN(value) ? "–" : formatNumber(value, 3))));
    put(this.reading, `At k = ${formatNumber(strike, 3)} ${this.says()}.`);
    put(this.verdict, verdict);
  }

  summary() {
    const { sabr, strike } = this;
    const text = `The implied volatility at k = ${formatNumber(strike, 3)} is ${formatNumber(sabr.shortVolatility(strike), 3)}; that of Black–Scholes is ${formatNumber(sabr.a, 3)}.`;
    this.surfaces.plane.canvas.setAttribute("aria-label", `Price and volatility. ${text}`);
    return text;
  }
}

export default widget(SmileLab);
