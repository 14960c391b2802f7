/* Widgets in a page without a kernel.
 *
 * MyST-NB writes the saved state of a notebook's widgets into the page, and a tag where each one
 * stood. This script reads both. An anywidget is started from its own module, through the
 * published contract of anywidget front ends: `initialize` and `render` get a `model` with get,
 * set, on, off, save_changes and send. Other widgets compute in Python, so their saved outputs are
 * shown, with a note on how to run them.
 *
 * Plain script, no dependencies, no requests: it works over http and from a folder (file://).
 */
(() => {
  "use strict";
  const STATE_TAG = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW_TAG = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const NEEDS_PYTHON =
    "The controls of this figure run Python. To use them, open this page's notebook in JupyterLab or in Colab.";

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  // --- the model that a widget's module gets ----------------------------------------------------

  function decodeBuffer({ data, encoding }) {
    if (encoding !== "base64") throw new Error(`its buffers are encoded as ${encoding}; this page reads base64`);
    const text = atob(data);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  }

  const same = (a, b) => Object.is(a, b) || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));

  class StaticModel {
    #state;
    #listeners = new Map();

    /** `number` counts the widgets of the page: so a link can mean one of them. */
    constructor({ state, buffers = [], number }) {
      this.numberInPage = number;
      this.#state = structuredClone(state);
      for (const buffer of buffers) {
        const holder = buffer.path.slice(0, -1).reduce((object, key) => object[key], this.#state);
        holder[buffer.path.at(-1)] = decodeBuffer(buffer);
      }
    }

    get(name) {
      return this.#state[name];
    }

    set(name, value) {
      const changes = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(changes).filter(
        (key) => ArrayBuffer.isView(changes[key]) || !same(this.#state[key], changes[key])
      );
      for (const key of changed) this.#state[key] = changes[key];
      for (const key of changed) this.#emit(`change:${key}`, this, changes[key]);
      if (changed.length) this.#emit("change", this);
    }

    on(names, listener) {
      for (const name of names.split(" ")) {
        if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
        this.#listeners.get(name).add(listener);
      }
    }

    off(names, listener) {
      for (const name of names?.split(" ") ?? [...this.#listeners.keys()]) {
        if (listener) this.#listeners.get(name)?.delete(listener);
        else this.#listeners.delete(name);
      }
    }

    #emit(name, ...details) {
      for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...details);
    }

    // There is no kernel to tell: changes live as long as the page.
    save_changes() {}
    send() {}

    widget_manager = { get_model: () => Promise.reject(new Error("there is no kernel on this page")) };
  }

  // --- starting an anywidget --------------------------------------------------------------------

  const modules = new Map();
  const styles = new Set();
  const noKernel = { invoke: () => Promise.reject(new Error("there is no kernel on this page")) };

  /** Import a module from its text; the same text is imported once. */
  function load(text) {
    if (!modules.has(text)) {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const imported = import(url).then(async ({ default: widget }) => {
        if (!widget) throw new Error("its module has no default export");
        return typeof widget === "function" ? await widget() : widget;
      });
      modules.set(text, imported.finally(() => URL.revokeObjectURL(url)));
    }
    return modules.get(text);
  }

  function addStyle(css) {
    if (!css || styles.has(css)) return;
    styles.add(css);
    document.head.append(element("style", "", css));
  }

  const endings = [];
  addEventListener("pagehide", (event) => {
    if (!event.persisted) for (const end of endings.splice(0)) end();
  });

  /** One model for a widget, however many views of it stand in the page. */
  async function begin(record) {
    const widget = await load(record.state._esm);
    const model = new StaticModel(record);
    const controller = new AbortController();
    endings.push(() => controller.abort());
    const result = await widget.initialize?.({ model, signal: controller.signal, experimental: noKernel });
    if (typeof result === "function") endings.push(result);
    return { widget, model, signal: controller.signal };
  }

  async function start(record, place) {
    const el = element("div", "hnn-widget");
    try {
      addStyle(record.state._css);
      record.begun ??= begin(record);
      const { widget, model, signal } = await record.begun;
      place.replaceChildren(el);
      const end = await widget.render?.({ model, el, signal, experimental: noKernel });
      if (typeof end === "function") endings.push(end);
    } catch (error) {
      place.replaceChildren(...savedPicture(record.state), element("p", "hnn-widget-note", `This figure cannot run here: ${error.message}`));
      // A question that cannot be answered holds nothing back.
      for (const part of withheld) if (part.asks.includes(record.state)) part.open();
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  /** The picture that a lab carries for such a case, if it does (SVG text). */
  function savedPicture({ _picture: svg, _picture_alt: alt }) {
    return svg ? [picture(`data:image/svg+xml,${encodeURIComponent(svg)}`, alt ?? "Saved picture of this figure")] : [];
  }

  // --- widgets that need Python -----------------------------------------------------------------

  function picture(source, alt) {
    const image = element("img", "hnn-widget-picture");
    image.src = source;
    image.alt = alt;
    return image;
  }

  /** What an Output widget had saved, as elements. */
  function savedOutputs(outputs, alt) {
    return outputs.flatMap((output) => {
      if (output.output_type === "stream") return [element("pre", "", output.text)];
      const data = output.data ?? {};
      for (const type of ["image/png", "image/jpeg"]) {
        if (data[type]) return [picture(`data:${type};base64,${data[type].trim()}`, output.metadata?.[type]?.alt ?? alt)];
      }
      if (data["image/svg+xml"]) return [picture(`data:image/svg+xml,${encodeURIComponent(data["image/svg+xml"])}`, alt)];
      return data["text/plain"] ? [element("pre", "", data["text/plain"])] : [];
    });
  }

  const PASSIVE = /^(HTML|HTMLMath|Label|FloatProgress|IntProgress|Output|Image|.*(Box|Layout|Style))Model$/;

  /** All widgets below one, itself first, without going round in circles. */
  function family(id, records, seen = new Set()) {
    const record = records[id];
    if (!record || seen.has(id)) return [];
    seen.add(id);
    const children = (record.state.children ?? []).map((child) => String(child).replace("IPY_MODEL_", ""));
    return [record, ...children.flatMap((child) => family(child, records, seen))];
  }

  function showSaved(members, place) {
    const settings = members
      .filter(({ state }) => state.description && ["number", "string", "boolean"].includes(typeof state.value))
      .map(({ state }) => `${state.description.replace(/:$/, "")} = ${state.value}`);
    const alt = `Saved output of this figure${settings.length ? ` at ${settings.join(", ")}` : ""}`;
    const shown = members.flatMap(({ model_name, state }) => {
      if (state.outputs) return savedOutputs(state.outputs, alt);
      const parsed = /^(HTML|Label)/.test(model_name) && state.value ? new DOMParser().parseFromString(state.value, "text/html") : null;
      return parsed?.body.textContent.trim() ? [element("span", "hnn-widget-text", parsed.body.textContent)] : [];
    });
    place.append(...shown);
    if (members.some(({ model_name }) => !PASSIVE.test(model_name))) place.append(element("p", "hnn-widget-note", NEEDS_PYTHON));
  }

  // --- predictions ------------------------------------------------------------------------------

  const ANSWERS_KEY = "hnn-tutorial.predictions";

  /** What the reader has answered: kept in this browser, sent nowhere. `book/progress` shows it. */
  class Answers {
    #kept = {};
    #listeners = new Set();
    #places = new Map();

    constructor() {
      this.#read();
      // Another page may answer, or clear all.
      addEventListener("storage", ({ key }) => {
        if (key !== ANSWERS_KEY && key !== null) return;
        this.#read();
        this.#tell();
      });
    }

    #read() {
      let kept = null;
      try {
        kept = JSON.parse(localStorage.getItem(ANSWERS_KEY));
      } catch {
        // A browser may keep nothing, and what is kept may be no JSON: the answers then live as
        // long as the page.
      }
      this.#kept = { open: kept?.open === true, chapters: { ...kept?.chapters } };
    }

    #tell() {
      for (const listener of [...this.#listeners]) listener();
    }

    /** Whether the reader wants nothing to be held back. */
    get open() {
      return this.#kept.open;
    }

    set open(open) {
      this.#kept.open = open;
      this.#write(JSON.stringify(this.#kept));
    }

    /** For each chapter what was answered, by the label of the question. */
    get chapters() {
      return this.#kept.chapters;
    }

    clear() {
      this.#kept = { open: false, chapters: {} };
      this.#write(null);
    }

    get(chapter, label) {
      return this.#kept.chapters[chapter]?.[label];
    }

    set(chapter, label, entry) {
      (this.#kept.chapters[chapter] ??= {})[label] = entry;
      this.#write(JSON.stringify(this.#kept));
    }

    /** Where the page shows the answer, for a link: undefined if it does not, or while it waits. */
    place(chapter, label) {
      const place = this.#places.get(JSON.stringify([chapter, label]));
      return place?.closest(".hnn-withheld[hidden]") ? undefined : place;
    }

    /** Make an element the place that a link to an answer leads to. */
    keepPlace({ _chapter, _label }, place) {
      place.id ||= `hnn-answer-${this.#places.size + 1}`;
      place.tabIndex = -1;
      this.#places.set(JSON.stringify([_chapter, _label]), place);
    }

    #write(text) {
      try {
        if (text === null) localStorage.removeItem(ANSWERS_KEY);
        else localStorage.setItem(ANSWERS_KEY, text);
      } catch {
        // As above.
      }
      this.#tell();
    }

    on(listener) {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    }
  }

  const answers = new Answers();
  globalThis[Symbol.for("hnn-tutorial.predictions")] = answers;

  const answered = ({ _chapter, _label }) => (answers.get(_chapter, _label)?.guess ?? null) !== null;
  const passed = (ask) => answers.get(ask._chapter, ask._label)?.passed === true && !answered(ask);
  const settled = (ask) => answered(ask) || passed(ask);

  /** A part of the page that waits for answers, with the line above it that opens it. The page is
   * written so (book/_ext/hnn_predictions.py), and its style sheet hides it until this takes over. */
  class Withheld {
    #shown = false;

    constructor(body, records) {
      this.body = body;
      this.line = body.previousElementSibling;
      this.asks = JSON.parse(body.dataset.asks).map((id) => records[id].state);
      this.line.querySelector("button").addEventListener("click", () => {
        for (const { _chapter, _label } of this.waiting()) answers.set(_chapter, _label, { passed: true });
        this.body.focus({ preventScroll: true });
      });
      // Whoever finds a word in it wants to see it.
      body.addEventListener("beforematch", () => this.open());
    }

    waiting() {
      return this.asks.filter((ask) => !settled(ask));
    }

    open() {
      this.#shown = true;
      updateWithheld();
    }

    update(before) {
      const hidden = !this.#shown && !answers.open && this.waiting().length > 0;
      if (hidden) this.body.setAttribute("hidden", "until-found");
      else this.body.removeAttribute("hidden");
      // Where two stand one behind the other, only the first has a line.
      this.line.hidden = !hidden || (before?.body === this.line.previousElementSibling && before.body.hidden !== false);
      this.body.dataset.ready = this.line.dataset.ready = "";
    }
  }

  const withheld = [];

  function updateWithheld() {
    withheld.forEach((part, i) => part.update(withheld[i - 1]));
  }

  /** Open what a link within the page, or to it, leads into. */
  function followHash() {
    // Decoded without complaint about an address that is not.
    const hash = location.hash.slice(1).replaceAll("+", "%2B").replaceAll("&", "%26");
    const target = document.getElementById(new URLSearchParams(`id=${hash}`).get("id"));
    const part = target && withheld.find(({ body }) => body.contains(target));
    if (!part?.body.hidden) return;
    part.open();
    target.scrollIntoView();
  }

  /** A question that was read past is a line, and one that was answered has no button: that room is
   * not kept. */
  function keepRoomFor(state, place) {
    if (state._part === "answer") answers.keepPlace(state, place);
    if (state._part !== "ask") return;
    const update = () => {
      place.classList.toggle("hnn-read-past", passed(state));
      place.classList.toggle("hnn-answered", answered(state));
    };
    update();
    answers.on(update);
  }

  function holdBack(records) {
    for (const body of document.querySelectorAll(".hnn-withheld")) withheld.push(new Withheld(body, records));
    updateWithheld();
    answers.on(updateWithheld);
    addEventListener("hashchange", followHash);
    followHash();
  }

  // --- the page ---------------------------------------------------------------------------------

  function main() {
    const records = {};
    for (const tag of document.querySelectorAll(STATE_TAG)) Object.assign(records, JSON.parse(tag.textContent).state);
    // A text that several widgets have stands in the state of the first (book/_ext/hnn_weight.py).
    for (const { state, _same } of Object.values(records)) {
      for (const [name, id] of Object.entries(_same ?? {})) state[name] = records[id].state[name];
    }
    holdBack(records);

    const starts = new WeakMap();
    const sight = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          sight.unobserve(target);
          starts.get(target)();
        }
      },
      // A screen ahead: who scrolls on finds it started.
      { rootMargin: "100% 0px" }
    );

    const linked = Number(/^#lab=(\d+)&/.exec(location.hash)?.[1]);
    [...document.querySelectorAll(VIEW_TAG)].forEach((tag, i) => {
      // The page holds it already where a lab has said how high it is (book/_ext/hnn_widget_room.py).
      const kept = tag.nextElementSibling?.matches(".hnn-widget-place") ? tag.nextElementSibling : null;
      const place = kept ?? element("div", "hnn-widget-place");
      tag.after(place);
      place.replaceChildren();
      const id = JSON.parse(tag.textContent).model_id;
      const members = family(id, records);
      if (members.length === 0) {
        place.append(element("p", "hnn-widget-note", `${NEEDS_PYTHON} (Its saved state is not in this page.)`));
        return;
      }
      const live = members.filter(({ model_module }) => model_module === "anywidget");
      const rest = members.filter((member) => !live.includes(member));
      for (const record of live) {
        const own = element("div", "hnn-widget-waiting");
        own.setAttribute("aria-busy", "true");
        // For paper: what is printed before it was scrolled into sight has not started.
        own.append(...savedPicture(record.state));
        place.append(own);
        record.number ??= i + 1;
        starts.set(own, () => start(record, own));
        keepRoomFor(record.state, own);
        // A question without a height of its own starts at once, while it is out of sight.
        // So does what has no other picture for paper than itself.
        if (record.state._picture && (record.state._heights || own.closest(".hnn-withheld"))) sight.observe(own);
        else starts.get(own)();
        const [narrow, wide] = record.state._heights ?? [0, 0];
        if (wide !== undefined && !kept) place.style.cssText = `--hnn-narrow: ${narrow}px; --hnn-wide: ${wide}px`;
      }
      if (rest.length) showSaved(rest, place);
      if (linked === i + 1) place.scrollIntoView({ block: "nearest" });
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", main);
  else main();
})();
