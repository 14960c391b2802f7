// What the integrators share: work space that is made once, so that no step leaves anything behind.
//
// A step is (field, x, h, out) -> out: the state one step h later, written to `out`, which may be x
// itself; without `out` a new array is returned. A field is (x, out) -> slope: it may write to `out`
// and return that, or return an array of its own.

const BUFFERS = new Map();

/** Six arrays for states of so many numbers. Steps are never nested, so that all can share them. */
export function stepBuffers(size) {
  let found = BUFFERS.get(size);
  if (!found) BUFFERS.set(size, (found = Array.from({ length: 6 }, () => new Float64Array(size))));
  return found;
}

/** The slope at x, in `out`. Copied if need be: a network returns the same array every time. */
export function slopeAt(field, x, out) {
  const slope = field(x, out);
  if (slope !== out) out.set(slope);
  return out;
}

/** x + h k, in `out`. */
export function advanceInto(out, x, h, k) {
  for (let i = 0; i < x.length; i++) out[i] = x[i] + h * k[i];
  return out;
}
