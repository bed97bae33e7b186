# postgres.sh: a private Postgres for development (private_postgres.py): its own data folder, a Unix
# socket that only its owner may open, and a random free port on 127.0.0.1 that asks for a password.
# Sourced after common.sh, with `state` set to the folder that remembers it (bin/dev: .dev).
#
# Postgres refuses to run as root: there it runs as the user postgres, in a folder of its own when
# that user cannot reach the project.
# shellcheck shell=bash

: "${project:?source common.sh first}" "${state:?the folder that remembers the cluster}"
pg_bin=/usr/lib/postgresql/15/bin
pg_pid=''
private_postgres=(/usr/bin/python3 -B "$project/bin/lib/private_postgres.py")

# Runs a command as the user that owns the cluster. Not in the project's folder: postgres may not
# be able to enter it.
as_postgres() {
  if ((EUID == 0)); then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups --reset-env "$@")
  else
    (cd / && "$@")
  fi
}

# port_is_taken PORT: somebody listens on it, on whatever address.
port_is_taken() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$(printf ':%04X' "$1")" '
      $4 == "0A" && substr($2, length($2) - 4) == port { taken = 1 }
      END { exit !taken }'
}

free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    if ! port_is_taken "$port"; then
      echo "$port"
      return
    fi
  done
  fail 'found no free port between 20000 and 32000'
}

# url_encode PATH: percent-encodes all but slashes and what needs none.
url_encode() {
  local LC_ALL=C text=$1 i byte
  for ((i = 0; i < ${#text}; i++)); do
    byte=${text:i:1}
    case $byte in
    [a-zA-Z0-9._~/-]) printf '%s' "$byte" ;;
    *) printf '%%%02X' "$(($(printf '%d' "'$byte") & 255))" ;;
    esac
  done
}

# own_folder FOLDER: makes it, for the cluster's owner alone.
own_folder() {
  mkdir -p "$1"
  chmod 700 "$1"
  if ((EUID == 0)); then chown postgres: "$1"; fi
}

# Sets pg_home, where the cluster lives, and remembers it.
choose_pg_home() {
  pg_home=$state/postgres
  if [[ -s $state/postgres_home ]]; then
    pg_home=$(<"$state/postgres_home")
  elif ((EUID == 0)) && ! as_postgres test -x "$state"; then
    pg_home=$(mktemp -d --tmpdir=/var/tmp --suffix=.cruddur-dev)
  fi
  if [[ -d $pg_home/data && ! -O $pg_home/data ]] && ((EUID != 0)); then
    fail "$pg_home belongs to another user (bin/dev ran as root?); remove it as that user, then run this again"
  fi
  own_folder "$pg_home"
  echo "$pg_home" >"$state/postgres_home"
}

# Sets pg_socket, the socket's folder. A socket's path has 107 bytes at most, name included.
choose_pg_socket() {
  local LC_ALL=C name=.s.PGSQL.00000.lock
  local longest=$pg_home/$name
  pg_socket=$pg_home
  if ((${#longest} <= 107)); then return; fi
  local base=${XDG_RUNTIME_DIR:-/tmp}
  if ((EUID == 0)) || [[ ! -w $base ]]; then base=/tmp; fi
  pg_socket=$(mktemp -d --tmpdir="$base" --suffix=.cruddur)
  own_folder "$pg_socket"
}

make_pg_cluster() {
  if [[ -s $pg_home/data/PG_VERSION ]]; then return; fi
  say 'Making a private Postgres cluster'
  (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$pg_home/password")
  if ((EUID == 0)); then chown postgres: "$pg_home/password"; fi
  if ! "${private_postgres[@]}" make "$pg_home" --username=cruddur --auth-local=trust \
    --auth-host=scram-sha-256 --pwfile="$pg_home/password" >"$state/initdb.log" 2>&1; then
    tail -n 20 "$state/initdb.log" >&2
    fail 'initdb failed, see above'
  fi
}

# Ends a cluster that outlived an earlier run: this one starts as our own child.
stop_stray_postgres() {
  if as_postgres "$pg_bin/pg_ctl" status -D "$pg_home/data" >/dev/null 2>&1; then
    say 'Stopping the Postgres that an earlier run left'
    as_postgres "$pg_bin/pg_ctl" stop -D "$pg_home/data" -m fast -w >/dev/null
  fi
}

# Starts the cluster as a child that gets no Ctrl-C of the terminal's and ends with this script.
launch_postgres() {
  (
    cd /
    exec setsid "${private_postgres[@]}" run "$pg_home" "$pg_socket" "$pg_port" \
      listen_addresses=127.0.0.1 unix_socket_permissions=0700 timezone=UTC
  ) >"$state/postgres.log" 2>&1 </dev/null 9>&- &
  pg_pid=$!
}

# Waits until it answers; fails when it ended or is too slow.
await_postgres() {
  for _ in {1..300}; do
    if "$pg_bin/pg_isready" --quiet -h "$pg_socket" -p "$pg_port" -U cruddur -d postgres; then
      return 0
    fi
    kill -0 "$pg_pid" 2>/dev/null || break
    sleep 0.1
  done
  return 1
}

# start_postgres: the whole of it. Sets CONNECTION_URL for the database cruddur.
start_postgres() {
  choose_pg_home
  choose_pg_socket
  make_pg_cluster
  stop_stray_postgres
  for attempt in 1 2 3; do # somebody may take the port between the look and the start
    pg_port=$(free_port)
    launch_postgres
    if await_postgres; then break; fi
    stop_postgres
    if ((attempt == 3)); then
      tail -n 20 "$state/postgres.log" >&2
      fail 'Postgres did not start, see above'
    fi
  done
  local user=postgresql://cruddur
  CONNECTION_URL="$user@/cruddur?host=$(url_encode "$pg_socket")&port=$pg_port"
  export CONNECTION_URL
  (
    umask 077
    echo "$CONNECTION_URL" >"$state/connection_url"
    echo "$user:$(<"$pg_home/password")@127.0.0.1:$pg_port/cruddur" >"$state/connection_url_tcp"
  )
}

# Ends the cluster at once but cleanly; harmless when it does not run.
stop_postgres() {
  if [[ -z $pg_pid ]]; then return; fi
  kill -INT "$pg_pid" 2>/dev/null || true
  wait "$pg_pid" 2>/dev/null || true
  pg_pid=''
  if [[ $pg_socket != "$pg_home" ]]; then rm -rf "$pg_socket"; fi
}
