// How to enlarge: the form, as parameters of the server and as words.

import { byId } from "./dom.js";
import { keepSettings, settings as kept } from "./memory.js";

const LOSSY = ["", "jpeg", "webp", "avif"];
const form = byId("settings");
const changed = [];

/** Calls back when a setting changes. */
export const onSettings = (listener) => changed.push(listener);

/** The settings as they are: what the form holds. */
export function settings() {
  const data = new FormData(form);
  return {
    model: data.get("model") ?? "",
    size: data.get("size"),
    side: data.get("side"),
    pixels: data.get("pixels"),
    format: data.get("format"),
    film: data.get("film"),
    animation: data.get("animation"),
    quality: data.get("quality"),
    strip: data.has("strip"),
  };
}

/** The format of the result of a file of this kind; the file's own if "". */
const formatOf = ({ format, film = "", animation = "" }, kind) => ({ film, animation })[kind] ?? format;

/** The server's parameters for settings, for a file of this kind. */
export function parametersOf(settings, kind) {
  const { model, size, side, pixels, quality, strip } = settings;
  const format = formatOf(settings, kind);
  const parameters = {};
  if (model) parameters.model = model;
  if (size !== "pixels") parameters.scale = size;
  else if (side === "long" || side === "short") parameters[`${side}_side`] = pixels;
  else parameters.size = side === "width" ? `${pixels}x` : `x${pixels}`;
  if (format) parameters.format = format;
  if (kind !== "film" && LOSSY.includes(format)) parameters.quality = quality;
  if (strip) parameters.metadata = "strip";
  return parameters;
}

const SIDES = { long: "longer side", short: "shorter side", width: "width", height: "height" };

/** A word for the size, for names of files: `4x`, `3840px`. */
export const markOf = ({ size, pixels }) => (size === "pixels" ? `${pixels}px` : `${size}x`);

/** The settings in a few words, for a file of this kind. */
export function wordsOf(settings, kind) {
  const { model, size, side, pixels } = settings;
  const format = formatOf(settings, kind);
  const sized = size === "pixels" ? `${SIDES[side]} ${pixels} px` : `×${size}`;
  return [model, sized, format && format.toUpperCase()].filter(Boolean).join(" · ");
}

/** Whether the form can be used as it is; if not, the wrong field is shown. */
export const isSound = () => form.reportValidity();

/** Chooses a model, as if someone had clicked it. */
export function chooseModel(name) {
  const radio = [...form.querySelectorAll("input[name=model]")].find((input) => input.value === name);
  if (!radio) return;
  radio.checked = true;
  update();
}

/** Fills the form as it was last, and watches it. */
export function begin() {
  for (const [name, value] of Object.entries(kept())) {
    const fields = form.elements[name];
    if (!fields || name === "model") continue;
    if (name === "strip") fields.checked = value;
    else if (value !== null) fields.value = value;
  }
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  if (matchMedia("(max-width: 760px)").matches) byId("panel-fold").open = false;
  update();
}

/** The model that was chosen last, whether or not there still is one. */
export const lastModel = () => kept().model;

/** Shows what follows from the settings, and keeps them. */
export function update() {
  const now = settings();
  const byPixels = now.size === "pixels";
  byId("pixels").hidden = !byPixels;
  form.elements.pixels.disabled = !byPixels;
  form.elements.pixels.required = byPixels;
  form.elements["quality-shown"].value = now.quality;
  byId("quality").classList.toggle("is-off", !LOSSY.includes(now.format));
  form.elements.quality.disabled = !LOSSY.includes(now.format);
  byId("settings-short").textContent = wordsOf(now);
  if (now.model) keepSettings(now);
  changed.forEach((listener) => listener(now));
}
