/** The head and foot of the panel: name, language, dark mode, link; and how fresh the map is. */

import { BASE } from "./api";
import { fill, h, icon, svg } from "./dom";
import { showTime, type Language } from "./i18n";
import type { Notices } from "./notices";
import { remember, type Store } from "./store";

const LANGUAGES: [Language, string][] = [
  ["fr", "Français"],
  ["en", "English"],
];

export class Header {
  readonly element = h("header", { class: "head" });
  readonly foot = h("footer", { class: "foot" });
  private checked = new Date();
  private incomplete = false;
  private open = true;

  constructor(
    private readonly store: Store,
    private readonly notices: Notices,
    private readonly onPanel: () => void,
  ) {
    this.draw();
    store.listen((_, change) => void ((change.language || change.dark !== undefined) && this.draw()));
  }

  /** Whether the list of layers is open below. */
  setPanel(open: boolean): void {
    this.open = open;
    this.draw();
  }

  /** The catalogue was confirmed as current at this moment. */
  setChecked(moment: Date): void {
    this.checked = moment;
    this.drawFoot();
  }

  /** Tiles of what is shown are missing: the map cannot be called up to date. */
  setIncomplete(incomplete: boolean): void {
    this.incomplete = incomplete;
    this.drawFoot();
  }

  private draw(): void {
    fill(this.element, brand(), this.languages(), this.theme(), this.permalink(), this.panelButton());
    this.drawFoot();
  }

  private languages(): HTMLElement {
    const buttons = LANGUAGES.map(([language, name]) => {
      const pressed = this.store.state.language === language;
      const choose = () => {
        remember("language", language);
        this.store.set({ language });
      };
      const attributes = {
        "aria-pressed": pressed,
        "aria-label": name,
        title: name,
        lang: language,
        id: `language-${language}`,
      };
      return h("button", { type: "button", ...attributes, onclick: choose }, language.toUpperCase());
    });
    return h("div", { class: "languages", role: "group", "aria-label": this.store.say("language") }, ...buttons);
  }

  private theme(): HTMLElement {
    const { dark } = this.store.state;
    const text = this.store.say(dark ? "toLight" : "toDark");
    const turn = () => {
      remember("theme", dark ? "light" : "dark");
      this.store.set({ dark: !dark });
    };
    return h(
      "button",
      { type: "button", class: "quiet", id: "theme", "aria-label": text, title: text, onclick: turn },
      icon(dark ? "sun" : "moon"),
    );
  }

  private permalink(): HTMLElement {
    const text = this.store.say("permalink");
    const copy = () => void this.notices.copy(location.href);
    return h(
      "button",
      { type: "button", class: "quiet", id: "permalink", "aria-label": text, title: text, onclick: copy },
      icon("link"),
    );
  }

  private panelButton(): HTMLElement {
    const text = this.store.say(this.open ? "hidePanel" : "showPanel");
    const attributes = { "aria-label": text, title: text, "aria-expanded": this.open, id: "panel" };
    return h(
      "button",
      { type: "button", class: "quiet panel-button", ...attributes, onclick: this.onPanel },
      icon("panel"),
    );
  }

  private drawFoot(): void {
    const { language } = this.store.state;
    const current = `${this.store.say("upToDate")} ${showTime(this.checked, language)}`;
    const fresh = h("span", { class: "fresh" }, this.incomplete ? this.store.say("incomplete") : current);
    const licences = h("a", { href: `${BASE}licences`, target: "_blank", rel: "noopener" }, this.store.say("licences"));
    const api = h("a", { href: `${BASE}ogc`, target: "_blank", rel: "noopener" }, "OGC API");
    fill(this.foot, fresh, api, licences);
  }
}

function brand(): HTMLElement {
  const mesh = svg("path", {
    d: "M4 6 12 4l8 3-2 6 2 6-8 1-7-2 1-6ZM4 6l8 7M12 4v9l8-6M12 13l6 0M12 13l0 7M12 13l-6 -1M12 13l-7 5M12 13l8 6",
  });
  const mark = svg("svg", { viewBox: "0 0 24 24", width: 22, height: 22, class: "mark", "aria-hidden": "true" }, mesh);
  return h("h1", {}, mark, "Maillage");
}
