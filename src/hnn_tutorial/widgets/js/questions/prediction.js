// The parts of a prediction: the question, the outcome, and the score of a chapter.
//
// In a page without a kernel, static-widgets.js keeps what the reader has answered and holds back
// what follows. With a kernel the answers travel through Python, because the outputs of some
// notebooks cannot see each other.
import { button, element } from "../shell/controls.js";
import { Life } from "../shell/life.js";
import { followTheme } from "../shell/theme.js";
import { makeGuess } from "./guesses.js";
import { fits, inWords, judge } from "./judge.js";
import { showOutcome } from "./outcomes.js";
import { rich } from "./rich.js";

const STORE = Symbol.for("hnn-tutorial.predictions");

/** How one prediction stands, whoever keeps it. */
class Standing {
  constructor(model, life) {
    this.model = model;
    this.life = life;
    this.store = globalThis[STORE];
    for (const name of ["chapter", "label", "kind", "spec"]) this[name] = model.get(`_${name}`);
  }

  get kept() {
    return this.store ? (this.store.get(this.chapter, this.label) ?? {}) : { guess: this.model.get("guess"), passed: this.model.get("passed") };
  }

  get guess() {
    const { guess } = this.kept;
    return guess !== null && guess !== undefined && fits(this.kind, this.spec, guess) ? guess : null;
  }

  get passed() {
    return Boolean(this.kept.passed) && this.guess === null;
  }

  get settled() {
    return this.passed || this.guess !== null;
  }

  /** Right or wrong, and how near; null until there is an answer to compare. */
  get verdict() {
    const truth = this.model.get("_truth");
    return truth && this.guess !== null ? judge(this.kind, this.spec, truth, this.guess) : null;
  }

  settle(entry) {
    if (this.store) {
      const truth = this.model.get("_truth");
      const told = truth && entry.guess !== undefined ? judge(this.kind, this.spec, truth, entry.guess) : null;
      this.store.set(this.chapter, this.label, told ? { ...entry, right: told.right } : entry);
    } else {
      for (const [name, value] of Object.entries(entry)) this.model.set(name, value);
      this.tellPython();
      this.model.save_changes();
    }
  }

  /** Python counts, and only here is it known whether an answer was near enough. */
  tellPython() {
    const right = this.verdict?.right ?? null;
    if (this.store || this.model.get("right") === right) return;
    this.model.set("right", right);
    this.model.save_changes();
  }

  watch(changed) {
    watchAll(this.model, this.life, ["guess", "passed", "_truth", "_marks"], () => {
      this.tellPython();
      changed();
    });
    this.tellPython();
  }
}

function watchAll(model, life, names, changed) {
  const store = globalThis[STORE];
  if (store) life.onEnd(store.on(changed));
  life.observe(model, names, changed);
}

/** How many of the chapter's predictions stand how: `{ right: 3, wrong: 1, passed: 1, open: 2 }`. */
function tally(model) {
  const store = globalThis[STORE];
  const counts = { right: 0, wrong: 0, passed: 0, open: 0 };
  for (const [label, mark] of Object.entries(model.get("_marks") ?? {})) {
    let own = mark;
    if (store) {
      const entry = store.get(model.get("_chapter"), label) ?? {};
      own = entry.passed ? "passed" : { true: "right", false: "wrong" }[entry.right];
    }
    counts[own in counts ? own : "open"] += 1;
  }
  return counts;
}

function scoreText({ right, wrong }) {
  return right + wrong ? `You predicted ${right} of ${right + wrong}.` : "";
}

let cards = 0;

/** A card with its title; what is inside is built by the part. */
class Card {
  constructor(model, el, kind) {
    this.model = model;
    this.life = new Life();
    this.id = `hnn-prediction-${++cards}`;
    this.title = element("p", { class: "hnn-prediction-title", id: this.id });
    this.root = element("div", { class: `hnn-lab hnn-prediction hnn-prediction-${kind}`, role: "group", "aria-labelledby": this.id }, this.title);
    followTheme(this.root, this.life, () => {});
    el.append(this.root);
    this.life.onEnd(() => this.root.remove());
  }

  name(kicker, words) {
    this.title.replaceChildren(element("span", { class: "hnn-kicker" }, kicker), " ", element("span", {}, ...rich(words)));
  }
}

class Question extends Card {
  constructor(model, el) {
    super(model, el, "ask");
    this.standing = new Standing(model, this.life);
    this.name("Your prediction", model.get("_words"));
    this.status = element("p", { class: "hnn-prediction-status", role: "status", tabindex: -1 });
    this.done = button("This is my answer", this.life, () => this.answer());
    this.done.classList.add("hnn-primary");
    this.place = element("div", {});
    this.root.append(this.place, element("div", { class: "hnn-prediction-foot" }, this.done, this.status));
    this.standing.watch(() => this.show());
    this.show();
  }

