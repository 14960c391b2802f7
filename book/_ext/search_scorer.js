// How Sphinx's search orders its results: what explains comes before what trains or lists.
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
