/** Where the pointer is, in three systems; a click copies one. */

import type { Map as MapLibre, PointLike } from "maplibre-gl";
import { readings, type Place, type Reading } from "./coordinates";
import { h } from "./dom";
import type { Notices } from "./notices";
import type { Store } from "./store";

/**
 * Follows the pointer over the map, also when the map moves under a resting one. Where there is
 * none (touch, keyboard) it shows the middle of the map; when the pointer leaves, the last place
 * stays until the map moves, so that it can be copied.
 */
export class Readout {
  readonly element = h("div", { class: "readout", role: "group" });
  private readonly buttons: HTMLButtonElement[];
  private shown: Reading[] = [];
  private place: Place;
  /** Where a mouse rests over the map, in pixels. */
  private pointer: PointLike | null = null;

  constructor(
    private readonly map: MapLibre,
    private readonly store: Store,
    private readonly notices: Notices,
  ) {
    this.buttons = [0, 1, 2].map((at) =>
      h("button", { type: "button", class: "coordinates", onclick: () => void this.copy(at) }),
    );
    this.element.append(...this.buttons);
    const { lng: lon, lat } = map.getCenter();
    this.place = { lon, lat };
    this.draw();
    // The map's own mouse events stop while it is dragged.
    const stage = map.getCanvasContainer();
    stage.addEventListener("pointermove", (event) => this.point(event));
    stage.addEventListener("pointerleave", () => (this.pointer = null));
    map.on("click", ({ lngLat }) => this.follow(lngLat.lng, lngLat.lat));
    map.on("move", () => this.onMove());
    store.listen((_, change) => void (change.language && this.draw()));
  }

  private point({ pointerType, clientX, clientY }: PointerEvent): void {
    if (pointerType === "touch") return;
    const { left, top } = this.map.getCanvasContainer().getBoundingClientRect();
    this.pointer = [clientX - left, clientY - top];
    this.onMove();
  }

  private onMove(): void {
    const { lng, lat } = this.pointer ? this.map.unproject(this.pointer) : this.map.getCenter();
    this.follow(lng, lat);
  }

  private follow(lon: number, lat: number): void {
    this.place = { lon, lat };
    this.draw();
  }

  private draw(): void {
    const { language } = this.store.state;
    this.element.setAttribute("aria-label", this.store.say("coordinates"));
    this.shown = readings(this.place, language);
    this.shown.forEach(({ system, shown }, at) => {
      const button = this.buttons[at];
      button?.replaceChildren(h("span", { class: "system" }, system), h("span", { class: "value" }, shown));
      button?.setAttribute("title", `${system} : ${this.store.say("copy")}`);
    });
  }

  private async copy(at: number): Promise<void> {
    const reading = this.shown[at];
    if (reading) await this.notices.copy(reading.copied);
  }
}
