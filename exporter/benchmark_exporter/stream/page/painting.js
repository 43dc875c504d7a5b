// Paints what is known. Everything that arrived becomes text, never markup.

import { drawn, find, height, keep, line, made, setHref, setText, setTime } from "./elements.js";
import {
  benchmarkAddress, benchmarkKey, branchText, scopedKey, tellingApart,
} from "./scopes.js";
import { say } from "./texts.js";
import {
  gateText, milliseconds, significant, verdictText, withSpacedUnits, worse,
} from "./words.js";

const MAX_CARDS = 50;
const CARD_KINDS = {
  running: "undecided", silent: "warning", completed: "good", failed: "critical",
  interrupted: "critical", gone: "warning",
};
const COLUMNS = new Map([
  ["project", say("Project")],
  ["branch", say("Branch")],
  ["verdict", say("Gate and verdict")],
  ["trend", say("Trend")],
  ["speedup", say("Speedup p50")],
  ["median", say("Median")],
  ["environment", say("Environment")],
  ["machine_class", say("Machine class")],
  ["commit", say("Commit")],
  ["time", say("Run at")],
]);
const STATUSES = {
  running: say("running"),
  silent: say("silent for a minute"),
  completed: say("completed"),
  failed: say("failed"),
  interrupted: say("interrupted"),
  gone: say("gone"),
};

// One function for each part of the page.
export const painters = {
  running(known) {
    const shown = [...known.running].slice(-MAX_CARDS);
    keep(find("#running .cards"), shown, newCard, paintCard);
    find("#running .empty").hidden = shown.length > 0;
  },
  benchmarks(known) {
    const newestFirst = ([, a], [, b]) => (a.timestamp < b.timestamp ? 1 : -1);
    const rows = [...known.runs.entries()].sort(newestFirst);
    const shown = tellingApart([...known.runs.values()]);
    showColumns(find("#benchmarks thead tr"), shown);
    keep(find("#benchmarks tbody"), rows, newRow, (row, run) => {
      showColumns(row, shown);
      paintRow(row, run, known);
    });
    find("#benchmarks .empty").hidden = rows.length > 0;
    find("#benchmarks .table").hidden = rows.length === 0;
  },
  alerts(known) {
    const criticalFirst = ([, a], [, b]) => (a.severity === b.severity
      ? (a.received < b.received ? 1 : -1) : (a.severity === "critical" ? -1 : 1));
    const alerts = [...known.alerts].sort(criticalFirst);
    const newItem = () => made("li", made("strong"), made("span"), made("time"));
    keep(find("#alerts ul"), alerts, newItem, (item, alert) => {
      item.dataset.severity = alert.severity;
      const [name, summary, time] = item.children;
      setLink(name, alert.alertname);
      const unsure = alert.status === "missing" ? ` (${say("may have ended")})` : "";
      setText(summary, ` ${alert.severity}${unsure}${say(": ")}${withSpacedUnits(alert.summary)}`);
      setTime(time, alert.received);
    });
    find("#alerts").hidden = alerts.length === 0;
  },
  rejected({ rejected: { count, files } }) {
    const newItem = () => made("li", made("code"), made("span", made("span"), madeEnglish()));
    const entries = files.map((file) => [file.file, file]);
    keep(find("#rejected ul"), entries, newItem, (item, file) => {
      const [name, why] = item.children;
      why.className = "why";
      setText(name, file.file);
      setText(why.firstChild, say("{reason} at {json_path}: ", file));
      setText(why.lastChild, file.detail);
    });
    const shown = { count, shown: files.length };
    setText(find("#rejected-heading"), count > files.length
      ? say("Rejected files ({count}; the newest {shown} are shown)", shown)
      : say("Rejected files"));
    find("#rejected").hidden = count === 0;
  },
  ingest({ ingest: { failure } }) {
    setText(find("#ingest li span"), failure ?? "");
    find("#ingest").hidden = failure === null;
  },
};

// What the exporter says of files and failures, in logs too.
function madeEnglish() {
  const element = made("span");
  element.lang = "en";
  return element;
}

// To the runbook; if the stream asks for a token, so would its address.
function setLink(element, alertname) {
  if (element.textContent === alertname) return;
  const isLinked = /^[A-Za-z0-9]{1,100}$/.test(alertname) && !location.hash;
  const link = made(isLinked ? "a" : "span", alertname);
  if (isLinked) link.href = `runbooks/${alertname}`;
  element.replaceChildren(link);
}

function newCard() {
  return find("#card").content.firstElementChild.cloneNode(true);
}

function paintCard(card, { progress, points }) {
  const badge = find(".badge", card), bar = find("progress", card), error = find(".error", card);
  setText(find("h3", card), progress.benchmark);
  setText(badge, STATUSES[progress.status] ?? progress.status);
  badge.className = `badge ${CARD_KINDS[progress.status] ?? ""}`;
  const { project, branch, environment, process, phase } = progress;
  const origin = [project, branch, environment, process, phase];
  setText(find(".of", card), origin.filter(Boolean).join(" · "));
  bar.hidden = !progress.iterations;
  if (progress.iterations) {
    bar.value = Math.min(1, (progress.iteration ?? 0) / progress.iterations);
    bar.setAttribute("aria-label", say("Progress of {benchmark}", progress));
  }
  paintChart(find(".chart", card), points);
  paintFact(card, "iteration", progress.iteration, (iteration) => (progress.iterations
    ? say("{iteration} of {iterations}", progress) : String(iteration)));
  paintFact(card, "time", progress.execution_time_ms, milliseconds);
  paintFact(card, "memory", progress.memory_mb, (megabytes) => `${significant(megabytes)} MB`);
  paintFact(card, "cpu", progress.cpu_percent, (percent) => `${Math.round(percent)}%`);
  setText(error, progress.error ?? "");
  error.hidden = !progress.error;
}

