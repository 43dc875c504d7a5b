#!/usr/bin/env bash
# Sends result files, and the outcome of a run, to an exporter. The action in this folder runs it;
# any other CI can too.
# FILES has glob patterns, one a line. With FAIL_ON the files are judged first, against the earlier
# ones that BASELINE names, or the history in LEDGER. With COMMENT=true the outcome becomes a comment
# on the pull request; with REPORT it is written to that file, for a workflow that may comment.
# With MEASURED_HERE=true, results that describe no machine are this one's.
# BENCHMARK_EXPORTER_URL, _TOKEN, _STATUS and others set options of push and ci-status.
# Every step is tried, whatever fails; the exit status is that of the last step that failed.
set -euo pipefail
shopt -s nullglob globstar

root=$(dirname "$(readlink -f "$0")")/../..
failed=0

# shellcheck source=../install.sh
source "$root/github-action/install.sh"

IFS=$'\n'
# shellcheck disable=SC2206  # split and expanded on purpose
files=(${FILES:-}) earlier=(${BASELINE:-})
((${#earlier[@]})) && earlier=(--baseline "${earlier[@]}")
[[ -n ${LEDGER:-} ]] && earlier+=(--ledger "$LEDGER")
outcome=${REPORT:-}
if [[ ${COMMENT:-} == true && -z $outcome ]]; then outcome=$(mktemp -d)/report.json; fi
[[ -n $outcome ]] && earlier+=(--report "$outcome")

if [[ -n ${FAIL_ON:-}$outcome ]] && ((${#files[@]})); then
  judged=0
  benchmark-exporter check --gate --fail-on "${FAIL_ON:-critical}" --on-shift "${ON_SHIFT:-fail}" \
    "${earlier[@]}" -- "${files[@]}" || judged=$?
  # Without FAIL_ON, a run that does not pass (1) is only reported.
  if ((judged > 1)) || [[ $judged == 1 && -n ${FAIL_ON:-} ]]; then
    failed=$judged
    # The job's status was determined before this step.
    export BENCHMARK_EXPORTER_STATUS=${BENCHMARK_EXPORTER_STATUS:+fail}
  fi
fi
if [[ ${COMMENT:-} == true && -s $outcome ]]; then
  if [[ ${OF_FORK:-} == true ]]; then
    echo "::warning::no comment: the job of a pull request from a fork may write none (docs/pull-requests.md)"
  else
    BENCHMARK_EXPORTER_COMMENT_FROM=$outcome benchmark-exporter comment || failed=$?
  fi
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
