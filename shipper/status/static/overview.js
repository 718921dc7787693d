// The overview: the verdict, the figures, the last hour, files, sources, requests and the ledger.

import { chart } from "./charts.js";
import { draw, el, NONE, table } from "./dom.js";
import { bytes, count, rate, several, span } from "./format.js";
import { ledger } from "./ledger.js";
import { LOST, verdict } from "./verdict.js";

const SIGNS = { ok: "✓", warn: "…", bad: "!" };
const REQUESTS = [["delivered", "ok"], ["unavailable", "warn"], ["misconfigured", "bad"], ["rejected", "bad"]];
const SPEED_S = 10;
const FEW_FILES = 10;  // the others are folded away
const SELDOM = 5;  // columns of sources from here on are shown where they are not all 0
const total = (counts) => Object.values(counts).reduce((sum, each) => sum + each, 0);

/** How fast something grows that is counted now and then: a second, over about the last ten. */
class Speed {
  seen = [];

  of(at, number) {
    if (this.seen.at(-1)?.number > number) this.seen = [];  // another shipper, or another state
    if (this.seen.at(-1)?.at !== at) this.seen.push({ at, number });
    while (this.seen.length > 2 && this.seen[1].at < at - SPEED_S) this.seen.shift();
    const [first] = this.seen, passed = at - first.at;
    return passed > 0 ? (number - first.number) / passed : null;
  }
}

/** The overview in `section`. */
export class Overview {
  speed = new Speed();

  constructor(section) {
    const part = (name, kind) => el("div", { class: kind, data: { part: name } });
    this.parts = {
      verdict: part("verdict", "card verdict"), tiles: part("tiles", "tiles"), charts: part("charts", "charts"),
      files: part("files", "card wide"), sources: part("sources", "card wide"),
      requests: part("requests", "card"), ledger: part("ledger", "card"),
    };
    const { verdict, tiles, charts, files, sources, requests, ledger } = this.parts;
    this.files = new Files(files);
    section.append(verdict, tiles, charts, files, sources, el("div", { class: "halves" }, requests, ledger));
  }

  /** Return the verdict of an overview, the last one if the line is lost. Is asked for each. */
  judge(now, hour, isLost) {
    this.pace = this.speed.of(now.at, total(now.delivered)) ?? noted(now.at, hour);
    this.said = isLost ? LOST : verdict(now, this.pace);
    return this.said;
  }

  /** Show an overview that was judged, and the last hour. */
  show(now, hour) {
    const { said } = this;
    this.parts.verdict.dataset.level = said.level;
    draw(this.parts.verdict, said, ({ level, title, text }) => [
      el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[level]),
      el("div", {}, el("h1", { id: "verdict-title" }, title), el("p", {}, text)),
    ]);
    draw(this.parts.tiles, tiles(now, this.pace), (all) => all.map(tile));
    this.files.show(now);
    draw(this.parts.sources, sources(now), sourceTable);
    draw(this.parts.requests, now.requests, () => requests(now));
    draw(this.parts.ledger, now.books, ledger);
    this.showHour(now.at, hour);
  }

  /** Draw the charts of the last hour. */
  showHour(at, hour) {
    const width = Math.max(240, Math.round(this.parts.charts.clientWidth / (innerWidth > 900 ? 2 : 1)) - 52);
    draw(this.parts.charts, [width, hour.points.at(-1)?.at, Math.floor(at / 10)], () => charts(at, hour, width));
  }
}

/** Return how fast delivery was noted to go just before, if it was. */
function noted(at, hour) {
  const last = hour.points.at(-1);
  return last?.lasted_ms && at - last.at < 2 * hour.step ? last.events_delivered * 1000 / last.lasted_ms : null;
}

function tiles(now, speed) {
  const letters = now.dead_letters.reduce((sum, group) => sum + group.count, 0);
  return [
    ["Delivered", speed === null ? NONE : rate(speed), "events/s", `${count(total(now.delivered))} in all`],
    ["Behind", ...bytes(now.unread_bytes).split(" "), behind(now)],
    ["Queue", count(now.queued_events), now.queued_events === 1 ? "event" : "events", waiting(now)],
    ["Dead letters", count(letters), "", letters ? reasons(now.dead_letters) : "none: every record became an event"],
  ];
}

function behind(now) {
  if (!now.unread_bytes) return "all files are read to their ends";
  const where = now.files_behind ? `in ${several(now.files_behind, "file")}` : "";
  return now.eta_seconds === null ? where : `${where}, about ${span(now.eta_seconds)} left`.replace(/^, /, "");
}

function waiting(now) {
  if (!now.queued_events) return "nothing waits";
  return `the oldest for ${span(now.oldest_seconds ?? 0)}, ${bytes(now.queued_bytes)} on disk`;
}

function reasons(groups) {
  const sums = new Map();
  for (const { reason, count: number } of groups) sums.set(reason, (sums.get(reason) ?? 0) + number);
  return [...sums].slice(0, 3).map(([reason, number]) => `${count(number)} ${reason}`).join(", ");
}

function tile([title, value, unit, text]) {
  return el("div", { class: "card tile" }, el("h2", {}, title),
    el("div", { class: "value" }, value, " ", el("small", {}, unit)), el("p", {}, text));
}

