#!/usr/bin/env bash
# Runs the conformance suite of tests/conformance, black box over plain ZeroMQ.
#
#   scripts/conformance.sh [--endpoint ENDPOINT] [--planted] [--long] [NAME...]
#
# Without --endpoint, the `cmd` endpoint of a daemon that runs already and has the actors of
# tests/conformance/README.md, it starts the one of build/dev, or BACKSTAGED_BIN, on free ports; it
# is built when it is not there. --long takes the counts of the reference instead of scaled ones.
# --planted runs the suite against a relay with one bug after the other, all of which it must catch.
# NAME chooses a file or a test, as in `framing`. Exit 0: all passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

planted= endpoint= arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    --endpoint)
      endpoint=${2:?the endpoint of cmd, as in tcp://127.0.0.1:7770}
      arguments+=(--endpoint "$endpoint")
      shift
      ;;
    --planted) planted=yes ;;
    --long | --quiet) arguments+=("$1") ;;
    -*)
      sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if [ -z "$endpoint" ]; then
  if [ -z "${BACKSTAGED_BIN:-}" ] && [ ! -x build/dev/bin/backstaged ]; then
    scripts/build.sh dev backstaged all_plugins
  fi
  export BACKSTAGED_BIN=${BACKSTAGED_BIN:-$PWD/build/dev/bin/backstaged}
fi
export PYTHONDONTWRITEBYTECODE=1
if [ -n "$planted" ]; then
  exec /usr/bin/python3 tests/conformance/planted.py
fi
/usr/bin/python3 tests/conformance/clauses.py
exec /usr/bin/python3 tests/conformance/run.py ${arguments[@]+"${arguments[@]}"}
