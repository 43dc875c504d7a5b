#!/usr/bin/env bash
# Posts a comment. The action in this folder runs it; BENCHMARK_EXPORTER_COMMENT_FROM and others set
# the command's options.
set -euo pipefail

root=$(dirname "$(readlink -f "$0")")/../..
# shellcheck source=../install.sh
source "$root/github-action/install.sh"
benchmark-exporter comment
