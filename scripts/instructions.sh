#!/usr/bin/env bash
# Counts the instructions of a message (W1, W2), a delivery (W3), an actor (W4) and a hop (W5) and
# compares with the baseline.
#
#   scripts/instructions.sh [--update] [--baseline FILE] [--build DIR] [--recorded DIR]
#
# The programs run under callgrind with one worker, each at two message counts: the difference
# leaves start-up and end out. A figure more than 5% over tests/bench/instructions.json ends with
# exit 1; --update writes that file anew. --build names a built release build (nothing is built
# then), --recorded judges what an earlier run left in DIR. Outputs stay in build/instructions.
set -euo pipefail
here=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A relative path is the caller's.
path_of() { (cd "$here" && realpath --canonicalize-missing "$1"); }

update= baseline=tests/bench/instructions.json build= recorded=
while [ $# -gt 0 ]; do
  case "$1" in
    --update)
      update=yes
      shift
      ;;
    --baseline | --build | --recorded)
      [ $# -ge 2 ] || {
        echo "instructions.sh: $1 needs a value" >&2
        echo "  next: scripts/instructions.sh --baseline tests/bench/instructions.json" >&2
        exit 64
      }
      declare "${1#--}=$(path_of "$2")"
      shift 2
      ;;
    *)
      sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 64
      ;;
  esac
done

# One program at one count; its callgrind output is NAME in $out.
count() { # name, program, arguments...
  local name=$1 program=$2
  shift 2
  # Without the extensions glibc would choose memcpy by, each machine counts the same.
  GLIBC_TUNABLES=glibc.cpu.hwcaps=$plain_cpu valgrind --tool=callgrind \
    --callgrind-out-file="$out/$name" "$build/bench/$program" --threads 1 "$@" \
    >"$out/$name.log" 2>&1 || {
    cat "$out/$name.log" >&2
    echo "instructions.sh: $program failed under valgrind" >&2
    echo "  next: run it by hand, $build/bench/$program --threads 1 $*" >&2
    exit 1
  }
}
plain_cpu=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM
plain_cpu+=,-SSE4_1,-SSE4_2,-SSSE3,-BMI2

out=$recorded
if [ -z "$recorded" ]; then
  command -v valgrind >/dev/null || {
    echo "instructions.sh: there is no valgrind" >&2
    echo "  next: scripts/setup.sh --profile dev" >&2
    exit 69
  }
  if [ -z "$build" ]; then
    scripts/build.sh release w1_pingpong w2_many_to_one w3_fanout w4_churn w5_ring
    build=build/release
  fi
  out=build/instructions
  mkdir -p "$out"
  cp "$build/compile_commands.json" "$out/"
  # The same counts are in the table below: a W1 round is two messages, W2 has 100 senders and two
  # rounds, a W3 publish is 1,000 deliveries (64 are two whole turns of the publisher), and W5 has
  # 100 tokens.
  count W1.few w1_pingpong --n 20000
  count W1.many w1_pingpong --n 40000
  count W2.few w2_many_to_one --rounds 2 --each 200
  count W2.many w2_many_to_one --rounds 2 --each 400
  count W3.few w3_fanout --pubs 64
  count W3.many w3_fanout --pubs 128
  count W4.few w4_churn --n 4000
  count W4.many w4_churn --n 8000
  count W5.few w5_ring --hops 400
  count W5.many w5_ring --hops 800
fi

/usr/bin/python3 - "$out" "$baseline" "$update" <<'PYTHON'
import json, pathlib, re, shlex, subprocess, sys

# Of each load, how many there are between its two counts, and of what.
COUNTED = {"W1": (2 * 20_000, "message"), "W2": (2 * 100 * 200, "message"),
           "W3": (1_000 * 64, "delivery"), "W4": (4_000, "actor"), "W5": (100 * 400, "hop")}
GROWTH_MAX = 0.05
out, baseline, is_update = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), bool(sys.argv[3])


def fail(what, following):
    sys.exit(f"instructions.sh: {what}\n  next: {following}")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def total(name):
    """The instructions callgrind counted in one run."""
    try:
        return int(re.search(r"^(?:summary|totals): (\d+)", (out / name).read_text(), re.M)[1])
    except (OSError, TypeError):
        fail(f"{out / name} is no output of callgrind", "scripts/instructions.sh measures again")


def figure(workload):
    growth = total(f"{workload}.many") - total(f"{workload}.few")
    if growth <= 0:
        fail(f"{workload} took no more instructions for twice the work",
             f"run the programs by hand; {out}/{workload}.many.log has their output")
    return round(growth / COUNTED[workload][0], 1)


def build():
    """Compiler and flags, from the compile database: what changes them changes the figures."""
    commands = json.loads((out / "compile_commands.json").read_text())
    words = next(shlex.split(c["command"]) for c in commands
                 if c["file"].endswith("/core/mailbox.cpp"))
    compiler = next(w for w in words if re.search(r"(?:clang|[gc])\+\+", w))
    flags = [w for w in words if re.match(r"-(?:[OgDUfm]|std=)", w) and "-prefix-map" not in w]
    return {"compiler": compiler.split("/")[-1] + " " + output(compiler, "-dumpfullversion"),
            "flags": " ".join(flags)}


def commit():
    """The commit measured; marked when the engine or the programs differ from it."""
    changed = output("git", "status", "--porcelain", "core", "tests/bench/*.cpp",
                     "tests/bench/*.hpp", "CMakeLists.txt", "CMakePresets.json")
    return output("git", "rev-parse", "--short=10", "HEAD") + ("+changes" if changed else "")


now = build() | {"instructions_per_message": {w: figure(w) for w in COUNTED}}
if is_update:
    baseline.write_text(json.dumps({"commit": commit()} | now, indent=1) + "\n")
    print(f"instructions.sh: {baseline} holds {now['instructions_per_message']}")
    sys.exit()
try:
    then = json.loads(baseline.read_text())
    known = {w: float(count) for w, count in then["instructions_per_message"].items()}
    same = {key: then[key] for key in ("compiler", "flags")}
    measured_at = then["commit"]
except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    fail(f"{baseline} is no baseline ({error})", "git checkout tests/bench/instructions.json")
for key, value in same.items():
    if value != now[key]:
        fail(f"the baseline was measured with another {key.rstrip('s')}: '{value}', "
             f"now '{now[key]}'", "check out the baseline's commit "
             f"{measured_at}, run scripts/instructions.sh --update there, keep that file")
if missing := [w for w in COUNTED if w not in known]:
    fail(f"{baseline} has no figure of {' and '.join(missing)}",
         "scripts/instructions.sh --update measures and adds them")
grown = []
for workload, count in now["instructions_per_message"].items():
    change = count / known[workload] - 1
    print(f"instructions.sh: {workload}: {count:.1f} instructions per {COUNTED[workload][1]}, "
          f"{known[workload]:.1f} at {measured_at} ({change:+.1%})")
    if change > GROWTH_MAX:
        grown.append(workload)
if grown:
    fail(f"{' and '.join(grown)} grew by more than {GROWTH_MAX:.0%}",
         f"callgrind_annotate {out}/{grown[0]}.many names the functions; make that path "
         "shorter,\n  or, when what was added is worth its price, say so in the commit "
         "that runs scripts/instructions.sh --update")
PYTHON
