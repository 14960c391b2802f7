// Where the training runs: in a worker made of the lab's own module, so that nothing is fetched and a
// page opened from a folder, JupyterLab and Colab are all the same; and where a worker cannot be had,
// in short slices of the page's own time.
import { Fit } from "./fit.js";

const WORKER_SLICE = 50; // ms between two reports
const PAGE_SLICE = 5; // ms: leaves the page most of each frame

/** Run a job in slices. Each yields `{ weights, losses, step, done, reason, diverged }`, where
 * `losses` are those of the steps since the report before. */
function* runJob(job, slice) {
  const fit = new Fit(job);
  let told = 0;
  do {
    fit.advance(performance.now() + slice);
    const losses = fit.losses.slice(told);
    told = fit.losses.length;
    if (fit.done && !fit.diverged) losses.push(fit.finalLoss);
    yield { weights: fit.weights, losses, step: told, done: fit.done, reason: fit.reason, diverged: fit.diverged };
  } while (!fit.done);
}

/** The worker's side: one job, then reports until it is done. Called by `Trainer` below. */
export function serveTraining(scope) {
  scope.onmessage = ({ data: job }) => {
    try {
      for (const report of runJob(job, WORKER_SLICE)) scope.postMessage(report);
    } catch (error) {
      scope.postMessage({ error: error.message });
    }
  };
  scope.postMessage({ ready: true });
}

/** The module as a script that a worker runs: it exports nothing, and begins to serve. */
function workerScript(moduleText) {
  return `"use strict";\n${moduleText.replace(/^export default [^\n]*$/m, "")}\n${serveTraining.name}(self);\n`;
}

export class Trainer {
  #stop = null;

  /** `reported(report)` is called after every slice; `failed(message)` ends a training. */
  constructor(moduleText, { reported, failed }) {
    Object.assign(this, { moduleText, reported, failed });
    /** "worker" or "page": where the last training ran. */
    this.place = null;
  }

  get running() {
    return this.#stop !== null;
  }

  start(job) {
    this.stop();
    try {
      this.#startWorker(job);
    } catch {
      this.#startSlices(job);
    }
  }

  stop() {
    this.#stop?.();
    this.#stop = null;
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
    const url = URL.createObjectURL(new Blob([workerScript(this.moduleText)], { type: "text/javascript" }));
    const worker = new Worker(url);
    this.#stop = () => {
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
      worker.postMessage(job);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.stop();
      // A page may forbid workers, which shows only now.
      if (ready) this.failed(event.message || "the worker stopped");
      else this.#startSlices(job);
    };
  }

  #startSlices(job) {
    this.place = "page";
    const run = runJob(job, PAGE_SLICE);
    let timer = 0;
    const slice = () => {
      timer = setTimeout(slice);
      try {
        this.#take(run.next().value);
      } catch (error) {
        this.#take({ error: error.message });
      }
    };
    this.#stop = () => clearTimeout(timer);
    timer = setTimeout(slice);
  }
}
