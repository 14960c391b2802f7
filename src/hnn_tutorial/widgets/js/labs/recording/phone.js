// Records with the phone's gyroscope: after a countdown some seconds of the swing, and then what comes
// next. Everything goes by the stamps of the sensor's own events; clocks of the page are only asked
// whether there are any.

import { DEGREE } from "./table.js";

export const COUNTDOWN = 3; // s, to let go
export const RECORDED = 10; // s
export const FOLLOWED = 10; // s after the recording
const SILENCE = 5000; // ms without an event until the sensor counts as gone
const LOOK_EVERY = 500; // ms
const AXES = ["beta", "gamma", "alpha"]; // about the phone's x, y and z

export const PHONE_NAMES = ["Time (s)", "Gyroscope x (rad/s)", "Gyroscope y (rad/s)", "Gyroscope z (rad/s)"];

export class Phone {
  #listener = null;
  #timer = 0;
  #heardAt = 0;

  /** What is told: `heard()` for every sample, `recorded(columns)` once, `followed(t, rates)` for those
   * that come later, `ended()` after the last, `failed(message)`. */
  constructor(told) {
    this.told = told;
    this.phase = "off";
  }

  /** Ask for the sensor, on a press as iOS demands, and wait for the swing. */
  async start() {
    this.stop();
    if (typeof DeviceMotionEvent === "undefined") {
      this.#fail("this browser gives pages no motion sensor (it does so over https alone, on phones and tablets)");
      return;
    }
    this.phase = "asking";
    if (typeof DeviceMotionEvent.requestPermission === "function") {
      let answer;
      try {
        answer = await DeviceMotionEvent.requestPermission();
      } catch (error) {
        answer = error.message;
      }
      if (this.phase !== "asking") return;
      if (answer !== "granted") {
        this.#fail(`the motion sensor was not allowed (${answer}); allow it in the browser's settings for this page`);
        return;
      }
    }
    this.phase = "waiting";
    this.first = null;
    this.columns = [[], [], [], []];
    this.#heardAt = performance.now();
    this.#listener = (event) => this.#take(event);
    addEventListener("devicemotion", this.#listener);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
  }

  stop() {
    this.phase = "off";
    clearInterval(this.#timer);
    if (this.#listener) removeEventListener("devicemotion", this.#listener);
    this.#listener = null;
  }

  /** Seconds until the recording begins, or since; negative before. */
  get clock() {
    return this.first === null ? -COUNTDOWN : this.now - this.first - COUNTDOWN;
  }

  #fail(message) {
    this.stop();
    this.told.failed(message);
  }

  #look() {
    if (performance.now() - this.#heardAt < SILENCE) return;
    if (this.phase === "waiting") this.#fail("this device has no motion sensor that a page may read, or it stays silent");
    else if (this.phase === "recording") this.#fail(`the sensor fell silent after ${this.clock.toFixed(1)} s; keep the screen on and this page in front`);
    else this.#finish();
  }

  #finish() {
    this.stop();
    this.told.ended();
  }

  #take({ rotationRate, timeStamp }) {
    const rates = AXES.map((axis) => rotationRate?.[axis]);
    // A desktop may send one event without numbers.
    if (!rates.every((rate) => typeof rate === "number" && Number.isFinite(rate))) return;
    this.#heardAt = performance.now();
    const now = timeStamp / 1000;
    if (this.first === null) {
      this.first = this.now = now;
      this.phase = "countdown";
    } else if (now <= this.now) {
      return;
    }
    this.now = now;
    const { clock } = this;
    const turning = rates.map((rate) => DEGREE * rate);
    if (this.phase === "countdown" && clock >= 0) {
      this.phase = "recording";
      navigator.vibrate?.(120);
    }
    if (this.phase === "recording") {
      [clock, ...turning].forEach((value, k) => this.columns[k].push(value));
      if (clock >= RECORDED) {
        this.phase = "following";
        navigator.vibrate?.(120);
        this.begun = this.columns[0][0];
        this.told.recorded(this.columns);
        return;
      }
    } else if (this.phase === "following") {
      this.told.followed(clock - this.begun, turning);
      if (clock >= RECORDED + FOLLOWED) {
        this.#finish();
        return;
      }
    }
    this.told.heard();
  }
}
