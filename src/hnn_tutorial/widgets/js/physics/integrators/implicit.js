// Implicit symplectic methods, for any Hamiltonian: collocation at Gauss points, whose equations are
// solved by fixed-point iteration down to rounding. A step that is too long for that is an error;
// the labs take it as the limit of what they show. Only `longMidpointStep` goes on by Newton's method.
import { solve } from "../models/matrices.js";
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
  if (iterateMidpoint(field, x, h, k, next, middle, MAX_ITERATIONS)) return advanceInto(out, x, h, k);
  throw tooLong(h);
}

/** Iterate the slope at the middle of a step, in k; return whether it settles. */
function iterateMidpoint(field, x, h, k, next, middle, most) {
  watchSlopes(SLOPE_WATCHES[0], slopeAt(field, x, k));
  for (let i = 0; i < most; i++) {
    slopeAt(field, advanceInto(middle, x, h / 2, k), next);
    if (!renewSlopes(SLOPE_WATCHES[0], k, next)) return true;
  }
  return false;
}

const PATIENCE = 40;
const NEWTON_ITERATIONS = 30;
const NEWTON_HALVINGS = 8;
const NEWTON_STAGES = [4, 16];

/** The implicit midpoint rule with any step: by Newton's method where the iteration does not settle.
 * The equations of a long step have many solutions; that which goes over into the slope of a short
 * one is looked for, as Python does: at a quarter of the step first, then at a half, and so on. */
export function longMidpointStep(field, x, h, out = new Float64Array(x.length)) {
  const [k, next, middle] = stepBuffers(x.length);
  if (iterateMidpoint(field, x, h, k, next, middle, PATIENCE)) return advanceInto(out, x, h, k);
  for (const parts of NEWTON_STAGES) {
    slopeAt(field, x, k);
    let solved = true;
    // A part without a solution ends the branch; what follows would be another's.
    for (let part = 1; solved && part <= parts; part++) solved = newtonMidpoint(field, x, (h * part) / parts, k);
    if (solved) return advanceInto(out, x, h, k);
  }
  throw tooLong(h);
}

/** Solve k = f(x + h k / 2) in k from where it is; return whether it is solved. The matrix is made of
 * differences: wrong by 1e-8 or so, which costs an iteration and no digit. */
function newtonMidpoint(field, x, h, k) {
  const n = x.length;
  const middle = new Float64Array(n);
  const slope = new Float64Array(n);
  const norm = (v) => Math.hypot(...v);
  const residual = (at) => {
    slopeAt(field, advanceInto(middle, x, h / 2, at), slope);
    return Array.from(at, (value, i) => value - slope[i]);
  };
  const watched = { settled: false, least: Infinity, stalled: 0 };
  let r = residual(k);
  for (let round = 0; round < NEWTON_ITERATIONS; round++) {
    const A = r.map(() => new Array(n));
    for (let j = 0; j < n; j++) {
      const d = 1e-7 * (1 + Math.abs(k[j]));
      const moved = Float64Array.from(k);
      moved[j] += d;
      const behind = Float64Array.from(k);
      behind[j] -= d;
      const [up, down] = [residual(moved), residual(behind)];
      for (let i = 0; i < n; i++) A[i][j] = (up[i] - down[i]) / (2 * d);
    }
    const step = solve(A, [...r]).map((value) => (Number.isFinite(value) ? value : 0));
    const error = norm(r);
    let length = 1;
    let trial = k;
    let after = r;
    for (let halving = 0; halving <= NEWTON_HALVINGS; halving++, length /= 2) {
      trial = Float64Array.from(k, (value, i) => value - length * step[i]);
      after = residual(trial);
      if (norm(after) < error || norm(step) <= SMALL_CHANGE * (1 + norm(k))) break;
    }
    const full = Float64Array.from(k, (value, i) => value - step[i]);
    const at = Float64Array.from(k);
    // Judged by the whole Newton step, which says how far the solution is; a halved one would not.
    const moving = renewSlopes(watched, at, full);
    k.set(trial);
    r = after;
    if (!moving && norm(step) <= SMALL_CHANGE * (1 + norm(k))) return true;
  }
  return false;
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
