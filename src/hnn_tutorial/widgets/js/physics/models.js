// The trained models, rebuilt from the description and the float32 weights that Python sent.
// The field of most is one of states [q, p]; where `ofVelocities`, it is one of states [q, q̇].
import { CholeskyFactor, solve } from "./models/matrices.js";
import { Embedding } from "./models/embedding.js";
import { DenseNetwork, parameterCount } from "./models/dense.js";
import { allFinite } from "./vectors.js";

/** [q̇, ṗ] is the network's output. */
class MLP {
  static shapes = (n, angles) => [[2 * n + angles, 2 * n]];

  constructor({ networks: [network], degrees, angles }) {
    this.network = network;
    this.embedding = new Embedding(2 * degrees, angles);
  }

  field(x) {
    return Float64Array.from(this.network.forward(this.embedding.features(x)));
  }
}

/** q̇ = p / m with learned masses, ṗ is the network's output. */
class SecondOrderMLP {
  static shapes = (n, angles) => [[2 * n + angles, n]];
  static extras = (n) => n; // log m, one for each degree of freedom

  constructor({ networks: [network], degrees, angles, extras }) {
    this.network = network;
    this.embedding = new Embedding(2 * degrees, angles);
    this.inverseMass = Float64Array.from(extras, (value) => Math.exp(-value));
  }

  field(x) {
    const n = this.inverseMass.length;
    const slope = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) slope[i] = x[n + i] * this.inverseMass[i];
    slope.set(this.network.forward(this.embedding.features(x)), n);
    return slope;
  }
}

/** The network is H; the motion is its symplectic gradient. */
class HNN {
  static shapes = (n, angles) => [[2 * n + angles, 1]];

  constructor({ networks: [network], degrees, angles }) {
    this.network = network;
    this.embedding = new Embedding(2 * degrees, angles);
  }

  energy(x) {
    return this.network.forward(this.embedding.features(x))[0];
  }

  field(x) {
    const gradient = this.embedding.pullBack(x, this.network.inputGradient(this.embedding.features(x)));
    const n = x.length / 2;
    const slope = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      slope[i] = gradient[n + i];
      slope[n + i] = -gradient[i];
    }
    return slope;
  }
}

/** H = T(p) + V(q), a network for each. */
class SeparableHNN {
  static shapes = (n, angles) => [[n, 1], [n + angles, 1]];

  constructor({ networks: [kinetic, potential], degrees, angles }) {
    Object.assign(this, { kinetic, potential, n: degrees });
    this.embedding = new Embedding(degrees, angles);
  }

  energy(x) {
    return this.kinetic.forward(x.slice(this.n))[0] + this.potential.forward(this.embedding.features(x.slice(0, this.n)))[0];
  }

  field(x) {
    const q = x.slice(0, this.n);
    const slope = new Float64Array(2 * this.n);
    slope.set(this.kinetic.inputGradient(x.slice(this.n)));
    slope.set(this.embedding.pullBack(q, this.potential.inputGradient(this.embedding.features(q))).map((force) => -force), this.n);
    return slope;
  }
}

/** An HNN and a friction −K Kᵀ q̇, where a second network of the state gives K. */
class DissipativeHNN extends HNN {
  static shapes = (n, angles) => [[2 * n + angles, 1], [2 * n + angles, (n * (n + 1)) / 2]];

  constructor(parts) {
    super(parts);
    this.friction = parts.networks[1];
    this.factor = new CholeskyFactor(parts.degrees);
  }

  field(x) {
    const slope = super.field(x);
    const { n } = this.factor;
    const K = this.factor.matrix(this.friction.forward(this.embedding.features(x)));
    for (let j = 0; j < n; j++) {
      let u = 0;
      for (let i = j; i < n; i++) u += K[i][j] * slope[i];
      for (let i = j; i < n; i++) slope[n + i] -= K[i][j] * u;
    }
    return slope;
  }
}

/** H = Σ |p|²/2m + Σ c φ(r): one network of the distance for the potential of all pairs of bodies. */
class PairwiseHNN {
  static shapes = () => [[1, 1]];
  static extras = (n, { dimension }) => n / dimension; // log m, one for each body

  constructor({ networks: [network], degrees, extras, pairs: { dimension, coupled } }) {
    Object.assign(this, { network, n: degrees, dimension, coupled });
    this.masses = Float64Array.from(extras, Math.exp);
    this.r = new Float64Array(1);
  }

