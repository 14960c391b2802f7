// Fits a law of motion to a recording of one swing by its rollout: with the start and the offset of the
// sensor unknown, all residuals are those of one motion over the whole recording. The textbook's
// pendulum and a network for its energy are fitted alike; they differ in the force alone,
//
//   q̇ = p,   ṗ = f(q, p; w),
//
// with q the angle from rest and p the rate. The derivatives with respect to the weights w and the start
// are those of Runge and Kutta's steps themselves: the tangents go through the same steps.
import { Fit } from "./fit.js";
import { normalNumbers } from "./initial_weights.js";
import { requireFinite } from "./problem.js";

const LONGEST_STEP = 0.025; // s
const TOLERANCE = 1e-4; // a share of the loss: five steps in a row that gain less are the last
const UNITS = 10; // of the network for V
const FRICTION_UNITS = 4; // of the one for the friction
const FIRST_FRICTION = 0.3; // κ before training, in s^(-1/2)

/** The textbook: f = -k sin q - c p. Its weights are [k, c]. */
class TextbookForce {
  size = 2;
  slopes = new Float64Array(2);

  /** Leave value, ∂f/∂q, ∂f/∂p and the slopes with respect to the weights behind. */
  at(w, q, p) {
    const [k, c] = w;
    const sine = Math.sin(q);
    this.value = -k * sine - c * p;
    this.byAngle = -k * Math.cos(q);
    this.byRate = -c;
    this.slopes[0] = -sine;
    this.slopes[1] = -p;
  }
}

/** The dissipative HNN of a swing: H = p²/2 + V(q) and f = -V'(q) - κ(p)² p, whose energy never rises,
 *
 *   V = P² Σ a tanh(w q/Q + b),   κ = f + Σ c tanh(d (p/P)² + e),
 *
 * with the sizes Q and P of the recorded angles and rates. The weights are a, w, b, c, d, e, f. */
class EnergyForce {
  constructor([angle, rate]) {
    Object.assign(this, { angle, rate });
    this.size = 3 * UNITS + 3 * FRICTION_UNITS + 1;
    this.slopes = new Float64Array(this.size);
  }

  at(weights, q, p) {
    const { slopes } = this;
    const unit = this.rate ** 2 / this.angle;
    const u = q / this.angle;
    let [pull, bend] = [0, 0];
    for (let i = 0; i < UNITS; i++) {
      const [a, w] = [weights[i], weights[UNITS + i]];
      const t = Math.tanh(w * u + weights[2 * UNITS + i]);
      const s = 1 - t * t;
      const curve = -2 * t * s;
      pull += a * w * s;
      bend += a * w * w * curve;
      slopes[i] = -unit * w * s;
      slopes[UNITS + i] = -unit * a * (s + w * curve * u);
      slopes[2 * UNITS + i] = -unit * a * w * curve;
    }
    const first = 3 * UNITS;
    const v = p / this.rate;
    const last = first + 3 * FRICTION_UNITS;
    let [root, rise] = [weights[last], 0];
    for (let j = 0; j < FRICTION_UNITS; j++) {
      const [c, d] = [weights[first + j], weights[first + FRICTION_UNITS + j]];
      const t = Math.tanh(d * v * v + weights[first + 2 * FRICTION_UNITS + j]);
      const s = 1 - t * t;
      root += c * t;
      rise += c * s * d * 2 * v;
      slopes[first + j] = t;
      slopes[first + FRICTION_UNITS + j] = c * s * v * v;
      slopes[first + 2 * FRICTION_UNITS + j] = c * s;
    }
    slopes[last] = 1;
    for (let i = first; i <= last; i++) slopes[i] *= -2 * root * p;
    this.friction = root * root;
    this.value = -unit * pull - root * root * p;
    this.byAngle = (-unit / this.angle) * bend;
    this.byRate = -root * root - (2 * root * rise * p) / this.rate;
  }
}

const FORCES = { textbook: () => new TextbookForce(), energy: (scales) => new EnergyForce(scales) };

/** A law of motion by its name; `scales` are the sizes of angles and rates, for those that need them. */
export function forceNamed(name, scales) {
  if (!Object.hasOwn(FORCES, name)) throw new Error(`unknown law of motion "${name}"; there are ${Object.keys(FORCES).join(", ")}`);
  return FORCES[name](scales);
}

/** First weights of the network for the energy. */
export function firstEnergyWeights(seed) {
  const normal = normalNumbers(seed);
  const draw = (count, deviation) => Array.from({ length: count }, () => deviation * normal());
  const potential = [...draw(UNITS, 0.3), ...draw(UNITS, 1.5), ...draw(UNITS, 1)];
  return [...potential, ...draw(FRICTION_UNITS, 0.05), ...draw(FRICTION_UNITS, 1), ...draw(FRICTION_UNITS, 1), FIRST_FRICTION];
}

/** One motion in time: the state, and its tangents along the weights and the start. */
class Motion {
  constructor(force, tangents) {
    const row = () => new Float64Array(force.size + 2);
    Object.assign(this, { force, tangents });
    // Tangents of the angle and of the rate: now, at a stage, their rates there, and these summed.
    if (tangents) Object.assign(this, { Q: row(), P: row(), stageQ: row(), stageP: row(), rateQ: row(), rateP: row(), sumQ: row(), sumP: row() });
  }

  /** Begin at [q, p]; with `free` the start counts among what is fitted. */
  begin(q, p, free) {
    Object.assign(this, { q, p });
    if (!this.tangents) return;
    const { size } = this.force;
    this.Q.fill(0);
    this.P.fill(0);
    if (free) this.Q[size] = this.P[size + 1] = 1;
  }

  go(weights, duration) {
    const count = Math.max(1, Math.ceil(duration / LONGEST_STEP - 1e-6));
    for (let k = 0; k < count; k++) this.#step(weights, duration / count);
  }

