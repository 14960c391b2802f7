// node smile.mjs MODULE < jobs.json > answers.json: what the smile lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const tasks = {
  lagrangian: (sabr, { states }) => states.map((x) => sabr.lagrangian(x)),
  strikes: (sabr, { strikes }) => ({ distance: strikes.map((k) => sabr.distance(k)), volatility: strikes.map((k) => sabr.shortVolatility(k)) }),
  geodesic: (sabr, { strike, steps }) => {
    const path = sabr.geodesic(strike, steps);
    return { path, lagrangians: sabr.lagrangians(path), length: sabr.length(path) };
  },
  circle: (sabr, { distance, count }) => sabr.circle(distance, count),
  own: (sabr, { strike, levels, steps }) => {
    const heights = lab.pathThrough([1, ...levels], steps / levels.length);
    const path = Array.from(heights, (level, i) => [(strike * i) / steps, Math.log(sabr.a * level)]);
    return { path, length: sabr.length(path) };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, sabr, ...job }) => tasks[task](new lab.Sabr(sabr), job))));
