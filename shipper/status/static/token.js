// Dialogs: the token that acting needs, and a question before what can't be undone.

import { el } from "./dom.js";

const KEY = "shipper-token";

/** Return the token: the one that is known, or one that is typed in; `wrong` says why not the known. */
export async function askForToken(place, wrong) {
  const known = sessionStorage.getItem(KEY);
  if (known && !wrong) return known;
  const input = el("input", { type: "password", name: "token", autocomplete: "off", required: true });
  const typed = await dialog("Acting takes the token", [
    el("p", {}, "The token of this page is in ", el("code", {}, place), "."),
    wrong && known ? el("p", { class: "badge bad", role: "alert" }, wrong) : null,
    el("label", {}, el("span", {}, "Token"), input),
  ], "Go on", () => input.value.trim());
  if (typed) sessionStorage.setItem(KEY, typed);
  return typed || null;
}

/** Ask whether to go on. */
export const confirm = (title, text, yes) => dialog(title, [el("p", {}, text)], yes, () => true);

function dialog(title, parts, yes, value) {
  const box = document.getElementById("dialog");
  return new Promise((resolve) => {
    let given = null;
    const leave = el("button", { type: "button", on: { click: () => box.close() } }, "Cancel");
    const form = el("form", { method: "dialog", on: { submit: () => { given = value(); } } },
      el("h1", { id: "dialog-title" }, title), parts,
      el("div", { class: "buttons" }, leave, el("button", { class: "primary" }, yes)));
    box.replaceChildren(form);
    box.addEventListener("close", () => resolve(given), { once: true });
    box.showModal();
  });
}
