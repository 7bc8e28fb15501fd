// How the jobs of the server go on: the first few by their events, the rest by looking now and then.
//
// A browser opens few connections to one server; a stream for each of many jobs would leave none for anything else.

import { ask } from "./api.js";
import { events } from "./events.js";
import { isServers, learn } from "./item.js";
import { all, changed, onChange } from "./queue.js";

const MOST_STREAMS = 3;
const LOOK = 3000;
const streams = new Map();

/** Follows all jobs from now on. */
export function begin() {
  onChange(open);
  setInterval(look, LOOK);
}

function open() {
  if (streams.size >= MOST_STREAMS) return;
  const waiting = all().filter((item) => isServers(item) && !streams.has(item));
  // The oldest come to their turn first, so those in work before those that wait.
  waiting.sort((a, b) => (b.state === "running") - (a.state === "running") || a.id.localeCompare(b.id));
  for (const item of waiting.slice(0, MOST_STREAMS - streams.size)) follow(item);
}

async function follow(item) {
  const stop = new AbortController();
  const { id } = item;
  streams.set(item, stop);
  try {
    for await (const job of events(id, stop.signal)) {
      if (item.gone || item.id !== id) break;
      learn(item, job);
      changed(item);
    }
  } catch (problem) {
    lost(item, problem);
  }
  stop.abort();
  // A stream that breaks off at once is not to be opened again at once.
  setTimeout(() => {
    streams.delete(item);
    open();
  }, isServers(item) ? 1000 : 0);
}

async function look() {
  const unseen = all().filter((item) => isServers(item) && !streams.has(item));
  if (unseen.length === 0 || document.hidden) return;
  try {
    const { jobs } = await ask("/v1/jobs?limit=200");
    const byId = new Map(jobs.map((job) => [job.id, job]));
    for (const item of unseen.filter(({ id, state }) => byId.has(id) && byId.get(id).state !== state)) {
      learn(item, byId.get(item.id));
      changed(item);
    }
  } catch { /* the page says that the server is away */ }
  open();
}

function lost(item, problem) {
  if (problem.status !== 404 && problem.status !== 410) return;
  item.state = "failed";
  item.reason = "The server no longer knows this file.";
  changed(item);
}
