// Bodies that attract each other: two, three, or more.
import { extended } from "./view.js";
import { PointScene, brief } from "./points.js";

const FEW = 3; // bodies: with more, arrows and whole orbits would hide each other

export class GravityScene extends PointScene {
  step = 0.02;
  trail = 10;
  unit = "s";
  distanceUnit = "m";
  wholeOrbits = true;
  whyBroken = ": two bodies met";
  whyInaccurate = ", since two bodies came very close";
  hint = "Drag a body, or the tip of its arrow, which is its velocity.";

  constructor(system) {
    super(system, system.masses, ["m", "m/s"], (i) => `body ${i + 1}`);
    this.few = system.masses.length <= FEW;
    if (!this.few) {
      this.grips = this.grips.filter(({ kind }) => kind === "body");
      Object.assign(this, { wholeOrbits: false, trail: 4, pieces: 6, hint: "Drag a body." });
    }
    const apart = (i, j) => (x) => Math.hypot(x[2 * j] - x[2 * i], x[2 * j + 1] - x[2 * i + 1]);
    this.distance = apart(0, 1);
    this.path =
      system.masses.length === 2
        ? { x: { name: "distance (m)", value: this.distance }, y: { name: "rate of the distance (m/s)", value: (x) => this.#parting(x), both: true } }
        : { x: { name: "from body 1 to body 2 (m)", value: this.distance }, y: { name: "from body 2 to body 3 (m)", value: apart(1, 2) } };
  }

  /** How fast the first two bodies part. */
  #parting(x) {
    const [v1, v2] = [this.velocityOf(x, 0), this.velocityOf(x, 1)];
    return ((x[2] - x[0]) * (v2[0] - v1[0]) + (x[3] - x[1]) * (v2[1] - v1[1])) / this.distance(x);
  }

  reach(state) {
    let reach = 0;
    for (let i = 0; i < this.n; i++) reach = Math.max(reach, Math.abs(state[i]));
    return reach;
  }

  /** Room for the bodies and their arrows. */
  box(state) {
    const bodies = this.tracks.map((track) => track(state));
    const arrow = 0.4 * this.reach(state);
    const tips = bodies.map(([x, y], i) => {
      const velocity = this.velocityOf(state, i);
      const speed = Math.hypot(...velocity) || 1;
      return [x + (arrow * velocity[0]) / speed, y + (arrow * velocity[1]) / speed];
    });
    return extended(null, [...bodies, ...tips]);
  }

  extend(box, state) {
    return extended(box, this.tracks.map((track) => track(state)));
  }

  drawGround() {}

  /** Arrows, where there is room for them. */
  drawStart(...details) {
    if (this.few) super.drawStart(...details);
  }

  /** The bodies' numbers, beside those of one motion. */
  drawNames(g, colors, axes, state) {
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "alphabetic";
    this.tracks.forEach((track, i) => {
      const [x, y] = track(state);
      g.fillText(String(i + 1), axes.x(x) + this.radius(i) + 4, axes.y(y) - this.radius(i));
    });
  }

  describe(state) {
    return `energy ${brief(this.system.hamiltonian(state), "J")}`;
  }
}
