// What the orbit lab asks its reader to try, by the system and by what is loaded. A task looks at the lab
// as it stands: at its true motion up to the present, and at how fast neighbours part from it.

const ROUND = 0.04; // variation of the distance, as a share, that still counts as a circle
const GONE = 3; // times as far from the middle as any body was at the start
const ORDER = 6; // powers of e by which a small distance grows over an ordered motion, at most
const CHAOS = 12; // and over a chaotic one, at least
const PARTED = 0.05; // of the start's own size: a spread that is plain to see
const LOST = 0.1; // of a conserved quantity, as a share: plainly not kept
const SEEN = 0.4; // of the horizon, for the points of a section to show what they lie on

/** The tasks of a lab: `{ name: { says, done, shows } }`. */
export function orbitTasks(lab) {
  const { scene, copies, hasSection } = lab;
  const part = {
    says: "Find a start from which the copies part, and one from which they stay together.",
    done: () => {
      lab.tried.parted ||= hasParted(lab);
      lab.tried.together ||= lab.swarm.done && growth(lab) < ORDER;
      return lab.tried.parted && lab.tried.together;
    },
    shows: "The same machine does both: chaos belongs to a motion, not to a machine.",
  };
  const section = {
    says: "Drag the start in the section. Find one whose points draw a curve, and one whose points scatter.",
    done: () => {
      const known = lab.swarm?.done && lab.seenUntil > SEEN * lab.horizon;
      lab.tried.curve ||= known && growth(lab) < ORDER;
      lab.tried.scatter ||= known && growth(lab) > CHAOS;
      return lab.tried.curve && lab.tried.scatter;
    },
    shows: "Order and chaos in one system. A curve hints at a second conserved quantity; where points scatter there is none.",
  };
  const scribble = {
    says: "Pull the bobs up, until the tidy path becomes a scribble and the lower bob goes over the top.",
    done: () => passes(lab, (x) => Math.abs(x[1]) > Math.PI),
    shows: "The path has no pattern that you could continue, and yet its energy is still the one it started with.",
  };
  const circle = {
    says: "Turn and stretch the arrows, until both bodies run on circles.",
    done: () => lab.truth.done && isRound(lab),
    shows: "The kinetic and the potential energy stay the same now. On any other orbit only their sum does.",
  };
  const kept = {
    says: "Find a start from which a network's angular momentum is off by more than a tenth.",
    done: () => loses(lab, "angular momentum"),
    shows: "An HNN keeps an energy of its own and no angular momentum. One that sees only distances keeps both, whatever it learned.",
  };
  const thrown = {
    says: `Find a start from which one of the ${scene.few ? "three" : "bodies"} is thrown out.`,
    done: () => passes(lab, (x) => scene.reach(x) > GONE * scene.reach(lab.state)),
    shows: "It has gone, and the energy of the three together is what it was at the start: what one gains, the others pay.",
  };
  if (hasSection) return { section, ...(copies ? { part } : {}) };
  const own = { double_pendulum: { scribble }, two_body: { circle }, three_body: { thrown }, n_body: { thrown } }[lab.kind];
  const learned = lab.entries.length > 1 && "angular momentum" in lab.system.invariants;
  return { ...(copies ? { part } : {}), ...(learned ? { kept } : {}), ...own };
}

/** Whether a learned motion has by now lost a tenth of what the start has of a quantity. */
function loses({ system, motions, state, time }, name) {
  const measure = system.invariants[name];
  const start = measure(state);
  const off = (motion) => Math.abs(measure(motion.at(Math.min(time, motion.end))) - start);
  return motions.slice(1).some((motion) => off(motion) > LOST * Math.max(Math.abs(start), LOST));
}

/** Powers of e by which small distances grow over the whole motion. */
function growth({ swarm, horizon }) {
  return swarm.exponent * horizon;
}

function hasParted({ swarm, state, time, apart }) {
  const spread = swarm.spreads[Math.min(swarm.computed, Math.floor(time / swarm.step))];
  return spread > Math.max(10 * apart, PARTED * Math.hypot(...state));
}

/** Whether the true motion has passed a state of a kind by now; `lab.looked` of its samples were tried. */
function passes(lab, kind) {
  const { truth } = lab;
  const now = Math.min(truth.computed, Math.floor(lab.time / truth.step));
  for (; lab.looked <= now; lab.looked++) if (kind(truth.state(lab.looked))) return true;
  return false;
}

function isRound({ truth, scene }) {
  let [least, most] = [Infinity, 0];
  for (let k = 0; k <= truth.computed; k++) {
    const distance = scene.distance(truth.state(k));
    least = Math.min(least, distance);
    most = Math.max(most, distance);
  }
  return truth.problem === null && most < (1 + ROUND) * least;
}