function charts(now, hour, width) {
  const gap = hour.step * 3.5, flow = (name) => hour.points.map((point) => (
    { at: point.at, value: point.lasted_ms ? point[name] * 1000 / point.lasted_ms : 0 }));
  const level = (name) => hour.points.map((point) => ({ at: point.at, value: point[name] ?? 0 }));
  const made = hour.points.map((point) => ({
    at: point.at,
    value: point.lasted_ms ? (point.events_made + point.events_received) * 1000 / point.lasted_ms : 0,
  }));
  const card = (title, curves, show) => el("div", { class: "card" }, el("h2", {}, title),
    hour.points.length ? chart({ curves, now, gap, show, title, width })
      : el("p", { class: "empty" }, "The first point comes within ten seconds."));
  return [
    card("Events a second", [{ name: "delivered", points: flow("events_delivered") }, { name: "read or received", points: made }], rate),
    card("Bytes yet to be read", [{ name: "behind", points: level("lag_bytes") }], bytes),
  ];
}

/** The files in `place`: first those that are furthest behind, the others when they are asked for. */
class Files {
  constructor(place) {
    this.first = el("div");
    this.rest = el("div");
    this.summary = el("summary");
    this.more = el("details", { hidden: true, on: { toggle: () => this.now && this.show(this.now) } }, this.summary, this.rest);
    place.append(this.first, this.more);
  }

  show(now) {
    this.now = now;
    const few = now.files.slice(0, FEW_FILES), others = now.files.slice(FEW_FILES);
    draw(this.first, [few, now.files_total], () => [filesTitle(now), few.length ? fileTable(few)
      : el("p", { class: "empty" }, "No file is open. They are met as soon as their paths match.")]);
    this.more.hidden = !others.length;
    draw(this.summary, others.map((file) => Boolean(file.unread)), () => [othersTitle(others)]);
    if (this.more.open) draw(this.rest, others, () => fileTable(others));
  }
}

function filesTitle(now) {
  return el("div", { class: "spread" }, el("h2", {}, "Files"), el("span", { class: "muted small" },
    now.files_total > now.files.length ? `the ${count(now.files.length)} furthest behind, of ${count(now.files_total)}`
      : several(now.files_total, "file")));
}

function othersTitle(others) {
  const late = others.filter((file) => file.unread).length;
  return `${several(others.length, "more file")}, ${late ? `${count(late)} of them behind` : "all read to their ends"}`;
}

function fileTable(files) {
  const columns = [["File", "path"], ["Source", ""], ["Size", "number"], ["Unread", "number"], ["Behind for", "number"], ["Left", "number"]];
  const rows = files.map((file) => [
    [el("span", { class: "mono" }, file.path), file.unread ? el("span", { class: "meter", "aria-hidden": "true" },
      el("span", { vars: { part: file.size ? file.offset / file.size : 1 } })) : null],
    file.source, bytes(file.size), file.unread ? bytes(file.unread) : NONE,
    file.unread ? span(file.behind_seconds) : NONE,
    file.unread ? (file.eta_seconds === null ? "unknown" : span(file.eta_seconds)) : NONE,
  ]);
  return table(columns, rows);
}

/** Return a row of counts for each source: of its ledger, and of what became of its events. */
function sources(now) {
  const names = new Set([now.ledgers, now.received, now.delivered].flatMap(Object.keys));
  return [...names].sort().map((name) => {
    const book = now.ledgers[name] ?? {};
    const made = (book.events ?? 0) + (now.received[name] ?? 0);
    return [name, book.lines_read ?? 0, made, now.delivered[name] ?? 0, book.lines_rejected ?? 0,
      book.lines_filtered ?? 0, now.refused[name] ?? 0, now.dropped[name] ?? 0, book.bytes_lost ?? 0];
  });
}

function sourceTable(rows) {
  const title = el("h2", {}, "Sources");
  if (!rows.length) return [title, el("p", { class: "empty" }, "Nothing was read or received yet.")];
  const names = ["Source", "Lines read", "Events", "Delivered", "Dead letters", "Filtered", "Refused", "Dropped", "Bytes lost"];
  const kept = names.map((_, at) => at).filter((at) => at < SELDOM || rows.some((row) => row[at]));
  const columns = kept.map((at) => [names[at], at ? "number" : "name-of"]);
  const cell = (row, at) => {
    if (!at) return row[0];
    return at > SELDOM && row[at] ? el("span", { class: "badge bad" }, count(row[at])) : count(row[at]);
  };
  return [title, table(columns, rows.map((row) => kept.map((at) => cell(row, at))))];
}

function requests(now) {
  const sent = total(now.requests);
  const title = el("div", { class: "spread" }, el("h2", {}, "Requests to the collector"),
    el("span", { class: "muted small" }, now.collectors.join(", ")));
  if (!sent) return [title, el("p", { class: "empty" }, "None was answered yet.")];
  const bars = REQUESTS.filter(([name]) => now.requests[name] || name === "delivered").map(([name, level]) => {
    const number = now.requests[name] ?? 0;
    return el("div", { class: `bar ${level}` }, name, el("div", { class: "track" }, number
      ? el("span", { vars: { part: number / sent } }) : null), el("span", { class: "number" }, count(number)));
  });
  const mean = now.request_seconds / sent;
  const text = `${bytes(now.request_bytes / sent)} a request, answered in ${mean < 1 ? `${Math.round(mean * 1000)} ms` : span(mean)} on average`;
  return [title, el("div", { class: "bars" }, bars), el("p", { class: "muted small" }, text)];
}
