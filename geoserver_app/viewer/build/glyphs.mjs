// Signed distance fields of a font's glyphs, in the glyph PBF format that MapLibre reads.
import { readFile } from "node:fs/promises";
import opentype from "opentype.js";

const SIZE = 24; // pixels per em the renderer assumes
const BUFFER = 3; // pixels around a glyph's box
const RADIUS = 8; // pixels over which the distance is kept
const CUTOFF = 64; // value of the outline is 255 - 64
const STEPS = 6; // segments per curve: under 1/20 pixel from the true outline at this size

/** The ranges of 256 characters that are made; the server answers any other with an empty one. */
export const RANGES = [0, 256, 512, 7680, 8192, 8448];

/** Read the parts of a font (one file per script) as one list of fonts, looked up in order. */
export async function readFonts(paths) {
  const files = await Promise.all(paths.map((path) => readFile(path)));
  return files.map((file) => opentype.parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)));
}

/** The PBF of one font and one range of 256 characters starting at `start`. */
export function glyphRange(name, fonts, start) {
  const glyphs = [];
  for (let code = start; code < start + 256; code++) {
    const font = fonts.find((one) => one.charToGlyphIndex(String.fromCodePoint(code)) > 0);
    if (font && code >= 32) glyphs.push(field(3, encodeGlyph(code, drawGlyph(font, code))));
  }
  const stack = Buffer.concat([
    field(1, Buffer.from(name)),
    field(2, Buffer.from(`${start}-${start + 255}`)),
    ...glyphs,
  ]);
  return field(1, stack);
}

function drawGlyph(font, code) {
  const glyph = font.charToGlyph(String.fromCodePoint(code));
  const scale = SIZE / font.unitsPerEm;
  const advance = Math.round(glyph.advanceWidth * scale);
  const segments = flatten(glyph.getPath(0, 0, SIZE).commands);
  if (!segments.length) return { width: 0, height: 0, left: 0, top: 0, advance, bitmap: null };
  const xs = segments.flatMap(([x1, , x2]) => [x1, x2]);
  const ys = segments.flatMap(([, y1, , y2]) => [y1, y2]);
  const left = Math.floor(Math.min(...xs));
  const highest = Math.floor(Math.min(...ys)); // y grows downwards from the baseline
  const width = Math.ceil(Math.max(...xs)) - left;
  const height = Math.ceil(Math.max(...ys)) - highest;
  const ascender = Math.ceil(font.ascender * scale);
  return {
    width,
    height,
    left,
    top: -highest - ascender,
    advance,
    bitmap: field24(segments, left, highest, width, height),
  };
}

/** Distances at pixel centres; inside is nearer to 255. */
function field24(segments, left, highest, width, height) {
  const columns = width + 2 * BUFFER;
  const rows = height + 2 * BUFFER;
  const bitmap = Buffer.alloc(columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [distance, winding] = nearest(segments, left + column - BUFFER + 0.5, highest + row - BUFFER + 0.5);
      const outside = (winding === 0 ? distance : -distance) * (256 / RADIUS) + CUTOFF;
      bitmap[row * columns + column] = 255 - Math.max(0, Math.min(255, Math.round(outside)));
    }
  }
  return bitmap;
}

/** Distance from a point to the nearest segment, and the outline's winding number around it. */
function nearest(segments, x, y) {
  let best = RADIUS * RADIUS;
  let winding = 0;
  for (const [x1, y1, x2, y2] of segments) {
    const dx = x2 - x1;
    const dy = y2 - y1;
    const along = Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)));
    best = Math.min(best, (x - x1 - along * dx) ** 2 + (y - y1 - along * dy) ** 2);
    if (y1 <= y !== y2 <= y && x < x1 + ((y - y1) / dy) * dx) winding += dy > 0 ? 1 : -1;
  }
  return [Math.sqrt(best), winding];
}

function flatten(commands) {
  const segments = [];
  let [startX, startY, x, y] = [0, 0, 0, 0];
  const to = (nextX, nextY) => {
    if (nextX !== x || nextY !== y) segments.push([x, y, nextX, nextY]);
    [x, y] = [nextX, nextY];
  };
  for (const command of commands) {
    if (command.type === "M") [startX, startY, x, y] = [command.x, command.y, command.x, command.y];
    else if (command.type === "L") to(command.x, command.y);
    else if (command.type === "Z") to(startX, startY);
    else for (const [pointX, pointY] of curve(x, y, command)) to(pointX, pointY);
  }
  return segments;
}

function curve(x, y, { x1, y1, x2, y2, x: endX, y: endY }) {
  const cubic = x2 !== undefined;
  return Array.from({ length: STEPS }, (_, index) => {
    const t = (index + 1) / STEPS;
    const u = 1 - t;
    if (cubic) {
      const weigh = (a, b, c, d) => u ** 3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t ** 3 * d;
      return [weigh(x, x1, x2, endX), weigh(y, y1, y2, endY)];
    }
    const weigh = (a, b, c) => u * u * a + 2 * u * t * b + t * t * c;
    return [weigh(x, x1, endX), weigh(y, y1, endY)];
  });
}

function encodeGlyph(code, { width, height, left, top, advance, bitmap }) {
  return Buffer.concat([
    number(1, code),
    bitmap ? field(2, bitmap) : Buffer.alloc(0),
    number(3, width),
    number(4, height),
    number(5, zigzag(left)),
    number(6, zigzag(top)),
    number(7, advance),
  ]);
}

const zigzag = (value) => (value < 0 ? -2 * value - 1 : 2 * value);

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

const number = (tag, value) => Buffer.concat([varint(tag * 8), varint(value)]);
const field = (tag, bytes) => Buffer.concat([varint(tag * 8 + 2), varint(bytes.length), bytes]);
