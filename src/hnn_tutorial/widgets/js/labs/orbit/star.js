// The star of the Hénon–Heiles system in its well.
import { formatNumber } from "../../drawing/canvas.js";
import { stateOfEnergy } from "../../physics/section.js";
import { PointScene } from "./points.js";

export class HenonHeilesScene extends PointScene {
  step = 0.1;
  trail = 60;
  unit = "";
  distanceUnit = "";
  whyBroken = ": the star escaped";
  whyInaccurate = "";
  hint = "Drag the star, the tip of its arrow (its velocity), or its place in the section.";

  constructor(system) {
    super(system, [1], ["", ""], () => "the star");
    this.fields = [
      {
        name: "energy",
        low: 0.005,
        high: Math.min(0.5, system.escapeEnergy),
        step: 0.0005,
        format: (value) => formatNumber(value, 4),
        value: (state) => system.hamiltonian(state),
        set: (state, value) => stateOfEnergy(system, state, value),
        first: true,
      },
    ];
  }

  reach(state) {
    return Math.max(Math.abs(state[0]), Math.abs(state[1]));
  }

  /** The well at the energy of escape; without coupling, that of the start. */
  box(state) {
    const { coupling } = this.system;
    const radius = coupling ? 1 / coupling : Math.sqrt(2 * this.system.hamiltonian(state)) || 1;
    return coupling ? [-0.87 * radius, 0.87 * radius, -0.5 * radius, radius] : [-radius, radius, -radius, radius];
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

  describe(state) {
    return `energy ${formatNumber(this.system.hamiltonian(state), 4)}`;
  }
}