  /** A fresh control, with what was answered, if there is an answer. */
  show() {
    const { settled, guess, passed, kind, spec } = this.standing;
    const now = JSON.stringify([settled, guess]);
    // Where the answer is may change though the answer does not: another question holds it back.
    if (now === this.shown) return settled && this.update();
    this.shown = now;
    this.inner?.end();
    this.inner = new Life();
    this.control = makeGuess(kind, spec, this.title.textContent, this.inner, () => this.update());
    this.place.replaceChildren(...(passed ? [] : [this.control.root]));
    if (guess !== null) this.control.set(guess);
    if (settled) this.control.close();
    this.done.hidden = settled;
    this.root.classList.toggle("hnn-settled", settled);
    this.update();
  }

  update() {
    const { settled, guess, passed, kind, spec } = this.standing;
    const value = settled ? null : this.control.value();
    this.done.disabled = value === null;
    if (settled) this.status.replaceChildren(passed ? "You read on without an answer." : `Noted: ${inWords(kind, spec, guess)}.`, " ", ...this.whereNext());
    else this.status.textContent = value === null ? this.control.hint : "";
  }

  /** Where the answer is: it is worked out before it is told. A kernel shows the cells in order. */
  whereNext() {
    const { store, chapter, label, passed } = this.standing;
    if (!store) return passed ? [] : ["The answer comes further down."];
    const place = store.place(chapter, label);
    if (!place) return ["What follows waits for your other answer."];
    return [passed ? "" : "What follows works out the answer. ", element("a", { class: "hnn-go", href: `#${place.id}` }, "Go to the answer")];
  }

  answer() {
    this.standing.settle({ guess: this.control.value(), passed: false });
    // The button is gone; what follows is read on from here.
    this.status.focus({ preventScroll: true });
  }
}

class Outcome extends Card {
  constructor(model, el) {
    super(model, el, "answer");
    this.standing = new Standing(model, this.life);
    this.name("Your prediction and the answer", model.get("_words"));
    this.inside = element("div", {});
    const saved = element("img", { class: "hnn-picture", alt: model.get("_picture_alt"), src: `data:image/svg+xml,${encodeURIComponent(model.get("_picture"))}` });
    this.root.append(this.inside, saved);
    this.standing.watch(() => this.show());
    this.show();
  }

  show() {
    const { settled, guess, passed, verdict, kind, spec } = this.standing;
    const counts = tally(this.model);
    const now = JSON.stringify([settled, guess, counts]);
    if (now === this.shown) return;
    this.shown = now;
    this.inner?.end();
    this.inner = new Life();
    this.root.classList.toggle("hnn-waits", !settled);
    const truth = this.model.get("_truth");
    if (!settled) {
      const look = button("Show the answer", this.inner, () => {
        this.standing.settle({ passed: true });
        this.verdict.focus({ preventScroll: true });
      });
      const waits = element("p", { class: "hnn-prediction-words" }, "The answer is shown here once you have given yours above.");
      this.inside.replaceChildren(waits, look);
      return;
    }
    const right = inWords(kind, spec, { choice: truth.right, number: truth.value, point: truth.at }[kind]);
    const told = kind === "curve" ? " The curve below is the answer." : ` The answer is ${right}.`;
    const words = passed ? `You read on without an answer.${told}` : verdict.words;
    const mark = verdict && element("strong", { class: verdict.right ? "hnn-was-right" : "hnn-was-wrong" }, `${verdict.mark} `);
    this.verdict = element("p", { class: "hnn-prediction-words", role: "status", tabindex: -1 }, mark ?? "", words);
    const score = scoreText(counts);
    this.inside.replaceChildren(this.verdict, showOutcome(kind, spec, truth, guess, this.inner), element("p", { class: "hnn-prediction-score" }, score && `In this chapter so far: ${score}`));
  }
}

class ChapterScore extends Card {
  constructor(model, el) {
    super(model, el, "score");
    this.name("Your predictions", []);
    this.line = element("p", { class: "hnn-prediction-words" });
    this.root.append(this.line);
    watchAll(model, this.life, ["_marks"], () => this.show());
    this.show();
  }

  show() {
    const counts = tally(this.model);
    const { passed, open } = counts;
    const many = (count, one, more) => (count === 1 ? `One ${one}` : `${count} ${more}`);
    const parts = [
      scoreText(counts),
      passed ? `${many(passed, "you read past", "you read past")} without an answer.` : "",
      open ? `${many(open, "waits for your answer", "wait for your answers")}.` : "",
    ];
    this.line.replaceChildren(...[element("strong", {}, parts[0]), " ", parts[1], " ", parts[2]]);
  }
}

const PARTS = { ask: Question, answer: Outcome, score: ChapterScore };

function render({ model, el }) {
  const part = new PARTS[model.get("_part")](model, el);
  return () => {
    part.inner?.end();
    part.life.end();
  };
}

export default { render };
