// Zip files without compression: pictures and videos are compressed already. (PKWARE's APPNOTE.TXT, sections 4.3 and 4.4)

const MOST = 0xffffffff;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x0800;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Yields the pieces of a zip of `{ name, blob, date }`. Holds one piece of one blob at a time. */
export async function* zip(entries) {
  const central = [];
  let offset = 0;
  for await (const { name, blob, date } of entries) {
    const entry = { name: new TextEncoder().encode(name), size: blob.size, crc: await crc(blob), offset, stamp: stamp(date) };
    const head = localHeader(entry);
    if (offset + head.length + blob.size > MOST) {
      throw new Error("More than 4 GB do not fit into one zip. Please download the files one by one.");
    }
    yield head;
    yield blob;
    offset += head.length + blob.size;
    central.push(centralHeader(entry));
  }
  const length = central.reduce((sum, header) => sum + header.length, 0);
  yield* central;
  yield fields([[END, 4], [0, 2], [0, 2], [central.length, 2], [central.length, 2], [length, 4], [offset, 4], [0, 2]]);
}

/** Names of which no two are alike: the second `a.png` is `a (2).png`. Nothing leads out of the folder. */
export function unique(names) {
  const seen = new Set();
  return names.map((name) => {
    const safe = name.split("/").filter((part) => part && part !== "." && part !== "..").join("/");
    let next = safe;
    for (let number = 2; seen.has(next.toLowerCase()); number += 1) next = safe.replace(/(\.[^./]*)?$/, ` (${number})$1`);
    seen.add(next.toLowerCase());
    return next;
  });
}

async function crc(blob) {
  let value = MOST;
  const reader = blob.stream().getReader();
  for (;;) {
    const { done, value: piece } = await reader.read();
    if (done) return ~value >>> 0;
    for (const byte of piece) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  }
}

/** Time and date as MS-DOS had them. */
function stamp(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return [[time, 2], [day, 2]];
}

const common = ({ name, size, crc, stamp }) =>
  [[VERSION, 2], [FLAGS, 2], [0, 2], ...stamp, [crc, 4], [size, 4], [size, 4], [name.length, 2], [0, 2]];

const localHeader = (entry) => fields([[LOCAL, 4], ...common(entry)], entry.name);

const centralHeader = (entry) =>
  fields([[CENTRAL, 4], [VERSION, 2], ...common(entry), [0, 2], [0, 2], [0, 2], [0, 4], [entry.offset, 4]], entry.name);

function fields(list, tail = new Uint8Array()) {
  const length = list.reduce((sum, [, width]) => sum + width, 0);
  const bytes = new Uint8Array(length + tail.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, width] of list) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  bytes.set(tail, length);
  return bytes;
}
