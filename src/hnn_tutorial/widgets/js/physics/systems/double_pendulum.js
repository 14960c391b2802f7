// Two masses on two rods, one below the other; both angles from hanging down.
import { addScaled, wrapAngle } from "../vectors.js";

export class DoublePendulum {
  degrees = 2;
  angles = [0, 1];
  coordinates = [["θ1", "rad"], ["θ2", "rad"], ["p1", "kg m²/s"], ["p2", "kg m²/s"]];
  title = "double pendulum";
  bodyName = "bobs";
  invariants = { energy: (x) => this.hamiltonian(x) };

  constructor({ mass1, mass2, length1, length2, gravity }) {
    Object.assign(this, { mass1, mass2, length1, length2, gravity });
    this.upper = (mass1 + mass2) * length1 ** 2;
    this.lower = mass2 * length2 ** 2;
    this.arm = mass2 * length1 * length2;
    this.torque1 = (mass1 + mass2) * gravity * length1;
    this.torque2 = mass2 * gravity * length2;
  }

  hamiltonian(x) {
    const [v1, v2] = this.field(x);
    const potential = this.torque1 * (1 - Math.cos(x[0])) + this.torque2 * (1 - Math.cos(x[1]));
    return (x[2] * v1 + x[3] * v2) / 2 + potential;
  }

  field(x, slope = new Float64Array(4)) {
    const coupling = this.arm * Math.cos(x[0] - x[1]);
    const determinant = this.upper * this.lower - coupling ** 2;
    const v1 = (this.lower * x[2] - coupling * x[3]) / determinant;
    const v2 = (this.upper * x[3] - coupling * x[2]) / determinant;
    const whirl = this.arm * v1 * v2 * Math.sin(x[0] - x[1]);
    const force1 = -whirl - this.torque1 * Math.sin(x[0]);
    const force2 = whirl - this.torque2 * Math.sin(x[1]);
    slope[0] = v1;
    slope[1] = v2;
    slope[2] = force1;
    slope[3] = force2;
    return slope;
  }

  /** [θ, p] of [θ, θ̇]. */
  momenta(v) {
    const coupling = this.arm * Math.cos(v[0] - v[1]);
    return Float64Array.of(v[0], v[1], this.upper * v[2] + coupling * v[3], coupling * v[2] + this.lower * v[3]);
  }

  /** Half-widths of planes that show motions up to an energy: ½ pᵀM⁻¹p ≤ E bounds p² by 2 E Mᵢᵢ. */
  view(energy) {
    const room = Math.max(this.torque1 + this.torque2, 1.3 * energy);
    return [Math.PI, Math.PI, Math.sqrt(2 * room * this.upper), Math.sqrt(2 * room * this.lower)];
  }

  /** x - y, the angles the short way round. */
  difference(x, y) {
    const apart = addScaled(x, -1, y);
    apart[0] = wrapAngle(apart[0]);
    apart[1] = wrapAngle(apart[1]);
    return apart;
  }
}
