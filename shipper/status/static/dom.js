// Builds elements. Text is only ever set as text, so nothing that stands in a log becomes markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element: `on` are its listeners, `data` its data attributes, `vars` its CSS variables. */
export function el(name, { on = {}, data = {}, vars = {}, ...attributes } = {}, ...children) {
  const made = dressed(document.createElement(name), attributes, children);
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  for (const [key, value] of Object.entries(data)) made.dataset[key] = value;
  for (const [key, value] of Object.entries(vars)) made.style.setProperty(`--${key}`, value);
  return made;
}

/** Return an element of SVG. */
export function svg(name, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, name), attributes, children);
}

function dressed(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const drawn = new WeakMap();

/** Draw `value` into `place` by `render`, unless it is drawn there, or somebody is selecting text. */
export function draw(place, value, render) {
  const said = JSON.stringify(value);
  if (drawn.get(place) === said || isSelected(place)) return;
  drawn.set(place, said);
  place.replaceChildren(...[render(value)].flat(2).filter(Boolean));
}

function isSelected(place) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && place.contains(selection.anchorNode));
}

/** What a cell says that has nothing to say. */
export const NONE = "–";

/** Return a table: `columns` are [title, class], each of `rows` has a cell for each of them. */
export function table(columns, rows, kind = "stack") {
  const head = columns.map(([title, of]) => el("th", { class: of, scope: "col" }, title));
  const body = rows.map((cells) =>
    el("tr", {}, cells.map((cell, at) => el("td", {
      class: cell === NONE ? `${columns[at][1]} none` : columns[at][1], data: { label: columns[at][0] },
    }, cell))));
  return el("table", { class: kind }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
}

let fading;

/** Say something in passing. */
export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { place.hidden = true; }, 6000);
}
