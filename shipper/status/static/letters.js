// Dead letters: by reason, each with its line, the place where grammars stopped, and what can be done.

import { act, get } from "./api.js";
import { el, toast } from "./dom.js";
import { ago, count, moment, several } from "./format.js";
import { expectation, json, refused } from "./line.js";
import { confirm } from "./token.js";

const REASONS = {
  no_match: "no grammar took the record", bad_value: "a value can't be used", bad_time: "the time can't be read",
  timeout: "a grammar took too long", oversize: "the line is too long", gap: "bytes were gone before they were read",
  rejected: "the collector refused the event", suspect: "the collector failed over the event",
  bad_event: "it is no event", grammar_error: "a grammar failed over it", too_deep: "it is nested too deep",
  too_large: "no request can hold the event", damaged: "it could not be read in the queue",
};

/** The dead letters in `section`. */
export class Letters {
  constructor(section) {
    this.groups = el("div", { class: "chips", role: "group", "aria-label": "Reasons" });
    this.bulk = el("div", { class: "buttons" });
    this.list = el("div", { "aria-live": "off" });
    this.newer = el("button", { type: "button", class: "soft", hidden: true, on: { click: () => this.load() } }, "Show those that came since");
    this.chosen = null;  // a group, or null for all
    this.loaded = 0;  // how many there were when the list was loaded
    this.known = "";
    this.at = Date.now() / 1000;
    section.append(
      el("div", { class: "head" }, el("h1", { id: "letters-title" }, "Dead letters"), el("p", { class: "muted" },
        "Records that gave no event, and events that the collector refused. They are kept until someone acts.")),
      el("div", { class: "spread" }, this.groups, this.bulk), this.newer, this.list);
  }

  /** Show the groups of an overview; the list is loaded anew when they have changed. */
  async show(now) {
    this.at = now.at;
    const known = JSON.stringify(now.dead_letters);
    if (known === this.known) return;
    const isFirst = !this.known;
    this.known = known;
    this.all = now.dead_letters;
    if (this.chosen && !this.all.some((group) => same(group, this.chosen))) this.chosen = null;
    this.drawGroups();
    if (isFirst || !this.list.querySelector(".letter") || !this.all.length) await this.load();
    this.newer.hidden = this.sum() <= this.loaded;
  }

  /** Return how many there are of what is chosen. */
  sum() {
    const chosen = this.all.filter((group) => !this.chosen || same(group, this.chosen));
    return chosen.reduce((sum, group) => sum + group.count, 0);
  }

  drawGroups() {
    const letters = this.all.reduce((sum, group) => sum + group.count, 0);  // of all, whatever is chosen
    const chip = (group, name, number) => el("button", {
      type: "button", "aria-pressed": String(group ? Boolean(this.chosen && same(group, this.chosen)) : !this.chosen),
      title: group ? REASONS[group.reason] : undefined,
      on: { click: () => { this.chosen = group; this.drawGroups(); this.load(); } },
    }, el("span", {}, name), el("b", {}, count(number)));
    const focused = [...this.groups.children].indexOf(document.activeElement);
    this.groups.replaceChildren(...(letters ? [chip(null, "All", letters)] : []),
      ...this.all.map((group) => chip(group, `${group.source}: ${group.reason}`, group.count)));
    this.groups.children[focused]?.focus();
    const number = this.chosen?.count ?? 0;
    this.bulk.replaceChildren(...(this.chosen ? [
      el("button", { type: "button", class: "soft", on: { click: () => this.replayAll() } }, `Replay all ${count(number)}`),
      el("button", { type: "button", class: "danger", on: { click: () => this.discardAll() } }, `Discard all ${count(number)}`),
    ] : []));
  }

  async load(before) {
    const asked = new URLSearchParams(this.chosen ? { source: this.chosen.source, reason: this.chosen.reason } : {});
    if (before) asked.set("before", before);
    const told = await attempt(() => get(`/api/dead-letters?${asked}`));
    if (!told) return;
    this.token = told.token;
    if (!before) {
      this.list.replaceChildren();
      this.loaded = this.sum();
      this.newer.hidden = true;
    }
    this.list.querySelector(".more")?.remove();
    this.list.append(...told.letters.map((letter) => this.card(letter)));
    if (told.more) this.list.append(this.moreButton(told.letters.at(-1).id));
    if (!this.list.childElementCount) this.list.append(el("div", { class: "card empty" }, "None. Every record became an event, and every event was taken."));
  }

