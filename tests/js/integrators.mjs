// node --expose-gc integrators.mjs MODULE < jobs.json > answers.json: steps of the labs' integrators.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { METHODS } = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);

// Written like the labs' own fields: into `out`, which is returned.
const FIELDS = {
  chain(x, out = new Float64Array(4)) {
    const between = 1.3 * (x[1] - x[0]);
    out[0] = x[2];
    out[1] = x[3] / 2;
    out[2] = between - x[0];
    out[3] = -between - 0.4 * x[1] ** 3;
    return out;
  },
  rotor(x, out = new Float64Array(2)) {
    out[0] = x[1];
    out[1] = -Math.sin(x[0]);
    return out;
  },
  coupled(x, out = new Float64Array(2)) {
    out[0] = x[1] * (1 + x[0] ** 2);
    out[1] = -x[0] * (1 + x[1] ** 2);
    return out;
  },
  damped(x, out = new Float64Array(2)) {
    out[0] = x[1];
    out[1] = (1 - x[0] ** 2) * x[1] - x[0];
    return out;
  },
};

// The same field as other authors may write it: a new array each time, or always the same one.
const MANNERS = {
  out: (field) => field,
  fresh: (field) => (x) => field(x),
  reused: (field) => {
    let own;
    return (x) => field(x, (own ??= new Float64Array(x.length)));
  },
};

const tasks = {
  table: () => Object.fromEntries(Object.entries(METHODS).map(([name, { evaluations }]) => [name, evaluations])),
  step({ method, field, states, h, manner, inPlace }) {
    const slope = MANNERS[manner ?? "out"](FIELDS[field]);
    return states.map((state) => {
      const x = Float64Array.from(state);
      const next = METHODS[method].step(slope, x, h, ...(inPlace ? [x] : []));
      return inPlace ? list(x) : [...next, ...x].slice(0, x.length);
    });
  },
  untouched({ method, field, states, h }) {
    return states.map((state) => {
      const x = Float64Array.from(state);
      METHODS[method].step(FIELDS[field], x, h);
      return list(x);
    });
  },
  trajectory({ method, field, states, h, steps }) {
    return states.map((state) => {
      const x = Float64Array.from(state);
      const path = [list(x)];
      for (let k = 0; k < steps; k++) path.push(list(METHODS[method].step(FIELDS[field], x, h, x)));
      return path;
    });
  },
  calls({ method, field, states, h }) {
    let calls = 0;
    const counted = (x, out) => {
      calls += 1;
      return FIELDS[field](x, out);
    };
    METHODS[method].step(counted, Float64Array.from(states[0]), h);
    return calls;
  },
  /** Bytes of garbage and nanoseconds per step. */
  cost({ method, field, states, h }) {
    const { step } = METHODS[method];
    const slope = FIELDS[field];
    const x = Float64Array.from(states[0]);
    const run = (steps) => {
      for (let k = 0; k < steps; k++) step(slope, x, h, x);
    };
    run(30000); // until the code is compiled for good
    // The least of several runs: the compiler itself leaves garbage at times, a step always would.
    let bytes = Infinity;
    for (let k = 0; k < 6; k++) {
      globalThis.gc();
      const before = process.memoryUsage().heapUsed;
      run(4000);
      bytes = Math.min(bytes, (process.memoryUsage().heapUsed - before) / 4000);
    }
    const start = performance.now();
    run(20000);
    return { bytes, nanoseconds: ((performance.now() - start) * 1e6) / 20000 };
  },
};

const answers = jobs.map(({ task, ...job }) => {
  try {
    return { value: tasks[task](job) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
