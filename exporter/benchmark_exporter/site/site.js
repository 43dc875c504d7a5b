// Keeps a page's changing part up to date without loading the page: what is the same stays, with
// its focus, its selection and what was unfolded.

import { say } from "./texts.js";

const INTERVAL_MS = 2_000, MAX_INTERVAL_MS = 30_000, LATE_MS = 6_000, ANSWER_MS = 20_000;
const now = document.querySelector("[data-from]");
let tag = null, intervalMs = INTERVAL_MS, timer = 0, isAsking = false;
let updated = new Date(); // when what is shown was the newest

// One request at a time, however slow the network is and however often someone looks.
async function update() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  const late = setTimeout(() => old(say("the exporter has not answered yet")), LATE_MS);
  const failure = await ask();
  clearTimeout(late);
  isAsking = false;
  if (failure) old(failure);
  else state("");
  intervalMs = failure ? Math.min(intervalMs * 2, MAX_INTERVAL_MS) : INTERVAL_MS;
  timer = setTimeout(update, document.hidden ? MAX_INTERVAL_MS : intervalMs);
}

// Shows what has changed. Gives why it could not, or nothing.
async function ask() {
  try {
    const asked = new Date();
    const answer = await fetch(now.dataset.from, {
      headers: tag ? { "If-None-Match": tag } : {}, signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.status === 200) {
      const made = document.createElement("template");
      made.innerHTML = await answer.text(); // made by the exporter, which escapes all names
      show(made.content);
      tag = answer.headers.get("ETag");
    } else if (answer.status !== 304) {
      return say("the exporter answered {status}", { status: answer.status });
    }
    updated = asked;
    return "";
  } catch {
    return say("the exporter does not answer");
  }
}

function old(reason) {
  const time = updated.toTimeString().slice(0, 8);
  state(say("Not updated since {time}: {reason}.", { time, reason }));
}

// The notices stand before the content in the answer, and above it on the page.
function show(content) {
  const notices = content.querySelector(".notices"), shown = document.querySelector(".notices");
  notices?.remove();
  if (notices && shown) morph(shown, notices);
  else if (notices) now.before(notices);
  else shown?.remove();
  morph(now, content);
}

function state(text) {
  let element = document.querySelector("#update");
  if (!element) {
    if (!text) return;
    element = document.createElement("p");
    element.id = "update";
    element.setAttribute("role", "status");
    now.before(element);
  }
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

const keyOf = (node) => node.dataset?.key ?? node.id ?? "";
const isLike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

// Makes the children of one node those of another, touching only what differs.
function morph(to, from) {
  const wantedKeys = new Set([...from.childNodes].map(keyOf));
  let at = to.firstChild;
  for (const wanted of [...from.childNodes]) {
    let found = at;
    if (keyOf(wanted)) while (found && !isLike(found, wanted)) found = found.nextSibling;
    else if (at && !isLike(at, wanted)) found = null;
    if (!found) {
      to.insertBefore(wanted, at);
      continue;
    }
    // What has gone is removed rather than the rest moved, which would lose its focus.
    while (at !== found && !(keyOf(at) && wantedKeys.has(keyOf(at)))) at = removed(at);
    if (at === found) at = found.nextSibling;
    else to.insertBefore(found, at);
    if (found.nodeType === Node.ELEMENT_NODE) {
      attributes(found, wanted);
      morph(found, wanted);
    } else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (at) at = removed(at);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function attributes(to, from) {
  for (const { name, value } of [...from.attributes]) {
    if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  }
  for (const { name } of [...to.attributes]) {
    const isReaders = name === "open" && to.nodeName === "DETAILS";
    if (!from.hasAttribute(name) && !isReaders) to.removeAttribute(name);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) update();
});
window.addEventListener("online", update);
timer = setTimeout(update, INTERVAL_MS);
