/**
 * Reads the strip of the clock card (tests/home/www/clock-card.js) out of a video picture: two magenta cells,
 * 24 bits of the wall clock in milliseconds, 8 bits of checksum, two green cells.
 */
export const TIME_RANGE = 2 ** 24;
const BITS = 32;
const MARK_CELLS = 2;
const CELLS = BITS + 2 * MARK_CELLS;
const SMALLEST_CELL = 3; // px: less does not survive 4:2:0 colour
const ROW_STEP = 4; // px between the rows that are searched
const ROWS_READ = 4; // px: a few rows averaged take the encoder's noise out
const GIVE_UP_AFTER = 8; // unreadable pictures in a row until the strip is searched anew
const SEARCH_EVERY = 500; // ms: searching reads the whole picture

function checksum(value) {
  let crc = 0xff;
  for (const byte of [value >>> 16, (value >>> 8) & 0xff, value & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

const isMagenta = (r, g, b) => r > 140 && g < 115 && b > 140;
const isGreen = (r, g, b) => r < 115 && g > 140 && b < 115;

/** A picture in memory: `data` has `step` bytes a pixel, of which the one at `light` tells white from black. */
async function copy(frame, options, layout) {
  const data = new Uint8Array(frame.allocationSize(options));
  const [{ offset, stride }] = await frame.copyTo(data, options);
  return { data, offset, stride, ...layout };
}

/** The whole picture in colour. */
function copyAll(frame) {
  const { width, height } = frame.visibleRect;
  return copy(frame, { format: "RGBX" }, { step: 4, light: 1, width, height });
}

/** A few rows from (x, y) on, even numbers all; without colour, as decoders keep that apart. */
function copyRows(frame, x, y, width) {
  const planar = /^(I4|NV)/.test(frame.format);
  const layout = planar ? { step: 1, light: 0 } : { step: 4, light: 1 };
  return copy(frame, { rect: { x, y, width, height: ROWS_READ } }, { ...layout, width, height: ROWS_READ });
}

/** Runs of pixels in one row for which `test(r, g, b)` holds, as [start, end) pairs. */
function runs({ data, offset, stride, width }, y, test) {
  const found = [];
  let start = -1;
  for (let x = 0, at = offset + y * stride; x <= width; x++, at += 4) {
    const hit = x < width && test(data[at], data[at + 1], data[at + 2]);
    if (hit && start < 0) start = x;
    if (!hit && start >= 0) {
      if (x - start >= SMALLEST_CELL) found.push([start, x]);
      start = -1;
    }
  }
  return found;
}

/** The time in milliseconds modulo TIME_RANGE in rows [y, y + rows) of the image, or null when unreadable. */
function decode({ data, offset, stride, step, light }, left, cell, y, rows) {
  let time = 0;
  let check = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const x = Math.floor(left + (MARK_CELLS + bit + 0.5) * cell);
    let sum = 0;
    for (let row = y; row < y + rows; row++) sum += data[offset + row * stride + x * step + light];
    const one = sum > 128 * rows ? 1 : 0;
    if (bit < 24) time = time * 2 + one;
    else check = check * 2 + one;
  }
  return check === checksum(time) ? time : null;
}

/** Where a strip may lie in row y: pairs of marks whose widths fit the distance between them. */
function* candidates(image, y) {
  const ends = runs(image, y, isGreen);
  if (!ends.length) return;
  for (const [left, leftEnd] of runs(image, y, isMagenta)) {
    for (const [rightStart, right] of ends) {
      const cell = (right - left) / CELLS;
      const fits = (width) => Math.abs(width - MARK_CELLS * cell) < cell;
      if (cell >= SMALLEST_CELL && fits(leftEnd - left) && fits(right - rightStart)) yield { left, cell };
    }
  }
}

/** The strip as {left, cell, y} in pixels, y in the middle of its height, and the time in it; or null. */
function find(image) {
  let best = null;
  let last = 0;
  for (let y = 0; y < image.height; y += ROW_STEP) {
    for (const place of candidates(image, y)) {
      const time = decode(image, place.left, place.cell, y, 1);
      if (time === null) continue;
      best ??= { ...place, time, top: y };
      last = y;
    }
    if (best && y - last > ROW_STEP) break;
  }
  return best && { ...best, y: even((best.top + last - ROWS_READ) / 2) };
}

const even = (number) => 2 * Math.floor(number / 2);

/** Reads the strip in picture after picture: searches the whole picture once, then looks at its rows only. */
export class StripReader {
  constructor() {
    this.reset();
  }

  /** Forgets where the strip is, and the count of unreadable pictures. */
  reset() {
    this._place = null;
    this._searched = -Infinity;
    this._failures = 0;
    this.unreadable = 0;
  }

  /** The time in the picture that the video shows now, in milliseconds modulo TIME_RANGE, or null. */
  async read(video) {
    if (!this._place && performance.now() - this._searched < SEARCH_EVERY) return null;
    const frame = new VideoFrame(video); // at once: the video moves on
    try {
      return await (this._place ? this._readRows(frame) : this._search(frame));
    } finally {
      frame.close();
    }
  }

  async _search(frame) {
    this._searched = performance.now();
    const found = find(await copyAll(frame));
    this._place = found;
    this._failures = 0;
    return found?.time ?? null;
  }

  async _readRows(frame) {
    const { left, cell, y } = this._place;
    const x = even(left);
    const { width, height } = frame.visibleRect;
    const right = Math.min(even(left + cell * CELLS), width);
    const inside = right > x && y + ROWS_READ <= height; // the size may have changed
    const rows = inside && (await copyRows(frame, x, y, right - x));
    const time = rows ? decode(rows, left - x, cell, 0, ROWS_READ) : null;
    this._count(time !== null);
    return time;
  }

  _count(readable) {
    this._failures = readable ? 0 : this._failures + 1;
    if (!readable) this.unreadable++;
    if (this._failures >= GIVE_UP_AFTER) this._place = null;
  }
}
