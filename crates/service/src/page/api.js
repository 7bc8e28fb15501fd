// The server's interface: requests, and what goes wrong with them.

import { sentence } from "./words.js";

const KEY = "amplio.key";
let key = readKey();
const listeners = { away: [], back: [], key: [] };

/** Something that the server refused, or that failed on the way. Its message is a sentence for people. */
export class Problem extends Error {
  constructor({ message, code, status = 0, retryAfter = null }) {
    super(message);
    Object.assign(this, { code, status, retryAfter });
  }

  /** Whether the same request may succeed a little later. */
  get passes() {
    return this.code === "away" || this.status === 429 || this.status === 503;
  }
}

/** Calls back when the server goes "away", is "back", or wants a "key". */
export const listen = (what, listener) => listeners[what].push(listener);
const tell = (what) => listeners[what].forEach((listener) => listener());

/** Whether requests carry an API key. */
export const hasKey = () => key !== null;

/** Uses an API key from now on; `null` for none. */
export function useKey(value, keep) {
  key = value || null;
  try {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
    if (key) (keep ? localStorage : sessionStorage).setItem(KEY, key);
  } catch { /* it lasts until the page is left */ }
}

function readKey() {
  try { return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY); } catch { return null; }
}

const headers = (more = {}) => (key ? { ...more, authorization: `Bearer ${key}` } : more);

function away() {
  tell("away");
  return new Problem({ message: "The server cannot be reached.", code: "away" });
}

/** The problem that an answer tells of: problem+json, or something else that stands between. */
function problemOf(status, body, retryAfter) {
  let told = {};
  try { told = JSON.parse(body); } catch { /* not from amplio */ }
  const message = told.detail ?? told.title ?? `The server answered with status ${status}`;
  const limit = told.limit ? ` The limit “${told.limit.name}” is ${told.limit.value.toLocaleString("en")}.` : "";
  if (status === 401) tell("key");
  return new Problem({ message: sentence(message) + limit, code: told.code ?? "unknown", status, retryAfter });
}

/** Sends a request; the answer if it went well. */
export async function request(path, { method = "GET", body, accept, more, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, signal, headers: headers({ ...more, ...(accept && { accept }) }) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw away();
  }
  tell("back");
  if (answer.ok) return answer;
  throw problemOf(answer.status, await answer.text(), Number(answer.headers.get("retry-after")) || null);
}

/** Sends a request whose answer is JSON. */
export const ask = async (path, options) => (await request(path, { accept: "application/json", ...options })).json();

/** Enlarges a picture at once; the result as a blob. */
export async function enlarge(picture, parameters, signal) {
  const path = `/v1/upscale?${new URLSearchParams(parameters)}`;
  const body = await picture.arrayBuffer();
  const more = { "content-type": picture.type || "application/octet-stream" };
  return (await request(path, { method: "POST", body, more, signal, accept: "image/*" })).blob();
}

/** Hands in a job: a file and its parameters. Tells how much has been sent; aborted by the signal. */
export function handIn({ file, name, parameters, id, progress, signal }) {
  const form = new FormData();
  for (const [field, value] of Object.entries(parameters)) form.append(field, value);
  form.append("file", file, name);
  // fetch() cannot tell how much of a body has been sent.
  const sending = new XMLHttpRequest();
  return new Promise((done, failed) => {
    sending.open("POST", "/v1/jobs");
    const all = headers({ accept: "application/json", "idempotency-key": id });
    for (const [header, value] of Object.entries(all)) sending.setRequestHeader(header, value);
    sending.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
    sending.addEventListener("error", () => failed(away()));
    sending.addEventListener("abort", () => failed(new DOMException("given up", "AbortError")));
    sending.addEventListener("load", () => {
      tell("back");
      if (sending.status < 300) return done(JSON.parse(sending.responseText));
      const after = Number(sending.getResponseHeader("retry-after")) || null;
      return failed(problemOf(sending.status, sending.responseText, after));
    });
    signal.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}
