// What the labs with a phase plane and a body share: both show one start, which is dragged in either.
import { bodyOf } from "../drawing/bodies.js";
import { element, select } from "../shell/controls.js";
import { formatNumber } from "../drawing/canvas.js";
import { PhasePlane } from "../drawing/phase_plane.js";
import { Shell } from "../shell/shell.js";
import { buildSystem } from "../physics/systems.js";

export class PlaneLab extends Shell {
  bodyHandles = [];
  /** What a system of the reader's own runs from; behind "More". */
  tableNote = element("p", { class: "hnn-constants", hidden: true });

  /** The stages of the body and the plane, and the choice of a plane where there is more than one. */
  buildStages() {
    this.bodyStage = this.stage("body", this.canvas("body", "the body"));
    this.phaseStage = this.stage("phase", this.canvas("plane"), this.canvas("phase", "phase plane"));
    this.phaseHandle = this.startHandle("hnn-handle-start", "start in the phase plane", this.phaseStage, {
      moved: (x, y) => this.moveTo(this.plane.moved(this.state, x, y)),
      stepped: (dx, dy) => this.moveTo(this.plane.nudged(this.state, dx, dy)),
    });
    this.planeSelect = select({ name: "plane", choices: ["θ1 and p1", "θ2 and p2"].map((text, value) => ({ value, text })) }, this.life, (value) => this.choosePlane(Number(value)));
  }

  /** Build the system and its body from a spec `{ name, parameters }`. */
  loadSystem(spec) {
    this.system = buildSystem(spec);
    this.body = bodyOf(spec, this.system);
    this.tableNote.hidden = !this.system.says;
    this.tableNote.textContent = this.system.says ?? "";
    if (!this.bodyHandles.length) this.bodyHandles = this.body.grips.map((name, grip) => this.bodyHandle(name, grip));
    this.planeSelect.label.hidden = this.system.degrees === 1;
    const pair = this.plane?.q ?? 0;
    const view = this.plane?.view;
    this.plane = new PhasePlane(this.system, pair);
    this.plane.view = view;
    this.title.textContent = this.system.title;
    const dot = element("span", { class: "hnn-dot", "aria-hidden": "true" });
    this.hint.replaceChildren(`Drag the ${this.system.bodyName}, or the start `, dot, "; arrow keys move them too.");
  }

  /** Pulling the body holds it still: it starts from rest, as it would from a hand. */
  bodyHandle(name, grip) {
    // With several of them each has a layer of its own: a press beside them is then nobody's.
    const layer = this.body.grips.length > 1 ? element("div", { class: "hnn-grip" }) : this.bodyStage;
    if (layer !== this.bodyStage) this.bodyStage.append(layer);
    return this.startHandle("hnn-handle-body", `the ${name}, released from rest`, layer, {
      moved: (x, y) => this.moveTo(this.plane.clamped(this.body.moved(this.state, grip, x, y))),
      stepped: (dx, dy) => {
        const nudged = new PhasePlane(this.system, grip);
        nudged.view = this.plane.view;
        this.moveTo(nudged.nudged(this.state, dx || dy, 0).map((value, i) => (i < this.system.degrees ? value : 0)));
      },
    });
  }

  choosePlane(pair) {
    const { view } = this.plane;
    this.plane = new PhasePlane(this.system, pair);
    this.plane.view = view;
    this.describeStart();
    this.redraw();
  }

  moveTo(state) {
    this.choose("state", Array.from(state));
  }

  /** Take the start from the widget, or say what is wrong with it. */
  readState() {
    const state = this.model.get("state");
    const size = 2 * this.system.degrees;
    if (!Array.isArray(state) || state.length !== size || !state.every(Number.isFinite)) {
      throw new Error(`the start must be ${size} finite numbers [q, p], but is ${JSON.stringify(state)}`);
    }
    if (this.system.contains?.(state) === false) throw new Error(`the start [${state.join(", ")}] is outside of the table of the ${this.system.title}`);
    this.state = Float64Array.from(state);
  }

  /** The unit of the energy, and of what it is a part: none where a system of the reader's own has none. */
  get energyUnit() {
    return this.system.energyUnit ?? "J";
  }

  /** The energy above the lowest that there is. */
  aboveLowest(energy) {
    return energy - (this.system.lowest ?? 0);
  }

  describeStart() {
    const { plane, system } = this;
    const shown = plane.shown(this.state);
    const says = (i) => `${system.coordinates[i][0]} = ${formatNumber(shown[i])} ${system.coordinates[i][1]}`.trim();
    const range = (i) => plane.range(i).map((value) => value.toFixed(2));
    this.phaseHandle.say(shown[plane.q].toFixed(2), range(plane.q), `${says(plane.q)}, ${says(plane.p)}`);
    this.bodyHandles.forEach((handle, i) => handle.say(shown[i].toFixed(2), range(i), says(i)));
    this.startText = shown.map((_, i) => says(i)).join(", ");
  }

  putHandles(bodyState) {
    this.phaseHandle.put(...this.plane.place(this.state));
    this.bodyHandles.forEach((handle, grip) => handle.put(...this.body.place(bodyState, grip)));
  }
}
