// What one latent coordinate needs in a page: H = p²/2 + V(q) of a network and a spring, a decoder that makes a picture
// of q, and the camera that makes one of the true angle.

const LOOKS = 240; // places at which V is looked at, to choose what is shown

/** The motion of one latent coordinate, as PhasePlane and the integrators want a system. */
export class LatentSystem {
  degrees = 1;
  angles = [];
  coordinates = [["q", ""], ["p", ""]];

  /** `interval`: where the decoder is known. */
  constructor(network, interval, stiffness) {
    const [low, high] = interval;
    Object.assign(this, { network, interval, stiffness, middle: [(low + high) / 2, 0] });
    this.q = new Float64Array(1);
    const values = Array.from({ length: LOOKS + 1 }, (_, k) => this.potential(low + ((high - low) * k) / LOOKS));
    this.lowest = Math.min(...values);
    /** Where V is lowest; at an end of the interval it has no bottom there. */
    this.bottom = low + ((high - low) * values.indexOf(this.lowest)) / LOOKS;
    this.rise = Math.max(...values) - this.lowest;
  }

  potential(q) {
    this.q[0] = q;
    return this.network.forward(this.q)[0] + (this.stiffness * q * q) / 2;
  }

  hamiltonian(x) {
    return x[1] ** 2 / 2 + this.potential(x[0]);
  }

  field(x, slope = new Float64Array(2)) {
    slope[0] = x[1];
    this.q[0] = x[0];
    slope[1] = -this.network.inputGradient(this.q)[0] - this.stiffness * x[0];
    return slope;
  }

  /** Half of what is shown of q, and of p: up to where a motion from the bottom still reaches an end. */
  view() {
    const [low, high] = this.interval;
    return [(high - low) / 2, Math.max(1.1 * Math.sqrt(2 * this.rise), 0.1 * (high - low))];
  }

  levels(count) {
    const top = Math.max(this.rise, 1e-12) * 1.2;
    return Array.from({ length: count }, (_, k) => this.lowest + top * ((k + 1) / count) ** 2);
  }

  contains(q) {
    return q >= this.interval[0] && q <= this.interval[1];
  }
}

/** Pictures of q as sums of cosines, whose weights came as whole numbers of 8 bits. */
export class CosineDecoder {
  constructor({ shape: [height, width], scales, interval }, bytes) {
    const pixels = height * width;
    if (!bytes || bytes.byteLength !== scales.length * pixels) {
      throw new Error(`the decoder needs ${scales.length * pixels} numbers of 8 bits, but ${bytes?.byteLength ?? 0} arrived`);
    }
    Object.assign(this, { height, width, scales, interval });
    this.weights = new Int8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
    this.picture = new Float32Array(pixels);
  }

  /** Grey values from 0 to 1, row by row (an array of its own that the next call overwrites). */
  decode(q) {
    const { picture, weights, scales, interval: [low, high] } = this;
    const angle = (Math.PI * (q - low)) / (high - low);
    picture.fill(0);
    for (let k = 0, at = 0; k < scales.length; k++) {
      const factor = scales[k] * Math.cos(k * angle);
      for (let i = 0; i < picture.length; i++) picture[i] += factor * weights[at++];
    }
    for (let i = 0; i < picture.length; i++) picture[i] = Math.min(1, Math.max(0, picture[i]));
    return picture;
  }
}

/** Pictures of a rod that hangs from the middle, as `pixels.pendulum_frames` draws them. */
export class PendulumCamera {
  constructor(size, { width, softness, view, supersample }) {
    Object.assign(this, { size, rod: width, softness, supersample });
    const points = size * supersample;
    this.side = Float64Array.from({ length: points }, (_, k) => view * ((2 * (k + 0.5)) / points - 1));
    this.picture = new Float32Array(size * size);
  }

  draw(angle) {
    const { size, rod, softness, supersample, side, picture } = this;
    const [endX, endY] = [Math.sin(angle), -Math.cos(angle)];
    const share = 1 / supersample ** 2;
    picture.fill(0);
    for (let i = 0; i < side.length; i++) {
      const y = -side[i];
      const row = size * Math.floor(i / supersample);
      for (let j = 0; j < side.length; j++) {
        const x = side[j];
        // The foot of the point on the rod.
        const along = Math.min(1, Math.max(0, x * endX + y * endY));
        const square = (x - along * endX) ** 2 + (y - along * endY) ** 2;
        const distance = Math.sqrt(Math.max(square, 1e-12));
        picture[row + Math.floor(j / supersample)] += share / (1 + Math.exp((distance - rod) / softness));
      }
    }
    return picture;
  }
}

/** Root mean square of the difference of two pictures. */
export function pictureError(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / a.length);
}
