#!/usr/bin/env bash
# Measures the engine, the way through a plugin and the gateway beside their peers in one run, and
# writes tests/bench/RESULTS.md and results.json: medians with spread, ratios, targets.
#
#   scripts/bench.sh [--reps N] [--only ROWS] [--peers NAMES] [--results DIR]
#
# ROWS are beginnings of rows, W,abi_call,N unless named ("W3 64B", W4; the peers' README.md has
# them all): what is not named shows as "not measured". NAMES are peers beside ours; those that are
# not installed are left out. The peers' folder is ../shared/peers, or BACKSTAGED_PEERS; it is
# copied to build/bench and built there. Raw lines stay in build/bench. A repetition of all rows
# takes eight minutes: the machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

reps=5 only=W,abi_call,N peers= results=tests/bench
while [ $# -gt 0 ]; do
  case "$1" in
    --reps | --only | --peers | --results)
      [ $# -ge 2 ] || {
        echo "bench.sh: $1 needs a value" >&2
        echo "  next: scripts/bench.sh --reps 3 --only W1" >&2
        exit 64
      }
      declare "${1#--}=$2"
      shift 2
      ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done
case "$reps" in
  "" | 0* | *[!0-9]*)
    echo "bench.sh: --reps is a count, not '$reps'" >&2
    echo "  next: scripts/bench.sh --reps 5" >&2
    exit 64
    ;;
esac
if [ ! -d "$results" ]; then
  echo "bench.sh: there is no directory $results" >&2
  echo "  next: mkdir -p $results" >&2
  exit 66
fi

out=build/bench
source_dir=${BACKSTAGED_PEERS:-../shared/peers}
if [ -f "$source_dir/run_all.py" ]; then
  mkdir -p "$out/peers"
  cp -R --no-preserve=mode --update "$source_dir/." "$out/peers/"
elif [ ! -f "$out/peers/run_all.py" ]; then
  echo "bench.sh: there are no peers in $source_dir" >&2
  echo "  next: name their folder, BACKSTAGED_PEERS=/path/to/peers scripts/bench.sh" >&2
  exit 66
fi

# A peer that cannot be installed or built is a column of dashes, not the end.
scripts/setup.sh --profile bench ||
  echo "bench.sh: some peers are not installed; they are left out" >&2
scripts/build.sh release bench_programs backstaged backstagectl all_plugins
make -C "$out/peers" -k -j "$(nproc)" >"$out/make.log" 2>&1 ||
  echo "bench.sh: some peers do not build and are left out; $out/make.log says why" >&2

# All programs that these sources of the peers become, built.
built() { # prefix, suffix, sources...
  local prefix=$1 suffix=$2 name
  shift 2
  for name in "$@"; do
    name=${name##*/}
    [ -e "$out/peers/bin/$prefix${name%.*}$suffix" ] || return 1
  done
}
has() { # peer
  case "$1" in
    limit*) built limit_ "" "$out"/peers/limit/w*.cpp ;;
    caf) built caf_ "" "$out"/peers/caf/w*.cpp ;;
    erlang) command -v erl >/dev/null && built ebin/ .beam "$out"/peers/erlang/*.erl ;;
    nats*) command -v nats-server >/dev/null && built "" "" n1_nats n3_nats n3_nats_raw ;;
    redis) command -v redis-server >/dev/null && built "" "" n1_redis n3_redis ;;
    mosquitto) command -v mosquitto >/dev/null && built "" "" n2_fanout n4_idle ;;
    zmq* | zmtp*) built "" "" n1_zmq n3_zmq zmq_broker zmtp_broker ;;
    tcp*) built "" "" n1_tcp n3_tcp tcp_broker ;;
    *) return 1 ;;
  esac
}
present=backstage,backstage-plugin,backstage-c,backstage-batch,backstage-pub,zmq-line
present+=,backstage-curve,backstage-curve-batch
all=limit,limit-ring,caf,erlang,nats,nats-raw,redis,mosquitto,zmq-direct,zmq-proxy,zmq-router
for peer in $(tr , ' ' <<<"${peers:-$all,zmtp-native,zmtp-native-spin,tcp,tcp-spin}"); do
  case "$peer" in backstage*) continue ;; esac
  if has "$peer"; then present+=,$peer; else echo "bench.sh: no $peer here" >&2; fi
done

# Keys for the rows with CURVE: made anew, used here alone.
rm -rf "$out/keys"
(umask 077 && mkdir -p "$out/keys/authorized")
for name in server client; do
  build/release/bin/backstagectl keygen --name "$name" --dir "$out/keys" >"$out/keygen.log"
done
cp "$out/keys/client.key" "$out/keys/authorized/"
stamp=$(date -u +%Y%m%dT%H%M%SZ)
raw=$out/results-$stamp.jsonl facts=$out/facts-$stamp.json
/usr/bin/python3 tests/bench/facts.py --repetitions "$reps" --only "$only" >"$facts"
/usr/bin/python3 "$out/peers/run_all.py" --reps "$reps" --only "$only" --peers "$present" \
  --extra tests/bench/peer.json --out "$raw" >"$out/table.md"
/usr/bin/python3 tests/bench/facts.py --end "$facts"
/usr/bin/python3 tests/bench/report.py --raw "$raw" --facts "$facts" \
  --misses tests/bench/misses.json \
  --targets tests/bench/targets.json --out "$results"
cat "$results/RESULTS.md"
