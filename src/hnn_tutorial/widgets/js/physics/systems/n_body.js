// Any number of bodies in a plane under gravity.
import { GravitatingBodies } from "./gravity.js";

export class NBody extends GravitatingBodies {
  title = "n-body problem";

  constructor({ masses, gravitational_constant }) {
    super(masses, gravitational_constant);
  }
}
