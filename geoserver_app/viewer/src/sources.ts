/** Who made the layers that are shown, and how old each is: at the foot of the map. */

import { isFictional, type LayerInfo } from "./api";
import { fill, h } from "./dom";
import { showDate, type Language } from "./i18n";
import type { Store } from "./store";

/** How old a layer's data are, in words; what an exercise made up has no age. */
export function ageOf(layer: LayerInfo, store: Store, show: (date: string, language: Language) => string): string {
  if (isFictional(layer)) return store.say("fictionalData");
  return layer.date ? show(layer.date, store.state.language) : store.say("noDate");
}

export class Sources {
  readonly element = h("details", { class: "sources" });

  constructor(private readonly store: Store) {
    this.draw();
    store.listen((_, change) => void ((change.catalog || change.shown || change.language) && this.draw()));
  }

  private draw(): void {
    const { catalog, shown, language } = this.store.state;
    const credits = new Map<string, LayerInfo[]>();
    for (const layer of catalog.layers.filter(({ id }) => shown.has(id))) {
      credits.set(layer.attribution, [...(credits.get(layer.attribution) ?? []), layer]);
    }
    const lines = [...credits].map(([credit, layers]) => {
      const dated = layers.map((layer) => {
        return `${layer.title[language]} (${ageOf(layer, this.store, showDate)})`;
      });
      return h("li", {}, h("strong", {}, credit), ` — ${dated.join(", ")}`);
    });
    const short = [...credits.keys()].join(" · ");
    const summary = h(
      "summary",
      {},
      h("span", { class: "word" }, this.store.say("sources")),
      h("span", { class: "short" }, short),
    );
    fill(this.element, summary, h("ul", {}, ...lines));
  }
}
