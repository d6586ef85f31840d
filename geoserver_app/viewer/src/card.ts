/** What stands where one clicks: the features there, with their attributes in words. */

import {
  LngLat,
  Popup,
  type Map as MapLibre,
  type MapGeoJSONFeature,
  type MapMouseEvent,
  type Point,
} from "maplibre-gl";
import { isFictional, itemAddress, readItem, type FieldInfo, type LayerInfo } from "./api";
import { fill, h, icon, isPhone } from "./dom";
import { locale, severityName, showDate, type Language } from "./i18n";
import { calm, room } from "./map";
import type { Store } from "./store";

type Properties = Record<string, unknown>;

interface Hit {
  layer: LayerInfo;
  id: number | string | undefined;
  properties: Properties;
}

/** A place on the map, clicked or, from the keyboard, the middle. */
type Where = Pick<MapMouseEvent, "point" | "lngLat">;

const REACH = 5; // pixels around the pointer, so that thin lines can be hit
const MOST = 12;
const SHEET_GAP = 60; // pixels between the place clicked and the sheet that tells about it
const EDGE = 16; // pixels that stay free around the card

/** Opens at a click; on a phone it is a sheet at the foot of the page instead of a bubble. */
export class Card {
  private readonly body = h("section", { class: "card", tabIndex: -1 });
  private popup: Popup | null = null;
  private hits: Hit[] = [];
  private place = new LngLat(0, 0);
  private asking: AbortController | null = null;

  constructor(
    private readonly map: MapLibre,
    private readonly store: Store,
  ) {
    map.on("click", (event) => this.openAt(event));
    map.getCanvas().addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.openAt({ point: map.project(map.getCenter()), lngLat: map.getCenter() });
    });
    let frame = 0;
    map.on("mousemove", ({ point }) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => this.point(point));
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.close();
    });
    store.listen((_, change) => {
      if (this.hits.length && (change.language || change.catalog)) this.draw();
    });
  }

  close(): void {
    if (!this.hits.length) return;
    const hadFocus = this.body.contains(document.activeElement);
    this.asking?.abort();
    this.hits = [];
    this.popup?.remove();
    this.popup = null;
    this.body.remove();
    delete document.body.dataset["card"];
    this.store.set({ selection: null });
    if (hadFocus) this.map.getCanvas().focus();
  }

  private openAt(event: Where): void {
    const hits = this.hitsAt(event);
    this.close();
    if (!hits.length) return;
    this.hits = hits;
    this.place = event.lngLat;
    this.draw();
    if (isPhone()) document.body.append(this.body);
    else {
      const options = {
        closeButton: false,
        closeOnClick: false,
        maxWidth: "340px",
        focusAfterOpen: false,
        padding: { top: 48, bottom: 48, left: 12, right: 60 },
      };
      this.popup = new Popup(options).setLngLat(event.lngLat).setDOMContent(this.body).addTo(this.map);
    }
    document.body.dataset["card"] = "open";
    this.body.focus({ preventScroll: true });
    this.keepInView();
    this.select(0);
  }

  /** Surfaces are everywhere: only what is small enough to be aimed at changes the pointer. */
  private point(point: Point): void {
    const aimed = this.near(point).some((one) => dimension(one) < 2);
    this.map.getCanvas().style.cursor = aimed ? "pointer" : "";
  }

  private near({ x, y }: Point): MapGeoJSONFeature[] {
    const layers = this.map.getLayersOrder().filter((id) => !id.startsWith("maillage:"));
    const found = this.map.queryRenderedFeatures(
      [
        [x - REACH, y - REACH],
        [x + REACH, y + REACH],
      ],
      { layers },
    );
    return found.filter((one) => !isName(one));
  }

  private hitsAt({ point }: Where): Hit[] {
    // A surface counts only where the pointer itself is: beside it one means something else.
    const under = new Set(this.map.queryRenderedFeatures(point).flatMap((one) => (isName(one) ? [] : keyOf(one))));
    const kept = this.near(point).filter((one) => dimension(one) < 2 || under.has(keyOf(one)));
    const hits = new Map<string, Hit>();
    for (const one of kept.sort((a, b) => dimension(a) - dimension(b))) {
      const layer = this.store.layer(one.source);
      if (layer && !hits.has(keyOf(one))) hits.set(keyOf(one), { layer, id: one.id, properties: one.properties });
    }
    return [...hits.values()].slice(0, MOST);
  }

  private draw(): void {
    const { language } = this.store.state;
    const close = h(
      "button",
      {
        type: "button",
        class: "quiet",
        "aria-label": this.store.say("close"),
        id: "card-close",
        onclick: () => this.close(),
      },
      icon("close"),
    );
    const count = this.hits.length > 1 ? ` · ${this.hits.length} ${this.store.say("objects")}` : "";
    const head = h("header", {}, h("span", { class: "where" }, `${this.store.say("here")}${count}`), close);
    const opened = [...this.body.querySelectorAll("details")].map((part) => part.open);
    const parts = this.hits.map((hit, at) => this.part(hit, opened[at] ?? at === 0, language));
    this.body.setAttribute("aria-label", this.store.say("here"));
    fill(this.body, head, h("div", { class: "hits" }, ...parts));
  }

  private part(hit: Hit, open: boolean, language: Language): HTMLElement {
    const { layer } = hit;
    const title = h("span", { class: "feature" }, featureName(hit, language));
    const summary = h(
      "summary",
      {},
      h("span", { class: "kind" }, layer.title[language]),
      title,
      this.badges(hit, language),
    );
    const details = h(
      "details",
      { open, "data-layer": layer.id, "data-feature": hit.id ?? "" },
      summary,
      attributes(hit, language),
    );
    if (hit.id !== undefined) {
      const link = h(
        "a",
        { href: itemAddress(layer, hit.id), target: "_blank", rel: "noopener" },
        this.store.say("more"),
      );
      details.append(h("p", { class: "links" }, link));
    }
    const dated = isFictional(layer) ? null : layer.date;
    const date = dated ? `${this.store.say("dataDate")} ${showDate(dated, language)}` : "";
    details.append(h("p", { class: "credit" }, [layer.attribution, date].filter(Boolean).join(" · ")));
    summary.addEventListener("click", () => {
      if (!details.open) this.select(this.hits.indexOf(hit));
    });
    return details;
  }

  private badges({ layer, properties }: Hit, language: Language): HTMLElement {
    const badges = h("span", { class: "badges" });
    const { risk } = layer;
    const value = risk?.field ? properties[risk.field] : undefined;
    const severity = risk && (risk.severity[String(value)] ?? risk.default);
    const name = severity && severityName(severity, language);
    if (name) badges.append(h("span", { class: `badge ${severity}` }, `${this.store.say("severity")} : ${name}`));
    if (properties["exercise"] === true || (layer.exercise > 0 && layer.exercise === layer.count)) {
      badges.append(h("span", { class: "badge fictional" }, this.store.say("fictional")));
    }
    return badges;
  }

  /** Move the map by as much as the card reaches beyond what is free of panel and edges. */
  private keepInView(): void {
    const card = this.body.getBoundingClientRect();
    const frame = this.map.getContainer().getBoundingClientRect();
    if (!this.popup) {
      const hidden = frame.top + this.map.project(this.place).y - (card.top - SHEET_GAP);
      if (hidden > 0) this.map.panBy([0, hidden], calm());
      return;
    }
    const free = room();
    const beyond = (low: number, high: number, from: number, to: number) =>
      Math.min(0, low - from) || Math.max(0, high - to);
    const x = beyond(card.left, card.right, frame.left + free.left - EDGE, frame.right - free.right + EDGE);
    const y = beyond(card.top, card.bottom, frame.top + EDGE, frame.bottom - free.bottom + EDGE);
    if (x || y) this.map.panBy([x, y], calm());
  }

  /** Outline a feature and complete its attributes: tiles carry only some of them. */
  private select(at: number): void {
    const hit = this.hits[at];
    if (!hit || hit.id === undefined) return;
    this.asking?.abort();
    this.asking = new AbortController();
    this.store.set({ selection: { layer: hit.layer.id, id: hit.id } });
    readItem(hit.layer, hit.id, this.asking.signal)
      .then(({ properties }) => {
        hit.properties = { ...hit.properties, ...properties };
        this.draw();
        this.keepInView();
        const details = this.body.querySelectorAll("details")[at];
        if (details) details.dataset["complete"] = "true";
      })
      // Without an answer the attributes of the tile stay, which is what is known.
      .catch(() => undefined);
  }
}

