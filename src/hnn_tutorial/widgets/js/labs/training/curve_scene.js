// How both networks learned: loss and field error over the steps, whose steps they were, and behind them
// the curves of former trainings.
import { Axes, drawFrame, tracePoints, useStyle } from "../../drawing/canvas.js";
import { powerOfTen } from "../../drawing/chart.js";
import { shownAt } from "../../training/trainer.js";

const LOSS = { width: 1.4, dash: [2, 3] };
const ROOM = { low: -3, high: 0.5 }; // powers of ten that are shown at least
const OLD = 0.3; // opacity of former trainings

/** The optimisers: their names, how many steps a training has, and how many the step button makes. */
export const OPTIMIZER_CHOICES = {
  levenberg_marquardt: { text: "Levenberg–Marquardt", short: "LM", steps: 40, stride: 1 },
  adam: { text: "Adam", short: "Adam", steps: 2000, stride: 50 },
};

/** The trainings of a history: `{ optimizer, first, steps, from, to }`. Each is as wide as the time that it is
 * shown in, for a step of one optimiser is worth many of the other; a whole one has width 1. */
export function trainings(history, stepsOf) {
  const found = [];
  for (const [step, , , , optimizer, first] of history) {
    if (found.at(-1)?.first !== first || found.at(-1).optimizer !== optimizer) {
      const from = found.at(-1)?.to ?? 0;
      found.push({ optimizer, first, steps: 0, from, to: from });
    }
    const last = found.at(-1);
    last.steps = step - first;
    last.to = last.from + shownAt(last.steps / stepsOf(optimizer));
  }
  return found.filter(({ steps }) => steps > 0);
}

/** Where each entry of a history stands on the axis. */
export function positions(history, stepsOf) {
  const found = trainings(history, stepsOf);
  return history.map(([step, , , , optimizer, first]) => {
    const training = found.find((each) => each.first === first && each.optimizer === optimizer);
    return training ? training.from + shownAt((step - first) / stepsOf(optimizer)) : 0;
  });
}

/** "40 steps of LM, then 200 of Adam". */
export function inWords(found) {
  const merged = [];
  for (const { optimizer, steps } of found) {
    if (merged.at(-1)?.optimizer === optimizer) merged.at(-1).steps += steps;
    else merged.push({ optimizer, steps });
  }
  return merged.map(({ optimizer, steps }, i) => `${steps}${i ? "" : steps === 1 ? " step" : " steps"} of ${OPTIMIZER_CHOICES[optimizer].short}`).join(", then ");
}

export class CurveScene {
  constructor(surface) {
    this.surface = surface;
  }

  /** `learners` now, `past` as `{ role, history }`, `shown` where the reader looks or null. */
  draw(colors, learners, past, stepsOf) {
    const { width, height } = this.surface;
    const runs = [...past, ...learners].map(({ role, history }, i) => ({ role, history, at: positions(history, stepsOf), old: i < past.length }));
    const powers = runs.flatMap(({ history }) => history.flatMap(([, , loss, error]) => [loss, error])).filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
    const low = Math.min(ROOM.low, ...powers.map((power) => power - 0.3));
    const high = Math.max(ROOM.high, ...powers.map((power) => power + 0.3));
    const last = Math.max(1, ...runs.map(({ at }) => at.at(-1) ?? 0));
    const axes = new Axes({ left: 42, top: 26, right: width - 8, bottom: height - 26 }, [0, last], [low, high]);
    this.axes = axes;
    const g = this.surface.clear();
    const gap = Math.ceil((high - low) / Math.max(2, height / 40));
    const yTicks = [];
    for (let power = Math.ceil(low / gap) * gap; power <= high; power += gap) yTicks.push(power);
    drawFrame(g, axes, colors, { xTicks: [], yTicks, yText: powerOfTen });
    axes.clip(g);
    for (const { role, history, at, old } of runs) {
      this.#trace(g, at, history.map((entry) => entry[3]));
      useStyle(g, { ...colors.roles[role], dash: [] }, old ? OLD : 1);
      g.stroke();
      if (old) continue;
      this.#trace(g, at, history.map((entry) => entry[2]));
      useStyle(g, { color: colors.roles[role].color, ...LOSS });
      g.stroke();
    }
    g.globalAlpha = 1;
    g.setLineDash([]);
    g.restore();
    const longest = learners.reduce((a, b) => (b.steps > a.steps ? b : a));
    this.#drawTrainings(g, colors, trainings(longest.history, stepsOf));
    this.#drawKey(g, colors);
  }

  #trace(g, at, values) {
    const shown = values.map((value, k) => [at[k], value]).filter(([, value]) => value > 0 && Number.isFinite(value));
    g.beginPath();
    tracePoints(g, shown.length, (k) => [this.axes.x(shown[k][0]), this.axes.y(Math.log10(shown[k][1]))]);
  }

  /** Below the frame whose steps these were, with a line where another training began. */
  #drawTrainings(g, colors, found) {
    const { axes } = this;
    g.textBaseline = "top";
    g.textAlign = "center";
    g.lineWidth = 1;
    let free = axes.left;
    for (const { optimizer, steps, from, to } of found) {
      const [left, right] = [axes.x(from), axes.x(to)];
      if (from > 0) {
        g.strokeStyle = colors.muted;
        g.beginPath();
        g.moveTo(left, axes.top);
        g.lineTo(left, axes.bottom + 6);
        g.stroke();
      }
      const text = `${steps} × ${OPTIMIZER_CHOICES[optimizer].short}`;
      const half = g.measureText(text).width / 2;
      const x = Math.max(free + half, Math.min((left + right) / 2, axes.right - half));
      if (x + half > axes.right + 4) continue;
      g.fillStyle = colors.muted;
      g.fillText(text, x, axes.bottom + 7);
      free = x + half + 8;
    }
    if (found.length) return;
    g.fillStyle = colors.muted;
    g.fillText("steps; the first ones are drawn wider", (axes.left + axes.right) / 2, axes.bottom + 7);
  }

  #drawKey(g, colors) {
    let x = this.axes.left;
    for (const [text, dash] of [["squared field error", []], ["loss on the points", LOSS.dash]]) {
      g.strokeStyle = g.fillStyle = colors.muted;
      g.lineWidth = 1.6;
      g.setLineDash(dash);
      g.beginPath();
      g.moveTo(x, 12);
      g.lineTo(x + 24, 12);
      g.stroke();
      g.setLineDash([]);
      g.textAlign = "left";
      g.textBaseline = "middle";
      g.fillText(text, x + 30, 12);
      x += 44 + g.measureText(text).width;
    }
  }
}
