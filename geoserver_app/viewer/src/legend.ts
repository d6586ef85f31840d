/** The classes of a layer, found by evaluating its own style for each value that the style mentions. */

import { latest, normalizePropertyExpression, featureFilter } from "@maplibre/maplibre-gl-style-spec";
import type { LayerSpecification } from "maplibre-gl";
import type { LayerInfo } from "./api";
import { locale, say, type Language, type Text } from "./i18n";

type Properties = Record<string, unknown>;

/** Up to so many values of one class are named one by one. */
const FEW = 4;

/** How one class is drawn: what a swatch needs, and nothing of the map. */
export interface Swatch {
  fills: { colour: string; opacity: number; pattern?: string }[];
  lines: { colour: string; width: number; opacity: number; dash: number[] }[];
  circle?: { colour: string; radius: number; opacity: number; stroke: string; strokeWidth: number };
  icon?: string;
}

export interface LegendClass {
  label: string;
  swatch: Swatch;
}

/** What a style says of its own classes, in its metadata. */
export interface ToldLegend {
  field: string;
  classes: { value: unknown; title: Text }[];
}

/**
 * The classes that the style names, else those of its values in the order of the code list; one
 * unnamed class where nothing tells features apart.
 */
export function legendClasses(
  layers: LayerSpecification[],
  info: LayerInfo,
  language: Language,
  told: ToldLegend | null = null,
): LegendClass[] {
  const drawn = layers.filter((layer) => layer.type !== "symbol" || layer.layout?.["icon-image"] !== undefined);
  const zoom = typicalZoom(info);
  if (told) {
    return told.classes.map(({ value, title }) => ({
      label: title[language],
      swatch: swatchFor(drawn, info, zoom, { [told.field]: value }),
    }));
  }
  const field = mainField(drawn);
  const alike = new Map<string, { values: ClassValue[]; swatch: Swatch }>();
  for (const value of field ? valuesOf(drawn, field, info) : []) {
    const swatch = swatchFor(drawn, info, zoom, { [field ?? ""]: value.sample });
    if (isEmpty(swatch)) continue;
    const key = JSON.stringify(swatch);
    alike.set(key, { swatch, values: [...(alike.get(key)?.values ?? []), value] });
  }
  const classes = [...alike.values()].map(({ values, swatch }) => {
    const labels = values.map((value) => labelOf(value, field ?? "", info, language));
    return { label: shared([...new Set(labels)], language), swatch };
  });
  return classes.length > 1 ? classes : [{ label: "", swatch: plainSwatch(drawn, info, zoom, classes) }];
}

function plainSwatch(layers: LayerSpecification[], info: LayerInfo, zoom: number, kept: LegendClass[]): Swatch {
  const found = swatchFor(layers, info, zoom, {});
  return isEmpty(found) ? (kept[0]?.swatch ?? found) : found;
}

function isEmpty(swatch: Swatch): boolean {
  return !swatch.fills.length && !swatch.lines.length && !swatch.circle && !swatch.icon;
}

function typicalZoom(info: LayerInfo): number {
  return Math.min(Math.max(info.zoom.min, 14), 16);
}

// Which values the style tells apart

interface Mentioned {
  field: string;
  values: unknown[];
  /** Bounds of a `step` or `interpolate` over a number. */
  bounds?: number[];
}

interface ClassValue {
  sample: unknown;
  /** Stands for the values that neither the style nor a code list names. */
  other?: boolean;
  from?: number;
  to?: number;
}

