// Whether the server is there, and who it takes us for.

import { hasKey, listen, request, useKey } from "./api.js";
import { byId } from "./dom.js";
import { say } from "./say.js";

const FIRST = 1000;
const LONGEST = 15_000;
const banner = byId("away");
let isAway = false;
let pause = FIRST;

/** Watches the server; calls back when it is there again, or when a key was given. */
export function begin(ready) {
  listen("away", () => {
    if (isAway) return;
    isAway = true;
    banner.textContent = "The server cannot be reached. What is in its queue is safe; this page tries again by itself.";
    banner.hidden = false;
    again();
  });
  listen("back", () => {
    if (!isAway) return;
    [isAway, pause] = [false, FIRST];
    banner.hidden = true;
    banner.textContent = "";
    say("The server is there again.");
    ready();
  });
  addEventListener("online", look);
  keys(ready);
}

function again() {
  setTimeout(look, pause);
  pause = Math.min(pause * 1.6, LONGEST);
}

async function look() {
  if (!isAway) return;
  await request("/healthz").catch(() => {});
  if (isAway) again();
}

function keys(ready) {
  const dialog = byId("key");
  const button = byId("key-button");
  button.hidden = !hasKey();
  const open = () => dialog.open || dialog.showModal();
  button.addEventListener("click", open);
  listen("key", () => {
    button.hidden = false;
    open();
  });
  dialog.addEventListener("close", () => {
    const form = dialog.querySelector("form");
    if (dialog.returnValue === "use") {
      useKey(form.elements.key.value.trim(), form.elements.keep.checked);
      ready();
    }
    form.reset();
  });
}
