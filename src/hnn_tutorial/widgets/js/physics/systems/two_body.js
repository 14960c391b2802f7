// Two bodies in a plane under gravity: the Kepler problem.
import { GravitatingBodies } from "./gravity.js";

export class TwoBody extends GravitatingBodies {
  title = "two-body problem";

  constructor({ mass1, mass2, gravitational_constant }) {
    super([mass1, mass2], gravitational_constant);
  }
}
