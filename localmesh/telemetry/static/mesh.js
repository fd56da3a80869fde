// The mesh page: draws each picture that the stream brings, and sends what its buttons say.

import { chart } from "./charts.js";
import { byId, grade, h, keyed, milliseconds, percent, perSecond, say } from "./dom.js";
import { deniedShare, drawGraph, securityText } from "./graph.js";

const TOKEN = document.querySelector("meta[name=mesh-token]").content;
const RETRY_MS = 3000;
let stream;
let shown;

function follow(seconds) {
  stream?.close();
  stream = new EventSource(`api/events?window=${seconds}`);
  stream.onopen = () => live("on", "live");
  stream.onmessage = (event) => draw(JSON.parse(event.data));
  stream.addEventListener("trouble", (event) => live("off", JSON.parse(event.data)));
  stream.onerror = () => {
    live("off", "the page's pod does not answer; trying again …");
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => follow(chosenWindow()), RETRY_MS);
  };
}

function live(state, text) {
  byId("live").className = `live ${state}`;
  say(byId("live"), text);
}

function chosenWindow() {
  return document.querySelector("#windows :checked").value;
}

function draw(picture) {
  shown = picture;
  live(picture.missing.length ? "off" : "on", picture.missing.length ? picture.missing.join("; ") : "live");
  drawTroubles(picture.troubles);
  drawGraph(byId("graph"), picture);
  drawCalls(picture);
  drawSeries(picture.series);
  drawRules(picture.rules);
  drawFaults(picture);
}

function drawTroubles(troubles) {
  keyed(byId("troubles"), troubles, (trouble) => trouble.text, () => h("li"), (element, trouble) => {
    if (element.firstChild) return;
    element.className = trouble.level;
    element.append(trouble.text, h("span", {}, trouble.fix));
  });
}

const CHART_PX = 340;
const GAP_PX = 16;

function drawSeries(series) {
  const parent = byId("series");
  const specs = series.flatMap(charts);
  byId("no-series").hidden = specs.length > 0;
  const columns = Math.max(1, Math.min(specs.length, Math.floor((parent.clientWidth + GAP_PX) / (CHART_PX + GAP_PX))));
  const width = Math.max(200, Math.round((parent.clientWidth - GAP_PX * (columns - 1)) / columns));
  parent.replaceChildren(...specs.map(({ title, lines }) => chart(title, lines, width)));
}

function charts(series) {
  const title = `${series.source.split("/")[1]} → ${series.service.split(".")[0]}`;
  const success = { title: `${title}: success`, lines: [
    { name: "calls", values: series.success, className: "c-calls" },
    { name: "tries", values: series.attempt_success, className: "c-tries" },
  ] };
  const versions = Object.entries(series.shares).filter(([, values]) => values.some((value) => value > 0));
  if (versions.length < 2) return [success];
  return [success, { title: `${title}: shares`, lines: versions.map(([name, values], index) => ({ name, values, className: `c-${index % 4}` })) }];
}

const CALLS = ["From → to", "Rate", "Calls that succeed", "Tries that succeed", "Retries", "p50 / p99", "What went wrong"];

function cells(labels, ...classes) {
  return h("tr", {}, ...labels.map((label, index) => h("td", { "data-label": label, class: classes[index] ?? "" }, h("div"))));
}

function fill(row, ...contents) {
  contents.forEach((content, index) => {
    const place = row.children[index].firstChild;
    if (typeof content === "string") say(place, content);
    else place.replaceChildren(...content);
  });
}

function rate(share, denied = 0) {
  const found = [h("b", { class: `rate ${grade(share === null ? null : share - denied)}` }, percent(share))];
  return denied ? [...found, h("small", { class: "bad" }, `${percent(denied)} denied`)] : found;
}

function drawCalls(picture) {
  const { calls, edges } = picture;
  byId("no-calls").hidden = calls.length > 0;
  const number = ["", "number", "number", "number", "number", "number", ""];
  keyed(byId("calls"), calls, (call) => `${call.source} ${call.service}`, () => cells(CALLS, ...number), (row, call) => {
    row.dataset.source = call.source;
    row.dataset.service = call.service;
    const parts = edges.filter((edge) => edge.source === call.source && edge.service === call.service);
    fill(row,
      [h("b", {}, `${call.source.split("/").pop()} → ${call.service}`), ...security(parts), ...parts.filter(() => parts.length > 1).map(part)],
      perSecond(call.rps), rate(call.success, deniedShare(call)), rate(call.attempt_success), perSecond(call.retries_ps), speed(parts), ends(call));
  });
}

