// The trained models, rebuilt from the description and the float32 weights that Python sent.
import { allFinite } from "./vectors.js";
import { DenseNetwork } from "./network.js";

/** [q̇, ṗ] is the network's output. */
export class MLP {
  static outputs = (degrees) => 2 * degrees;

  constructor(network) {
    this.network = network;
  }

  field(x) {
    return Float64Array.from(this.network.forward(x));
  }
}

/** q̇ = p / m with learned masses, ṗ is the network's output. */
export class SecondOrderMLP {
  static outputs = (degrees) => degrees;
  static extras = (degrees) => degrees; // log m, one for each degree of freedom

  constructor(network, logMass) {
    this.network = network;
    this.inverseMass = Float64Array.from(logMass, (value) => Math.exp(-value));
  }

  field(x) {
    const n = this.inverseMass.length;
    const slope = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) slope[i] = x[n + i] * this.inverseMass[i];
    slope.set(this.network.forward(x), n);
    return slope;
  }
}

/** The network is H; the motion is its symplectic gradient. */
export class HNN {
  static outputs = () => 1;

  constructor(network) {
    this.network = network;
  }

  hamiltonian(x) {
    return this.network.forward(x)[0];
  }

  field(x) {
    const gradient = this.network.inputGradient(x);
    const n = x.length / 2;
    const slope = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      slope[i] = gradient[n + i];
      slope[n + i] = -gradient[i];
    }
    return slope;
  }
}

export const MODELS = { mlp: MLP, second_order_mlp: SecondOrderMLP, hnn: HNN };

/** Little-endian float32 numbers of a DataView, ArrayBuffer or typed array. */
export function decodeFloats(bytes) {
  if (!bytes || !bytes.byteLength) throw new Error("the weights of the networks are missing");
  const buffer = bytes.buffer ?? bytes;
  const offset = bytes.byteOffset ?? 0;
  if (bytes.byteLength % 4) throw new Error(`${bytes.byteLength} bytes of weights are no whole float32 numbers`);
  return new Float32Array(buffer.slice(offset, offset + bytes.byteLength));
}

/** Models by their specs `{ label, kind, degrees, sizes, activation, count }`, in the order in
 * which their weights lie in `bytes`. */
export function buildModels(specs, bytes) {
  const floats = specs.length ? decodeFloats(bytes) : new Float32Array(0);
  const expected = specs.reduce((sum, spec) => sum + spec.count, 0);
  if (floats.length !== expected) {
    throw new Error(`the models need ${expected} weights, but ${floats.length} arrived`);
  }
  let offset = 0;
  return specs.map((spec) => {
    const weights = floats.subarray(offset, (offset += spec.count));
    if (!allFinite(weights)) throw new Error(`the weights of "${spec.label}" hold NaN or infinite values`);
    const Model = MODELS[spec.kind];
    if (!Model) throw new Error(`unknown kind of model "${spec.kind}"; there are ${Object.keys(MODELS).join(", ")}`);
    const extras = Model.extras?.(spec.degrees) ?? 0;
    const [inputs, outputs] = [spec.sizes[0], spec.sizes.at(-1)];
    if (inputs !== 2 * spec.degrees || outputs !== Model.outputs(spec.degrees)) {
      throw new Error(`"${spec.label}" has ${inputs} inputs and ${outputs} outputs, which no ${spec.kind} of this system has`);
    }
    const network = new DenseNetwork(spec.sizes, spec.activation, weights.subarray(extras));
    return new Model(network, weights.subarray(0, extras));
  });
}
