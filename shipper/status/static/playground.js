// The playground: lines and a grammar in; fields, event, schema or the furthest match out.

import { get, post } from "./api.js";
import { el } from "./dom.js";
import { several } from "./format.js";
import { coloured, expectation, hue, json, refused, visible } from "./line.js";

const PAUSE_MS = 300;
const SAMPLE = '203.0.113.9 - - [23/Nov/2026:06:55:44 +0000] "GET /shop?item=17 HTTP/1.1" 200 612 "https://example.com/" "Mozilla/5.0"\n'
  + '{"time": "2026-11-23T06:55:45Z", "level": "warn", "message": "stock is low", "item": 17}';
const OWN = `name: my_grammar
title: what it is, in a line
schema: iglu:com.example/my_grammar/jsonschema/1-0-0
match:
  - '^%{IPORHOST:client_ip} %{WORD:method} %{NOTSPACE:path} %{INT:status}$'
fields:
  client_ip: {description: address of the client}
  method: {description: HTTP method}
  path: {description: path of the request, max_length: 2048}
  status: {type: integer, minimum: 100, maximum: 599, description: HTTP status}
`;

/** The playground in `section`. */
export class Playground {
  constructor(section) {
    this.names = el("datalist", { id: "grammar-names" });
    this.grammars = el("input", { id: "grammars", list: "grammar-names", value: "auto", spellcheck: "false", autocomplete: "off" });
    this.yaml = el("textarea", { class: "yaml", spellcheck: "false", "aria-label": "The grammar, as YAML" });
    this.records = el("textarea", { class: "records", spellcheck: "false", placeholder: "Paste lines of a log" });
    this.shape = choice("shape", [["lines", "each line is a record"], ["one", "all is one record"]]);
    this.by = choice("by", [["name", "of the library"], ["own", "of my own"]]);
    this.named = el("label", {}, el("span", { class: "muted small" }, "Names, with commas between them; auto finds the one that fits"), this.grammars);
    this.written = el("div", { hidden: true }, this.yaml);
    this.results = el("div", { class: "results", "aria-live": "polite" });
    section.append(
      el("div", { class: "head" }, el("h1", { id: "playground-title" }, "Playground"), el("p", { class: "muted" },
        "Try what a grammar makes of lines. Nothing is shipped, and nothing is kept.")),
      el("div", { class: "play" }, el("form", { class: "ask card", on: { submit: (event) => event.preventDefault() } },
        el("label", {}, el("span", {}, "Lines"), this.records), this.shape,
        this.by, this.named, this.written, this.names), this.results));
    for (const place of [this.records, this.grammars, this.yaml, this.shape]) {
      place.addEventListener("input", () => this.soon());
    }
    this.by.addEventListener("input", () => this.turn());
    this.asked = 0;
  }

  /** Begin: with the record of a dead letter, or with samples if nothing is there. */
  async open(letter) {
    if (!this.names.childElementCount) this.list();
    if (letter) await this.take(letter);
    else if (!this.records.value) this.records.value = SAMPLE;
    this.soon();
  }

  async list() {
    const names = await get("/api/grammars").catch(() => []);
    this.names.append(el("option", { value: "auto" }), ...names.map(({ name, family }) => el("option", { value: name }, family)));
  }

  async take(number) {
    try {
      const letter = await get(`/api/dead-letters/${number}`);
      this.records.value = letter.header === null ? letter.text : `${letter.header}\n${letter.text}`;
      this.grammars.value = letter.grammars.join(",") || "auto";
      const isOne = letter.header === null && letter.text.includes("\n");
      this.shape.querySelector(`[value=${isOne ? "one" : "lines"}]`).checked = true;
    } catch (refusal) {
      this.complain(refusal.message);
    }
  }

  /** Turn between a grammar of the library and one that is written here, which begins as that one. */
  async turn() {
    const own = this.isOwn();
    this.named.hidden = own;
    this.written.hidden = !own;
    const name = this.grammars.value.split(",")[0].trim();
    if (own && !this.yaml.value) {
      this.yaml.value = name === "auto" ? OWN : await get(`/api/grammars/${encodeURIComponent(name)}`).then((told) => told.yaml, () => OWN);
    }
    this.soon();
  }

