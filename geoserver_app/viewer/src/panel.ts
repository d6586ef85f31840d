/** The list of layers: groups, switches, legends, opacity, and what each layer is. */

import { isFictional, local, type LayerInfo } from "./api";
import { styleLayers, toldLegend } from "./compose";
import { fill, h, icon } from "./dom";
import { legendClasses, type LegendClass } from "./legend";
import { locale, showDate, showShortDate } from "./i18n";
import { ageOf } from "./sources";
import type { State, Store } from "./store";
import { drawSeveral, drawSwatch } from "./swatch";

export interface PanelActions {
  zoomTo(layer: LayerInfo): void;
}

/** The list; it redraws itself when what it shows changes, keeping focus and open parts. */
export class LayerList {
  readonly element = h("div", { class: "layers" });
  private readonly open = new Set<string>();
  private readonly closed = new Set<string>();
  private zoom = 0;

  constructor(
    private readonly store: Store,
    private readonly actions: PanelActions,
  ) {
    this.draw();
    store.listen((_, change) => {
      // Opacity is shown by the slider itself; redrawing would take it from under the pointer.
      if (change.catalog || change.styles || change.language || change.shown || change.dark !== undefined) this.draw();
    });
  }

  /** Tell the zoom of the map: layers that cannot be seen at it say so. */
  setZoom(zoom: number): void {
    const before = this.tooFar();
    this.zoom = zoom;
    if (String(this.tooFar()) !== String(before)) this.draw();
  }

  private tooFar(): string[] {
    return this.store.state.catalog.layers.filter((layer) => this.isTooFar(layer)).map((layer) => layer.id);
  }

  private isTooFar(layer: LayerInfo): boolean {
    return this.zoom > 0 && this.zoom < layer.zoom.min;
  }

  private draw(): void {
    const { catalog, language } = this.store.state;
    const known = new Set(catalog.groups.map((group) => group.id));
    const groups = [
      ...catalog.groups.map((group) => [group.title[language], inGroup(catalog.layers, group.id)] as const),
      ["", catalog.layers.filter((layer) => !known.has(layer.group))] as const,
    ];
    const sections = groups.filter(([, layers]) => layers.length).map(([title, layers]) => this.group(title, layers));
    const empty = h("p", { class: "empty" }, this.store.say("noLayer"));
    fill(this.element, ...(sections.length ? sections : [empty]));
  }

  private group(title: string, layers: LayerInfo[]): HTMLElement {
    const shown = layers.filter((layer) => this.store.state.shown.has(layer.id)).length;
    const summary = h(
      "summary",
      {},
      h("span", {}, title || "…"),
      h("span", { class: "count" }, `${shown}/${layers.length}`),
    );
    const section = h("details", { class: "group", open: !this.closed.has(title) }, summary);
    section.addEventListener("toggle", () => void (section.open ? this.closed.delete(title) : this.closed.add(title)));
    section.append(h("ul", {}, ...layers.map((layer) => this.row(layer))));
    return section;
  }

  private row(layer: LayerInfo): HTMLElement {
    const { state } = this.store;
    const on = state.shown.has(layer.id);
    const classes = legendClasses(styleLayers(state, layer.id), layer, state.language, toldLegend(state, layer.id));
    const box = h("input", {
      type: "checkbox",
      id: `layer-${layer.id}`,
      checked: on,
      onchange: (event: Event) => this.store.toggle(layer.id, (event.target as HTMLInputElement).checked),
    });
    const title = h("span", { class: "title" }, layer.title[state.language]);
    const far = on && this.isTooFar(layer) && h("span", { class: "hint far" }, this.store.say("tooFar"));
    const date = ageOf(layer, this.store, showShortDate);
    // Exercises are mostly attributed to "… données fictives", which need not be said twice.
    const facts = layer.attribution.includes(date) ? [layer.attribution] : [date, layer.attribution];
    const credit = on && h("span", { class: "hint" }, facts.join(" · "));
    const label = h(
      "label",
      { for: box.id },
      drawSeveral(
        classes.map((one) => one.swatch),
        layer.geometry,
      ),
      h("span", { class: "names" }, title, credit, far),
    );
    const row = h("li", { class: `layer${on ? " on" : ""}`, "data-layer": layer.id });
    row.append(h("div", { class: "line" }, box, label, this.opener(layer)));
    if (on && classes.length > 1) row.append(legend(classes, layer));
    if (this.open.has(layer.id)) row.append(this.about(layer));
    return row;
  }

