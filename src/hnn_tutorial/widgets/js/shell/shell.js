// What every lab is: a card in the page that follows the widget's traits, the theme and the size of
// its column, plays while it is seen, says in words where it stands, and says why when it cannot run.
import { button, element, handle } from "./controls.js";
import { Surface } from "../drawing/canvas.js";
import { FrameLoop, Life } from "./life.js";
import { followTheme } from "./theme.js";

const NUMBERS_EVERY = 120; // ms between two updates of the numbers while playing
const SPEAK_AFTER = 700; // ms of rest before the summary is announced

/** Base class of the labs. A lab extends it and states:
 *
 * - `name`: the last part of its class `hnn-NAME` on the page, for its style sheet;
 * - `loads`, `starts`: traits whose change calls `load()` (rebuild) and `start()` (begin anew);
 *   `start()` also follows each `load()`. Both may throw an Error: its message then stands in the
 *   page in place of the lab, above the saved picture;
 * - `resets`: traits that "Reset" sets back, if not those of `starts`;
 * - `build()`: called once; returns the children of the card;
 * - `frame(now, elapsed)`: compute and draw; returns whether another frame is wanted. `this.stale`
 *   is true when all must be drawn anew (size, theme, start): set it to false when that is done;
 * - `showNumbers()`: what changes in the page's text; called after a frame, a few times a second;
 * - `ended`: whether the motion has come to its end, so that "Play" starts from the beginning;
 * - `summary()`: a sentence on where things stand, announced after a change once all rests; or null
 *   as long as it is not known. */
export class Shell {
  name = "lab";
  loads = [];
  starts = [];
  resets = null;
  problem = null;
  stale = true;
  time = 0;
  playing = false;
  dragging = false;
  seen = false;
  surfaces = {};
  numbersAt = 0;

