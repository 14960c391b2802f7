// Implicit symplectic methods, for any Hamiltonian: collocation at Gauss points, whose equations are
// solved by fixed-point iteration down to rounding.
import { advanceInto, slopeAt, stepBuffers } from "./step.js";

const MAX_ITERATIONS = 100;

/** Put better slopes in the place of those in k; return whether any changed beyond rounding. */
function renew(k, next) {
  const tolerance = 8 * Number.EPSILON;
  let moving = false;
  for (let i = 0; i < k.length; i++) {
    // NaN counts as settled: a motion that ran away will not come back.
    if (Math.abs(next[i] - k[i]) > tolerance * (1 + Math.abs(next[i]))) moving = true;
    k[i] = next[i];
  }
  return moving;
}

function tooLong(h) {
  return new Error(`the step of ${h.toPrecision(3)} s is too long for this method and field`);
}

export function implicitMidpointStep(field, x, h, out = new Float64Array(x.length)) {
  const [k, next, middle] = stepBuffers(x.length);
  slopeAt(field, x, k);
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    slopeAt(field, advanceInto(middle, x, h / 2, k), next);
    if (!renew(k, next)) return advanceInto(out, x, h, k);
  }
  throw tooLong(h);
}

const GAUSS_ROOT = Math.sqrt(3) / 6;

/** x + h (a k1 + b k2), in `out`. */
function gaussPoint(out, x, h, a, k1, b, k2) {
  for (let i = 0; i < x.length; i++) out[i] = x[i] + h * (a * k1[i] + b * k2[i]);
  return out;
}

export function gaussLegendre4Step(field, x, h, out = new Float64Array(x.length)) {
  const [k1, k2, next1, next2, point] = stepBuffers(x.length);
  k2.set(slopeAt(field, x, k1));
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    slopeAt(field, gaussPoint(point, x, h, 1 / 4, k1, 1 / 4 - GAUSS_ROOT, k2), next1);
    slopeAt(field, gaussPoint(point, x, h, 1 / 4 + GAUSS_ROOT, k1, 1 / 4, k2), next2);
    const moving = renew(k1, next1);
    if (!renew(k2, next2) && !moving) return gaussPoint(out, x, h, 1 / 2, k1, 1 / 2, k2);
  }
  throw tooLong(h);
}
