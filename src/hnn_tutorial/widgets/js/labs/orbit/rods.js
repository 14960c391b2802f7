// The double pendulum: two rods from a pivot; a bob that is pulled starts from rest, as it would from a hand.
import { drawMark, useStyle } from "../../drawing/canvas.js";
import { brief } from "./points.js";
import { drawDot } from "./trail.js";
import { extended } from "./view.js";

const DEGREE = Math.PI / 180;
const TRAIL = 33; // times √(l/g): four swings of the slow kind
const ABOVE = 0.15; // of the length: what is shown above the pivot at least

export class DoublePendulumScene {
  step = 0.02;
  unit = "s";
  distanceUnit = "rad";
  whyBroken = "";
  whyInaccurate = "";
  hint = "Drag a bob: it is released from rest.";
  path = { x: { name: "θ1 (rad)", value: (x) => x[0], both: true, angle: true }, y: { name: "θ2 (rad)", value: (x) => x[1], both: true, angle: true } };

  constructor(system) {
    this.system = system;
    this.lengths = [system.length1, system.length2];
    this.length = system.length1 + system.length2;
    this.trail = TRAIL * Math.sqrt(this.length / 2 / system.gravity);
    this.tracks = [(x) => this.bobs(x)[1]];
    this.grips = [0, 1].map((i) => this.#bob(i));
    this.fields = [0, 1].map((i) => ({
      name: `${["upper", "lower"][i]} angle`,
      low: -180,
      high: 180,
      step: 1,
      format: (value) => `${Math.round(value)}°`,
      value: (state) => state[i] / DEGREE,
      set: (state, value) => this.#released(state, i, value * DEGREE),
    }));
  }

  bobs(state) {
    const [first, second] = this.lengths;
    const upper = [first * Math.sin(state[0]), -first * Math.cos(state[0])];
    return [upper, [upper[0] + second * Math.sin(state[1]), upper[1] - second * Math.cos(state[1])]];
  }

  /** At rest, rod i at an angle, the other as it was. */
  #released(state, i, angle) {
    return Float64Array.from([i === 0 ? angle : state[0], i === 1 ? angle : state[1], 0, 0]);
  }

  #bob(i) {
    return {
      name: `the ${["upper", "lower"][i]} bob, released from rest`,
      kind: "body",
      // Its place follows from the angle alone, so it may be dragged out of the picture.
      free: true,
      place: (state) => this.bobs(state)[i],
      moved: (state, [x, y]) => {
        const [pivotX, pivotY] = i ? this.bobs(state)[0] : [0, 0];
        return this.#released(state, i, Math.atan2(x - pivotX, pivotY - y));
      },
      stepped: (state, dx, dy) => this.#released(state, i, state[i] + 0.02 * (dx || dy)),
      say: (state) => [state[i], [-Math.PI, Math.PI], `θ${i + 1} = ${brief(state[i], "rad")}`],
    };
  }

  reach() {
    return this.length;
  }

  /** The pivot, what hangs below it and some room above; as far to the left as to the right. */
  box(state) {
    return this.extend(extended(null, [[0, ABOVE * this.length], [0, -this.length]]), state);
  }

  extend(box, state) {
    return extended(box, this.bobs(state).flatMap(([x, y]) => [[x, y], [-x, y]]));
  }

  fit() {}

  scaleArrows() {}

  drawGround(g, colors, axes) {
    const [x, y] = [axes.x(0), axes.y(0)];
    g.strokeStyle = colors.faint;
    g.lineWidth = 1;
    g.beginPath();
    g.arc(x, y, this.length * axes.xScale, 0, 2 * Math.PI);
    g.stroke();
    // A bracket that holds the pivot.
    g.fillStyle = g.strokeStyle = colors.muted;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(x - 15, y - 11);
    g.lineTo(x + 15, y - 11);
    g.stroke();
    g.beginPath();
    g.moveTo(x - 8, y - 11);
    g.lineTo(x, y);
    g.lineTo(x + 8, y - 11);
    g.fill();
  }

  drawStart() {}

  /** The pivot, over the rods. */
  drawNames(g, colors, axes) {
    g.fillStyle = colors.ink;
    g.strokeStyle = colors.surface;
    g.lineWidth = 1.5;
    g.beginPath();
    g.arc(axes.x(0), axes.y(0), 4.5, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
  }

  #rods(g, axes, [upper, lower]) {
    g.beginPath();
    g.moveTo(axes.x(0), axes.y(0));
    g.lineTo(axes.x(upper[0]), axes.y(upper[1]));
    g.lineTo(axes.x(lower[0]), axes.y(lower[1]));
    g.stroke();
  }

  drawState(g, colors, axes, role, state) {
    const bobs = this.bobs(state);
    useStyle(g, colors.roles[role]);
    this.#rods(g, axes, bobs);
    for (const [x, y] of bobs) drawMark(g, role, colors, axes.x(x), axes.y(y), 7);
  }

  drawCopy(g, axes, state) {
    const bobs = this.bobs(state);
    g.globalAlpha = 0.45;
    this.#rods(g, axes, bobs);
    g.globalAlpha = 1;
    for (const bob of bobs) drawDot(g, axes, bob, 3.4);
  }

  describe(state) {
    return `θ1 = ${brief(state[0], "rad")}, θ2 = ${brief(state[1], "rad")}`;
  }
}
