// The dialog in which a result is held against its original.

import { byId, make } from "./dom.js";
import { original } from "./memory.js";
import { saveOne, urlOf } from "./save.js";
import { Stage } from "./stage.js";
import { say, warn } from "./say.js";

const dialog = byId("compare");
const within = (selector) => dialog.querySelector(selector);
let stage = null;
let shown = null;
let urls = [];

/** Makes the dialog ready. */
export function begin() {
  const range = within(".slide input");
  stage = new Stage(within(".stage"), ({ magnification, cut }) => {
    within(".zoom-shown").value = `${Math.round(magnification * 100)} %`;
    range.value = cut * 100;
  });
  range.addEventListener("input", () => stage.divide(range.value / 100));
  const actions = {
    in: () => stage.in(), out: () => stage.out(), fit: () => stage.fit(), one: () => stage.zoom(stage.one),
    save: () => saveOne(shown).catch((problem) => warn(problem.message)), close: () => dialog.close(), play,
  };
  dialog.addEventListener("click", ({ target }) => actions[target.closest("[data-do]")?.dataset.do]?.());
  dialog.addEventListener("close", clear);
}

/** Shows an item's result beside its original. */
export async function compare(item) {
  clear();
  shown = item;
  byId("compare-title").textContent = item.path.split("/").pop();
  note("One moment…");
  dialog.showModal();
  within(".stage").focus();
  try {
    const [before, after] = await layers(item);
    if (shown !== item) return;
    within(".stage-before").replaceChildren(before ?? "");
    within(".stage-after").replaceChildren(after);
    within("[data-do=play]").hidden = after.tagName !== "VIDEO";
    stage.show(item.output.width ?? after.naturalWidth ?? after.videoWidth, item.output.height ?? after.naturalHeight ?? after.videoHeight);
    dialog.classList.toggle("is-single", !before);
    note(before ? "" : "The original is not at hand, so only the result is shown.");
    if (!before) stage.divide(0);
    say("Arrow keys move the divider.");
  } catch (problem) {
    note(problem.message);
  }
}

async function layers(item) {
  const file = item.file ?? (await original(item.id));
  const before = file && (await layer(item.kind === "film", keep(URL.createObjectURL(file)), "Before enlarging").catch(() => null));
  const after = await layer(item.output.mime.startsWith("video/"), keep(await urlOf(item)), "After enlarging");
  return [before, after];
}

const layer = (isFilm, url, alt) => (isFilm ? film(url, alt) : picture(url, alt));

async function picture(src, alt) {
  const image = make("img", { src, alt, draggable: false });
  try {
    await image.decode();
  } catch {
    throw new Error("This browser cannot show pictures of this format. The file can be downloaded.");
  }
  return image;
}

function film(src, alt) {
  const video = make("video", { src, muted: true, loop: true, playsInline: true, preload: "auto", "aria-label": alt });
  return new Promise((done, failed) => {
    video.addEventListener("loadeddata", () => done(video), { once: true });
    const broken = () => failed(new Error("This browser cannot show videos of this format. The file can be downloaded."));
    video.addEventListener("error", broken, { once: true });
  });
}

/** Plays both videos from the same place, or pauses them. */
function play() {
  const videos = [...dialog.querySelectorAll("video")];
  const paused = videos.at(-1)?.paused;
  for (const video of videos) {
    video.currentTime = videos.at(-1).currentTime;
    if (paused) video.play();
    else video.pause();
  }
}

function note(text) {
  within(".stage-note").textContent = text;
}

function keep(url) {
  urls.push(url);
  return url;
}

function clear() {
  shown = null;
  for (const name of [".stage-before", ".stage-after"]) within(name).replaceChildren();
  urls.filter((url) => url.startsWith("blob:")).forEach((url) => URL.revokeObjectURL(url));
  urls = [];
}
