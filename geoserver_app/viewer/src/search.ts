/** Finding a commune by its name, or a place by its coordinates: an ARIA combobox with a list. */

import type { Feature } from "geojson";
import { searchCommunes } from "./api";
import { parsePlace, type Place } from "./coordinates";
import { fill, h, icon } from "./dom";
import type { Box } from "./map";
import type { Store } from "./store";

const PATIENCE_MS = 150; // between the last key and the question

export interface SearchActions {
  showCommune(id: number | string, box: Box): void;
  showPlace(place: Place): void;
}

interface Option {
  name: string;
  hint: string;
  choose(): void;
}

export class Search {
  readonly element = h("div", { class: "search", role: "search" });
  private readonly input = h("input", {
    type: "text",
    id: "search",
    role: "combobox",
    autocomplete: "off",
    spellcheck: false,
    enterkeyhint: "search",
    "aria-autocomplete": "list",
    "aria-expanded": false,
    "aria-controls": "search-list",
    "aria-keyshortcuts": "/",
  });
  private readonly list = h("ul", { id: "search-list", role: "listbox", hidden: true });
  private readonly status = h("p", { class: "search-status", role: "status" });
  private options: Option[] = [];
  private active = -1;
  private timer = 0;
  private asking: AbortController | null = null;

  constructor(
    private readonly store: Store,
    private readonly actions: SearchActions,
  ) {
    this.element.append(icon("search"), this.input, h("kbd", { "aria-hidden": true }, "/"), this.list, this.status);
    this.input.addEventListener("input", () => this.later());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.collapse());
    this.input.addEventListener("focus", () => void (this.options.length && this.expand()));
    document.addEventListener("keydown", (event) => this.onShortcut(event));
    this.name();
    store.listen((_, change) => void (change.language && this.name()));
  }

  private name(): void {
    this.input.placeholder = this.store.say("searchHint");
    this.input.setAttribute("aria-label", this.store.say("search"));
    this.list.setAttribute("aria-label", this.store.say("results"));
  }

  private onShortcut(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.input.focus();
    this.input.select();
  }

  private later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(this.input.value.trim()), PATIENCE_MS);
  }

  private async ask(text: string): Promise<void> {
    this.asking?.abort();
    const place = parsePlace(text);
    if (place) return this.show([this.placeOption(place)], "");
    if (text.length < 2) return this.show([], "");
    const asking = new AbortController();
    this.asking = asking;
    try {
      const { features } = await searchCommunes(text, this.store.state.language, asking.signal);
      this.show(
        features.map((feature) => this.communeOption(feature)),
        features.length ? "" : this.store.say("noResult"),
      );
    } catch {
      if (!asking.signal.aborted) this.show([], this.store.say("searchFailed"));
    }
  }

  private placeOption(place: Place): Option {
    const name = `${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
    return { name, hint: this.store.say("goTo"), choose: () => this.actions.showPlace(place) };
  }

  private communeOption(feature: Feature): Option {
    const properties = feature.properties ?? {};
    const name = String(properties["name"] ?? properties["label"] ?? feature.id ?? "");
    const box = (feature.bbox ?? [0, 0, 0, 0]) as Box;
    const choose = () => this.actions.showCommune(feature.id ?? "", box);
    return { name, hint: this.store.say("municipality"), choose };
  }

  private show(options: Option[], message: string): void {
    this.options = options;
    this.active = -1;
    const items = options.map((option, at) => {
      const item = h("li", { role: "option", id: `search-${at}`, "aria-selected": false });
      item.append(h("span", {}, option.name), h("span", { class: "hint" }, option.hint));
      // Before the field loses the focus, which would close the list under the pointer.
      item.addEventListener("pointerdown", (event) => event.preventDefault());
      item.addEventListener("click", () => this.choose(at));
      return item;
    });
    fill(this.list, ...items);
    this.status.textContent = message;
    if (options.length) this.expand();
    else this.collapse();
  }

  private expand(): void {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  private collapse(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.mark(-1);
  }

  private mark(at: number): void {
    this.active = at;
    [...this.list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (at < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `search-${at}`);
    this.list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  private onKey(event: KeyboardEvent): void {
    const count = this.options.length;
    const open = !this.list.hidden;
    if (event.key === "Escape") this.onEscape(event, open);
    else if (event.key === "Enter" && count && open) this.choose(Math.max(this.active, 0));
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count) {
      this.expand();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.mark(this.active < 0 ? (step > 0 ? 0 : count - 1) : (this.active + step + count) % count);
    } else return;
    event.preventDefault();
  }

  private onEscape(event: KeyboardEvent, open: boolean): void {
    event.stopPropagation();
    if (open) return this.collapse();
    this.input.value = "";
    this.show([], "");
    this.store.set({ selection: null });
    this.input.blur();
  }

  private choose(at: number): void {
    const option = this.options[at];
    if (!option) return;
    this.input.value = option.name;
    this.collapse();
    option.choose();
  }
}
