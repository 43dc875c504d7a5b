// Numbers and states as text, in the words of wording.py.

import { say } from "./texts.js";

// Four digits, up to a billion without an exponent, with commas from 10,000 on.
export function significant(value) {
  const number = Number(value.toPrecision(4)), size = Math.abs(number);
  if (size >= 1e9 || (number && size < 1e-4)) return number.toExponential();
  return size >= 1e4 ? number.toLocaleString("en") : String(number);
}

export function milliseconds(ms) {
  if (ms >= 1000) return `${significant(ms / 1000)} s`;
  if (ms >= 1) return `${significant(ms)} ms`;
  return ms >= 1e-3 ? `${significant(ms * 1e3)} µs` : `${significant(ms * 1e6)} ns`;
}

// A text of Prometheus' templates, which write 428.5us, with times as elsewhere.
export function withSpacedUnits(text) {
  return text.replace(
    /(?<![\w./-])(\d+(?:\.\d+)?)(ns|us|ms)\b/g,
    (_, number, unit) => `${number} ${unit.replace("u", "µ")}`,
  );
}

function change(worseningRatio) {
  const ratio = `${(Math.abs(worseningRatio) * 100).toFixed(1)}%`;
  return worseningRatio > 0 ? say("{ratio} worse", { ratio }) : say("{ratio} better", { ratio });
}

const isChanged = (ratio) => Math.abs(ratio ?? 0) >= 0.0005; // less is shown as 0.0%
const joined = (parts) => parts.filter(Boolean).join(say(", "));

const VERDICT_KINDS = {
  critical: "critical",
  warning: "warning",
  suspect: "undecided",
  ok: "good",
  improved: "good",
};
// The verdicts whose names are words of the reader's language; the others are names everywhere.
const VERDICT_WORDS = {
  suspect: say("suspect"),
  improved: say("improved"),
  insufficient_data: say("insufficient data"),
};

// A verdict: a result compared with its history.
export function verdictText(verdict) {
  if (!verdict) return { text: "", kind: "unknown" };
  const { state, worsening_ratio: ratio } = verdict;
  const { triage, triaged_by: who } = verdict;
  const said = triage ? say("{state} by {who}", { state: triage, who }) : "";
  const parts = [VERDICT_WORDS[state] ?? state, isChanged(ratio) ? change(ratio) : "", said];
  return { text: joined(parts), kind: VERDICT_KINDS[state] ?? "unknown" };
}

// The outcome of a gate.
export function gateText(gate) {
  if (!gate) return { text: say("no gate"), kind: "unknown" };
  const outcome = gate.passed ? say("passed") : say("failed");
  const { severity } = gate;
  if (severity) {
    const kind = severity === "critical" ? "critical" : "warning";
    return { text: say("{outcome}, {severity} regression", { outcome, severity }), kind };
  }
  return { text: outcome, kind: gate.passed ? "good" : "critical" };
}

// The worse of the gate's outcome and the verdict; the gate's outcome if both are as bad, and the
// verdict if there is no gate.
const BADNESS = ["unknown", "good", "undecided", "warning", "critical"];
export function worse(gate, verdict) {
  if (!verdict.text) return gate;
  if (gate.kind === "unknown") return verdict;
  return BADNESS.indexOf(verdict.kind) > BADNESS.indexOf(gate.kind) ? verdict : gate;
}
