#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some seconds on a copy of its corpus.
#
#   scripts/fuzz.sh [SECONDS]      20 by default; BACKSTAGED_FUZZ=NAME runs that one only
#
# A crash ends with exit 1 and its input is kept in build/fuzz/crashes: add it to
# tests/fuzz/corpus/NAME in the commit that mends it, where the unit tests replay it for ever.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-20}
[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || {
  echo "fuzz.sh: '$seconds' is no number of seconds" >&2
  echo "  next: scripts/fuzz.sh 20" >&2
  exit 64
}
scripts/build.sh fuzz tests/fuzz/all
export PATH=$PATH:/usr/lib/llvm-19/bin # llvm-symbolizer

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
crashes=build/fuzz/crashes
mkdir -p "$crashes"

# Runs one target and leaves its exit code in $work/NAME.rc.
run_one() { # program
  local name corpus rc=0
  name=$(basename "$1" _fuzz)
  corpus=tests/fuzz/corpus/$name
  [ -d "$corpus" ] || corpus=tests/fuzz/corpus/${name}_fuzz
  cp -r "$corpus" "$work/$name"
  "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$crashes/$name-" "$work/$name" >"$work/$name.log" 2>&1 || rc=$?
  echo "$rc" >"$work/$name.rc"
}

programs=()
for program in build/fuzz/tests/*_fuzz; do
  [ -x "$program" ] || continue
  name=$(basename "$program" _fuzz)
  [ -z "${BACKSTAGED_FUZZ:-}" ] || [ "$BACKSTAGED_FUZZ" = "$name" ] || continue
  if [ ! -d "tests/fuzz/corpus/$name" ] && [ ! -d "tests/fuzz/corpus/${name}_fuzz" ]; then
    echo "fuzz.sh: $name has no corpus" >&2
    echo "  next: put at least one input into tests/fuzz/corpus/$name" >&2
    exit 1
  fi
  programs+=("$program")
done
if [ ${#programs[@]} -eq 0 ]; then
  echo "fuzz.sh: there is no fuzz target in build/fuzz/tests" >&2
  echo "  next: tests/fuzz/CMakeLists.txt defines them, BACKSTAGED_FUZZ chooses one" >&2
  exit 1
fi

running=0
for program in "${programs[@]}"; do
  run_one "$program" &
  running=$((running + 1))
  if [ "$running" -ge "$(nproc)" ]; then
    wait -n
    running=$((running - 1))
  fi
done
wait

failed=0
for program in "${programs[@]}"; do
  name=$(basename "$program" _fuzz)
  units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
  if [ "$(cat "$work/$name.rc")" = 0 ]; then
    echo "fuzz.sh: $name: $units executions in ${seconds} s, no crash"
  else
    failed=1
    tail -n 60 "$work/$name.log" >&2
    echo "fuzz.sh: $name: failed after ${units:-an unknown number of} executions" >&2
    echo "  next: build/fuzz/tests/$(basename "$program") $crashes/$name-..." >&2
  fi
done
exit "$failed"
