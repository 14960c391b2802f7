// How the orbit lab shows each system: what moves in the plane, what the reader can take hold of,
// and how a state looks. A scene states
//
// - `step` (between two samples of a motion), `rate` (time that passes in a second of playing),
//   `unit` of time, `distanceUnit`, `tracks` (what leaves a trail: functions of the state to a point
//   of the plane), whether `wholeOrbits` are shown, `copyStrength` and `trailStrength` (opacity of a
//   copy of a swarm and of a trail), `whyBroken`, `whyInaccurate` (ends of sentences on the truth);
// - `reach(state)`: half-width of a plane that shows it; `fit(half)` then prepares for that plane;
// - `grips`: what can be dragged. `place(state)` is a grip's point of the plane, `moved(state, point)`
//   the state when it has been brought to another, `stepped(state, dx, dy)` after a key stroke, and
//   `say(state)` its value, limits and words;
// - `drawGround`, `drawStart`, `drawState`, `drawCopy`, and `describe(state)` in words.
import { DoublePendulum } from "../physics/systems/double_pendulum.js";
import { HenonHeiles } from "../physics/systems/henon_heiles.js";
import { ThreeBody } from "../physics/systems/three_body.js";
import { TwoBody } from "../physics/systems/two_body.js";
import { drawMark, formatNumber, useStyle } from "../drawing/canvas.js";

const GAP = 0.09; // in half-widths: from a body to the end of the arrow that means rest

const brief = (value, unit) => (unit ? `${formatNumber(value)} ${unit}` : formatNumber(value));

function drawArrow(g, axes, [fromX, fromY], [toX, toY]) {
  const [x, y] = [axes.x(toX), axes.y(toY)];
  const angle = Math.atan2(y - axes.y(fromY), x - axes.x(fromX));
  const back = (length, turn) => [x - length * Math.cos(angle + turn), y - length * Math.sin(angle + turn)];
  g.beginPath();
  g.moveTo(axes.x(fromX), axes.y(fromY));
  g.lineTo(...back(8, 0));
  g.stroke();
  g.beginPath();
  g.moveTo(x, y);
  g.lineTo(...back(13, 0.42));
  g.lineTo(...back(13, -0.42));
  g.fill();
}

/** Points of mass in the plane, each with a grip for its position and one for its velocity. */
class PointScene {
  /** `masses` of the points; `units` of position and velocity; `label(i)` names point i. */
  constructor(system, masses, units, label) {
    Object.assign(this, { system, masses, units, label });
    this.n = system.degrees;
    this.tracks = masses.map((_, i) => (x) => [x[2 * i], x[2 * i + 1]]);
    this.grips = masses.flatMap((_, i) => [this.#position(i), this.#velocity(i)]);
  }

  fit(half) {
    this.half = half;
    this.arrow ??= 0.3 * half;
  }

  /** Choose the length of the arrow of a unit of velocity, by a state. */
  scaleArrows(state) {
    const speeds = this.masses.map((_, i) => Math.hypot(...this.#velocityOf(state, i)));
    this.arrow = (0.3 * this.half) / (Math.max(...speeds) || 1);
  }

  #velocityOf(state, i) {
    const at = this.n + 2 * i;
    return [state[at] / this.masses[i], state[at + 1] / this.masses[i]];
  }

  #changed(state, at, values) {
    const next = Float64Array.from(state);
    values.forEach((value, k) => (next[at + k] = value));
    return next;
  }

  #position(i) {
    const [unit] = this.units;
    return {
      name: `position of ${this.label(i)}`,
      kind: "body",
      place: this.tracks[i],
      moved: (state, point) => this.#changed(state, 2 * i, point),
      stepped: (state, dx, dy) => this.#changed(state, 2 * i, [state[2 * i] + 0.02 * dx * this.half, state[2 * i + 1] + 0.02 * dy * this.half]),
      say: (state) => [state[2 * i], [-this.half, this.half], `x = ${brief(state[2 * i], unit)}, y = ${brief(state[2 * i + 1], unit)}`],
    };
  }

  #velocity(i) {
    const [, unit] = this.units;
    const set = (state, velocity) => this.#changed(state, this.n + 2 * i, velocity.map((value) => value * this.masses[i]));
    return {
      name: `velocity of ${this.label(i)}`,
      kind: "arrow",
      place: (state) => this.#tip(state, i),
      moved: (state, [x, y]) => {
        const [bodyX, bodyY] = this.tracks[i](state);
        const length = Math.hypot(x - bodyX, y - bodyY);
        const speed = Math.max(0, length - GAP * this.half) / this.arrow;
        return set(state, [x - bodyX, y - bodyY].map((part) => (length ? (part / length) * speed : 0)));
      },
      stepped: (state, dx, dy) => {
        const [across, up] = this.#velocityOf(state, i);
        const size = (0.02 * this.half) / this.arrow;
        return set(state, [across + dx * size, up + dy * size]);
      },
      say: (state) => {
        const [across, up] = this.#velocityOf(state, i);
        const most = this.half / this.arrow;
        return [Math.hypot(across, up), [0, most], `${brief(across, unit)} across, ${brief(up, unit)} up`];
      },
    };
  }

