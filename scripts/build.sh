#!/usr/bin/env bash
# Configures a preset when needed and builds it, or only the targets named.
#
#   scripts/build.sh PRESET [target...]        presets: dev release asan tsan fuzz
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-}
case "$preset" in
  dev | release | asan | tsan | fuzz) shift ;;
  "" | -*)
    sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 64
    ;;
  *)
    echo "build.sh: there is no preset '$preset'" >&2
    echo "  next: name one of dev, release, asan, tsan, fuzz (CMakePresets.json)" >&2
    exit 64
    ;;
esac

# Profile run has no Catch2; the daemon and the plugins build without the tests then.
testing=ON
[ -d /usr/include/catch2 ] || testing=OFF
mkdir -p "build/$preset"
log=build/$preset/configure.log
if ! cmake --preset "$preset" -DBUILD_TESTING=$testing >"$log" 2>&1; then
  cat "$log" >&2
  echo "build.sh: configuring '$preset' failed" >&2
  echo "  next: scripts/setup.sh --profile dev installs what the build looks for" >&2
  exit 1
fi

exec ninja -C "build/$preset" -j "${BACKSTAGED_JOBS:-$(nproc)}" "$@"
