// The ledger: what came in is what became of it, or it says what is missing.

import { el } from "./dom.js";
import { count } from "./format.js";

const IN = [["made", "made of records"], ["received", "from trackers"], ["replayed", "replayed records"]];
const OUT = [["delivered", "delivered"], ["queued", "waiting"], ["refused", "refused, kept"], ["dropped", "dropped"],
  ["discarded", "discarded"], ["forgotten", "lost with the state"]];

/** Return the books of an overview as a sum with two sides. */
export function ledger(books) {
  const badge = books.adds_up ? el("span", { class: "badge ok" }, "adds up")
    : el("span", { class: "badge bad" }, "does not add up");
  return [
    el("div", { class: "spread" }, el("h2", {}, "Ledger of events"), badge),
    el("div", { class: "sum" }, side(IN, books), el("span", { class: "equals" }, books.adds_up ? "=" : "≠"), side(OUT, books)),
    books.faults.length ? el("ul", { class: "faults" }, books.faults.map((fault) => el("li", {}, fault))) : null,
  ];
}

function side(parts, books) {
  const shown = parts.filter(([key], at) => !at || books[key]);
  const sum = parts.reduce((all, [key]) => all + books[key], 0);
  return el("dl", {}, shown.map(([key, name]) => [el("dt", {}, name), el("dd", {}, count(books[key]))]),
    el("dt", { class: "total" }, "together"), el("dd", { class: "total" }, count(sum)));
}
