// Sets of points that the reader can give both networks with one press.
import { uniformNumbers } from "../../training/initial_weights.js";

const HALF = { count: 100, seed: 11 };
const FEW = { count: 5, share: 0.55 }; // of the highest energy of the first points
const NOISY = 0.2;

/** Each makes `{ states, noise }`; without states, or a noise, those of the lab's first points. */
export const POINT_SETS = {
  first: { text: "first points", make: () => ({}) },
  half: { text: "half the plane", make: (system, high) => ({ states: halfThePlane(system, high) }) },
  few: { text: `${FEW.count} points`, make: (system, high) => ({ states: evenlyRound(system, high), noise: 0 }) },
  noisy: { text: `noise ${NOISY}`, make: () => ({ noise: NOISY }) },
};

/** States of energies up to `high`, drawn evenly from the half where q > 0. */
function halfThePlane(system, high) {
  const uniform = uniformNumbers(HALF.seed);
  const [q, p] = system.view(high);
  const states = [];
  while (states.length < HALF.count) {
    const x = Float64Array.of(q * uniform(), p * (2 * uniform() - 1));
    if (system.hamiltonian(x) <= high) states.push(x);
  }
  return states;
}

/** A few states on one level line, about as far from each other. */
function evenlyRound(system, high) {
  const curve = system.levelCurve(FEW.share * high).flat();
  return Array.from({ length: FEW.count }, (_, k) => Float64Array.from(curve[Math.round(((k + 0.5) * curve.length) / FEW.count)]));
}
