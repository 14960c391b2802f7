// Three bodies in a plane under gravity.
import { GravitatingBodies } from "./gravity.js";

export class ThreeBody extends GravitatingBodies {
  title = "three-body problem";

  constructor({ mass1, mass2, mass3, gravitational_constant }) {
    super([mass1, mass2, mass3], gravitational_constant);
  }
}
