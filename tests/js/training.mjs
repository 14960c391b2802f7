// node training.mjs MODULE < jobs.json > answers.json: what the training lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const list = (x) => Array.from(x);
const doubles = (values) => Float64Array.from(values);

/** Run a generator to its end; returns what it returns. */
function drain(work) {
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
  }
}

const problemOf = ({ kind, sizes, states, derivatives }) => new lab.Problem({ kind, sizes, states: doubles(states), derivatives: doubles(derivatives) });
const jobOf = (job) => ({ ...job, states: doubles(job.states), derivatives: doubles(job.derivatives), weights: doubles(job.weights) });

const tasks = {
  tables: () => ({ optimizers: Object.keys(lab.OPTIMIZERS), fields: Object.keys(lab.FIELDS), schedules: Object.keys(lab.SCHEDULES), samples: lab.MOST_SAMPLES }),
  loss: (job) => drain(problemOf(job).loss(doubles(job.weights))),
  gradient: (job) => {
    const problem = problemOf(job);
    const g = new Float64Array(problem.size);
    const loss = drain(problem.gradient(doubles(job.weights), g));
    return { loss, gradient: list(g) };
  },
  jacobian: (job) => {
    const problem = problemOf(job);
    const { samples, components, size } = problem;
    const J = new Float64Array(samples * components * size);
    const r = new Float64Array(samples * components);
    for (let k = 0; k < samples; k++) problem.jacobian(doubles(job.weights), k, J, r, k * components);
    return { jacobian: list(J), residuals: list(r) };
  },
  // The optimiser alone, step by step.
  steps: ({ count, ...job }) => {
    const problem = problemOf(job);
    const optimizer = new lab.OPTIMIZERS[job.optimizer](job.settings);
    const state = optimizer.start(problem, doubles(job.weights));
    const losses = [];
    for (let k = 0; k < count; k++) losses.push(drain(optimizer.step(problem, state)));
    return { losses, weights: list(state.weights), damping: state.damping ?? null, stalled: state.stalled ?? null, reason: optimizer.stopReason(state) };
  },
  fit: (job) => {
    const fit = new lab.Fit(jobOf(job));
    let calls = 0;
    // A deadline that has passed: one piece of work for each call.
    while (!fit.done) {
      fit.advance(job.whole ? Infinity : -Infinity);
      calls += 1;
    }
    const { losses, finalLoss, reason, diverged, weights } = fit;
    return { losses, finalLoss, reason, diverged, weights: list(weights), calls };
  },
  // One step at a time, with no end of time for each.
  waits: (job) => {
    const fit = new lab.Fit(jobOf(job));
    const stops = [];
    for (let most = 1; most <= job.settings.steps; most++) {
      fit.advance(Infinity, most);
      stops.push({ made: fit.losses.length, done: fit.done, weights: list(fit.weights) });
    }
    return stops;
  },
  solve: ({ A, b, size }) => {
    const L = doubles(A);
    const x = doubles(b);
    if (!drain(lab.cholesky(L, size))) return null;
    lab.choleskySolve(L, size, x);
    return list(x);
  },
  initial: ({ sizes, seed }) => list(lab.initialWeights(sizes, seed)),
  observe: ({ system, start, duration, points }) => lab.observe(lab.buildSystem(system), start, duration, points).map(list),
  samples: ({ system, table, noise, added }) => {
    const samples = new lab.Samples(lab.buildSystem(system), doubles(table));
    samples.add(added.map(doubles));
    const rows = list(new Float64Array(samples.encode().buffer));
    const [states, derivatives] = [list(samples.states(noise)), list(samples.derivatives())];
    const { count, trajectories } = samples;
    samples.undo();
    return { rows, states, derivatives, count, trajectories, left: samples.count };
  },
};

const answers = jobs.map((job) => {
  try {
    return { value: tasks[job.task](job) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
