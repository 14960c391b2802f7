// node orbits.mjs MODULE < jobs.json > answers.json: what the orbit lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const list = (x) => Array.from(x);
const each = (states, compute) => states.map((x) => compute(Float64Array.from(x)));
const systemOf = ({ system }) => lab.buildScene(system).system;

/** An unstable point: neighbours part as exp(t), in whatever direction they begin. */
const saddle = {
  field: (x) => Float64Array.of(x[1], x[0]),
  difference: (x, y) => x.map((value, i) => value - y[i]),
};

const tasks = {
  limits: () => ({
    systems: Object.keys(lab.SCENES),
    steps: Object.fromEntries(Object.entries(lab.SCENES).map(([name, [System, Scene]]) => [name, new Scene(new System({ masses: [1, 1] })).step])),
    samples: lab.MOST_SAMPLES,
    numbers: lab.MOST_NUMBERS,
  }),
  describe: (job) => {
    const { title, degrees, coordinates, invariants } = systemOf(job);
    return { title, degrees, coordinates, invariants: Object.keys(invariants) };
  },
  hamiltonian: ({ states, ...job }) => each(states, (x) => systemOf(job).hamiltonian(x)),
  field: ({ states, ...job }) => each(states, (x) => list(systemOf(job).field(x))),
  fieldInto: ({ states, ...job }) => each(states, (x) => {
    const out = new Float64Array(x.length).fill(7);
    systemOf(job).field(x, out);
    return list(out);
  }),
  invariants: ({ states, ...job }) => each(states, (x) => Object.values(systemOf(job).invariants).map((measure) => measure(x))),
  directions: ({ states, ...job }) => Object.fromEntries(Object.entries(systemOf(job).directions).map(([name, angle]) => [name, each(states, angle)])),
  difference: ({ pairs, ...job }) => pairs.map(([x, y]) => list(systemOf(job).difference(Float64Array.from(x), Float64Array.from(y)))),
  trajectory: ({ h, steps, start, ...job }) => {
    const system = systemOf(job);
    const states = [Float64Array.from(start)];
    for (let k = 0; k < steps; k++) states.push(lab.adaptiveStep((x, out) => system.field(x, out), states[k], h));
    return states.map(list);
  },
  well: ({ energies, directions, ...job }) => energies.map((energy) => directions.map((angle) => systemOf(job).wellRadius(energy, angle))),
  swarm: ({ start, ...options }) => {
    const system = options.system ? systemOf(options) : saddle;
    const swarm = new lab.Swarm({ ...options, system, start: Float64Array.from(start) });
    const apart = system.difference(swarm.shadow, swarm.centre);
    const neighbour = list(apart).map((value) => value / Math.hypot(...apart));
    const first = list(swarm.current);
    // In slices, as on the page.
    for (let i = 0; i < 1e6 && !swarm.done; i++) swarm.advance(performance.now() + 0.2);
    const { exponent, spreads, problem, computed } = swarm;
    return { neighbour, exponent, spreads, problem, computed, first, last: list(swarm.current), middle: list(swarm.at(1.5 * options.step)) };
  },
  crossings: ({ start, h, steps, ...job }) => {
    const system = systemOf(job);
    const field = (x, out) => system.field(x, out);
    const found = [];
    let x = Float64Array.from(start);
    for (let k = 0; k < steps; k++) {
      const next = lab.adaptiveStep(field, x, h);
      const crossed = lab.crossing(field, x, next, h);
      if (crossed) found.push({ time: k * h + crossed.time, state: list(crossed.state) });
      x = next;
    }
    return found;
  },
  section: ({ energy, points, ...job }) => points.map(([y, py]) => list(lab.sectionState(systemOf(job), energy, y, py))),
  ofEnergy: ({ states, energy, ...job }) => each(states, (x) => list(lab.stateOfEnergy(systemOf(job), x, energy))),
  grips: ({ state, half, points, system }) => {
    const scene = lab.buildScene(system);
    const start = Float64Array.from(state);
    scene.fit(half);
    scene.scaleArrows(start);
    return scene.grips.map((grip) => ({
      name: grip.name,
      untouched: list(grip.moved(start, grip.place(start))),
      moved: points.map((point) => ({ state: list(grip.moved(start, point)), place: list(grip.place(grip.moved(start, point))) })),
      stepped: list(grip.stepped(start, 1, 0)),
      words: grip.say(start)[2],
    }));
  },
  numbers: ({ values }) => values.map(lab.formatAnySize),
  places: ({ values }) => values.map(lab.gaugePlace),
};

const answer = ({ task, ...job }) => {
  try {
    return { value: tasks[task](job) };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(jobs.map(answer)));
