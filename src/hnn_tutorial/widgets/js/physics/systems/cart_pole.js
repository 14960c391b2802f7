// A bob on a rod that turns about a cart, in the coordinates [s, θ, ṡ, θ̇]; the angle from hanging down.

export class CartPole {
  degrees = 2;
  title = "cart with a pole";

  constructor({ cart_mass, pole_mass, length, gravity }) {
    Object.assign(this, { cart: cart_mass, bob: pole_mass, length, gravity });
    this.lever = pole_mass * length;
  }

  /** Kinetic and potential energy; zero where the pole hangs at rest. */
  energy([, angle, speed, turning]) {
    const { cart, bob, length, lever, gravity } = this;
    const cos = Math.cos(angle);
    return ((cart + bob) * speed ** 2 + 2 * lever * speed * turning * cos + lever * length * turning ** 2) / 2 + lever * gravity * (1 - cos);
  }

  massMatrix([, angle]) {
    const coupling = this.lever * Math.cos(angle);
    return [[this.cart + this.bob, coupling], [coupling, this.lever * this.length]];
  }

  field([, angle, speed, turning], slope = new Float64Array(4)) {
    const { cart, bob, length, gravity } = this;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const pushed = (bob * sin * (length * turning ** 2 + gravity * cos)) / (cart + bob * sin ** 2);
    slope[0] = speed;
    slope[1] = turning;
    slope[2] = pushed;
    slope[3] = -(gravity * sin + pushed * cos) / length;
    return slope;
  }
}
