#!/usr/bin/env bash
# Sends result files, and the outcome of a run, to an exporter. The action beside it runs this; so can any other CI.
# FILES has the patterns of the files, each on a line. With FAIL_ON they are judged first, beside the earlier ones that BASELINE names.
# With MEASURED_HERE=true they are of this machine, as far as they name none.
# BENCHMARK_EXPORTER_URL, _TOKEN, _STATUS and others are options of push and ci-status.
# All is tried, whatever fails; the exit status is that of the last that failed.
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
# shellcheck disable=SC2206  # to be split and expanded
files=(${FILES:-}) earlier=(${BASELINE:-})
((${#earlier[@]})) && earlier=(--baseline "${earlier[@]}")

if [[ -n ${FAIL_ON:-} ]] && ((${#files[@]})); then
  benchmark-exporter check --gate --fail-on "$FAIL_ON" "${earlier[@]}" -- "${files[@]}" || {
    failed=$?
    export BENCHMARK_EXPORTER_STATUS=${BENCHMARK_EXPORTER_STATUS:+fail} # this step comes after what the job's status was taken from
  }
fi

if [[ -z ${BENCHMARK_EXPORTER_TOKEN:-} ]]; then
  echo "::warning::nothing is sent: there is no token, which is so in pull requests of forks"
  exit "$failed"
fi
if ((${#files[@]})); then
  here=()
  if [[ ${MEASURED_HERE:-} == true ]]; then here=(--machine-of-this-host); fi
  benchmark-exporter push "${here[@]}" -- "${files[@]}" || failed=$?
elif [[ -n ${FILES:-} ]]; then
  echo "::warning::no result file is called like ${FILES//$'\n'/ or }"
fi
if [[ -n ${BENCHMARK_EXPORTER_STATUS:-} ]]; then
  benchmark-exporter ci-status || failed=$?
fi
exit "$failed"
