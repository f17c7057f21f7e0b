#!/usr/bin/env bash
# Runs clang-tidy-19 on the sources that changed since the last release of main, or on all.
#
#   scripts/tidy.sh [--all | FILE...]
#
# Changed means: since the merge base with origin/main, or, on main itself, in the last 10 commits,
# and not committed yet. BACKSTAGED_BASE names another base; BACKSTAGED_TIDY_MAX (16) bounds the
# number of changed sources, newest first, so that a check stays short. The compile database is the
# tidy preset's: clang-tidy does not understand g++'s, and what a precompiled header would hide (an
# include that is missing) is told here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

database=build/tidy/compile_commands.json
mkdir -p build/tidy
if ! cmake --preset tidy >build/tidy/configure.log 2>&1; then
  cat build/tidy/configure.log >&2
  echo "tidy.sh: configuring 'tidy' failed, there is no compile database" >&2
  echo "  next: scripts/setup.sh --profile dev" >&2
  exit 1
fi

# The sources the database knows, relative to here.
known() {
  /usr/bin/python3 - "$database" "$PWD" <<'PYTHON'
import json, os, sys
files = {os.path.realpath(e["file"]) for e in json.load(open(sys.argv[1]))}
here = os.path.realpath(sys.argv[2])
build = os.path.join(here, "build")
print("\n".join(sorted(os.path.relpath(f, here) for f in files
                       if f.startswith(here + "/") and not f.startswith(build + "/"))))
PYTHON
}

base() {
  local found
  if [ -n "${BACKSTAGED_BASE:-}" ]; then
    echo "$BACKSTAGED_BASE"
  elif found=$(git merge-base origin/main HEAD 2>/dev/null) &&
    [ "$found" != "$(git rev-parse HEAD)" ]; then
    echo "$found"
  elif found=$(git rev-parse --verify --quiet HEAD~10); then
    echo "$found"
  else
    git rev-list --max-parents=0 HEAD | tail -n 1
  fi
}

# Changed sources, newest first; a changed header stands for the source of the same name.
changed() {
  local from
  from=$(base)
  {
    git ls-files -mo --exclude-standard
    git log --name-only --format= "$from..HEAD"
  } | sed -E 's/\.hpp$/.cpp/' | awk '!seen[$0]++'
}

all=$(known)
if [ $# -eq 0 ] && git rev-parse --git-dir >/dev/null 2>&1; then
  found=$(changed | grep --line-regexp --fixed-strings --file=<(printf '%s\n' "$all") || true)
  files=$(head -n "${BACKSTAGED_TIDY_MAX:-16}" <<<"$found")
  what="changed"
elif [ $# -eq 0 ] || [ "$1" = --all ]; then
  found=$all files=$all what="in all"
else
  found=$(printf '%s\n' "$@") files=$found what="named"
fi
if [ -z "$files" ]; then
  echo "tidy.sh: no source has changed"
  exit 0
fi
echo "tidy.sh: $(wc -l <<<"$files") of $(wc -l <<<"$found") sources $what"

# -fno-caret would hide the place; the count of suppressed warnings says nothing.
printf '%s\n' "$files" | xargs -P "$(nproc)" -n 1 \
  clang-tidy-19 -p build/tidy --quiet --warnings-as-errors='*' 2> >(
    grep -vE '^[0-9]+ warnings? (generated|treated)' >&2 || true
  )
