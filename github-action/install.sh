# shellcheck shell=bash
# Sourced by the actions: has `benchmark-exporter` on the path. `root` is the checkout.
if ! command -v benchmark-exporter >/dev/null; then
  venv=${RUNNER_TEMP:-$(mktemp -d)}/benchmark-exporter
  "$root/stack/make-venv" "$venv" "$root"/exporter/requirements{,-build}.txt
  PATH=$venv/bin:$PATH
fi
