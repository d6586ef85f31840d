/** What the user must know: this is an exercise, the server is away, a thing was copied. */

import { h } from "./dom";
import { showTime, type Key } from "./i18n";
import type { Store } from "./store";

const SHOWN_MS = 2500;

export class Notices {
  readonly banner = h("div", { class: "banner", role: "status", hidden: true });
  readonly alarm = h("div", { class: "alarm", role: "alert", hidden: true });
  readonly toast = h("div", { class: "toast", role: "status" });
  private timer = 0;
  private since: Date | null = null;
  private incomplete = false;

  constructor(private readonly store: Store) {
    this.draw();
    store.listen((_, change) => void ((change.language || change.catalog) && this.draw()));
  }

  /** Say a short thing for a moment. */
  tell(key: Key, detail = ""): void {
    this.toast.textContent = [this.store.say(key), detail].filter(Boolean).join(" : ");
    this.toast.classList.add("shown");
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.toast.classList.remove("shown"), SHOWN_MS);
  }

  async copy(text: string): Promise<void> {
    try {
      await (navigator.clipboard ? navigator.clipboard.writeText(text) : copyOldWay(text));
      this.tell("copied", text);
    } catch {
      this.tell("copyFailed");
    }
  }

  /** The server cannot be reached; what is shown was read at `since`. Null: it answers again. */
  setUnreachable(since: Date | null): void {
    this.since = since;
    this.draw();
  }

  /** Tiles of what is shown are missing, and are being asked again. */
  setIncomplete(incomplete: boolean): void {
    this.incomplete = incomplete;
    this.draw();
  }

  private draw(): void {
    const { catalog, language } = this.store.state;
    this.banner.hidden = !catalog.exercise;
    this.banner.textContent = this.store.say("exercise");
    const away = this.since && `${this.store.say("offline")} ${showTime(this.since, language)}.`;
    const text = away ?? (this.incomplete ? this.store.say("incomplete") : "");
    this.alarm.hidden = !text;
    // The same words set again would be read aloud again.
    if (this.alarm.textContent !== text) this.alarm.textContent = text;
    document.documentElement.dataset["server"] = this.since ? "away" : "there";
  }
}

/** Browsers offer the clipboard on https only; a server on a local network may not have it. */
function copyOldWay(text: string): void {
  const focused = document.activeElement as HTMLElement | null;
  const area = h("textarea", { value: text, class: "offscreen" });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  if (!done) throw new Error("the browser refused to copy");
}

/** A page that says why there is no map, in both languages, with a way to the data. */
export function fatal(store: Pick<Store, "say">, key: Key): HTMLElement {
  return h("p", { class: "fatal", role: "alert" }, store.say(key), " ", h("a", { href: "ogc" }, "OGC API"));
}
