// One sheet of all icons per pixel ratio, in the sprite format that MapLibre reads.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Resvg } from "@resvg/resvg-js";

const GAP = 2; // pixels between icons, so that interpolation never touches a neighbour
const COLUMNS = 8;

/** Icons may say more about themselves in `data-*` attributes of their root element. */
const STRETCHES = { "data-stretch-x": "stretchX", "data-stretch-y": "stretchY", "data-content": "content" };

/** Read every icon of a folder: its name, source and size in CSS pixels. */
export async function readIcons(folder) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".svg")).sort();
  return Promise.all(
    names.map(async (name) => {
      const source = await readFile(join(folder, name), "utf8");
      const [root] = source.match(/<svg[^>]*>/);
      return { name: name.slice(0, -4), source, root, width: size(root, "width"), height: size(root, "height") };
    }),
  );
}

/** The sheet at one pixel ratio: a PNG and its JSON index. */
export function drawSheet(icons, ratio) {
  const cell = Math.max(...icons.flatMap(({ width, height }) => [width, height])) + GAP;
  const index = {};
  const parts = icons.map(({ name, source, root, width, height }, at) => {
    const x = (at % COLUMNS) * cell;
    const y = Math.floor(at / COLUMNS) * cell;
    index[name] = {
      x: x * ratio,
      y: y * ratio,
      width: width * ratio,
      height: height * ratio,
      pixelRatio: ratio,
      ...extras(root, ratio),
    };
    return source.replace("<svg", `<svg x="${x}" y="${y}"`);
  });
  const [width, height] = [Math.min(icons.length, COLUMNS) * cell, Math.ceil(icons.length / COLUMNS) * cell];
  const sheet = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join("")}</svg>`;
  const png = new Resvg(sheet, { fitTo: { mode: "zoom", value: ratio }, font: { loadSystemFonts: false } })
    .render()
    .asPng();
  return { png, json: Buffer.from(JSON.stringify(index)) };
}

function size(root, name) {
  const [, value] = root.match(new RegExp(` ${name}="(\\d+)"`)) ?? [];
  if (!value) throw new Error(`an icon lacks its ${name}: ${root}`);
  return Number(value);
}

function extras(root, ratio) {
  const found = {};
  for (const [attribute, key] of Object.entries(STRETCHES)) {
    const [, value] = root.match(new RegExp(` ${attribute}="([^"]+)"`)) ?? [];
    if (!value) continue;
    const numbers = value.split(" ").map((text) => Number(text) * ratio);
    found[key] = key === "content" ? numbers : [numbers];
  }
  return found;
}
