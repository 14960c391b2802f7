// node phase.mjs MODULE < jobs.json > answers.json: what the phase-space lab computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const answers = jobs.map(({ system: spec, start, radius, pair, h, steps, backAfter }) => {
  const system = lab.buildSystem(spec);
  const plane = new lab.PhasePlane(system, pair);
  plane.fit(start, system.hamiltonian(start));
  const cloud = new lab.Cloud(plane, Float64Array.from(start), radius);
  const { step } = lab.METHODS.rk4;
  const field = (x, out) => system.field(x, out);
  const areas = [cloud.areas()];
  const first = cloud.rim[0].slice();
  for (let k = 0; k < steps; k++) {
    cloud.step(field, step, backAfter !== undefined && k >= backAfter ? -h : h);
    if (k % 2) cloud.refine();
    areas.push(cloud.areas());
  }
  return { areas, lost: cloud.lost, points: cloud.rim.length, first: Array.from(first), last: Array.from(cloud.rim[0]), reach: [radius, (radius * plane.view[plane.p]) / plane.view[plane.q]] };
});
process.stdout.write(JSON.stringify(answers));
