// node judge.mjs MODULE < jobs.json > answers.json: how near predictions are.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { judge, fits } = await import(pathToFileURL(process.argv[2]));
const jobs = JSON.parse(readFileSync(0, "utf8"));
const answers = jobs.map(([kind, spec, truth, guess]) => {
  const fine = fits(kind, spec, guess);
  return { fits: fine, ...(truth && fine ? judge(kind, spec, truth, guess) : {}) };
});
process.stdout.write(JSON.stringify(answers));
