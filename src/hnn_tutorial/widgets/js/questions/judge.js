// How near a prediction was: right or wrong by its tolerance, and in words.
import { plain } from "./rich.js";

/** A number with three digits that count, a true minus sign, and its unit. */
export function numberText(value, unit = "") {
  const size = Math.abs(value);
  let text = String(Number(value.toPrecision(3)));
  if (size && (size >= 1e5 || size < 1e-3)) {
    const [mantissa, power] = value.toExponential(2).split("e");
    const digits = String(Number(power)).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
    text = `${Number(mantissa)} × 10${digits}`;
  }
  text = text.replace(/\d{5,}/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));
  const gap = /^[°%]/.test(unit) && unit !== "%" ? "" : "\u00a0";
  return text.replaceAll("-", "−") + (unit ? gap + unit : "");
}

const percent = (share) => `${Number((100 * share).toPrecision(2))}\u00a0%`;
const sized = (factor) => (factor < 10 ? String(Number(factor.toPrecision(2))) : numberText(factor));

function quoted(spec, places, join = " or ") {
  return places.map((place) => `“${plain(spec.answers[place])}”`).join(join);
}

// A verdict has `mark`, the word or two in front, and `words`, whole sentences.

function judgeChoice(spec, { right }, guess) {
  const found = right.includes(guess);
  const others = right.filter((place) => place !== guess);
  const chose = `You chose ${quoted(spec, [guess])}`;
  if (!found && right.length > 1) return { right: false, mark: "No.", words: `${chose}; ${quoted(spec, right)} would have been right.` };
  if (!found) return { right: false, mark: "No.", words: `${chose}; the answer is ${quoted(spec, right)}.` };
  if (others.length) return { right: true, mark: "Right.", words: `${chose}. ${quoted(spec, others, " and ")} would have been right too.` };
  return { right: true, mark: "Right.", words: `${chose}.` };
}

const nearness = (right, exact) => (right ? (exact ? "Right." : "Near enough.") : "Not near enough.");

/** How far off a number is, in the words that fit it; it is not the right one. */
function offText({ log, unit }, value, guess) {
  const side = guess < value ? "low" : "high";
  const factor = Math.max(guess / value, value / guess);
  const away = Math.abs(guess - value);
  if (log) return `too ${side} by a factor of ${sized(factor)}`;
  if (unit.startsWith("%")) return `${numberText(away)} percentage points too ${side}`;
  // Of zero there is no share, of less than zero none that one could imagine; a count is counted.
  const counted = !unit && Number.isInteger(value) && Number.isInteger(guess);
  if (value <= 0 || guess <= 0 || counted) return `too ${side} by ${numberText(away, unit)}`;
  return factor < 2 ? `${percent(away / value)} too ${side}` : `too ${side} by a factor of ${sized(factor)}`;
}

function judgeNumber(spec, { value, within }, guess) {
  const { low, high, log, unit } = spec;
  const [said, is] = [numberText(guess, unit), numberText(value, unit)];
  const off = Math.abs(guess - value);
  const factor = Math.max(guess / value, value / guess);
  const exact = log ? factor < 1.005 : off <= 0.005 * Math.abs(value);
  const right = exact || (log ? factor <= within * (1 + 1e-9) : off <= Math.max(within * Math.abs(value), (high - low) / 20) * (1 + 1e-9));
  if (exact) return { right, mark: nearness(right, exact), words: said === is ? `You said ${said}, and so it is.` : `You said ${said}; the answer is ${is}.` };
  return { right, mark: nearness(right), words: `You said ${said}; the answer is ${is}. You were ${offText(spec, value, guess)}.` };
}

/** The unit in the name of an axis, as in "energy (J)"; empty if it has none. */
const unitOf = (name) => /\(([^()]+)\)\s*$/.exec(name)?.[1] ?? "";

/** The height of a drawn curve at each point of the right one, which has four times as many. */
function judgeCurve({ y }, { values, within }, guess) {
  const [name, low, high] = y;
  let [squares, sum, count] = [0, 0, 0];
  guess.forEach((height, k) => {
    const value = values[4 * k];
    if (value === null) return;
    // Beyond the axis nobody can draw.
    const off = Math.abs(height - Math.min(Math.max(value, low), high));
    squares += (off / (high - low)) ** 2;
    sum += off;
    count += 1;
  });
  const right = Math.sqrt(squares / count) <= within;
  const far = sum / count;
  // A hand does not draw finer than this.
  const exact = far < 0.005 * (high - low);
  const unit = unitOf(name);
  const apart = `On average your curve is ${numberText(Number(far.toPrecision(2)), unit)} from the computed one`;
  const words = exact ? "Your curve lies on the computed one." : unit ? `${apart}.` : `${apart}; the upright axis runs from ${numberText(low)} to ${numberText(high)}.`;
  return { right, mark: nearness(right, exact), words };
}

function judgePoint(spec, { at, within }, guess) {
  const { x, y } = spec;
  const far = Math.hypot((guess[0] - at[0]) / (x[2] - x[1]), (guess[1] - at[1]) / (y[2] - y[1]));
  const [said, is] = [guess, at].map((point) => inWords("point", spec, point));
  const exact = far < 0.005;
  const words = exact ? `Your point ${said} lies on the answer.` : `You chose ${said}; the answer is ${is}.`;
  return { right: far <= within, mark: nearness(far <= within, exact), words };
}

const JUDGES = { choice: judgeChoice, number: judgeNumber, curve: judgeCurve, point: judgePoint };

/** Whether a guess is near enough, and how near it is: `{ right, mark, words }`. */
export function judge(kind, spec, truth, guess) {
  return JUDGES[kind](spec, truth, guess);
}

const finite = (values, count) => Array.isArray(values) && values.length === count && values.every(Number.isFinite);

/** Points of a curve that the reader draws; Python's DRAWN. */
export const DRAWN = 65;

/** Whether a value that was kept can be an answer to this question. */
export function fits(kind, spec, guess) {
  if (kind === "choice") return Number.isInteger(guess) && guess in spec.answers;
  if (kind === "number") return Number.isFinite(guess) && guess >= spec.low && guess <= spec.high;
  return finite(guess, kind === "curve" ? DRAWN : 2);
}

/** What the reader said, or what is right, in a few words. */
export function inWords(kind, spec, value) {
  if (kind === "choice") return quoted(spec, [value].flat());
  if (kind === "number") return numberText(value, spec.unit);
  if (kind === "point") {
    // As fine as a hand points: what is zero but for that is called zero.
    const shown = [spec.x, spec.y].map(([, low, high], i) => Math.round((1000 * value[i]) / (high - low)) * ((high - low) / 1000));
    return `(${shown.map((part) => numberText(part)).join(", ")})`;
  }
  return "the curve that you drew";
}
