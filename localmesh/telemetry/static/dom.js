// Small helpers for pages without a framework. Text is only ever set as text: nothing that a pod says becomes markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value ?? "";  // as an attribute the page's policy refuses it
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

// Brings a parent's children in line with items, keeping the element of each key: focus and selection survive.
export function keyed(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const kept = items.map((item) => {
    const key = keyOf(item);
    const element = old.get(key) ?? make(item);
    element.dataset.key = key;
    update(element, item);
    return element;
  });
  const same = kept.length === parent.children.length && kept.every((element, index) => parent.children[index] === element);
  if (!same) parent.replaceChildren(...kept);
}

// Makes an element, or a text, what a fresh one is, and keeps as much of it as can be kept.
export function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (name !== "style" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  const had = [...old.childNodes];
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, index) => (had[index] ? morph(had[index], child) : old.append(child)));
  had.slice(wanted.length).forEach((child) => child.remove());
}

// Sets a text only where it differs: a screen reader's live region speaks when it changes.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  const value = share * 100;
  if (value >= 99.95 || value === 0) return `${value.toFixed(0)} %`;
  return `${value.toFixed(value > 99 ? 1 : 0)} %`;
}

export function perSecond(rate) {
  return `${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)}/s`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

export function counted(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// The time of day. A proxy or an application may say any number.
export function timeOfDay(microseconds) {
  const time = new Date(microseconds / 1000);
  return Number.isNaN(time.getTime()) ? "at no possible time" : time.toLocaleTimeString();
}

export function grade(share) {
  if (share === null || share === undefined) return "none";
  return share >= 0.99 ? "good" : share >= 0.9 ? "fair" : "bad";
}
