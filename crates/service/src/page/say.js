// What the page tells people: quietly to screen readers, visibly where something went wrong.

import { byId, icon, make } from "./dom.js";

/** Tells screen readers. */
export function say(text) {
  byId("live").textContent = text;
}

/** Shows a sentence until it is closed. The same sentence is shown once. */
export function warn(text) {
  const notes = byId("notes");
  if ([...notes.children].some((note) => note.dataset.text === text)) return;
  const note = make("div", { className: "note", data: { text } }, make("p", {}, text));
  const close = make("button", { type: "button", className: "tool", "aria-label": "Close this message" }, icon("cross"));
  close.addEventListener("click", () => note.remove());
  note.append(close);
  notes.append(note);
  while (notes.children.length > 3) notes.firstElementChild.remove();
}
