// node swing_up.mjs MODULE < jobs.json > answers.json: what the swing-up lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

function parts({ system, specs, weights, law, regulators, gain, above, limit }) {
  const truth = new lab.CartPole(system);
  const buffer = Buffer.from(weights, "base64");
  const models = lab.buildModels(specs, new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength));
  const machines = [truth, ...models];
  return { truth, machines, steerings: machines.map((machine, i) => new lab.Steering(machine, { ...law, gain, above, limit, regulator: regulators[i] })) };
}

const tasks = {
  machine: ({ states, ...job }) =>
    parts(job).machines.map((machine) =>
      states.map((x) => {
        const y = Float64Array.from(x);
        return { energy: machine.energy(y), mass: machine.massMatrix(y).map((row) => Array.from(row)), field: Array.from(machine.field(y)) };
      })
    ),
  inputs: ({ states, ...job }) => parts(job).steerings.map((steering) => states.map((x) => steering.input(Float64Array.from(x)))),
  motion: ({ angle, friction, ...job }) => {
    const { truth, steerings } = parts(job);
    const { hold, horizon } = job.law;
    return steerings.map((steering) => {
      const motion = new lab.Steered({ system: truth, steering, friction, hold, horizon, start: [0, angle, 0, 0] });
      while (!motion.done) motion.advance(Infinity);
      return { states: motion.states.map((x) => Array.from(x)), inputs: motion.inputs, work: motion.work, since: motion.heldSince(horizon, 0.2), problem: motion.problem };
    });
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
