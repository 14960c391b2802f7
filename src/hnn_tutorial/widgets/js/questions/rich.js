// Texts with marks, as Python's parse_markup gives them: trees of strings and [tag, children].
import { element } from "../shell/controls.js";

/** The nodes of a text; nothing is read as HTML. */
export function rich(tree) {
  return tree.map((part) => (typeof part === "string" ? part : element(part[0], {}, ...rich(part[1]))));
}

/** The letters of a text, without its marks. */
export function plain(tree) {
  return tree.map((part) => (typeof part === "string" ? part : plain(part[1]))).join("");
}
