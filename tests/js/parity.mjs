// node parity.mjs MODULE < jobs.json > answers.json: what the labs' JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const bytes = (base64) => {
  const buffer = Buffer.from(base64, "base64");
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
};
const each = (states, compute) => states.map((x) => compute(Float64Array.from(x)));
const list = (x) => Array.from(x);

/** A system is built once: of a table there are many numbers. */
function withSystem(spec, states, compute) {
  const system = lab.buildSystem(spec);
  return each(states, (x) => compute(system, x));
}

/** The field that a job names: a system's, or the first model's. */
function fieldOf({ system, specs, weights }) {
  const source = specs ? lab.buildModels(specs, bytes(weights))[0] : lab.buildSystem(system);
  return (x) => source.field(x);
}

const tasks = {
  tables: () => ({
    systems: Object.keys(lab.SYSTEMS),
    models: Object.keys(lab.MODELS),
    activations: Object.keys(lab.ACTIVATIONS),
    methods: Object.fromEntries(
      Object.entries(lab.METHODS).map(([name, { title, order, symplectic, needsSeparable }]) => [
        name,
        { title, order, symplectic, needs_separable: needsSeparable },
      ])
    ),
  }),
  describe: ({ system }) => {
    const { title, degrees, coordinates, angles } = lab.buildSystem(system);
    return { title, degrees, coordinates, angles };
  },
  hamiltonian: ({ system, states }) => withSystem(system, states, (truth, x) => truth.hamiltonian(x)),
  velocities: ({ system, states }) => withSystem(system, states, (truth, x) => list(lab.asVelocities(truth, x))),
  momenta: ({ system, states }) => withSystem(system, states, (truth, v) => list(truth.momenta(v))),
  energy: ({ specs, weights, states }) => {
    const [model] = lab.buildModels(specs, bytes(weights));
    return each(states, (x) => model.energy?.(x));
  },
  canonical: ({ system, specs, weights, method, h, steps, states: [start] }) => {
    const [model] = lab.buildModels(specs, bytes(weights));
    const truth = lab.buildSystem(system);
    const coordinates = { into: (x) => lab.asVelocities(truth, x), from: (v) => truth.momenta(v) };
    const motion = new lab.Motion({ field: (x) => model.field(x), energy: () => 0, method: lab.METHODS[method], step: h, start, horizon: steps * h, ...coordinates });
    motion.advance(Infinity);
    return motion.states.map(list);
  },
  mesh: ({ a, b, level }) => {
    const mesh = lab.sampleMesh((x, y) => a * x * x + b * y * y, [-2, 2], [-2, 2], 50);
    const ends = [];
    const g = { moveTo: (...end) => ends.push(end), lineTo: (...end) => ends.push(end) };
    lab.traceLevel(g, { x: (value) => value, y: (value) => value }, mesh, level);
    return ends;
  },
  levels: ({ system, energies }) => energies.map((energy) => lab.buildSystem(system).levelCurve(energy).flat()),
  field: ({ states, ...job }) => {
    const field = fieldOf(job);
    return each(states, (x) => list(field(x)));
  },
  value: ({ specs, weights, states }) => {
    const [model] = lab.buildModels(specs, bytes(weights));
    return each(states, (x) => list(model.network.forward(x)));
  },
  gradient: ({ specs, weights, states }) => {
    const [model] = lab.buildModels(specs, bytes(weights));
    return each(states, (x) => list(model.network.inputGradient(x)));
  },
  step: ({ method, h, states, ...job }) => {
    const field = fieldOf(job);
    return each(states, (x) => list(lab.METHODS[method].step(field, x, h)));
  },
  coupled: ({ states, ...job }) => each(states, (x) => lab.coupledParts(fieldOf(job), x)),
  trajectory: ({ method, h, steps, states, ...job }) => {
    const field = fieldOf(job);
    return each(states, (start) => {
      const motion = new lab.Motion({ field, energy: () => 0, method: lab.METHODS[method], step: h, start, horizon: steps * h });
      motion.advance(Infinity);
      return motion.states.map(list);
    });
  },
  motion: ({ h, steps, states, ...job }) => {
    const fields = {
      grow: (x) => x.map((value) => 40 * value),
      fail: () => { throw new Error("no slope here"); },
      nan: (x) => x.map(() => NaN),
    };
    const field = fields[job.kind];
    const motion = new lab.Motion({ field, energy: (x) => x[0], method: lab.METHODS.euler, step: h, start: states[0], horizon: steps * h });
    motion.advance(Infinity);
    return { problem: motion.problem, computed: motion.computed, done: motion.done, last: list(motion.at(1e9)) };
  },
  percent: ({ shares }) => shares.map(lab.formatPercent),
};

const answers = jobs.map((job) => {
  try {
    return { value: tasks[job.task](job) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
