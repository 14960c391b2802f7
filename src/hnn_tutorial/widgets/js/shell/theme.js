// Light or dark, by the page that the lab stands in, and the colours that go with it.
import { PALETTE } from "../palette.js";

// The lab's own card. The roles' colours come from the palette, which the figures share.
const CARD = {
  light: { surface: "#ffffff", ink: "#1f2328", muted: "#59636e", line: "#d1d9e0", faint: "#e6eaef" },
  dark: { surface: "#1b1d21", ink: "#e8eaed", muted: "#a8b0b9", line: "#3f454d", faint: "#2d3138" },
};

/** The page's theme: the marks of the Sphinx theme, JupyterLab, Colab and VS Code, else the system's. */
export function pageTheme() {
  const marks = [
    document.documentElement.dataset.theme,
    { true: "light", false: "dark" }[document.body.dataset.jpThemeLight],
    document.documentElement.getAttribute("theme"),
    document.body.dataset.vscodeThemeKind?.replace("vscode-", ""),
  ];
  const marked = marks.find((mark) => mark === "light" || mark === "dark");
  return marked ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function looks(table, theme) {
  const entries = Object.entries(table).map(([name, { [theme]: color, dash, width, order }]) => [name, { color, dash, width, order }]);
  return Object.fromEntries(entries);
}

/** Colours of a theme: the card's; `roles` and `methodKinds` with `color`, `dash`, `width`, `order`. */
export function themeColors(theme) {
  return { ...CARD[theme], roles: looks(PALETTE.roles, theme), methodKinds: looks(PALETTE.methodKinds, theme) };
}

/** Keep `element` in the page's theme; `changed(colors)` is called now and at every switch. */
export function followTheme(element, life, changed) {
  let current = null;
  const update = () => {
    const theme = pageTheme();
    if (theme === current) return;
    current = theme;
    const colors = themeColors(theme);
    element.dataset.hnnTheme = theme;
    for (const name of Object.keys(CARD.light)) element.style.setProperty(`--hnn-${name}`, colors[name]);
    for (const [name, role] of Object.entries(colors.roles)) {
      element.style.setProperty(`--hnn-role-${name.replace(" ", "-")}`, role.color);
    }
    for (const [name, kind] of Object.entries(colors.methodKinds)) {
      element.style.setProperty(`--hnn-method-${name}`, kind.color);
    }
    changed(colors);
  };
  const observer = new MutationObserver(update);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme", "theme"] });
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  life.onEnd(() => observer.disconnect());
  life.listen(matchMedia("(prefers-color-scheme: dark)"), "change", update);
  update();
}