  #step(weights, h) {
    const { force, q, p } = this;
    const { size, slopes } = force;
    let [rateQ, rateP, sumQ, sumP] = [0, 0, 0, 0];
    for (let stage = 0; stage < 4; stage++) {
      const part = stage === 0 ? 0 : stage === 3 ? h : h / 2;
      const share = stage === 0 || stage === 3 ? h / 6 : h / 3;
      const nowQ = q + part * rateQ;
      const nowP = p + part * rateP;
      force.at(weights, nowQ, nowP);
      rateQ = nowP;
      rateP = force.value;
      sumQ += share * rateQ;
      sumP += share * rateP;
      if (!this.tangents) continue;
      const { byAngle, byRate } = force;
      const { Q, P, stageQ, stageP, rateQ: dQ, rateP: dP, sumQ: allQ, sumP: allP } = this;
      for (let i = 0; i < size + 2; i++) {
        stageQ[i] = stage ? Q[i] + part * dQ[i] : Q[i];
        stageP[i] = stage ? P[i] + part * dP[i] : P[i];
        dQ[i] = stageP[i];
        dP[i] = byAngle * stageQ[i] + byRate * stageP[i] + (i < size ? slopes[i] : 0);
        allQ[i] = (stage ? allQ[i] : 0) + share * dQ[i];
        allP[i] = (stage ? allP[i] : 0) + share * dP[i];
      }
    }
    this.q = q + sumQ;
    this.p = p + sumP;
    if (!this.tangents) return;
    for (let i = 0; i < size + 2; i++) {
      this.Q[i] += this.sumQ[i];
      this.P[i] += this.sumP[i];
    }
  }
}

/** Angles and rates at some times, from the start that stands behind the weights, `[...w, q, p, offset]`. */
export function rollOut(force, weights, times) {
  const motion = new Motion(force, false);
  const angles = new Float64Array(times.length);
  const rates = new Float64Array(times.length);
  motion.begin(weights[force.size], weights[force.size + 1]);
  for (let k = 0; k < times.length; k++) {
    if (k > 0) motion.go(weights, times[k] - times[k - 1]);
    angles[k] = motion.q;
    rates[k] = motion.p;
  }
  return { angles, rates };
}

/** What the optimiser sees: residuals [q or p] + offset - recorded, as in `Problem`.
 *
 * `pieces` are `{ from, to, start }`: samples of the recording that belong to one motion. A `start` that
 * is given is taken as it is, and so is the offset; else both are fitted, and there is one piece. */
export class RolloutProblem {
  components = 1;

  constructor({ law, scales, times, values, kind, pieces }) {
    Object.assign(this, { times, values, pieces, angle: kind === "angle" });
    this.force = forceNamed(law, scales);
    this.size = this.force.size + 3;
    this.samples = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
    this.known = new Motion(this.force, false);
    this.tangent = new Motion(this.force, true);
    this.rows = new Float64Array(this.samples * this.size);
    this.residuals = new Float64Array(this.samples);
  }

  /** All residuals; with a motion that has tangents their derivatives too. Returns the sum of squares. */
  #run(weights, motion) {
    const { angle, force, rows, size, times, values } = this;
    const offset = weights[size - 1];
    let [sample, sum] = [0, 0];
    for (const { from, to, start } of this.pieces) {
      motion.begin(start?.[0] ?? weights[force.size], start?.[1] ?? weights[force.size + 1], !start);
      for (let k = from; k < to; k++, sample++) {
        if (k > from) motion.go(weights, times[k] - times[k - 1]);
        const residual = (angle ? motion.q : motion.p) + offset - values[k];
        this.residuals[sample] = residual;
        sum += residual * residual;
        if (!motion.tangents) continue;
        rows.set(angle ? motion.Q : motion.P, sample * size);
        rows[(sample + 1) * size - 1] = start ? 0 : 1;
      }
    }
    return sum;
  }

  *loss(weights) {
    const sum = this.#run(weights, this.known);
    yield;
    return sum / this.samples;
  }

  jacobian(weights, sample, J, r, row) {
    if (sample === 0) requireFinite(this.#run(weights, this.tangent), "the motion");
    const { residuals, rows, size } = this;
    J.set(rows.subarray(sample * size, (sample + 1) * size), row * size);
    r[row] = residuals[sample];
    return residuals[sample] ** 2;
  }
}

/** Several fits by Levenberg and Marquardt, one after the other, each from the weights of the one before:
 * `stages` are `{ pieces, steps }`. It looks like one `Fit`. */
export class RolloutFit {
  losses = [];

  constructor({ stages, weights, ...data }) {
    Object.assign(this, { data, waiting: [...stages], optimizer: { steps: stages.reduce((sum, { steps }) => sum + steps, 0) } });
    this.#next(weights);
  }

  #next(weights) {
    const { pieces, steps } = this.waiting.shift();
    this.fit = new Fit({ optimizer: "levenberg_marquardt", settings: { steps, tolerance: TOLERANCE }, weights }, new RolloutProblem({ ...this.data, pieces }));
    this.before = this.losses;
  }

  get done() {
    return this.fit.done && (this.fit.diverged || this.waiting.length === 0);
  }

  get weights() {
    return this.fit.weights;
  }

  get reason() {
    return this.done ? this.fit.reason : null;
  }

  get diverged() {
    return this.fit.diverged;
  }

  advance(deadline, most = Infinity) {
    while (!this.done && this.losses.length < most) {
      this.fit.advance(deadline, most - this.before.length);
      this.losses = [...this.before, ...this.fit.losses];
      if (this.fit.done && !this.done) this.#next(this.fit.weights);
      if (performance.now() >= deadline) return;
    }
  }
}
