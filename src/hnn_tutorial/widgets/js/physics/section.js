// The Poincaré section of the Hénon–Heiles system: where orbits pass x = 0 to the right, as (y, p_y).
import { adaptiveStep } from "./integrators/adaptive.js";

/** The state between `before` and the sample a time `step` later at which x = 0, or null. */
export function crossing(field, before, after, step) {
  if (!(before[0] < 0 && after[0] >= 0)) return null;
  let time = (step * before[0]) / (before[0] - after[0]);
  let state = null;
  // Newton, by the field's own rate of x: a network's is not quite p_x.
  for (let i = 0; i < 4; i++) {
    state = adaptiveStep(field, before, time);
    const change = state[0] / field(state)[0];
    time = Math.max(1e-9 * step, Math.min(step, time - change));
    if (Math.abs(change) < 1e-9) break;
  }
  return { time, state };
}

/** The largest share s ≤ 1 for which an energy allows (s y, s p_y) at x = 0. */
export function allowedShare(system, energy, y, py) {
  const allowed = (s) => (s * py) ** 2 / 2 + system.potential([0, s * y]) <= energy && s * y * system.coupling <= 1;
  if (allowed(1)) return 1;
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (allowed(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The state of an energy on the section nearest to (y, p_y), on the ray to it. */
export function sectionState(system, energy, y, py) {
  const share = allowedShare(system, energy, y, py);
  const rest = 2 * (energy - system.potential([0, share * y])) - (share * py) ** 2;
  return Float64Array.of(0, share * y, Math.sqrt(Math.max(0, rest)), share * py);
}

/** A state in the direction of `state` (as a vector) with another energy below that of escape. */
export function stateOfEnergy(system, state, energy) {
  if (!(Math.hypot(...state) > 0)) return Float64Array.of(0, 0, Math.sqrt(2 * energy), 0);
  // Along a ray from the bottom, H = kinetic s² + potential terms up to s³ rises to the saddle.
  const along = (s) => system.hamiltonian(state.map((value) => s * value));
  let [low, high] = [0, 1e-3];
  while (along(high) < energy && along(high * 1.05) > along(high)) high *= 1.05;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (along(middle) < energy) low = middle;
    else high = middle;
  }
  return state.map((value) => high * value);
}
