# common.sh: what the scripts of bin/ share: where the project is, how to say things, how to build.
# Sourced, never run. Needs bash; sets `project`, the project's top folder, and `script`, the script's
# path from there.
# shellcheck shell=bash

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
script=$(realpath "$0")
script=${script#"$project"/}

# shellcheck disable=SC2034 # not every script uses every colour
if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\033[1m' red=$'\033[31m' green=$'\033[32m' plain=$'\033[0m'
else
  bold='' red='' green='' plain=''
fi

# Progress and errors go to stderr, so that stdout holds only what was asked for.
say() {
  printf '%s\n' "${bold}==>${plain} $*" >&2
}

# fail MESSAGE [EXIT_CODE]: says what is wrong and what to do next, and ends the script. Exit codes
# are those of docs/exit-codes.md.
fail() {
  printf '%s\n' "${red}$script: $1${plain}" >&2
  exit "${2:-1}"
}

# Prints the comment block at the top of the calling script: its help.
print_help() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# usage_error MESSAGE: a wrong flag or argument.
usage_error() {
  fail "$1; '$script --help' tells more" 2
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Runs a command as root: directly, or with sudo.
as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

# configure FOLDER [CMAKE OPTION…]: configures build/FOLDER, from scratch when it came from another place.
configure() {
  local folder=$project/build/$1 fresh=()
  shift
  local cache=$folder/CMakeCache.txt
  if [[ -e $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$project" "$cache"; then
    fresh=(--fresh)
  fi
  cmake "${fresh[@]}" -G Ninja -S "$project" -B "$folder" "$@" >/dev/null # what is wrong goes to stderr
}

# sanitizer_environment KIND: settings that make a sanitizer's finding end the process.
sanitizer_environment() {
  case $1 in
  address)
    export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
    ;;
  thread)
    export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}"
    ;;
  esac
}
