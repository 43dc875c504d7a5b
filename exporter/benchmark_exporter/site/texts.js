// Says a text in the page's language: the English one is the key, and names its fields in braces.

const data = document.getElementById("texts");
const texts = data ? JSON.parse(data.textContent) : {};

export function say(text, fields = {}) {
  const said = Object.hasOwn(texts, text) ? texts[text] : text;
  return said.replace(/\{(\w+)\}/g, (field, name) => String(fields[name] ?? field));
}

// The text for one or for several; its {count} is the count.
export function counted(count, one, several, fields = {}) {
  return say(count === 1 ? one : several, { ...fields, count: count.toLocaleString("en") });
}
