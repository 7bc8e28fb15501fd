// The models that the server has, and an example of what each does.

import { ask, enlarge } from "./api.js";
import { byId, make } from "./dom.js";
import { lastModel, onSettings, settings, update } from "./settings.js";
import { sentence } from "./words.js";

let all = [];
const examples = new Map();
let sample = "photo";
let showing = null;

/** The models, as the server tells of them. */
export const models = () => all;

/** Asks for the models and shows them. */
export async function begin() {
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => {
      for (const other of document.querySelectorAll("[data-sample]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      sample = button.dataset.sample;
      showExample();
    });
  }
  const slides = byId("example-slides");
  slides.querySelector("input").addEventListener("input", (event) => {
    slides.style.setProperty("--cut", `${event.target.value}%`);
  });
  onSettings(showExample);
  await load();
}

/** Asks for the models again, if there are none yet. */
export async function load() {
  if (all.length) return;
  const told = await ask("/v1/models");
  all = (Array.isArray(told) ? told : told.models).filter((model) => model.name);
  const last = all.find((model) => model.name === lastModel());
  const chosen = last ?? all.find((model) => model.default) ?? all[0];
  byId("model-list").replaceChildren(...all.map((model) => card(model, model === chosen)));
  update();
}

function card(model, checked) {
  const scale = model.scale ? make("span", { className: "badge" }, `×${model.scale}`) : null;
  const words = model.description ? make("span", { className: "quiet" }, sentence(model.description)) : null;
  return make(
    "label", { className: "model" },
    make("input", { type: "radio", name: "model", value: model.name, checked }),
    make("span", { className: "model-words" }, make("span", { className: "model-name" }, model.name, scale), words),
  );
}

async function showExample() {
  const { model } = settings();
  const wanted = `${model} ${sample}`;
  if (!model || wanted === showing) return;
  showing = wanted;
  const [figure, after, note] = ["example", "example-after", "example-note"].map(byId);
  figure.hidden = false;
  byId("example-before").src = `/page/${sample}.jpg`;
  after.classList.remove("is-there");
  note.textContent = "Making an example…";
  try {
    if (!examples.has(wanted)) examples.set(wanted, makeExample(model, sample));
    const url = await examples.get(wanted);
    if (showing !== wanted) return;
    after.src = url;
    await after.decode();
    after.classList.add("is-there");
    note.textContent = "Before | after";
  } catch {
    examples.delete(wanted);
    if (showing !== wanted) return;
    showing = null;
    note.textContent = "There is no example right now.";
  }
}

async function makeExample(model, name) {
  const picture = await (await fetch(`/page/${name}.jpg`)).blob();
  return URL.createObjectURL(await enlarge(picture, { model, scale: "4", format: "png" }));
}
