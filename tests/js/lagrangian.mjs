// node lagrangian.mjs MODULE < jobs.json > answers.json: what the Lagrangian lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);

function actionOf({ system, duration, steps }) {
  const { System } = lab.LAGRANGIAN_SYSTEMS[system.name];
  return new lab.Action(new System(system.parameters), duration, steps);
}

const tasks = {
  systems: () => Object.keys(lab.LAGRANGIAN_SYSTEMS),
  describe: ({ system }) => {
    const { title, degrees, coordinates } = new lab.LAGRANGIAN_SYSTEMS[system.name].System(system.parameters);
    return { title, degrees, coordinates };
  },
  mechanics: ({ system, states }) => {
    const made = new lab.LAGRANGIAN_SYSTEMS[system.name].System(system.parameters);
    return states.map((x) => [made.hamiltonian(x), ...made.field(x)]);
  },
  action: (job) => job.paths.map((path) => Object.values(actionOf(job).parts(path))),
  gradient: (job) => job.paths.map((path) => list(actionOf(job).gradient(path))),
  hessian: (job) => job.paths.map((path) => Object.values(actionOf(job).hessian(path)).map(list)),
  motion: (job) => job.states.map((state) => list(actionOf(job).motion(state))),
  conjugate: (job) => {
    const action = actionOf(job);
    return job.states.map((state) => lab.conjugatePoints(action.hessian(action.motion(state))));
  },
  mode: (job) => {
    const action = actionOf(job);
    return job.states.map((state) => list(lab.lowestMode(action.hessian(action.motion(state)))));
  },
  descend: (job) => {
    const action = actionOf(job);
    return job.paths.map((start) => {
      const path = Float64Array.from(start);
      const values = [action.value(path)];
      for (let i = 0; i < job.times && action.descend(path, job.share) > 0; i++) values.push(action.value(path));
      return { path: list(path), values };
    });
  },
};

process.stdout.write(JSON.stringify(jobs.map((job) => tasks[job.task](job))));
