/** Small pictures of how a class is drawn on the map. */

import { BASE } from "./api";
import { svg } from "./dom";
import type { Swatch } from "./legend";

const WIDTH = 26;
const HEIGHT = 18;
const MOST = 5; // slices in one swatch

/** Draw a swatch of 26 x 18 px; surfaces as a box, lines as a stroke, points as a dot or their icon. */
export function drawSwatch(swatch: Swatch, geometry: string): SVGElement {
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT };
  return svg("svg", { ...size, class: "swatch", "aria-hidden": "true" }, ...parts(swatch, geometry));
}

/** One swatch for a layer of several classes: a slice of each one's colour. */
export function drawSeveral(swatches: Swatch[], geometry: string): SVGElement {
  const [first] = swatches;
  if (!first || first.icon || swatches.length < 2) return drawSwatch(first ?? { lines: [] }, geometry);
  const shown =
    swatches.length > MOST ? swatches.filter((_, at) => at % Math.ceil(swatches.length / MOST) === 0) : swatches;
  const surface = geometry.endsWith("Polygon");
  const [top, tall] = surface ? [3, HEIGHT - 6] : [HEIGHT / 2 - 2.5, 5];
  const wide = (WIDTH - 6) / shown.length;
  const slices = shown.map((swatch, at) =>
    svg("rect", { x: 3 + at * wide, y: top, width: wide + 0.2, height: tall, fill: mainColour(swatch) }),
  );
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT };
  return svg("svg", { ...size, class: "swatch", "aria-hidden": "true" }, ...slices);
}

function mainColour(swatch: Swatch): string {
  const solid = swatch.fill && swatch.fill.opacity > 0.4 ? swatch.fill.colour : undefined;
  return solid ?? swatch.circle?.colour ?? swatch.lines.at(-1)?.colour ?? swatch.fill?.colour ?? "none";
}

function parts(swatch: Swatch, geometry: string): SVGElement[] {
  const shapes: SVGElement[] = [];
  const surface = geometry.endsWith("Polygon") || swatch.fill !== undefined;
  if (surface) shapes.push(...box(swatch));
  else shapes.push(...swatch.lines.map((line) => stroke(line)));
  if (swatch.circle) shapes.push(...dot(swatch.circle));
  if (swatch.icon) shapes.push(...picture(swatch.icon));
  return shapes;
}

function box({ fill, lines }: Swatch): SVGElement[] {
  const frame = { x: 3, y: 3, width: WIDTH - 6, height: HEIGHT - 6, rx: 2 };
  const inside = fill
    ? [svg("rect", { ...frame, class: "surface", fill: fill.colour, "fill-opacity": Math.max(fill.opacity, 0.12) })]
    : [];
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

function picture(name: string): SVGElement[] {
  const href = `${BASE}sprites/${encodeURIComponent(name)}.svg`;
  return [svg("image", { href, x: (WIDTH - HEIGHT) / 2, y: 0, width: HEIGHT, height: HEIGHT })];
}
