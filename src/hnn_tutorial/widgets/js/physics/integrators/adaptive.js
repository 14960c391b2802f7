// Dormand and Prince's pair of orders 5 and 4, as the Python package's rk45: steps of the length
// that the motion asks for, which close encounters of bodies need.
import { slopeAt } from "./step.js";

export const TOLERANCE = 1e-12; // relative and absolute, of one step
const MOST_SUBSTEPS = 4000; // within one step of a lab; a head-on collision would take any number

const PAIR = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const PAIR_ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];
const PAIR_BUFFERS = new Map();

/** The state a time h later, in `out`, by as many steps of the pair as the tolerance asks for. */
export function adaptiveStep(field, x, h, out = new Float64Array(x.length), tolerance = TOLERANCE) {
  const size = x.length;
  if (!PAIR_BUFFERS.has(size)) PAIR_BUFFERS.set(size, Array.from({ length: 9 }, () => new Float64Array(size)));
  const [y, trial, ...k] = PAIR_BUFFERS.get(size);
  y.set(x);
  slopeAt(field, y, k[0]);
  let left = h;
  let length = h;
  for (let count = 0; left > 0; count++) {
    if (count === MOST_SUBSTEPS) throw new Error("broke off");
    // A last step that would leave a crumb takes it along.
    if (length > 0.999 * left) length = left;
    for (let s = 0; s < 6; s++) {
      const row = PAIR[s];
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let j = 0; j <= s; j++) sum += row[j] * k[j][i];
        trial[i] = y[i] + length * sum;
      }
      slopeAt(field, trial, k[s + 1]);
    }
    let square = 0;
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < 7; j++) sum += PAIR_ERROR[j] * k[j][i];
      square += ((length * sum) / (tolerance * (1 + Math.max(Math.abs(y[i]), Math.abs(trial[i]))))) ** 2;
    }
    const error = Math.sqrt(square / size);
    if (error <= 1) {
      left = length === left ? 0 : left - length;
      y.set(trial);
      k[0].set(k[6]); // the last slope of a step is the first of the next
    }
    // NaN counts as an error that is too large.
    const factor = error < 1e30 ? 0.9 * error ** -0.2 : 0.2;
    length *= Math.min(5, Math.max(0.2, factor));
  }
  out.set(y);
  return out;
}
