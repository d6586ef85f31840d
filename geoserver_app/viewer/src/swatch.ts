/** Small pictures of how a class is drawn on the map. */

import { BASE } from "./api";
import { svg } from "./dom";
import type { Swatch } from "./legend";

const WIDTH = 26;
const HEIGHT = 18;
const PATTERN = 8; // pixels of a repeated icon
const MOST = 5; // slices in one swatch

/** Draw a swatch of 26 x 18 px; surfaces as a box, lines as a stroke, points as a dot or their icon. */
export function drawSwatch(swatch: Swatch, geometry: string): SVGElement {
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT };
  return svg("svg", { ...size, class: "swatch", "aria-hidden": "true" }, ...parts(swatch, geometry));
}

/** One swatch for a layer of several classes: a slice of each one's colour. */
export function drawSeveral(swatches: Swatch[], geometry: string): SVGElement {
  const [first] = swatches;
  if (!first || first.icon || swatches.length < 2) return drawSwatch(first ?? { fills: [], lines: [] }, geometry);
  const colours = [...new Set(swatches.map(mainColour))];
  const shown = colours.filter((_, at) => at % Math.ceil(colours.length / MOST) === 0);
  const surface = geometry.endsWith("Polygon");
  const [top, tall] = surface ? [3, HEIGHT - 6] : [HEIGHT / 2 - 2.5, 5];
  const wide = (WIDTH - 6) / shown.length;
  const slices = shown.map((fill, at) =>
    svg("rect", { x: 3 + at * wide, y: top, width: wide + 0.2, height: tall, fill }),
  );
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT };
  return svg("svg", { ...size, class: "swatch", "aria-hidden": "true" }, ...slices);
}

function mainColour(swatch: Swatch): string {
  const solid = swatch.fills.find(({ opacity, pattern }) => opacity > 0.25 && !pattern);
  const any = swatch.circle?.colour ?? swatch.lines.at(-1)?.colour ?? swatch.fills[0]?.colour;
  return solid?.colour ?? any ?? "none";
}

function parts(swatch: Swatch, geometry: string): SVGElement[] {
  const shapes: SVGElement[] = [];
  const surface = geometry.endsWith("Polygon") || swatch.fills.length > 0;
  if (surface) shapes.push(...box(swatch));
  else shapes.push(...swatch.lines.map((line) => stroke(line)));
  if (swatch.circle) shapes.push(...dot(swatch.circle));
  if (swatch.icon) shapes.push(...picture(swatch.icon));
  return shapes;
}

function box({ fills, lines }: Swatch): SVGElement[] {
  const frame = { x: 3, y: 3, width: WIDTH - 6, height: HEIGHT - 6, rx: 2 };
  const inside = fills.flatMap(({ colour, opacity, pattern }) =>
    pattern
      ? hatched(pattern, { ...frame, "fill-opacity": opacity })
      : [svg("rect", { ...frame, class: "surface", fill: colour, "fill-opacity": Math.max(opacity, 0.12) })],
  );
  const edges = lines.map(({ colour, width, opacity, dash }) =>
    svg("rect", {
      ...frame,
      fill: "none",
      stroke: colour,
      "stroke-width": Math.min(width, 2.5),
      "stroke-opacity": opacity,
      ...(dash.length ? { "stroke-dasharray": dash.map((part) => part * Math.min(width, 2)).join(" ") } : {}),
    }),
  );
  return [...inside, ...edges];
}

function stroke({ colour, width, opacity, dash }: Swatch["lines"][number]): SVGElement {
  const thickness = Math.min(Math.max(width, 1), 7);
  return svg("path", {
    d: `M4 ${HEIGHT / 2}H${WIDTH - 4}`,
    stroke: colour,
    "stroke-width": thickness,
    "stroke-opacity": opacity,
    "stroke-linecap": "butt",
    ...(dash.length ? { "stroke-dasharray": dash.map((part) => part * thickness).join(" ") } : {}),
  });
}

function dot(circle: NonNullable<Swatch["circle"]>): SVGElement[] {
  return [
    svg("circle", {
      cx: WIDTH / 2,
      cy: HEIGHT / 2,
      r: Math.min(Math.max(circle.radius, 3), 7),
      fill: circle.colour,
      "fill-opacity": circle.opacity,
      stroke: circle.stroke,
      "stroke-width": Math.min(circle.strokeWidth, 2),
    }),
  ];
}

/** A box filled with an icon again and again; a pattern is referred to by an id of its own. */
function hatched(name: string, frame: Record<string, string | number>): SVGElement[] {
  const id = `pattern-${Math.random().toString(36).slice(2)}`;
  const size = { width: PATTERN, height: PATTERN };
  const tile = svg(
    "pattern",
    { id, patternUnits: "userSpaceOnUse", ...size },
    svg("image", { href: address(name), ...size }),
  );
  return [tile, svg("rect", { ...frame, fill: `url(#${id})` })];
}

function address(name: string): string {
  return `${BASE}sprites/${encodeURIComponent(name)}.svg`;
}

function picture(name: string): SVGElement[] {
  return [svg("image", { href: address(name), x: (WIDTH - HEIGHT) / 2, y: 0, width: HEIGHT, height: HEIGHT })];
}
