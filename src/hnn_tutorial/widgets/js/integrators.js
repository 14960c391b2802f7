// The fixed-step integrators of the Python package, under the same names.
// A step is (field, x, h) -> x one step h later; a field is a function of the state.
import { addScaled } from "./vectors.js";

function eulerStep(field, x, h) {
  return addScaled(x, h, field(x));
}

function rk4Step(field, x, h) {
  const k1 = field(x);
  const k2 = field(addScaled(x, h / 2, k1));
  const k3 = field(addScaled(x, h / 2, k2));
  const k4 = field(addScaled(x, h, k3));
  const next = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    next[i] = x[i] + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  }
  return next;
}

/** Move q with p held. */
function drift(field, x, h) {
  const next = Float64Array.from(x);
  const slope = field(x);
  for (let i = 0; i < x.length / 2; i++) next[i] += h * slope[i];
  return next;
}

/** Move p with q held. */
function kick(field, x, h) {
  const next = Float64Array.from(x);
  const slope = field(x);
  for (let i = x.length / 2; i < x.length; i++) next[i] += h * slope[i];
  return next;
}

function symplecticEulerStep(field, x, h) {
  return drift(field, kick(field, x, h), h);
}

function leapfrogStep(field, x, h) {
  return drift(field, kick(field, drift(field, x, h / 2), h), h / 2);
}

// Three leapfrogs, the middle one backwards: lengths that sum to 1 and whose cubes sum to 0.
const OUTER = 1 / (2 - 2 ** (1 / 3));
const FOREST_RUTH = [OUTER, 1 - 2 * OUTER, OUTER];

function forestRuthStep(field, x, h) {
  return FOREST_RUTH.reduce((y, fraction) => leapfrogStep(field, y, fraction * h), x);
}

const MAX_ITERATIONS = 100;

/** Iterate slopes = iterate(slopes) until they change no more than rounding does. */
function solveFixedPoint(iterate, start, h) {
  const tolerance = 8 * Number.EPSILON;
  let k = start;
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    const previous = k;
    k = iterate(previous);
    // Written so that NaN counts as settled: a motion that ran away will not come back.
    if (!k.some((value, j) => Math.abs(value - previous[j]) > tolerance * (1 + Math.abs(value)))) {
      return k;
    }
  }
  throw new Error(`the step of ${h.toPrecision(3)} s is too long for this method and field`);
}

function implicitMidpointStep(field, x, h) {
  const slope = solveFixedPoint((k) => field(addScaled(x, h / 2, k)), field(x), h);
  return addScaled(x, h, slope);
}

const ROOT = Math.sqrt(3) / 6;

function gaussLegendre4Step(field, x, h) {
  const d = x.length;
  const iterate = (k) => {
    const k1 = k.subarray(0, d);
    const k2 = k.subarray(d);
    const slopes = new Float64Array(2 * d);
    slopes.set(field(addScaled(addScaled(x, h / 4, k1), h * (1 / 4 - ROOT), k2)));
    slopes.set(field(addScaled(addScaled(x, h * (1 / 4 + ROOT), k1), h / 4, k2)), d);
    return slopes;
  };
  const first = field(x);
  const k = solveFixedPoint(iterate, Float64Array.of(...first, ...first), h);
  return addScaled(addScaled(x, h / 2, k.subarray(0, d)), h / 2, k.subarray(d));
}

export const METHODS = {
  euler: { title: "Euler", order: 1, symplectic: false, needsSeparable: false, step: eulerStep },
  rk4: { title: "RK4", order: 4, symplectic: false, needsSeparable: false, step: rk4Step },
  symplectic_euler: { title: "symplectic Euler", order: 1, symplectic: true, needsSeparable: true, step: symplecticEulerStep },
  leapfrog: { title: "leapfrog", order: 2, symplectic: true, needsSeparable: true, step: leapfrogStep },
  forest_ruth: { title: "Forest–Ruth", order: 4, symplectic: true, needsSeparable: true, step: forestRuthStep },
  implicit_midpoint: { title: "implicit midpoint", order: 2, symplectic: true, needsSeparable: false, step: implicitMidpointStep },
  gauss_legendre4: { title: "Gauss–Legendre 4", order: 4, symplectic: true, needsSeparable: false, step: gaussLegendre4Step },
};

/** Why a field cannot be split into drifts and kicks, or null if it can (as `coupled_parts`). */
export function coupledParts(field, x) {
  const n = x.length / 2;
  const differ = (a, b, i) => Math.abs(a[i] - b[i]) > 1e3 * Number.EPSILON * (1 + Math.abs(a[i]) + Math.abs(b[i]));
  const here = Float64Array.from(field(x));
  for (const size of [0.37, 0.37 * Math.SQRT2]) {
    const movedQ = field(x.map((value, i) => (i < n ? value + size : value)));
    for (let i = 0; i < n; i++) if (differ(here, movedQ, i)) return "q̇ depends on q";
    const movedP = field(x.map((value, i) => (i < n ? value : value + size)));
    for (let i = n; i < 2 * n; i++) if (differ(here, movedP, i)) return "ṗ depends on p";
  }
  return null;
}
