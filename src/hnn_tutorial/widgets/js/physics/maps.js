// Maps of the plane: a state [q, p] of one degree of freedom, and where it is one step later.
//
// A map has `map(x, out, slopes)`: it writes the state one step later to `out`, and how that changes
// with the state to `slopes`, the Jacobian [∂q'/∂q, ∂q'/∂p, ∂p'/∂q, ∂p'/∂p]. It may throw where there is
// no such state.
import { ACTIVATIONS, DenseNetwork, parameterCount } from "./models/dense.js";
import { Embedding } from "./models/embedding.js";
import { MidpointMap } from "./maps/midpoint.js";
import { buildModels, decodeFloats } from "./models.js";
import { allFinite } from "./vectors.js";

/** Kicks and drifts in turn, each by the gradient of a small network. */
class SympNet {
  static count = (hidden, angles) => hidden.reduce((sum, width, k) => sum + width * (k % 2 ? 3 : 3 + angles.length), 0);

  constructor({ hidden, angles, activation }, weights) {
    let from = 0;
    const take = (size) => Float64Array.from(weights.subarray(from, (from += size)));
    this.shears = hidden.map((width, k) => {
      const isAngle = k % 2 === 0 && angles.length > 0;
      const size = isAngle ? 2 : 1;
      return new Shear(isAngle, ACTIVATIONS[activation], take(width * size), take(width), take(width));
    });
  }

  map(x, out, slopes) {
    let [q, p] = x;
    let [qq, qp, pq, pp] = [1, 0, 0, 1];
    this.shears.forEach((shear, k) => {
      const slope = k % 2 === 0 ? shear.at(q) : shear.at(p);
      if (k % 2 === 0) {
        p += shear.value;
        pq += slope * qq;
        pp += slope * qp;
      } else {
        q += shear.value;
        qq += slope * pq;
        qp += slope * pp;
      }
    });
    out[0] = q;
    out[1] = p;
    slopes[0] = qq;
    slopes[1] = qp;
    slopes[2] = pq;
    slopes[3] = pp;
  }
}

/** The derivative of Σ a σ̂(K s + b) by a position or momentum; of an angle, the circle takes its place. */
class Shear {
  constructor(isAngle, activation, inward, bias, scale) {
    Object.assign(this, { isAngle, activation, inward, bias, scale, value: 0 });
  }

  /** Put the derivative at s into `value`; return how it changes with s. */
  at(s) {
    const { isAngle, activation, inward, bias, scale } = this;
    const [cos, sin] = isAngle ? [Math.cos(s), Math.sin(s)] : [s, 0];
    const [along, appended] = isAngle ? [-sin, cos] : [1, 0]; // how the features change with s
    let value = 0;
    let slope = 0;
    for (let i = 0; i < bias.length; i++) {
      const first = isAngle ? inward[2 * i] : inward[i];
      const second = isAngle ? inward[2 * i + 1] : 0;
      const z = first * cos + second * sin + bias[i];
      const a = activation.value(z);
      const rate = first * along + second * appended; // ż
      value += scale[i] * a * rate;
      slope += scale[i] * activation.slope(z, a) * rate * rate;
      if (isAngle) slope -= scale[i] * a * (first * cos + second * sin);
    }
    this.value = value;
    return slope;
  }
}

/** Layers of Hénon maps (q, p) → (p + η, V'(p) − q), each four times. */
class HenonNet {
  static count = (hidden) => hidden.reduce((sum, width) => sum + 1 + parameterCount([1, width, 1]), 0);
  static rounds = 4;

  constructor({ hidden, activation }, weights) {
    let from = hidden.length;
    this.layers = hidden.map((width, k) => {
      const sizes = [1, width, 1];
      return { shift: weights[k], potential: new DenseNetwork(sizes, activation, weights.subarray(from, (from += parameterCount(sizes)))) };
    });
  }

  map(x, out, slopes) {
    let [q, p] = x;
    let [qq, qp, pq, pp] = [1, 0, 0, 1];
    for (const { shift, potential } of this.layers) {
      for (let round = 0; round < HenonNet.rounds; round++) {
        const [[force], [[bend]]] = potential.gradientAndCurvature([p], [[1]]);
        [q, p] = [p + shift, force - q];
        [qq, qp, pq, pp] = [pq, pp, bend * pq - qq, bend * pp - qp];
      }
    }
    out[0] = q;
    out[1] = p;
    slopes[0] = qq;
    slopes[1] = qp;
    slopes[2] = pq;
    slopes[3] = pp;
  }
}

/** x + network. */
class MLPMap {
  static count = (hidden, angles) => parameterCount([2 + angles.length, ...hidden, 2]);

  constructor({ hidden, angles, activation }, weights) {
    this.network = new DenseNetwork([2 + angles.length, ...hidden, 2], activation, weights);
    this.embedding = new Embedding(2, angles);
  }

  map(x, out, slopes) {
    const { embedding } = this;
    const axes = [embedding.pushForward(x, [1, 0]), embedding.pushForward(x, [0, 1])];
    const [change, [byQ, byP]] = this.network.valueAndTangents(embedding.features(x), axes);
    for (let i = 0; i < 2; i++) {
      out[i] = x[i] + change[i];
      slopes[2 * i] = byQ[i] + (i === 0);
      slopes[2 * i + 1] = byP[i] + (i === 1);
    }
  }
}

export const MAPS = { mlp_map: MLPMap, sympnet: SympNet, henon_net: HenonNet };

/** Maps by the specs of models; an HNN is one by implicit midpoint with this step. */
export function buildMaps(specs, bytes, step) {
  const floats = specs.length ? decodeFloats(bytes) : new Float32Array(0);
  const expected = specs.reduce((sum, { count }) => sum + count, 0);
  if (floats.length !== expected) throw new Error(`the models need ${expected} weights, but ${floats.length} arrived`);
  let from = 0;
  return specs.map((spec) => {
    const { label, kind, hidden, angles, count } = spec;
    const weights = floats.slice(from, (from += count));
    if (kind === "hnn") return new MidpointMap(buildModels([spec], weights)[0], step);
    const Kind = MAPS[kind];
    if (!Kind) throw new Error(`unknown kind of map "${kind}"; there are hnn, ${Object.keys(MAPS).join(", ")}`);
    if (!allFinite(weights)) throw new Error(`the weights of "${label}" hold NaN or infinite values`);
    if (Kind.count(hidden, angles) !== count) throw new Error(`"${label}" does not have the ${count} weights that it should`);
    return new Kind(spec, weights);
  });
}
