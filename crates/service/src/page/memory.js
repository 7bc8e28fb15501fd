// What survives a reload: what the page knows of its jobs, and the originals, to compare with.

const JOBS = "amplio.jobs";
const SETTINGS = "amplio.settings";
const MOST_JOBS = 200;
/** Originals beyond this are not kept; the oldest go first. */
const MOST_BYTES = 256e6;

function read(name, usual) {
  try { return JSON.parse(localStorage.getItem(name)) ?? usual; } catch { return usual; }
}

function write(name, value) {
  try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* full or forbidden: nothing survives */ }
}

/** The notes of all jobs, by their ids. */
export const notes = () => read(JOBS, {});

/** Writes down what the server does not know of a job: its name, what it was, a small picture. */
export function note(id, facts) {
  const all = notes();
  all[id] = { ...all[id], ...facts };
  write(JOBS, Object.fromEntries(Object.entries(all).slice(-MOST_JOBS)));
}

/** Forgets a job and its original. */
export function forget(id) {
  const { [id]: _, ...rest } = notes();
  write(JOBS, rest);
  originals("readwrite", (store) => store.delete(id)).catch(() => {});
}

/** The settings as they were last. */
export const settings = () => read(SETTINGS, {});
export const keepSettings = (value) => write(SETTINGS, value);

/** Keeps the original of a job, if there is room. */
export async function keepOriginal(id, file) {
  if (file.size > MOST_BYTES / 4) return;
  try {
    await originals("readwrite", (store) => store.put({ id, file, at: Date.now() }));
    const all = await originals("readonly", (store) => store.getAll());
    let room = MOST_BYTES;
    for (const old of all.sort((a, b) => b.at - a.at)) {
      room -= old.file.size;
      if (room < 0) await originals("readwrite", (store) => store.delete(old.id));
    }
  } catch { /* private windows keep nothing */ }
}

/** The original of a job, or null. */
export async function original(id) {
  try { return (await originals("readonly", (store) => store.get(id)))?.file ?? null; } catch { return null; }
}

let opening = null;

function open() {
  opening ??= new Promise((done, failed) => {
    const request = indexedDB.open("amplio", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("originals", { keyPath: "id" });
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opening;
}

async function originals(mode, act) {
  const store = (await open()).transaction("originals", mode).objectStore("originals");
  return new Promise((done, failed) => {
    const request = act(store);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
