#!/usr/bin/env bash
# Measures the engine and the gateway beside their peers in one run and prints the ratios.
#
#   scripts/bench.sh [--reps N] [--only ROWS] [--peers NAMES]
#
# ROWS is W1,W3,N1,N3 unless named; the peers' README.md has them all. The peers' folder
# is ../shared/peers, or BACKSTAGED_PEERS; it is copied to build/bench and built there. The raw
# lines and the table, with date, machine and commit, stay in build/bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

reps=5 only=W1,W3,N1,N3 peers=
while [ $# -gt 0 ]; do
  case "$1" in
    --reps | --only | --peers)
      [ $# -ge 2 ] || {
        echo "bench.sh: $1 needs a value" >&2
        echo "  next: scripts/bench.sh --reps 3 --only W1" >&2
        exit 64
      }
      declare "${1#--}=$2"
      shift 2
      ;;
    *)
      sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done

source_dir=${BACKSTAGED_PEERS:-../shared/peers}
if [ ! -f "$source_dir/run_all.py" ]; then
  echo "bench.sh: there are no peers in $source_dir" >&2
  echo "  next: name their folder, BACKSTAGED_PEERS=/path/to/peers scripts/bench.sh" >&2
  exit 66
fi

scripts/setup.sh --profile bench
scripts/build.sh release
out=build/bench
mkdir -p "$out/peers"
cp -R --no-preserve=mode --update "$source_dir/." "$out/peers/"
make -C "$out/peers" -j "$(nproc)" >"$out/make.log" 2>&1 || {
  tail -n 30 "$out/make.log" >&2
  echo "bench.sh: the peers do not build" >&2
  echo "  next: read $out/make.log" >&2
  exit 1
}

results=$out/results-$(date -u +%Y%m%dT%H%M%SZ).jsonl
/usr/bin/python3 "$out/peers/run_all.py" --reps "$reps" --only "$only" --peers "$peers" \
  --extra tests/bench/peer.json --out "$results" >"$out/table.md"

{
  echo "# Ratios of one run"
  echo
  echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name[^:]*: *//p;T;q' /proc/cpuinfo)," \
    "$(nproc) CPUs, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)," \
    "$reps repetitions. Compare only within one run."
  echo
  cat "$out/table.md"
} | tee "$out/RESULTS.md"
grep -q ' backstage ' "$out/table.md" || {
  echo "bench.sh: our own programs gave no result" >&2
  echo "  next: run a command of tests/bench/peer.json by hand" >&2
  exit 1
}
