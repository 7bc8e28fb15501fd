// All files, and how they get to the server: two at a time, again when it is busy, never twice.

import { Problem, ask, handIn, listen, request } from "./api.js";
import { isBusy, isServers, itemOf, itemOfJob, learn, noteOf } from "./item.js";
import { forget, keepOriginal, note, notes, original } from "./memory.js";
import { describe } from "./preview.js";
import { parametersOf } from "./settings.js";
import { say } from "./say.js";

const AT_ONCE = 2;
/** Seconds until a busy server is asked again, if it does not say when. */
const PATIENCE = 5;
/** Pages of jobs that are looked through for those of this browser. */
const MOST_PAGES = 5;

const items = [];
const listeners = [];
let sending = 0;
let turns = 0;

/** All items, in the order in which they came. */
export const all = () => items;

/** Calls back when an item has changed, come or gone. */
export const onChange = (listener) => listeners.push(listener);

/** Tells that an item has changed. */
export const changed = (item) => listeners.forEach((listener) => listener(item));

/** Takes files in. They wait until someone starts them. */
export function add(files) {
  const added = files.map(itemOf);
  items.unshift(...added);
  added.forEach(changed);
  describe(added, changed);
}

/** Finds the jobs of earlier visits again. */
export async function recall() {
  const known = notes();
  const missing = new Set(Object.keys(known));
  items.forEach((item) => missing.delete(item.id));
  let after = null;
  for (let page = 0; page < MOST_PAGES && missing.size; page += 1) {
    const query = new URLSearchParams({ limit: 200, ...(after && { after }) });
    const { jobs, next } = await ask(`/v1/jobs?${query}`);
    for (const job of jobs.filter(({ id }) => missing.delete(id))) {
      const item = itemOfJob(job, known[job.id]);
      items.push(item);
      changed(item);
    }
    after = next;
    if (!next) {
      missing.forEach(forget);
      return;
    }
  }
}

/** Starts items with these settings. */
export function start(chosen, settings) {
  for (const item of chosen) {
    Object.assign(item, { state: "waiting", settings, fraction: 0, reason: "", id: null, output: null });
    item.request = randomName();
    item.turn = ++turns;
    changed(item);
  }
  pump();
}

/** Cancels an item, wherever it is. */
export async function cancel(item) {
  if (isServers(item)) {
    item.cancelling = true;
    changed(item);
    try {
      learn(item, await ask(`/v1/jobs/${item.id}/cancel`, { method: "POST" }));
      item.cancelling = isServers(item);
    } catch (problem) {
      item.cancelling = false;
      // It ended a moment before: what became of it comes as an event.
      if (problem.status !== 409) item.reason = problem.message;
    }
  } else {
    item.giveUp?.abort();
    hold(item, null);
    item.state = "cancelled";
  }
  changed(item);
}

/** Tries a failed or cancelled item again: the same job, unless its settings are others now. */
export async function retry(item, settings) {
  const same = JSON.stringify(settings) === JSON.stringify(item.settings);
  item.file ??= item.id ? await original(item.id) : null;
  if (!item.id || (!same && item.file)) return start([item], settings);
  try {
    learn(item, await ask(`/v1/jobs/${item.id}/retry`, { method: "POST" }));
  } catch (problem) {
    if (item.file && problem.status === 404) return start([item], settings);
    item.reason = problem.message;
  }
  return changed(item);
}

/** Enlarges the file of an item once more, with these settings. */
export async function again(item, settings) {
  const file = item.file ?? (await original(item.id));
  if (!file) return false;
  const copy = { ...itemOf({ file, path: item.path }), thumb: item.thumb, width: item.width, height: item.height };
  items.splice(items.indexOf(item), 0, copy);
  start([copy], settings);
  return true;
}

/** Removes an item, and what the server keeps of it. */
export async function remove(item) {
  if (isBusy(item)) await cancel(item);
  items.splice(items.indexOf(item), 1);
  item.gone = true;
  changed(item);
  if (!item.id) return;
  forget(item.id);
  await request(`/v1/jobs/${item.id}`, { method: "DELETE" }).catch(() => {});
}

function pump() {
  while (sending < AT_ONCE) {
    const waiting = items.filter((item) => item.state === "waiting" && !item.timer);
    if (waiting.length === 0) return;
    const next = waiting.reduce((first, item) => (item.turn < first.turn ? item : first));
    sending += 1;
    send(next).finally(() => {
      sending -= 1;
      pump();
    });
  }
}

async function send(item) {
  item.state = "sending";
  item.fraction = 0;
  item.giveUp = new AbortController();
  changed(item);
  const progress = (fraction) => {
    item.fraction = fraction;
    changed(item);
  };
  try {
    const { file, path, request: id } = item;
    const name = path.split("/").pop();
    const parameters = parametersOf(item.settings, item.kind);
    const job = await handIn({ file, name, parameters, id, progress, signal: item.giveUp.signal });
    learn(item, job);
    note(job.id, noteOf(item));
    keepOriginal(job.id, file);
    if (item.gone) await remove(item);
  } catch (problem) {
    if (item.state !== "sending") return;
    if (problem instanceof Problem && problem.passes) return wait(item, problem);
    item.state = "failed";
    item.reason = problem.message;
    say(`${item.path}: ${problem.message}`);
  } finally {
    changed(item);
  }
}

function wait(item, problem) {
  item.state = "waiting";
  item.reason = problem.message;
  item.isCutOff = problem.code === "away";
  const seconds = problem.retryAfter ?? PATIENCE;
  hold(item, setTimeout(() => {
    hold(item, null);
    pump();
  }, seconds * 1000));
}

/** An item with a timer is not sent before it is over. */
function hold(item, timer) {
  clearTimeout(item.timer);
  item.timer = timer;
}

listen("back", () => {
  const held = items.filter((item) => item.timer && item.isCutOff);
  for (const item of held) {
    hold(item, null);
    item.reason = "";
  }
  if (held.length) pump();
});

/** A name for a request, so that the server knows it when it comes again. */
function randomName() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
