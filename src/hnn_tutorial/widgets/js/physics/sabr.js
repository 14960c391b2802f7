// SABR with exponent 1: its metric, and geodesics in the hyperbolic plane that it makes. States are [ln F, ln a].
//
// With ρ = sin of an angle and c its cosine, X = (ln F − ρ a/ν)/c and Y = a/ν are the half plane of
// curvature −ν². Where a geodesic ends freely on the line of a strike, it is an arc of a circle around the
// foot of that line.

export class Sabr {
  constructor({ volatility, volOfVol, correlation }) {
    Object.assign(this, { a: volatility, nu: volOfVol, rho: correlation, c: Math.sqrt(1 - correlation ** 2) });
  }

  /** L = q̇ᵀΣ⁻¹q̇/2 of [q, q̇]. */
  lagrangian([, y, dx, dy]) {
    const [u, v] = [dx / Math.exp(y), dy / this.nu];
    return (u * u - 2 * this.rho * u * v + v * v) / (2 * this.c ** 2);
  }

  /** Along the circle, from today to the strike, w of (tanh w, 1/cosh w) grows evenly. */
  #ends(k) {
    return [(k * this.nu) / this.a + this.rho, this.rho].map((z) => Math.asinh(z / this.c));
  }

  distance(k) {
    const [from, to] = this.#ends(k);
    return Math.abs(from - to) / this.nu;
  }

  shortVolatility(k) {
    // Where 0/0 is near, its first two terms.
    return Math.abs(k * this.nu) < 1e-5 * this.a ? this.a + (this.rho * this.nu * k) / 2 : Math.abs(k) / this.distance(k);
  }

  /** States at equal steps of the shortest path. */
  geodesic(k, steps) {
    const { a, nu, rho, c } = this;
    const [from, to] = this.#ends(k);
    const radius = (a / nu) * Math.cosh(from);
    return Array.from({ length: steps + 1 }, (_, i) => {
      const w = from + ((to - from) * i) / steps;
      return [k + radius * (rho / Math.cosh(w) - c * Math.tanh(w)), Math.log((nu * radius) / Math.cosh(w))];
    });
  }

  /** States at a distance from today's, all around. */
  circle(distance, count) {
    const { a, nu, rho, c } = this;
    const [high, wide] = [Math.cosh(nu * distance), Math.sinh(nu * distance)];
    return Array.from({ length: count + 1 }, (_, i) => {
      const turn = (2 * Math.PI * i) / count;
      const up = high + wide * Math.sin(turn);
      return [(a / nu) * (c * wide * Math.cos(turn) + rho * (up - 1)), Math.log(a * up)];
    });
  }

  /** L over each step of a path, run in one unit of time at even steps, by the midpoint rule. */
  lagrangians(path) {
    const steps = path.length - 1;
    return Array.from({ length: steps }, (_, i) => {
      const [[x, y], [X, Y]] = [path[i], path[i + 1]];
      return this.lagrangian([(x + X) / 2, (y + Y) / 2, (X - x) * steps, (Y - y) * steps]);
    });
  }

  length(path) {
    return this.lagrangians(path).reduce((sum, L) => sum + Math.sqrt(2 * L), 0) / (path.length - 1);
  }
}
