// Small pictures of one system side by side, each moved by another method: how the body looks in space,
// its mark that of the method, and how far the true motion reaches.
import { FONT, formatPercent, tracePoints } from "../../drawing/canvas.js";
import { drawMethodMark, useMethodStyle } from "../../drawing/method_style.js";

const CELL = { narrowest: 76, gap: 6, words: 46 }; // px; the words stand below the picture
const LINE = 14; // px between two lines of words

/** How a system looks: `reach` draws what the true motion reaches, `body` the body at a position. */
const LOOKS = {
  pendulum: {
    reach(g, { system, energy, x, y, size }) {
      g.beginPath();
      if (energy >= 2 * system.torque) {
        g.arc(x, y, size, 0, 2 * Math.PI);
      } else {
        const turning = Math.acos(1 - energy / system.torque);
        g.arc(x, y, size, Math.PI / 2 - turning, Math.PI / 2 + turning);
        for (const angle of [-turning, turning]) {
          g.moveTo(x, y);
          g.lineTo(x + size * Math.sin(angle), y + size * Math.cos(angle));
        }
      }
      g.stroke();
    },
    body(g, [q], { x, y, size }) {
      const bob = [x + size * Math.sin(q), y + size * Math.cos(q)];
      g.setLineDash([]);
      g.lineWidth = 2.4;
      g.beginPath();
      g.moveTo(x, y);
      g.lineTo(...bob);
      g.stroke();
      return [bob];
    },
  },
  mass_spring: {
    reach(g, { system, energy, x, y, size, scale }) {
      const turning = Math.sqrt((2 * energy) / system.stiffness) * scale;
      g.beginPath();
      for (const side of [-turning, turning]) {
        g.moveTo(x - 0.6 * size, y + side);
        g.lineTo(x + 0.6 * size, y + side);
      }
      g.stroke();
    },
    body(g, [q], { x, y, top, size, scale }) {
      const end = y + Math.max(-1.4 * size, Math.min(1.4 * size, q * scale));
      const coils = 9;
      g.setLineDash([]);
      g.lineWidth = 1.5;
      g.beginPath();
      g.moveTo(x - 9, top);
      g.lineTo(x + 9, top);
      tracePoints(g, 61, (k) => [x + 6 * Math.sin((2 * Math.PI * coils * k) / 60), top + ((end - top) * k) / 60]);
      g.stroke();
      return [[x, end]];
    },
  },
  henon_heiles: {
    reach(g, { system, energy, x, y, scale }) {
      g.beginPath();
      tracePoints(g, 73, (k) => {
        const angle = (2 * Math.PI * k) / 72;
        const radius = system.wellRadius(energy, angle) * scale;
        return [x + radius * Math.cos(angle), y - radius * Math.sin(angle)];
      });
      g.stroke();
    },
    body: (g, [px, py], { x, y, scale }) => [[x + px * scale, y - py * scale]],
  },
  two_body: {
    reach(g, { truth, x, y, scale }) {
      const points = 200;
      for (const first of [0, 2]) {
        g.beginPath();
        tracePoints(g, points + 1, (k) => {
          const at = Math.floor((k / points) * truth.computed);
          return [x + truth.state(at, first) * scale, y - truth.state(at, first + 1) * scale];
        });
        g.stroke();
      }
    },
    body: (g, [x1, y1, x2, y2], { x, y, scale }) => [
      [x + x1 * scale, y - y1 * scale],
      [x + x2 * scale, y - y2 * scale],
    ],
  },
};

export class Swings {
  constructor(surface, name, system) {
    Object.assign(this, { surface, system, look: LOOKS[name] });
    this.fits = name === "pendulum" || name === "mass_spring" ? 1 : 1.4;
  }

  /** How many rows of pictures a width needs. */
  static rows(width, count) {
    return Math.ceil(count / Math.max(1, Math.floor(width / CELL.narrowest)));
  }

  /** `shown` are `{ title, style, state, off, gone }`: a position, and how far the energy is off, or words;
   * then the true motion and its energy, and how far the plane reaches. */
  draw(g, colors, shown, { energy, truth, reach }) {
    const { width, height } = this.surface;
    const rows = Swings.rows(width, shown.length);
    const columns = Math.ceil(shown.length / rows);
    const [cellWidth, cellHeight] = [Math.min(width / columns, 170), height / rows];
    const left = (width - columns * cellWidth) / 2;
    shown.forEach((entry, k) => {
      const middle = left + ((k % columns) + 0.5) * cellWidth;
      const top = Math.floor(k / columns) * cellHeight;
      const room = Math.min(cellWidth - CELL.gap, cellHeight - CELL.words) / 2;
      const size = room - 9;
      const cell = { system: this.system, energy, truth, x: middle, y: top + (cellHeight - CELL.words) / 2, top: top + 4, size, scale: (size * this.fits) / reach };
      this.#drawCell(g, colors, entry, cell, room);
      this.#write(g, colors, entry, middle, top + cellHeight - CELL.words + 2, cellWidth - 4);
    });
  }

  #drawCell(g, colors, { state, style, gone }, cell, room) {
    g.save();
    g.beginPath();
    g.rect(cell.x - room - 3, cell.y - room - 3, 2 * room + 6, 2 * room + 6);
    g.clip();
    g.globalAlpha = 1;
    g.setLineDash([2, 3]);
    g.lineWidth = 1;
    g.strokeStyle = colors.muted;
    this.look.reach(g, cell);
    useMethodStyle(g, style, colors, gone ? 0.4 : 1);
    const marks = this.look.body(g, state, cell);
    for (const place of marks) drawMethodMark(g, style, colors, ...place, 1.25);
    g.restore();
  }

  /** Name and energy, in two lines where one has no room. */
  #write(g, colors, { title, off }, x, y, width) {
    g.textAlign = "center";
    g.textBaseline = "top";
    g.globalAlpha = 1;
    g.font = FONT;
    g.fillStyle = colors.ink;
    const words = [];
    for (const word of title.split(/(?<=[ –])/)) {
      const line = (words.at(-1) ?? "") + word;
      if (words.length && g.measureText(line).width <= width) words.splice(-1, 1, line);
      else words.push(word);
    }
    words.forEach((word, k) => g.fillText(word.trim(), x, y + k * LINE));
    g.font = `600 ${FONT}`;
    const text = typeof off === "number" ? formatPercent(off) : off;
    g.fillText(text, x, y + words.length * LINE);
    g.font = FONT;
  }
}
