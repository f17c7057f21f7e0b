#!/usr/bin/env bash
# Puts the daemon's parts under stress for as long as it is told to, and holds them to a model.
#
#   scripts/stress.sh upgrade [--count N] [--actors N] [--rate N] [--seed S] [--good]
#   scripts/stress.sh clients [--count N]
#
# upgrade: senders of numbered messages survive N (1000) upgrades of a plugin at random moments, of
# which a third fails in save, load, init or on probation (none with --good). One line of JSON; exit
# 1 if a message was lost, doubled or out of order, or a count differs from the model's.
# clients: N (20000) clients connect, subscribe and leave; exit 1 if the daemon's memory or its open
# files have grown. One line of JSON.
# The release build is used: it is built when it is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# build TARGET...: the release build of these, quiet unless it fails.
build() {
  mkdir -p build
  scripts/build.sh release "$@" >build/stress.log 2>&1 || {
    cat build/stress.log >&2
    exit 1
  }
}

case "${1:-}" in
  upgrade) shift ;;
  clients)
    count=20000
    [[ "${2:-}" == --count ]] && count="${3:?--count needs a number}"
    build backstaged plugin_echo plugin_counter
    export BACKSTAGED_BIN=build/release/bin/backstaged PYTHONPATH=tests/support
    export BACKSTAGED_CYCLES="$count" PYTHONDONTWRITEBYTECODE=1
    exec /usr/bin/python3 tests/e2e/flood_test.py \
      FloodTest.test_thousands_of_clients_come_and_go_and_nothing_stays
    ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 64
    ;;
esac
build stress_upgrade
exec build/release/tests/stress/stress_upgrade "$@"
