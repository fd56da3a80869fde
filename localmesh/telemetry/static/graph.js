// The graph: layers by distance from those whom nobody calls, left to right, or top to bottom where it is narrow.

import { grade, h, milliseconds, morph, percent, perSecond, s } from "./dom.js";

const WIDE = { width: 168, height: 54, layer: 430, row: 118 };
const NARROW = { width: 158, height: 54, layer: 240, row: 204 };
const NARROW_BELOW = 760;
const BEND = 62;
const HALF_LETTER = 3.4;
const ALL = 0.9995;
const READABLE = 0.85;

function layersOf(nodes, edges) {
  const layer = new Map(nodes.map((node) => [node.id, 0]));
  for (let round = 0; round < nodes.length; round += 1) {
    let moved = false;
    for (const edge of edges) {
      const wanted = layer.get(edge.source) + 1;
      if (edge.source !== edge.destination && layer.get(edge.destination) < wanted && wanted < nodes.length) {
        layer.set(edge.destination, wanted);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}

function places(nodes, edges, narrow) {
  const size = narrow ? NARROW : WIDE;
  const layer = layersOf(nodes, edges);
  const columns = [];
  for (const node of nodes) (columns[layer.get(node.id)] ??= []).push(node);
  const filled = columns.filter(Boolean);
  const most = Math.max(...filled.map((column) => column.length));
  const at = new Map();
  filled.forEach((column, index) => {
    column.sort((one, other) => one.id.localeCompare(other.id));
    column.forEach((node, place) => {
      const along = 24 + index * size.layer;
      const across = 24 + (place + (most - column.length) / 2) * size.row;
      at.set(node.id, narrow ? { x: across, y: along } : { x: along, y: across });
    });
  });
  const length = 48 + (filled.length - 1) * size.layer + (narrow ? size.height : size.width);
  const breadth = 48 + (most - 1) * size.row + (narrow ? size.width : size.height);
  return { at, size, narrow, view: narrow ? [Math.max(breadth, 320), length] : [length, breadth] };
}

// A line bends right behind its source and then runs along its destination's row, where its label has it for itself;
// where several come together, it runs along its source's row and bends at the end.
function pathOf(from, to, layout, bend, shift) {
  const { size, narrow } = layout;
  const point = (along, across) => (narrow ? `${across} ${along}` : `${along} ${across}`);
  const [long, wide] = narrow ? [size.height, size.width] : [size.width, size.height];
  const [start, end] = narrow ? [from.y + long, to.y] : [from.x + long, to.x];
  const [across, target] = narrow ? [from.x + wide / 2 + shift, to.x + wide / 2 + shift] : [from.y + wide / 2 + shift, to.y + wide / 2 + shift];
  if (end < start) return around(from, to, size, shift);
  const gap = size.layer - long;
  const [begins, ends] = { early: [start, start + BEND], late: [end - BEND, end], whole: [start, end] }[bend];
  const half = (begins + ends) / 2;
  const straight = across === target || bend === "whole";
  const along = start + (straight ? gap : gap - BEND) / 2 + (bend === "early" && !straight ? BEND : 0);
  const row = { early: target, late: across, whole: (across + target) / 2 }[bend];
  return {
    d: `M${point(start, across)}L${point(begins, across)}C${point(half, across)} ${point(half, target)} ${point(ends, target)}L${point(end, target)}`,
    ...(narrow ? { x: row, y: along - 8 } : { x: along, y: row }),
  };
}

// Back to an earlier layer, or to itself: below the boxes.
function around(from, to, size, shift) {
  const [x1, y1, x2, y2] = [from.x + size.width * 0.7, from.y + size.height, to.x + size.width * 0.3, to.y + size.height];
  const low = Math.max(y1, y2) + 34 + shift;
  return { d: `M${x1} ${y1}C${x1} ${low} ${x2} ${low} ${x2} ${y2}`, x: (x1 + x2) / 2, y: low - 6 };
}

function bendOf(edge, edges) {
  const among = (end) => edges.filter((other) => other[end] === edge[end]).length;
  if (among("destination") < 2) return "early";
  return among("source") < 2 ? "late" : "whole";
}

function edgeElement(edge, layout, bend) {
  const { at, narrow } = layout;
  const [from, to] = [at.get(edge.source), at.get(edge.destination)];
  const main = pathOf(from, to, layout, bend, 0);
  const second = pathOf(from, to, layout, bend, 6);
  const tried = edge.attempt_success !== null && edge.attempts_ps > 0;
  const worst = grade(edge.success === null ? null : edge.success - deniedShare(edge));
  const share = edge.share !== null && edge.share < 0.9995 ? ` · ${percent(edge.share)}` : "";
  const rates = edge.success === null ? "no calls now" : deniedShare(edge) ? deniedText(edge) : narrow && tried ? `${percent(edge.success)} / ${percent(edge.attempt_success)} of tries` : tried ? `${percent(edge.success)} of calls · ${percent(edge.attempt_success)} of tries` : `${percent(edge.success)} of calls`;
  const lines = s("g", { class: "edge" },
    s("title", {}, edgeText(edge)),
    tried ? s("path", { class: `tries ${grade(edge.attempt_success)}`, d: second.d }) : null,
    s("path", { class: `calls ${worst}`, d: main.d }),
    edge.rps > 0 || edge.mirrored_ps > 0 ? s("path", { class: "flow", d: main.d }) : null);
  const often = `${perSecond(edge.rps)}${share}${edge.mirrored_ps ? ` + ${mirrorText(edge)}` : ""}`;
  const labels = s("g", { class: "edge", "data-source": edge.source, "data-destination": edge.destination },
    narrow ? ground(main, [often, rates, latencyText(edge)]) : null,
    padlock(edge, main.x - often.length * HALF_LETTER - 16, main.y - 20),
    s("text", { x: main.x, y: main.y - 9, "text-anchor": "middle" }, often),
    s("text", { class: worst, x: main.x, y: main.y + 20, "text-anchor": "middle" }, rates),
    s("text", { class: "soft", x: main.x, y: main.y + 35, "text-anchor": "middle" }, latencyText(edge)));
  return [lines, labels];
}

// What keeps a line that runs down through its label from showing between the words.
function ground({ x, y }, texts) {
  const half = Math.max(...texts.map((text) => text.length)) * HALF_LETTER + 4;
  return s("rect", { class: "ground", x: x - half, y: y - 24, width: 2 * half, height: 64 });
}

// A closed padlock where all of an edge came by mutual TLS, an open one where a part did, none where nothing did.
function padlock(edge, x, y) {
  if (!edge.secured) return null;
  const shackle = edge.secured > ALL ? "M2.5 6V3.5a3 3 0 0 1 6 0V6" : "M2.5 6V3.5a3 3 0 0 1 6 0";
  return s("g", { class: "padlock", transform: `translate(${x} ${y})` },
    s("title", {}, securityText(edge)), s("path", { d: shackle }), s("rect", { x: 0.5, y: 6, width: 10, height: 7, rx: 1.5 }));
}

export function securityText(edge) {
  if (edge.secured === null) return "";
  if (edge.secured > ALL) return "mutual TLS";
  return edge.secured ? `${percent(edge.secured)} of it by mutual TLS` : "plain text";
}

// A denied call counts as answered, as on Istio's boards: that all are is worth a word only where some are not.
function deniedText(edge) {
  const answered = edge.success < ALL ? `${percent(edge.success)} of calls · ` : "";
  return `${answered}${percent(deniedShare(edge))} denied`;
}

export function deniedShare(edge) {
  const denied = Object.values(edge.denied).reduce((sum, rate) => sum + rate, 0);
  return edge.rps > 0 ? Math.min(1, denied / edge.rps) : 0;
}

function latencyText(edge) {
  return edge.p50 === null ? "" : `p50 ${milliseconds(edge.p50)}, p99 ${milliseconds(edge.p99)}`;
}

function mirrorText(edge) {
  return `${perSecond(edge.mirrored_ps)} mirrored`;
}

export function edgeText(edge) {
  const short = (id) => id.replace("service:", "Service ");
  const ends = Object.entries({ ...edge.ends, ...edge.denied }).map(([words, rate]) => `${perSecond(rate)} ${words}`);
  const security = [securityText(edge), edge.mirrored_ps ? mirrorText(edge) : ""].filter(Boolean).join(", ");
  return `${short(edge.source)} to ${short(edge.destination)}: ${perSecond(edge.rps)}, ${percent(edge.success)} of calls and ` +
    `${percent(edge.attempt_success)} of tries succeed${security ? `, ${security}` : ""}${ends.length ? `; ${ends.join(", ")}` : ""}`;
}

function nodeElement(node, layout, ill) {
  const { at, size } = layout;
  const place = at.get(node.id);
  const below = node.kind === "service" ? "no pod was asked" : [node.version, node.namespace].filter(Boolean).join(" · ");
  return s("g", { class: `node ${node.kind}${ill ? " ill" : ""}`, "data-id": node.id },
    s("rect", { x: place.x, y: place.y, width: size.width, height: size.height, rx: 10 }),
    s("text", { class: "name", x: place.x + size.width / 2, y: place.y + 23, "text-anchor": "middle" }, clipped(node.name)),
    s("text", { class: "soft", x: place.x + size.width / 2, y: place.y + 41, "text-anchor": "middle" }, clipped(below)));
}

function clipped(text) {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

export function drawGraph(parent, picture) {
  const { nodes, edges } = picture;
  if (!nodes.length) {
    parent.replaceChildren(h("p", { class: "empty" }, "Nobody has called anybody yet."));
    return;
  }
  const narrow = parent.clientWidth < NARROW_BELOW;
  const layout = places(nodes, edges, narrow);
  const ill = new Set(edges.filter((edge) => edge.rps > 0 && grade(edge.attempt_success ?? edge.success) === "bad").map((edge) => edge.destination));
  const [width, height] = layout.view;
  const drawn = edges.map((edge) => edgeElement(edge, layout, bendOf(edge, edges)));
  const graph = s("svg", { class: "graph", style: narrow ? `max-height: none; min-width: ${Math.round(width * READABLE)}px` : null, viewBox: `0 0 ${width} ${height + 12}`, role: "img", "aria-label": edges.map(edgeText).join(". ") || "No calls" },
    ...drawn.map(([lines]) => lines), ...drawn.map(([, labels]) => labels),
    ...nodes.map((node) => nodeElement(node, layout, ill.has(node.id))));
  // What is there stays: what moves goes on moving, and a title that is read is not taken away.
  if (parent.firstElementChild) morph(parent.firstElementChild, graph);
  else parent.append(graph);
}
