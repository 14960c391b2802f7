// The pendulum whose weight comes and goes, and the maps that take a state some time onward. They are
// computed as Python's `period_map` is: by Forest and Ruth's method, which makes them symplectic.
import { Pendulum } from "./pendulum.js";

const OUTER = 1 / (2 - 2 ** (1 / 3));
const FRACTIONS = [OUTER, 1 - 2 * OUTER, OUTER]; // of a step: three leapfrogs
const PERIOD_STEPS = 100; // as in Python
const FINEST = 0.01; // of 1/ω₀, the step in the map of a time: its error is below 1e-8 then
const MOST_STEPS = 1000;

/** The map of a pendulum over a time, during which its weight is 1 + ε cos ωt times its mean. */
export class PendulumMap {
  constructor({ inertia, torque }, { duration, steps, drive = 0, rate = 0 }) {
    this.drift = [];
    this.kick = [];
    const h = duration / steps;
    for (let step = 0; step < steps; step++) {
      let t = step * h;
      for (const part of FRACTIONS) {
        const half = (part * h) / 2;
        this.drift.push(half / inertia);
        this.kick.push(2 * half * torque * (1 + drive * Math.cos(rate * (t + half))));
        t += 2 * half;
      }
    }
  }

  /** See `maps.js`. */
  map(x, out, slopes) {
    const { drift, kick } = this;
    let [q, p] = x;
    let [qq, qp, pq, pp] = [1, 0, 0, 1];
    for (let i = 0; i < drift.length; i++) {
      q += drift[i] * p;
      qq += drift[i] * pq;
      qp += drift[i] * pp;
      const bend = kick[i] * Math.cos(q);
      p -= kick[i] * Math.sin(q);
      pq -= bend * qq;
      pp -= bend * qp;
      q += drift[i] * p;
      qq += drift[i] * pq;
      qp += drift[i] * pp;
    }
    out[0] = q;
    out[1] = p;
    slopes[0] = qq;
    slopes[1] = qp;
    slopes[2] = pq;
    slopes[3] = pp;
  }
}

/** The map of a pendulum over a time. */
export function flowMap(pendulum, duration) {
  const frequency = Math.sqrt(pendulum.torque / pendulum.inertia);
  const steps = Math.min(MOST_STEPS, Math.max(20, Math.ceil((duration * frequency) / FINEST)));
  return new PendulumMap(pendulum, { duration, steps });
}

export class DrivenPendulum extends Pendulum {
  title = "driven pendulum";

  constructor({ drive, rate, ...pendulum }) {
    super(pendulum);
    Object.assign(this, { drive, rate, period: (2 * Math.PI) / rate });
  }

  /** The map of a period, from t = 0. */
  periodMap(steps = PERIOD_STEPS) {
    const { period, drive, rate } = this;
    return new PendulumMap(this, { duration: period, steps, drive, rate });
  }
}