function keyOf(feature: MapGeoJSONFeature): string {
  return `${feature.source}/${feature.id ?? JSON.stringify(feature.properties)}`;
}

/** Whether this is the point where a surface's name stands, which may be written beyond the surface. */
function isName(feature: MapGeoJSONFeature): boolean {
  return feature.sourceLayer === `${feature.source}_label`;
}

function dimension(feature: MapGeoJSONFeature): number {
  return feature.geometry.type.endsWith("Point") ? 0 : feature.geometry.type.endsWith("LineString") ? 1 : 2;
}

/** The layer's label; without one the first value that a code list puts in words. */
function featureName({ layer, id, properties }: Hit, language: Language): string {
  const label = layer.fields.find((one) => one.name === layer.label);
  const field = label ?? layer.fields.find((one) => one.codes.length && hasValue(properties[one.name]));
  const value = field ? properties[field.name] : undefined;
  return field && hasValue(value) ? showValue(value, field, language) : id === undefined ? "" : `n° ${id}`;
}

function attributes({ layer, properties }: Hit, language: Language): HTMLElement {
  const rows = layer.fields
    .filter((field) => field.name !== layer.label && hasValue(properties[field.name]))
    .flatMap((field) => [
      h("dt", {}, field.title[language]),
      h("dd", {}, shownValue(properties[field.name], field, language)),
    ]);
  return h("dl", {}, ...rows);
}

function shownValue(value: unknown, field: FieldInfo, language: Language): Node {
  const text = showValue(value, field, language);
  if (typeof value !== "string" || !/^https?:\/\/\S+$/.test(value)) return document.createTextNode(text);
  return h("a", { href: value, target: "_blank", rel: "noopener noreferrer" }, text);
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** A value as people read it: the title of its code, its unit, dates and numbers of the language. */
function showValue(value: unknown, field: FieldInfo, language: Language): string {
  const code = field.codes.find((one) => one.value === String(value));
  if (code) return code.title[language];
  if (typeof value === "boolean") return language === "en" ? (value ? "Yes" : "No") : value ? "Oui" : "Non";
  const unit = field.unit ? ` ${field.unit}` : "";
  if (typeof value === "number")
    return (
      value.toLocaleString(locale(language), {
        maximumFractionDigits: 3,
        useGrouping: field.type === "number" || Math.abs(value) >= 10_000,
      }) + unit
    );
  if (field.type === "date" || field.type === "datetime") return showDate(String(value), language);
  return String(value) + unit;
}
