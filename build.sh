#!/usr/bin/env bash
# Macula.Actors: installs what is missing, then builds, runs, tests. ./build.sh help tells more.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root
readonly results="$root/artifacts/test-results"
readonly interop="$root/tests/interop-quiche"
readonly node_dll="$root/src/Macula.Actors.Node/bin/Release/net10.0/Macula.Actors.Node.dll"
readonly cli_dll="$root/src/Macula.Actors.Cli/bin/Release/net10.0/macula.dll"

export PATH="$PATH:/usr/sbin:/sbin:${HOME:-/root}/.dotnet"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Bare machines have no libicu; nothing here needs it.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

help() {
  cat <<'TXT'
Usage: ./build.sh <command> [arguments]

  run [node arguments]       install what is missing, build, start a node  (run --help: its arguments)
  macula <arguments>         the macula command line tool, from this tree  (macula --help: its commands)
  test [dotnet test args]    install what is missing, build, check the format, run every test
  bench [arguments]          the benchmarks of tests/Macula.Actors.Bench
  fuzz [--time 1h]           hostile packets and bad networks against the ngtcp2 transport  (fuzz --help)
  churn [--streams 1000000]  short connections and streams against it; its memory must stay flat  (churn --help)
  load [arguments]           every scenario of macula load, in full size: some 30 minutes and an hour of soak
  setup                      install what run and test need, and nothing else
  help                       this text

Examples
  ./build.sh run --realm org.example.home
  ./build.sh macula sub 'home.*.temp'
  ./build.sh test --filter FullyQualifiedName~Hosting
TXT
}

main() {
  local command=${1:-help}
  [[ $# -eq 0 ]] || shift
  case $command in
    run) run_node "$@" ;;
    macula) run_macula "$@" ;;
    test) run_tests "$@" ;;
    bench) run_bench "$@" ;;
    fuzz) run_fuzz "$@" ;;
    churn) run_fuzz churn "$@" ;;
    load) run_load "$@" ;;
    setup) setup_for_run; setup_for_test; say "Everything that run and test need is there." ;;
    help | -h | --help) help ;;
    *) help >&2; die "there is no command '$command'" ;;
  esac
}

say() { printf '%s\n' "$*" >&2; }
die() { say "build.sh: $*"; exit 1; }

# ---- commands ---------------------------------------------------------------------------------

run_node() {
  setup_for_run
  build_programs
  exec dotnet "$node_dll" "$@"
}

# Stays in the caller's folder: arguments such as --exec ./add.sh mean that one.
run_macula() {
  setup_for_run
  build_programs
  exec dotnet "$cli_dll" "$@"
}

run_load() {
  setup_for_run
  setup_for_load
  build_programs
  (cd "$root" && build_project tests/Macula.Actors.Neighbours) ||
    say "The server with MQTTnet could not be built; the load goes on, and peers leaves it out."
  exec dotnet "$cli_dll" load "$@"
}

run_bench() {
  setup_for_run
  [[ ${1:-} != quic ]] || install_ngtcp2_programs
  cd "$root"
  say "Building the benchmarks ..."
  build_project tests/Macula.Actors.Bench
  exec dotnet run -c Release --no-build --project tests/Macula.Actors.Bench -- "$@"
}

# Ends with 1 when an honest client fails or memory grows too far, with churn as without; a fault in native code ends it with a signal.
run_fuzz() {
  install_ngtcp2
  check_dotnet
  cd "$root"
  say "Building the fuzzer ..."
  build_project tests/Macula.Actors.Fuzz
  exec dotnet run -c Release --no-build --project tests/Macula.Actors.Fuzz -- "$@"
}

run_tests() {
  setup_for_run
  setup_for_test
  cd "$root"
  # No compiler or build server outlives the tests: a CI job that waits for its children would hang.
  export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false
  rm -rf "$results"
  mkdir -p "$results"
  step "Restore" dotnet restore -v q
  # What dotnet format finds besides, style and analyzers, are errors of the build already.
  step "Format" dotnet format whitespace --verify-no-changes --no-restore
  step "Build" build_all
  test_projects "$@"
}

# ---- building ---------------------------------------------------------------------------------

# Builds node and tool when a source is newer than the last build; several terminals take turns.
build_programs() {
  local stamp="$root/artifacts/built"
  mkdir -p "$root/artifacts"
  exec 9>"$root/artifacts/build.lock"
  flock 9
  if sources_changed "$stamp"; then
    say "Building (the first time takes about a minute) ..."
    touch "$stamp.new"
    (cd "$root" && build_project src/Macula.Actors.Node && build_project src/Macula.Actors.Cli)
    mv "$stamp.new" "$stamp"
  fi
  exec 9>&-
}

# Silent when all is well.
build_project() {
  local log
  log=$(dotnet build -c Release -v q --nologo "$1" 2>&1 9>&-) || { say "$log"; die "$1 does not build"; }
}

