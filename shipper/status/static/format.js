// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en");
const FEW = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

export const count = (number) => WHOLE.format(number);

/** Return a count with its noun: `1 file`, `2 files`. */
export const several = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export function bytes(number) {
  let at = 0;
  while (number >= 1000 && at < UNITS.length - 1) { number /= 1000; at += 1; }
  return `${at ? FEW.format(number) : count(Math.round(number))} ${at || number !== 1 ? UNITS[at] : "byte"}`;
}

export const rate = (number) => (number >= 100 ? count(Math.round(number)) : FEW.format(number));

/** Return a length of time in the largest unit of which there are two, or in seconds. */
export function span(seconds) {
  for (const [size, name] of [[86400, "days"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size) return `${count(Math.round(seconds / size))} ${name}`;
  }
  return seconds > 0 && seconds < 1 ? "< 1 s" : `${Math.round(seconds)} s`;
}

/** Return a moment as the browser's place writes it. */
export const moment = (ms) => new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const ago = (ms, nowMs) => (nowMs - ms < 2000 ? "just now" : `${span((nowMs - ms) / 1000)} ago`);
