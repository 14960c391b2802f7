// Implicit symplectic methods, for any Hamiltonian: collocation at Gauss points, whose equations are
// solved by fixed-point iteration down to rounding.
import { advanceInto, slopeAt, stepBuffers } from "./step.js";

const MAX_ITERATIONS = 100;

const SMALL_CHANGE = Number.EPSILON ** (2 / 3);
const STALLED_ROUNDS = 2;

/** How the slopes at each point come to rest; made once, as steps are never nested. */
const SLOPE_WATCHES = [0, 1].map(() => ({ settled: false, least: Infinity, stalled: 0 }));

/** Begin to watch slopes; those of a motion that ran away before this step stay as they are. */
function watchSlopes(watched, k) {
  watched.settled = false;
  for (let i = 0; i < k.length; i++) if (!Number.isFinite(k[i])) watched.settled = true;
  watched.least = Infinity;
  watched.stalled = 0;
}

/** Put better slopes in the place of those in k; return whether they still change beyond rounding.
 * They are settled when the change is below 8 rounding errors, or when it is small and has not
 * fallen in two iterations: rounding can keep an iteration in a cycle some fifty errors wide. */
function renewSlopes(watched, k, next) {
  let square = 0;
  let size = 0;
  for (let i = 0; i < k.length; i++) {
    square += (next[i] - k[i]) ** 2;
    size += next[i] ** 2;
    k[i] = next[i];
  }
  const change = Math.sqrt(square);
  const scale = 1 + Math.sqrt(size);
  if (change >= watched.least) watched.stalled += 1;
  const small = watched.stalled >= STALLED_ROUNDS && change <= SMALL_CHANGE * scale;
  // An infinite change is none of rounding, and NaN compares as false.
  if (Number.isFinite(scale) && (change <= 8 * Number.EPSILON * scale || small)) watched.settled = true;
  watched.least = Math.min(watched.least, change);
  return !watched.settled;
}

function tooLong(h) {
  return new Error(`the step of ${h.toPrecision(3)} s is too long for this method and field`);
}

export function implicitMidpointStep(field, x, h, out = new Float64Array(x.length)) {
  const [k, next, middle] = stepBuffers(x.length);
  watchSlopes(SLOPE_WATCHES[0], slopeAt(field, x, k));
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    slopeAt(field, advanceInto(middle, x, h / 2, k), next);
    if (!renewSlopes(SLOPE_WATCHES[0], k, next)) return advanceInto(out, x, h, k);
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
  for (const watched of SLOPE_WATCHES) watchSlopes(watched, k1);
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    slopeAt(field, gaussPoint(point, x, h, 1 / 4, k1, 1 / 4 - GAUSS_ROOT, k2), next1);
    slopeAt(field, gaussPoint(point, x, h, 1 / 4 + GAUSS_ROOT, k1, 1 / 4, k2), next2);
    const moving = renewSlopes(SLOPE_WATCHES[0], k1, next1);
    if (!renewSlopes(SLOPE_WATCHES[1], k2, next2) && !moving) return gaussPoint(out, x, h, 1 / 2, k1, 1 / 2, k2);
  }
  throw tooLong(h);
}
