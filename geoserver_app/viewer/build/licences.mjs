// The licence text of every package whose code or data ends up in the bundle.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Packages taken as data, which the bundler's list of inputs does not name. */
const DATA = ["@fontsource/noto-sans"];

/** MapLibre ships already bundled: these of its dependencies are inside its file. */
async function insideMaplibre(modules) {
  const { dependencies } = JSON.parse(await readFile(join(modules, "maplibre-gl", "package.json"), "utf8"));
  return Object.keys(dependencies).filter((name) => !name.startsWith("@types/"));
}

/** List `{name, version, licence, text}` for the bundler's inputs, MapLibre's parts and the fonts. */
export async function collectLicences(modules, inputs) {
  const bundled = inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean);
  const names = new Set([...bundled, ...(await insideMaplibre(modules)), ...DATA]);
  return Promise.all([...names].sort().map((name) => readLicence(modules, name)));
}

async function readLicence(modules, name) {
  const folder = join(modules, name);
  const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file ? (await readFile(join(folder, file), "utf8")).trim() : "";
  return { name, version: about.version, licence: about.license ?? "", text };
}