function part(edge) {
  const tries = edge.attempt_success === null ? "" : `, ${percent(edge.attempt_success)} of its tries succeed`;
  const whose = edge.destination.startsWith("service:") ? "nobody" : edge.destination.split("/").pop();
  return h("small", {}, `${whose}: ${percent(edge.share)} of calls${tries}`);
}

function security(parts) {
  const found = new Set(parts.map(securityText).filter(Boolean));
  return found.size ? [h("small", {}, [...found].join("; "))] : [];
}

function speed(parts) {
  return parts.filter((edge) => edge.p50 !== null).map((edge) => h("div", {}, `${milliseconds(edge.p50)} / ${milliseconds(edge.p99)}`));
}

function ends(call) {
  const of = (kind, all) => Object.entries(all).map(([words, value]) => h("div", {}, `${perSecond(value)} ${words} `, h("small", { class: "inline" }, kind)));
  const found = [...of("of calls", call.denied), ...of("of calls", call.ends), ...of("of tries", call.attempt_ends)];
  return found.length ? found : ["nothing"];
}

function drawRules(rules) {
  byId("no-rules").hidden = rules.length > 0;
  keyed(byId("rules"), rules, (rule) => rule.name, () => cells(["Requests for", "go to", "tried again", "taken"], "", "", "", "number"), (row, rule) => {
    row.dataset.object = rule.object;
    fill(row,
      [h("b", {}, rule.match), h("small", {}, `${rule.object}, followed by ${rule.where}`)],
      [rule.action, ...[...rule.deeds, rule.timeout].filter(Boolean).map((text) => h("small", {}, text))],
      rule.retries,
      [h("b", {}, rule.total.toFixed(0)), h("small", {}, perSecond(rule.rps))]);
  });
}

function drawFaults({ faults, fault_pods: pods }) {
  byId("no-faults").hidden = faults.length > 0;
  say(byId("no-faults"), pods.length ? "Catalog behaves." : "No catalog runs.");
  keyed(byId("faults"), faults, (fault) => `${fault.namespace}/${fault.pod}/${fault.type}`, (fault) => {
    const row = cells(["Fault", "Pod", "seen", "hit", ""], "", "", "number", "number", "number");
    row.lastChild.firstChild.append(h("button", { type: "button", onclick: () => send({ type: fault.type, active: false, version: fault.version }),
      "aria-label": `end ${fault.type} in ${fault.version || "all pods"}` }, "End"));
    return row;
  }, (row, fault) => fill(row, faultText(fault), fault.pod, String(fault.seen), `${fault.hit}`));
  const versions = [...new Set(pods.map((pod) => pod.version).filter(Boolean))].sort();
  const select = byId("order").elements.version;
  if ([...select.options].slice(1).map((option) => option.value).join() !== versions.join()) {
    const before = select.value;
    select.replaceChildren(h("option", { value: "" }, "all"), ...versions.map((version) => h("option", { value: version }, version)));
    if (versions.includes(before)) select.value = before;
  }
}

function faultText(fault) {
  const what = fault.type === "drop" ? "no answer" : fault.type === "latency" ? `${fault.latency_ms} ms late` : fault.type;
  return `${what}, ${fault.percentage} %`;
}

async function send(order) {
  say(byId("said"), "…");
  try {
    const answer = await fetch("api/faults", { method: "POST", headers: { "content-type": "application/json", "x-mesh-token": TOKEN }, body: JSON.stringify(order) });
    const body = await answer.json();
    say(byId("said"), answer.ok ? `${order.type} is ${order.active ? "on" : "over"}` : body.error);
  } catch (error) {
    say(byId("said"), `not sent: ${error.message}`);
  }
}

byId("order").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  send({ type: fields.get("type"), active: true, percentage: Number(fields.get("percentage")), latency_ms: Number(fields.get("latency_ms")), version: fields.get("version") });
});
byId("windows").addEventListener("change", () => follow(chosenWindow()));
window.addEventListener("resize", () => shown && draw(shown));
follow(chosenWindow());
