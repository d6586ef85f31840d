/** Puts the page together: reads the catalogue, makes the map and its parts, and keeps them current. */

import "./viewer.css";
import { Marker, type Map as MapLibre } from "maplibre-gl";
import { CatalogReader, readStyles, type Catalog } from "./api";
import { Card } from "./card";
import { Controls } from "./controls";
import { h, icon, isPhone } from "./dom";
import { Header } from "./header";
import { preferredLanguage, say, type Language } from "./i18n";
import { calm, createMap, hasWebgl2, middle, showBox } from "./map";
import { MissingTiles } from "./missing";
import { fatal, Notices } from "./notices";
import { LayerList } from "./panel";
import { readLink, writeLink, type Link } from "./permalink";
import { Readout } from "./readout";
import { Search } from "./search";
import { Sources } from "./sources";
import { recall, remember, Store } from "./store";

const POLL_MS = 30_000;
const RETRY_MS = 5_000;

/** What tests and curious people may hold on to. */
export interface Hook {
  map: MapLibre;
  store: Store;
  refresh(): Promise<void>;
}

declare global {
  interface Window {
    maillage?: Hook;
  }
}

async function start(): Promise<void> {
  const link = readLink(location.hash);
  const language = link.language ?? rememberedLanguage() ?? preferredLanguage(navigator.languages);
  document.documentElement.lang = language;
  if (!hasWebgl2()) return document.body.append(fatal({ say: (key) => say(key, language) }, "noWebgl"));
  const reader = new CatalogReader();
  const catalog = await firstCatalog(reader, language);
  const store = new Store({
    language,
    dark: link.dark ?? rememberedTheme() ?? systemDark().matches,
    shown: link.shown ?? shownFirst(catalog),
    opacity: link.opacity,
    catalog,
    styles: await readStyles(catalog.layers),
    selection: null,
  });
  window.maillage = new Page(store, reader, link);
}

/** The catalogue, however long the server takes to come up. */
async function firstCatalog(reader: CatalogReader, language: Language): Promise<Catalog> {
  const message = fatal({ say: (key) => say(key, language) }, "unreachable");
  for (;;) {
    try {
      const catalog = await reader.read();
      message.remove();
      if (catalog) return catalog;
    } catch {
      document.body.append(message);
    }
    await new Promise((resolve) => window.setTimeout(resolve, RETRY_MS));
  }
}

function shownFirst(catalog: Catalog): Set<string> {
  return new Set(catalog.layers.filter((layer) => layer.visible).map((layer) => layer.id));
}

function systemDark(): MediaQueryList {
  return window.matchMedia("(prefers-color-scheme: dark)");
}

function rememberedLanguage(): Language | null {
  const language = recall("language");
  return language === "fr" || language === "en" ? language : null;
}

function rememberedTheme(): boolean | null {
  const theme = recall("theme");
  return theme === "dark" || theme === "light" ? theme === "dark" : null;
}

class Page implements Hook {
  readonly map: MapLibre;
  private readonly notices: Notices;
  private readonly header: Header;
  private readonly missing: MissingTiles;
  private readonly pin = new Marker({ element: h("div", { class: "pin", "aria-hidden": true }) });
  private current = new Date();

  constructor(
    readonly store: Store,
    private readonly reader: CatalogReader,
    link: Link,
  ) {
    this.applyLook();
    this.notices = new Notices(store);
    this.header = new Header(store, this.notices, () => this.setPanel(!this.panelIsOpen()));
    this.setPanel(recall("panel") !== "closed" && !isPhone(), false);
    const stage = h("div", { id: "map" });
    const list = new LayerList(store, { zoomTo: (layer) => layer.bbox && showBox(this.map, layer.bbox) });
    document.body.append(this.notices.banner, stage, this.panel(list), this.notices.alarm, this.notices.toast);
    this.map = createMap(stage, store, link.view);
    this.missing = new MissingTiles(this.map, (missing) => {
      this.notices.setIncomplete(missing);
      this.header.setIncomplete(missing);
    });
    new Card(this.map, store);
    this.edges(stage);
    list.setZoom(this.map.getZoom());
    this.map.on("zoom", () => list.setZoom(this.map.getZoom()));
    this.map.on("moveend", () => this.writeAddress());
    store.listen((_, change) => this.onChange(change));
    window.addEventListener("hashchange", () => this.readAddress());
    systemDark().addEventListener("change", ({ matches }) => void (rememberedTheme() ?? store.set({ dark: matches })));
    this.watch();
    this.writeAddress();
  }

