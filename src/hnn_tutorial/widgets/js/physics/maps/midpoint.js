// One step of implicit midpoint with an HNN, y = x + h f((x + y)/2), however long.
import { longMidpointStep } from "../integrators/implicit.js";

const AXES = [Float64Array.of(1, 0), Float64Array.of(0, 1)];

export class MidpointMap {
  constructor(model, step) {
    Object.assign(this, { model, step });
    this.field = (x) => model.field(x);
  }

  /** See `maps.js`. With D the derivatives of h f/2 at the middle, the Jacobian is (1 − D)⁻¹ (1 + D). */
  map(x, out, slopes) {
    longMidpointStep(this.field, x, this.step, out);
    const [a, b, c, d] = this.#derivatives([(x[0] + out[0]) / 2, (x[1] + out[1]) / 2]).map((value) => (this.step / 2) * value);
    const determinant = (1 - a) * (1 - d) - b * c;
    slopes[0] = ((1 - d) * (1 + a) + b * c) / determinant;
    slopes[1] = (2 * b) / determinant;
    slopes[2] = (2 * c) / determinant;
    slopes[3] = (b * c + (1 - a) * (1 + d)) / determinant;
  }

  /** [∂q̇/∂q, ∂q̇/∂p, ∂ṗ/∂q, ∂ṗ/∂p] */
  #derivatives(x) {
    const { network, embedding } = this.model;
    const axes = AXES.map((axis) => embedding.pushForward(x, axis));
    const [gradient, [[qq, qp], [, pp]]] = network.gradientAndCurvature(embedding.features(x), axes);
    // The circle of an angle bends, too.
    const bend = embedding.angles.length ? Math.cos(x[0]) * gradient[0] + Math.sin(x[0]) * gradient[2] : 0;
    return [qp, pp, bend - qq, -qp];
  }
}
