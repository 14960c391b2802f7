// A training in progress, which works for as long as it is allowed to and then waits to be called.
import { Adam } from "./adam.js";
import { LevenbergMarquardt } from "./levenberg_marquardt.js";
import { Problem, TrainingDivergedError, requireFinite } from "./problem.js";

export const OPTIMIZERS = { adam: Adam, levenberg_marquardt: LevenbergMarquardt };

const ALL_STEPS = "all steps done";

export class Fit {
  /** `job` holds plain values only, so that it can be sent to a worker:
   * `{ kind, sizes, states, derivatives, weights, optimizer, settings }`. Another problem than that of a
   * field on samples is given as it is. */
  constructor({ optimizer, settings, weights, ...data }, problem = new Problem(data)) {
    if (!OPTIMIZERS[optimizer]) throw new Error(`unknown optimiser "${optimizer}"; there are ${Object.keys(OPTIMIZERS).join(", ")}`);
    this.problem = problem;
    if (weights.length !== problem.size) {
      const what = data.sizes ? `a ${data.sizes.join("-")} network` : "this motion";
      throw new Error(`${what} has ${problem.size} weights, but ${weights.length} arrived`);
    }
    this.optimizer = new OPTIMIZERS[optimizer](settings);
    this.state = this.optimizer.start(this.problem, Float64Array.from(weights));
    /** The newest weights whose loss is known to be finite; before the first step, none. */
    this.verified = null;
    /** Entry k is the loss before step k + 1. */
    this.losses = [];
    this.finalLoss = NaN;
    /** Why it ended, or null; `diverged` if that was an accident. */
    this.reason = null;
    this.diverged = false;
    this.work = this.#run();
  }

  get done() {
    return this.reason !== null;
  }

  /** The weights to show: after an accident the last good ones. */
  get weights() {
    return this.diverged ? (this.verified ?? this.state.weights) : this.state.weights;
  }

  /** Work until done, until `most` steps are made, or until the clock (performance.now) shows `deadline`. */
  advance(deadline, most = Infinity) {
    // That it is the last step shows only after it.
    const enough = most < this.optimizer.steps ? most : Infinity;
    try {
      while (this.losses.length < enough && !this.work.next().done) if (performance.now() >= deadline) return;
    } catch (error) {
      if (!(error instanceof TrainingDivergedError)) throw error;
      this.diverged = true;
      this.reason = `${error.message} at step ${this.losses.length + 1}`;
    }
  }

  *#run() {
    const { problem, optimizer, state } = this;
    let reason;
    for (;;) {
      reason = optimizer.stopReason(state) ?? (state.step >= optimizer.steps ? ALL_STEPS : null);
      if (reason !== null) break;
      const before = state.weights;
      this.losses.push(yield* optimizer.step(problem, state));
      this.verified = before;
    }
    this.finalLoss = requireFinite(yield* problem.loss(state.weights), "the loss");
    this.reason = reason;
  }
}
