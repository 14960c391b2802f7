// node latent.mjs MODULE < jobs.json > answers.json: what the latent lab's JavaScript computes.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const lab = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const list = (x) => Array.from(x);
const bytes = (base64) => {
  const buffer = Buffer.from(base64, "base64");
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
};

const tasks = {
  decode: ({ decoder, pixels, places }) => {
    const made = new lab.CosineDecoder(decoder, bytes(pixels));
    return places.map((q) => list(made.decode(q)));
  },
  camera: ({ size, camera, angles }) => {
    const made = new lab.PendulumCamera(size, camera);
    return angles.map((angle) => list(made.draw(angle)));
  },
  motion: ({ potential, weights, decoder, start, step, count }) => {
    const network = new lab.DenseNetwork(potential.sizes, potential.activation, lab.decodeFloats(bytes(weights)));
    const system = new lab.LatentSystem(network, decoder.interval, potential.stiffness);
    let x = Float64Array.from(start);
    const states = [list(x)];
    for (let k = 0; k < count; k++) states.push(list((x = lab.METHODS.leapfrog.step((y, out) => system.field(y, out), x, step))));
    return { states, energies: states.map((state) => system.hamiltonian(state)), bottom: system.bottom, view: system.view() };
  },
};

process.stdout.write(JSON.stringify(jobs.map(({ task, ...job }) => tasks[task](job))));
