#!/usr/bin/env bash
# Checks what needs no test run: format, the house (tidy.py), scripts, clang-tidy.
#
#   scripts/check.sh [--all] [--fast]
#
# --all runs clang-tidy on every source instead of the changed ones, --fast leaves it out. Ends at
# the first failure and says how to mend it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tidy=(scripts/tidy.sh)
for argument in "$@"; do
  case "$argument" in
    --all) tidy=(scripts/tidy.sh --all) ;;
    --fast) tidy=() ;;
    *)
      sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done

step() { printf 'check.sh: %s\n' "$1"; }
fail() {
  printf 'check.sh: %s failed\n  next: %s\n' "$1" "$2" >&2
  exit 1
}

# C and C++ files: tracked and new ones as git sees them, or all where there is no repository.
sources() {
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -co --exclude-standard -- '*.cpp' '*.hpp' '*.h' '*.c'
  else
    find clients core daemon plugins tests \
      -name '*.cpp' -o -name '*.hpp' -o -name '*.h' -o -name '*.c'
  fi | while IFS= read -r file; do
    [ ! -f "$file" ] || printf '%s\0' "$file"
  done
}

step "format"
unformatted=$(sources | xargs -0 -r clang-format-19 --dry-run 2>&1 |
  sed -nE 's/^([^ :]+):[0-9]+:[0-9]+: .*/  \1/p' | sort -u)
if [ -n "$unformatted" ]; then
  printf '%s\n' "$unformatted"
  fail "format" "clang-format-19 -i the files named above"
fi

step "house"
/usr/bin/python3 scripts/tidy.py || fail "the house" "mend the lines named above"

step "the house's own test"
/usr/bin/python3 scripts/tidy_test.py --quiet || fail "tidy_test.py" "mend scripts/tidy.py"

step "scripts"
for script in scripts/*.sh .ci/run; do
  bash -n "$script" || fail "bash -n $script" "mend its syntax"
done

if [ ${#tidy[@]} -gt 0 ]; then
  step "clang-tidy"
  "${tidy[@]}" || fail "clang-tidy" "mend the findings; a NOLINT(check) needs its reason beside it"
fi
step "all is well"
