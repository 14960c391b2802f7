// What every lab is: a card in the page that follows the widget's traits, the theme and the size of
// its column, plays while it is seen, says in words where it stands, and says why when it cannot run.
//
// What a lab gets, and how it asks for it:
//
// - The top: `this.head()` is its element. It holds `this.title` and `this.clock`; `this.who`, one
//   sentence that says who is who (put text and `roleWord(text, role)` into it in `load`); `this.hint`,
//   one short sentence on what to touch; and the task.
// - A task: `tasks()` returns `{ name: { says, done, shows } }`, those that suit what is loaded: a
//   sentence to do, a function that tells whether it is done just now (asked a few times a second, once
//   the reader has touched the lab), and a sentence on what that shows. A new start sets it anew. The
//   first is set, or the one that the trait `task` names. The class in Python lists all names in `TASKS`.
// - The controls: `this.controls({ buttons, first, more })` is their element: Play, the lab's own
//   buttons, the speed, Reset and "More"; then the fields `first`; behind "More" the fields `more`,
//   the constants of the system and "Copy link".
// - Speed: frames get their time multiplied by the trait `speed`. `speeds` are those that the reader
//   can choose; null shows no choice.
// - Links: "Copy link" writes the traits of `shared` into the address, and a page that is opened so sets
//   them. A page with a kernel does not show it.
// - Typed numbers: every `slider` has them. A slider whose value is not the number that its `format`
//   shows (a power, say) gives `read(text)` too.
// - The scrubber: `this.scrub(stage, () => axes)` on a chart whose x is time. `seek(time)` is what it
//   calls: it sets `this.time`; a lab that knows only a part of its motion overrides it.
// - Height: `_heights` of the class in Python says how high the card is, below 620 px of width and above.
//   It says that for the card with "More" closed; a row of the grid with `minmax(..., 1fr)` takes what
//   the text leaves.
import { button, disclosure, element, handle, select } from "./controls.js";
import { Surface } from "../drawing/canvas.js";
import { FrameLoop, Life } from "./life.js";
import { linkTo, readLink } from "./link.js";
import { scrubber } from "./scrubber.js";
import { TaskLine } from "./task.js";
import { followTheme } from "./theme.js";

const NUMBERS_EVERY = 120; // ms between two updates of the numbers while playing
const SPEAK_AFTER = 700; // ms of rest before the summary is announced
const COPIED_FOR = 2000; // ms that the button says so

