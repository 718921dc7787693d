// Begins: which view is shown, and what goes to it.

import { Hour, listen } from "./feed.js";
import { Letters } from "./letters.js";
import { Overview } from "./overview.js";
import { Playground } from "./playground.js";

const HOUR_EVERY_MS = 10000;
const place = (id) => document.getElementById(id);
const overview = new Overview(place("overview"));
const letters = new Letters(place("letters"));
const playground = new Playground(place("playground"));
const hour = new Hour();
const TITLES = { overview: "Overview", letters: "Dead letters", playground: "Playground" };
const SIGNS = { ok: "", warn: "(…) ", bad: "(!) " };
let now = null, isLost = false;

function view() {
  const [name, kind, number] = location.hash.replace(/^#\/?/, "").split("/");
  if (name === "dead-letters") return ["letters"];
  return name === "playground" ? ["playground", kind === "letter" ? number : undefined] : ["overview"];
}

function route(event) {
  const [shown, letter] = view();
  for (const name of Object.keys(TITLES)) place(name).hidden = name !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.getAttribute("href").slice(2).split("/")[0] === (shown === "letters" ? "dead-letters" : shown === "overview" ? "" : shown);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown === "playground") playground.open(letter);
  show();
  if (event) place("main").focus({ preventScroll: true });
}

function show() {
  const [shown] = view();
  document.title = `${TITLES[shown]} – shipper`;
  if (!now) return;
  const { level } = overview.judge(now, hour, isLost);
  document.title = `${SIGNS[level]}${TITLES[shown]} – shipper on ${now.host}`;
  place("where").textContent = `${now.version} on ${now.host}`;
  if (shown === "overview") overview.show(now, hour);
  if (shown === "letters") letters.show(now);
  const number = now.dead_letters.reduce((sum, group) => sum + group.count, 0);
  place("letters-count").textContent = number > 999 ? "999+" : String(number);
  place("letters-count").hidden = !number;
}

function line(state, why) {
  place("live").dataset.state = why ? "lost" : state;
  place("live-text").textContent = why ?? (state === "live" ? "live" : "no connection, trying again");
  if (isLost !== (state === "lost")) {
    isLost = state === "lost";
    show();
  }
}

async function updateHour() {
  await hour.update().catch(() => undefined);  // the state of the line is told by the events
  show();
}

addEventListener("hashchange", route);
addEventListener("resize", show);
route();
listen((told) => { now = told; show(); }, line);
updateHour();
setInterval(updateHour, HOUR_EVERY_MS);