  energy(x) {
    const { n, dimension, network, masses } = this;
    let energy = 0;
    for (let i = 0; i < n; i++) energy += x[n + i] ** 2 / (2 * masses[Math.floor(i / dimension)]);
    this.#eachPair(x, (i, j, coupling) => (energy += coupling * network.forward(this.r)[0]));
    return energy;
  }

  field(x, slope = new Float64Array(x.length)) {
    const { n, dimension, network, masses, r } = this;
    for (let i = 0; i < n; i++) {
      slope[i] = x[n + i] / masses[Math.floor(i / dimension)];
      slope[n + i] = 0;
    }
    this.#eachPair(x, (i, j, coupling) => {
      const pull = (coupling * network.inputGradient(r)[0]) / r[0];
      for (let k = 0; k < dimension; k++) {
        const force = pull * (x[j + k] - x[i + k]);
        slope[n + i + k] += force;
        slope[n + j + k] -= force;
      }
    });
    return slope;
  }

  /** Put each pair's distance into `r` and call `work(i, j, coupling)`; i and j are where q begins. */
  #eachPair(x, work) {
    const { n, dimension: d, masses, coupled, r } = this;
    for (let i = 0; i < n; i += d) {
      for (let j = i + d; j < n; j += d) {
        let square = 0;
        for (let k = 0; k < d; k++) square += (x[j + k] - x[i + k]) ** 2;
        r[0] = Math.sqrt(square);
        work(i, j, coupled ? masses[i / d] * masses[j / d] : 1);
      }
    }
  }
}

/** L = |q̇|²/2 + network; the motion is Euler and Lagrange's. */
class LNN {
  static shapes = (n, angles) => [[2 * n + angles, 1]];
  ofVelocities = true;

  constructor({ networks: [network], degrees, angles }) {
    this.network = network;
    this.n = degrees;
    this.embedding = new Embedding(2 * degrees, angles);
  }

  energy(x) {
    const gradient = this.network.inputGradient(this.embedding.features(x));
    let energy = 0;
    for (let i = this.n; i < 2 * this.n; i++) energy += x[i] * (x[i] / 2 + gradient[i]);
    return energy - this.network.forward(this.embedding.features(x))[0];
  }

  field(x) {
    const { n, embedding } = this;
    // Each velocity, and along (q̇, 0): the directions that Euler and Lagrange ask for.
    const directions = Array.from({ length: n }, (_, i) => Float64Array.from({ length: 2 * n }, (__, j) => (j === n + i ? 1 : 0)));
    directions.push(Float64Array.of(...x.slice(n), ...new Float64Array(n)));
    const [gradient, curvature] = this.network.gradientAndCurvature(embedding.features(x), directions.map((direction) => embedding.pushForward(x, direction)));
    const byPosition = embedding.pullBack(x, gradient);
    const mass = curvature.slice(0, n).map((row, i) => Array.from(row.slice(0, n), (value, j) => value + (i === j)));
    const force = Array.from({ length: n }, (_, i) => byPosition[i] - curvature[i][n]);
    return Float64Array.of(...x.slice(n), ...solve(mass, force));
  }
}

/** L = q̇ᵀM(q)q̇/2 − V(q) with M = K Kᵀ + ε, both from one network of q. */
class StructuredLNN {
  static shapes = (n, angles) => [[n + angles, (n * (n + 1)) / 2 + 1]];
  static floor = 1e-4; // ε
  ofVelocities = true;

  constructor({ networks: [network], degrees, angles }) {
    this.network = network;
    this.n = degrees;
    this.embedding = new Embedding(degrees, angles);
    this.factor = new CholeskyFactor(degrees);
  }

  energy(x) {
    const outputs = this.network.forward(this.embedding.features(x.slice(0, this.n)));
    const v = x.slice(this.n);
    const u = transposedTimes(this.factor.matrix(outputs), v);
    return (dot(u, u) + StructuredLNN.floor * dot(v, v)) / 2 + outputs.at(-1);
  }

