// Follows the stream and shows it. Whatever arrives becomes text, never markup. Messages only change what is known; the page is
// painted from that, at most PAINTS_A_SECOND times, so that a thousand messages a second cost no more than ten.

const PAINTS_A_SECOND = 10;
const CHART_POINTS = 200;
const MAX_CARDS = 50;
const FINISHED_MS = 20_000, TROUBLED_MS = 120_000;
const RETRY_MS = 500, MAX_RETRY_MS = 10_000;
const TRENDS_MS = 1_500;
const ANNOUNCE_MS = 5_000;
const SVG = "http://www.w3.org/2000/svg";

const find = (selector, within = document) => within.querySelector(selector);
const token = new URLSearchParams(location.hash.slice(1)).get("token");

const known = { running: new Map(), runs: new Map(), gates: new Map(), alerts: new Map(), rejected: { count: 0, files: [] }, ingest: { failure: null }, trends: new Map() };
const dirty = new Set();
let place = null; // of the last message: its stream and seq
let retryMs = RETRY_MS;
let messages = 0, dropped = 0;

// The connection

function connect() {
  const url = new URL("stream", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  if (place) {
    url.searchParams.set("since", place.seq);
    url.searchParams.set("stream", place.stream);
  }
  if (token) url.searchParams.set("token", token);
  say("connecting", "Connecting …");
  const socket = new WebSocket(url);
  let opened = false;
  socket.onopen = () => { opened = true; };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = async () => {
    const reason = opened ? "" : await refusal();
    const waitMs = retryMs * (0.75 + Math.random() / 2);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    say(reason ? "refused" : "connecting", reason || `Connection lost, next try in ${Math.max(1, Math.round(waitMs / 1000))} s`);
    const timer = setTimeout(again, waitMs);
    addEventListener("online", again, { once: true });
    function again() {
      clearTimeout(timer);
      removeEventListener("online", again);
      connect();
    }
  };
}

// A browser does not say why a WebSocket was refused; the same question asked otherwise is answered.
async function refusal() {
  try {
    const answer = await ask("api/v1/trends");
    if (answer.status === 401) return "This stream asks for a token: open this page with #token=TOKEN at its address's end";
    return answer.ok ? "" : (await answer.text()).trim().slice(0, 200);
  } catch {
    return ""; // nobody there
  }
}

function ask(path) {
  return fetch(path, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
}

function say(state, text) {
  const connection = find("#connection");
  if (connection.dataset.state !== state) announce(text);
  connection.dataset.state = state;
  find("#connection-text").textContent = text;
}

// What is known

const takers = {
  hello(metrics) {
    retryMs = RETRY_MS;
    say("live", "Live");
    find("#version").textContent = `benchmark-exporter ${metrics.version}`;
    find("#results-dir").textContent = metrics.results_dir;
    readTrends();
    if (!metrics.snapshot) return;
    const { running, runs, gates, alerts, rejected, ingest } = metrics.snapshot;
    const before = known.running;
    known.running = new Map();
    for (const each of running) {
      known.running.set(each.run_id, before.get(each.run_id) ?? { points: [] });
      takers.progress(each);
    }
    known.runs = new Map(runs.map((run) => [runKey(run), run]));
    known.gates = new Map(gates.map((gate) => [gate.benchmark, gate]));
    known.alerts = new Map(alerts.map((alert) => [alert.fingerprint, alert]));
    known.rejected = rejected;
    known.ingest = ingest;
    for (const part of Object.keys(painters)) dirty.add(part);
  },
  progress(metrics) {
    const run = known.running.get(metrics.run_id) ?? { points: [] };
    const isNew = run.progress?.iteration !== metrics.iteration || run.progress?.benchmark !== metrics.benchmark;
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
    known.runs.set(runKey(metrics), { ...metrics, isNew: true });
    dirty.add("benchmarks");
    readTrendsSoon();
    announce(`${metrics.benchmark}: a new run, ${verdictOf(metrics.verdicts[0]).text || "not judged"}`);
  },
  gate(metrics) {
    known.gates.set(metrics.benchmark, metrics);
    dirty.add("benchmarks");
    readTrendsSoon();
    announce(`${metrics.benchmark} ${gateOf(metrics).text}`);
  },
  alert(metrics) {
    if (metrics.status === "firing") known.alerts.set(metrics.fingerprint, metrics);
    else known.alerts.delete(metrics.fingerprint);
    dirty.add("alerts");
    announce(`Alert ${metrics.alertname} ${metrics.status}: ${metrics.summary}`);
  },
  rejected(metrics) {
    known.rejected = metrics;
    dirty.add("rejected");
    if (metrics.count) announce(`${metrics.count} rejected files`);
  },
  ingest(metrics) {
    known.ingest = metrics;
    dirty.add("ingest");
    announce(metrics.failure === null ? "Results are taken in again" : "No result is taken in");
  },
  gap(metrics) {
    dropped += metrics.dropped;
  },
};

function take({ seq, type, metrics }) {
  messages += 1;
  if (type === "hello") place = { stream: metrics.stream, seq };
  else if (place) place.seq = seq;
  takers[type]?.(metrics);
  paintSoon();
}

const runKey = (run) => JSON.stringify([run.benchmark, run.environment]);
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
    known.trends = new Map((await answer.json()).map((trend) => [`${trend.quantity} ${trend.name}`, trend]));
    dirty.add("benchmarks");
    paintSoon();
  } catch {
    // The socket says that the connection is lost.
  }
}

