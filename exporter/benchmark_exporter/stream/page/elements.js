// Finds, makes and fills elements, and draws lines.

const SVG = "http://www.w3.org/2000/svg";

export const find = (selector, within = document) => within.querySelector(selector);

export function made(name, ...children) {
  const element = document.createElement(name);
  element.append(...children);
  return element;
}

export function drawn(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setHref(link, address) {
  if (link.getAttribute("href") !== address) link.setAttribute("href", address);
}

const twoDigits = (number) => String(number).padStart(2, "0");

// In the reader's time zone, and written alike in every language.
export function setTime(element, text) {
  if (element.dateTime === text) return;
  element.dateTime = text;
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":");
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join("-");
  element.textContent = isToday ? clock : `${day} ${clock}`;
}

// Makes a list's children match the entries, in their order, touching only what has changed.
export function keep(list, entries, make, paintItem) {
  const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
  let before = null;
  for (const [key, value] of entries) {
    let item = items.get(key);
    items.delete(key);
    if (!item) {
      item = make();
      item.dataset.key = key;
    }
    const after = before ? before.nextElementSibling : list.firstElementChild;
    if (after !== item) list.insertBefore(item, after);
    paintItem(item, value);
    before = item;
  }
  for (const item of items.values()) item.remove();
}

// The points of a polyline.
export function line(values, width, tall, low = Math.min(...values), high = Math.max(...values)) {
  const step = width / Math.max(1, values.length - 1);
  const point = (value, index) => `${(index * step).toFixed(1)},${height(value, low, high, tall)}`;
  return values.map(point).join(" ");
}

export function height(value, low, high, tall) {
  const margin = 3;
  if (high === low) return (tall / 2).toFixed(1);
  return (tall - margin - ((value - low) / (high - low)) * (tall - 2 * margin)).toFixed(1);
}
