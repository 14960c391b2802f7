// A dense network: value, and its derivatives with respect to the input, by hand.

/** Hidden activations: value of z, slope from z and the value a, bend from a and the slope s. */
export const ACTIVATIONS = {
  tanh: { value: Math.tanh, slope: (z, a) => 1 - a * a, bend: (a, s) => -2 * a * s },
  softplus: {
    value: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
    slope: (z) => 1 / (1 + Math.exp(-z)),
    bend: (a, s) => s * (1 - s),
  },
  sin: { value: Math.sin, slope: (z) => Math.cos(z), bend: (a) => -a },
};

export function parameterCount(sizes) {
  let count = 0;
  for (let k = 0; k + 1 < sizes.length; k++) count += sizes[k] * sizes[k + 1] + sizes[k + 1];
  return count;
}

export class DenseNetwork {
  /** `weights` holds W1, b1, W2, b2, ... with each W row by row (outputs × inputs). */
  constructor(sizes, activation, weights) {
    if (!ACTIVATIONS[activation]) {
      throw new Error(`unknown activation "${activation}"; there are ${Object.keys(ACTIVATIONS).join(", ")}`);
    }
    if (weights.length !== parameterCount(sizes)) {
      throw new Error(
        `a ${sizes.join("-")} network has ${parameterCount(sizes)} parameters, but ${weights.length} arrived`
      );
    }
    this.sizes = sizes;
    this.activation = ACTIVATIONS[activation];
    this.layers = [];
    let offset = 0;
    for (let k = 0; k + 1 < sizes.length; k++) {
      const [inputs, outputs] = [sizes[k], sizes[k + 1]];
      const W = Float64Array.from(weights.subarray(offset, (offset += inputs * outputs)));
      const b = Float64Array.from(weights.subarray(offset, (offset += outputs)));
      // z and a are kept for the backward pass; `back` receives the gradient at the input.
      const z = new Float64Array(outputs);
      const a = new Float64Array(outputs);
      this.layers.push({ inputs, outputs, W, b, z, a, back: new Float64Array(inputs) });
    }
  }

  /** The output of the network (a view of its own buffer: copy it to keep it). */
  forward(x) {
    const last = this.layers.length - 1;
    let input = x;
    this.layers.forEach(({ inputs, outputs, W, b, z, a }, k) => {
      for (let i = 0, w = 0; i < outputs; i++) {
        let sum = b[i];
        for (let j = 0; j < inputs; j++) sum += W[w++] * input[j];
        z[i] = sum;
        a[i] = k < last ? this.activation.value(sum) : sum;
      }
      input = a;
    });
    return input;
  }

  /** Gradient of the (scalar) output with respect to the input, by one backward pass. */
  inputGradient(x) {
    this.forward(x);
    let gradient = Float64Array.of(1);
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { inputs, outputs, W, back } = this.layers[k];
      back.fill(0);
      for (let i = 0, w = 0; i < outputs; i++) {
        const g = gradient[i];
        for (let j = 0; j < inputs; j++) back[j] += g * W[w++];
      }
      if (k > 0) {
        const { z, a } = this.layers[k - 1];
        for (let j = 0; j < inputs; j++) back[j] *= this.activation.slope(z[j], a[j]);
      }
      gradient = back;
    }
    return gradient;
  }

  /** The outputs, and how each changes along some directions of the input, one row a direction. */
  valueAndTangents(x, directions) {
    const value = Float64Array.from(this.forward(x));
    const tangents = directions.map((direction) => this.#tangents(direction).at(-1));
    return [value, tangents];
  }

  /** Gradient of the (scalar) output, and its second derivatives between pairs of directions:
   * a sum over the layers of g σ″(z) ż_a ż_b, with the tangents ż of each direction. */
  gradientAndCurvature(x, directions) {
    this.forward(x);
    const along = directions.map((direction) => this.#tangents(direction));
    const curvature = directions.map(() => new Float64Array(directions.length));
    let gradient = Float64Array.of(1);
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { inputs, outputs, W, z, a } = this.layers[k];
      if (k < this.layers.length - 1) {
        const { slope, bend } = this.activation;
        gradient = gradient.map((g, i) => {
          const s = slope(z[i], a[i]);
          const bent = g * bend(a[i], s);
          for (let row = 0; row < along.length; row++) {
            for (let column = 0; column < along.length; column++) curvature[row][column] += bent * along[row][k][i] * along[column][k][i];
          }
          return g * s;
        });
      }
      const below = new Float64Array(inputs);
      for (let i = 0, w = 0; i < outputs; i++) {
        for (let j = 0; j < inputs; j++) below[j] += gradient[i] * W[w++];
      }
      gradient = below;
    }
    return [gradient, curvature];
  }

  /** The rate ż of each layer along a direction of the input, at the x of the last `forward`. */
  #tangents(direction) {
    let tangent = direction;
    return this.layers.map(({ inputs, outputs, W }, k) => {
      const rate = new Float64Array(outputs);
      for (let i = 0, w = 0; i < outputs; i++) {
        for (let j = 0; j < inputs; j++) rate[i] += W[w++] * tangent[j];
      }
      const { z, a } = this.layers[k];
      if (k < this.layers.length - 1) tangent = rate.map((value, i) => value * this.activation.slope(z[i], a[i]));
      return rate;
    });
  }
}