sources_changed() {
  [[ -e $1 && -e $node_dll && -e $cli_dll ]] || return 0
  [[ -n $(find "$root/src" "$root/hocon" -name bin -prune -o -name obj -prune -o \
    -type f -newer "$1" -print -quit) ]]
}

# ---- testing ----------------------------------------------------------------------------------

step() {
  local name=$1 started=$SECONDS
  shift
  say "== $name"
  "$@" >&2 || { echo "0 passed, 1 failed"; die "$name failed: $*"; }
  say "   $((SECONDS - started)) s"
}

# One compiler for all projects takes half the time of one for each; it goes when they are built.
build_all() {
  local built=0
  UseSharedCompilation=true dotnet build -c Release --no-restore -v q --nologo -warnaserror || built=$?
  dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1 || true
  return "$built"
}

passed=0 failed=0 skipped=0

# The days of Soak take virtual time and a core: they run beside the specs of single parts. What is held against the clock
# (clients and nodes under load, networks) runs alone, after them.
alone=(EndToEnd Load Transport)

test_projects() {
  local project started=$SECONDS soak=0
  (instead="exec setsid nice -n 10" dotnet_test "$(project_of Soak)" "$@") >"$results/soak.log" 2>&1 &
  # shellcheck disable=SC2064
  trap "kill -- -$! 2>/dev/null || true" EXIT
  for project in tests/*.Tests/*.csproj; do
    is_one_of "$project" Soak "${alone[@]}" || test_project "$project" "$@"
  done

  say "== Test Macula.Actors.Soak.Tests, beside those"
  wait $! || soak=$?
  trap - EXIT
  cat "$results/soak.log" >&2
  count_project "$(project_of Soak)" $soak $#
  say "   $((SECONDS - started)) s"

  for project in "${alone[@]}"; do
    test_project "$(project_of "$project")" "$@"
  done

  local sum="$passed passed, $failed failed"
  ((skipped == 0)) || sum+=", $skipped skipped"
  printf '%s\n' "$sum"
  ((passed > 0 && failed == 0))
}

project_of() { printf 'tests/Macula.Actors.%s.Tests/Macula.Actors.%s.Tests.csproj' "$1" "$1"; }

is_one_of() {
  local project=$1 name
  shift
  for name in "$@"; do
    [[ $project != "$(project_of "$name")" ]] || return 0
  done
  return 1
}

test_project() {
  local project=$1 started=$SECONDS status=0
  say "== Test $(basename "$project" .csproj)"
  dotnet_test "$@" >&2 || status=$?
  count_project "$project" $status $(($# - 1))
  say "   $((SECONDS - started)) s"
}

dotnet_test() {
  local project=$1
  shift
  ${instead:-} dotnet test "$project" -c Release --no-build --nologo --results-directory "$results" \
    --logger "trx;LogFileName=$(basename "$project" .csproj).trx" --logger "console;verbosity=minimal" \
    --blame-hang --blame-hang-timeout 5m --blame-hang-dump-type none "$@"
}

# A test host that dies, hangs or finds no test counts as one failure, whatever its report says.
count_project() {
  local name status=$2 arguments=$3 before=$failed ran=$((passed + failed))
  name=$(basename "$1" .csproj)
  count_results "$results/$name.trx"
  if ((status != 0 && failed == before)); then
    say "   $name ended with code $status and no failed test: the test host crashed or hung"
    failed=$((failed + 1))
  elif ((arguments == 0 && passed + failed == ran)); then
    say "   $name ran no test"
    failed=$((failed + 1))
  fi
}

count_results() {
  [[ -f $1 ]] || return 0
  local counters
  counters=$(grep -o '<Counters [^>]*' "$1" || true)
  passed=$((passed + $(counter passed "$counters")))
  failed=$((failed + $(counter failed "$counters") + $(counter error "$counters")))
  failed=$((failed + $(counter timeout "$counters") + $(counter aborted "$counters")))
  skipped=$((skipped + $(counter total "$counters") - $(counter executed "$counters")))
}

counter() {
  local value
  value=$(sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$2")
  printf '%s' "${value:-0}"
}

# ---- installing what is missing ---------------------------------------------------------------

setup_for_run() {
  check_dotnet
  has_library libmsquic.so.2 || install_ngtcp2
}

# The neighbours of macula load peers: those that are not to be had it tells, with the reason, and measures the others.
setup_for_load() {
  install_servers nats-server mosquitto ||
    say "nats-server and mosquitto could not be installed; the load goes on, and peers leaves out those that are missing."
}

# The tests use ngtcp2 also where libmsquic is, and two QUICs that nobody here wrote: ngtcp2's own programs, and quiche.
setup_for_test() {
  install_ngtcp2
  install_ngtcp2_programs
  install_servers nats-server mosquitto
  [[ -f $interop/package.json ]] || return 0
  command -v node >/dev/null || install_packages "" nodejs
  command -v npm >/dev/null || install_packages "" npm
  [[ $interop/node_modules/.package-lock.json -nt $interop/package-lock.json ]] && return 0
  say "Installing the npm packages of tests/interop-quiche ..."
  npm ci --prefix "$interop" --no-audit --no-fund --loglevel=error >&2
}

check_dotnet() {
  command -v dotnet >/dev/null ||
    die "there is no .NET SDK; install version 10 from https://dotnet.microsoft.com/download/dotnet/10.0"
  (cd "$root" && dotnet --version >/dev/null 2>&1) ||
    die "this needs the .NET SDK 10.0.100 or later 10.0; found: $(cd / && dotnet --list-sdks | tr '\n' ' ')"
}

has_library() { [[ $(ldconfig -p 2>/dev/null) == *"$1 "* ]]; }

install_ngtcp2() {
  has_library libngtcp2.so.16 && has_library libngtcp2_crypto_gnutls.so.8 && return 0
  if ! command -v apt-get >/dev/null; then
    say "There is no apt-get here: install ngtcp2 1.11 or later with its GnuTLS helper, or libmsquic, by hand."
    return 0
  fi

  local suite
  suite=$(ngtcp2_suite)
  [[ -z $suite ]] || add_suite "$suite"
  install_packages "$suite" libngtcp2-16 libngtcp2-crypto-gnutls8
}

install_ngtcp2_programs() {
  command -v gtlsclient >/dev/null && command -v gtlsserver >/dev/null && return 0
  if ! command -v apt-get >/dev/null; then
    say "There is no apt-get here: install gtlsclient and gtlsserver, of ngtcp2's examples, by hand."
    return 0
  fi

  local suite
  suite=$(ngtcp2_suite)
  [[ -z $suite ]] || add_suite "$suite"
  install_quietly "$suite" ngtcp2-client ngtcp2-server
}

# Where Debian has ngtcp2 1.11; nothing: in its own suite.
ngtcp2_suite() { [[ $(os_release VERSION_CODENAME) != bookworm ]] || printf bookworm-backports; }

os_release() { (. /etc/os-release 2>/dev/null && printf '%s' "${!1:-}"); }

# Debian 12's own ngtcp2 is 0.12, another ABI; its backports carry the one of Debian 13.
add_suite() {
  grep -rqsE "^[^#]*$1" --include='*.list' --include='*.sources' /etc/apt && return 0
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  say "Adding the Debian suite $1 ..."
  as_root sh -c "echo 'deb [signed-by=$keyring] http://deb.debian.org/debian $1 main' > /etc/apt/sources.list.d/$1.list"
  as_root apt-get update -qq >&2
}

# Servers that the load and the tests start themselves; package and program have one name.
install_servers() {
  local server missing=()
  for server in "$@"; do
    command -v "$server" >/dev/null || missing+=("$server")
  done
  ((${#missing[@]} > 0)) || return 0
  if ! command -v apt-get >/dev/null; then
    say "There is no apt-get here: install ${missing[*]} by hand."
    return 0
  fi

  install_quietly "" "${missing[@]}"
}

# Packages that come with a service, which nobody asked for: it is started neither now nor at boot.
install_quietly() {
  (
    suite=$1 policy=/usr/sbin/policy-rc.d
    shift
    if [[ ! -e $policy ]]; then
      trap 'as_root rm -f "$policy"' EXIT
      as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
    fi
    # Where a failure is taken care of, set -e does not see it.
    install_packages "$suite" "$@" || exit
    mapfile -t services < <(dpkg -L "$@" | sed -n 's|.*/systemd/system/\([^/]*\.service\)$|\1|p')
    ((${#services[@]} == 0)) || ! command -v systemctl >/dev/null ||
      as_root systemctl --quiet disable "${services[@]}" >&2 || true
  )
}

install_packages() {
  local suite=$1 options=(-y -qq --no-install-recommends)
  shift
  [[ -z $suite ]] || options+=(-t "$suite")
  say "Installing the Debian packages $* ..."
  known_packages "$suite" "$@" || as_root apt-get update -qq >&2
  apt_install "${options[@]}" "$@" && return 0
  say "That failed; apt's lists may be out of date. Once more with new ones ..."
  as_root apt-get update -qq >&2
  apt_install "${options[@]}" "$@"
}

apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install "$@" >&2; }

# Whether apt's lists, which bare images come without, name every package.
known_packages() {
  local suite=$1 package
  shift
  [[ -z $suite || $(apt-cache policy 2>/dev/null) == *"$suite"* ]] || return 1
  for package in "$@"; do
    apt-cache show "$package" >/dev/null 2>&1 || return 1
  done
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
    sudo "$@"
  else
    die "only an administrator can install that; run this as root, then start again:
  $(quoted "$@")"
  fi
}

# A command as one would type it.
quoted() {
  local word line=""
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./=-]+$ ]] || word="\"$word\""
    line+="$word "
  done
  printf '%s' "$line"
}

main "$@"
