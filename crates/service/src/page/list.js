// The list of files: a row for each, changed in place so that the focus stays where it is.

import { byId, icon, make } from "./dom.js";
import { isBusy } from "./item.js";
import { iconOf } from "./kinds.js";
import { all, onChange } from "./queue.js";
import { say } from "./say.js";
import { wordsOf } from "./settings.js";
import { bytes, count, duration, size } from "./words.js";

const rows = new Map();
const told = new Map();

/** Shows all items; `act(name, item)` is called for what people do with one. */
export function begin(act) {
  onChange((item) => {
    if (item.gone) return drop(item);
    const row = rows.get(item.key) ?? insert(item, act);
    paint(row, item);
    announce(item);
    return head();
  });
  head();
}

const ACTIONS = [
  { name: "region", icon: "region", words: "Try models on a part of", when: (i) => i.state === "ready" && i.thumb && i.kind === "picture" },
  { name: "start", label: "Enlarge", words: "Enlarge", when: (i) => i.state === "ready" },
  { name: "compare", icon: "compare", words: "Compare before and after:", when: (i) => i.state === "done" && i.kind !== "archive" },
  { name: "save", icon: "save", words: "Download", when: (i) => i.state === "done" },
  { name: "retry", icon: "again", words: "Try again:", when: (i) => i.state === "failed" || i.state === "cancelled" },
  { name: "again", icon: "again", words: "Enlarge once more with the current settings:", when: (i) => i.state === "done" },
  { name: "cancel", icon: "cross", words: "Cancel", when: isBusy },
  { name: "remove", icon: "bin", words: "Remove", when: (i) => !isBusy(i) },
];

function insert(item, act) {
  const name = item.path.split("/").pop();
  const folder = item.path.slice(0, -name.length);
  const row = make("li", { className: "row" });
  row.thumb = make("div", { className: "thumb" }, icon(iconOf(item.kind)));
  row.state = make("p", { className: "row-state" });
  row.how = make("p", { className: "row-how quiet" });
  row.bar = make("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` });
  row.tools = make("div", { className: "row-tools" });
  const title = make("p", { className: "row-name", title: item.path }, make("span", { className: "quiet" }, folder), name);
  for (const action of ACTIONS) {
    const words = `${action.words} ${name}`;
    const shown = action.label ?? icon(action.icon);
    const className = action.label ? "tool words" : "tool";
    const button = make("button", { type: "button", className, title: words, "aria-label": words, data: { do: action.name } }, shown);
    button.addEventListener("click", () => act(action.name, item));
    row.tools.append(button);
  }
  row.append(row.thumb, make("div", { className: "row-words" }, title, row.state, row.how, row.bar), row.tools);
  rows.set(item.key, row);
  place(row, item);
  return row;
}

function place(row, item) {
  const next = all().slice(all().indexOf(item) + 1).map(({ key }) => rows.get(key)).find(Boolean);
  byId("list").insertBefore(row, next ?? null);
}

function drop(item) {
  const row = rows.get(item.key);
  if (!row) return;
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  const held = row.contains(document.activeElement);
  row.remove();
  rows.delete(item.key);
  told.delete(item.key);
  if (held) (neighbour?.querySelector("button:not([hidden])") ?? byId("work")).focus();
  head();
}

function paint(row, item) {
  row.dataset.state = item.state;
  if (item.thumb && !row.thumb.querySelector("img")) row.thumb.replaceChildren(make("img", { src: item.thumb, alt: "" }));
  if (row.state.textContent !== stateOf(item)) row.state.textContent = stateOf(item);
  row.how.textContent = item.settings ? wordsOf(item.settings, item.kind) : "";
  row.bar.hidden = !isBusy(item);
  if (item.state === "queued" || item.state === "waiting") row.bar.removeAttribute("value");
  else row.bar.value = item.fraction;
  for (const [index, button] of [...row.tools.children].entries()) {
    const shown = ACTIONS[index].when(item);
    const held = document.activeElement === button;
    if (button.hidden === shown) button.hidden = !shown;
    if (held && !shown) (row.tools.querySelector("button:not([hidden])") ?? byId("work")).focus();
  }
}

/** The state of an item in words. */
export function stateOf(item) {
  const facts = (...parts) => parts.filter(Boolean).join(" · ");
  const percent = `${Math.floor(item.fraction * 100)} %`;
  if (item.cancelling) return "Cancelling…";
  switch (item.state) {
    case "ready": return facts(item.width && size(item), bytes(item.bytes));
    case "waiting": return item.reason || "Waiting to be sent";
    case "sending": return `Sending, ${percent}`;
    case "queued": return "In the queue";
    case "running":
      return facts(percent, item.rate && `${item.rate.toFixed(1)} frames a second`, item.eta && `${duration(item.eta)} left`);
    case "done":
      return facts(item.output?.width && size(item.output), item.output && bytes(item.output.bytes), item.took && `took ${duration(item.took)}`);
    case "cancelled": return "Cancelled";
    default: return item.reason || "This did not work.";
  }
}

function announce(item) {
  const before = told.get(item.key);
  told.set(item.key, item.state);
  if (!before || before === item.state) return;
  const name = item.path.split("/").pop();
  if (item.state === "done") say(`${name} is done.`);
  if (item.state === "failed") say(`${name} failed. ${item.reason}`);
  if (item.state === "cancelled") say(`${name} is cancelled.`);
}

function head() {
  const items = all();
  const of = (...states) => items.filter((item) => states.includes(item.state)).length;
  const [ready, done, ended] = [of("ready"), of("done"), of("done", "failed", "cancelled")];
  const busy = items.filter(isBusy).length;
  byId("list-head").hidden = items.length === 0;
  byId("work").classList.toggle("has-files", items.length > 0);
  byId("list-title").textContent = busy ? `${count(items.length, "file")}, ${busy} on the way` : count(items.length, "file");
  byId("start-all").hidden = ready === 0;
  byId("start-all-words").textContent = ready === 1 ? "Enlarge" : `Enlarge all ${ready}`;
  byId("save-all").hidden = done < 2;
  byId("clear").hidden = ended === 0;
}
