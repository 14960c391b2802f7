// What a recording of a swing says before anything is fitted, and the fits of it.
import { cholesky, choleskySolve } from "../../training/linear_algebra.js";
import { RolloutFit, RolloutProblem, firstEnergyWeights, forceNamed, rollOut } from "../../training/rollout.js";

export const LEARNED = 0.8; // of a recording; the rest is forecast
export const LONGEST = 30; // s that are used at most
const MOST_SAMPLES = 1200;
const FEWEST = 60;
const SHORTEST = 2; // s
const STILL = 0.03; // rad or rad/s: a root mean square below it is no swing
const HALF_WINDOW = 3; // samples on either side of a rate that is smoothed
const STEPS = { textbook: [15, 40], energy: [30, 220] };

/** Derivative (or, with `order` 0, value) at sample k of a straight line through its neighbours. */
function lineThere(times, values, k, order) {
  const [from, to] = [Math.max(0, k - HALF_WINDOW), Math.min(times.length - 1, k + HALF_WINDOW)];
  const count = to - from + 1;
  let [meanT, meanY] = [0, 0];
  for (let i = from; i <= to; i++) {
    meanT += times[i] / count;
    meanY += values[i] / count;
  }
  let [above, below] = [0, 0];
  for (let i = from; i <= to; i++) {
    above += (times[i] - meanT) * (values[i] - meanY);
    below += (times[i] - meanT) ** 2;
  }
  const slope = above / below;
  return order ? slope : meanY + slope * (times[k] - meanT);
}

/** Times at which a quantity goes through zero, not counting what noise does there. */
function crossings(times, values) {
  const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const found = [];
  let [side, last] = [0, 0];
  values.forEach((value, k) => {
    if (Math.abs(value) < 0.3 * size) return;
    const now = Math.sign(value);
    if (side && now !== side) {
      // Somewhere between the last sample that counts and this one: where the sum of both sides vanishes.
      const gap = times[k] - times[last];
      found.push(times[last] + (gap * Math.abs(values[last])) / (Math.abs(values[last]) + Math.abs(value)));
    }
    [side, last] = [now, k];
  });
  return found;
}

/** What a quantity is in the middle, swing after swing: `[time, mean]` between crossings in one direction. */
function middles(times, values, found) {
  const means = [];
  for (let j = 0; j + 2 < found.length; j++) {
    const inside = Array.from(times.keys()).filter((k) => times[k] >= found[j] && times[k] < found[j + 2]);
    // By trapezia, so that a gap counts for its time.
    let [sum, span] = [0, 0];
    for (let i = 1; i < inside.length; i++) {
      const step = times[inside[i]] - times[inside[i - 1]];
      sum += 0.5 * step * (values[inside[i]] + values[inside[i - 1]]);
      span += step;
    }
    if (span > 0) means.push([0.5 * (found[j] + found[j + 2]), sum / span]);
  }
  return means;
}

/** The straight line through points, `[value at 0, slope]`. */
function lineThrough(points) {
  const count = points.length;
  const [meanX, meanY] = [0, 1].map((i) => points.reduce((sum, point) => sum + point[i] / count, 0));
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = below > 0 ? above / below : 0;
  return [meanY - slope * meanX, slope];
}

export class Swing {
  /** A recording `{ times, values, kind }`, of which the part from `from` to `to` is used. */
  constructor({ times, values, kind }, from = 0, to = Infinity) {
    const end = Math.min(to, from + LONGEST);
    const inside = Array.from(times.keys()).filter((k) => times[k] >= from && times[k] <= end);
    const stride = Math.ceil(inside.length / MOST_SAMPLES);
    const kept = inside.filter((_, i) => i % stride === 0);
    this.kind = kind;
    this.begun = times[kept[0]] ?? 0;
    this.times = Float64Array.from(kept, (k) => times[k] - this.begun);
    this.values = Float64Array.from(kept, (k) => values[k]);
    const count = kept.length;
    if (count < FEWEST || !(this.duration >= SHORTEST)) throw new Error(`expected at least ${FEWEST} samples over ${SHORTEST} s, found ${count} over ${(count ? this.duration : 0).toFixed(1)} s`);
    this.learned = Math.floor(LEARNED * count);
    this.#look();
  }

