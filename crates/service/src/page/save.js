// Results as files: one, or all of them in a zip.

import { hasKey, request } from "./api.js";
import { make } from "./dom.js";
import { resultName } from "./kinds.js";
import { markOf } from "./settings.js";
import { say, warn } from "./say.js";
import { unique, zip } from "./zip.js";

/** Zips above this are written to a file as they grow, where the browser can; smaller ones are made in memory. */
const LARGE = 500e6;

const nameOf = (item) => resultName(item.path, item.output?.mime ?? "", item.settings ? markOf(item.settings) : "");

/** The result of an item as a blob. */
export const resultOf = async (item) => (await request(`/v1/jobs/${item.id}/output`)).blob();

/** Where the result of an item can be seen. With a key, only requests of this page may see it. */
export async function urlOf(item) {
  return hasKey() ? URL.createObjectURL(await resultOf(item)) : `/v1/jobs/${item.id}/output`;
}

/** Saves the result of an item. */
export async function saveOne(item) {
  follow(await urlOf(item), nameOf(item).split("/").pop());
}

/** Saves the results of items as one zip. */
export async function saveAll(items) {
  const total = items.reduce((sum, item) => sum + (item.output?.bytes ?? 0), 0);
  const names = unique(items.map(nameOf));
  async function* results() {
    for (const [index, item] of items.entries()) {
      say(`Packing ${index + 1} of ${items.length}`);
      yield { name: names[index], blob: await resultOf(item), date: new Date() };
    }
  }
  if (total > LARGE && globalThis.showSaveFilePicker) return toFile(results());
  const pieces = [];
  for await (const piece of zip(results())) pieces.push(piece);
  const url = URL.createObjectURL(new Blob(pieces, { type: "application/zip" }));
  follow(url, "amplio.zip");
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return say("The zip is ready.");
}

async function toFile(results) {
  const handle = await showSaveFilePicker({ suggestedName: "amplio.zip" }).catch(() => null);
  if (!handle) return;
  const file = await handle.createWritable();
  try {
    for await (const piece of zip(results)) await file.write(piece);
    await file.close();
    say("The zip is ready.");
  } catch (problem) {
    await file.abort().catch(() => {});
    warn(problem.message);
  }
}

function follow(href, download) {
  const link = make("a", { href, download });
  document.body.append(link);
  link.click();
  link.remove();
}
