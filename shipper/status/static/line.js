// A line of a log: with what was understood of it, or with its fields in colours.

import { el } from "./dom.js";

const HUES = [205, 35, 140, 330, 265, 95, 15, 180, 55, 300];
// Characters that would not be seen, or would turn the direction of what follows.
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/u;

/** Return the hue of a field: of those of one record, no two next to each other have the same. */
export const hue = (at) => HUES[at % HUES.length];

/** Return the pieces of a text, each unseen character shown by its number. */
export function visible(text) {
  return text.split(new RegExp(`(${UNSEEN.source})`, "u")).map((piece) => (UNSEEN.test(piece)
    ? el("span", { class: "control" }, piece === "\t" ? "\t" : `\\u${piece.codePointAt(0).toString(16).padStart(4, "0")}`)
    : piece));
}

/** Return a line that was refused: up to character `stopped` it was understood. */
export function refused({ text, stopped, cut_before: before, cut_after: after }) {
  const characters = Array.from(text);
  const cut = el("span", { class: "cut" }, "…");
  if (stopped === null) return el("code", { class: "line whole" }, before && cut, visible(text), after && cut.cloneNode(true));
  return el("code", { class: "line" }, before && cut,
    el("span", { class: "understood" }, visible(characters.slice(0, stopped).join(""))),
    el("span", { class: "stop", title: "up to here it was understood" }, visible(characters.slice(stopped, stopped + 1).join(""))),
    visible(characters.slice(stopped + 1).join("")), after && cut.cloneNode(true));
}

/** Return a line with its fields in colours: `spans` are [start, end, field], counted in characters. */
export function coloured(text, spans, hues) {
  const characters = Array.from(text), pieces = [];
  let position = 0;
  for (const [start, end, field] of [...spans].sort((one, two) => one[0] - two[0] || two[1] - one[1])) {
    if (start < position) continue;  // it stands in another
    pieces.push(visible(characters.slice(position, start).join("")), el("span", {
      class: "field", title: field, data: { field }, vars: { hue: hues.get(field) ?? 0 },
    }, visible(characters.slice(start, end).join(""))));
    position = end;
  }
  return el("code", { class: "line whole" }, pieces, visible(characters.slice(position).join("")));
}

/** Return the sentence on what was expected where a line was refused. */
export function expectation(grammar, expected) {
  return el("p", { class: "why" }, grammar ? [el("b", {}, grammar), " got furthest; "] : "", "it expected ",
    el("code", {}, visible(expected)), " here.");
}

const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*/g;

/** Return a value as JSON, its names and texts in colours. */
export function json(value) {
  const text = JSON.stringify(value, null, 2), pieces = [];
  let position = 0;
  for (const found of text.matchAll(TOKENS)) {
    const kind = found[1] ? (found[2] ? "key-name" : "text") : "literal";
    const word = found[1] ?? found[0];
    pieces.push(visible(text.slice(position, found.index)), el("span", { class: kind }, visible(word)));
    position = found.index + word.length;
  }
  return el("pre", { class: "json", tabindex: "0" }, pieces, text.slice(position));
}
