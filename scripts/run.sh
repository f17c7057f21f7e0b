#!/usr/bin/env bash
# Sets up, builds, starts backstaged and plays the flight board on real data.
#
#   scripts/run.sh            live: 200 departures a second, until Ctrl-C
#   scripts/run.sh --once     all 20,000 as fast as it goes, the final board, the ledger; then ends
#
# The daemon listens on free ports and keeps its files in a directory of its own, so that it never
# meets another one. BACKSTAGED_BIN and BACKSTAGED_PLUGINS name a built daemon and its plugins: then
# nothing is installed or built. Exit 0: all departures arrived and the daemon ended well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

once=
case "${1:-}" in
  "") ;;
  --once) once=yes ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 64
    ;;
esac

if [ -z "${BACKSTAGED_BIN:-}" ]; then
  scripts/setup.sh --profile run
  scripts/build.sh release daemon/all plugins/all
fi
daemon=${BACKSTAGED_BIN:-build/release/bin/backstaged}
plugins=${BACKSTAGED_PLUGINS:-build/release/plugins}

dir=$(mktemp -d)
endpoints=$dir/endpoints.json
log=$dir/backstaged.log
daemon_pid= feed_pid= shown=0

# Ends what this script started; the daemon's last words are its ledger.
finish() {
  local status=$? daemon_status=0
  trap - EXIT
  trap '' INT TERM
  if [ -n "$feed_pid" ]; then
    kill "$feed_pid" 2>/dev/null || true
    wait "$feed_pid" || true
    cat "$dir/feed.log"
  fi
  if [ -n "$daemon_pid" ]; then
    kill -TERM "$daemon_pid" 2>/dev/null || true
    wait "$daemon_pid" || daemon_status=$?
    echo
    tail --lines +$((shown + 1)) "$log"
    if [ "$daemon_status" -ne 0 ]; then
      echo "run.sh: the daemon ended with $daemon_status" >&2
      status=1
    fi
    if ! grep --quiet 'ledger .*balanced=true' "$log"; then
      echo "run.sh: the ledger does not balance" >&2
      status=1
    fi
  fi
  rm -rf "$dir"
  exit "$status"
}
trap finish EXIT
trap 'exit 0' INT TERM

free='["tcp://127.0.0.1:*"]'
# A session of its own: Ctrl-C reaches the board and this script, which then ends the rest in order.
setsid "$daemon" --config config/flightboard.json \
  --set "/runtime_dir=\"$dir\"" --set '/log/format="text"' \
  --set "/plugins/dir=\"$(realpath "$plugins")\"" --set "/gateway/cmd/bind=$free" \
  --set "/gateway/pub/bind=$free" --set "/gateway/ingest/bind=$free" >"$log" 2>&1 &
daemon_pid=$!
deadline=$((SECONDS + 30))
until [ -s "$endpoints" ]; do
  if ! kill -0 "$daemon_pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
    cat "$log" >&2
    echo "run.sh: the daemon did not start" >&2
    echo "  next: read its lines above" >&2
    exit 1
  fi
  sleep 0.05
done
cat "$log"
shown=$(wc -l <"$log")

if [ -n "$once" ]; then
  scripts/feed.py --endpoints "$endpoints"
  scripts/board.py --endpoints "$endpoints" --once
else
  setsid scripts/feed.py --endpoints "$endpoints" --rate 200 >"$dir/feed.log" 2>&1 &
  feed_pid=$!
  scripts/board.py --endpoints "$endpoints"
fi