/** Base class of the labs. A lab extends it and states:
 *
 * - `name`: the last part of its class `hnn-NAME` on the page, for its style sheet;
 * - `loads`, `starts`: traits whose change calls `load()` (rebuild) and `start()` (begin anew);
 *   `start()` also follows each `load()`. Both may throw an Error: its message then stands in the
 *   page in place of the lab, above the saved picture;
 * - `resets`: traits that "Reset" sets back, if not those of `starts`;
 * - `shared`: traits that a link carries, if not those that "Reset" sets back;
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
  shared = null;
  speeds = [0.25, 1, 3, 10];
  problem = null;
  stale = true;
  time = 0;
  playing = false;
  dragging = false;
  touched = false; // by the reader, since the lab began or was reset
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

  tasks() {
    return {};
  }

  // --- life ------------------------------------------------------------------------------------

  open(el) {
    const { life, model } = this;
    this.clock = element("span", { class: "hnn-clock" });
    this.title = element("span", { class: "hnn-title" });
    this.who = element("p", { class: "hnn-who" });
    this.hint = element("p", { class: "hnn-hint", id: `${this.id}-hint` });
    this.taskLine = new TaskLine();
    this.status = element("p", { class: "hnn-status", role: "status", "aria-live": "polite" });
    this.playButton = button("Play", life, () => this.play(!this.playing, true));
    this.playButton.classList.add("hnn-primary");
    this.resetButton = button("Reset", life, () => this.reset());
    this.card = element("div", { class: "hnn-card" }, ...this.build(), this.taskLine.spoken);
    this.message = element("p", { class: "hnn-message", role: "alert", hidden: true });
    this.picture = this.savedPicture();
    this.root = element("div", { class: `hnn-lab hnn-${this.name}`, role: "group", "aria-label": this.name.replace("-", " ") }, this.message, this.picture, this.card);
    const [narrow, wide] = model.get("_heights") ?? [];
    if (wide) this.card.style.cssText = `--hnn-narrow: ${narrow}px; --hnn-wide: ${wide}px`;
    el.append(this.root);
    life.onEnd(() => this.root.remove());

    for (const kind of ["pointerdown", "keydown", "input", "change"]) life.listen(this.card, kind, (event) => this.touch(event), true);
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

    this.home = Object.fromEntries([...(this.resets ?? this.starts), "speed"].map((trait) => [trait, model.get(trait)]));
    let loaded = false;
    const begin = () => loaded && this.attempt(() => this.begin());
    const load = () => {
      loaded = this.attempt(() => {
        this.load();
        this.setTask();
      });
      // A second line below makes a stage lower, and not the lab.
      for (const stage of this.card.querySelectorAll(".hnn-stage")) resizes.observe(stage);
      begin();
    };
    life.observe(model, this.loads, load);
    life.observe(model, this.starts, begin);
    life.observe(model, ["task"], () => this.attempt(() => this.setTask()));
    load();
    if (this.numberInPage) {
      this.followLink();
      life.listen(window, "hashchange", () => this.followLink());
    }
  }

  begin() {
    this.start();
    this.time = 0;
    this.numbersAt = 0; // the next frame shows them
    // Before the first frame, so that no line is broken anew when it comes.
    if (!this.clock.textContent) this.showNumbers();
    // What was done from another start is not done from this one.
    if (this.taskLine.done) this.taskLine.again();
    this.speakSoon();
    if (this.playing || this.dragging) this.redraw();
    else this.play(this.wantsMotion && this.seen);
  }

  /** The reader did something, and not only looked on: what comes is theirs. */
  touch({ key, target }) {
    // Before the first frame nothing has its place yet.
    if (!this.numbersAt) this.run(performance.now(), 0);
    if (this.touched || key === "Tab" || this.playButton.contains(target)) return;
    if (!target.closest("button, input, select, .hnn-stage")) return;
    this.touched = true;
    this.redraw();
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

  /** The top of the card: what it is, who is who, what to touch, and what to try. */
  head() {
    return element("div", { class: "hnn-head" }, this.title, this.clock, element("div", { class: "hnn-lead" }, this.who, " ", this.hint), this.taskLine.root);
  }

  /** Play, the lab's own buttons, speed and Reset; a few fields; and behind "More" the others. */
  controls({ buttons = [], first = [], more = [] }) {
    const { life } = this;
    const constants = this.model.get("_constants");
    const rest = constants ? [...more, element("p", { class: "hnn-constants" }, `Constants: ${constants}.`)] : [...more];
    if (this.numberInPage) {
      this.linkButton = button("Copy link", life, () => this.copyLink());
      this.linkButton.title = "Copy the address of this lab as it stands";
      this.linkButton.classList.add("hnn-link");
      rest.push(this.linkButton);
      life.onEnd(() => clearTimeout(this.copied));
    }
    const row = [this.playButton, ...buttons, ...(this.speeds ? [this.speedChoice()] : []), this.resetButton];
    if (rest.length === 0) return element("div", { class: "hnn-controls" }, element("div", { class: "hnn-buttons" }, ...row), ...first);
    const grown = new ResizeObserver(() => {
      const gap = parseFloat(getComputedStyle(region.parentElement).rowGap) || 0;
      this.card.style.setProperty("--hnn-opened", `${region.hidden ? 0 : region.offsetHeight + gap}px`);
    });
    const { button: opener, region } = disclosure("More", life, () => this.redraw(), ...rest);
    grown.observe(region);
    life.onEnd(() => grown.disconnect());
    return element("div", { class: "hnn-controls" }, element("div", { class: "hnn-buttons" }, ...row, opener), ...first, region);
  }

  speedChoice() {
    const text = (value) => `${value}×`;
    const offered = [...new Set([...this.speeds, this.speed])].sort((a, b) => a - b);
    const { label, show } = select({ name: "speed", choices: offered.map((value) => ({ value, text: text(value) })) }, this.life, (value) => this.choose("speed", Number(value)));
    const input = label.querySelector("select");
    label.classList.add("hnn-speed");
    const update = () => {
      // Python may choose a speed that is not offered yet.
      if (![...input.options].some(({ value }) => Number(value) === this.speed)) input.append(element("option", { value: this.speed }, text(this.speed)));
      show(this.speed);
    };
    this.life.observe(this.model, ["speed"], update);
    update();
    return label;
  }

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

  /** Make a chart over time a scrubber; `axes()` are those that it was drawn with, or undefined. */
  scrub(stage, axes) {
    this.scrubbed = scrubber(stage, this.life, {
      axes,
      seek: (time) => this.seek(time),
      grabbed: () => this.play(false),
      stopped: () => this.play(false, true),
      // At its end a motion would begin anew.
      released: () => this.ended || this.play(this.wantsMotion),
    });
  }

  /** Show an instant. */
  seek(time) {
    this.time = time;
    this.redraw();
  }

  // --- the task, and a link to a state -----------------------------------------------------------

  setTask() {
    const tasks = this.tasks();
    const name = this.model.get("task") || Object.keys(tasks)[0];
    this.taskLine.set(tasks[name] ?? null);
  }

  /** Which lab of a static page this is; undefined where there is a kernel. */
  get numberInPage() {
    return this.model.numberInPage;
  }

  get linked() {
    return [...(this.shared ?? this.resets ?? this.starts), "speed"];
  }

  async copyLink() {
    const { linked, model } = this;
    const hash = linkTo(this.numberInPage, Object.fromEntries(linked.map((trait) => [trait, model.get(trait)])));
    history.replaceState(history.state, "", hash);
    try {
      await navigator.clipboard.writeText(location.href);
      this.status.textContent = "The address of this state is copied.";
      this.linkButton.textContent = "Copied";
    } catch (error) {
      if (error instanceof ReferenceError) throw error;
      this.status.textContent = "The page's address now holds this state: copy it from the address bar.";
      this.linkButton.textContent = "In the address";
    }
    clearTimeout(this.copied);
    this.copied = setTimeout(() => (this.linkButton.textContent = "Copy link"), COPIED_FOR);
  }

  /** Take the state that the page's address holds, if it holds one of this lab that it can run. */
  followLink() {
    const now = Object.fromEntries(this.linked.map((trait) => [trait, this.model.get(trait)]));
    const found = readLink(location.hash, this.numberInPage, now);
    if (Object.keys(found).length === 0) return;
    if (!(found.speed > 0 && found.speed <= 100)) delete found.speed;
    this.model.set(found);
    if (this.problem === null) return;
    this.model.set(now);
    this.status.textContent = "The state in the address does not suit this lab, which starts as usual.";
  }

  // --- traits and time ---------------------------------------------------------------------------

  get speed() {
    return this.model.get("speed") ?? 1;
  }

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
    this.touched = false;
    this.taskLine.again();
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
      const more = this.frame(now, elapsed * this.speed);
      this.scrubbed?.put(this.time);
      if (!this.playing || now - this.numbersAt > NUMBERS_EVERY) {
        this.numbersAt = now;
        const label = this.playing ? "Pause" : this.ended ? "Replay" : "Play";
        if (this.playButton.textContent !== label) this.playButton.textContent = label;
        this.showNumbers();
        this.scrubbed?.say(this.clock.textContent);
        if (this.touched && !this.dragging) this.taskLine.look();
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
    else if (this.status.textContent !== summary) this.status.textContent = summary;
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
