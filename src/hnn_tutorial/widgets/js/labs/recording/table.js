// A recording as a file: read as people and phones write it, its columns guessed, and written again. What
// is wrong with a file is said in one line: where, what was expected, and what stands there.

const COMMENT = /^\s*(#|%|\/\/)/;
const MISSING = /^(|nan|na|null|none|-|\?)$/i;
export const DEGREE = Math.PI / 180;

/** What a column of a swing may hold, and how many radians its unit has. */
export const QUANTITIES = {
  "rate rad/s": { text: "rate in rad/s", kind: "rate", factor: 1 },
  "rate °/s": { text: "rate in °/s", kind: "rate", factor: DEGREE },
  "angle rad": { text: "angle in rad", kind: "angle", factor: 1 },
  "angle °": { text: "angle in °", kind: "angle", factor: DEGREE },
};

/** The cells of one line; those in quotes may hold the delimiter. */
function splitLine(line, delimiter) {
  if (delimiter === " ") return line.trim().split(/\s+/);
  const cells = [];
  let [cell, quoted] = ["", false];
  for (let k = 0; k < line.length; k++) {
    const letter = line[k];
    if (letter === '"' && quoted && line[k + 1] === '"') cell += line[++k];
    else if (letter === '"') quoted = !quoted;
    else if (letter === delimiter && !quoted) {
      cells.push(cell.trim());
      cell = "";
    } else cell += letter;
  }
  return [...cells, cell.trim()];
}

/** A cell as a number: a true minus sign and a decimal comma count too. NaN for a missing one, and
 * undefined for what is none. */
function readCell(cell) {
  if (MISSING.test(cell)) return NaN;
  const text = cell.replace("−", "-").replace(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

const isNumber = (cell) => Number.isFinite(readCell(cell));

/** The delimiter that gives the most lines the same number of cells, two at least. */
function findDelimiter(lines) {
  const some = lines.slice(0, 50).map(({ text }) => text);
  for (const delimiter of ["\t", ";", ",", " "]) {
    const widths = some.map((line) => splitLine(line, delimiter).length);
    const usual = widths.at(-1);
    if (usual > 1 && widths.filter((width) => width === usual).length > 0.8 * widths.length - 1) return delimiter;
  }
  throw new Error(`row ${lines[0].row}: expected columns separated by a comma, a semicolon or a tab, found “${lines[0].text.slice(0, 40)}”`);
}

/** The unit that a column's name ends with, such as "rad/s" in "Gyroscope x (rad/s)". */
function unitOf(name) {
  const found = /[([]\s*([^)\]]+?)\s*[)\]]\s*$/.exec(name) ?? /[\s_,/](rad\/s|deg\/s|°\/s|dps|rad|deg|degrees?|°|ms|s)$/i.exec(name);
  const unit = (found?.[1] ?? "").toLowerCase().replace(/degrees?|deg/, "°").replace("dps", "°/s").replace(/ (s⁻¹|s\^-1)|·s⁻¹/, "/s");
  return unit;
}

/** Read the text of a file: `{ names, units, rows }`, each row `{ row, cells }` with its number in the file. */
export function readTable(text) {
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/)
    .map((line, k) => ({ row: k + 1, text: line }))
    .filter((line) => line.text.trim() !== "" && !COMMENT.test(line.text));
  if (lines.length < 2) throw new Error("row 1: expected a table of times and of angles or rates, found " + (lines.length ? "a single row" : "an empty file"));
  const delimiter = findDelimiter(lines);
  const rows = lines.map(({ row, text: line }) => ({ row, cells: splitLine(line, delimiter) }));
  // A program may write a few lines of its own before the table.
  const width = rows.at(-1).cells.length;
  while (rows.length > 2 && rows[0].cells.length !== width) rows.shift();
  const headed = rows[0].cells.some((cell) => cell !== "" && !isNumber(cell));
  const names = headed ? rows.shift().cells : rows[0].cells.map((_, k) => `column ${k + 1}`);
  for (const { row, cells } of rows) {
    if (cells.length !== width) throw new Error(`row ${row}: expected ${width} columns as in the others, found ${cells.length}`);
  }
  return { names, units: headed ? names.map(unitOf) : names.map(() => ""), rows };
}

