// Selling a position over time: the rate of its cost L = η|v|^(1 + β) + α q², the cheapest path, and paths
// through points.

const FINE = 1500; // pieces of the cheapest path, where it is found
const HALVINGS = 80;

export class Execution {
  /** η, β and α. */
  constructor({ impact, exponent, risk }) {
    Object.assign(this, { impact, exponent, risk });
  }

  /** What the market takes, for each unit of time. */
  impactCost(rate) {
    return this.impact * Math.abs(rate) ** (1 + this.exponent);
  }

  /** What the cheapest path conserves. */
  energy(q, rate) {
    return this.exponent * this.impactCost(rate) - this.risk * q * q;
  }

  /** ∫ of impact and of risk, and their sum, by the midpoint rule over equal steps. */
  cost(path, step) {
    let [impact, risk] = [0, 0];
    for (let k = 0; k < path.length - 1; k++) {
      impact += step * this.impactCost((path[k] - path[k + 1]) / step);
      risk += step * this.risk * ((path[k] + path[k + 1]) / 2) ** 2;
    }
    return { impact, risk, total: impact + risk };
  }

  /** The cheapest path from a position to none, at `count` equal steps.
   *
   * Its energy E is constant, so the rate of selling is ((E + αq²)/(βη))^(1/(1 + β)), and E follows from
   * the time that is left. With q = √(E/α) sinh u the time is a smooth integral over u. */
  cheapest(shares, horizon, count) {
    const { impact: eta, exponent: beta, risk: alpha } = this;
    const power = 1 / (1 + beta);
    const run = (energy, pieces) => {
      const size = Math.sqrt(energy / alpha);
      const most = Math.asinh(shares / size);
      const factor = size * ((beta * eta) / energy) ** power;
      const left = new Float64Array(pieces + 1);
      const gap = most / pieces;
      const slope = (u) => factor * Math.cosh(u) ** (1 - 2 * power);
      // Simpson's rule, piece by piece.
      for (let k = 0; k < pieces; k++) left[k + 1] = left[k] + (gap / 6) * (slope(k * gap) + 4 * slope((k + 0.5) * gap) + slope((k + 1) * gap));
      return { left, gap, size };
    };
    // The more energy, the sooner it ends; with even selling for a scale.
    let [low, high] = [-60, 60].map((x) => Math.log(beta * eta * (shares / horizon) ** (1 + beta)) + x);
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (low + high) / 2;
      if (run(Math.exp(middle), 120).left.at(-1) > horizon) low = middle;
      else high = middle;
    }
    const { left, gap, size } = run(Math.exp((low + high) / 2), FINE);
    const path = new Float64Array(count + 1);
    path[0] = shares;
    for (let i = 1, k = FINE - 1; i < count; i++) {
      const wanted = horizon * (1 - i / count);
      while (k > 0 && left[k] > wanted) k -= 1;
      const share = (wanted - left[k]) / (left[k + 1] - left[k]);
      path[i] = size * Math.sinh((k + share) * gap);
    }
    return path;
  }
}

/** A smooth path through points at equal times that rises only where they do (Fritsch and Carlson), at so
 * many steps between each two of them. */
export function pathThrough(points, steps) {
  const pieces = points.length - 1;
  const rise = Array.from({ length: pieces }, (_, k) => points[k + 1] - points[k]);
  const slopes = Array.from({ length: pieces + 1 }, (_, k) => {
    if (k > 0 && k < pieces) {
      const [a, b] = [rise[k - 1], rise[k]];
      return a * b > 0 ? (2 * a * b) / (a + b) : 0;
    }
    const [near, next] = k === 0 ? [rise[0], rise[1] ?? rise[0]] : [rise[pieces - 1], rise[pieces - 2] ?? rise[pieces - 1]];
    const slope = (3 * near - next) / 2;
    if (slope * near <= 0) return 0;
    return near * next < 0 && Math.abs(slope) > 3 * Math.abs(near) ? 3 * near : slope;
  });
  const path = new Float64Array(pieces * steps + 1);
  for (let k = 0; k < pieces; k++) {
    for (let i = 0; i < steps; i++) {
      const t = i / steps;
      const [t2, t3] = [t * t, t * t * t];
      path[k * steps + i] = points[k] * (2 * t3 - 3 * t2 + 1) + slopes[k] * (t3 - 2 * t2 + t) + points[k + 1] * (3 * t2 - 2 * t3) + slopes[k + 1] * (t3 - t2);
    }
  }
  path[pieces * steps] = points[pieces];
  return path;
}
