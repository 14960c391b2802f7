// node recording.mjs MODULE < jobs.json > answers.json: what the recording lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

const list = (x) => Array.from(x);
const doubles = (values) => Float64Array.from(values);

function swingOf({ text, columns, from, to }) {
  const table = lab.readTable(text);
  return new lab.Swing(lab.takeColumns(table, columns ?? lab.guessColumns(table)), from, to);
}

const tasks = {
  weights: ({ seed }) => lab.firstEnergyWeights(seed),
  force: ({ law, scales, weights, states }) => {
    const force = lab.forceNamed(law, scales);
    return states.map(([q, p]) => {
      force.at(doubles(weights), q, p);
      return [force.value, force.byAngle, force.byRate, ...force.slopes];
    });
  },
  residuals: ({ law, scales, weights, times, values, kind, pieces }) => {
    const problem = new lab.RolloutProblem({ law, scales, kind, pieces, times: doubles(times), values: doubles(values) });
    const { samples, size } = problem;
    const [J, r] = [new Float64Array(samples * size), new Float64Array(samples)];
    for (let k = 0; k < samples; k++) problem.jacobian(doubles(weights), k, J, r, k);
    const loss = problem.loss(doubles(weights));
    let step = loss.next();
    while (!step.done) step = loss.next();
    return { residuals: list(r), jacobian: list(J), loss: step.value };
  },
  table: ({ text }) => {
    const table = lab.readTable(text);
    const columns = lab.guessColumns(table);
    const { times, values, kind, left } = lab.takeColumns(table, columns);
    return { columns, times: list(times), values: list(values), kind, left, names: table.names, written: lab.writeTable(table) };
  },
  swing: (job) => {
    const { period, split, offset, angles } = swingOf(job);
    return { period, split, offset, angles: list(angles) };
  },
  fit: ({ law, seed, ...job }) => {
    const swing = swingOf(job);
    const fit = lab.fitSwing(swing, law, seed);
    return { network: fit.network, weights: list(fit.weights), stiffness: fit.stiffness, friction: fit.friction, error: fit.error(), angles: list(fit.angles), values: list(fit.values), times: list(swing.times), deviations: law === "textbook" ? fit.deviations() : null, job: { times: list(fit.job.times), values: list(fit.job.values) } };
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