  constructor(model) {
    this.model = model;
    this.life = new Life();
    // Not counted: every lab may be a module of its own, and would count from one.
    this.id = `hnn-${Math.random().toString(36).slice(2)}`;
    // The reader's wish, which outlives a drag; a page that asks for calm starts still.
    this.wantsMotion = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  get ended() {
    return false;
  }

  load() {}

  start() {}

  showNumbers() {}

  summary() {
    return "";
  }

  // --- life ------------------------------------------------------------------------------------

  open(el) {
    const { life, model } = this;
    this.clock = element("span", { class: "hnn-clock" });
    this.title = element("span", { class: "hnn-title" });
    this.hint = element("p", { class: "hnn-hint", id: `${this.id}-hint` });
    this.status = element("p", { class: "hnn-status", role: "status", "aria-live": "polite" });
    this.playButton = button("Play", life, () => this.play(!this.playing, true));
    this.playButton.classList.add("hnn-primary");
    this.resetButton = button("Reset", life, () => this.reset());
    this.card = element("div", { class: "hnn-card" }, ...this.build());
    this.message = element("p", { class: "hnn-message", role: "alert", hidden: true });
    this.picture = this.savedPicture();
    this.root = element("div", { class: `hnn-lab hnn-${this.name}`, role: "group", "aria-label": this.name.replace("-", " ") }, this.message, this.picture, this.card);
    el.append(this.root);
    life.onEnd(() => this.root.remove());

    followTheme(this.root, life, (colors) => {
      this.colors = colors;
      this.redraw();
    });
    this.loop = new FrameLoop(this.root, life, (now, elapsed) => this.run(now, elapsed), {
      onFirstSight: () => {
        this.seen = true;
        this.play(this.wantsMotion);
      },
    });
    const resizes = new ResizeObserver(() => this.redraw());
    resizes.observe(this.root);
    life.onEnd(() => resizes.disconnect());
    life.onEnd(() => clearTimeout(this.speech));

    this.home = Object.fromEntries((this.resets ?? this.starts).map((trait) => [trait, model.get(trait)]));
    let loaded = false;
    const begin = () => loaded && this.attempt(() => this.begin());
    const load = () => {
      loaded = this.attempt(() => this.load());
      begin();
    };
    life.observe(model, this.loads, load);
    life.observe(model, this.starts, begin);
    load();
  }

  begin() {
    this.start();
    this.time = 0;
    this.numbersAt = 0; // the next frame shows them
    this.speakSoon();
    if (this.playing || this.dragging) this.redraw();
    else this.play(this.wantsMotion && this.seen);
  }

  /** Do something that may fail; then its reason stands in the page instead of the lab. */
  attempt(work) {
    try {
      work();
      this.complain(null);
      return true;
    } catch (error) {
      this.complain(error.message);
      return false;
    }
  }

  /** Say what is wrong instead of the lab, or (with null) show the lab. */
  complain(problem) {
    this.problem = problem;
    this.card.hidden = problem !== null;
    this.message.hidden = problem === null;
    this.message.textContent = problem === null ? "" : `This lab cannot run: ${problem}.`;
    this.root.classList.toggle("hnn-broken", problem !== null);
  }

  /** What is shown when the lab cannot run, and what is printed. */
  savedPicture() {
    const svg = this.model.get("_picture");
    if (!svg) return "";
    return element("img", { class: "hnn-picture", src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: this.model.get("_picture_alt") || "saved picture of this lab" });
  }

  // --- parts that labs are made of ---------------------------------------------------------------

  /** A part of the card, `hnn-AREA`, that holds canvases (from `canvas`), one on the other. */
  stage(area, ...canvases) {
    return element("div", { class: `hnn-stage hnn-${area}` }, ...canvases);
  }

  /** A canvas that draws through `this.surfaces[name]`. One without a label is decoration. */
  canvas(name, label) {
    const made = element("canvas", { class: "hnn-canvas", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
    this.surfaces[name] = new Surface(made);
    return made;
  }

  /** Fit all canvases to the page; false if the lab has no size yet and nothing can be drawn. */
  fitSurfaces() {
    const surfaces = Object.values(this.surfaces);
    const resized = surfaces.map((surface) => surface.fit());
    if (resized.some(Boolean)) this.stale = true;
    return surfaces.every((surface) => surface.width > 0);
  }

  /** A handle that holds the motion still while it is dragged. */
  startHandle(className, name, stage, actions) {
    return handle({ className, name, hint: this.hint.id }, stage, this.life, {
      grabbed: () => {
        this.dragging = true;
        this.play(false);
        this.time = 0;
        this.redraw();
      },
      released: () => {
        this.dragging = false;
        this.play(this.wantsMotion);
      },
      ...actions,
    });
  }

  // --- traits and time ---------------------------------------------------------------------------

  /** Set a trait, here and in Python. */
  choose(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** `asked`: the reader did, and will want the same after a drag. */
  play(playing, asked = false) {
    if (asked) this.wantsMotion = playing;
    if (playing && this.ended) this.time = 0;
    this.playing = playing;
    this.redraw();
  }

  /** Everything that the reader may have changed, as it was. */
  reset() {
    this.time = 0;
    for (const [trait, value] of Object.entries(this.home)) this.model.set(trait, value);
    this.model.save_changes();
    this.play(this.wantsMotion);
  }

  redraw() {
    this.stale = true;
    this.loop?.request();
  }

  run(now, elapsed) {
    if (this.problem !== null) return false;
    try {
      const more = this.frame(now, elapsed);
      if (!this.playing || now - this.numbersAt > NUMBERS_EVERY) {
        this.numbersAt = now;
        const label = this.playing ? "Pause" : this.ended ? "Replay" : "Play";
        if (this.playButton.textContent !== label) this.playButton.textContent = label;
        this.showNumbers();
      }
      return more;
    } catch (error) {
      this.complain(error.message);
      return false;
    }
  }

  speakSoon() {
    clearTimeout(this.speech);
    this.speech = setTimeout(() => this.speak(), SPEAK_AFTER);
  }

  speak() {
    if (this.problem !== null) return;
    const summary = this.dragging ? null : this.summary();
    if (summary === null) this.speakSoon();
    else this.status.textContent = summary;
  }
}

/** The front end of a widget, from its lab's class. */
export function widget(Lab) {
  return {
    render({ model, el }) {
      const lab = new Lab(model);
      lab.open(el);
      return () => lab.life.end();
    },
  };
}
