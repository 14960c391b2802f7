// node linkage.mjs MODULE < jobs.json > answers.json: what the linkage lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);

/** The motion that a job describes; the force is that of the weights, or a spring to the origin. */
function motionOf({ pairs, lengths, anchors, masses, weights, spring = 0 }) {
  const force = (q) => Float64Array.from(q, (value, i) => (i & 1 ? -weights[i >> 1] : 0) - spring * value);
  return new lab.ConstrainedField(force, masses, new lab.Rods(pairs, lengths, anchors));
}

const tasks = {
  field: ({ states, ...job }) => {
    const motion = motionOf(job);
    return states.map((x) => list(motion.field(Float64Array.from(x))));
  },
  steps: ({ method, start, h, count, ...job }) => {
    const motion = motionOf(job);
    const advance = method === "rattle" ? (x) => lab.rattleStep(motion, x, h) : (x) => lab.rk4Step((y) => motion.field(y), x, h);
    let x = Float64Array.from(start);
    const states = [list(x)];
    for (let k = 0; k < count; k++) states.push(list((x = advance(x))));
    return states;
  },
  project: ({ q, W, ...job }) => list(motionOf(job).constraints.project(q, W)),
  swing: ({ method, start, h, time, ...job }) => {
    const motion = motionOf(job);
    const advance = method === "rattle" ? (x, step) => lab.rattleStep(motion, x, step) : (x, step) => lab.rk4Step((y) => motion.field(y), x, step);
    const energy = (x) => motion.kinetic(x) + job.weights.reduce((sum, weight, i) => sum + weight * x[2 * i + 1], 0);
    const swing = new lab.LinkageMotion({ advance, energy, rods: motion.constraints, start, step: h });
    swing.advanceTo(time, Infinity);
    const { off, offMost, change, changeMost, computed, problem } = swing;
    return { off, offMost, change, changeMost, computed, problem, shown: list(swing.shown(time)), x: list(swing.x), before: list(swing.before) };
  },
  drag: ({ q, joint, to, size, ...job }) => {
    const { constraints } = motionOf(job);
    const at = lab.dragged(constraints, q, joint, to, size);
    return { at: list(at), misfit: constraints.misfit(at) };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
