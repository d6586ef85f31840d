/** One MapLibre style out of the layers' own styles and what the user has chosen. */

import type { LayerSpecification, SourceSpecification, StyleSpecification } from "maplibre-gl";
import { BASE, type LayerInfo } from "./api";
import type { ToldLegend } from "./legend";
import type { State } from "./store";

const PAPER = { day: "#f4f2ec", dark: "#191d21" };
const ACCENT = { day: "#0b5fa5", dark: "#7cc4ff" };
const SELECTED = 390; // the outline of the chosen feature lies over everything but labels
const INK = { "text-color": "#dfe3e6", "text-halo-color": "#191d21" };

type Paint = Record<string, unknown>;
interface Metadata {
  /** Where the layer lies among all others; the default is that of its kind, see `orderOf`. */
  "maillage:order"?: number;
  /** Paint properties that replace the layer's own in dark mode. */
  "maillage:dark"?: Paint;
}

/** The style layers of one layer, as this state shows them; the legend draws the same ones. */
export function styleLayers(state: State, id: string): LayerSpecification[] {
  const layers = state.styles.get(id)?.layers ?? [];
  const own = layers.filter((layer) => "source" in layer && layer.source === id);
  return own.map((layer) => (state.dark ? darkened(layer) : layer));
}

/** The legend that a layer's style tells itself; null where it is to be found out. */
export function toldLegend(state: State, id: string): ToldLegend | null {
  const told = (state.styles.get(id)?.metadata ?? {}) as { "maillage:legend"?: ToldLegend };
  return told["maillage:legend"] ?? null;
}

function darkened(layer: LayerSpecification): LayerSpecification {
  const overrides = metadata(layer)["maillage:dark"] ?? (layer.type === "symbol" ? INK : null);
  return overrides ? ({ ...layer, paint: { ...layer.paint, ...overrides } } as LayerSpecification) : layer;
}

function metadata(layer: LayerSpecification): Metadata {
  return (layer.metadata ?? {}) as Metadata;
}

/** Surfaces below the outlines of surfaces, below lines, below points, below labels. */
function orderOf(layer: LayerSpecification, info: LayerInfo): number {
  const told = metadata(layer)["maillage:order"];
  if (typeof told === "number") return told;
  const surface = info.geometry.endsWith("Polygon");
  return { fill: 100, line: surface ? 150 : 200, circle: 300, symbol: 400 }[layer.type as string] ?? 50;
}

/** The whole map. Equal states give equal styles, so MapLibre applies only what differs. */
export function compose(state: State): StyleSpecification {
  const drawn = state.catalog.layers.flatMap((info) =>
    styleLayers(state, info.id).map((layer) => ({ order: orderOf(layer, info), layer: placed(layer, info, state) })),
  );
  drawn.push(...selectionLayers(state).map((layer) => ({ order: SELECTED, layer })));
  drawn.sort((a, b) => a.order - b.order);
  const sources: Record<string, SourceSpecification> = {};
  for (const info of state.catalog.layers) sources[info.id] = vectorSource(info);
  return {
    version: 8,
    name: "Maillage",
    glyphs: `${BASE}glyphs/{fontstack}/{range}.pbf`,
    sprite: `${BASE}sprites/maillage`,
    sources,
    layers: [background(state), ...drawn.map(({ layer }) => layer)],
  };
}

function vectorSource(info: LayerInfo): SourceSpecification {
  return {
    type: "vector",
    tiles: [`${BASE}tiles/${info.id}/{z}/{x}/{y}.mvt?rev=${info.revision}`],
    minzoom: info.zoom.min,
    maxzoom: info.zoom.max,
    ...(info.bbox ? { bounds: info.bbox } : {}),
  };
}

function background(state: State): LayerSpecification {
  return { id: "maillage:paper", type: "background", paint: { "background-color": tone(PAPER, state) } };
}

function tone(colours: { day: string; dark: string }, state: State): string {
  return state.dark ? colours.dark : colours.day;
}

function placed(layer: LayerSpecification, info: LayerInfo, state: State): LayerSpecification {
  const opacity = state.opacity.get(info.id) ?? 1;
  const visible = state.shown.has(info.id) && layer.layout?.visibility !== "none";
  return {
    ...layer,
    id: `${info.id}/${layer.id}`,
    source: info.id,
    // A tile may carry more than the layer itself, such as its label points.
    "source-layer": ("source-layer" in layer && layer["source-layer"]) || info.id,
    layout: { ...layer.layout, visibility: visible ? "visible" : "none" },
    paint: opacity < 1 ? faded(layer, opacity) : { ...layer.paint },
  } as LayerSpecification;
}

const OPACITIES: Record<string, string[]> = {
  fill: ["fill-opacity"],
  line: ["line-opacity"],
  circle: ["circle-opacity", "circle-stroke-opacity"],
  symbol: ["text-opacity", "icon-opacity"],
  "fill-extrusion": ["fill-extrusion-opacity"],
  heatmap: ["heatmap-opacity"],
};

function faded(layer: LayerSpecification, opacity: number): Paint {
  const paint: Paint = { ...layer.paint };
  for (const name of OPACITIES[layer.type] ?? []) paint[name] = times(paint[name] ?? 1, opacity);
  return paint;
}

/** Multiply a number, an expression or an old-style function; zoom may only stand outermost. */
export function times(value: unknown, factor: number): unknown {
  if (typeof value === "number") return value * factor;
  if (Array.isArray(value)) {
    const [operator] = value as [string];
    const first = operator === "step" ? 2 : operator.startsWith("interpolate") ? 4 : 0;
    if (!first) return ["*", factor, value];
    return value.map((part, at) => (at >= first && (at - first) % 2 === 0 ? times(part, factor) : part));
  }
  const { stops, ...rest } = value as { stops?: [unknown, unknown][] };
  return stops ? { ...rest, stops: stops.map(([at, output]) => [at, times(output, factor)]) } : value;
}

/** The outline of the feature whose attributes are open, or that a search found. */
function selectionLayers(state: State): LayerSpecification[] {
  const chosen = state.selection;
  const info = state.catalog.layers.find((layer) => layer.id === chosen?.layer);
  if (!chosen || !info) return [];
  const shared = {
    source: info.id,
    "source-layer": info.id,
    filter: ["==", ["id"], chosen.id] as ["==", ["id"], number | string],
  };
  const colour = tone(ACCENT, state);
  if (info.geometry.endsWith("Point")) {
    const paint = { "circle-radius": 15, "circle-opacity": 0, "circle-stroke-color": colour, "circle-stroke-width": 3 };
    return [{ id: "maillage:chosen", type: "circle", ...shared, paint }];
  }
  const halo = { "line-color": tone(PAPER, state), "line-width": 6, "line-opacity": 0.8 };
  const line = { "line-color": colour, "line-width": 3 };
  const layout = { "line-join": "round", "line-cap": "round" } as const;
  return [
    { id: "maillage:chosen-halo", type: "line", ...shared, layout, paint: halo },
    { id: "maillage:chosen", type: "line", ...shared, layout, paint: line },
  ];
}
