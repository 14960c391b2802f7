// Explicit symplectic methods: kicks and drifts, for separable Hamiltonians H = T(p) + V(q).
import { slopeAt, stepBuffers } from "./step.js";

/** Move q with p held, in place. */
function drift(field, x, h) {
  const slope = slopeAt(field, x, stepBuffers(x.length)[0]);
  for (let i = 0; i < x.length / 2; i++) x[i] += h * slope[i];
}

/** Move p with q held, in place. */
function kick(field, x, h) {
  const slope = slopeAt(field, x, stepBuffers(x.length)[0]);
  for (let i = x.length / 2; i < x.length; i++) x[i] += h * slope[i];
}

export function symplecticEulerStep(field, x, h, out = new Float64Array(x.length)) {
  out.set(x);
  kick(field, out, h);
  drift(field, out, h);
  return out;
}

export function leapfrogStep(field, x, h, out = new Float64Array(x.length)) {
  out.set(x);
  drift(field, out, h / 2);
  kick(field, out, h);
  drift(field, out, h / 2);
  return out;
}

// Three leapfrogs, the middle one backwards: lengths that sum to 1 and whose cubes sum to 0.
const OUTER_LEAP = 1 / (2 - 2 ** (1 / 3));
const INNER_LEAP = 1 - 2 * OUTER_LEAP;

export function forestRuthStep(field, x, h, out = new Float64Array(x.length)) {
  leapfrogStep(field, x, OUTER_LEAP * h, out);
  leapfrogStep(field, out, INNER_LEAP * h, out);
  return leapfrogStep(field, out, OUTER_LEAP * h, out);
}
