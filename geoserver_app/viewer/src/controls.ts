/** Buttons at the edge of the map: closer, farther, everything, where I am. */

import { Marker, type Map as MapLibre } from "maplibre-gl";
import { fill, h, icon, type IconName } from "./dom";
import type { Key } from "./i18n";
import { calm, showBox, territory } from "./map";
import type { Notices } from "./notices";
import type { Store } from "./store";

export class Controls {
  readonly element = h("div", { class: "controls" });
  private readonly here = new Marker({ element: h("div", { class: "here", "aria-hidden": true }) });

  constructor(
    private readonly map: MapLibre,
    private readonly store: Store,
    private readonly notices: Notices,
  ) {
    this.draw();
    store.listen((_, change) => void (change.language && this.draw()));
  }

  private draw(): void {
    fill(
      this.element,
      this.button("plus", "zoomIn", () => this.map.zoomIn(calm())),
      this.button("minus", "zoomOut", () => this.map.zoomOut(calm())),
      this.button("home", "home", () => showBox(this.map, territory(this.store))),
      this.button("locate", "locate", () => this.locate()),
    );
  }

  private button(name: IconName, key: Key, act: () => void): HTMLElement {
    const text = this.store.say(key);
    return h(
      "button",
      { type: "button", id: `control-${key}`, "aria-label": text, title: text, onclick: act },
      icon(name),
    );
  }

  private locate(): void {
    const failed = () => this.notices.tell("locateFailed");
    if (!("geolocation" in navigator)) return failed();
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const center: [number, number] = [coords.longitude, coords.latitude];
        this.here.setLngLat(center).addTo(this.map);
        this.map.easeTo({ center, zoom: Math.max(this.map.getZoom(), 14), ...calm() });
      },
      failed,
      { enableHighAccuracy: true, timeout: 10_000 },
    );
  }
}
