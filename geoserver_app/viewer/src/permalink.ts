/** The address of a view: everything needed to see the same map elsewhere, after the `#`. */

import type { Language } from "./i18n";

export interface View {
  zoom: number;
  lat: number;
  lon: number;
}

export interface Link {
  view: View | null;
  shown: ReadonlySet<string> | null;
  opacity: ReadonlyMap<string, number>;
  language: Language | null;
  dark: boolean | null;
}

/** Read an address; what it does not say, or says badly, is null. */
export function readLink(hash: string): Link {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const language = words.get("lang");
  const theme = words.get("theme");
  return {
    view: readView(words.get("map")),
    ...readLayers(words.get("layers")),
    language: language === "fr" || language === "en" ? language : null,
    dark: theme === "dark" || theme === "light" ? theme === "dark" : null,
  };
}

function readView(text: string | null): View | null {
  const [zoom, lat, lon] = (text ?? "").split("/").map((part) => (part ? Number(part) : NaN));
  if (zoom === undefined || lat === undefined || lon === undefined) return null;
  const fits = zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return fits ? { zoom, lat, lon } : null;
}

function readLayers(text: string | null): Pick<Link, "shown" | "opacity"> {
  if (text === null) return { shown: null, opacity: new Map() };
  const entries = text
    .split(",")
    .filter(Boolean)
    .map((entry) => entry.split(":") as [string, string?]);
  const opacity = entries.flatMap(([id, percent]): [string, number][] => {
    const value = Number(percent ?? NaN) / 100;
    return value >= 0 && value <= 1 ? [[id, value]] : [];
  });
  return { shown: new Set(entries.map(([id]) => id)), opacity: new Map(opacity) };
}

/** Write an address; `order` is the order in which layers are named. */
export function writeLink(link: Link, order: string[]): string {
  const words: string[] = [];
  if (link.view) {
    const { zoom, lat, lon } = link.view;
    words.push(`map=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`);
  }
  const layers = order
    .filter((id) => link.shown?.has(id))
    .map((id) => {
      const percent = Math.round((link.opacity.get(id) ?? 1) * 100);
      return percent === 100 ? id : `${id}:${percent}`;
    });
  words.push(`layers=${layers.join(",")}`);
  if (link.language) words.push(`lang=${link.language}`);
  if (link.dark !== null) words.push(`theme=${link.dark ? "dark" : "light"}`);
  return `#${words.join("&")}`;
}