  moreButton(before) {
    const more = el("button", { type: "button", on: { click: () => this.load(before) } }, "Show older ones");
    return el("div", { class: "more" }, more);
  }

  card(letter) {
    const place = letter.path ? `${letter.path}, byte ${count(letter.offset)}` : "";
    const button = (name, kind, click) => el("button", { type: "button", class: kind, on: { click } }, name);
    const can = letter.reason !== "gap";
    const card = el("article", { class: "card letter", data: { letter: letter.id }, "aria-label": `Dead letter ${letter.id}` },
      el("header", {}, el("span", { class: "badge bad", title: REASONS[letter.reason] }, letter.reason),
        el("b", {}, letter.source), el("span", { class: "mono muted place" }, place),
        el("time", { class: "muted small", title: moment(letter.created_ms) }, ago(letter.created_ms, this.at * 1000)),
        letter.attempts > 1 ? el("span", { class: "muted small" }, `tried ${several(letter.attempts, "time")}`) : null),
      letter.is_event ? event(letter) : letter.text ? refused(letter) : null,
      letter.expected !== null ? expectation(letter.grammar, letter.expected) : el("p", { class: "why" }, letter.detail),
      el("footer", {}, can ? button("Replay", "soft", () => this.one(card, letter, "replay")) : null,
        letter.is_event || !letter.text ? null : el("a", { class: "button", href: `#/playground/letter/${letter.id}` }, "Open in the playground"),
        button("Discard", "danger", () => this.one(card, letter, "discard"))));
    return card;
  }

  async one(card, letter, what) {
    if (what === "discard" && !await confirm("Discard this dead letter?", "It is deleted for good.", "Discard")) return;
    card.setAttribute("aria-busy", "true");
    const done = await attempt(() => act(`/api/dead-letters/${what}`, { ids: [letter.id] }, this.token));
    card.removeAttribute("aria-busy");
    if (!done) return;
    toast(what === "discard" ? "Discarded." : outcome(done));
    if (done.queued || done.discarded) this.remove(card);
    else if (done.failed) await this.renew(card, letter.id);
  }

  remove(card) {
    this.loaded -= 1;
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    next?.querySelector("button")?.focus();
    if (!this.list.querySelector(".letter")) this.load();
  }

  async renew(card, id) {
    const fresh = await attempt(() => get(`/api/dead-letters/${id}`));
    if (fresh) card.replaceWith(this.card(fresh));
  }

  async replayAll() {
    const sum = { queued: 0, failed: 0 };
    await this.walk("replay", (done) => { sum.queued += done.queued; sum.failed += done.failed; toast(outcome(sum)); });
  }

  async discardAll() {
    const { source, reason, count: number } = this.chosen;
    const text = `All ${count(number)} of ${source} with reason ${reason} are deleted for good.`;
    if (!await confirm("Discard them all?", text, "Discard all")) return;
    let gone = 0;
    await this.walk("discard", (done) => { gone += done.discarded; toast(`${count(gone)} discarded.`); });
  }

  /** Act on the chosen group, step by step. */
  async walk(what, heed) {
    const { source, reason } = this.chosen, before = Math.floor(this.at * 1000) + 1;
    for (let after = 0; after !== null;) {
      const asked = { source, reason, before_ms: before, after };
      const done = await attempt(() => act(`/api/dead-letters/${what}`, asked, this.token));
      if (!done) break;
      heed(done);
      after = done.next;
    }
    await this.load();
  }
}

const same = (one, two) => one.source === two.source && one.reason === two.reason;

const outcome = ({ queued, failed }) => (failed
  ? `${count(queued)} back in the queue, ${count(failed)} failed again.` : `${count(queued)} back in the queue.`);

async function attempt(what) {
  try {
    return await what();
  } catch (refusal) {
    toast(refusal.message);
    return null;
  }
}

/** Return the event of a letter, with the JSON that stands in its texts opened. */
function event(letter) {
  try {
    const members = JSON.parse(letter.text);
    for (const key of ["ue_pr", "co"]) {
      if (key in members) members[key] = JSON.parse(members[key]);
    }
    return el("details", {}, el("summary", {}, "The event"), json(members));
  } catch {
    return refused(letter);  // it is cut, or damaged
  }
}
