// Which files are worth sending, and what their results are called.

const PICTURES = "png jpg jpeg jfif jpe webp avif jxl tif tiff bmp pnm ppm pgm pbm pam pfm qoi exr hdr tga apng";
const FILMS = "mp4 m4v mov mkv webm avi mpg mpeg ts m2ts wmv flv ogv 3gp";
const BOXES = "zip cbz";
const KINDS = new Map([
  ...PICTURES.split(" ").map((name) => [name, "picture"]),
  ...FILMS.split(" ").map((name) => [name, "film"]),
  ...BOXES.split(" ").map((name) => [name, "archive"]),
  ["gif", "animation"],
]);

const EXTENSIONS = {
  "image/png": "png", "image/apng": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif",
  "image/tiff": "tiff", "image/bmp": "bmp", "image/gif": "gif", "image/qoi": "qoi", "image/jxl": "jxl",
  "video/mp4": "mp4", "video/webm": "webm", "video/x-matroska": "mkv", "video/quicktime": "mov",
  "video/mp2t": "ts", "video/x-msvideo": "avi", "video/x-nut": "nut",
  "application/zip": "zip", "application/vnd.comicbook+zip": "cbz", "application/json": "json",
};

/** Files that systems leave in folders, and nobody means. */
const LITTER = /^(\.|thumbs\.db$|desktop\.ini$|__macosx$)/i;

const extension = (name) => /\.([a-z0-9]+)$/i.exec(name)?.[1].toLowerCase() ?? "";

/** "picture", "animation", "film", "archive", or null. */
export function kindOf({ name, type }) {
  const known = KINDS.get(extension(name));
  if (known) return known;
  if (type.startsWith("image/")) return "picture";
  return type.startsWith("video/") ? "film" : null;
}

/** Whether a file or a folder of this name lies there by accident. */
export const isLitter = (name) => LITTER.test(name);

/** The name under which a result is saved: `dir/cat.jpg` and `image/png` are `dir/cat-4x.png`. */
export function resultName(path, mime, mark) {
  const stem = path.replace(/\.[a-z0-9]+$/i, "");
  return `${stem}${mark ? `-${mark}` : ""}.${EXTENSIONS[mime] ?? (extension(path) || "bin")}`;
}

/** The icon that stands for a kind. */
export const iconOf = (kind) => ({ film: "film", archive: "box" })[kind] ?? "picture";
