// Explicit Runge–Kutta methods, for any field.
import { advanceInto, slopeAt, stepBuffers } from "./step.js";

export function eulerStep(field, x, h, out = new Float64Array(x.length)) {
  const [k] = stepBuffers(x.length);
  return advanceInto(out, x, h, slopeAt(field, x, k));
}

export function rk4Step(field, x, h, out = new Float64Array(x.length)) {
  const [k1, k2, k3, k4, y] = stepBuffers(x.length);
  slopeAt(field, x, k1);
  slopeAt(field, advanceInto(y, x, h / 2, k1), k2);
  slopeAt(field, advanceInto(y, x, h / 2, k2), k3);
  slopeAt(field, advanceInto(y, x, h, k3), k4);
  for (let i = 0; i < x.length; i++) out[i] = x[i] + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  return out;
}
