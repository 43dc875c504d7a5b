// Numbers and states as text, in the words of the exporter's landing page.

export function significant(value) {
  const number = Number(value.toPrecision(3));
  const isExtreme = Math.abs(number) >= 1e6 || (number && Math.abs(number) < 1e-3);
  return isExtreme ? number.toExponential() : String(number);
}

export function milliseconds(ms) {
  if (ms >= 1000) return `${significant(ms / 1000)} s`;
  return ms >= 1 || ms === 0 ? `${significant(ms)} ms` : `${significant(ms * 1000)} µs`;
}

function change(worseningRatio) {
  const percent = (Math.abs(worseningRatio) * 100).toFixed(1);
  return `${percent}% ${worseningRatio > 0 ? "worse" : "better"}`;
}

const VERDICT_KINDS = {
  critical: "bad",
  warning: "warn",
  suspect: "note",
  ok: "good",
  improved: "good",
};

// A verdict: a result compared with its history.
export function verdictText(verdict) {
  if (!verdict) return { text: "", kind: "" };
  const { state, worsening_ratio: ratio } = verdict;
  const said = verdict.triage ? `, ${verdict.triage} by ${verdict.triaged_by}` : "";
  const text = state.replaceAll("_", " ") + (ratio ? `, ${change(ratio)}` : "") + said;
  return { text, kind: VERDICT_KINDS[state] ?? "" };
}

// The outcome of a gate.
export function gateText(gate) {
  if (!gate) return { text: "no gate", kind: "" };
  const outcome = gate.passed ? "passed" : "failed";
  if (gate.severity) {
    const kind = gate.severity === "critical" ? "bad" : "warn";
    return { text: `${outcome}, ${gate.severity} regression`, kind };
  }
  return { text: outcome, kind: gate.passed ? "good" : "bad" };
}

// The worse of the gate's outcome and the verdict; the gate's outcome if both are as bad, and the
// verdict if there is no gate.
const BADNESS = ["", "good", "note", "warn", "bad"];
export function worse(gate, verdict) {
  if (!gate.kind && verdict.text) return verdict;
  return BADNESS.indexOf(verdict.kind) > BADNESS.indexOf(gate.kind) ? verdict : gate;
}
