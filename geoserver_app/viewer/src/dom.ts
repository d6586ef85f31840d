/** Building the page: elements, icons and focus, without a framework. */

type Child = Node | string | null | undefined | false;
type Properties = Record<string, unknown>;

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `on…` are listeners, `class` and `data-…`/`aria-…` attributes, the rest properties. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (name === "class" || name === "for" || name === "role" || name.includes("-")) {
      element.setAttribute(name, String(value));
    } else Reflect.set(element, name, value);
  }
  element.append(...kept(children));
  return element;
}

/** Make an SVG element; everything is an attribute. */
export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...kept(children));
  return element;
}

function kept(children: Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false);
}

/** Replace what an element holds; the control that had the focus, known by its id, keeps it. */
export function fill(container: Element, ...children: Child[]): void {
  const focused = document.activeElement;
  const id = focused && container.contains(focused) ? focused.id : "";
  container.replaceChildren(...kept(children));
  if (id) document.getElementById(id)?.focus({ preventScroll: true });
}

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9",
  locate: "M12 3v3M12 18v3M3 12h3M18 12h3M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3l1.8 1.8M16.9 16.9l1.8 1.8M5.3 18.7l1.8-1.8M16.9 7.1l1.8-1.8",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12ZM15 15l5 5",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 11v5.5M12 7.5v.6",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  panel: "M4 5h16v14H4ZM10 5v14",
  layers: "M12 4 3.5 8.5 12 13l8.5-4.5ZM4.5 12.5 12 16.5l7.5-4M4.5 16 12 20l7.5-4",
  zoom: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12ZM15 15l5 5M8 10.5h5M10.5 8v5",
};
export type IconName = keyof typeof PATHS;

/** A line icon of 18 px in the colour of the text; always beside or inside something that has a name. */
export function icon(name: IconName): SVGElement {
  const path = svg("path", { d: PATHS[name] });
  return svg("svg", { viewBox: "0 0 24 24", width: 18, height: 18, class: "icon", "aria-hidden": "true" }, path);
}

/** Whether the page is as narrow as a phone's; the same width as in css/phone.css. */
export function isPhone(): boolean {
  return window.matchMedia("(max-width: 699px)").matches;
}
