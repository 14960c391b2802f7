// One of the two networks of the training lab: its weights and how they came about, where its field is
// wrong, and the orbit that it gives.
import { METHODS } from "../../physics/integrators.js";
import { Motion } from "../../physics/motion.js";
import { FIELDS } from "../../training/dense_field.js";
import { decodeDoubles } from "../../training/samples.js";
import { Trainer } from "../../training/trainer.js";

const ORBIT_STEP = 0.05; // s, of RK4
const FINER = 5; // steps of the true orbit in one of these

/** The networks by their roles: what they are, and the trait that holds their weights. */
export const NETWORKS = {
  baseline: { kind: "mlp", outputs: 2, text: "baseline", trait: "_baseline" },
  hnn: { kind: "hnn", outputs: 1, text: "HNN", trait: "_hnn" },
};

/** The true orbit from a state. */
export function trueOrbit(system, start, horizon) {
  return new Motion({ field: (x) => system.field(x), energy: (x) => system.hamiltonian(x), method: METHODS.rk4, step: ORBIT_STEP / FINER, start, horizon });
}

export class Learner {
  /** Entries `[step, seconds, loss, field error, optimizer, step before its training]`, and the weights of
   * each if they were seen here. */
  history = [];
  snapshots = [];
  weights = null;
  /** Its present training: the entry it began at; whether it waits, and whether it has come to its end. */
  before = null;
  resting = true;
  stale = true;

  constructor(role, moduleText, { reported, failed }) {
    Object.assign(this, { role, ...NETWORKS[role] });
    this.trainer = new Trainer(moduleText, { reported: (report) => reported(this, report), failed });
  }

  /** Take the network as the widget's traits have it; true if its weights are new here. */
  read(sizes, bytes, history) {
    const { kind, outputs } = this;
    if (!Array.isArray(sizes) || sizes[0] !== 2 || sizes.at(-1) !== outputs) throw new Error(`a network ${sizes?.join?.("-")} is no ${kind} of this system`);
    const weights = decodeDoubles(bytes);
    if (String(sizes) !== String(this.sizes)) {
      Object.assign(this, { sizes, field: new FIELDS[kind](sizes) });
      this.weights = null;
    }
    if (weights.length !== this.field.size) throw new Error(`a ${sizes.join("-")} network has ${this.field.size} weights, but ${weights.length} arrived`);
    if (!weights.every(Number.isFinite)) throw new Error("the weights hold NaN or infinite values");
    const isNew = this.weights === null || weights.some((value, i) => value !== this.weights[i]);
    this.weights = weights;
    this.snapshots.length = Math.min(this.snapshots.length, history.length);
    if (history.length) this.snapshots[history.length - 1] = weights;
    this.history = history;
    return isNew;
  }

  /** The number of steps since the first weights. */
  get steps() {
    return this.history.at(-1)?.[0] ?? 0;
  }

  /** How wrong the field of these weights is: at each state of the mesh beside the field's size, its mean
   * squared error inside the region, and the root of that beside the field. */
  measure(weights, mesh) {
    const wrong = new Float32Array(mesh.states.length);
    let [sum, whole] = [0, 0];
    mesh.states.forEach(({ x, slope, inside }, k) => {
      const value = this.field.value(weights, x);
      const square = (value[0] - slope[0]) ** 2 + (value[1] - slope[1]) ** 2;
      wrong[k] = Math.sqrt(square) / mesh.speed;
      if (!inside) return;
      sum += square;
      whole += slope[0] ** 2 + slope[1] ** 2;
    });
    return { wrong, error: sum / (2 * mesh.inside), share: Math.sqrt(sum / whole) };
  }

  /** Show weights that were measured, and from now on their orbit. */
  show(weights, measured) {
    Object.assign(this, measured, { shown: weights, stale: true, motionIsOld: true });
  }

  /** The mean squared residual on data. */
  loss(weights, states, derivatives) {
    let sum = 0;
    for (let k = 0; k < states.length; k += 2) {
      const value = this.field.value(weights, states.subarray(k, k + 2));
      sum += (value[0] - derivatives[k]) ** 2 + (value[1] - derivatives[k + 1]) ** 2;
    }
    return sum / states.length;
  }

  /** Compute the orbit on; true while there is more to do. Weights come faster than a slow page can
   * follow: an orbit that was begun is finished first. */
  advance(deadline, { system, state, horizon }) {
    if (this.motion && !this.motion.done) {
      this.motion.advance(deadline);
      if (!this.motion.done) return true;
      this.orbit = this.motion;
      this.stale = true;
    }
    if (!this.motionIsOld) return false;
    const { field, shown } = this;
    this.motion = new Motion({ field: (x) => field.value(shown, x), energy: (x) => system.hamiltonian(x), method: METHODS.rk4, step: ORBIT_STEP, start: state, horizon });
    this.motionIsOld = false;
    return true;
  }

  /** The orbit begins elsewhere: what is being computed is of no use. */
  restart() {
    this.motion = null;
    this.motionIsOld = true;
  }

  /** Whether the orbit on show is that of the weights on show. */
  get settled() {
    return !this.motionIsOld && this.motion?.done;
  }

  /** The largest difference of the orbit's true energy from the truth's at the same time, as a share
   * of the first energy, with its sign; infinite if the orbit ran away. */
  energyError(truth) {
    const { orbit } = this;
    if (!orbit) return NaN;
    if (orbit.problem) return Infinity;
    const [initial] = truth.energies;
    const differences = orbit.energies.map((energy, k) => energy - truth.energies[Math.min(FINER * k, truth.computed)]);
    return differences.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0) / initial;
  }
}
