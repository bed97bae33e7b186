#!/usr/bin/env bash
# Usage: check_rooms.sh [FOLDER]
#
# Checks the rules of the house (docs/architecture.md) in the tree below FOLDER (default: this
# project): who may include whom, which room may include which library, how long a file may be, how
# it begins, and words that say a thing is unfinished. Prints one line for each breach; exit code 1
# when there is one.
set -euo pipefail

top=$(cd "${1:-$(dirname "$0")/../..}" && pwd -P)
cd "$top"
breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT

# Every source file below the folders that exist.
list_sources() {
  local folders=() folder
  for folder in "$@"; do
    if [[ -d $folder ]]; then folders+=("$folder"); fi
  done
  find "${folders[@]}" -name node_modules -prune -o -name '*.[ch]' -type f -print | sort
}

# A room includes only from itself or from a lower floor, and always by the path from src/.
check_includes() {
  # shellcheck disable=SC2046 # file names of this project have no spaces
  { grep -nE '^[[:space:]]*#[[:space:]]*include' $(list_sources src) /dev/null || true; } | awk '
    BEGIN {
      split("base:0 loop:1 http:2 fetch:2 pg:2 auth:3 migrate:3 aws:3 telemetry:3 messages:4 sync:4 lambda:4 users:4 " \
            "routes:5 commands:6 main:7", pairs, " ")
      for (i in pairs) { split(pairs[i], pair, ":"); floor[pair[1]] = pair[2] }
      owner["microhttpd.h"] = "http"
      owner["libpq-fe.h"] = "pg"
      owner["curl/curl.h"] = "fetch"
      owner["jwt.h"] = "auth"
    }
    # The room that a path below src/ belongs to.
    function room_of(path, parts) {
      split(path, parts, "/")
      if (parts[1] == "lib") return parts[2]
      return parts[1] == "main.c" ? "main" : parts[1]
    }
    function complain(what) { print place ": " what }
    {
      match($0, /^[^:]*:[0-9]+:/)
      place = substr($0, 1, RLENGTH - 1)
      text = substr($0, RLENGTH + 1)
      path = place
      sub(/^src\//, "", path)
      sub(/:[0-9]+$/, "", path)
      room = room_of(path)
      if (!match(text, /["<][^">]+[">]/)) next
      name = substr(text, RSTART + 1, RLENGTH - 2)
      if (substr(text, RSTART, 1) == "<") {
        if (name in owner && owner[name] != room)
          complain("<" name "> belongs to the room " owner[name])
        next
      }
      target = room_of(name)
      if (!(room in floor)) complain("the room " room " has no floor in bin/lib/check_rooms.sh")
      else if (!(target in floor)) complain("\"" name "\" is no path from src/ into a room")
      else if (target != room && floor[target] >= floor[room])
        complain(room " may not include " target ", which is no lower floor")
    }'
}

# One concept a file: shorter than 600 lines, and the first line says its name and what it is.
check_files() {
  local file
  list_sources src tests | while read -r file; do
    awk -v file="$file" -v name="${file##*/}" '
      NR == 1 && index($0, "/* " name ": ") != 1 { print file ":1: begins not with \"/* " name ": \"" }
      END { if (NR >= 600) print file ": " NR " lines; 599 are the most" }' "$file"
  done
}

# Brackets keep this file from finding itself.
check_words() {
  local folder
  for folder in src bin db cmake; do
    if [[ -d $folder ]]; then
      grep -rnIiE 'T[O]DO|F[I]XME|X[X]X|not i[m]plemented|un[i]mplemented|place[h]older' "$folder" || true
    fi
  done
}

{
  check_includes
  check_files
  check_words
} >"$breaches"
cat "$breaches"
[[ ! -s $breaches ]]