  private opener(layer: LayerInfo): HTMLElement {
    const open = this.open.has(layer.id);
    const name = `${this.store.say("details")} : ${layer.title[this.store.state.language]}`;
    const toggle = () => {
      if (!this.open.delete(layer.id)) this.open.add(layer.id);
      this.draw();
    };
    const attributes = {
      "aria-expanded": open,
      "aria-controls": `about-${layer.id}`,
      "aria-label": name,
      title: this.store.say("details"),
    };
    return h(
      "button",
      { type: "button", class: "quiet", id: `open-${layer.id}`, ...attributes, onclick: toggle },
      icon("info"),
    );
  }

  private about(layer: LayerInfo): HTMLElement {
    const { state } = this.store;
    const { language } = state;
    return h(
      "div",
      { class: "about", id: `about-${layer.id}` },
      this.slider(layer, state),
      layer.abstract[language] && h("p", {}, layer.abstract[language]),
      h("dl", {}, ...this.facts(layer).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      this.links(layer),
    );
  }

  private slider(layer: LayerInfo, state: State): HTMLElement {
    const percent = Math.round((state.opacity.get(layer.id) ?? 1) * 100);
    const output = h("output", {}, `${percent} %`);
    const input = h("input", {
      type: "range",
      min: "0",
      max: "100",
      step: "5",
      value: String(percent),
      id: `opacity-${layer.id}`,
      oninput: () => {
        output.value = `${input.value} %`;
        this.store.setOpacity(layer.id, Number(input.value) / 100);
      },
    });
    return h("div", { class: "opacity" }, h("label", { for: input.id }, this.store.say("opacity")), input, output);
  }

  private facts(layer: LayerInfo): [string, string | Node][] {
    const { language } = this.store.state;
    const { licence } = layer;
    const terms = licence.url
      ? h("a", { href: licence.url, target: "_blank", rel: "noopener noreferrer" }, licence.name)
      : licence.name;
    const count = layer.count.toLocaleString(locale(language));
    const exercise = layer.exercise
      ? ` (${this.store.say("exerciseRows")} ${layer.exercise.toLocaleString(locale(language))})`
      : "";
    return [
      [this.store.say("source"), layer.attribution],
      [this.store.say("licence"), terms],
      [this.store.say(isFictional(layer) ? "data" : "dataDate"), ageOf(layer, this.store, showDate)],
      [this.store.say("loaded"), showDate(layer.loaded_at, language)],
      [capital(this.store.say("objects")), `${count}${exercise}`],
    ];
  }

  private links(layer: LayerInfo): HTMLElement {
    const zoom = h(
      "button",
      { type: "button", class: "linklike", onclick: () => this.actions.zoomTo(layer) },
      this.store.say("zoomTo"),
    );
    const browse = h("a", { href: local(layer.items), target: "_blank", rel: "noopener" }, this.store.say("browse"));
    const pack = layer.pack ? h("a", { href: local(layer.pack) }, this.store.say("download")) : null;
    return h("p", { class: "links" }, layer.bbox ? zoom : null, browse, pack);
  }
}

function legend(classes: LegendClass[], layer: LayerInfo): HTMLElement {
  const items = classes.map((one) => h("li", {}, drawSwatch(one.swatch, layer.geometry), h("span", {}, one.label)));
  return h("ul", { class: "legend" }, ...items);
}

function inGroup(layers: LayerInfo[], group: string): LayerInfo[] {
  return layers.filter((layer) => layer.group === group);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
