/** What the user has chosen, told to whoever listens; remembered in the browser and in the address. */

import type { Catalog, LayerInfo, Styles } from "./api";
import { say, type Key, type Language } from "./i18n";

export interface Selection {
  layer: string;
  id: number | string;
}

export interface State {
  language: Language;
  dark: boolean;
  shown: ReadonlySet<string>;
  /** Between 0 and 1; a layer that is missing is fully opaque. */
  opacity: ReadonlyMap<string, number>;
  catalog: Catalog;
  styles: Styles;
  /** The feature outlined on the map: clicked or found. */
  selection: Selection | null;
}

export type Change = Partial<State>;
export type Listener = (state: State, change: Change) => void;

export class Store {
  private readonly listeners: Listener[] = [];

  constructor(private current: State) {}

  get state(): State {
    return this.current;
  }

  /** Call `listener` after every change; it sees the whole state and the part that was set. */
  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  set(change: Change): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener(this.current, change);
  }

  say(key: Key): string {
    return say(key, this.current.language);
  }

  layer(id: string): LayerInfo | undefined {
    return this.current.catalog.layers.find((layer) => layer.id === id);
  }

  toggle(id: string, on: boolean): void {
    const shown = new Set(this.current.shown);
    if (on) shown.add(id);
    else shown.delete(id);
    this.set({ shown });
  }

  setOpacity(id: string, value: number): void {
    this.set({ opacity: new Map(this.current.opacity).set(id, value) });
  }
}

/** Read a remembered choice; null where the browser keeps nothing (private windows may refuse). */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`maillage.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`maillage.${name}`, value);
  } catch {
    // A browser that keeps nothing still shows the map.
  }
}
