// The body that moves: how each system looks in space, where its grips (what the reader can take
// hold of) stand for a state, and which state, at rest, belongs to a grip that was brought somewhere.
import { clamp, drawMark, tickLabel, ticks, useStyle, withUnit } from "./canvas.js";

const LABEL_GAP = 15; // px between two names
const BESIDE = 22; // px from a bob to its name: past the ring of the one that is dragged
const HALF_LINE = 8; // px, half the height of a name
const LABEL_EASE = 0.2; // of its way that a name goes in a frame, so that none jumps

/** Masses on springs, one under the other, so that motions can be compared. */
class SpringBody {
  grips = ["mass"];

  constructor(system) {
    this.system = system;
  }

  layout(surface, rows, view) {
    const { width, height } = surface;
    this.wall = 22;
    this.rows = rows;
    this.rowHeight = (height - 34) / rows;
    this.half = Math.min(14, this.rowHeight * 0.22);
    const left = this.wall + 46;
    const right = width - this.half - 10;
    this.centre = (left + right) / 2;
    this.scale = (right - left) / 2 / view[0];
    this.bottom = height - 34;
    this.reach = view[0];
  }

  /** Where motion number `row` has its mass. */
  place([q], grip = 0, row = 0) {
    const shown = Math.max(-this.reach, Math.min(this.reach, q));
    return [this.centre + shown * this.scale, (row + 0.6) * this.rowHeight];
  }

  moved(state, grip, x) {
    return [Math.max(-this.reach, Math.min(this.reach, (x - this.centre) / this.scale)), 0];
  }

  /** What stands still: wall, equilibrium, scale. */
  drawGround(g, colors, start) {
    g.strokeStyle = colors.muted;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(this.wall, 10);
    g.lineTo(this.wall, this.bottom);
    g.stroke();
    g.lineWidth = 1;
    g.strokeStyle = colors.line;
    g.beginPath();
    for (let y = 16; y < this.bottom; y += 9) {
      g.moveTo(this.wall - 1, y);
      g.lineTo(this.wall - 8, y + 7);
    }
    g.stroke();
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.muted;
    g.beginPath();
    g.moveTo(this.centre, 10);
    g.lineTo(this.centre, this.bottom);
    g.stroke();
    g.strokeStyle = colors.roles.highlight.color;
    const [x] = this.place(start);
    g.beginPath();
    g.moveTo(x, 10);
    g.lineTo(x, this.bottom);
    g.stroke();
    g.setLineDash([]);
    g.fillStyle = colors.muted;
    g.textAlign = "center";
    g.textBaseline = "top";
    g.fillText("q = 0", this.centre, this.bottom + 8);
    if (Math.abs(x - this.centre) > 56) {
      g.fillStyle = colors.roles.highlight.color;
      g.fillText("start", x, this.bottom + 8);
    }
  }

  drawMotion(g, colors, { role, label }, state, row) {
    const style = colors.roles[role];
    const [x, y] = this.place(state, 0, row);
    const end = x - this.half;
    const coils = 11;
    const lead = 10;
    useStyle(g, { ...style, dash: [], width: 1.6 });
    g.beginPath();
    g.moveTo(this.wall, y);
    const points = 110;
    const amplitude = Math.min(9, this.half * 0.62);
    for (let i = 0; i <= points; i++) {
      const s = i / points;
      g.lineTo(this.wall + lead + (end - this.wall - 2 * lead) * s, y - amplitude * Math.sin(2 * Math.PI * coils * s));
    }
    g.lineTo(end, y);
    g.stroke();
    g.beginPath();
    g.roundRect(x - this.half, y - this.half, 2 * this.half, 2 * this.half, 4);
    g.fillStyle = role === "truth" ? style.color : colors.surface;
    g.fill();
    g.setLineDash(style.dash);
    g.lineWidth = 2.4;
    g.stroke();
    if (role !== "truth") drawMark(g, role, colors, x, y, 5);
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "alphabetic";
    g.fillText(label, this.wall + 8, y - this.half - 5);
  }

  /** Each name stands beside its own wall. */
  drawLabels() {}
}

/** Rods from one pivot, each hanging from the last; the motions lie over each other. */
class PendulumBody {
  /** Lengths of the rods, in m, and a name for the bob at the end of each. */
  constructor({ length }, lengths = [length], grips = ["bob"]) {
    Object.assign(this, { lengths, grips, labels: {} });
  }

