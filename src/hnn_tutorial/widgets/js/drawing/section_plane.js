// The plane (y, p_y) of a section of the Hénon–Heiles system, with what its energy allows in dashes.
import { Axes, drawFrame, ticks } from "./canvas.js";

const LEAST_ENERGY = 1e-6; // energy that still has a plane

/** What the plane shows: an interval of y and one of p_y. */
export function sectionBounds(system, exact) {
  const energy = Math.max(exact, LEAST_ENERGY);
  const reach = Math.sqrt(2 * energy);
  const [low, high] = wellEnds(system, energy);
  const room = 0.06 * (high - low);
  return [[low - room, high + room], [-1.2 * reach, 1.2 * reach]];
}

const wellEnds = (system, energy) => [-system.wellRadius(energy, -Math.PI / 2), system.wellRadius(energy, Math.PI / 2)];

/** Draw the plane on a surface, and return its axes. */
export function drawSectionPlane(surface, system, exact, colors, yName) {
  const { width, height } = surface;
  const g = surface.clear();
  const energy = Math.max(exact, LEAST_ENERGY);
  const [low, high] = wellEnds(system, energy);
  const axes = new Axes({ left: 46, top: 8, right: width - 14, bottom: height - 26 }, ...sectionBounds(system, energy));
  drawFrame(g, axes, colors, { xTicks: ticks(axes.xLow, axes.xHigh, 5), yTicks: ticks(axes.yLow, axes.yHigh, 5), xName: "y", yName });
  // p_y² / 2 + V(0, y) = H.
  g.strokeStyle = colors.muted;
  g.setLineDash([4, 3]);
  g.lineWidth = 1;
  for (const side of [-1, 1]) {
    g.beginPath();
    for (let i = 0; i <= 60; i++) {
      const y = (low + high) / 2 - ((high - low) / 2) * Math.cos((Math.PI * i) / 60);
      g.lineTo(axes.x(y), axes.y(side * Math.sqrt(Math.max(0, 2 * (energy - system.potential([0, y]))))));
    }
    g.stroke();
  }
  g.setLineDash([]);
  return axes;
}
