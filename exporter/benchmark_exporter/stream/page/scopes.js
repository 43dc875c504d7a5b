// Where results come from: a project's environment, machine class and branch. Only results of one
// scope and name are the same benchmark.

import { say } from "./texts.js";

export function scopedKey({ project, environment, machine_class: machine, branch }, ...names) {
  return JSON.stringify([project, environment, machine, branch, ...names]);
}

export const benchmarkKey = (metrics) => scopedKey(metrics, metrics.benchmark);

// The page of a benchmark; its history is that of the branch whose runs it is compared with.
export function benchmarkAddress({
  benchmark, project, environment, base_branch: branch, machine_class: machine,
}) {
  const query = { name: benchmark, project, environment, branch, machine_class: machine };
  const stated = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `benchmark?${stated.join("&")}`;
}

// A branch, with the one whose history it is compared with if it has none of its own.
export function branchText({ branch, base_branch: base }) {
  return branch === base ? branch : say("{branch} (against {base})", { branch, base });
}

// Which of these have more than one value among the runs, so that they tell rows apart.
export function tellingApart(runs) {
  const isOneOfMany = (name) => new Set(runs.map((run) => run[name])).size > 1;
  return { branch: isOneOfMany("branch"), machine_class: isOneOfMany("machine_class") };
}