  get duration() {
    return this.times.at(-1);
  }

  /** The time at which the forecast begins. */
  get split() {
    return this.times[this.learned];
  }

  /** Offset, angles and rates before any fit: by integration of the one or slopes of the other. */
  #look() {
    const { kind, times, values } = this;
    let offset = values.reduce((sum, value) => sum + value, 0) / values.length;
    let [found, angles] = [[], null];
    const centred = () => values.map((value) => value - offset);
    // Without an offset the middle of a swing stays where it is.
    for (let k = 0; k < 3; k++) {
      found = crossings(times, centred());
      angles = kind === "rate" ? this.integrate(centred()) : centred();
      const [level, slope] = lineThrough(middles(times, angles, found));
      if (!Number.isFinite(level)) break;
      offset += kind === "rate" ? slope : level;
      angles = angles.map((angle, i) => angle - level - (kind === "rate" ? slope * times[i] : 0));
    }
    const size = Math.sqrt(centred().reduce((sum, value) => sum + value * value, 0) / values.length);
    if (size < STILL) throw new Error(`expected a swing, found hardly any motion: ${size.toPrecision(1)} ${kind === "rate" ? "rad/s" : "rad"} in the mean`);
    const early = found.filter((time) => time < this.split);
    if (early.length < 4) throw new Error(`expected two swings to and fro at least before the last fifth, found ${early.length / 2}`);
    this.period = (2 * (early.at(-1) - early[0])) / (early.length - 1);
    this.rates = kind === "rate" ? centred() : angles.map((_, k) => lineThere(times, angles, k, 1));
    Object.assign(this, { offset, angles });
  }

  /** Angles from rates: by trapezia, and over a gap by the cubic through the rates and slopes at its ends. */
  integrate(rates) {
    const { times } = this;
    const angles = new Float64Array(rates.length);
    const usual = times.at(-1) / (times.length - 1);
    for (let k = 1; k < rates.length; k++) {
      const step = times[k] - times[k - 1];
      angles[k] = angles[k - 1] + 0.5 * step * (rates[k] + rates[k - 1]);
      if (step < 3 * usual) continue;
      const slope = (from, to) => lineThere(times.slice(from, to), rates.slice(from, to), 0, 1);
      angles[k] += (step * step * (slope(Math.max(0, k - HALF_WINDOW), k) - slope(k, k + HALF_WINDOW))) / 12;
    }
    return angles;
  }

  /** A start at sample k: where it may have been and how fast, from the recording alone. */
  #start(k) {
    return [this.angles[k], lineThere(this.times, this.rates, k, 0)];
  }

  /** The job of a fit to the first four fifths, for `RolloutFit`. */
  job(law, seed = 0) {
    const { angles, kind, learned, offset, period, rates, times, values } = this;
    const part = (array) => array.slice(0, learned);
    const largest = (array) => part(array).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scales = [largest(angles), largest(rates)];
    const whole = { from: 0, to: learned };
    const steps = STEPS[law];
    const start = [...this.#start(0), offset];
    const shared = { law, scales, kind, times: part(times), values: part(values) };
    if (law === "textbook") {
      const half = Math.floor(learned / 2);
      const size = (from, to) => Math.sqrt(values.slice(from, to).reduce((sum, value) => sum + (value - offset) ** 2, 0) / (to - from));
      const loss = (-4 * Math.log(size(half, learned) / size(0, half))) / times[learned];
      const k = ((2 * Math.PI) / period) ** 2 * (1 + Math.min(scales[0], 2) ** 2 / 8);
      // First the part in which no wrong period can skip a swing.
      const near = times.findIndex((time) => time > 2 * period);
      const first = { from: 0, to: near < 0 ? learned : Math.min(learned, near) };
      return { ...shared, weights: [k, Math.max(0.01, loss), ...start], stages: [{ pieces: [first], steps: steps[0] }, { pieces: [whole], steps: steps[1] }] };
    }
    // Short motions from where the recording says it was: they lead any first weights near.
    const pieces = [];
    for (let from = 0; from < learned - 2; ) {
      const end = times.findIndex((time) => time > times[from] + period / 4);
      const to = end < 0 || end > learned ? learned : Math.max(end, from + 3);
      pieces.push({ from, to, start: this.#start(from) });
      from = to;
    }
    return { ...shared, weights: [...firstEnergyWeights(seed), ...start], stages: [{ pieces, steps: steps[0] }, { pieces: [whole], steps: steps[1] }] };
  }
}

/** What was fitted: a law of motion, its weights, and the motion that they give. */
export class FittedSwing {
  constructor(swing, job, weights) {
    Object.assign(this, { swing, job, weights, force: forceNamed(job.law, job.scales) });
    this.offset = weights[this.force.size + 2];
    this.rest = this.#rest();
    Object.assign(this, this.shown(swing.times));
  }

  /** Angles from rest, rates, and what the recording should show, at some times. */
  shown(times) {
    const { angles, rates } = rollOut(this.force, this.weights, times);
    const values = (this.swing.kind === "angle" ? angles : rates).map((value) => value + this.offset);
    return { angles: angles.map((angle) => angle - this.rest), rates, values };
  }

  /** Where the force vanishes. Rates alone do not say which angle is zero: a network may place it anywhere. */
  #rest() {
    const { force, weights } = this;
    let rest = 0;
    for (let k = 0; k < 50; k++) {
      force.at(weights, rest, 0);
      const step = force.value / force.byAngle;
      if (!Number.isFinite(step)) break;
      rest -= Math.max(-0.2, Math.min(0.2, step));
    }
    return rest;
  }

  /** What Python needs to build the network: the sizes of angles and rates, its angle at rest, its weights. */
  get network() {
    return [...this.job.scales, this.rest, ...this.weights.slice(0, this.force.size)];
  }

  /** Root mean square of what was recorded less what was said, from sample `from` on. */
  error(from = this.swing.learned, to = this.swing.times.length) {
    const { values } = this.swing;
    let sum = 0;
    for (let k = from; k < to; k++) sum += (this.values[k] - values[k]) ** 2;
    return Math.sqrt(sum / (to - from));
  }

  /** k: how steeply the restoring force rises at rest. */
  get stiffness() {
    this.force.at(this.weights, this.rest, 0);
    return -this.force.byAngle;
  }

  /** The friction, c or the mean of κ² over the recording weighted by what it takes away. */
  get friction() {
    const { force, job, rates, weights } = this;
    if (job.law === "textbook") return weights[1];
    let [above, below] = [0, 0];
    for (const rate of rates) {
      force.at(weights, 0, rate);
      above += force.friction * rate * rate;
      below += rate * rate;
    }
    return above / below;
  }

  /** Standard errors of the weights, from the noise that is left: σ² (JᵀJ)⁻¹. For the textbook. */
  deviations() {
    const { job, weights } = this;
    const problem = new RolloutProblem({ ...job, pieces: job.stages.at(-1).pieces });
    const { size, samples } = problem;
    const [J, r] = [new Float64Array(size), new Float64Array(1)];
    const A = new Float64Array(size * size);
    let sum = 0;
    for (let k = 0; k < samples; k++) {
      sum += problem.jacobian(weights, k, J, r, 0);
      for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) A[i * size + j] += J[i] * J[j];
    }
    const work = cholesky(A, size);
    let done = work.next();
    while (!done.done) done = work.next();
    if (!done.value) return null;
    return Array.from({ length: size }, (_, i) => {
      const unit = new Float64Array(size);
      unit[i] = 1;
      choleskySolve(A, size, unit);
      return Math.sqrt((unit[i] * sum) / (samples - size));
    });
  }
}

/** Fit a law at once. */
export function fitSwing(swing, law, seed = 0) {
  const job = swing.job(law, seed);
  const fit = new RolloutFit(job);
  fit.advance(Infinity);
  if (fit.diverged) throw new Error(fit.reason);
  return new FittedSwing(swing, job, fit.weights);
}