// Painting

let paintedMs = 0, isPaintDue = false;
function paintSoon() {
  if (isPaintDue) return;
  isPaintDue = true;
  const waitMs = paintedMs + 1000 / PAINTS_A_SECOND - performance.now();
  setTimeout(() => requestAnimationFrame(paint), Math.max(0, waitMs));
}

function paint() {
  isPaintDue = false;
  paintedMs = performance.now();
  const parts = [...dirty];
  dirty.clear();
  for (const part of parts) painters[part]();
}

const painters = {
  running() {
    const list = find("#running .cards");
    const shown = [...known.running].slice(-MAX_CARDS);
    keep(list, shown.map(([runId, run]) => [runId, run]), newCard, paintCard);
    find("#running .empty").hidden = shown.length > 0;
  },
  benchmarks() {
    const rows = [...known.runs.entries()].sort(([, a], [, b]) => (a.timestamp < b.timestamp ? 1 : -1));
    keep(find("#benchmarks tbody"), rows, newRow, paintRow);
    find("#benchmarks .empty").hidden = rows.length > 0;
    find("#benchmarks .table").hidden = rows.length === 0;
  },
  alerts() {
    const alerts = [...known.alerts].sort(([, a], [, b]) => (a.received < b.received ? 1 : -1));
    keep(find("#alerts ul"), alerts, () => made("li", made("strong"), made("span"), made("time")), (item, alert) => {
      item.dataset.severity = alert.severity;
      const [name, summary, time] = item.children;
      put(name, alert.alertname);
      put(summary, ` ${alert.severity}: ${alert.summary}`);
      putTime(time, alert.received);
    });
    find("#alerts").hidden = alerts.length === 0;
  },
  rejected() {
    const files = known.rejected.files.map((file) => [file.file, file]);
    keep(find("#rejected ul"), files, () => made("li", made("code"), made("span")), (item, file) => {
      const [name, why] = item.children;
      why.className = "why";
      put(name, file.file);
      put(why, `${file.reason} at ${file.place}: ${file.detail}`);
    });
    const more = known.rejected.count - files.length;
    put(find("#rejected-heading"), more > 0 ? `Rejected files (${known.rejected.count}, the newest ${files.length})` : "Rejected files");
    find("#rejected").hidden = known.rejected.count === 0;
  },
  ingest() {
    put(find("#ingest li"), `${known.ingest.failure}. What is shown was known before.`);
    find("#ingest").hidden = known.ingest.failure === null;
  },
};

