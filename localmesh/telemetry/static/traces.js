// The page of traces: a list to choose from, and the waterfall of one with each attempt.

import { byId, counted, h, keyed, milliseconds, s, say, timeOfDay } from "./dom.js";

const EVERY_MS = 3000;
const REASON_WIDTH = 1000;

function chosen() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

async function ask(path) {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

async function look() {
  const query = new URLSearchParams(new FormData(byId("filters")));
  try {
    const found = await ask(`api/traces?${query}`);
    byId("live").className = "live on";
    say(byId("live"), `${counted(found.kept, "trace")} kept${found.dropped ? `, ${found.dropped} older ones dropped` : ""}`);
    outside(found.outside);
    services(found.services);
    list(found.traces);
    // Proxies send their spans one after the other: a trace that was chosen early grows.
    if (found.traces.some((trace) => trace.id === drawn.id && trace.spans !== drawn.spans)) show();
  } catch (error) {
    byId("live").className = "live off";
    say(byId("live"), `the page's pod does not answer: ${error.message}`);
  }
}

function outside(collector) {
  byId("outside").hidden = !collector;
  if (!collector) return;
  const trouble = collector.trouble ? ` · ${collector.trouble}` : "";
  const dropped = collector.dropped ? ` · ${collector.dropped} bodies of spans were lost` : "";
  say(byId("outside"), `All spans go to ${collector.url}, which OTEL_EXPORTER_OTLP_ENDPOINT named at mesh up; none are kept here. ${collector.sent} bodies of spans sent${dropped}${trouble}`);
}

function services(names) {
  const select = byId("filters").elements.service;
  const known = [...select.options].slice(1).map((option) => option.value);
  for (const name of names) if (!known.includes(name)) select.append(h("option", { value: name }, name));
}

function list(traces) {
  byId("none").hidden = traces.length > 0 || !byId("outside").hidden;
  keyed(byId("list"), traces, (trace) => trace.id, () => h("li"), (element, trace) => {
    const content = `${trace.parent} ${trace.spans} ${trace.status} ${trace.id === chosen()}`;
    if (element.dataset.content === content) return;
    element.dataset.content = content;
    element.replaceChildren(h("a", { href: `#${trace.id}`, "aria-current": trace.id === chosen() ? "true" : null },
      h("span", {}, h("b", { class: trace.failed ? "bad" : "good" }, trace.status || "–"), ` ${pathOf(trace)}`),
      h("span", {}, milliseconds(trace.duration_us / 1000)),
      h("small", {}, `${timeOfDay(trace.start_us)} · ${trace.parent ? "its beginning is not here · " : ""}${counted(trace.spans, "span")} · ${retriesOf(trace)} · ${counted(trace.services.length, "service")}`)));
  });
}

function pathOf(trace) {
  try {
    return new URL(trace.url).pathname;
  } catch {
    return trace.name;
  }
}

async function show() {
  const id = chosen();
  if (!id) return;
  try {
    const trace = await ask(`api/traces/${encodeURIComponent(id)}`);
    if (id === chosen()) draw(trace);
  } catch (error) {
    byId("waterfall").replaceChildren(h("p", { class: "empty" }, error.message));
  }
}

let drawn = {};

function retriesOf(trace) {
  return counted(trace.retries, "retry", "retries");
}

function draw(trace) {
  drawn = trace;
  say(byId("trace-title"), `${pathOf(trace)}: ${trace.status || "no answer"} after ${milliseconds(trace.duration_us / 1000)}`);
  byId("waterfall").replaceChildren(
    h("p", { class: "hint" }, `${trace.id} · ${counted(trace.spans, "span")} · ${retriesOf(trace)}${trace.left_out ? ` · ${trace.left_out} more were not kept` : ""} · mesh trace ${trace.id.slice(0, 8)}`),
    ...trace.rows.flatMap((row) => span(row, trace.duration_us)));
}

function span(row, total) {
  const start = (REASON_WIDTH * Math.max(0, row.offset_us)) / Math.max(1, total);
  const width = Math.max(3, (REASON_WIDTH * row.duration_us) / Math.max(1, total));
  const indent = "\u2003".repeat(Math.min(row.depth, 12));
  const attempt = row.attempt ? `try ${row.attempt} ` : "";
  const peer = row.attempt && row.peer ? ` (${row.peer})` : "";
  const tags = h("dl", { class: "tags", hidden: true }, ...Object.entries(row.tags).sort().flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  const button = h("button", { type: "button", class: `span${row.reason ? " failed" : ""}`, "aria-expanded": "false", "data-attempt": row.attempt || null },
    h("span", { class: "what" }, indent, h("b", {}, row.service.split(".")[0]), ` ${attempt}${row.name}${peer} `, h("small", {}, `${row.status} ${milliseconds(row.duration_us / 1000)}`)),
    s("svg", { viewBox: `0 0 ${REASON_WIDTH} 20`, preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { x: Math.min(start, REASON_WIDTH - 3), y: 4, width, height: 12, rx: 2 })),
    row.reason ? h("span", { class: "why" }, `${indent}${row.reason}`) : null);
  button.addEventListener("click", () => {
    tags.hidden = !tags.hidden;
    button.setAttribute("aria-expanded", String(!tags.hidden));
  });
  return [button, tags];
}

byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  look();
});
byId("filters").addEventListener("change", look);
window.addEventListener("hashchange", () => { show(); look(); });
setInterval(() => document.hidden || look(), EVERY_MS);
look();
show();
