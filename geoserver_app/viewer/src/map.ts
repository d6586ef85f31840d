/** The MapLibre map: made once, then kept equal to the state. */

import { AJAXError, Map as MapLibre, ScaleControl, setWorkerUrl, type VectorTileSource } from "maplibre-gl";
import { compose } from "./compose";
import { BASE } from "./api";
import { isPhone } from "./dom";
import type { Store } from "./store";
import type { View } from "./permalink";

/** Huy-Waremme, for the moment when no layer is there to say where to look. */
const TERRITORY: Box = [4.93, 50.33, 5.72, 50.8];
const PANEL_WIDTH = 372;

export type Box = [number, number, number, number];

/** Whether this browser can draw the map at all. */
export function hasWebgl2(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

/** Make the map at `view`, or over the whole territory. */
export function createMap(container: HTMLElement, store: Store, view: View | null): MapLibre {
  setWorkerUrl(new URL(document.documentElement.dataset["worker"] ?? "", BASE).href);
  const map = new MapLibre({
    container,
    style: compose(store.state),
    ...(view ? { center: [view.lon, view.lat], zoom: view.zoom } : { bounds: territory(store) }),
    fitBoundsOptions: { padding: room() },
    maxZoom: 20,
    minZoom: 5,
    // North stays up: in a crisis room a turned map is a mistake waiting to be made.
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    rollEnabled: false,
    maxPitch: 0,
    attributionControl: false,
    locale: { "Map.Title": store.say("map") },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new ScaleControl({ maxWidth: 110, unit: "metric" }), "bottom-left");
  // Tiles that fail are asked again, see missing.ts.
  map.on("error", ({ error }) => void (error instanceof AJAXError || console.warn(error)));
  map.on("styleimagemissing", ({ id }) => void (map.hasImage(id) || map.addImage(id, new ImageData(1, 1))));
  followState(map, store);
  tellProgress(map);
  return map;
}

/** The box of all layers, or of the territory where none has one yet. */
export function territory(store: Store): Box {
  const { layers } = store.state.catalog;
  const boxes = layers.flatMap((layer) => (layer.bbox ? [layer.bbox] : []));
  const communes = layers.find((layer) => layer.id === "communes")?.bbox;
  if (communes) return communes;
  return boxes.length ? boxes.reduce(union) : TERRITORY;
}

function union(a: Box, b: Box): Box {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

/** Space that the panel covers, so that what is asked for lands in the part of the map one sees. */
export function room() {
  if (isPhone()) return { top: 90, bottom: 110, left: 24, right: 24 };
  const panel = document.body.dataset["panel"] !== "closed";
  return { top: 48, bottom: 64, left: panel ? PANEL_WIDTH + 28 : 48, right: 64 };
}

/** From the middle of the map to the middle of what the panel leaves free, in pixels. */
export function middle(): [number, number] {
  const { top, bottom, left, right } = room();
  return [(left - right) / 2, (top - bottom) / 2];
}

export function showBox(map: MapLibre, box: Box): void {
  map.fitBounds(box, { padding: room(), maxZoom: 15, ...calm() });
}

/** Camera moves jump for those who asked their system for less motion. */
export function calm(): { animate?: boolean; duration?: number } {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? { animate: false } : { duration: 700 };
}

function followState(map: MapLibre, store: Store): void {
  // A style can be compared with its successor only once it has been read.
  let ready = false;
  const show = () => {
    if (!ready) return;
    document.documentElement.dataset["map"] = "busy";
    map.setStyle(compose(store.state), { diff: true });
    map.triggerRepaint(); // "idle" follows even where nothing differs
  };
  map.once("style.load", () => {
    ready = true;
    show();
  });
  store.listen((_, change) => {
    if (change.catalog && ready) replaceTiles(map, store);
    show();
    if (change.language) map.getCanvas().setAttribute("aria-label", store.say("map"));
  });
}

/** A new revision only changes the address of a layer's tiles: the old ones stay until the new ones come. */
function replaceTiles(map: MapLibre, store: Store): void {
  const next = compose(store.state).sources;
  for (const info of store.state.catalog.layers) {
    const source = map.getSource<VectorTileSource>(info.id);
    const wanted = next[info.id];
    if (!source || wanted?.type !== "vector" || !wanted.tiles) continue;
    if (source.tiles?.[0] !== wanted.tiles[0]) source.setTiles(wanted.tiles);
  }
}

/** `<html data-map>` is "idle" when everything asked for is drawn, "busy" while it is not. */
function tellProgress(map: MapLibre): void {
  const tell = (state: string) => () => void (document.documentElement.dataset["map"] = state);
  for (const event of ["movestart", "dataloading", "styledata"] as const) map.on(event, tell("busy"));
  map.on("idle", tell("idle"));
}
