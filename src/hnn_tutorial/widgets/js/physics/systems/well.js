// What systems of one degree of freedom in a well V(q) share.

/** Points of the level curve H = energy of a well p²/(2 inertia) + V(q), as [q, p] pairs.
 * `turning` is where V reaches the energy; q = turning·sin θ crowds the points there. */
export function wellCurve(energy, inertia, potential, turning, count) {
  const points = [];
  for (let i = 0; i <= count; i++) {
    const theta = (2 * Math.PI * i) / count;
    const q = turning * Math.sin(theta);
    const p = Math.sqrt(2 * inertia * Math.max(0, energy - potential(q)));
    points.push([q, Math.cos(theta) < 0 ? -p : p]);
  }
  return points;
}
