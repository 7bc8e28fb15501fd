// Files as people bring them: dropped, in folders, chosen, pasted.

import { byId } from "./dom.js";
import { isLitter } from "./kinds.js";

/** Calls back with `{ file, path }` of each file, however it came. */
export function onFiles(take) {
  const zone = byId("drop");
  const bring = (files) => take(files.filter(({ path }) => !path.split("/").some(isLitter)));
  const chosen = (list) => bring([...list].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
  for (const id of ["files", "folder"]) {
    byId(id).addEventListener("change", (event) => {
      chosen(event.target.files);
      event.target.value = "";
    });
  }
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) chosen(event.clipboardData.files);
  });
  // The whole page takes what is dropped: a browser would leave the page for a file that misses.
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("is-over", depth > 0);
  };
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => isFiles(event) && mark(1));
  addEventListener("dragleave", (event) => isFiles(event) && mark(-1));
  addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    mark(-Infinity);
    if (!isFiles(event)) return;
    event.preventDefault();
    bring(await dropped(event.dataTransfer));
  });
}

async function dropped(transfer) {
  // Entries are gone after the first wait.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files].map((file) => ({ file, path: file.name }));
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
}

async function walk(entry, above) {
  const path = above + entry.name;
  if (isLitter(entry.name)) return [];
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, path }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A folder is told in pieces, and an empty piece is its end.
    const piece = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (piece.length === 0) break;
    found.push(...piece);
  }
  return (await Promise.all(found.map((inner) => walk(inner, `${path}/`)))).flat();
}
