// The physical systems, with the names and formulas of the Python package's `systems`.
// Every system states its Hamiltonian and its field; what a lab needs beside them to draw is
// stated there too, because it follows from the formulas: level curves of H and a fitting view.
import { DoublePendulum } from "./systems/double_pendulum.js";
import { DampedMassSpring, MassSpring } from "./systems/mass_spring.js";
import { DampedPendulum, Pendulum } from "./systems/pendulum.js";
import { TableSystem } from "./systems/table.js";

export const SYSTEMS = {
  mass_spring: MassSpring,
  damped_mass_spring: DampedMassSpring,
  pendulum: Pendulum,
  damped_pendulum: DampedPendulum,
  double_pendulum: DoublePendulum,
};

/** [q, q̇] of a state [q, p]. */
export function asVelocities(system, x) {
  const velocities = Float64Array.from(x);
  velocities.set(system.field(x).slice(0, system.degrees), system.degrees);
  return velocities;
}

export function buildSystem(spec) {
  if (spec.table) return new TableSystem(spec);
  const { name, parameters } = spec;
  const System = SYSTEMS[name];
  if (!System) throw new Error(`unknown system "${name}"; there are ${Object.keys(SYSTEMS).join(", ")}`);
  return new System(parameters);
}
