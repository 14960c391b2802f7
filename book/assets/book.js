/* Small repairs of the theme in the browser. */
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

  // The search reads the pages that it found for their summaries, which a browser forbids in a
  // folder without a server: there, it lists their titles.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
})();
