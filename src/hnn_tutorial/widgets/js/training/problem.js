// What an optimiser sees: the residuals of a learned field on data, as a function of one flat vector
// of weights. Everything that takes long is a generator that yields often, so that whoever runs it
// (a worker, or a page between two frames) can look up from the work.
import { FIELDS } from "./dense_field.js";

const SAMPLES_BETWEEN_YIELDS = 16;

/** The loss or a derivative is not finite. */
export class TrainingDivergedError extends Error {}

export function requireFinite(value, what) {
  if (!Number.isFinite(value)) throw new TrainingDivergedError(`${what} is not finite`);
  return value;
}

export class Problem {
  /** `states` and `derivatives` are flat: one sample of `sizes[0]` components after the other. */
  constructor({ kind, sizes, states, derivatives }) {
    if (!FIELDS[kind]) throw new Error(`a lab trains ${Object.keys(FIELDS).join(" or ")}, not "${kind}"`);
    const components = sizes[0];
    if (states.length === 0) throw new Error("there are no data to train on");
    if (states.length % components || derivatives.length !== states.length) {
      throw new Error(`${states.length} numbers of states and ${derivatives.length} of derivatives are no samples of ${components} components`);
    }
    Object.assign(this, { components, derivatives });
    this.field = new FIELDS[kind](sizes);
    this.size = this.field.size;
    this.samples = states.length / components;
    this.states = Array.from({ length: this.samples }, (_, k) => Float64Array.from(states.slice(k * components, (k + 1) * components)));
    this.residual = new Float64Array(components);
  }

  /** The residual r = f(x) - ẋ of one sample, in a buffer; returns its squared norm. */
  #residual(weights, sample) {
    const { components, derivatives, residual } = this;
    const value = this.field.value(weights, this.states[sample]);
    let sum = 0;
    for (let c = 0, k = sample * components; c < components; c++, k++) {
      residual[c] = value[c] - derivatives[k];
      sum += residual[c] * residual[c];
    }
    return sum;
  }

  /** The mean squared residual. */
  *loss(weights) {
    let total = 0;
    for (let sample = 0; sample < this.samples; sample++) {
      total += this.#residual(weights, sample);
      if (sample % SAMPLES_BETWEEN_YIELDS === 0) yield;
    }
    return total / (this.samples * this.components);
  }

  /** The mean squared residual; its gradient with respect to the weights goes to `g`. */
  *gradient(weights, g) {
    let total = 0;
    g.fill(0);
    for (let sample = 0; sample < this.samples; sample++) {
      total += this.#residual(weights, sample);
      this.field.addGradient(weights, this.residual, g);
      if (sample % SAMPLES_BETWEEN_YIELDS === 0) yield;
    }
    const count = this.samples * this.components;
    for (let i = 0; i < g.length; i++) g[i] *= 2 / count;
    return total / count;
  }

  /** The Jacobian of one sample's residual goes to J, from row `row` on, and the residual to r;
   * returns the residual's squared norm. */
  jacobian(weights, sample, J, r, row) {
    const { components, size, residual } = this;
    const sum = this.#residual(weights, sample);
    r.set(residual, row);
    J.fill(0, row * size, (row + components) * size);
    for (let c = 0; c < components; c++) {
      residual.fill(0);
      residual[c] = 1;
      this.field.addGradient(weights, residual, J, (row + c) * size);
    }
    return sum;
  }
}
