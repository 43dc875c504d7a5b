// Follows the stream. Messages only change what is known; the page is painted from that at most
// PAINTS_PER_SECOND times, so that a thousand messages a second cost no more than ten.

import { find, setText } from "./elements.js";
import { painters } from "./painting.js";
import { benchmarkKey, scopedKey } from "./scopes.js";
import { say } from "./texts.js";
import { gateText, verdictText } from "./words.js";

const PAINTS_PER_SECOND = 10;
const CHART_POINTS = 200;
const FINISHED_MS = 20_000, TROUBLED_MS = 120_000;
const RETRY_MS = 500, MAX_RETRY_MS = 10_000;
const ANSWER_MS = 15_000; // a browser alone waits minutes for an answer
const TRENDS_MS = 1_500;
const ANNOUNCE_MS = 5_000;
const MAX_ALERTS = 200; // as many as the exporter keeps

const token = new URLSearchParams(location.hash.slice(1)).get("token");
// The page in another language needs the token too.
if (token) for (const link of document.querySelectorAll(".language a")) link.hash = location.hash;

const known = {
  running: new Map(), runs: new Map(), gates: new Map(), alerts: new Map(), trends: new Map(),
  rejected: { count: 0, files: [] }, ingest: { failure: null },
};
const dirty = new Set();
let position = null; // stream and seq of the last message
let retryMs = RETRY_MS;
let messages = 0, dropped = 0;

// The connection

