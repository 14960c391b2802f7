// A dense network: value, and the gradient of a scalar output with respect to the input, by hand.

/** Hidden activations: value of z, and slope from z and the value a. */
export const ACTIVATIONS = {
  tanh: { value: Math.tanh, slope: (z, a) => 1 - a * a },
  softplus: {
    value: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
    slope: (z) => 1 / (1 + Math.exp(-z)),
  },
  sin: { value: Math.sin, slope: (z) => Math.cos(z) },
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
}
