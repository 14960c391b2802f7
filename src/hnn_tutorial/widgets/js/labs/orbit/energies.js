// The chart over time below the orbit lab's plane: how energy goes to and fro between its two kinds, or,
// with learned motions, how far the energy of each has changed.
import { TimeChart } from "../../drawing/chart.js";
import { FAINT, largest, timeName } from "./panels.js";

const SAMPLES = 400; // of a motion, for the part of the axis that is shown
const RARE = 0.02; // share of the samples that may lie outside, as where bodies meet
const LABELS = 72; // pixels at the right
const LINE = 15; // pixels between two labels

class EnergyChart {
  constructor({ chart, chartKnown }) {
    this.chart = new TimeChart(chart, chartKnown);
  }

  get axes() {
    return this.chart.axes;
  }

  show({ time }) {
    this.chart.show(time);
  }
}

/** Kinetic and potential energy of the true motion, and their sum. */
export class EnergyParts extends EnergyChart {
  words = "Kinetic and potential energy over time, and their sum, which stays the same.";

  frame({ truth, system, scene, colors, horizon }) {
    const n = system.degrees;
    const potential = (k) => system.hamiltonian(truth.state(k).map((value, i) => (i < n ? value : 0)));
    const parts = [
      { name: "kinetic", value: (k) => truth.energyAt(k) - potential(k), style: { color: colors.muted, width: 1.4, dash: [] } },
      { name: "potential", value: potential, style: { color: colors.muted, width: 1.4, dash: [5, 3] } },
      { name: "their sum", value: (k) => truth.energyAt(k), style: { ...colors.roles.truth, width: 2.4 } },
    ];
    const [low, high] = usualRange(parts, truth.computed);
    const room = 0.12 * (high - low) || 1;
    const curves = parts.map((part) => ({ ...part, count: truth.computed + 1, step: truth.step }));
    const label = (g, axes) => {
      g.textAlign = "left";
      g.textBaseline = "middle";
      g.globalAlpha = 1;
      const ends = parts.map(({ name, value, style }) => ({ name, color: style.color, y: Math.max(axes.top, Math.min(axes.bottom, axes.y(value(truth.computed)))) }));
      let above = -Infinity;
      for (const { name, color, y } of ends.sort((a, b) => a.y - b.y)) {
        above = Math.max(y, above + LINE);
        g.fillStyle = color;
        g.fillText(name, axes.right + 6, above);
      }
    };
    this.chart.draw(colors, { curves, horizon, low: low - room, high: high + 2 * room, xName: timeName(scene), yName: scene.unit ? "energy (J)" : "energy", label, faint: FAINT, room: LABELS });
  }
}

/** From the least to the most of what the parts usually are. */
function usualRange(parts, last) {
  const stride = Math.max(1, Math.floor(last / SAMPLES));
  const ranges = parts.map(({ value }) => {
    const values = [];
    for (let k = 0; k <= last; k += stride) values.push(value(k));
    values.sort((a, b) => a - b);
    const rare = Math.floor(RARE * values.length);
    return [values[rare], values.at(-1 - rare)];
  });
  return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
}

/** Change of the energy of every motion, on a logarithmic scale. */
export class EnergyErrors extends EnergyChart {
  words = "Change of the energy over time, on a logarithmic scale.";

  frame({ scene, energy, colors, horizon, layers }) {
    const curves = layers().map(({ motion, style }) => ({
      style,
      count: motion.computed + 1,
      step: motion.step,
      value: (k) => Math.abs(motion.energyAt(k) - energy),
    }));
    const most = Math.max(...curves.map(({ count, value }) => largest(count, value)));
    const high = Math.max(-6, Math.min(6, Math.ceil(Math.log10(most || 1e-9) + 0.5)));
    const yName = `change of the energy${scene.unit ? " (J)" : ""}`;
    this.chart.draw(colors, { curves, horizon, log: true, low: -13, high, xName: timeName(scene), yName, faint: FAINT });
  }
}
