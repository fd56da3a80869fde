// Time series as small lines with gaps where nothing was counted.

import { h, percent, s } from "./dom.js";

const HEIGHT = 120;
const LEFT = 34;

function x(index, count, width) {
  return LEFT + ((width - LEFT - 6) * index) / Math.max(1, count - 1);
}

function y(share) {
  return 8 + (HEIGHT - 26) * (1 - share);
}

// The pieces of a line between gaps, each as a list of points.
function pieces(values, width) {
  const found = [];
  let piece = [];
  values.forEach((value, index) => {
    if (value === null) {
      if (piece.length) found.push(piece);
      piece = [];
    } else piece.push(`${x(index, values.length, width).toFixed(1)},${y(value).toFixed(1)}`);
  });
  if (piece.length) found.push(piece);
  return found;
}

function line(values, className, width) {
  return s("g", { class: className }, ...pieces(values, width).map((piece) => {
    if (piece.length > 1) return s("polyline", { points: piece.join(" ") });
    const [cx, cy] = piece[0].split(",");
    return s("circle", { cx, cy, r: 2.5 });
  }));
}

function last(values) {
  return values.findLast((value) => value !== null) ?? null;
}

export function chart(title, lines, width) {
  const said = lines.map(({ name, values }) => `${name} ${percent(last(values))}`).join(", ");
  return h("figure", {},
    h("figcaption", {}, h("b", {}, title), h("span", { class: "key" }, ...lines.flatMap(({ name, values, className }) => [h("i", { class: className }), `${name} ${percent(last(values))}`]))),
    s("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${title}: now ${said}` },
      ...[0, 0.5, 1].map((share) => s("line", { x1: LEFT, x2: width - 6, y1: y(share), y2: y(share) })),
      ...[0, 0.5, 1].map((share) => s("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, `${share * 100}`)),
      s("text", { x: LEFT, y: HEIGHT - 2 }, "5 min ago"),
      s("text", { x: width - 6, y: HEIGHT - 2, "text-anchor": "end" }, "now"),
      ...lines.map(({ values, className }) => line(values, className, width))));
}
