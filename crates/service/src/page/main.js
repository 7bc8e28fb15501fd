// The page: its parts, put together.

import * as compare from "./compare.js";
import { byId } from "./dom.js";
import { onFiles } from "./drop.js";
import * as follow from "./follow.js";
import { isBusy } from "./item.js";
import { kindOf } from "./kinds.js";
import * as list from "./list.js";
import * as models from "./models.js";
import * as queue from "./queue.js";
import * as region from "./region.js";
import { saveAll, saveOne } from "./save.js";
import { say, warn } from "./say.js";
import * as server from "./server.js";
import * as settings from "./settings.js";
import { count } from "./words.js";

const now = settings.settings;

/** Runs what someone asked for; what goes wrong is shown. */
const shown = (act) => (...given) => Promise.resolve(act(...given)).catch((problem) => warn(problem.message));

function take(files) {
  const known = files.filter(({ file }) => kindOf(file));
  const names = files.filter(({ file }) => !kindOf(file)).map(({ path }) => path);
  if (names.length === 1) warn(`${names[0]} is no picture, animation, video or archive.`);
  if (names.length > 1) warn(`${names.length} files are no pictures, animations, videos or archives: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`);
  if (known.length === 0) return;
  queue.add(known);
  say(`${count(known.length, "file")} added.`);
}

const start = (items) => settings.isSound() && queue.start(items, now());

const actions = {
  start: (item) => start([item]),
  region: region.region,
  compare: compare.compare,
  save: saveOne,
  cancel: queue.cancel,
  remove: queue.remove,
  retry: (item) => settings.isSound() && queue.retry(item, now()),
  again: async (item) => {
    if (!settings.isSound() || (await queue.again(item, now()))) return;
    warn("The original is no longer in this browser. Please choose the file again.");
  },
};

const inState = (...states) => queue.all().filter((item) => states.includes(item.state));

async function arrive() {
  await models.load();
  await queue.recall();
}

server.begin(shown(arrive));
settings.begin();
list.begin((name, item) => shown(actions[name])(item));
follow.begin();
compare.begin();
region.begin();
onFiles(take);
byId("start-all").addEventListener("click", () => start(inState("ready")));
byId("save-all").addEventListener("click", shown(() => saveAll(inState("done").reverse())));
byId("clear").addEventListener("click", shown(() => Promise.all(inState("done", "failed", "cancelled").map(queue.remove))));
addEventListener("beforeunload", (event) => {
  if (queue.all().some((item) => isBusy(item) && !item.id)) event.preventDefault();
});

const quietly = (problem) => problem.code === "away" || problem.status === 401 || warn(problem.message);
await models.begin().catch(quietly);
await queue.recall().catch(quietly);
document.documentElement.dataset.ready = "";
