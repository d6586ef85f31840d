/** The small map on the pages of OGC API Features: the features of the page, in their layer's own style. */

import "maplibre-gl/dist/maplibre-gl.css";
import {
  LngLatBounds,
  Map as MapLibre,
  ScaleControl,
  setWorkerUrl,
  type LayerSpecification,
  type StyleSpecification,
} from "maplibre-gl";
import { say, type Language } from "./i18n";
import type { FeatureCollection, Feature, Position } from "geojson";

const SOURCE = "items";
const PAPER = "#f4f2ec";
const ACCENT = "#0b5fa5";

async function read<T>(href: string): Promise<T> {
  const answer = await fetch(href);
  if (!answer.ok) throw new Error(`${href}: ${answer.status}`);
  return (await answer.json()) as T;
}

/** The layer's style layers on the features of this page, which are no tiles. */
function onItems(style: StyleSpecification): LayerSpecification[] {
  return style.layers.flatMap((layer) => {
    if (!("source" in layer)) return [];
    const {
      "source-layer": _,
      minzoom: __,
      maxzoom: ___,
      ...kept
    } = layer as LayerSpecification & Record<string, unknown>;
    return [{ ...kept, source: SOURCE } as LayerSpecification];
  });
}

/** A glow under a feature that is alone on its page; a thin line would be lost. */
const GLOW: LayerSpecification[] = [
  {
    id: "glow-line",
    type: "line",
    source: SOURCE,
    filter: ["!=", ["geometry-type"], "Point"],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": ACCENT, "line-width": 9, "line-opacity": 0.3 },
  },
  {
    id: "glow-point",
    type: "circle",
    source: SOURCE,
    filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-color": ACCENT, "circle-radius": 16, "circle-opacity": 0.3 },
  },
];

function bounds(features: Feature[]): LngLatBounds {
  const box = new LngLatBounds();
  const extend = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    if (typeof part[0] === "number") box.extend(part.slice(0, 2) as Position as [number, number]);
    else part.forEach(extend);
  };
  for (const { geometry } of features) if (geometry && "coordinates" in geometry) extend(geometry.coordinates);
  return box;
}

/** Below the features: the communes, from tiles, so that one knows where this is. */
async function beneath(styleHref: string): Promise<Pick<StyleSpecification, "sources" | "layers">> {
  if (!styleHref) return { sources: {}, layers: [] };
  const style = await read<StyleSpecification>(styleHref);
  return { sources: style.sources, layers: style.layers.filter((layer) => "source" in layer) };
}

async function start(container: HTMLElement): Promise<void> {
  const { features: href = "", style: styleHref = "", worker = "", attribution = "" } = container.dataset;
  setWorkerUrl(worker);
  const language: Language = document.documentElement.lang === "en" ? "en" : "fr";
  const [style, answer] = await Promise.all([
    read<StyleSpecification>(styleHref),
    read<FeatureCollection | Feature>(href),
  ]);
  const features = answer.type === "Feature" ? [answer] : answer.features;
  const place = await beneath(container.dataset["place"] ?? "");
  const map = new MapLibre({
    container,
    style: {
      version: 8,
      ...(style.glyphs ? { glyphs: style.glyphs } : {}),
      ...(style.sprite ? { sprite: style.sprite } : {}),
      sources: { ...place.sources, [SOURCE]: { type: "geojson", data: { type: "FeatureCollection", features } } },
      layers: [
        { id: "paper", type: "background", paint: { "background-color": PAPER } },
        ...place.layers,
        ...(answer.type === "Feature" ? GLOW : []),
        ...onItems(style),
      ],
    },
    bounds: bounds(features),
    fitBoundsOptions: { padding: 30, maxZoom: 15, animate: false },
    attributionControl: { compact: false, customAttribution: attribution },
    dragRotate: false,
    cooperativeGestures: true,
    locale: {
      "Map.Title": say("map", language),
      "CooperativeGesturesHandler.WindowsHelpText": say("useControl", language),
      "CooperativeGesturesHandler.MacHelpText": say("useCommand", language),
      "CooperativeGesturesHandler.MobileHelpText": say("useFingers", language),
    },
  });
  map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
  map.on("styleimagemissing", ({ id }) => void (map.hasImage(id) || map.addImage(id, new ImageData(1, 1))));
  container.dataset["ready"] = "loading";
  map.once("idle", () => (container.dataset["ready"] = "yes"));
  if (answer.type === "Feature") return;
  const page = new URL(href);
  for (const { id } of onItems(style)) {
    map.on("click", id, ({ features: [found] = [] }) => {
      if (found) location.href = `${page.origin}${page.pathname}/${found.id}?lang=${document.documentElement.lang}`;
    });
    map.on("mouseenter", id, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", id, () => (map.getCanvas().style.cursor = ""));
  }
}

const container = document.getElementById("map");
if (container && document.createElement("canvas").getContext("webgl2")) void start(container);
else container?.remove();