// Makes the children of a list those of the entries, in their order, and touches only what has changed.
function keep(list, entries, make, paintItem) {
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

function newCard() {
  return find("#card").content.firstElementChild.cloneNode(true);
}

const STATES = { running: "", silent: "warn", completed: "good", failed: "bad", interrupted: "bad", gone: "warn" };

function paintCard(card, { progress, points }) {
  const name = find("h3", card), badge = find(".badge", card), bar = find("progress", card), error = find(".error", card);
  put(name, progress.benchmark);
  put(badge, progress.status === "silent" ? "silent for a minute" : progress.status);
  badge.className = `badge ${STATES[progress.status] ?? ""}`;
  put(find(".of", card), [progress.project, progress.environment, progress.process, progress.phase].filter(Boolean).join(" · "));
  bar.hidden = !progress.iterations;
  if (progress.iterations) {
    bar.value = Math.min(1, (progress.iteration ?? 0) / progress.iterations);
    bar.setAttribute("aria-label", `Progress of ${progress.benchmark}`);
  }
  const chart = find(".chart", card);
  chart.toggleAttribute("hidden", points.length < 2);
  if (points.length >= 2) {
    find("polyline", chart).setAttribute("points", line(points, 300, 60));
    chart.setAttribute("aria-label", `Time of the last ${points.length} iterations, ${milliseconds(Math.min(...points))} to ${milliseconds(Math.max(...points))}`);
  }
  const of = progress.iterations ? ` of ${progress.iterations}` : "";
  paintFact(card, "iteration", progress.iteration, (iteration) => `${iteration}${of}`);
  paintFact(card, "time", progress.execution_time_ms, milliseconds);
  paintFact(card, "memory", progress.memory_mb, (megabytes) => `${significant(megabytes)} MB`);
  paintFact(card, "cpu", progress.cpu_percent, (percent) => `${Math.round(percent)} %`);
  put(error, progress.error ?? "");
  error.hidden = !progress.error;
}

function paintFact(card, name, value, format) {
  const fact = find(`[data-of="${name}"]`, card);
  fact.parentElement.hidden = value === null;
  put(fact, value === null ? "" : format(value));
}

function newRow() {
  const head = made("th");
  head.scope = "row";
  const cells = ["Verdict", "Trend", "Speedup p50", "Median", "Environment", "Commit", "Made"].map((name) => {
    const cell = made("td");
    cell.dataset.head = name;
    return cell;
  });
  cells[0].append(made("span"));
  cells[6].append(made("time"));
  // Said in so many words, since on a narrow screen the rows are laid out as blocks, which are no table to some readers.
  head.role = "rowheader";
  for (const cell of cells) cell.role = "cell";
  const row = made("tr", head, ...cells);
  row.role = "row";
  return row;
}

function paintRow(row, run) {
  const [name, judged, trend, speedup, median, environment, commit, time] = row.children;
  const gate = known.gates.get(run.benchmark);
  const { text, kind } = run.failed ? { text: "gave an error", kind: "bad" } : worse(gateOf(gate), verdictOf(run.verdicts[0]));
  put(name, run.benchmark);
  put(judged.firstElementChild, text);
  judged.firstElementChild.className = kind;
  put(speedup, gate ? `${significant(gate.speedup_p50)}×` : "");
  put(median, Object.entries(run.p50_ms).map(([variant, ms]) => [variant, milliseconds(ms)].filter(Boolean).join(" ")).join(",\n"));
  put(environment, run.environment);
  put(commit, run.commit_hash.slice(0, 12));
  putTime(time.firstElementChild, run.timestamp);
  paintTrend(trend, run, gate);
  if (run.isNew) {
    run.isNew = false;
    row.classList.remove("new");
    void row.offsetWidth; // so that the animation starts again
    row.classList.add("new");
  }
}

// Of what the gate and the history say, what is worse; what the gate says where both are as bad.
const BADNESS = ["", "good", "warn", "bad"];
function worse(gate, verdict) {
  return BADNESS.indexOf(verdict.kind) > BADNESS.indexOf(gate.kind) ? verdict : gate;
}

function verdictOf(verdict) {
  if (!verdict) return { text: "", kind: "" };
  const { state, worsening_ratio: ratio } = verdict;
  const change = ratio ? `, ${(Math.abs(ratio) * 100).toPrecision(2)} % ${ratio > 0 ? "worse" : "better"}` : "";
  const kinds = { critical: "bad", warning: "warn", ok: "good", improved: "good" };
  return { text: state === "ok" ? "as before" : `${state}${change}`, kind: kinds[state] ?? "" };
}

function gateOf(gate) {
  if (!gate) return { text: "no gate", kind: "" };
  if (gate.severity === "critical") return { text: "critical regression", kind: "bad" };
  if (gate.severity) return { text: "regression", kind: "warn" };
  return gate.passed ? { text: "passed", kind: "good" } : { text: "failed", kind: "bad" };
}

function paintTrend(cell, run, gate) {
  const variant = Object.keys(run.p50_ms)[0];
  const trend = known.trends.get(`speedup_p50 ${run.benchmark}`)
    ?? known.trends.get(`p50_ms ${variant ? `${run.benchmark}/${variant}` : run.benchmark}`);
  const limit = trend?.quantity === "speedup_p50" ? gate?.min_speedup_p50 : undefined;
  const drawn = trend ? JSON.stringify([trend.values, limit]) : "";
  if (cell.dataset.drawn === drawn) return;
  cell.dataset.drawn = drawn;
  if (!trend) return cell.replaceChildren();
  const format = trend.quantity === "speedup_p50" ? (value) => `${significant(value)}×` : milliseconds;
  const what = trend.quantity === "speedup_p50" ? "Speedup" : "Median";
  const newest = trend.values.at(-1);
  const label = `${what} of the last ${trend.values.length} runs, ${format(trend.values[0])} to ${format(newest)}${limit ? `, threshold ${format(limit)}` : ""}`;
  const all = limit ? [...trend.values, limit] : trend.values;
  const low = Math.min(...all), high = Math.max(...all);
  const y = (value) => height(value, low, high, 28);
  const chart = drawnIn("svg", { class: "spark", viewBox: "0 0 120 28", preserveAspectRatio: "none", role: "img", "aria-label": label });
  chart.append(drawnIn("title", {}));
  chart.firstChild.textContent = label;
  if (limit) chart.append(drawnIn("line", { x1: 0, x2: 120, y1: y(limit), y2: y(limit) }));
  if (trend.values.length > 1) chart.append(drawnIn("polyline", { points: line(trend.values, 120, 28, low, high) }));
  else chart.append(drawnIn("circle", { cx: 60, cy: y(newest), r: 2.5 }));
  cell.replaceChildren(chart);
}

// Small things

function line(values, width, tall, low = Math.min(...values), high = Math.max(...values)) {
  const step = width / Math.max(1, values.length - 1);
  return values.map((value, index) => `${(index * step).toFixed(1)},${height(value, low, high, tall)}`).join(" ");
}

function height(value, low, high, tall) {
  return (high === low ? tall / 2 : tall - 3 - ((value - low) / (high - low)) * (tall - 6)).toFixed(1);
}

function drawnIn(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function made(name, ...children) {
  const element = document.createElement(name);
  element.append(...children);
  return element;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function putTime(element, text) {
  if (element.dateTime === text) return;
  element.dateTime = text;
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  element.textContent = isToday ? time.toLocaleTimeString() : time.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}

function significant(value) {
  const number = Number(value.toPrecision(3));
  return Math.abs(number) >= 1e6 || (number && Math.abs(number) < 1e-3) ? number.toExponential() : String(number);
}

function milliseconds(ms) {
  if (ms >= 1000) return `${significant(ms / 1000)} s`;
  return ms >= 1 || ms === 0 ? `${significant(ms)} ms` : `${significant(ms * 1000)} µs`;
}

// A screen reader is told of what counts, and no more often than it can be followed.
let unsaid = [], unsaidCount = 0, announceTimer = 0;
function announce(text) {
  unsaid = [...unsaid.slice(-2), text];
  unsaidCount += 1;
  announceTimer ||= setTimeout(() => {
    const words = unsaidCount > unsaid.length ? `${unsaidCount} news, the last: ${unsaid.at(-1)}` : unsaid.join(". ");
    [unsaid, unsaidCount, announceTimer] = [[], 0, 0];
    find("#announcement").textContent = words;
  }, ANNOUNCE_MS);
}

setInterval(() => {
  put(find("#rate"), `· ${messages} messages a second${dropped ? `, ${dropped} missed` : ""}`);
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