  field(x) {
    const { n, embedding, factor } = this;
    const q = x.slice(0, n);
    const v = x.slice(n);
    const axes = Array.from({ length: n }, (_, k) => embedding.pushForward(q, Float64Array.from({ length: n }, (__, i) => (i === k ? 1 : 0))));
    const [outputs, tangents] = this.network.valueAndTangents(embedding.features(q), axes);
    const K = factor.matrix(outputs);
    const byPosition = tangents.map((tangent) => factor.tangent(outputs, tangent));
    // Along the motion K changes at the rate Σ v_k ∂K/∂q_k.
    const rate = K.map((row, i) => row.map((_, j) => byPosition.reduce((sum, dK, k) => sum + v[k] * dK[i][j], 0)));
    const u = transposedTimes(K, v);
    const turned = transposedTimes(rate, v);
    const force = Array.from({ length: n }, (_, k) => dot(transposedTimes(byPosition[k], v), u) - tangents[k].at(-1) - dot(rate[k], u) - dot(K[k], turned));
    return Float64Array.of(...v, ...solve(this.#mass(K), force));
  }

  massMatrix(x) {
    return this.#mass(this.factor.matrix(this.network.forward(this.embedding.features(x.slice(0, this.n)))));
  }

  #mass(K) {
    return K.map((row, i) => K.map((other, j) => dot(row, other) + (i === j ? StructuredLNN.floor : 0)));
  }
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Aᵀ v */
function transposedTimes(A, v) {
  return A[0].map((_, j) => A.reduce((sum, row, i) => sum + row[j] * v[i], 0));
}

export const MODELS = {
  mlp: MLP,
  second_order_mlp: SecondOrderMLP,
  hnn: HNN,
  separable_hnn: SeparableHNN,
  dissipative_hnn: DissipativeHNN,
  pairwise_hnn: PairwiseHNN,
  lnn: LNN,
  structured_lnn: StructuredLNN,
};

/** Little-endian float32 numbers of a DataView, ArrayBuffer or typed array. */
export function decodeFloats(bytes) {
  if (!bytes || !bytes.byteLength) throw new Error("the weights of the networks are missing");
  const buffer = bytes.buffer ?? bytes;
  const offset = bytes.byteOffset ?? 0;
  if (bytes.byteLength % 4) throw new Error(`${bytes.byteLength} bytes of weights are no whole float32 numbers`);
  return new Float32Array(buffer.slice(offset, offset + bytes.byteLength));
}

/** Models by their specs `{ label, kind, degrees, angles, networks, activation, count }`, in the
 * order in which their weights lie in `bytes`. `networks` holds the sizes of each network, and `pairs`
 * what sets one pairwise HNN apart from another. */
export function buildModels(specs, bytes) {
  const floats = specs.length ? decodeFloats(bytes) : new Float32Array(0);
  const expected = specs.reduce((sum, spec) => sum + spec.count, 0);
  if (floats.length !== expected) {
    throw new Error(`the models need ${expected} weights, but ${floats.length} arrived`);
  }
  let offset = 0;
  return specs.map(({ label, kind, degrees, angles, networks, activation, count, pairs }) => {
    const weights = floats.subarray(offset, offset + count);
    offset += count;
    if (!allFinite(weights)) throw new Error(`the weights of "${label}" hold NaN or infinite values`);
    const Model = MODELS[kind];
    if (!Model) throw new Error(`unknown kind of model "${kind}"; there are ${Object.keys(MODELS).join(", ")}`);
    const shapes = Model.shapes(degrees, angles.length);
    const given = networks.map((sizes) => [sizes[0], sizes.at(-1)]);
    if (JSON.stringify(shapes) !== JSON.stringify(given)) {
      throw new Error(`"${label}" has networks of ${describeShapes(given)}; a ${kind} of this system has ${describeShapes(shapes)}`);
    }
    let from = Model.extras?.(degrees, pairs) ?? 0;
    const extras = weights.subarray(0, from);
    const counts = networks.map(parameterCount);
    if (from + counts.reduce((a, b) => a + b) !== count) throw new Error(`"${label}" does not have the ${count} weights that it should`);
    const made = networks.map((sizes, i) => new DenseNetwork(sizes, activation, weights.subarray(from, (from += counts[i]))));
    return new Model({ networks: made, degrees, angles, extras, pairs });
  });
}

function describeShapes(shapes) {
  return shapes.map(([inputs, outputs]) => `${inputs} inputs and ${outputs} outputs`).join(", ");
}
