// A small picture of each file, and its size; one after the other, so that many files do not fill the memory.

const SIDE = 96;
let chain = Promise.resolve();

/** Looks at items and calls back for each that could be looked at. */
export function describe(items, done) {
  for (const item of items) chain = chain.then(() => look(item)).then(() => done(item), () => {});
}

async function look(item) {
  if (item.kind === "archive" || item.thumb) return;
  const source = item.kind === "film" ? await film(item.file) : await createImageBitmap(item.file);
  item.width = source.width || source.videoWidth;
  item.height = source.height || source.videoHeight;
  item.thumb = small(source, item.width, item.height);
  source.close?.();
  if (source.src) URL.revokeObjectURL(source.src);
}

function small(source, width, height) {
  const side = Math.min(width, height);
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  return canvas.toDataURL("image/webp", 0.7);
}

function film(file) {
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto" });
  return new Promise((done, failed) => {
    const giveUp = setTimeout(() => failed(new Error("it takes too long")), 5000);
    video.addEventListener("loadeddata", () => { clearTimeout(giveUp); done(video); });
    video.addEventListener("error", () => { clearTimeout(giveUp); failed(new Error("it cannot be shown")); });
    video.src = URL.createObjectURL(file);
  });
}
