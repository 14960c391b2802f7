// Two bodies in a plane under gravity: the Kepler problem.
import { GravitatingBodies } from "./gravity.js";

export class TwoBody extends GravitatingBodies {
  title = "two-body problem";

  constructor({ mass1, mass2, gravitational_constant }) {
    super([mass1, mass2], gravitational_constant);
  }

  /** What is conserved, but an angle in rad: from the second body to where the first comes nearest. */
  directions = { "direction of the ellipse": (x) => Math.atan2(...this.laplaceVector(x).reverse()) };

  /** v × (r × v) / (G (m1 + m2)) − r / |r|, seen from the second body. */
  laplaceVector(x) {
    const [m1, m2] = this.masses;
    const [rx, ry] = [x[0] - x[2], x[1] - x[3]];
    const [vx, vy] = [x[4] / m1 - x[6] / m2, x[5] / m1 - x[7] / m2];
    const spin = (rx * vy - ry * vx) / (this.gravity * (m1 + m2));
    const r = Math.hypot(rx, ry);
    return [spin * vy - rx / r, -spin * vx - ry / r];
  }
}
