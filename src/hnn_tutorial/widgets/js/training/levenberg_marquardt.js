// Levenberg-Marquardt: few dear steps, each of which solves a linear least-squares problem. The
// Python package's, on full batches: with M residuals r and their Jacobian J,
//
//   (JᵀJ/M + μ 𝓛 I) s = -Jᵀr/M,   𝓛 = ‖r‖²/M.
//
// A step that lowers the loss is taken, and μ falls by ten; otherwise μ doubles and the step is
// solved for again from the same JᵀJ.
import { addFourRows, cholesky, choleskySolve } from "./linear_algebra.js";
import { TrainingDivergedError, requireFinite } from "./problem.js";

const LESS = 0.1;
const MORE = 2;
const TRIALS = 60;
const STALLED = 5;

export class LevenbergMarquardt {
  constructor({ steps = 100, damping = 1, tolerance = 1e-5, weightDecay = 0 } = {}) {
    Object.assign(this, { steps, damping, tolerance, weightDecay });
  }

  /** The state before the first step. */
  start(problem, weights) {
    const { size, components } = problem;
    // As many samples in a block as fill whole groups of four rows.
    const rows = components * (components % 4 === 0 ? 1 : components % 2 === 0 ? 2 : 4);
    const numbers = (count) => new Float64Array(count);
    const buffers = { A: numbers(size * size), factor: numbers(size * size), g: numbers(size), J: numbers(rows * size), r: numbers(rows), rows };
    return { weights, step: 0, damping: this.damping, stalled: 0, buffers };
  }

  /** Make one step; return the loss before it. */
  *step(problem, state) {
    const { weights } = state;
    const loss = yield* this.#normalEquations(problem, weights, state.buffers);
    const before = this.#objective(loss, weights);
    let { damping } = state;
    let [taken, after] = [null, NaN];
    for (let trial = 0; trial < TRIALS && !taken; trial++) {
      const candidate = yield* this.#solve(state.buffers, damping * before, weights);
      if (candidate) {
        after = this.#objective(yield* problem.loss(candidate), candidate);
        if (after < before) taken = candidate;
      }
      if (!taken) damping *= MORE;
    }
    if (taken) {
      const slow = before - after < this.tolerance * before;
      state.weights = taken;
      state.damping = damping * LESS;
      state.stalled = slow ? state.stalled + 1 : 0;
    } else {
      state.stalled = STALLED;
    }
    state.step += 1;
    return loss;
  }

  /** Why to stop now, or null. */
  stopReason(state) {
    return state.stalled >= STALLED ? "converged: the loss no longer falls" : null;
  }

  #objective(loss, weights) {
    if (this.weightDecay === 0) return loss;
    return loss + 0.5 * this.weightDecay * weights.reduce((sum, w) => sum + w * w, 0);
  }

  /** Half the Gauss-Newton Hessian goes to A, half the gradient to g; returns the loss. */
  *#normalEquations(problem, weights, { A, g, J, r, rows }) {
    const { size, components, samples } = problem;
    const count = samples * components;
    let total = 0;
    A.fill(0);
    g.fill(0);
    for (let sample = 0; sample < samples; ) {
      let row = 0;
      for (; row < rows && sample < samples; row += components) total += problem.jacobian(weights, sample++, J, r, row);
      J.fill(0, row * size);
      for (let k = 0; k < row; k++) for (let i = 0, j = k * size; i < size; i++) g[i] += J[j++] * r[k];
      for (let first = 0; first < rows; first += 4) addFourRows(A, J, size, first);
      yield;
    }
    const loss = requireFinite(total / count, "the loss");
    for (let i = 0; i < A.length; i++) A[i] /= count;
    for (let i = 0; i < size; i++) g[i] /= count;
    for (let i = 0; i < size; i++) {
      if (!Number.isFinite(A[i * size + i])) throw new TrainingDivergedError("a derivative of the residuals is not finite");
      if (!this.weightDecay) continue;
      A[i * size + i] += 0.5 * this.weightDecay;
      g[i] += 0.5 * this.weightDecay * weights[i];
    }
    return loss;
  }

  /** The weights after the damped step, or null if it cannot be computed. */
  *#solve({ A, factor, g }, shift, weights) {
    const size = weights.length;
    factor.set(A);
    for (let i = 0; i < size; i++) factor[i * size + i] += shift;
    if (!(yield* cholesky(factor, size))) return null;
    const step = Float64Array.from(g);
    choleskySolve(factor, size, step);
    if (!step.every(Number.isFinite)) return null;
    return step.map((value, i) => weights[i] - value);
  }
}
