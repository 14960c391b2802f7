// Level lines of a function of the plane, by marching squares on a mesh.

/** Values of f(x, y) on a square mesh over intervals, `count` cells along each. */
export function sampleMesh(f, [xLow, xHigh], [yLow, yHigh], count) {
  const values = new Float64Array((count + 1) ** 2);
  for (let j = 0, k = 0; j <= count; j++) {
    for (let i = 0; i <= count; i++) values[k++] = f(xLow + ((xHigh - xLow) * i) / count, yLow + ((yHigh - yLow) * j) / count);
  }
  return { values, count, xLow, yLow, dx: (xHigh - xLow) / count, dy: (yHigh - yLow) / count };
}

/** Add the level line to the path, through `axes`. */
export function traceLevel(g, axes, { values, count, xLow, yLow, dx, dy }, level) {
  for (let j = 0; j < count; j++) {
    for (let i = 0; i < count; i++) {
      const at = j * (count + 1) + i;
      const [a, b, c, d] = [values[at], values[at + 1], values[at + count + 2], values[at + count + 1]];
      const code = (a > level) + 2 * (b > level) + 4 * (c > level) + 8 * (d > level);
      if (code === 0 || code === 15) continue;
      // Where the line crosses each side: bottom, right, top, left.
      const [x, y] = [xLow + i * dx, yLow + j * dy];
      const sides = [
        (a > level) !== (b > level) && [x + (dx * (level - a)) / (b - a), y],
        (b > level) !== (c > level) && [x + dx, y + (dy * (level - b)) / (c - b)],
        (d > level) !== (c > level) && [x + (dx * (level - d)) / (c - d), y + dy],
        (a > level) !== (d > level) && [x, y + (dy * (level - a)) / (d - a)],
      ].filter(Boolean);
      // A saddle has four crossings; bottom with right and top with left is as good as the other.
      for (let k = 0; k + 1 < sides.length; k += 2) {
        g.moveTo(axes.x(sides[k][0]), axes.y(sides[k][1]));
        g.lineTo(axes.x(sides[k + 1][0]), axes.y(sides[k + 1][1]));
      }
    }
  }
}
