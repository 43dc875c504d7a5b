#!/usr/bin/env bash
# Sends result files, and the outcome of a run, to an exporter. The action in this folder runs it;
# any other CI can too.
# FILES has glob patterns, one a line. With FAIL_ON the files are judged first, against the earlier
# ones that BASELINE names. With MEASURED_HERE=true, those that describe no machine are this one's.
# BENCHMARK_EXPORTER_URL, _TOKEN, _STATUS and others set options of push and ci-status.
# Every step is tried, whatever fails; the exit status is that of the last step that failed.
set -euo pipefail
shopt -s nullglob globstar

root=$(dirname "$(readlink -f "$0")")/../..
failed=0

if ! command -v benchmark-exporter >/dev/null; then
  venv=${RUNNER_TEMP:-$(mktemp -d)}/benchmark-exporter
  "$root/stack/make-venv" "$venv" "$root"/exporter/requirements{,-build}.txt
  PATH=$venv/bin:$PATH
fi

IFS=$'\n'
# shellcheck disable=SC2206  # split and expanded on purpose
files=(${FILES:-}) earlier=(${BASELINE:-})
((${#earlier[@]})) && earlier=(--baseline "${earlier[@]}")

if [[ -n ${FAIL_ON:-} ]] && ((${#files[@]})); then
  benchmark-exporter check --gate --fail-on "$FAIL_ON" --on-shift "${ON_SHIFT:-fail}" \
    "${earlier[@]}" -- "${files[@]}" || {
    failed=$?
    # The job's status was determined before this step.
    export BENCHMARK_EXPORTER_STATUS=${BENCHMARK_EXPORTER_STATUS:+fail}
  }
fi

if [[ -z ${BENCHMARK_EXPORTER_TOKEN:-} ]]; then
  echo "::warning::nothing is sent: there is no token, as in pull requests from forks"
  exit "$failed"
fi
if ((${#files[@]})); then
  here=()
  if [[ ${MEASURED_HERE:-} == true ]]; then here=(--machine-of-this-host); fi
  benchmark-exporter push "${here[@]}" -- "${files[@]}" || failed=$?
elif [[ -n ${FILES:-} ]]; then
  echo "::warning::no result file matches ${FILES//$'\n'/ or }"
fi
if [[ -n ${BENCHMARK_EXPORTER_STATUS:-} ]]; then
  benchmark-exporter ci-status || failed=$?
fi
exit "$failed"
