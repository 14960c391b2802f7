// The Hénon–Heiles system: where order ends and chaos begins.
import { addScaled } from "../vectors.js";

export class HenonHeiles {
  degrees = 2;
  coordinates = [["x", "1"], ["y", "1"], ["px", "1"], ["py", "1"]];
  title = "Hénon–Heiles system";
  bodyName = "star";
  invariants = { energy: (x) => this.hamiltonian(x) };

  constructor({ coupling }) {
    this.coupling = coupling;
  }

  /** 1/(6λ²): the energy at which the well opens; infinite without coupling. */
  get escapeEnergy() {
    return 1 / (6 * this.coupling ** 2);
  }

  potential(x) {
    return (x[0] ** 2 + x[1] ** 2) / 2 + this.coupling * (x[0] ** 2 * x[1] - x[1] ** 3 / 3);
  }

  hamiltonian(x) {
    return (x[2] ** 2 + x[3] ** 2) / 2 + this.potential(x);
  }

  field(x, slope = new Float64Array(4)) {
    slope[0] = x[2];
    slope[1] = x[3];
    slope[2] = -x[0] - 2 * this.coupling * x[0] * x[1];
    slope[3] = -x[1] - this.coupling * (x[0] ** 2 - x[1] ** 2);
    return slope;
  }

  difference(x, y) {
    return addScaled(x, -1, y);
  }

  /** How far the well of an energy reaches from its bottom in a direction (an angle).
   *
   * Along a ray V = r²/2 + (λ/3) sin(3θ) r³, which rises to its saddle and then falls; beyond
   * the energy of the saddle the well is open there and the answer is that of the saddle. */
  wellRadius(energy, direction) {
    const cubic = (this.coupling / 3) * Math.sin(3 * direction);
    let low = 0;
    let high = Math.min(Math.sqrt(6 * energy), cubic < 0 ? -1 / (3 * cubic) : Infinity);
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2;
      if (middle ** 2 * (0.5 + cubic * middle) < energy) low = middle;
      else high = middle;
    }
    return high;
  }
}
