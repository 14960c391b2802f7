// node maps.mjs MODULE < jobs.json > answers.json: what the map lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));

/** The map of a model, or the true one of a pendulum over a time or of a driven one over a period. */
function mapOf({ specs, weights, step, pendulum, driven }) {
  if (driven) return new lab.DrivenPendulum(driven).periodMap();
  if (pendulum) return lab.flowMap(new lab.Pendulum(pendulum), step);
  const buffer = Buffer.from(weights, "base64");
  return lab.buildMaps(specs, new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength), step)[0];
}

const tasks = {
  map: ({ states, ...job }) => {
    const map = mapOf(job);
    return states.map((x) => {
      const [out, slopes] = [new Float64Array(2), new Float64Array(4)];
      map.map(Float64Array.from(x), out, slopes);
      return { image: Array.from(out), slopes: Array.from(slopes) };
    });
  },
  iterate: ({ start, count, ...job }) => {
    const energy = ([q, p]) => p ** 2 / 2 + 1 - Math.cos(q);
    const motion = new lab.Iterates({ map: mapOf(job), energy, start, count });
    const early = motion.kind;
    for (let i = 0; i < 1e6 && !motion.done; i++) motion.advance(7, Infinity);
    const { points, computed, drift, change, area, areaDrift, growth, kind, problem } = motion;
    return { points: Array.from(points.subarray(0, 2 * (computed + 1))), computed, drift, change, area, areaDrift, growth, kind, early, problem };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
