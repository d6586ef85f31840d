/** Tiles that failed: they are asked again until they come, and the user is told meanwhile. */

import type { ErrorEvent, Map as MapLibre, Tile } from "maplibre-gl";

const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

/** The error of one tile of a source; other errors carry neither. */
type TileError = ErrorEvent & { tile?: Tile; sourceId?: string };

/**
 * Follows the tiles a map lacks. `<html data-tiles>` is "missing" while there are any, else "all".
 * Tiles that leave the view, or whose layer is hidden, are no longer missing.
 */
export class MissingTiles {
  private readonly failed = new Map<Tile, string>();
  private wait = FIRST_MS;
  private timer = 0;

  constructor(
    private readonly map: MapLibre,
    private readonly onChange: (missing: boolean) => void,
  ) {
    map.on("error", (event) => this.note(event));
    for (const event of ["sourcedata", "moveend", "idle"] as const) map.on(event, () => this.forgetFound());
    document.documentElement.dataset["tiles"] = "all";
  }

  /** Ask for all of them at once: the server is there again. */
  askNow(): void {
    this.wait = FIRST_MS;
    this.ask();
  }

  private note({ tile, sourceId }: TileError): void {
    if (!tile || !sourceId) return;
    // A tile that keeps its worker waits for that worker's first answer, which was the error.
    tile.actor = undefined as never;
    this.failed.set(tile, sourceId);
    this.tell();
    if (!this.timer) this.later();
  }

  /** Wait twice as long each time, and not in step with every other map in the room. */
  private later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.ask(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_MS);
  }

  private ask(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.forgetFound();
    for (const [tile, source] of this.failed) {
      if (tile.state !== "errored" || !this.map.getSource(source)) continue;
      this.map.refreshTiles(source, [tile.tileID.canonical]);
      // It has nothing to show: a tile that is called expired would hide the coarser one below it.
      tile.state = "loading";
    }
    if (this.failed.size) this.later();
  }

  private forgetFound(): void {
    for (const [tile, source] of this.failed) {
      const gone = tile.aborted || tile.state === "unloaded" || !this.map.getSource(source);
      if (gone || tile.hasData()) this.failed.delete(tile);
    }
    if (!this.failed.size) {
      window.clearTimeout(this.timer);
      this.timer = 0;
      this.wait = FIRST_MS;
    }
    this.tell();
  }

  private tell(): void {
    const state = this.failed.size ? "missing" : "all";
    const { dataset } = document.documentElement;
    if (dataset["tiles"] === state) return;
    dataset["tiles"] = state;
    this.onChange(state === "missing");
  }
}
