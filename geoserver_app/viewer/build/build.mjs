// Builds dist/: index.html, hashed assets, glyphs, sprites and the list of licences. No network.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { glyphRange, RANGES, readFonts } from "./glyphs.mjs";
import { collectLicences } from "./licences.mjs";
import { drawSheet, readIcons } from "./sprites.mjs";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(HERE, "dist");
const MODULES = join(HERE, "node_modules");
const FONT_FILES = join(MODULES, "@fontsource", "noto-sans", "files");
const FONTS = {
  "Noto Sans Regular": "400-normal",
  "Noto Sans Italic": "400-italic",
  "Noto Sans Medium": "500-normal",
  "Noto Sans Bold": "700-normal",
};
const COMPRESSED = /\.(js|mjs|css|html|json|pbf|svg)$/;

/** Write a file of the bundle, and its compressed twins where they help. */
async function save(path, bytes) {
  const target = join(DIST, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
  if (!COMPRESSED.test(path) || bytes.length < 512) return;
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };
  await writeFile(`${target}.br`, brotliCompressSync(bytes, quality));
  await writeFile(`${target}.gz`, gzipSync(bytes, { level: 9 }));
}

async function bundle() {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: {
      viewer: "src/main.ts",
      items: "src/items.ts",
      worker: join(MODULES, "maplibre-gl/dist/maplibre-gl-worker.mjs"),
    },
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    outdir: join(DIST, "assets"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    loader: { ".woff2": "file" },
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  for (const file of result.outputFiles) await save(join("assets", basename(file.path)), Buffer.from(file.contents));
  const names = result.outputFiles.map((file) => basename(file.path));
  return { names, inputs: Object.keys(result.metafile.inputs) };
}

async function page(names) {
  const favicon = await readFile(join(HERE, "src", "favicon.svg"));
  const icon = `assets/favicon-${createHash("sha256").update(favicon).digest("hex").slice(0, 8)}.svg`;
  await save(icon, favicon);
  const find = (start, end) => `assets/${names.find((name) => name.startsWith(start) && name.endsWith(end))}`;
  const values = {
    icon,
    script: find("viewer-", ".js"),
    sheet: find("viewer-", ".css"),
    worker: find("worker-", ".js"),
    font: find("noto-sans-latin-400", ".woff2"),
  };
  const template = await readFile(join(HERE, "src", "index.html"), "utf8");
  await save("index.html", Buffer.from(template.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key])));
}

async function glyphs() {
  for (const [name, variant] of Object.entries(FONTS)) {
    const scripts = ["latin", "latin-ext", "vietnamese", "greek"];
    const fonts = await readFonts(scripts.map((script) => join(FONT_FILES, `noto-sans-${script}-${variant}.woff`)));
    for (const start of RANGES)
      await save(`glyphs/${name}/${start}-${start + 255}.pbf`, glyphRange(name, fonts, start));
  }
}

async function sprites() {
  const icons = await readIcons(join(HERE, "icons"));
  for (const { name, source } of icons) await save(`sprites/${name}.svg`, Buffer.from(source));
  for (const [suffix, ratio] of [
    ["", 1],
    ["@2x", 2],
  ]) {
    const { png, json } = drawSheet(icons, ratio);
    await save(`sprites/maillage${suffix}.png`, png);
    await save(`sprites/maillage${suffix}.json`, json);
  }
}

await rm(DIST, { recursive: true, force: true });
const { names, inputs } = await bundle();
await Promise.all([page(names), glyphs(), sprites()]);
await save("licences.json", Buffer.from(JSON.stringify(await collectLicences(MODULES, inputs))));
