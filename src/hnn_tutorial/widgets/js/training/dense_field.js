// The learned field of a dense tanh network, and its exact derivatives with respect to the weights,
// by hand. The weights lie in one flat vector: W1, b1, W2, b2, ..., each W row by row, as in the
// Python package's `Problem.weights()`.
//
// Layers: z_k = W_k a_{k-1} + b_k, a_k = tanh z_k, the last one linear. With s_k = tanh' = 1 - a_k²
// and tanh'' = -2 a_k s_k.

class DenseField {
  constructor(sizes) {
    this.sizes = sizes;
    this.layers = [];
    let offset = 0;
    for (let k = 0; k + 1 < sizes.length; k++) {
      const [inputs, outputs] = [sizes[k], sizes[k + 1]];
      const buffer = () => new Float64Array(outputs);
      const layer = { inputs, outputs, W: offset, b: offset + inputs * outputs };
      offset = layer.b + outputs;
      // Value and slope; tangents of z and a; gradient with respect to a; what comes back to z.
      Object.assign(layer, { a: buffer(), s: buffer(), zDot: buffer(), aDot: buffer(), g: buffer(), gz: buffer(), back: buffer() });
      this.layers.push(layer);
    }
    /** How many weights there are. */
    this.size = offset;
  }

  /** Fill a and s of every layer; return the output (a buffer of this object). */
  forward(weights, x) {
    const last = this.layers.length - 1;
    let input = x;
    for (let k = 0; k <= last; k++) {
      const { inputs, outputs, W, b, a, s } = this.layers[k];
      for (let i = 0, w = W; i < outputs; i++) {
        let z = weights[b + i];
        for (let j = 0; j < inputs; j++) z += weights[w++] * input[j];
        if (k < last) {
          a[i] = Math.tanh(z);
          s[i] = 1 - a[i] * a[i];
        } else {
          a[i] = z;
        }
      }
      input = a;
    }
    return input;
  }

  /** below = Wᵀ above, for the matrix of a layer. */
  transposed(weights, { inputs, outputs, W }, above, below) {
    below.fill(0);
    for (let i = 0, w = W; i < outputs; i++) {
      const value = above[i];
      for (let j = 0; j < inputs; j++) below[j] += weights[w++] * value;
    }
  }
}

/** The network is the field. */
export class MLPField extends DenseField {
  /** The field at x (a buffer of this object). */
  value(weights, x) {
    this.x = x;
    return this.forward(weights, x);
  }

  /** Add the gradient of c·f with respect to the weights, at the last x, to `target` from `start`
   * on. With c a unit vector that is a row of the Jacobian, with c the residual half a gradient. */
  addGradient(weights, c, target, start = 0) {
    let delta = c;
    for (let k = this.layers.length - 1; k >= 0; k--) {
      const { inputs, outputs, W, b } = this.layers[k];
      const below = k > 0 ? this.layers[k - 1] : null;
      const input = below ? below.a : this.x;
      for (let i = 0, w = start + W; i < outputs; i++) {
        const d = delta[i];
        for (let j = 0; j < inputs; j++) target[w++] += d * input[j];
        target[start + b + i] += d;
      }
      if (!below) return;
      this.transposed(weights, this.layers[k], delta, below.back);
      for (let j = 0; j < inputs; j++) below.back[j] *= below.s[j];
      delta = below.back;
    }
  }
}

/** The network is H, and the field its symplectic gradient [∂H/∂p, -∂H/∂q]. */
export class HNNField extends DenseField {
  constructor(sizes) {
    super(sizes);
    this.gradient = new Float64Array(sizes[0]);
    this.direction = new Float64Array(sizes[0]);
    this.field = new Float64Array(sizes[0]);
  }

  /** The field at x (a buffer of this object). Leaves the gradient g_k of H with respect to every
   * a_k behind, and gz_k = s_k g_k with respect to every z_k. */
  value(weights, x) {
    this.x = x;
    this.forward(weights, x);
    const { layers, gradient, field } = this;
    const last = layers.length - 1;
    for (let k = last; k >= 0; k--) {
      const layer = layers[k];
      if (k === last) layer.gz[0] = 1;
      else for (let i = 0; i < layer.outputs; i++) layer.gz[i] = layer.s[i] * layer.g[i];
      this.transposed(weights, layer, layer.gz, k > 0 ? layers[k - 1].g : gradient);
    }
    const n = field.length / 2;
    for (let i = 0; i < n; i++) {
      field[i] = gradient[n + i];
      field[n + i] = -gradient[i];
    }
    return field;
  }

  /** As in MLPField. c·f is the derivative of H along the direction v = [-c_p, c_q], so one pass up
   * with the tangents of v and one pass down give its gradient: with
   *
   *   ż_k = W_k ȧ_{k-1},   ȧ_k = s_k ż_k,   ȧ_0 = v,
   *   δ_k = s_k α_k + tanh''(z_k) ż_k g_k,  α_{k-1} = W_kᵀ δ_k,  α_{last} = 0,
   *
   * W_k gets (s_k g_k) ȧ_{k-1}ᵀ + δ_k a_{k-1}ᵀ, and b_k gets δ_k. */
  addGradient(weights, c, target, start = 0) {
    const { layers, direction, x } = this;
    const last = layers.length - 1;
    const n = direction.length / 2;
    for (let i = 0; i < n; i++) {
      direction[i] = -c[n + i];
      direction[n + i] = c[i];
    }
    let tangent = direction;
    for (let k = 0; k < last; k++) {
      const { inputs, outputs, W, s, zDot, aDot } = layers[k];
      for (let i = 0, w = W; i < outputs; i++) {
        let z = 0;
        for (let j = 0; j < inputs; j++) z += weights[w++] * tangent[j];
        zDot[i] = z;
        aDot[i] = s[i] * z;
      }
      tangent = aDot;
    }
    // The output is linear: its W gets the tangent below it, its b nothing.
    for (let j = 0, w = start + layers[last].W; j < tangent.length; j++) target[w++] += tangent[j];
    for (let k = last - 1; k >= 0; k--) {
      const { inputs, outputs, W, b, a, s, g, gz, zDot, back } = layers[k];
      if (k === last - 1) back.fill(0);
      else this.transposed(weights, layers[k + 1], layers[k + 1].back, back);
      const below = k > 0 ? layers[k - 1] : { a: x, aDot: direction };
      const [input, inputDot] = [below.a, below.aDot];
      for (let i = 0, w = start + W; i < outputs; i++) {
        const delta = s[i] * (back[i] - 2 * a[i] * zDot[i] * g[i]);
        const pull = gz[i];
        back[i] = delta;
        for (let j = 0; j < inputs; j++) target[w++] += pull * inputDot[j] + delta * input[j];
        target[start + b + i] += delta;
      }
    }
  }
}

export const FIELDS = { mlp: MLPField, hnn: HNNField };
