// Asks the shipper. What acts shows the token, which is kept for as long as the tab is open.

import { askForToken } from "./token.js";

/** A refusal, in the shipper's own words. */
export class Refusal extends Error {
  constructor(status, { error, remedy } = {}) {
    super(error ? [error, remedy].filter(Boolean).join(": ") : `the shipper answered ${status}`);
    this.status = status;
  }
}

export const get = (path) => ask(path, {});

/** Post `body`; `headers` go with it. */
export function post(path, body, headers = {}) {
  const json = { "Content-Type": "application/json", ...headers };
  return ask(path, { method: "POST", headers: json, body: JSON.stringify(body) });
}

/** Post `body` with the token, which is asked for as often as it is wrong. Null if nobody gives it. */
export async function act(path, body, place) {
  for (let wrong = ""; ;) {
    const token = await askForToken(place, wrong);
    if (token === null) return null;
    try {
      return await post(path, body, { "X-Shipper-Token": token });
    } catch (refusal) {
      if (refusal.status !== 403) throw refusal;
      wrong = refusal.message;
    }
  }
}

async function ask(path, how) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "omit", ...how });
  } catch {
    throw new Refusal(0, { error: "the shipper can't be reached" });
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, told);
  return told;
}
