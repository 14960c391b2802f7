// A network in the phase plane: the points that it learns from, its field beside the true one, a shade
// where it is wrong, and the orbit that it gives.
import { drawMark, useStyle } from "../../drawing/canvas.js";
import { PhasePlane } from "../../drawing/phase_plane.js";

const ACROSS = 31; // states of the mesh along each side
const ARROWS = 10; // across the plane
const SHADE = { from: -1.5, to: 0.2, most: 0.4 }; // log10 of the error beside the field's size; opacity
const FEW_POINTS = 30; // are drawn larger, each with the place where the body was
const CONE = 0.4; // of an arrow is its head, up to a few pixels

/** States all over a part of the plane with the true field there, and which of them count. */
export function errorMesh(system, view, [low, high]) {
  const states = [];
  for (let j = 0; j < ACROSS; j++) {
    for (let i = 0; i < ACROSS; i++) {
      const x = Float64Array.of(view[0] * ((2 * i + 1) / ACROSS - 1), view[1] * (1 - (2 * j + 1) / ACROSS));
      const energy = system.hamiltonian(x);
      states.push({ x, slope: system.field(x).slice(), inside: energy >= low && energy <= high });
    }
  }
  const inside = states.filter((state) => state.inside);
  const square = inside.reduce((sum, { slope }) => sum + slope[0] ** 2 + slope[1] ** 2, 0);
  return { states, inside: inside.length, speed: Math.sqrt(square / inside.length) };
}

/** Opacities, 0 to 255, of errors beside the field's size: none up to three hundredths. */
function shade(error) {
  const share = (Math.log10(error) - SHADE.from) / (SHADE.to - SHADE.from);
  return 255 * SHADE.most * Math.max(0, Math.min(1, share));
}

const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

export class FieldScene {
  constructor(surface, learner) {
    Object.assign(this, { surface, learner });
    this.patch = Object.assign(document.createElement("canvas"), { width: ACROSS, height: ACROSS });
  }

  /** For a system, the part of its plane that is shown, and the highest energy that counts. */
  load(system, view, high) {
    Object.assign(this, { system, high, plane: new PhasePlane(system) });
    this.plane.view = view;
  }