function connect() {
  const url = new URL("stream", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  if (position) {
    url.searchParams.set("since", position.seq);
    url.searchParams.set("stream", position.stream);
  }
  if (token) url.searchParams.set("token", token);
  showConnection("connecting", say("Connecting …"));
  const socket = new WebSocket(url);
  let opened = false;
  const unanswered = setTimeout(() => socket.close(), ANSWER_MS);
  socket.onopen = () => {
    opened = true;
    clearTimeout(unanswered);
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = async () => {
    clearTimeout(unanswered);
    const reason = opened ? "" : await refusal();
    const waitMs = retryMs * (0.75 + Math.random() / 2);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    const seconds = Math.max(1, Math.round(waitMs / 1000));
    if (reason) showConnection("refused", reason);
    else showConnection("connecting", say("Connection lost, retrying in {seconds} s", { seconds }));
    const timer = setTimeout(again, waitMs);
    addEventListener("online", again, { once: true });
    function again() {
      clearTimeout(timer);
      removeEventListener("online", again);
      connect();
    }
  };
}

// Browsers do not say why a WebSocket was refused. An ordinary request is refused for the same
// reason, and says so.
async function refusal() {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await ask("api/v1/trends", { signal, headers: { Accept: "text/plain" } });
    if (answer.status === 401) {
      return say("This stream requires a token: append #token=TOKEN to this page's address");
    }
    return answer.ok ? "" : (await answer.text()).trim().slice(0, 200);
  } catch {
    return ""; // there is no server
  }
}

function ask(path, options = {}) {
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch(path, { ...options, headers: { ...options.headers, ...authorization } });
}

function showConnection(state, text) {
  const connection = find("#connection");
  if (connection.dataset.state !== state) announce(text);
  connection.dataset.state = state;
  find("#connection-text").textContent = text;
}

// What is known

const receivers = {
  hello(metrics) {
    retryMs = RETRY_MS;
    showConnection("live", say("Live"));
    find("#version").textContent = `benchmark-exporter ${metrics.version}`;
    find("#results-dir").textContent = metrics.results_dir;
    readTrends();
    if (!metrics.snapshot) return;
    const { running, runs, gates, alerts, rejected, ingest } = metrics.snapshot;
    const before = known.running;
    known.running = new Map();
    for (const each of running) {
      known.running.set(each.run_id, before.get(each.run_id) ?? { points: [] });
      receivers.progress(each);
    }
    known.runs = new Map(runs.map((run) => [benchmarkKey(run), run]));
    known.gates = new Map(gates.map((gate) => [benchmarkKey(gate), gate]));
    known.alerts = new Map(alerts.map((alert) => [alert.fingerprint, alert]));
    known.rejected = rejected;
    known.ingest = ingest;
    for (const part of Object.keys(painters)) dirty.add(part);
  },
  progress(metrics) {
    const run = known.running.get(metrics.run_id) ?? { points: [] };
    const isNew = run.progress?.iteration !== metrics.iteration
      || run.progress?.benchmark !== metrics.benchmark;
    if (isNew && metrics.execution_time_ms !== null) {
      run.points.push(metrics.execution_time_ms);
      if (run.points.length > CHART_POINTS) run.points.shift();
    }
    if (isOver(metrics) && !run.overMs) run.overMs = Date.now();
    if (!isOver(metrics)) run.overMs = 0;
    run.progress = metrics;
    known.running.set(metrics.run_id, run);
    dirty.add("running");
  },
  run(metrics) {
    known.runs.set(benchmarkKey(metrics), { ...metrics, isNew: true });
    dirty.add("benchmarks");
    readTrendsSoon();
    const verdict = verdictText(metrics.verdicts[0]).text || say("no verdict");
    announce(say("{benchmark}: new run, {verdict}", { benchmark: nameOf(metrics), verdict }));
  },
  gate(metrics) {
    known.gates.set(benchmarkKey(metrics), metrics);
    dirty.add("benchmarks");
    readTrendsSoon();
    const { text: outcome } = gateText(metrics);
    announce(say("{benchmark}: gate {outcome}", { benchmark: nameOf(metrics), outcome }));
  },
  alert(metrics) {
    if (metrics.status !== "resolved") known.alerts.set(metrics.fingerprint, metrics);
    else known.alerts.delete(metrics.fingerprint);
    if (known.alerts.size > MAX_ALERTS) dropAlert();
    dirty.add("alerts");
    const { alertname, summary } = metrics;
    if (metrics.status === "firing") {
      announce(say("Alert {alertname} firing: {summary}", { alertname, summary }));
    } else if (metrics.status === "missing") {
      announce(say("Alert {alertname} may have ended: {summary}", { alertname, summary }));
    } else {
      announce(say("Alert {alertname} resolved: {summary}", { alertname, summary }));
    }
  },
  rejected(metrics) {
    known.rejected = metrics;
    dirty.add("rejected");
    if (metrics.count) announce(say("Rejected files: {count}", metrics));
  },
  ingest(metrics) {
    known.ingest = metrics;
    dirty.add("ingest");
    announce(metrics.failure === null
      ? say("Results are ingested again") : say("No results are ingested"));
  },
  gap(metrics) {
    dropped += metrics.dropped;
  },
};

function receive({ seq, type, metrics }) {
  messages += 1;
  if (type === "hello") position = { stream: metrics.stream, seq };
  else if (position) position.seq = seq;
  receivers[type]?.(metrics);
  paintSoon();
}

const nameOf = (metrics) => say("{benchmark} of {project}, {branch}", metrics);
const isOver = (progress) => progress.status !== "running" && progress.status !== "silent";

let trendsTimer = 0;
function readTrendsSoon() {
  trendsTimer ||= setTimeout(readTrends, TRENDS_MS);
}

async function readTrends() {
  clearTimeout(trendsTimer);
  trendsTimer = 0;
  try {
    const answer = await ask("api/v1/trends");
    if (!answer.ok) return;
    const trends = await answer.json();
    known.trends = new Map(trends.map((trend) => [
      scopedKey(trend.scope, trend.quantity, trend.name), trend,
    ]));
    dirty.add("benchmarks");
    paintSoon();
  } catch {
    // The socket reports that the connection is lost.
  }
}

// Painting

let paintedMs = 0, isPaintDue = false;
function paintSoon() {
  if (isPaintDue) return;
  isPaintDue = true;
  const waitMs = paintedMs + 1000 / PAINTS_PER_SECOND - performance.now();
  setTimeout(() => requestAnimationFrame(paint), Math.max(0, waitMs));
}

function paint() {
  isPaintDue = false;
  paintedMs = performance.now();
  const parts = [...dirty];
  dirty.clear();
  for (const part of parts) painters[part](known);
}

// Those that came first stay, so that nobody can push them out by sending more.
function dropAlert() {
  const alerts = [...known.alerts];
  const [fingerprint] = alerts.findLast(([, each]) => each.severity !== "critical") ?? alerts.at(-1);
  known.alerts.delete(fingerprint);
}

// A screen reader gets what matters, no more often than a person can follow.
let unsaid = [], unsaidCount = 0, announceTimer = 0;
function announce(text) {
  unsaid = [...unsaid.slice(-2), text];
  unsaidCount += 1;
  announceTimer ||= setTimeout(() => {
    const text = unsaidCount > unsaid.length
      ? say("{count} updates, the latest: {latest}", {
        count: unsaidCount, latest: unsaid.at(-1),
      })
      : unsaid.join(say(". "));
    [unsaid, unsaidCount, announceTimer] = [[], 0, 0];
    find("#announcement").textContent = text;
  }, ANNOUNCE_MS);
}

setInterval(() => {
  const rate = { messages, dropped };
  const shown = dropped
    ? say("Messages per second: {messages}, missed: {dropped}", rate)
    : say("Messages per second: {messages}", rate);
  setText(find("#rate"), shown);
  messages = 0;
  const now = Date.now();
  for (const [runId, { progress, overMs }] of known.running) {
    if (overMs && now - overMs > (progress.status === "completed" ? FINISHED_MS : TROUBLED_MS)) {
      known.running.delete(runId);
      dirty.add("running");
      paintSoon();
    }
  }
}, 1000);

connect();
