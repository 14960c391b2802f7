// Small vectors of numbers: a state [q, p] of n degrees of freedom is a Float64Array of length 2n.

/** x + h k */
export function addScaled(x, h, k) {
  const sum = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) sum[i] = x[i] + h * k[i];
  return sum;
}

export function allFinite(x) {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i])) return false;
  return true;
}

/** The representative of an angle in (-pi, pi]. */
export function wrapAngle(angle) {
  const turn = 2 * Math.PI;
  return angle - turn * Math.ceil((angle - Math.PI) / turn);
}
