#!/usr/bin/env bash
# Builds and passes every test; ends in ctest's summary. The same command as CI's.
#
#   scripts/test.sh [LEG...]      legs: check fuzz tsan asan instructions dev release
#
# Without legs: check, fuzz (10 s a target), tsan (the engine's room: libzmq shows false races),
# asan (everything, with UBSan and leaks), instructions (per message, against the baseline), dev
# (everything). The first failure ends the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

legs=("$@")
[ ${#legs[@]} -gt 0 ] || legs=(check fuzz tsan asan instructions dev)
for leg in "${legs[@]}"; do
  case "$leg" in
    check | fuzz | tsan | asan | instructions | release | dev) ;;
    *)
      sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done

scripts/setup.sh --profile dev
export PATH=$PATH:/usr/lib/llvm-19/bin # llvm-symbolizer, for names in reports
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1

# The whole directory of a build, or of one room in it.
run_ctest() { # build directory
  ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)"
}

run_leg() {
  case "$1" in
    check) scripts/check.sh ;;
    fuzz) scripts/fuzz.sh 10 ;;
    instructions) scripts/instructions.sh ;;
    tsan)
      scripts/build.sh tsan tests/core/all
      run_ctest build/tsan/tests/core
      ;;
    *)
      scripts/build.sh "$1"
      run_ctest "build/$1"
      ;;
  esac
}

for leg in "${legs[@]}"; do
  echo "test.sh: $leg"
  run_leg "$leg"
done