  layout({ width, height }) {
    this.size = [width, height];
    this.pivot = [width / 2, height / 2];
    this.reach = Math.max(20, Math.min(width, height) / 2 - 26);
    const whole = this.lengths.reduce((sum, length) => sum + length);
    this.rods = this.lengths.map((length) => (this.reach * length) / whole);
  }

  /** Pivot and bobs. */
  joints(state) {
    const joints = [this.pivot];
    this.rods.forEach((rod, i) => {
      const [x, y] = joints[i];
      joints.push([x + rod * Math.sin(state[i]), y + rod * Math.cos(state[i])]);
    });
    return joints;
  }

  place(state, grip = 0) {
    return this.joints(state)[grip + 1];
  }

  moved(state, grip, x, y) {
    const [fromX, fromY] = this.joints(state)[grip];
    const angle = Math.atan2(x - fromX, y - fromY);
    return Array.from(state, (value, i) => (i === grip ? angle : i < this.rods.length ? value : 0));
  }

  drawGround(g, colors, start) {
    const [px, py] = this.pivot;
    g.lineWidth = 1;
    g.strokeStyle = colors.faint;
    g.beginPath();
    g.arc(px, py, this.reach, 0, 2 * Math.PI);
    g.stroke();
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.muted;
    g.beginPath();
    g.moveTo(px, py);
    g.lineTo(px, py + this.reach + 14);
    g.stroke();
    g.strokeStyle = colors.roles.highlight.color;
    this.#rodPath(g, start);
    g.stroke();
    g.setLineDash([]);
  }

  drawMotion(g, colors, { role }, state) {
    useStyle(g, colors.roles[role]);
    this.#rodPath(g, state);
    g.stroke();
    g.globalAlpha = 1;
    const [pivot, ...bobs] = this.joints(state);
    for (const [x, y] of bobs) drawMark(g, role, colors, x, y, 9);
    g.fillStyle = colors.ink;
    g.beginPath();
    g.arc(...pivot, 3.5, 0, 2 * Math.PI);
    g.fill();
  }

  /** The names of several motions beside their last bobs, kept apart. `layers`: label, role, state. */
  drawLabels(g, colors, layers) {
    if (layers.length < 2) return;
    const { font } = g;
    g.font = `600 ${font}`;
    g.textAlign = "center";
    g.textBaseline = "middle";
    g.lineWidth = 4;
    g.strokeStyle = colors.surface;
    const placed = [];
    for (const { label, role, state } of layers) {
      const joints = this.joints(state);
      const [[fromX, fromY], [x, y]] = joints.slice(-2);
      const rod = Math.hypot(x - fromX, y - fromY);
      const away = rod > 0 ? [(x - fromX) / rod, (y - fromY) / rod] : [0, 1];
      const half = g.measureText(label).width / 2;
      const [width, height] = this.size;
      const inside = ([left, top]) => [clamp(left, half + 2, width - half - 2), clamp(top, HALF_LINE + 1, height - HALF_LINE - 1)];
      const below = away[1] < 0 ? -1 : 1;
      // Names of bobs that are together stand one above the other, away from the bobs: past the
      // end of the rod, beside it where there is no room for all, and above or below it else.
      let onward = below;
      let free = [x + away[0] * (BESIDE + half), y + away[1] * (BESIDE + HALF_LINE)];
      if (Math.abs((below > 0 ? height : 0) - y) < BESIDE + 2 * HALF_LINE + (layers.length - 1) * LABEL_GAP) {
        onward = -below;
        free = [x + (away[0] < 0 ? -1 : 1) * (BESIDE + half), y];
      }
      const wanted = inside(free);
      if (Math.abs(wanted[0] - free[0]) > 1) {
        onward = below;
        wanted[1] = y + below * (BESIDE + HALF_LINE);
      }
      for (const other of placed) {
        const apart = Math.abs(other.x - wanted[0]) > other.half + half + 4;
        if (!apart && Math.abs(other.y - wanted[1]) < LABEL_GAP) wanted[1] = other.y + onward * LABEL_GAP;
      }
      wanted[1] = inside(wanted)[1];
      // What is eased is the way from the bob to its name: the name keeps up with the bob.
      const way = [wanted[0] - x, wanted[1] - y];
      const offset = (this.labels[label] ??= way);
      offset.forEach((value, i) => (offset[i] += LABEL_EASE * (way[i] - value)));
      const at = inside([x + offset[0], y + offset[1]]);
      placed.push({ x: wanted[0], y: wanted[1], half });
      g.fillStyle = colors.roles[role].color;
      g.strokeText(label, ...at);
      g.fillText(label, ...at);
    }
    g.font = font;
  }

