/** A place said in the three systems that crisis teams here use. */

import proj4 from "proj4";
import { locale, type Language } from "./i18n";

/**
 * Belgian Lambert 72 (EPSG:31370). The signs of the three rotations are those of the coordinate
 * frame PROJ expects; the other convention, seen in many snippets, is 65 m off around Huy.
 */
const LAMBERT_72 =
  "+proj=lcc +lat_0=90 +lon_0=4.36748666666667 +lat_1=51.1666672333333 +lat_2=49.8333339 +x_0=150000.013 " +
  "+y_0=5400088.438 +ellps=intl +towgs84=-106.8686,52.2978,-103.7239,0.3366,-0.457,1.8422,-1.2747 +units=m +no_defs";

/** Belgian Lambert 2008 (EPSG:3812), on ETRS89: the same as WGS 84 to less than a metre. */
const LAMBERT_2008 =
  "+proj=lcc +lat_0=50.797815 +lon_0=4.35921583333333 +lat_1=49.8333333333333 +lat_2=51.1666666666667 " +
  "+x_0=649328 +y_0=665262 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m +no_defs";

const to72 = proj4("WGS84", LAMBERT_72);
const to2008 = proj4("WGS84", LAMBERT_2008);

export interface Place {
  lon: number;
  lat: number;
}

export interface Reading {
  system: string;
  /** For reading, in the user's language. */
  shown: string;
  /** For pasting into another program. */
  copied: string;
}

/** The three readings of a place. */
export function readings(place: Place, language: Language): Reading[] {
  const degrees = (value: number) =>
    value.toLocaleString(locale(language), { minimumFractionDigits: 5, maximumFractionDigits: 5 });
  const wgs84 = `${degrees(place.lat)}° N  ${degrees(place.lon)}° E`;
  return [
    { system: "WGS 84", shown: wgs84, copied: `${place.lat.toFixed(6)}, ${place.lon.toFixed(6)}` },
    metres("Lambert 72", to72.forward([place.lon, place.lat]), language),
    metres("Lambert 2008", to2008.forward([place.lon, place.lat]), language),
  ];
}

function metres(system: string, [x, y]: number[], language: Language): Reading {
  const whole = (value = NaN) =>
    Math.round(value)
      .toLocaleString(locale(language))
      .replace(/[  .,]/g, " ");
  return { system, shown: `${whole(x)}  ${whole(y)}`, copied: `${x?.toFixed(2)}, ${y?.toFixed(2)}` };
}

/**
 * Read typed coordinates: degrees, latitude or longitude first (here they cannot be confused), or
 * metres in Lambert 72 or 2008. Null where the text is not a pair in Belgium.
 */
export function parsePlace(text: string): Place | null {
  const numbers =
    text
      .replace(/(\d),(\d)/g, "$1.$2")
      .match(/-?\d+(\.\d+)?/g)
      ?.map(Number) ?? [];
  if (/[a-z]{2}/i.test(text) || numbers.length !== 2) return null;
  const [first, second] = numbers as [number, number];
  const pairs = [
    { lon: second, lat: first },
    { lon: first, lat: second },
    inverse(to72, first, second),
    inverse(to2008, first, second),
  ];
  return pairs.find(({ lon, lat }) => lon > 2.3 && lon < 6.6 && lat > 49.3 && lat < 51.7) ?? null;
}

function inverse(system: typeof to72, x: number, y: number): Place {
  if (Math.abs(x) < 1000 || Math.abs(y) < 1000) return { lon: NaN, lat: NaN };
  const [lon = NaN, lat = NaN] = system.inverse([x, y]);
  return { lon, lat };
}
