/* What the book adds to its theme in the browser. */
(() => {
  "use strict";
  // Paper is white: a page is printed in the light theme, whichever the reader has chosen.
  const root = document.documentElement;
  let chosen;
  addEventListener("beforeprint", () => {
    chosen = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = chosen;
  });

  // --- search ------------------------------------------------------------------------------------

  // The search reads the pages that it found for their summaries, which a browser forbids in a
  // folder without a server: there, it lists their titles.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // --- previews ----------------------------------------------------------------------------------

  // A link to the glossary or the bibliography shows what stands there while the pointer or the
  // focus is on it. All of it is one script of the book (hnn_reading.py), loaded when first needed.
  const LINKS = 'a[href*="glossary.html#"], a[href*="bibliography.html#"]';
  const HERE = document.currentScript.src.replace(/[^/]*$/, "");
  let card, owner, timer, loading;

  const load = () =>
    (loading ??= new Promise((done) => {
      const script = document.createElement("script");
      script.onload = () => done(globalThis.hnnPreviews);
      script.src = `${HERE}previews.js`;
      document.head.append(script);
    }));

  const hide = () => {
    clearTimeout(timer);
    owner?.removeAttribute("aria-describedby");
    card?.remove();
    card = owner = undefined;
  };

  const show = async (link) => {
    const previews = await load();
    const key = link.getAttribute("href").replace(/^.*\//, "");
    const text = previews[key];
    if (!text || !(link.matches(":hover") || link === document.activeElement)) return;
    hide();
    owner = link;
    card = document.createElement("div");
    card.className = "hnn-preview";
    card.id = "hnn-preview";
    card.setAttribute("role", "tooltip");
    card.append(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
    link.setAttribute("aria-describedby", card.id);
    document.body.append(card);
    if (card.querySelector(".math") && globalThis.MathJax?.typesetPromise)
      await MathJax.typesetPromise([card]).catch(() => {});
    if (card) place(link);
  };

  /** Above the link, or below it where there is no room; inside the window. */
  const place = (link) => {
    const line = link.getClientRects()[0];
    const { width, height } = card.getBoundingClientRect();
    const left = Math.max(8, Math.min(line.left, innerWidth - width - 8));
    const above = line.top - height - 6;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(above > 60 ? above : line.bottom + 6) + scrollY}px`;
    card.dataset.placed = "";
  };

  const soon = (work, delay) => {
    clearTimeout(timer);
    timer = setTimeout(work, delay);
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const link = event.target.closest?.(LINKS);
    if (link && link !== owner) soon(() => show(link), 180);
    else if (link || event.target.closest?.(".hnn-preview")) clearTimeout(timer);
    else soon(hide, 200);
  });
  document.addEventListener("focusin", (event) => {
    const link = event.target.closest?.(LINKS);
    if (link?.matches(":focus-visible")) show(link);
    else if (owner) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });

  // --- what scrolls sideways ---------------------------------------------------------------------

  // A long formula, table or figure says at its edge that there is more of it.
  const WIDE =
    "article div.math, article .hnn-figure, article pre, article table.hnn-result, " +
    "article .pst-scrollable-table-container";
  const mark = (element) => {
    const rest = element.scrollWidth - element.clientWidth;
    const more = rest > 1 && element.scrollLeft < rest - 1;
    element.classList.toggle("hnn-fade-end", more);
    element.classList.toggle("hnn-fade-start", rest > 1 && element.scrollLeft > 1);
  };
  document.addEventListener("DOMContentLoaded", () => {
    const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
    const watch = (element) => {
      sizes.observe(element);
      element.addEventListener("scroll", () => mark(element), { passive: true });
    };
    for (const element of document.querySelectorAll(WIDE)) {
      watch(element);
      for (const child of element.children) sizes.observe(child);
    }
    // A formula within a line that is longer than a phone is wide scrolls too, once it is drawn.
    addEventListener("load", async () => {
      await globalThis.MathJax?.startup?.promise;
      for (const formula of document.querySelectorAll("article span.math > mjx-container")) {
        const block = formula.closest("p, li, dd, td, figcaption");
        if (!block || formula.getBoundingClientRect().width <= block.clientWidth) continue;
        formula.classList.add("hnn-long");
        watch(formula);
      }
    });
  });
})();
