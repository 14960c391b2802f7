// Adam: many cheap steps along a smoothed gradient. The Python package's, on full batches.
import { requireFinite } from "./problem.js";

/** The factor on the learning rate, as a function of the share of steps done. */
export const SCHEDULES = {
  constant: () => 1,
  cosine: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
};

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export class Adam {
  constructor({ steps = 2000, learningRate = 1e-3, schedule = "constant", weightDecay = 0 } = {}) {
    if (!SCHEDULES[schedule]) throw new Error(`unknown schedule "${schedule}"; there are ${Object.keys(SCHEDULES).join(", ")}`);
    Object.assign(this, { steps, learningRate, schedule, weightDecay });
  }

  /** The state before the first step. */
  start(problem, weights) {
    const zeros = () => new Float64Array(problem.size);
    return { weights, step: 0, firstMoment: zeros(), secondMoment: zeros(), gradient: zeros() };
  }

  /** Make one step; return the loss before it. */
  *step(problem, state) {
    const { weights, firstMoment: m, secondMoment: v, gradient: g } = state;
    const loss = requireFinite(yield* problem.gradient(weights, g), "the loss");
    const done = state.step;
    const [correct1, correct2] = [1 - BETA1 ** (done + 1), 1 - BETA2 ** (done + 1)];
    const rate = this.learningRate * SCHEDULES[this.schedule](done / this.steps);
    const next = new Float64Array(weights.length);
    for (let i = 0; i < next.length; i++) {
      const slope = requireFinite(g[i], "the gradient") + this.weightDecay * weights[i];
      m[i] = BETA1 * m[i] + (1 - BETA1) * slope;
      v[i] = BETA2 * v[i] + (1 - BETA2) * slope * slope;
      next[i] = weights[i] - (rate * (m[i] / correct1)) / (Math.sqrt(v[i] / correct2) + EPSILON);
    }
    state.weights = next;
    state.step = done + 1;
    return loss;
  }

  /** Adam has no criterion of its own. */
  stopReason() {
    return null;
  }
}
