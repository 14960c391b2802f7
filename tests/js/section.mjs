// node section.mjs MODULE < jobs.json > answers.json: what the section lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const fields = {
  /** The field of a model, or the true one. */
  of: ({ specs, weights, coupling }) => {
    const system = new lab.HenonHeiles({ coupling });
    if (!specs) return (x, out) => system.field(x, out);
    const buffer = Buffer.from(weights, "base64");
    const [model] = lab.buildModels(specs, new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength));
    return (x) => model.field(x);
  },
  // Motions that a network could have.
  away: () => (x) => x.map((_, i) => (i === 0 ? -1 : 0)),
  broken: () => () => Float64Array.of(NaN, NaN, NaN, NaN),
  // The true motion, and a push along p_y that feeds it.
  fed: () => {
    const system = new lab.HenonHeiles({ coupling: 1 });
    return (x) => system.field(x).map((value, i) => (i === 3 ? value + 0.01 * x[3] : value));
  },
  still: () => (x) => Float64Array.of(0.001 * x[1], -0.001 * x[0], 0, 0),
};

const tasks = {
  passages: ({ kind = "of", energy, start: [y, py], horizon, far = 3, coupling = 1, ...job }) => {
    const system = new lab.HenonHeiles({ coupling });
    const start = lab.sectionState(system, energy, y, py);
    const motion = new lab.Passages({ field: fields[kind]({ coupling, ...job }), energy: (x) => system.hamiltonian(x), start, horizon, far });
    const early = motion.kind;
    // In slices, as on the page.
    for (let i = 0; i < 1e6 && !motion.done; i++) motion.advance(performance.now() + 1);
    const { points, drift, problem, returns, growth, time, left } = motion;
    return { start: Array.from(start), points, drift, problem, returns, growth, time, left, early, kind: motion.kind };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
