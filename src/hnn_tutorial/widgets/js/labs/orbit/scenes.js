// How the orbit lab shows each system: what moves in the plane, what the reader can take hold of,
// and how a state looks. A scene states
//
// - `step` (between two samples of a motion) and `trail` (length of a trail), in units of time; `unit`
//   of time, `distanceUnit`; `pieces` of a trail, if fewer are to be drawn; `tracks` (what leaves a trail: functions of the state to a point of the
//   plane), whether `wholeOrbits` are shown; `whyBroken`, `whyInaccurate` (ends of sentences on the
//   truth); `hint`;
// - `box(state)`: the part of the plane that shows a start; `extend(box, state)`, if the motion is to
//   have room too; `reach(state)`: its greatest distance from the origin; `fit(half)` then prepares for
//   a half-width, and `scaleArrows(state)` for a start;
// - `path`, if the motion draws one in a plane of its own: `x` and `y`, each with its `name` and `value`
//   of a state, `both` if it has both signs, `angle` if it is one;
// - `grips`: what can be dragged. `place(state)` is a grip's point of the plane, `moved(state, point)`
//   the state when it has been brought to another, `stepped(state, dx, dy)` after a key stroke, and
//   `say(state)` its value, limits and words;
// - `fields`: numbers of the start that can be typed, as a slider needs them, with `value(state)` and
//   `set(state, value)`; those with `first` stand before "More";
// - `drawGround`, `drawStart`, `drawState`, `drawCopy`, `drawNames`, and `describe(state)` in words.
import { DoublePendulum } from "../../physics/systems/double_pendulum.js";
import { HenonHeiles } from "../../physics/systems/henon_heiles.js";
import { NBody } from "../../physics/systems/n_body.js";
import { ThreeBody } from "../../physics/systems/three_body.js";
import { TwoBody } from "../../physics/systems/two_body.js";
import { GravityScene } from "./gravity.js";
import { DoublePendulumScene } from "./rods.js";
import { HenonHeilesScene } from "./star.js";

const SCENES = {
  two_body: [TwoBody, GravityScene],
  three_body: [ThreeBody, GravityScene],
  n_body: [NBody, GravityScene],
  double_pendulum: [DoublePendulum, DoublePendulumScene],
  henon_heiles: [HenonHeiles, HenonHeilesScene],
};

/** The scene of a system `{ name, parameters }`, which holds the system itself. */
export function buildScene({ name, parameters }) {
  if (!SCENES[name]) throw new Error(`unknown system "${name}"; there are ${Object.keys(SCENES).join(", ")}`);
  const [System, Scene] = SCENES[name];
  return new Scene(new System(parameters));
}
