// The part of the plane that the orbit lab shows: a box [left, right, bottom, top] with room for the
// whole motion, into which the view glides.
import { Axes } from "../../drawing/canvas.js";

const GLIDE = 90; // ms: time constant
const NEAR = 1e-3; // of the box: as good as there
const MARGIN = 0.07; // of the box, on each side
const ROOM = 12; // pixels beside it, for the bodies

/** A box with room for some points. */
export function extended(box, points) {
  const [left, right, bottom, top] = box ?? [Infinity, -Infinity, Infinity, -Infinity];
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(left, ...xs), Math.max(right, ...xs), Math.min(bottom, ...ys), Math.max(top, ...ys)];
}

export class View {
  box = null;
  aim = null;

  /** Show a box: at once, or bit by bit in the frames that follow. */
  show([left, right, bottom, top], at_once) {
    const room = MARGIN * Math.max(right - left, top - bottom) || 1;
    this.aim = [left - room, right + room, bottom - room, top + room];
    if (at_once || !this.box) this.box = this.aim;
  }

  /** As `show`, but what is in view stays there. */
  include(box) {
    const inside = this.aim && box[0] >= this.aim[0] && box[1] <= this.aim[1] && box[2] >= this.aim[2] && box[3] <= this.aim[3];
    if (!inside) this.show(this.aim ? extended(this.aim, [[box[0], box[2]], [box[1], box[3]]]) : box);
  }

  /** Move on towards what is to be shown; false if that is done. */
  glide(elapsed) {
    if (this.box === this.aim) return false;
    const share = 1 - Math.exp(-elapsed / GLIDE);
    const size = this.aim[1] - this.aim[0] + this.aim[3] - this.aim[2];
    const next = this.box.map((value, i) => value + share * (this.aim[i] - value));
    this.box = next.every((value, i) => Math.abs(value - this.aim[i]) < NEAR * size) ? this.aim : next;
    return true;
  }

  /** Equal scales on both axes, the box in the middle. */
  axes({ width, height }) {
    const [left, right, bottom, top] = this.box;
    const scale = Math.min((width - 2 * ROOM) / (right - left), (height - 2 * ROOM) / (top - bottom));
    const [x, y] = [(left + right) / 2, (bottom + top) / 2];
    const [across, up] = [width / 2 / scale, height / 2 / scale];
    return new Axes({ left: 0, top: 0, right: width, bottom: height }, [x - across, x + across], [y - up, y + up]);
  }
}
