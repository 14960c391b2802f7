// The Poincaré section beside the star's plane: points of the start, of its copies and of earlier starts,
// and a handle that moves the start within it.
import { drawSectionPlane } from "../../drawing/section_plane.js";
import { crossing } from "../../physics/section.js";

const MOST_CROSSINGS = 6000; // of earlier starts that are kept

export class SectionPanel {
  words = "Poincaré section: y and py where the orbit passes x = 0 to the right.";
  earlier = new Float32Array(2 * MOST_CROSSINGS);
  earlierCount = 0;
  found = null;

  constructor({ panel, panelKnown }) {
    Object.assign(this, { whole: panel, known: panelKnown });
  }

  /** Forget all points. */
  clear() {
    this.found = null;
    this.earlierCount = 0;
  }

  /** A start is given up: keep the points of it that were seen, if the next one has its energy. */
  leave(seenUntil, sameEnergy) {
    if (!sameEnergy) this.earlierCount = 0;
    else {
      for (const { time, y, py } of this.found?.truth ?? []) {
        if (time > seenUntil) break;
        // Full: the oldest give way.
        this.earlier.set([y, py], 2 * (this.earlierCount++ % MOST_CROSSINGS));
      }
    }
    this.found = null;
  }

  begin() {
    this.found = { truth: [], copies: [], truthSeen: 0, copiesSeen: 0 };
  }

  /** Find where the motions that are known pass through the section. */
  find({ truth, swarm, scene, entries }) {
    const { found } = this;
    const { field } = entries[0];
    const note = (list, before, after, k) => {
      const crossed = crossing(field, before, after, scene.step);
      if (crossed) list.push({ time: k * scene.step + crossed.time, y: crossed.state[1], py: crossed.state[3] });
    };
    for (; found.truthSeen < truth.computed; found.truthSeen++) note(found.truth, truth.state(found.truthSeen), truth.state(found.truthSeen + 1), found.truthSeen);
    if (!swarm) return;
    for (; found.copiesSeen < swarm.computed; found.copiesSeen++) {
      const k = found.copiesSeen;
      for (let i = 0; i < swarm.copies; i++) note(found.copies, swarm.copy(swarm.frame(k), i), swarm.copy(swarm.frame(k + 1), i), k);
    }
  }

  frame({ system, colors, energy: exact, state, sectionHandle }) {
    const axes = (this.axes = drawSectionPlane(this.whole, system, exact, colors, "py where x = 0, px > 0"));
    const g = this.whole.context;
    g.fillStyle = colors.muted;
    g.globalAlpha = 0.75;
    for (let i = 0; i < Math.min(this.earlierCount, MOST_CROSSINGS); i++) {
      g.fillRect(axes.x(this.earlier[2 * i]) - 0.75, axes.y(this.earlier[2 * i + 1]) - 0.75, 1.5, 1.5);
    }
    g.globalAlpha = 1;
    sectionHandle.put(axes.x(state[1]), axes.y(state[3]));
    this.#begin();
  }

  #begin() {
    this.known.clear();
    this.drawn = { truth: 0, copies: 0 };
    this.time = 0;
  }

  /** Add the points up to the present to those already drawn. */
  show({ time, colors }) {
    if (time < this.time) this.#begin();
    this.time = time;
    const { drawn, axes } = this;
    const g = this.known.context;
    const sizes = { copies: 1.5, truth: 4 };
    for (const [name, size] of Object.entries(sizes)) {
      const list = this.found[name];
      g.fillStyle = name === "truth" ? colors.roles.highlight.color : colors.roles.data.color;
      for (; drawn[name] < list.length && list[drawn[name]].time <= time; drawn[name]++) {
        const { y, py } = list[drawn[name]];
        g.fillRect(axes.x(y) - size / 2, axes.y(py) - size / 2, size, size);
      }
    }
  }
}
