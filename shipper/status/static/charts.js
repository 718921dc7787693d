// Charts of the last hour, as SVG.

import { el, svg } from "./dom.js";

const HEIGHT = 150, LEFT = 52, BOTTOM = 20, TOP = 8;
const HOUR_S = 3600;

/**
 * Return a chart of the last hour up to `now` (seconds). Each of `curves` has a `name` and `points` of
 * {at, value}; where two stand further apart than `gap` seconds, the line is broken. `show` writes a value;
 * `width` is in pixels.
 */
export function chart({ curves, now, gap, show, title, width }) {
  const most = ceiling(Math.max(0, ...curves.flatMap((curve) => curve.points.map((point) => point.value))));
  const x = (at) => LEFT + (width - LEFT) * (1 - (now - at) / HOUR_S);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": spoken(title, curves, show) }, grid(y, most, show, width), times(x, now));
  curves.forEach((curve, at) => drawing.append(...lines(curve, x, y, gap, at ? "curve second" : "curve")));
  const figure = el("div", { class: "chart" }, drawing);
  figure.append(key(curves, figure, (px) => now - HOUR_S * (1 - (px - LEFT) / (width - LEFT)), now, show));
  return figure;
}

function ceiling(most) {
  if (most <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].find((step) => step * size >= most) * size;
}

function grid(y, most, show, width) {
  return [0, most / 2, most].map((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    svg("text", { class: "axis", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, show(value)),
  ]);
}

function times(x, now) {
  return (x(now) - x(now - HOUR_S) > 300 ? [60, 45, 30, 15, 0] : [60, 30, 0]).map((minutes) => svg("text", {
    class: "axis", x: x(now - minutes * 60), y: HEIGHT - 4,
    "text-anchor": minutes === 60 ? "start" : minutes ? "middle" : "end",
  }, minutes ? `−${minutes} min` : "now"));
}

function lines(curve, x, y, gap, kind) {
  const runs = [];
  for (const point of curve.points) {
    const run = runs.at(-1);
    if (run && point.at - run.at(-1).at <= gap) run.push(point);
    else runs.push([point]);
  }
  return runs.flatMap((run) => {
    const place = ({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    const path = `M${run.map(place).join("L")}${run.length === 1 ? "h.1" : ""}`;
    const area = `${path}L${x(run.at(-1).at).toFixed(1)} ${y(0)}L${x(run[0].at).toFixed(1)} ${y(0)}Z`;
    return [
      kind === "curve" && svg("path", { class: "area", d: area }),
      svg("path", { class: kind, d: path, "vector-effect": "non-scaling-stroke" }),
    ].filter(Boolean);
  });
}

/** Return the names of the curves with their values: the last, or those under the pointer. */
function key(curves, figure, timeAt, now, show) {
  const said = el("p", { class: "key" });
  const tell = (at) => said.replaceChildren(
    ...curves.map((curve, index) => el("span", {}, el("i", { class: index ? "second" : "" }),
      `${curve.name} ${show(nearest(curve.points, at)?.value ?? 0)}`)),
    at < now - 20 ? el("span", {}, new Date(at * 1000).toLocaleTimeString()) : "");
  figure.addEventListener("pointermove", (event) => {
    const left = figure.firstChild.getBoundingClientRect().left;
    tell(Math.min(now, Math.max(now - HOUR_S, timeAt(event.clientX - left))));
  });
  figure.addEventListener("pointerleave", () => tell(now));
  tell(now);
  return said;
}

function nearest(points, at) {
  return points.reduce((best, point) =>
    (!best || Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best), null);
}

function spoken(title, curves, show) {
  const parts = curves.map(({ name, points }) => {
    const values = points.map((point) => point.value);
    return `${name}: now ${show(values.at(-1) ?? 0)}, at most ${show(Math.max(0, ...values))}`;
  });
  return `${title}, the last hour. ${parts.join(". ")}.`;
}
