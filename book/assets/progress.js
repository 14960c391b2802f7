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

  function row(chapter, entries, link) {
    const given = Object.values(entries).filter(({ right }) => typeof right === "boolean");
    const right = given.filter((entry) => entry.right).length;
    const name = link ? element("a", { href: link.href }, link.textContent.trim()) : chapter;
    const said = given.length ? `${right} of ${given.length} right` : "read on without an answer";
    return element("tr", {}, element("td", {}, name), element("td", {}, said));
  }

  function show(place) {
    const links = titles();
    const order = [...links.keys()];
    const chapters = Object.entries(answers.chapters).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
    const all = chapters.flatMap(([, entries]) => Object.values(entries)).filter(({ right }) => typeof right === "boolean");
    const right = all.filter((entry) => entry.right).length;
    const head = element("tr", {}, element("th", { scope: "col" }, "chapter"), element("th", { scope: "col" }, "your predictions"));
    const table = element(
      "table",
      { className: "table" },
      element("thead", {}, head),
      element("tbody", {}, ...chapters.map(([name, entries]) => row(name, entries, links.get(name))))
    );
    const open = element("input", { type: "checkbox", id: "hnn-progress-open", checked: answers.open });
    open.addEventListener("change", () => (answers.open = open.checked));
    const clear = element("button", { type: "button", className: "hnn-progress-clear" }, "Clear all of it");
    clear.addEventListener("click", () => {
      answers.clear();
      show(place);
      place.focus();
    });
    place.tabIndex = -1;
    place.setAttribute("aria-live", "polite");
    place.replaceChildren(
      element("p", {}, all.length ? `You predicted ${right} of ${all.length}.` : "Nothing is kept so far."),
      ...(chapters.length ? [table] : []),
      element("p", {}, open, " ", element("label", { htmlFor: open.id }, "Hold nothing back: show every result at once")),
      ...(chapters.length ? [element("p", {}, clear)] : [])
    );
  }

  const begin = () => show(document.getElementById("hnn-progress"));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