/** A column as numbers, NaN where a cell is empty; throws at the first cell that is no number. */
function numbersOf({ names, rows }, column) {
  return Float64Array.from(rows, ({ row, cells }) => {
    const value = readCell(cells[column]);
    if (value === undefined) throw new Error(`row ${row}, column ${column + 1} (${names[column]}): expected a number, found “${cells[column].slice(0, 30)}”`);
    return value;
  });
}

function spread(values) {
  const known = Array.from(values).filter(Number.isFinite);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length;
}

/** Guess which columns hold the time and the swing, and what the latter is: `{ time, value, quantity }`. */
export function guessColumns(table) {
  const { names, units } = table;
  const usable = names.map((_, k) => k).filter((k) => table.rows.slice(0, 100).some(({ cells }) => isNumber(cells[k])));
  const first = usable.find((k) => /^\s*(time|t|zeit|timestamp|temps|tiempo|seconds?|elapsed)\b/i.test(names[k]));
  const clock = first ?? usable.find((k) => units[k] === "s" || units[k] === "ms") ?? usable[0];
  const others = usable.filter((k) => k !== clock && !/absolut|accuracy|total/i.test(names[k]));
  if (others.length === 0) throw new Error(`row ${table.rows[0].row}: expected a column of times and one of angles or rates, found ${usable.length}`);
  const turning = others.filter((k) => /\/s$/.test(units[k]) || /gyro|rate|omega|ω|angular vel|velocity|rotation|speed/i.test(names[k]));
  const angles = others.filter((k) => units[k] === "rad" || units[k] === "°" || /angle|theta|θ|phi|φ|winkel|^q$/i.test(names[k]));
  const group = turning.length ? turning : angles.length ? angles : others;
  const safe = (k) => {
    try {
      return spread(numbersOf(table, k));
    } catch {
      return -1;
    }
  };
  const value = group.reduce((best, k) => (safe(k) > safe(best) ? k : best));
  const kind = turning.includes(value) ? "rate" : "angle";
  // Without a unit, angles beyond two turns are in degrees.
  const wide = kind === "angle" && units[value] === "" && safe(value) > 16;
  const degrees = units[value].startsWith("°") || wide;
  return { time: clock, value, quantity: `${kind} ${degrees ? "°" : "rad"}${kind === "rate" ? "/s" : ""}` };
}

/** The two columns as a recording `{ times, values, kind, left }`: times in s from 0, in radians; `left` counts rows
 * without a value or with the time of the one before. */
export function takeColumns(table, { time, value, quantity }) {
  const { kind, factor } = QUANTITIES[quantity];
  const clock = numbersOf(table, time);
  const numbers = numbersOf(table, value);
  const second = table.units[time] === "ms" ? 1e-3 : 1;
  const [times, values] = [[], []];
  let left = 0;
  clock.forEach((now, k) => {
    if (Number.isNaN(now) || Number.isNaN(numbers[k]) || (times.length && second * now === times.at(-1))) {
      left += 1;
      return;
    }
    if (times.length && second * now < times.at(-1)) {
      const place = `row ${table.rows[k].row}, column ${time + 1} (${table.names[time]})`;
      throw new Error(`${place}: expected a time after ${Number((times.at(-1) / second).toPrecision(8))}, found ${now}`);
    }
    times.push(second * now);
    values.push(factor * numbers[k]);
  });
  if (times.length === 0) throw new Error(`column ${value + 1} (${table.names[value]}): expected numbers, found none`);
  return { times: Float64Array.from(times, (now) => now - times[0]), values: Float64Array.from(values), kind, left };
}

/** A table from numbers, such as those of a sensor: `columns` are arrays of equal lengths. */
export function tableOf(names, columns) {
  const rows = Array.from(columns[0], (_, k) => ({ row: k + 2, cells: columns.map((column) => String(column[k])) }));
  return { names, units: names.map(unitOf), rows };
}

/** A table as a CSV file. */
export function writeTable({ names, rows }) {
  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return [names, ...rows.map(({ cells }) => cells)].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}
