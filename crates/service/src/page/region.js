// The dialog in which models are tried on a part of a picture, before the whole is paid for.

import { enlarge } from "./api.js";
import { byId, make } from "./dom.js";
import { models } from "./models.js";
import { chooseModel, settings } from "./settings.js";
import { say } from "./say.js";
import { duration } from "./words.js";

const MOST_MODELS = 6;
const dialog = byId("region");
const within = (selector) => dialog.querySelector(selector);
const canvas = within("canvas");
const select = within("[name=part]");
let bitmap = null;
/** The middle of the part, in pixels of the picture. */
let middle = { x: 0, y: 0 };
let running = null;
let urls = [];

/** Makes the dialog ready. */
export function begin() {
  const actions = { close: () => dialog.close(), try: attempt };
  dialog.addEventListener("click", ({ target }) => actions[target.closest("[data-do]")?.dataset.do]?.());
  dialog.addEventListener("close", clear);
  select.addEventListener("change", () => moveTo(middle));
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const ratio = bitmap.width / box.width;
    moveTo({ x: (event.clientX - box.left) * ratio, y: (event.clientY - box.top) * ratio });
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && point(event));
  canvas.addEventListener("keydown", (event) => {
    const step = part().width / 8;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!by) return;
    event.preventDefault();
    moveTo({ x: middle.x + by[0], y: middle.y + by[1] });
  });
  new ResizeObserver(() => bitmap && draw()).observe(within(".region-picture"));
}

/** Opens the dialog for an item. */
export async function region(item) {
  clear();
  bitmap = await createImageBitmap(item.file);
  byId("region-title").textContent = `Try models on a part of ${item.path.split("/").pop()}`;
  const chosen = settings().model;
  const usual = models().slice(0, 3).map(({ name }) => name);
  const boxes = models().map(({ name }) => make(
    "label", { className: "check" },
    make("input", { type: "checkbox", name: "model", value: name, checked: name === chosen || usual.includes(name) }),
    make("span", {}, name),
  ));
  within(".region-models").replaceChildren(...boxes);
  within(".results").replaceChildren();
  dialog.showModal();
  moveTo({ x: bitmap.width / 2, y: bitmap.height / 2 });
  canvas.focus();
}

/** The part that is tried, in pixels of the picture. */
function part() {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.min(side, Number(select.value)));
  const held = (at, length, whole) => Math.round(Math.min(Math.max(at - length / 2, 0), whole - length));
  return { x: held(middle.x, width, bitmap.width), y: held(middle.y, height, bitmap.height), width, height };
}

function moveTo(place) {
  middle = place;
  const { x, y, width, height } = part();
  middle = { x: x + width / 2, y: y + height / 2 };
  draw();
}

function draw() {
  const room = within(".region-picture");
  const most = Math.min(innerHeight * 0.42, 420);
  const scale = Math.min(room.clientWidth / bitmap.width, most / bitmap.height);
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: bitmap.width * scale * ratio, height: bitmap.height * scale * ratio });
  canvas.style.width = `${bitmap.width * scale}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.scale(scale * ratio, scale * ratio);
  const { x, y, width, height } = part();
  context.drawImage(bitmap, 0, 0);
  context.fillStyle = "rgb(0 0 0 / 50%)";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, x, y, width, height, x, y, width, height);
  context.lineWidth = 2 / scale;
  context.strokeStyle = "#fff";
  context.strokeRect(x, y, width, height);
}

async function attempt() {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const { size } = settings();
  const scale = size === "pixels" ? 4 : Number(size);
  const cropped = crop(1);
  const names = [...dialog.querySelectorAll("[name=model]:checked")].slice(0, MOST_MODELS).map((box) => box.value);
  const cards = names.map((name) => card(name));
  const plain = card("Without a model", crop(scale));
  within(".results").replaceChildren(plain, ...cards);
  const picture = await new Promise((done) => cropped.toBlob(done, "image/png"));
  for (const [index, name] of names.entries()) {
    const begun = performance.now();
    try {
      const result = await enlarge(picture, { model: name, scale, format: "png" }, signal);
      const url = URL.createObjectURL(result);
      urls.push(url);
      const seconds = (performance.now() - begun) / 1000;
      const image = make("img", { src: url, alt: `The part, enlarged by ${name}` });
      const use = make("button", { type: "button", className: "button" }, "Use this model");
      use.addEventListener("click", () => {
        chooseModel(name);
        dialog.close();
        say(`${name} is chosen.`);
      });
      cards[index].replaceChildren(caption(name, seconds < 1 ? "less than 1 s" : duration(seconds)), image, use);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      cards[index].replaceChildren(caption(name), make("p", { className: "result-wait wrong" }, problem.message));
    }
  }
}

const caption = (name, words) =>
  make("p", { className: "result-name" }, make("strong", {}, name), words ? make("span", { className: "quiet" }, words) : null);

function card(name, picture = make("p", { className: "result-wait" }, "Enlarging…")) {
  return make("li", { className: "result" }, caption(name), picture);
}

/** The part as a canvas, enlarged as browsers do it. */
function crop(scale) {
  const { x, y, width, height } = part();
  const cropped = make("canvas", { width: width * scale, height: height * scale, role: "img", "aria-label": "The part, enlarged without a model" });
  const context = cropped.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, width, height, 0, 0, width * scale, height * scale);
  return cropped;
}

function clear() {
  running?.abort();
  bitmap?.close();
  bitmap = null;
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
}