  layout() {
    this.plane.layout(this.surface);
    const { axes, view } = this.plane;
    this.cell = (axes.right - axes.left) / ARROWS;
    const rows = Math.max(4, Math.round((axes.bottom - axes.top) / this.cell));
    const places = [];
    for (let i = 0; i < ARROWS; i++) {
      for (let j = 0; j < rows; j++) places.push(Float64Array.of(view[0] * ((2 * i + 1) / ARROWS - 1), view[1] * ((2 * j + 1) / rows - 1)));
    }
    // In pixels, so that both axes count alike, and the longest true arrow fills its cell.
    this.arrows = places.map((x) => ({ x, truth: this.#pixels(this.system.field(x)) }));
    this.longest = Math.max(...this.arrows.map(({ truth }) => Math.hypot(...truth)));
  }

  #pixels([dq, dp]) {
    return [dq * this.plane.axes.xScale, -dp * this.plane.axes.yScale];
  }

  /** `data` is `{ samples, noise, stroke }`, `truth` the true orbit. */
  draw(colors, data, truth) {
    const { learner, plane, surface } = this;
    const { axes } = plane;
    const g = surface.clear();
    axes.clip(g);
    this.#drawShade(g, colors.roles[learner.role].color);
    g.setLineDash([2, 4]);
    g.strokeStyle = colors.muted;
    g.lineWidth = 1;
    g.beginPath();
    plane.traceEnergy(g, this.high);
    g.stroke();
    this.#drawArrows(g, { ...colors.roles.truth, width: 3.4 }, 0.7, ({ truth: arrow }) => arrow);
    this.#drawArrows(g, { ...colors.roles[learner.role], width: 1.5 }, 0.9, ({ x }) => this.#pixels(learner.field.value(learner.shown, x)));
    drawPoints(g, colors, axes, data);
    this.#drawOrbits(g, colors, truth);
    // What stands at the rim must be legible there.
    g.globalAlpha = 0.85;
    g.fillStyle = colors.surface;
    g.fillRect(axes.left + 2, axes.top + 4, 76, 18);
    g.fillRect(axes.right - 58, axes.bottom - 21, 56, 18);
    g.globalAlpha = 1;
    g.restore();
    plane.drawFrame(g, colors);
  }

  #drawShade(g, color) {
    const { axes } = this.plane;
    const context = this.patch.getContext("2d");
    const image = context.createImageData(ACROSS, ACROSS);
    const rgb = channels(color);
    this.learner.wrong.forEach((error, k) => image.data.set([...rgb, shade(error)], 4 * k));
    context.putImageData(image, 0, 0);
    g.drawImage(this.patch, axes.left, axes.top, axes.right - axes.left, axes.bottom - axes.top);
  }

  #drawArrows(g, style, strength, pixels) {
    const { axes } = this.plane;
    const { cell, longest } = this;
    useStyle(g, style, strength);
    g.setLineDash([]);
    g.beginPath();
    for (const arrow of this.arrows) {
      let [dx, dy] = pixels(arrow).map((value) => (value * cell) / longest);
      const length = Math.hypot(dx, dy);
      if (!(length > 0.5)) continue;
      // A wild field is drawn as long as two cells.
      const shrink = Math.min(1, (2 * cell) / length);
      [dx, dy] = [dx * shrink, dy * shrink];
      const [fromX, fromY] = [axes.x(arrow.x[0]) - dx / 2, axes.y(arrow.x[1]) - dy / 2];
      const [toX, toY] = [fromX + dx, fromY + dy];
      const head = Math.min(5, length * shrink * CONE) / (length * shrink);
      g.moveTo(fromX, fromY);
      g.lineTo(toX, toY);
      g.lineTo(toX - head * (dx + 0.6 * dy), toY - head * (dy - 0.6 * dx));
      g.moveTo(toX, toY);
      g.lineTo(toX - head * (dx - 0.6 * dy), toY - head * (dy + 0.6 * dx));
    }
    g.stroke();
    g.globalAlpha = 1;
  }

  #drawOrbits(g, colors, truth) {
    const { learner, plane } = this;
    for (const [motion, role] of [[truth, "truth"], [learner.orbit ?? learner.motion, learner.role]]) {
      if (!motion) continue;
      const { states } = motion;
      useStyle(g, colors.roles[role]);
      g.beginPath();
      plane.trace(g, states.length, (k) => states[k]);
      g.stroke();
      drawMark(g, role, colors, ...plane.place(states.at(-1)), 5);
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
  }
}

/** Points as the networks see them, and rings around those that are being taken. */
function drawPoints(g, colors, axes, { samples, noise, stroke }) {
  const { color } = colors.roles.data;
  g.setLineDash([]);
  const few = samples.count <= FEW_POINTS;
  if (few && noise > 0) {
    g.strokeStyle = color;
    g.globalAlpha = 0.3;
    g.lineWidth = 1;
    g.beginPath();
    for (const [q, p, , , a, b] of samples.rows) {
      g.moveTo(axes.x(q), axes.y(p));
      g.lineTo(axes.x(q + noise * a), axes.y(p + noise * b));
    }
    g.stroke();
  }
  const dots = (points, size) => {
    g.beginPath();
    for (const [q, p] of points) {
      g.moveTo(axes.x(q) + size, axes.y(p));
      g.arc(axes.x(q), axes.y(p), size, 0, 2 * Math.PI);
    }
  };
  g.globalAlpha = few ? 1 : 0.75;
  g.fillStyle = color;
  g.strokeStyle = colors.surface;
  g.lineWidth = 1.5;
  dots(samples.rows.map(([q, p, , , a, b]) => [q + noise * a, p + noise * b]), few ? 4.5 : 2.2);
  if (few) g.stroke();
  g.fill();
  g.globalAlpha = 1;
  if (!stroke) return;
  g.strokeStyle = colors.roles.highlight.color;
  dots(stroke, 3.2);
  g.stroke();
}
