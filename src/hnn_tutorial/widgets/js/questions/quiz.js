// The quiz of a chapter: a press of an answer, right or wrong, shows its explanation.
import { button, element } from "../shell/controls.js";
import { Life } from "../shell/life.js";
import { followTheme } from "../shell/theme.js";
import { rich } from "./rich.js";

// What was tried, by quiz, for as long as the page is open: a cell that is run again makes a new
// widget and a new module, and finds it here.
const KEPT = (globalThis[Symbol.for("hnn-tutorial.quizzes")] ??= new Map());

let quizzes = 0;

class QuizView {
  constructor(model, el) {
    this.model = model;
    this.life = new Life();
    this.id = `hnn-quiz-${++quizzes}`;
    const questions = model.get("_questions");
    if (!Array.isArray(questions) || questions.length === 0) throw new Error("this quiz has no questions");
    this.key = JSON.stringify([model.get("_name"), questions]);
    this.questions = questions;
    this.status = element("p", { class: "hnn-status", role: "status", "aria-live": "polite" });
    const again = button("Start again", this.life, () => this.keep(questions.map(() => [])));
    const title = `Quiz: ${model.get("_title")}`;
    this.root = element(
      "div",
      { class: "hnn-lab hnn-quiz", role: "group", "aria-label": title },
      element("p", { class: "hnn-title" }, title),
      element("div", { class: "hnn-questions" }, ...questions.map((question, i) => this.buildQuestion(question, i))),
      element("div", { class: "hnn-quiz-foot" }, this.status, again)
    );
    followTheme(this.root, this.life, () => {});
    el.append(this.root);
    this.life.onEnd(() => this.root.remove());
    this.life.observe(model, ["answers"], () => {
      KEPT.set(this.key, this.tried());
      this.show();
    });
    const kept = KEPT.get(this.key);
    if (kept && this.tried().every((some) => some.length === 0)) this.keep(kept);
    this.show();
  }

  buildQuestion({ text, answers }, i) {
    const id = `${this.id}-${i}`;
    const items = answers.map((answer, j) => {
      const made = button("", this.life, () => this.press(i, j));
      made.classList.add("hnn-answer");
      made.append(element("span", { class: "hnn-letter" }, String.fromCharCode(97 + j)), element("span", {}, ...rich(answer.text)));
      // Empty until the answer is pressed, so that what then appears is announced.
      const why = element("p", { class: "hnn-why", role: "status" });
      return element("li", {}, made, why);
    });
    return element("div", { role: "group", "aria-labelledby": id }, element("p", { id }, ...rich(text)), element("ol", { class: "hnn-answers" }, ...items));
  }

  /** The answers tried so far, for each question; what does not fit the questions is left out. */
  tried() {
    const answers = this.model.get("answers") ?? [];
    return this.questions.map((question, i) => (answers[i] ?? []).filter((j) => j in question.answers));
  }

  press(i, j) {
    const tried = this.tried();
    if (!tried[i].includes(j)) this.keep(tried.map((some, k) => (k === i ? [...some, j] : some)));
  }

  keep(tried) {
    this.model.set("answers", tried);
    this.model.save_changes();
  }

  show() {
    const tried = this.tried();
    const right = this.questions.map(({ answers }) => answers.findIndex((answer) => answer.right));
    this.root.querySelectorAll(".hnn-answers").forEach((list, i) => {
      [...list.children].forEach((item, j) => {
        const open = tried[i].includes(j);
        if (open === item.classList.contains("hnn-tried")) return;
        const verdict = j === right[i] ? "Right." : "No.";
        item.classList.toggle("hnn-tried", open);
        item.classList.toggle("hnn-right", open && j === right[i]);
        item.lastChild.replaceChildren(...(open ? [element("strong", {}, verdict), " ", ...rich(this.questions[i].answers[j].why)] : []));
      });
    });
    const found = tried.filter((some, i) => some.includes(right[i])).length;
    const first = tried.filter((some, i) => some[0] === right[i]).length;
    const total = this.questions.length;
    this.status.textContent = tried.some((some) => some.length)
      ? `${found} of ${total} found, ${first} at the first try.`
      : "Each answer has an explanation, the wrong ones too.";
  }
}

function render({ model, el }) {
  const quiz = new QuizView(model, el);
  return () => quiz.life.end();
}

export default { render };