/** The field that most of the style's expressions look at. */
function mainField(layers: LayerSpecification[]): string | null {
  const counts = new Map<string, number>();
  for (const { field, values, bounds } of layers.flatMap(mentions)) {
    counts.set(field, (counts.get(field) ?? 0) + values.length + (bounds?.length ?? 0));
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

/** Values compared with a field anywhere in a layer's filter, colours, widths or icon. */
function mentions(layer: LayerSpecification): Mentioned[] {
  const found: Mentioned[] = [];
  const filter = "filter" in layer ? layer.filter : undefined;
  const paint = Object.values(layer.paint ?? {}) as unknown[];
  for (const part of [filter, layer.layout?.visibility === "none" ? null : paint, iconOf(layer)]) visit(part, found);
  return found;
}

function iconOf(layer: LayerSpecification): unknown {
  return layer.type === "symbol" ? layer.layout?.["icon-image"] : undefined;
}

function visit(node: unknown, found: Mentioned[]): void {
  if (!Array.isArray(node)) return;
  const [operator, ...args] = node as [unknown, ...unknown[]];
  const field = fieldOf(args[0]) ?? fieldOf(args[1]);
  if (field && operator === "match") {
    found.push({
      field,
      values: args
        .slice(1, -1)
        .filter((_, at) => at % 2 === 0)
        .flat(),
    });
  } else if (field && (operator === "==" || operator === "!=")) {
    found.push({ field, values: args.filter((arg) => !Array.isArray(arg)) });
  } else if (operator === "in" && fieldOf(args[0])) {
    // The other way round it looks for a piece of text, which is no value of the field.
    found.push({ field: fieldOf(args[0]) ?? "", values: literalOf(args[1]) });
  } else if (field && operator === "step") {
    found.push({ field, values: [], bounds: args.slice(2).filter((_, at) => at % 2 === 0) as number[] });
  } else if (fieldOf(args[1]) && operator === "interpolate") {
    found.push({ field: fieldOf(args[1]) ?? "", values: args.slice(2).filter((_, at) => at % 2 === 0) });
  }
  for (const part of node) visit(part, found);
}

function fieldOf(node: unknown): string | null {
  if (!Array.isArray(node)) return null;
  if (node[0] === "get" && typeof node[1] === "string") return node[1];
  const wraps = ["to-string", "to-number", "string", "number", "coalesce", "downcase"];
  return wraps.includes(node[0] as string) ? fieldOf(node[1]) : null;
}

function literalOf(node: unknown): unknown[] {
  return Array.isArray(node) && node[0] === "literal" && Array.isArray(node[1]) ? node[1] : [];
}

function valuesOf(layers: LayerSpecification[], field: string, info: LayerInfo): ClassValue[] {
  const here = layers.flatMap(mentions).filter((mention) => mention.field === field);
  const bounds = [...new Set(here.flatMap((mention) => mention.bounds ?? []))].sort((a, b) => a - b);
  if (bounds.length) {
    const edges = [undefined, ...bounds, undefined];
    return edges.slice(1).map((to, at) => ({ sample: edges[at] ?? (to ?? 0) - 1, from: edges[at], to }));
  }
  const about = info.fields.find((one) => one.name === field);
  const numeric = about?.type === "integer" || about?.type === "number";
  const severities = info.risk?.field === field ? Object.keys(info.risk.severity) : [];
  const names = [...(about?.codes.map(({ value }) => value) ?? []), ...severities];
  const known = names.map((value): unknown => (numeric ? Number(value) : value));
  const rank = (value: unknown) => (known.includes(value) ? known.indexOf(value) : known.length);
  const values = [...new Set([...here.flatMap((mention) => mention.values), ...known])];
  const classes: ClassValue[] = values.sort((a, b) => rank(a) - rank(b)).map((sample) => ({ sample }));
  return known.length ? classes : [...classes, { sample: numeric ? Number.MIN_SAFE_INTEGER : "…", other: true }];
}

function labelOf(value: ClassValue, field: string, info: LayerInfo, language: Language): string {
  if (value.other) return say("otherValue", language);
  const about = info.fields.find((one) => one.name === field);
  const unit = about?.unit ? ` ${about.unit}` : "";
  const show = (number: number) => number.toLocaleString(locale(language));
  if (value.from !== undefined && value.to !== undefined) return `${show(value.from)} – ${show(value.to)}${unit}`;
  if (value.to !== undefined) return `< ${show(value.to)}${unit}`;
  if (value.from !== undefined) return `≥ ${show(value.from)}${unit}`;
  const code = about?.codes.find((one) => one.value === String(value.sample));
  if (code) return code.title[language];
  if (typeof value.sample === "boolean")
    return `${about?.title[language] ?? field} : ${say(value.sample ? "yes" : "no", language)}`;
  return typeof value.sample === "number" ? `${show(value.sample)}${unit}` : String(value.sample);
}

/** What labels of one class end or begin with ("Runoff, low hazard", "Overflow, low hazard"), else all of them. */
function shared(labels: string[], language: Language): string {
  const words = labels.map((label) => label.split(" "));
  const [first = []] = words;
  const count = (at: (list: string[], index: number) => string | undefined) => {
    let length = 0;
    while (length < first.length && words.every((list) => at(list, length) === at(first, length))) length++;
    return length;
  };
  const ends = count((list, index) => list.at(-1 - index));
  const begins = count((list, index) => list[index]);
  const common = ends > begins ? first.slice(-ends) : first.slice(0, begins);
  const text = common.join(" ").replace(/^[\s,;:–-]+|[\s,;:–-]+$/g, "");
  if (text) return text.charAt(0).toUpperCase() + text.slice(1);
  return labels.length > FEW ? say("otherValue", language) : labels.join(" · ");
}

// How a value is drawn

function swatchFor(layers: LayerSpecification[], info: LayerInfo, zoom: number, properties: Properties): Swatch {
  const swatch: Swatch = { fills: [], lines: [] };
  for (const layer of layers) {
    if (!isDrawn(layer, zoom) || !passes(layer, info, zoom, properties)) continue;
    const ask = <T>(name: string) => evaluate(layer, name, info, zoom, properties) as T;
    if (layer.type === "fill") {
      const pattern = layer.paint?.["fill-pattern"] ? String(ask("fill-pattern")) : undefined;
      swatch.fills.push({ colour: String(ask("fill-color")), opacity: ask("fill-opacity"), pattern });
      const outline = layer.paint?.["fill-outline-color"];
      if (outline) swatch.lines.push({ colour: String(ask("fill-outline-color")), width: 1, opacity: 1, dash: [] });
    } else if (layer.type === "line") {
      const dash = layer.paint?.["line-dasharray"] ? ask<number[]>("line-dasharray") : [];
      const line = {
        colour: String(ask("line-color")),
        width: ask<number>("line-width"),
        opacity: ask<number>("line-opacity"),
      };
      if (line.opacity > 0 && line.width > 0) swatch.lines.push({ ...line, dash });
    } else if (layer.type === "circle") {
      swatch.circle = {
        colour: String(ask("circle-color")),
        radius: ask("circle-radius"),
        opacity: ask("circle-opacity"),
        stroke: String(ask("circle-stroke-color")),
        strokeWidth: ask("circle-stroke-width"),
      };
    } else if (layer.type === "symbol" && layer.layout?.["symbol-placement"] === undefined) {
      swatch.icon = String(ask("icon-image") ?? "") || swatch.icon;
    }
  }
  return swatch;
}

function isDrawn(layer: LayerSpecification, zoom: number): boolean {
  return layer.layout?.visibility !== "none" && zoom >= (layer.minzoom ?? 0) && zoom < (layer.maxzoom ?? 25);
}

function passes(layer: LayerSpecification, info: LayerInfo, zoom: number, properties: Properties): boolean {
  if (!("filter" in layer) || layer.filter === undefined) return true;
  // Without a class to show, a filter on attributes says nothing about how the layer looks.
  if (!Object.keys(properties).length) return true;
  try {
    return featureFilter(layer.filter as never, `${layer.id}.filter`).filter({ zoom }, feature(info, properties));
  } catch {
    return true; // the map itself reports a filter that cannot be read
  }
}

function feature(info: LayerInfo, properties: Properties) {
  const type = info.geometry.endsWith("Polygon") ? 3 : info.geometry.endsWith("LineString") ? 2 : 1;
  return { type: type as 1 | 2 | 3, id: undefined, properties, geometry: [] };
}

function evaluate(
  layer: LayerSpecification,
  name: string,
  info: LayerInfo,
  zoom: number,
  properties: Properties,
): unknown {
  const group = name === "icon-image" ? "layout" : "paint";
  const known = latest as unknown as Record<string, Record<string, never>>;
  const specification = known[`${group}_${layer.type}`]?.[name];
  if (!specification) return undefined;
  const value = (layer[group] as Properties | undefined)?.[name] ?? (specification as { default?: unknown }).default;
  if (value === undefined) return undefined;
  try {
    const expression = normalizePropertyExpression(value as never, `${layer.id}.${name}`, specification);
    return expression.evaluate({ zoom }, feature(info, properties), {}, undefined, []);
  } catch {
    return (specification as { default?: unknown }).default;
  }
}