  /** Ask whether anything changed, and show it. */
  async refresh(): Promise<void> {
    try {
      const catalog = await this.reader.read();
      if (catalog) await this.take(catalog);
      this.current = new Date();
      this.header.setChecked(this.current);
      if (document.documentElement.dataset["server"] === "away") this.missing.askNow();
      this.notices.setUnreachable(null);
    } catch {
      this.notices.setUnreachable(this.current);
    }
  }

  private async take(catalog: Catalog): Promise<void> {
    const known = new Set(this.store.state.catalog.layers.map((layer) => layer.id));
    const fresh = catalog.layers.filter((layer) => layer.visible && !known.has(layer.id)).map((layer) => layer.id);
    const styles = await readStyles(catalog.layers);
    this.store.set({ catalog, styles, shown: new Set([...this.store.state.shown, ...fresh]) });
  }

  /** Ask regularly while someone looks, more often while the server is away, and at once on return. */
  private watch(): void {
    let timer = 0;
    const next = async () => {
      window.clearTimeout(timer);
      if (!document.hidden) await this.refresh();
      const away = document.documentElement.dataset["server"] === "away";
      timer = window.setTimeout(() => void next(), away ? RETRY_MS : POLL_MS);
    };
    timer = window.setTimeout(() => void next(), POLL_MS);
    for (const event of ["online", "offline"]) window.addEventListener(event, () => void next());
    document.addEventListener("visibilitychange", () => void (document.hidden || next()));
  }

  private panel(list: LayerList): HTMLElement {
    const search = new Search(this.store, {
      showCommune: (id, box) => {
        this.store.set({ selection: { layer: "communes", id } });
        this.pin.remove();
        showBox(this.map, box);
      },
      showPlace: ({ lon, lat }) => {
        this.pin.setLngLat([lon, lat]).addTo(this.map);
        this.map.easeTo({ center: [lon, lat], zoom: Math.max(this.map.getZoom(), 15), offset: middle(), ...calm() });
      },
    });
    const body = h("div", { class: "body" }, list.element, this.header.foot);
    const handle = h(
      "button",
      { type: "button", class: "handle", id: "show-panel", onclick: () => this.setPanel(!this.panelIsOpen()) },
      icon("layers"),
      h("span", {}),
    );
    const name = () => {
      handle.querySelector("span")?.replaceChildren(this.store.say("layers"));
      handle.setAttribute("aria-label", this.store.say(this.panelIsOpen() ? "hidePanel" : "showPanel"));
      handle.setAttribute("aria-expanded", String(this.panelIsOpen()));
    };
    name();
    this.store.listen((_, change) => void (change.language && name()));
    new MutationObserver(name).observe(document.body, { attributeFilter: ["data-panel"] });
    return h("aside", { class: "panel" }, this.header.element, search.element, handle, body);
  }

  private panelIsOpen(): boolean {
    return document.body.dataset["panel"] === "open";
  }

  private setPanel(open: boolean, kept = true): void {
    document.body.dataset["panel"] = open ? "open" : "closed";
    this.header.setPanel(open);
    if (kept && !isPhone()) remember("panel", open ? "open" : "closed");
  }

  private edges(stage: HTMLElement): void {
    stage.append(new Controls(this.map, this.store, this.notices).element);
    const readout = new Readout(this.map, this.store, this.notices).element;
    stage.querySelector(".maplibregl-ctrl-bottom-left")?.append(readout);
    stage.append(new Sources(this.store).element);
  }

  private onChange(change: Partial<Store["state"]>): void {
    if (change.language || change.dark !== undefined) this.applyLook();
    if (change.shown || change.opacity || change.language || change.dark !== undefined) this.writeAddress();
  }

  private applyLook(): void {
    const { language, dark } = this.store.state;
    document.documentElement.lang = language;
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    document.title = this.store.say("title");
  }

  private writeAddress(): void {
    const { shown, opacity, language, dark, catalog } = this.store.state;
    const { lng: lon, lat } = this.map.getCenter();
    const link: Link = { view: { zoom: this.map.getZoom(), lat, lon }, shown, opacity, language, dark };
    const order = catalog.layers.map((layer) => layer.id);
    history.replaceState(null, "", writeLink(link, order));
  }

  /** Someone pasted another address into this page. */
  private readAddress(): void {
    const link = readLink(location.hash);
    const { state } = this.store;
    this.store.set({
      language: link.language ?? state.language,
      dark: link.dark ?? state.dark,
      shown: link.shown ?? state.shown,
      opacity: link.opacity,
    });
    if (link.view) this.map.jumpTo({ center: [link.view.lon, link.view.lat], zoom: link.view.zoom });
  }
}

void start();
