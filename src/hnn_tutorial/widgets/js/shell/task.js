// The task of a lab: one line that says what to try, notices when it is done, and then says what that shows.
import { element, svg } from "./controls.js";

export class TaskLine {
  constructor() {
    this.says = element("span", { class: "hnn-task-says" });
    this.shows = element("span", { class: "hnn-task-shows" });
    const mark = svg("svg", { class: "hnn-task-mark", viewBox: "0 0 18 18", width: 18, height: 18, "aria-hidden": "true" });
    mark.append(svg("circle", { cx: 9, cy: 9, r: 7.5 }), svg("path", { d: "M5.5 9.4 8 11.9 12.6 6.6" }));
    // Both sentences lie in one place, so that nothing moves when one takes the place of the other.
    this.root = element("div", { class: "hnn-task", hidden: true }, mark, this.says, this.shows);
    this.spoken = element("span", { class: "hnn-spoken", role: "status" });
    this.task = null;
    this.done = false;
  }

  /** Set a task `{ says, done, shows }`, or none; the same one again goes on where it stands. */
  set(task) {
    const same = task && this.task?.says === task.says;
    this.task = task;
    if (!same) this.again();
  }

  again() {
    const { task } = this;
    this.done = false;
    this.root.hidden = !task;
    this.root.classList.remove("hnn-done");
    this.spoken.textContent = "";
    if (!task) return;
    this.says.replaceChildren(element("strong", {}, "Task."), ` ${task.says}`);
    this.shows.replaceChildren(element("strong", {}, "Done."), ` ${task.shows}`);
  }

  /** Look whether it is done; that is announced once. */
  look() {
    if (!this.task || this.done || !this.task.done()) return;
    this.done = true;
    this.root.classList.add("hnn-done");
    this.spoken.textContent = `Done. ${this.task.shows}`;
  }
}
