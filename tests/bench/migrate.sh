#!/usr/bin/env bash
# Usage: tests/bench/migrate.sh [COUNT]
#
# Applies COUNT (1000) migrations, each in its transaction, with `cruddur migrate` and with one psql,
# in alternating turns on fresh databases of a private Postgres with its settings as they come (it
# syncs each commit), and prints the medians of five turns and their ratio. More than 2 fails.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
binary=${CRUDDUR_BINARY:-$project/build/release/cruddur}
bin=/usr/lib/postgresql/15/bin
count=${1:-1000}
turns=5
if [[ $count == --help ]]; then
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
  exit 0
fi
if [[ ! -x $binary ]]; then
  echo "${0##*/}: there is no executable yet; build it with bin/build" >&2
  exit 1
fi

folder=$(mktemp -d)
chmod 755 "$folder"
prefix=()
if ((EUID == 0)); then
  chown postgres: "$folder"
  prefix=(runuser -u postgres --)
fi
stop() {
  (cd / && "${prefix[@]}" "$bin/pg_ctl" stop --silent -D "$folder/data" -m immediate) >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT
(
  cd /
  "${prefix[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  "${prefix[@]}" "$bin/pg_ctl" start --silent -w -D "$folder/data" -l "$folder/log" \
    -o "-k $folder -c listen_addresses='' -c max_connections=20" >/dev/null
)
server="host=$folder user=postgres"

mkdir "$folder/migrations"
for ((i = 0; i < count; i++)); do
  printf -v version '170000%04d0000000' "$i"
  cat >"$folder/migrations/${version}_table_$i.sql" <<SQL
-- migrate:up
CREATE TABLE table_$i (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE INDEX table_${i}_name ON table_$i (name);
INSERT INTO table_$i (name) VALUES ('first');
-- migrate:down
DROP TABLE table_$i;
SQL
  sed '/^-- migrate:down/,$d' "$folder/migrations/${version}_table_$i.sql" >"$folder/$i.sql"
  printf 'BEGIN;\n\\i %s\nCOMMIT;\n' "$folder/$i.sql"
done >"$folder/all.sql"

# milliseconds COMMAND…: how long it takes.
milliseconds() {
  local start
  start=$(date +%s%N)
  "$@" >"$folder/out" 2>&1 || {
    tail -n 5 "$folder/out" >&2
    exit 1
  }
  echo $((($(date +%s%N) - start) / 1000000))
}

fresh() {
  psql -Xq -d "$server dbname=postgres" -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench' -c CHECKPOINT 2>/dev/null
}

median() {
  sort -n | sed -n "$(((turns + 1) / 2))p"
}

export CONNECTION_URL="$server dbname=bench"
for ((turn = 0; turn < turns; turn++)); do
  fresh
  milliseconds psql -Xq -v ON_ERROR_STOP=1 -d "$CONNECTION_URL" -f "$folder/all.sql" >>"$folder/psql.times"
  fresh
  milliseconds "$binary" migrate --dir "$folder/migrations" >>"$folder/cruddur.times"
done
psql_ms=$(median <"$folder/psql.times")
cruddur_ms=$(median <"$folder/cruddur.times")
awk -v count="$count" -v psql="$psql_ms" -v cruddur="$cruddur_ms" 'BEGIN {
  ratio = cruddur / psql
  printf "%d migrations: psql %.2f s, cruddur migrate %.2f s, ratio %.2f (at most 2)\n",
         count, psql / 1000, cruddur / 1000, ratio
  exit ratio > 2
}'
