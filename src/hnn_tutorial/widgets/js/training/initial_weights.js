// Initial weights as the Python package draws them (Glorot normal, biases zero), from a seed. The
// generator is another one, so the same seed gives other numbers there.

/** Uniform numbers in (0, 1) from a 32-bit seed: a counter run through an integer hash. */
export function uniformNumbers(seed) {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let hash = counter;
    hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
    return (((hash ^ (hash >>> 15)) >>> 0) + 0.5) / 4294967296;
  };
}

/** Independent standard normal numbers from a seed, by Box and Muller. */
export function normalNumbers(seed) {
  const uniform = uniformNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

const TANH_GAIN = 5 / 3;

export function initialWeights(sizes, seed) {
  const normal = normalNumbers(seed);
  const weights = [];
  for (let k = 0; k + 1 < sizes.length; k++) {
    const [inputs, outputs] = [sizes[k], sizes[k + 1]];
    const gain = k + 2 < sizes.length ? TANH_GAIN : 1;
    const deviation = gain * Math.sqrt(2 / (inputs + outputs));
    for (let i = 0; i < inputs * outputs; i++) weights.push(deviation * normal());
    for (let i = 0; i < outputs; i++) weights.push(0);
  }
  return Float64Array.from(weights);
}
