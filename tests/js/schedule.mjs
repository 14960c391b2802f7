// node schedule.mjs MODULE < jobs.json > answers.json: what the schedule lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);

const tasks = {
  cheapest: ({ execution, shares, horizon, count }) => {
    const made = new lab.Execution(execution);
    const path = made.cheapest(shares, horizon, count);
    return { path: list(path), cost: made.cost(path, horizon / count) };
  },
  cost: ({ execution, path, step }) => new lab.Execution(execution).cost(path, step),
  energy: ({ execution, states }) => states.map(([q, v]) => new lab.Execution(execution).energy(q, v)),
  through: ({ points, steps }) => list(lab.pathThrough(points, steps)),
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