  isOwn() { return this.by.querySelector(":checked").value === "own"; }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), PAUSE_MS);
  }

  async ask() {
    const number = this.asked += 1, text = this.records.value;
    const isOne = this.shape.querySelector(":checked").value === "one";
    const records = (isOne ? [text] : text.split(/\r?\n/)).filter((record) => record.trim());
    const names = this.grammars.value.split(",").map((name) => name.trim()).filter(Boolean);
    if (!records.length) return this.results.replaceChildren(el("div", { class: "card empty" }, "Paste a line, and see what becomes of it."));
    this.results.setAttribute("aria-busy", "true");
    if (!this.results.childElementCount) this.results.append(el("div", { class: "card empty" }, "Loading the grammars: the first time takes some seconds."));
    try {
      const told = await post("/api/parse", { records: records.slice(0, 200), grammars: names, yaml: this.isOwn() ? this.yaml.value : null });
      if (number === this.asked) this.show(told);
    } catch (refusal) {
      if (number === this.asked) this.complain(refusal.message);
    }
    if (number === this.asked) this.results.removeAttribute("aria-busy");
  }

  show({ problems, results, schemas }) {
    if (problems) return this.results.replaceChildren(problemCard(problems));
    this.results.replaceChildren(...results.map((result, at) => resultCard(result, schemas, at === 0 || results.length < 4)));
  }

  complain(text) { this.results.replaceChildren(el("div", { class: "card" }, el("p", { class: "why", role: "alert" }, text))); }
}

function choice(name, options) {
  return el("fieldset", {}, el("legend", {}, name === "by" ? "Grammar" : "Records"), options.map(([value, text], at) =>
    el("label", {}, el("input", { type: "radio", name, value, checked: !at }), text)));
}

function problemCard(problems) {
  return el("div", { class: "card", role: "alert" }, el("h2", {}, `The grammar has ${several(problems.length, "problem")}`),
    el("ul", { class: "problems" }, problems.map(({ where, key, what, remedy }) => el("li", {},
      el("code", {}, where.replace("your grammar", "line").replace("line:", "line ")), key ? [" ", el("b", {}, key)] : "",
      " ", visible(what), remedy ? el("span", { class: "muted" }, ` (${remedy})`) : ""))));
}

function resultCard(result, schemas, open) {
  const card = el("article", { class: "card result", "aria-label": "Result" });
  if (result.untried) card.append(refused({ text: result.record, stopped: null }), el("p", { class: "why" }, `Not tried: ${result.untried}.`));
  else if (result.error) card.append(...missed(result));
  else card.append(...taken(result, schemas, open));
  return card;
}

function missed({ record, error, reason, field }) {
  const stopped = Math.min(error.column - 1, Array.from(record).length);
  return [
    el("header", {}, el("span", { class: "badge bad" }, reason === "no_match" ? "no grammar takes it" : `${field}: ${reason}`)),
    refused({ text: record, stopped }), expectation(error.grammar, error.expected),
  ];
}

function taken({ record, grammar, time, fields, spans, event, filtered }, schemas, open) {
  const names = [...new Set([...spans.map((span) => span[2]), ...Object.keys(fields)])];
  const hues = new Map(names.map((name, at) => [name, hue(at)]));
  const line = coloured(record, spans, hues), rows = fieldTable(fields, spans, hues);
  linked(line, rows);
  const no = filtered ? "the grammar leaves it out" : event.none;
  return [
    el("header", {}, el("b", {}, grammar), time ? el("time", { class: "muted" }, time) : el("span", { class: "muted" }, "no time of its own"),
      no ? el("span", { class: "badge warn" }, `no event: ${no}`) : el("span", { class: "badge ok" }, "event")),
    line, el("details", { open }, el("summary", {}, several(Object.keys(fields).length, "field")), rows),
    no ? null : el("details", {}, el("summary", {}, "Snowplow event"), json(event)),
    schemas[grammar] ? el("details", {}, el("summary", {}, "Schema"), json(schemas[grammar])) : null,
  ].filter(Boolean);
}

function fieldTable(fields, spans, hues) {
  const shown = new Set(spans.map((span) => span[2]));
  return el("table", {}, el("tbody", {}, Object.entries(fields).map(([name, value]) => el("tr", { data: { field: name } },
    el("td", { class: "name" }, el("span", { class: shown.has(name) ? "swatch" : "swatch none", vars: { hue: hues.get(name) } }), name),
    el("td", { class: "value" }, visible(typeof value === "string" ? value : JSON.stringify(value)))))));
}

/** Light up the field in the line and its row together. */
function linked(line, rows) {
  for (const place of [line, rows]) {
    const light = (event, lit) => {
      const field = event.target.closest("[data-field]")?.dataset.field;
      for (const each of [...line.children, ...rows.querySelectorAll("tr")]) {
        each.classList.toggle("lit", lit && field !== undefined && each.dataset.field === field);
      }
    };
    place.addEventListener("pointerover", (event) => light(event, true));
    place.addEventListener("pointerout", (event) => light(event, false));
  }
}
