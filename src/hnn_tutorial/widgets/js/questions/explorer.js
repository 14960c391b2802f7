// The explorer: pictures that were drawn for every choice of a few values, and the choice.
import { KEYS_STAY_HERE, element, readNumber } from "../shell/controls.js";
import { Life } from "../shell/life.js";
import { followTheme } from "../shell/theme.js";

const nameText = (name) => name.replaceAll("_", " ");

function valueText(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? String(Number(value.toPrecision(6))).replace("-", "−") : value;
}

const same = (a, b) => Object.keys(a).every((name) => a[name] === b[name]);

class ExplorerView {
  constructor(model, el) {
    this.model = model;
    this.life = new Life();
    this.id = `hnn-explorer-${Math.random().toString(36).slice(2)}`;
    this.choices = Object.entries(model.get("_choices"));
    this.groups = this.choices.map(([name, values], i) => this.buildGroup(name, values, i));
    this.status = element("p", { class: "hnn-status hnn-spoken", role: "status" });
    this.trouble = element("p", { class: "hnn-message", role: "alert", hidden: true });
    this.shown = element("div", { class: "hnn-shown" });
    this.said = element("p", { class: "hnn-said" });
    this.text = element("pre", { class: "hnn-printed", hidden: true });
    this.root = element("div", { class: "hnn-lab hnn-explorer", role: "group", "aria-label": "results to choose from" }, element("div", { class: "hnn-choices" }, ...this.groups.map(({ root }) => root)), this.said, this.shown, this.text, this.trouble, this.status);
    followTheme(this.root, this.life, () => {});
    el.append(this.root);
    this.life.onEnd(() => this.root.remove());
    this.life.observe(model, ["chosen", "_pictures", "_trouble"], () => this.show());
    this.show();
    this.status.textContent = ""; // nothing was chosen yet
  }

  /** One segment for each value, and where a kernel can draw it, a place for another number. */
  buildGroup(name, values, i) {
    const radios = values.map((value, j) => {
      const input = element("input", { type: "radio", name: `${this.id}-${i}`, value: j, class: "hnn-segment-input", ...KEYS_STAY_HERE });
      this.life.listen(input, "change", () => this.choose(name, value));
      return { value, input, label: element("label", { class: "hnn-segment" }, input, element("span", {}, valueText(value))) };
    });
    const segments = element("div", { class: "hnn-segments" }, ...radios.map(({ label }) => label));
    const root = element("fieldset", { class: "hnn-group" }, element("legend", { class: "hnn-name" }, nameText(name)), segments);
    const typed = values.every((value) => typeof value === "number") && this.model.numberInPage === undefined ? this.buildTyped(name) : null;
    if (typed) segments.append(typed);
    return { name, radios, typed, root };
  }

  buildTyped(name) {
    const typed = element("input", { type: "text", class: "hnn-typed", inputmode: "decimal", autocomplete: "off", placeholder: "other", "aria-label": `${nameText(name)}, another number`, ...KEYS_STAY_HERE });
    this.life.listen(typed, "change", () => {
      const value = readNumber(typed.value);
      if (!Number.isNaN(value)) this.choose(name, value);
      this.show();
    });
    return typed;
  }

  choose(name, value) {
    this.model.set("chosen", { ...this.model.get("chosen"), [name]: value });
    this.model.save_changes();
  }

  show() {
    const chosen = this.model.get("chosen");
    const trouble = this.model.get("_trouble");
    const words = this.choices.map(([name]) => `${nameText(name)} = ${valueText(chosen[name])}`).join(", ");
    for (const { name, radios, typed } of this.groups) {
      for (const { value, input } of radios) input.checked = value === chosen[name];
      if (typed) typed.value = radios.some(({ input }) => input.checked) ? "" : valueText(chosen[name]);
    }
    this.trouble.hidden = !trouble;
    this.trouble.textContent = trouble;
    const found = this.model.get("_pictures").find(({ values }) => same(values, chosen));
    this.root.setAttribute("aria-busy", String(!found && !trouble));
    this.said.textContent = `${words}:`;
    if (!found) {
      if (!trouble) this.status.textContent = `Python computes ${words}.`;
      return;
    }
    if (found === this.found) return;
    this.found = found;
    this.shown.replaceChildren(...found.svgs.map((text, i) => drawing(text, i === 0 ? found.alt : "")));
    this.text.hidden = !found.text;
    this.text.textContent = found.text;
    this.status.textContent = `Shown: ${words}.`;
  }
}

/** An SVG, and for a narrow column each of its panels by itself. One without a text is decoration. */
function drawing(text, alt) {
  const whole = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const [width, height] = ["width", "height"].map((name) => parseFloat(whole.getAttribute(name)));
  if (!whole.getAttribute("viewBox")) whole.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const panels = (whole.dataset.hnnPanels ?? "").split("; ").filter(Boolean);
  const windows = panels.map((box) => {
    const part = whole.cloneNode(true);
    const [, , w, h] = box.split(" ");
    part.setAttribute("viewBox", box);
    part.setAttribute("width", `${w}pt`);
    part.setAttribute("height", `${h}pt`);
    part.classList.add("hnn-panel");
    return part;
  });
  if (windows.length) whole.classList.add("hnn-whole");
  for (const part of [whole, ...windows]) part.setAttribute("aria-hidden", "true");
  return element("div", alt ? { role: "img", "aria-label": alt } : {}, whole, ...windows);
}

function render({ model, el }) {
  const explorer = new ExplorerView(model, el);
  return () => explorer.life.end();
}

export default { render };
