// Where the training runs: in a worker made of the lab's own module, so that nothing is fetched and a
// page opened from a folder, JupyterLab and Colab are all the same; and where a worker cannot be had,
// in short slices of the page's own time. Either way at a pace that an eye can follow.
import { Fit } from "./fit.js";

const WORKER_SLICE = 40; // ms of work between two looks at the clock
const PAGE_SLICE = 4; // ms: leaves the page most of each frame
const REPORT_EVERY = 30; // ms between two reports of steps that are shorter
const PIECES = 50; // reports of a training at least, however fast it goes
const EASE = 0.4;

/** When, on a scale from 0 to 1, a share of a training's steps is shown: the first ones take longest, for
 * most changes then. */
export const shownAt = (share) => share ** EASE;

/** A training that goes as far as it was told. It reports `{ weights, step, worked, resting, done,
 * reason, diverged }`: `worked` is the time spent computing in ms, `resting` whether it went so far. */
class PacedFit {
  #timer = 0;
  #worked = 0;

  constructor(fit, slice, report) {
    Object.assign(this, { fit, slice, report });
  }

  get #step() {
    return this.fit.losses.length;
  }

  /** Go on until step `until`, at the pace at which all steps of the training take `seconds`. */
  obey({ until, seconds = 0 }) {
    clearTimeout(this.#timer);
    Object.assign(this, { until, pace: 1000 * seconds });
    this.begun = performance.now() - this.#due(this.#step);
    if (until > this.#step && !this.fit.done) this.#timer = setTimeout(() => this.#tick());
  }

  #due(step) {
    return this.pace * shownAt(step / this.fit.optimizer.steps);
  }

  #tick() {
    const { fit, pace, until } = this;
    const before = performance.now();
    const old = this.#step;
    const allowed = pace > 0 ? Math.floor(fit.optimizer.steps * ((before - this.begun) / pace) ** (1 / EASE) + 1e-9) : Infinity;
    const piece = old + Math.ceil(fit.optimizer.steps / PIECES);
    try {
      fit.advance(before + this.slice, Math.min(until, allowed, piece));
    } catch (error) {
      this.report({ error: error.message });
      return;
    }
    const now = performance.now();
    this.#worked += now - before;
    const resting = fit.done || this.#step >= until;
    if (resting || this.#step > old) {
      const { weights, done, reason, diverged } = fit;
      this.report({ weights, step: this.#step, worked: this.#worked, resting, done, reason, diverged });
    }
    if (resting) return;
    const early = this.begun + this.#due(this.#step + 1) - now;
    this.#timer = setTimeout(() => this.#tick(), early > 0 ? Math.max(early, REPORT_EVERY) : 0);
  }
}

const fieldFit = (job) => new Fit(job);

/** The worker's side: one job, then orders. Called by `Trainer` below. */
export function serveTraining(scope, makeFit = fieldFit) {
  let training = null;
  scope.onmessage = ({ data: { job, order } }) => {
    try {
      if (job) training = new PacedFit(makeFit(job), WORKER_SLICE, (report) => scope.postMessage(report));
      if (order) training?.obey(order);
    } catch (error) {
      scope.postMessage({ error: error.message });
    }
  };
  scope.postMessage({ ready: true });
}

/** The module as a script that a worker runs: it exports nothing, and begins to serve. */
function workerScript(moduleText, serve) {
  return `"use strict";\n${moduleText.replace(/^export default [^\n]*$/m, "")}\n${serve.name}(self);\n`;
}

export class Trainer {
  #end = null;
  #give = null;
  #order = null;

  /** `reported(report)` is called after every piece of work; `failed(message)` ends a training. Another
   * fit than that of a field: `makeFit(job)` here, and in the worker the function `serve(scope)`. */
  constructor(moduleText, { reported, failed, makeFit = fieldFit, serve = serveTraining }) {
    Object.assign(this, { moduleText, reported, failed, makeFit, serve });
    /** "worker" or "page": where the last training ran. */
    this.place = null;
  }

  /** Take up a training; it waits for `go`. */
  begin(job) {
    this.stop();
    try {
      this.#startWorker(job);
    } catch {
      this.#startSlices(job);
    }
  }

  /** Go on until step `until` of the training, whose steps take `seconds` in all. */
  go(order) {
    this.#order = order;
    this.#give?.(order);
  }

  /** Rest after the step that is being made. */
  hold() {
    this.go({ until: 0 });
  }

  /** Drop the training. */
  stop() {
    this.#end?.();
    this.#end = this.#give = this.#order = null;
  }

  #take(report) {
    if (report.error !== undefined) {
      this.stop();
      this.failed(report.error);
      return;
    }
    if (report.done) this.stop();
    this.reported(report);
  }

  #startWorker(job) {
    if (!this.moduleText) throw new Error("the module does not know its own text");
    const url = URL.createObjectURL(new Blob([workerScript(this.moduleText, this.serve)], { type: "text/javascript" }));
    const worker = new Worker(url);
    this.#end = () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    };
    let ready = false;
    worker.onmessage = ({ data }) => {
      if (!data.ready) {
        this.#take(data);
        return;
      }
      ready = true;
      this.place = "worker";
      worker.postMessage({ job, order: this.#order });
      this.#give = (order) => worker.postMessage({ order });
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const order = this.#order;
      this.stop();
      // A page may forbid workers, which shows only now.
      if (ready) {
        this.failed(event.message || "the worker stopped");
        return;
      }
      this.#startSlices(job);
      if (order) this.go(order);
    };
  }

  #startSlices(job) {
    this.place = "page";
    let stopped = false;
    let training = null;
    this.#end = () => {
      stopped = true;
      training?.obey({ until: 0 });
    };
    this.#give = (order) => {
      try {
        training ??= new PacedFit(this.makeFit(job), PAGE_SLICE, (report) => stopped || this.#take(report));
        training.obey(order);
      } catch (error) {
        this.#take({ error: error.message });
      }
    };
  }
}
