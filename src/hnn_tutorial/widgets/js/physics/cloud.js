// A cloud of states around a start, an ellipse in one phase plane, that flows with the field.

const RIM = 480; // points of the rim at the start
const INSIDE = 90;
const MOST = 4000; // points of the rim: a rim that needs more is lost
const GAP = 0.04; // in half-widths of the plane: a wider one between two points gets a third

export class Cloud {
  lost = false;
  /** Why points of it are missing, or null. */
  left = null;

  /** `radius` is that of q, in its unit; that of p is as large a part of the plane. */
  constructor(plane, start, radius) {
    this.n = start.length / 2;
    this.view = plane.view;
    this.pair = plane.q;
    const reach = [radius, (radius / this.view[plane.q]) * this.view[plane.p]];
    const around = (share, angle) => {
      const x = Float64Array.from(start);
      x[plane.q] += reach[0] * share * Math.cos(angle);
      x[plane.p] += reach[1] * share * Math.sin(angle);
      return x;
    };
    this.rim = Array.from({ length: RIM }, (_, i) => around(1, (2 * Math.PI * i) / RIM));
    // Points of a sunflower: evenly spread.
    this.inside = Array.from({ length: INSIDE }, (_, i) => around(Math.sqrt((i + 0.5) / INSIDE), i * Math.PI * (3 - Math.sqrt(5))));
  }

  step(field, step, h) {
    if (!this.#moved(field, step, h, this.inside)) this.inside = this.inside.filter((x) => !Number.isNaN(x[0]));
    // Without a point of its rim nobody knows its area.
    if (!this.lost && !this.#moved(field, step, h, this.rim)) this.lost = true;
  }

  /** Move points; false if some of them left the table of the field: these become NaN. */
  #moved(field, step, h, points) {
    let all = true;
    for (const x of points) {
      try {
        step(field, x, h, x);
      } catch (error) {
        this.left = error.message;
        x[0] = NaN;
        all = false;
      }
    }
    return all;
  }

  /** Put points where the flow has pulled the rim apart, by a cubic through four neighbours. */
  refine() {
    if (this.lost) return;
    const { rim } = this;
    const finer = [];
    for (let i = 0; i < rim.length; i++) {
      const [a, b, c, d] = [-1, 0, 1, 2].map((k) => rim[(i + k + rim.length) % rim.length]);
      finer.push(b);
      let gap = 0;
      for (let j = 0; j < b.length; j++) gap += ((c[j] - b[j]) / this.view[j]) ** 2;
      if (gap > GAP ** 2) finer.push(b.map((value, j) => (9 * (value + c[j]) - a[j] - d[j]) / 16));
    }
    this.rim = finer;
    this.lost = finer.length > MOST || !finer.every((x) => Number.isFinite(x[0]));
  }

  /** The signed area inside the rim, in each phase plane. */
  areas() {
    return Array.from({ length: this.n }, (_, q) => {
      let twice = 0;
      let before = this.rim.at(-1);
      for (const x of this.rim) {
        twice += before[q] * x[this.n + q] - x[q] * before[this.n + q];
        before = x;
      }
      return twice / 2;
    });
  }

  /** Length of the rim, in half-widths of its plane. */
  length() {
    const [q, p] = [this.pair, this.n + this.pair];
    let before = this.rim.at(-1);
    return this.rim.reduce((sum, x) => {
      const step = Math.hypot((x[q] - before[q]) / this.view[q], (x[p] - before[p]) / this.view[p]);
      before = x;
      return sum + step;
    }, 0);
  }

  draw(g, plane, colors) {
    const { color } = colors.roles.hnn;
    const { axes, q, p } = plane;
    g.setLineDash([]);
    g.strokeStyle = g.fillStyle = color;
    g.lineWidth = 1.2;
    if (!this.lost) {
      // Where q is an angle, the rim is drawn once for each turn that it reaches into.
      const turn = 2 * Math.PI;
      const reached = this.rim.map((x) => Math.round(x[q] / turn));
      const [low, high] = plane.isAngle ? [Math.min(...reached), Math.max(...reached)] : [0, 0];
      for (let k = low; k <= Math.min(high, low + 20); k++) {
        g.beginPath();
        for (const x of this.rim) g.lineTo(axes.x(x[q] - k * turn), axes.y(x[p]));
        g.closePath();
        g.globalAlpha = 0.14;
        // A projection of a rim of more dimensions has no inside.
        if (this.n === 1) g.fill();
        g.globalAlpha = 0.9;
        g.stroke();
      }
    }
    g.globalAlpha = 0.8;
    for (const x of this.inside) {
      const [left, top] = plane.place(x);
      g.fillRect(left - 1, top - 1, 2, 2);
    }
    g.globalAlpha = 1;
  }
}
