// The body that moves: how each system looks in space, where it stands for a state, and which
// coordinate belongs to a place on the canvas.
import { drawMark, formatNumber, useStyle } from "./drawing.js";

/** Masses on springs, one under the other, so that motions can be compared. */
class SpringBody {
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

  /** Where motion number `row` has its mass when the coordinate is q. */
  place(q, row) {
    const shown = Math.max(-this.reach, Math.min(this.reach, q));
    return [this.centre + shown * this.scale, (row + 0.6) * this.rowHeight];
  }

  coordinate(x) {
    return Math.max(-this.reach, Math.min(this.reach, (x - this.centre) / this.scale));
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
    const [x] = this.place(start[0], 0);
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
    const [x, y] = this.place(state[0], row);
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

  describe(state) {
    return `${formatNumber(state[0])} m`;
  }
}

/** Rods from one pivot; the motions lie over each other. */
class PendulumBody {
  layout(surface) {
    const { width, height } = surface;
    this.pivot = [width / 2, height / 2];
    this.rod = Math.max(20, Math.min(width, height) / 2 - 26);
  }

  place(q) {
    return [this.pivot[0] + this.rod * Math.sin(q), this.pivot[1] + this.rod * Math.cos(q)];
  }

  coordinate(x, y) {
    return Math.atan2(x - this.pivot[0], y - this.pivot[1]);
  }

  drawGround(g, colors, start) {
    const [px, py] = this.pivot;
    g.lineWidth = 1;
    g.strokeStyle = colors.faint;
    g.beginPath();
    g.arc(px, py, this.rod, 0, 2 * Math.PI);
    g.stroke();
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.muted;
    g.beginPath();
    g.moveTo(px, py);
    g.lineTo(px, py + this.rod + 14);
    g.stroke();
    g.strokeStyle = colors.roles.highlight.color;
    g.beginPath();
    g.moveTo(px, py);
    g.lineTo(...this.place(start[0]));
    g.stroke();
    g.setLineDash([]);
  }

  drawMotion(g, colors, { role }, state) {
    const style = colors.roles[role];
    const [px, py] = this.pivot;
    const [x, y] = this.place(state[0]);
    useStyle(g, style);
    g.beginPath();
    g.moveTo(px, py);
    g.lineTo(x, y);
    g.stroke();
    g.globalAlpha = 1;
    drawMark(g, role, colors, x, y, 9);
    g.fillStyle = colors.ink;
    g.beginPath();
    g.arc(px, py, 3.5, 0, 2 * Math.PI);
    g.fill();
  }

  describe(state) {
    return `${formatNumber(state[0])} rad`;
  }
}

export const BODIES = {
  mass_spring: SpringBody,
  damped_mass_spring: SpringBody,
  pendulum: PendulumBody,
  damped_pendulum: PendulumBody,
};