function paintChart(chart, points) {
  chart.toggleAttribute("hidden", points.length < 2);
  if (points.length < 2) return;
  find("polyline", chart).setAttribute("points", line(points, 300, 60));
  const [low, high] = [Math.min(...points), Math.max(...points)].map(milliseconds);
  const label = say("Time of the last {count} iterations, {low} to {high}", {
    count: points.length, low, high,
  });
  chart.setAttribute("aria-label", label);
}

function paintFact(card, name, value, format) {
  const fact = find(`[data-of="${name}"]`, card);
  fact.parentElement.hidden = value === null;
  setText(fact, value === null ? "" : format(value));
}

function newRow() {
  const head = made("th", made("a"));
  head.scope = "row";
  const cells = [...COLUMNS].map(([column, title]) => {
    const cell = made("td");
    cell.dataset.column = column;
    cell.dataset.head = title;
    if (column === "verdict" || column === "project") cell.append(made("span"));
    if (column === "time") cell.append(made("time"));
    return cell;
  });
  // Explicit roles, since a narrow screen lays out rows as blocks, which some screen readers then
  // no longer take for a table.
  head.role = "rowheader";
  for (const cell of cells) cell.role = "cell";
  const row = made("tr", head, ...cells);
  row.role = "row";
  return row;
}

// Shows or hides the columns that tell rows apart only where there is more than one value.
function showColumns(row, shown) {
  const columns = [...COLUMNS.keys()];
  for (const [column, isShown] of Object.entries(shown)) {
    row.children[columns.indexOf(column) + 1].hidden = !isShown;
  }
}

function paintRow(row, run, known) {
  const [
    name, project, branch, judged, trend, speedup, median, environment, machine, commit, time,
  ] = row.children;
  const gate = known.gates.get(benchmarkKey(run));
  const { text, kind } = run.failed
    ? { text: say("ended with an error"), kind: "critical" }
    : worse(gateText(gate), verdictText(run.verdicts[0]));
  setText(name.firstElementChild, run.benchmark);
  name.firstElementChild.title = run.benchmark; // long names are cut
  project.title = run.project;
  // If the stream asks for a token, so does that address.
  if (!location.hash.startsWith("#token=")) setHref(name.firstElementChild, benchmarkAddress(run));
  setText(project.firstElementChild, run.project);
  setText(branch, branchText(run));
  setText(judged.firstElementChild, text);
  judged.firstElementChild.className = `badge ${kind}`;
  setText(speedup, gate ? `${significant(gate.speedup_p50)}×` : "");
  setText(median, Object.entries(run.p50_ms).map(medianOfVariant).join(",\n"));
  setText(environment, run.environment);
  setText(machine, run.machine_class);
  paintCommit(commit, run);
  setTime(time.firstElementChild, run.timestamp);
  paintTrend(trend, run, gate, known.trends);
  if (run.isNew) {
    run.isNew = false;
    row.classList.remove("new");
    void row.offsetWidth; // so that the animation starts again
    row.classList.add("new");
  }
}

// A link if the exporter knows where the commit is shown.
function paintCommit(cell, { commit_hash: hash, commit_url: address }) {
  const shown = hash.slice(0, 12);
  if (!address) {
    setText(cell, shown);
    return;
  }
  let link = cell.querySelector("a");
  if (!link) {
    link = made("a");
    link.rel = "noopener noreferrer";
    cell.replaceChildren(link);
  }
  setText(link, shown);
  setHref(link, address);
}

function medianOfVariant([variant, ms]) {
  return [variant, milliseconds(ms)].filter(Boolean).join(" ");
}

function paintTrend(cell, run, gate, trends) {
  const variant = Object.keys(run.p50_ms)[0];
  const result = variant ? `${run.benchmark}/${variant}` : run.benchmark;
  const trend = trends.get(scopedKey(run, "speedup_p50", run.benchmark))
    ?? trends.get(scopedKey(run, "p50_ms", result));
  const isSpeedup = trend?.quantity === "speedup_p50";
  const limit = isSpeedup ? gate?.min_speedup_p50 : undefined;
  const signature = trend ? JSON.stringify([trend.values, limit]) : "";
  if (cell.dataset.drawn === signature) return;
  cell.dataset.drawn = signature;
  cell.replaceChildren(...(trend ? [trendChart(trend, isSpeedup, limit)] : []));
}

function trendChart({ values }, isSpeedup, limit) {
  const format = isSpeedup ? (value) => `${significant(value)}×` : milliseconds;
  const newest = values.at(-1);
  const range = { count: values.length, first: format(values[0]), newest: format(newest) };
  const trend = isSpeedup
    ? say("Speedup of the last {count} runs, {first} to {newest}", range)
    : say("Median of the last {count} runs, {first} to {newest}", range);
  const label = limit
    ? say("{trend}, threshold {limit}", { trend, limit: format(limit) }) : trend;
  const all = limit ? [...values, limit] : values;
  const low = Math.min(...all), high = Math.max(...all);
  const y = (value) => height(value, low, high, 28);
  const chart = drawn("svg", {
    class: "spark", viewBox: "0 0 120 28", preserveAspectRatio: "none", role: "img",
    "aria-label": label,
  });
  chart.append(drawn("title", {}));
  chart.firstChild.textContent = label;
  if (limit) chart.append(drawn("line", { x1: 0, x2: 120, y1: y(limit), y2: y(limit) }));
  chart.append(values.length > 1
    ? drawn("polyline", { points: line(values, 120, 28, low, high) })
    : drawn("circle", { cx: 60, cy: y(newest), r: 2.5 }));
  return chart;
}
