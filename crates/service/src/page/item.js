// A file on its way: what the page knows of it. The server's jobs become items, and items become jobs.

import { kindOf } from "./kinds.js";
import { sentence } from "./words.js";

/** States in which something happens by itself. */
const BUSY = ["waiting", "sending", "queued", "running"];

let last = 0;

/** A file that someone has brought. */
export function itemOf({ file, path }) {
  return {
    key: ++last, path, file, kind: kindOf(file), bytes: file.size, state: "ready", fraction: 0, reason: "", id: null,
    settings: null, width: null, height: null, thumb: null, output: null, giveUp: null, timer: null,
    cancelling: false,
  };
}

/** A job of an earlier visit: what the server says, and what was written down here. */
export function itemOfJob(job, note) {
  const item = {
    key: ++last, path: note.path, file: null, kind: note.kind, bytes: note.bytes, state: "queued", fraction: 0, reason: "",
    id: job.id, settings: note.settings, width: note.width, height: note.height, thumb: note.thumb, output: null,
    giveUp: null, timer: null,
    cancelling: false,
  };
  learn(item, job);
  return item;
}

/** What is written down of an item. */
export function noteOf({ path, kind, bytes, settings, width, height, thumb }) {
  return { path, kind, bytes, settings, width, height, thumb };
}

/** Takes over what the server says of an item's job. */
export function learn(item, job) {
  item.id = job.id;
  item.state = job.state;
  item.fraction = job.fraction ?? 0;
  item.eta = job.eta ?? null;
  item.rate = job.frames_per_second ?? null;
  item.output = job.output ?? null;
  item.reason = job.reason ? sentence(job.reason.detail) : "";
  item.took = job.started && job.finished ? (Date.parse(job.finished) - Date.parse(job.started)) / 1000 : null;
  if (!isBusy(item)) item.cancelling = false;
}

export const isBusy = (item) => BUSY.includes(item.state);

/** Whether the server works on it, or will. */
export const isServers = (item) => item.state === "queued" || item.state === "running";
