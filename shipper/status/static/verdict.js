// What is to be said first: is it well, what is it doing, is it behind?

import { bytes, count, several, span } from "./format.js";

const BEHIND_S = 60;
const SILENT_S = 10;
const MUCH_BYTES = 1_000_000;

export const LOST = {
  level: "bad", title: "No connection to the shipper", text: "What stands below is as it was. It is tried again all the time.",
};

/**
 * Return {level, title, text} for an overview; `level` is ok, warn or bad.
 * `speed` is of delivery: events a second over the last ten, or null where it is not known.
 */
export function verdict(now, speed) {
  return [stands, paused, undelivered, unbalanced, late, unanswered, catchingUp].reduce((said, look) => said ?? look(now, speed), null)
    ?? { level: "ok", title: "All is well", text: doing(now) };
}

function stands(now) {
  if (now.healthy) return null;
  const text = `No sign of life for ${span(now.sign_of_life_seconds ?? 0)}.`;
  return { level: "bad", title: "Reading stands still", text };
}

function paused(now) {
  if (!now.paused) return null;
  return { level: "bad", title: "Reading is paused", text: `${sentence(now.paused)} What is new stays in its files.` };
}

function undelivered(now) {
  if (!now.trouble) return null;
  const since = now.failing_seconds >= 1 ? ` for ${span(now.failing_seconds)}` : "";
  return { level: "bad", title: `Nothing could be delivered${since}`, text: `${sentence(now.trouble)} ${waiting(now)}` };
}

function unbalanced(now) {
  if (now.books.adds_up) return null;
  return { level: "bad", title: "The ledger does not add up", text: "See below what is missing; please report it." };
}

function late(now) {
  if ((now.oldest_seconds ?? 0) < BEHIND_S) return null;
  return { level: "warn", title: "Delivery is behind", text: waiting(now) };
}

// A collector that takes a request and says nothing is no failure before the time for it is up.
function unanswered(now, speed) {
  if (speed !== 0 || (now.oldest_seconds ?? 0) < SILENT_S) return null;
  return { level: "warn", title: "Waiting for the collector", text: `Nothing was delivered in the last ${SILENT_S} s. ${waiting(now)}` };
}

function catchingUp(now) {
  if (now.unread_bytes < MUCH_BYTES) return null;
  const left = now.eta_seconds === null ? "" : `, about ${span(now.eta_seconds)}`;
  return { level: "warn", title: "Catching up", text: `${bytes(now.unread_bytes)} are yet to be read${left}. ${waiting(now)}` };
}

function waiting(now) {
  if (!now.queued_events) return "Nothing waits in the queue.";
  const oldest = now.oldest_seconds >= 1 ? `, the oldest for ${span(now.oldest_seconds)}` : "";
  return `${several(now.queued_events, "event")} ${now.queued_events === 1 ? "waits" : "wait"} in the queue${oldest}.`;
}

function doing(now) {
  const files = now.files_total ? `Reading ${several(now.files_total, "file")}. ` : "";
  const delivered = Object.values(now.delivered).reduce((sum, each) => sum + each, 0);
  return `${files}${delivered ? `${count(delivered)} events were delivered so far. ` : ""}${waiting(now)}${letters(now)}`;
}

function letters(now) {
  const number = now.dead_letters.reduce((sum, group) => sum + group.count, 0);
  return number ? ` ${several(number, "dead letter")} ${number === 1 ? "waits" : "wait"} for someone to act.` : "";
}

function sentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
