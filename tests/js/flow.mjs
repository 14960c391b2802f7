// node flow.mjs MODULE < jobs.json > answers.json: what the flow lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);
const bytes = (base64) => {
  const buffer = Buffer.from(base64, "base64");
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
};
const flowOf = ({ flow, weights }) => new lab.LeapfrogFlow(flow, new lab.DenseNetwork(flow.sizes, flow.activation, lab.decodeFloats(bytes(weights))));

const tasks = {
  at: ({ states, times, ...job }) => {
    const flow = flowOf(job);
    return times.map((time) => states.map((x) => list(flow.at(x, time))));
  },
  potential: ({ places, ...job }) => {
    const flow = flowOf(job);
    return places.map(([x, y]) => flow.potential(x, y));
  },
  swarm: ({ states, steps, times, budget, ...job }) => {
    const swarm = new lab.FlowSwarm(flowOf(job), Float64Array.from(states.flat()), steps);
    // In slices, as a page has them.
    let slices = 0;
    while (!swarm.done) {
      swarm.advance(performance.now() + budget);
      slices += 1;
    }
    const out = new Float32Array(states.flat().length);
    return { slices, end: swarm.end, states: times.map((time) => list(swarm.at(time, out))) };
  },
  normal: ({ count, seed }) => list(lab.normalStates(count, seed)),
  density: ({ target, density, places, states }) => {
    const table = new lab.DensityTable(target, bytes(density));
    return { values: places.map(([x, y]) => table.at(x, y)), share: table.share(states.flat()) };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
