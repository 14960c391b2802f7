// Angles as points on a circle: each angle becomes its cosine, and its sine is appended.

export class Embedding {
  /** `width`: components of what is embedded; `angles`: which of them are angles. */
  constructor(width, angles) {
    Object.assign(this, { width, angles, size: width + angles.length });
  }

  features(x) {
    if (!this.angles.length) return x;
    const features = new Float64Array(this.size);
    for (let i = 0; i < this.width; i++) features[i] = x[i];
    this.angles.forEach((angle, i) => {
      features[angle] = Math.cos(x[angle]);
      features[this.width + i] = Math.sin(x[angle]);
    });
    return features;
  }

  /** How the features change along a direction of x. */
  pushForward(x, direction) {
    if (!this.angles.length) return direction;
    const change = new Float64Array(this.size);
    for (let i = 0; i < this.width; i++) change[i] = direction[i];
    this.angles.forEach((angle, i) => {
      change[angle] = -Math.sin(x[angle]) * direction[angle];
      change[this.width + i] = Math.cos(x[angle]) * direction[angle];
    });
    return change;
  }

  /** The gradient with respect to x, from that with respect to the features. */
  pullBack(x, gradient) {
    if (!this.angles.length) return gradient;
    const back = gradient.slice(0, this.width);
    this.angles.forEach((angle, i) => {
      back[angle] = -Math.sin(x[angle]) * gradient[angle] + Math.cos(x[angle]) * gradient[this.width + i];
    });
    return back;
  }
}
