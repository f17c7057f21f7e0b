#!/usr/bin/env bash
# Installs the Debian packages a profile needs, says why each, and does nothing when all are there.
#
#   scripts/setup.sh [--profile run|dev|bench] [--list] [--check]
#
# Plain bash on purpose: a bare Debian 12 has no sudo, git or python3. Nothing else is downloaded.
set -euo pipefail

# package: why. A profile is its own list and those it builds on, see `packages_of`.
run_packages='
g++: compiles the daemon (C++23 as far as version 12 has it)
cmake: configures the build, version 3.25 or newer
ninja-build: runs the build
ccache: makes the second build fast
pkg-config: finds libzmq and libsodium
libasio-dev: event loop of the gateway, signals
nlohmann-json3-dev: reads and writes the config
libzmq3-dev: the transport clients speak
cppzmq-dev: C++ header of libzmq
libcli11-dev: command line of the daemon
libspdlog-dev: log
libfmt-dev: text formatting
libsodium-dev: hashes of plugin files, random session tokens
python3: flight board, checks, end-to-end tests
python3-zmq: Python clients of the daemon
git: which files are tracked, which have changed
ca-certificates: git over https
procps: ps, for scripts that look after what they started
'
catch_packages='
catch2: unit tests
'
dev_packages='
clang-19: sanitizer and fuzz builds
clang-format-19: format check
clang-tidy-19: static checks
libclang-rt-19-dev: address, undefined, thread and fuzzer runtimes
clang: version 14, whose plugins load beside those of others
libc++-19-dev: plugins built with another C++ library load beside the others
libc++abi-19-dev: its exceptions
llvm-19: llvm-symbolizer, so that a sanitizer names functions and lines
binutils: readelf, for tests of plugins and of the hardened binary
systemd: systemd-analyze, which rates the unit file
rustc: plugins in Rust, version 1.63 suffices
valgrind: callgrind, which counts the instructions of a message
'
bench_packages='
libcaf-dev: peer CAF
erlang-nox: peer Erlang
erlang-dev: compiles the Erlang programs
nats-server: peer NATS
libnats-dev: client of NATS
redis-server: peer Redis
libhiredis-dev: client of Redis
mosquitto: peer Mosquitto
util-linux: taskset, which pins a benchmark to a core
make: builds the peers
'

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }

fail() { # code, what, next
  printf 'setup.sh: %s\n  next: %s\n' "$2" "$3" >&2
  exit "$1"
}

packages_of() {
  case "$1" in
    run) printf '%s' "$run_packages" ;;
    dev) printf '%s' "$run_packages" "$catch_packages" "$dev_packages" ;;
    bench) printf '%s' "$run_packages" "$catch_packages" "$bench_packages" ;;
    *) fail 64 "there is no profile '$1'" "name one of: run, dev, bench" ;;
  esac
}

# Prints the lines of standard input whose package is not installed.
missing_of() {
  local installed line
  installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n')
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    grep --quiet --line-regexp --fixed-strings "installed ${line%%:*}" <<<"$installed" ||
      printf '%s\n' "$line"
  done
}

# Runs a command as root: as it is, or through sudo where there is one.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail 77 "installing packages needs root, and there is no sudo" \
      "run as root: scripts/setup.sh --profile $profile"
  fi
}

install() { # packages...
  # A terminal question would wait for ever in CI; another apt may hold the lock for a while.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update </dev/null ||
    fail 69 "apt-get update failed" "check the network and /etc/apt/sources.list, then try again"
  as_root "${apt[@]}" install --no-install-recommends "$@" </dev/null ||
    fail 69 "apt-get install failed" \
      "this project expects Debian 12 (main, with its updates); see the lines above"
}

profile=run
mode=install
while [ $# -gt 0 ]; do
  case "$1" in
    --profile)
      [ $# -ge 2 ] || fail 64 "--profile needs a name" "scripts/setup.sh --profile dev"
      profile=$2
      shift
      ;;
    --profile=*) profile=${1#*=} ;;
    --list) mode=list ;;
    --check) mode=check ;;
    -h | --help) usage; exit 0 ;;
    *) fail 64 "unknown argument '$1'" "see scripts/setup.sh --help" ;;
  esac
  shift
done

wanted=$(packages_of "$profile")
if [ "$mode" = list ]; then
  sed '/^$/d' <<<"$wanted"
  exit 0
fi
command -v dpkg-query >/dev/null ||
  fail 69 "this is not a Debian system (no dpkg-query)" \
    "install by hand what scripts/setup.sh --list names"

missing=$(missing_of <<<"$wanted")
if [ -z "$missing" ]; then
  echo "setup.sh: profile $profile: all packages are there"
  exit 0
fi
echo "setup.sh: profile $profile needs these Debian packages:"
sed 's/^/  /' <<<"$missing"
[ "$mode" = install ] || fail 1 "packages are missing" "scripts/setup.sh --profile $profile"
if [ "$profile" = bench ]; then
  echo "setup.sh: where an init system runs, Debian starts nats-server, redis-server and mosquitto"
  echo "  after installing them; the benchmarks start their own copies on other ports"
fi

names=()
while IFS=: read -r name _; do names+=("$name"); done <<<"$missing"
install "${names[@]}"
echo "setup.sh: profile $profile is ready"
