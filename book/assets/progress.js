/* The page "Your progress": what the reader predicted. static-widgets.js keeps it, and is loaded first. */
(() => {
  "use strict";
  const answers = globalThis[Symbol.for("hnn-tutorial.predictions")];

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  /** The chapters by their names, as the side bar lists them: the pages of this page's folder. */
  function titles() {
    const links = [...document.querySelectorAll(".bd-sidebar-primary a.reference.internal")];
    const named = links.map((link) => [/^([\w-]+)\.html$/.exec(link.getAttribute("href"))?.[1], link]);
    return new Map(named.filter(([name]) => name));
  }

  /** How many predictions each chapter asks for; book/_ext/hnn_progress.py writes it into the page. */
  function asked() {
    const found = document.getElementById("hnn-progress-asked");
    return new Map(Object.entries(found ? JSON.parse(found.textContent) : {}));
  }

  const answered = (entries) => Object.values(entries).filter(({ right }) => typeof right === "boolean");
  const rightOf = (entries) => entries.filter(({ right }) => right).length;

  function row(chapter, entries, link, total) {
    const given = answered(entries);
    // What is kept may be of a question that the chapter does not ask any more.
    const all = Math.max(total, given.length);
    const name = link ? element("a", { href: link.href }, link.textContent.trim()) : chapter;
    const cells = [`${given.length} of ${all}`, given.length ? `${rightOf(given)}` : "–"];
    return element("tr", {}, element("td", {}, name), ...cells.map((text) => element("td", {}, text)));
  }

  function show(place) {
    const links = titles();
    const counts = asked();
    const kept = answers.chapters;
    // The chapters in the order of the book, and at the end what is kept of others.
    const named = [...links.keys()].filter((name) => counts.has(name) || kept[name]);
    const chapters = [...named, ...Object.keys(kept).filter((name) => !links.has(name))];
    const all = Object.values(kept).flatMap(answered);
    const columns = ["chapter", "answered", "right"];
    const head = element("tr", {}, ...columns.map((text) => element("th", { scope: "col" }, text)));
    const table = element(
      "table",
      { className: "table" },
      element("thead", {}, head),
      element("tbody", {}, ...chapters.map((name) => row(name, kept[name] ?? {}, links.get(name), counts.get(name) ?? 0)))
    );
    const open = element("input", { type: "checkbox", id: "hnn-progress-open", checked: answers.open });
    open.addEventListener("change", () => (answers.open = open.checked));
    const clear = element("button", { type: "button", className: "hnn-progress-clear" }, "Clear all of it");
    clear.addEventListener("click", () => {
      const what = all.length === 1 ? "your answer" : `all ${all.length} answers`;
      if (all.length && !confirm(`Clear ${what} from this browser? There is no way back.`)) return;
      answers.clear();
      show(place);
      place.focus();
    });
    place.tabIndex = -1;
    place.setAttribute("aria-live", "polite");
    place.replaceChildren(
      element("p", {}, all.length ? `You predicted ${rightOf(all)} of ${all.length}.` : "You have not answered any so far."),
      ...(chapters.length ? [table] : []),
      element("p", {}, open, " ", element("label", { htmlFor: open.id }, "Hold nothing back: show every result at once")),
      ...(Object.keys(kept).length ? [element("p", {}, clear)] : [])
    );
  }

  const begin = () => show(document.getElementById("hnn-progress"));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
