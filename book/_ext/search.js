// How Sphinx's search orders its results, what explains before what trains or lists, and what it
// shows of them. Only the search page loads this.
var Scorer = {
  score: ([page, , , , score]) => {
    if (page === "book/glossary") return score + 12;
    if (/^(exercises|solutions)\//.test(page)) return score - 20;
    if (/^(book\/reference\/|genindex|book\/(firmness|how_run|cite|bibliography))/.test(page))
      return score - 30;
    return score + 6;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

// --- formulas in excerpts: LaTeX source as plain text -------------------------------------------

const SYMBOLS = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", varepsilon: "ε", zeta: "ζ", eta: "η",
  theta: "θ", lambda: "λ", mu: "μ", nu: "ν", xi: "ξ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ",
  phi: "φ", varphi: "φ", chi: "χ", psi: "ψ", omega: "ω", Gamma: "Γ", Delta: "Δ", Theta: "Θ",
  Lambda: "Λ", Pi: "Π", Sigma: "Σ", Phi: "Φ", Psi: "Ψ", Omega: "Ω", partial: "∂", nabla: "∇",
  cdot: "·", times: "×", pm: "±", approx: "≈", propto: "∝", le: "≤", ge: "≥", ne: "≠", neq: "≠",
  to: "→", mapsto: "↦", int: "∫", oint: "∮", iint: "∬", sum: "∑", sqrt: "√", infty: "∞", top: "ᵀ",
  succeq: "⪰", circ: "∘", odot: "⊙", in: "∈", mid: "|", ll: "≪", gg: "≫", dots: "…", cdots: "…",
  quad: " ", qquad: " ",
};
const MARKS = { dot: "\u0307", ddot: "\u0308", hat: "\u0302", tilde: "\u0303", bar: "\u0304", overline: "\u0305" };
const RAISED = { 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹", "-": "⁻" };
const FUNCTIONS = /^(sin|cos|tan|arctan|sinh|cosh|tanh|exp|ln|log|det|max|min|mod)$/;

function plainFormula(tex) {
  // Braces that are shown wait as other signs while those of commands are read.
  let text = tex
    .replace(/\\([{}])/g, (_, brace) => (brace === "{" ? "\ue000" : "\ue001"))
    .replace(/\\[()[\]]|\\(begin|end)\{\w+\*?\}(\{[^{}]*\})?|\\(left|right|[bB]ig+[lr]?)(?![A-Za-z])\.?/g, "")
    .replace(/\\[,;:! ]|\\\\|&/g, " ")
    .replace(/\\tag\{[^{}]*\}/g, "");
  for (const [name, mark] of Object.entries(MARKS))
    text = text.replace(new RegExp(`\\\\${name}(?![A-Za-z])\\s*(?:\\{([^{}]*)\\}|(\\\\[A-Za-z]+|\\S))`, "g"),
      (_, inside, one) => (name === "overline" && inside?.length > 1 ? ` ⟨${inside}⟩` : ` ${(inside ?? one).trim()}${mark}`));
  for (let before = ""; before !== text;) {
    before = text;
    text = text
      .replace(/\\(?:text|math\w+|operatorname)\*?\{([^{}]*)\}/g, "$1")
      .replace(/\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d|\\[A-Za-z]+))\s*(?:\{([^{}]*)\}|(\d|\\[A-Za-z]+))/g,
        (_, a, b, c, d) => [a ?? b, c ?? d].map((part) => (/[-+]/.test(part) ? `(${part.trim()})` : part)).join("/"))
      .replace(/\\sqrt\{([^{}]*)\}/g, (_, inside) => (/^\w+$/.test(inside) ? `√${inside}` : `√(${inside})`))
      .replace(/\^(?:\{([-\d]+)\}|(\d))/g, (_, many, one) => [...(many ?? one)].map((sign) => RAISED[sign]).join(""))
      .replace(/[_^]\{([^{}]*)\}/g, (all, inside) => all[0] + inside);
  }
  return text
    .replace(/\\([A-Za-z]+)/g, (_, name) => SYMBOLS[name] ?? (FUNCTIONS.test(name) ? ` ${name} ` : ""))
    .replace(/[{}]/g, "")
    .replace(/[\ue000\ue001]/g, (sign) => (sign === "\ue000" ? "{" : "}"))
    .replace(/\\[|%_#]/g, (sign) => sign[1])
    .replace(/([∂∇Δ√] +)|(?<=\b(?:sin|cos|tan|exp|ln)) +(?=[⁰¹²³(])/g, (_, sign) => sign?.trim() ?? "")
    .replace(/\s+/g, " ")
    .trim();
}

const FURNITURE =
  ".headerlink, script, style, svg, .hnn-claim, .hnn-widget-place, .cell_input, .toctree-wrapper, " +
  ".prev-next-footer, summary, table.hnn-firmness, h1, h2, h3, .section-number, .hnn-strip";

/** What an excerpt is cut from: sentences of the article, with formulas as one would read them. */
Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const article = page.querySelector("article.bd-article");
  if (!article) return "";
  const part = (anchor && article.querySelector(anchor)) || article;
  for (const element of part.querySelectorAll(FURNITURE)) element.remove();
  for (const math of part.querySelectorAll(".math"))
    math.textContent = plainFormula(math.textContent);
  return part.textContent.replace(/\s+/g, " ").trim();
};
