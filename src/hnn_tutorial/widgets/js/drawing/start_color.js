// The colour of a start among several, in a plane where each keeps its own.

const GOLDEN_ANGLE = 137.508; // between two hues: new ones stay apart from all before

/** The colour of a start, by its number. */
export function startColor(number, dark) {
  return `oklch(${dark ? 0.78 : 0.58} 0.17 ${((40 + GOLDEN_ANGLE * number) % 360).toFixed(0)})`;
}
