// A body thrown straight up: q is its height.

export class Projectile {
  degrees = 1;
  coordinates = [["q", "m"], ["p", "kg m/s"]];
  title = "projectile";
  bodyName = "ball";

  constructor({ mass, gravity }) {
    Object.assign(this, { mass, gravity });
  }

  hamiltonian(x) {
    return x[1] ** 2 / (2 * this.mass) + this.mass * this.gravity * x[0];
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1] / this.mass;
    slope[1] = -this.mass * this.gravity;
    return slope;
  }
}
