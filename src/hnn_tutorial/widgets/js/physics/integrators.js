// The fixed-step integrators of the Python package, under the same names.
import { eulerStep, rk4Step } from "./integrators/explicit.js";
import { gaussLegendre4Step, implicitMidpointStep } from "./integrators/implicit.js";
import { forestRuthStep, leapfrogStep, symplecticEulerStep } from "./integrators/splitting.js";

/** `step(field, x, h, out)` (see integrators/step.js); `evaluations` are calls of the field per step,
 * for implicit methods per iteration. */
export const METHODS = {
  euler: { title: "Euler", order: 1, symplectic: false, needsSeparable: false, evaluations: 1, step: eulerStep },
  rk4: { title: "RK4", order: 4, symplectic: false, needsSeparable: false, evaluations: 4, step: rk4Step },
  symplectic_euler: { title: "symplectic Euler", order: 1, symplectic: true, needsSeparable: true, evaluations: 2, step: symplecticEulerStep },
  leapfrog: { title: "leapfrog", order: 2, symplectic: true, needsSeparable: true, evaluations: 3, step: leapfrogStep },
  forest_ruth: { title: "Forest–Ruth", order: 4, symplectic: true, needsSeparable: true, evaluations: 9, step: forestRuthStep },
  implicit_midpoint: { title: "implicit midpoint", order: 2, symplectic: true, needsSeparable: false, evaluations: 1, step: implicitMidpointStep },
  gauss_legendre4: { title: "Gauss–Legendre 4", order: 4, symplectic: true, needsSeparable: false, evaluations: 2, step: gaussLegendre4Step },
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
