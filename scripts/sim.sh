#!/usr/bin/env bash
# Runs the simulator: the engine on one thread, under seeds; or proves that it finds planted bugs.
#
#   scripts/sim.sh [--seeds N] [--from S]   ends with `N seeds, V violations`; exit 1 on any
#   scripts/sim.sh --planted [--seeds N]    ends with `F of P found`; exit 1 when one is missed
#   scripts/sim.sh --trace S                one seed, all of it told
#   scripts/sim.sh --update                 keeps the fingerprints of today's engine
#
# Seeds are shared among the CPUs. The release build is used: it is built when it is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds='' from=1 mode=seeds
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds | --from | --trace)
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || {
        echo "sim.sh: $1 needs a whole number above 0" >&2
        echo "  next: scripts/sim.sh --seeds 2000 --from 1" >&2
        exit 64
      }
      case "$1" in
        --seeds) seeds=$2 ;;
        --from) from=$2 ;;
        --trace) mode=trace from=$2 ;;
      esac
      shift 2
      ;;
    --planted)
      mode=planted
      shift
      ;;
    --update)
      mode=update
      shift
      ;;
    *)
      sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done

program=sim
[ "$mode" = planted ] && program=sim_planted
mkdir -p build
scripts/build.sh release "$program" >build/sim.log 2>&1 || {
  cat build/sim.log >&2
  exit 1
}
sim=build/release/tests/sim/$program

# Each CPU takes its part of the seeds; their sums are one result.
run_seeds() {
  local parts each rest out part failed=0 violations=0
  parts=$(nproc)
  [ "$seeds" -ge "$parts" ] || parts=1
  each=$((seeds / parts)) rest=$((seeds % parts))
  out=$(mktemp -d)
  trap 'rm -rf "$out"' RETURN
  local pids=() start=$from count
  for ((part = 0; part < parts; part++)); do
    count=$((each + (part < rest ? 1 : 0)))
    "$sim" --seeds "$count" --from "$start" >"$out/$part" &
    pids+=($!)
    start=$((start + count))
  done
  for part in "${!pids[@]}"; do
    wait "${pids[$part]}" || failed=1
    sed '$d' "$out/$part"
    violations=$((violations + $(sed -n '$s/.* seeds, \([0-9]*\) violations/\1/p' "$out/$part")))
  done
  echo "$seeds seeds, $violations violations"
  return "$failed"
}

case "$mode" in
  seeds)
    seeds=${seeds:-2000}
    run_seeds
    ;;
  trace) "$sim" --trace "$from" ;;
  planted) "$sim" --planted ${seeds:+--seeds "$seeds"} ;;
  update) "$sim" --fingerprints tests/sim/fingerprints.txt --update ;;
esac