  #rodPath(g, state) {
    const [pivot, ...bobs] = this.joints(state);
    g.beginPath();
    g.moveTo(...pivot);
    for (const bob of bobs) g.lineTo(...bob);
  }
}

class DoublePendulumBody extends PendulumBody {
  constructor({ length1, length2 }) {
    super({}, [length1, length2], ["upper bob", "lower bob"]);
  }
}

/** Beads on lines, one under the other: all that is known of a device with one length is where it is. */
class LineBody extends SpringBody {
  grips = ["bead"];

  layout(surface, rows, view) {
    super.layout(surface, rows, view);
    const { width } = surface;
    const edge = 24;
    this.half = Math.min(9, this.half);
    this.edges = [edge, width - edge];
    this.centre = width / 2;
    this.scale = (width - 2 * edge) / 2 / view[0];
  }

  place([q], grip = 0, row = 0) {
    const shown = clamp(q - this.middle, -this.reach, this.reach);
    return [this.centre + shown * this.scale, (row + 0.6) * this.rowHeight];
  }

  get middle() {
    return this.system.middle[0];
  }

  moved(state, grip, x) {
    return [this.middle + clamp((x - this.centre) / this.scale, -this.reach, this.reach), 0];
  }

  drawGround(g, colors, start) {
    const [left, right] = this.edges;
    const [low, high] = [this.middle - this.reach, this.middle + this.reach];
    g.lineWidth = 1;
    g.strokeStyle = colors.line;
    g.fillStyle = colors.muted;
    g.textAlign = "center";
    g.textBaseline = "top";
    g.beginPath();
    for (let row = 0; row < this.rows; row++) {
      const y = (row + 0.6) * this.rowHeight;
      g.moveTo(left, y);
      g.lineTo(right, y);
    }
    for (const value of ticks(low, high, 5)) {
      const x = this.centre + (value - this.middle) * this.scale;
      g.moveTo(x, this.bottom);
      g.lineTo(x, this.bottom + 5);
      g.fillText(tickLabel(value), x, this.bottom + 8);
    }
    g.moveTo(left, this.bottom);
    g.lineTo(right, this.bottom);
    g.stroke();
    g.textAlign = "right";
    g.textBaseline = "bottom";
    g.fillText(withUnit(...this.system.coordinates[0]), right, this.bottom - 3);
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.roles.highlight.color;
    const [x] = this.place(start);
    g.beginPath();
    g.moveTo(x, 10);
    g.lineTo(x, this.bottom);
    g.stroke();
    g.setLineDash([]);
  }

  drawMotion(g, colors, { role, label }, state, row) {
    const [x, y] = this.place(state, 0, row);
    drawMark(g, role, colors, x, y, this.half);
    g.fillStyle = colors.ink;
    g.textAlign = "left";
    g.textBaseline = "alphabetic";
    g.fillText(label, this.edges[0], y - this.half - 5);
  }
}

/** Beads on one ring: of a device with an angle, nothing but the angle is known. */
class RingBody extends PendulumBody {
  constructor() {
    super({ length: 1 }, [1], ["bead"]);
  }

  drawGround(g, colors, start) {
    super.drawGround(g, colors, start);
    const [x, y] = this.pivot;
    g.fillStyle = colors.muted;
    g.textAlign = "left";
    g.textBaseline = "middle";
    g.fillText("q = 0", x + 8, y + this.reach - 16);
  }

  drawMotion(g, colors, { role }, state) {
    drawMark(g, role, colors, ...this.place(state), 9);
  }
}

/** The body of a system that was built from a spec. */
export function bodyOf(spec, system) {
  if (spec.table) return system.angles.length ? new RingBody() : new LineBody(system);
  return new BODIES[spec.name](system);
}

export const BODIES = {
  mass_spring: SpringBody,
  damped_mass_spring: SpringBody,
  pendulum: PendulumBody,
  damped_pendulum: PendulumBody,
  double_pendulum: DoublePendulumBody,
};