  /** Where the arrow of point i ends: a gap away at rest, so that it can be taken hold of. */
  #tip(state, i) {
    const [x, y] = this.tracks[i](state);
    const velocity = this.#velocityOf(state, i);
    const speed = Math.hypot(...velocity);
    const [across, up] = speed ? velocity.map((part) => part / speed) : [Math.SQRT1_2, Math.SQRT1_2];
    const length = GAP * this.half + speed * this.arrow;
    return [x + across * length, y + up * length];
  }

  drawStart(g, colors, axes, state) {
    g.strokeStyle = g.fillStyle = colors.roles.highlight.color;
    g.lineWidth = 2;
    g.setLineDash([]);
    this.masses.forEach((_, i) => drawArrow(g, axes, this.tracks[i](state), this.#tip(state, i)));
  }

  radius(i) {
    return Math.max(4, Math.min(10, 6 * Math.cbrt(this.masses[i])));
  }

  drawState(g, colors, axes, role, state) {
    this.tracks.forEach((track, i) => {
      const [x, y] = track(state);
      drawMark(g, role, colors, axes.x(x), axes.y(y), this.radius(i));
    });
  }

  drawCopy(g, axes, state) {
    for (const track of this.tracks) {
      const [x, y] = track(state);
      g.fillRect(axes.x(x) - 1.5, axes.y(y) - 1.5, 3, 3);
    }
  }
}

class GravityScene extends PointScene {
  step = 0.02;
  rate = 2;
  unit = "s";
  distanceUnit = "m";
  wholeOrbits = true;
  whyBroken = ": two bodies met";
  whyInaccurate = ", since two bodies came very close";
  copyStrength = 0.6;
  trailStrength = 1;
  hint = "Drag a body, or the tip of its arrow, which is its velocity";

  constructor(system) {
    super(system, system.masses, ["m", "m/s"], (i) => `body ${i + 1}`);
  }

  reach(state) {
    let reach = 0;
    for (let i = 0; i < this.n; i++) reach = Math.max(reach, Math.abs(state[i]));
    return reach;
  }

  drawGround() {}

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

class HenonHeilesScene extends PointScene {
  step = 0.1;
  rate = 20;
  unit = "";
  distanceUnit = "";
  whyBroken = ": the star escaped";
  whyInaccurate = "";
  copyStrength = 0.6;
  trailStrength = 1;
  hint = "Drag the star, the tip of its arrow (its velocity), or its place in the section";

  constructor(system) {
    super(system, [1], ["", ""], () => "the star");
  }

  /** The well at the energy of escape; without coupling, that of the start. */
  reach(state) {
    const { coupling } = this.system;
    return coupling ? 1 / coupling : Math.sqrt(2 * this.system.hamiltonian(state)) || 1;
  }

  /** Curves of equal potential; the one of the start's energy bounds its motion. */
  drawGround(g, colors, axes, state) {
    const energy = this.system.hamiltonian(state);
    const top = Math.min(this.system.escapeEnergy, this.half ** 2);
    g.lineWidth = 1;
    g.strokeStyle = colors.faint;
    for (const share of [0.1, 0.25, 0.5, 0.75, 1]) this.#well(g, axes, share * top);
    g.strokeStyle = colors.muted;
    g.setLineDash([4, 3]);
    this.#well(g, axes, energy);
    g.setLineDash([]);
  }

  #well(g, axes, energy) {
    g.beginPath();
    for (let i = 0; i <= 180; i++) {
      const direction = (i / 90) * Math.PI;
      const r = this.system.wellRadius(energy, direction);
      g.lineTo(axes.x(r * Math.cos(direction)), axes.y(r * Math.sin(direction)));
    }
    g.stroke();
  }

  drawNames() {}

  describe(state) {
    return `energy ${formatNumber(this.system.hamiltonian(state), 4)}`;
  }
}

/** Two rods from a pivot; a bob that is pulled starts from rest, as it would from a hand. */
class DoublePendulumScene {
  step = 0.02;
  rate = 1;
  unit = "s";
  distanceUnit = "rad";
  whyBroken = "";
  whyInaccurate = "";
  copyStrength = 0.25;
  trailStrength = 0.35;
  hint = "Drag a bob, which is then released from rest";

  constructor(system) {
    this.system = system;
    this.lengths = [system.length1, system.length2];
    this.tracks = [(x) => this.bobs(x)[1]];
    this.grips = [0, 1].map((i) => this.#bob(i));
  }

  bobs(state) {
    const [first, second] = this.lengths;
    const upper = [first * Math.sin(state[0]), -first * Math.cos(state[0])];
    return [upper, [upper[0] + second * Math.sin(state[1]), upper[1] - second * Math.cos(state[1])]];
  }

  #bob(i) {
    const turned = (state, angle) => Float64Array.from([0, 1], (k) => (k === i ? angle : state[k]));
    const atRest = (angles) => Float64Array.of(...angles, 0, 0);
    return {
      name: `the ${["upper", "lower"][i]} bob, released from rest`,
      kind: "body",
      place: (state) => this.bobs(state)[i],
      moved: (state, [x, y]) => {
        const [pivotX, pivotY] = i ? this.bobs(state)[0] : [0, 0];
        return atRest(turned(state, Math.atan2(x - pivotX, pivotY - y)));
      },
      stepped: (state, dx, dy) => atRest(turned(state, state[i] + 0.02 * (dx || dy))),
      say: (state) => [state[i], [-Math.PI, Math.PI], `θ${i + 1} = ${brief(state[i], "rad")}`],
    };
  }

  reach() {
    return this.lengths[0] + this.lengths[1];
  }

  fit() {}

  scaleArrows() {}

  drawGround() {}

  drawStart() {}

  drawNames() {}

  #trace(g, axes, state) {
    const [upper, lower] = this.bobs(state);
    g.beginPath();
    g.moveTo(axes.x(0), axes.y(0));
    g.lineTo(axes.x(upper[0]), axes.y(upper[1]));
    g.lineTo(axes.x(lower[0]), axes.y(lower[1]));
    g.stroke();
  }

  drawState(g, colors, axes, role, state) {
    useStyle(g, colors.roles[role]);
    this.#trace(g, axes, state);
    for (const [x, y] of this.bobs(state)) drawMark(g, role, colors, axes.x(x), axes.y(y), 7);
  }

  drawCopy(g, axes, state) {
    this.#trace(g, axes, state);
  }

  describe(state) {
    return `θ1 = ${brief(state[0], "rad")}, θ2 = ${brief(state[1], "rad")}`;
  }
}

const SCENES = {
  two_body: [TwoBody, GravityScene],
  three_body: [ThreeBody, GravityScene],
  double_pendulum: [DoublePendulum, DoublePendulumScene],
  henon_heiles: [HenonHeiles, HenonHeilesScene],
};

/** The scene of a system `{ name, parameters }`, which holds the system itself. */
export function buildScene({ name, parameters }) {
  if (!SCENES[name]) throw new Error(`unknown system "${name}"; there are ${Object.keys(SCENES).join(", ")}`);
  const [System, Scene] = SCENES[name];
  return new Scene(new System(parameters));
}
