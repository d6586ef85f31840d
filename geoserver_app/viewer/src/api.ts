/** What the server answers, and asking for it. Every address is on the page's own origin. */

import type { Feature, FeatureCollection } from "geojson";
import type { StyleSpecification } from "maplibre-gl";
import type { Language, Text } from "./i18n";

export interface FieldInfo {
  name: string;
  type: string;
  title: Text;
  unit: string | null;
  codes: { value: string; title: Text }[];
}

/** How severe a zone is: the word for its value of `field`, else `default`. */
export interface Risk {
  kind: string;
  field: string | null;
  default: string;
  severity: Record<string, string>;
}

export interface LayerInfo {
  id: string;
  title: Text;
  abstract: Text;
  group: string;
  geometry: string;
  attribution: string;
  licence: { name: string; url: string | null };
  date: string | null;
  loaded_at: string;
  revision: number;
  count: number;
  bbox: [number, number, number, number] | null;
  exercise: number;
  visible: boolean;
  label: string | null;
  zoom: { min: number; max: number };
  fields: FieldInfo[];
  risk: Risk | null;
  style: string;
  items: string;
  pack: string | null;
}

/** Whether nothing in a layer is real. */
export function isFictional(layer: LayerInfo): boolean {
  return layer.count > 0 && layer.exercise >= layer.count;
}

export interface Catalog {
  layers: LayerInfo[];
  groups: { id: string; title: Text }[];
  exercise: boolean;
}

export type Styles = ReadonlyMap<string, StyleSpecification>;

/** Where the server is: the page's own folder, so a proxy may put us under a path. */
export const BASE = new URL(".", document.baseURI).href;

/** Bring an address the server gave to the page's origin; a proxy may be known by another name. */
export function local(address: string): string {
  const url = new URL(address, BASE);
  return new URL(url.pathname + url.search, BASE).href;
}

async function askJson<T>(address: string, accept: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(local(address), { headers: { Accept: accept }, signal });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return (await response.json()) as T;
}

/** Asks for the catalogue again and again; an unchanged one costs the server no query. */
export class CatalogReader {
  private etag = "";

  /** The catalogue, or null where it has not changed since the last call. */
  async read(): Promise<Catalog | null> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.etag) headers["If-None-Match"] = this.etag;
    const response = await fetch(local("api/layers"), { headers, cache: "no-store" });
    if (response.status === 304) return null;
    if (!response.ok) throw new Error(`api/layers answered ${response.status}`);
    const catalog = (await response.json()) as Catalog;
    this.etag = response.headers.get("ETag") ?? "";
    return catalog;
  }
}

/** The styles of all layers; a layer whose style cannot be had is left out. */
export async function readStyles(layers: LayerInfo[]): Promise<Styles> {
  const found = await Promise.all(
    layers.map(async (layer) => {
      try {
        return [layer.id, await askJson<StyleSpecification>(layer.style, "application/json")] as const;
      } catch {
        return null;
      }
    }),
  );
  return new Map(found.filter((entry) => entry !== null));
}

export function searchCommunes(text: string, language: Language, signal: AbortSignal): Promise<FeatureCollection> {
  const query = new URLSearchParams({ q: text, limit: "8", lang: language });
  return askJson(`api/search?${query}`, "application/geo+json, application/json", signal);
}

/** Address of one feature's page. */
export function itemAddress(layer: LayerInfo, id: number | string): string {
  const url = new URL(local(layer.items));
  return `${url.origin}${url.pathname.replace(/\/$/, "")}/${encodeURIComponent(String(id))}`;
}

export function readItem(layer: LayerInfo, id: number | string, signal: AbortSignal): Promise<Feature> {
  return askJson(itemAddress(layer, id), "application/geo+json", signal);
}
