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

const percent = (share) => (share < 0.005 ? "less than 1\u00a0%" : `${Number((100 * share).toPrecision(2))}\u00a0%`);

function quoted(spec, places) {
  return places.map((place) => `“${plain(spec.answers[place])}”`).join(" or ");
}

function judgeChoice(spec, { right }, guess) {
  const found = right.includes(guess);
  const others = right.filter((place) => place !== guess);
  if (!found) return { right: false, words: `You chose ${quoted(spec, [guess])}; right is ${quoted(spec, right)}.` };
  const more = others.length ? ` So is ${quoted(spec, others)}.` : "";
  return { right: true, words: `${quoted(spec, [guess])} is right.${more}` };
}

function judgeNumber({ low, high, log, unit }, { value, within }, guess) {
  const said = `You said ${numberText(guess, unit)}; it is ${numberText(value, unit)}`;
  if (log) {
    const factor = Math.max(guess / value, value / guess);
    if (factor < 1.005) return { right: true, words: `${said}.` };
    const far = factor < 10 ? factor.toPrecision(2) : numberText(factor);
    const words = `${said}. You are too ${guess < value ? "low" : "high"} by a factor of ${far}.`;
    return { right: factor <= within * (1 + 1e-9), words };
  }
  const off = Math.abs(guess - value);
  const right = off <= Math.max(within * Math.abs(value), (high - low) / 20) * (1 + 1e-9);
  if (off <= 0.005 * Math.abs(value)) return { right: true, words: `${said}.` };
  const far = Math.abs(value) > (high - low) / 1000 ? percent(off / Math.abs(value)) : numberText(off, unit);
  return { right, words: `${said}. You are ${far} too ${guess < value ? "low" : "high"}.` };
}

/** The height of a drawn curve at each point of the right one, which has four times as many. */
function judgeCurve({ y }, { values, within }, guess) {
  const [, low, high] = y;
  let [sum, count] = [0, 0];
  guess.forEach((height, k) => {
    const value = values[4 * k];
    if (value === null) return;
    // Beyond the axis nobody can draw.
    sum += ((height - Math.min(Math.max(value, low), high)) / (high - low)) ** 2;
    count += 1;
  });
  const far = Math.sqrt(sum / count);
  return { right: far <= within, words: `Your curve lies ${percent(far)} of the upright axis away, as a root mean square.` };
}

function judgePoint({ x, y }, { at, within }, guess) {
  const far = Math.hypot((guess[0] - at[0]) / (x[2] - x[1]), (guess[1] - at[1]) / (y[2] - y[1]));
  return { right: far <= within, words: `You are ${percent(far)} of the axes away.` };
}

const JUDGES = { choice: judgeChoice, number: judgeNumber, curve: judgeCurve, point: judgePoint };

/** Whether a guess is near enough, and how near it is: `{ right, words }`. */
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
  if (kind === "point") return `(${value.map((part) => numberText(part)).join(", ")})`;
  return "the curve";
}
