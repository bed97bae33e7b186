# database.sh: what the scripts of bin/db share: which database is meant, the guards before anything
# that destroys, and where the executable is. Sourced after common.sh.
# shellcheck shell=bash

: "${project:?source common.sh first}"

force=false
dry_run=false
production=false
arguments=()

# read_arguments ARGUMENT…: `prod` as the first one, --help, --force where the script says
# `takes_force=true`, and --dry-run where it says `takes_dry_run=true`. What is left goes to `arguments`.
# Sets `url`.
read_arguments() {
  if [[ ${1:-} == prod ]]; then
    production=true
    shift
  fi
  local argument
  for argument in "$@"; do
    case $argument in
    --help | -h)
      print_help
      exit 0
      ;;
    --force)
      if ! ${takes_force:-false}; then usage_error "unknown option '--force'"; fi
      force=true
      ;;
    --dry-run)
      if ${takes_dry_run:-false}; then dry_run=true; else arguments+=("$argument"); fi
      ;;
    *) arguments+=("$argument") ;;
    esac
  done
  choose_url
}

# only_say WHAT: with --dry-run that is all that happens.
only_say() {
  if $dry_run; then
    echo "would $1" >&2
    exit 0
  fi
}

no_more_arguments() {
  if ((${#arguments[@]} > 0)); then usage_error "unknown argument '${arguments[0]}'"; fi
}

# CONNECTION_URL, with `prod` PROD_CONNECTION_URL; without either the cluster of bin/dev.
choose_url() {
  if $production; then
    url=${PROD_CONNECTION_URL:-}
    if [[ -z $url ]]; then
      fail 'PROD_CONNECTION_URL is not set; for example: export PROD_CONNECTION_URL=postgresql://user:password@host:5432/cruddur' 2
    fi
  else
    url=${CONNECTION_URL:-}
    if [[ -z $url && -s $project/.dev/connection_url ]]; then
      url=$(<"$project/.dev/connection_url")
    fi
    if [[ -z $url ]]; then
      fail 'CONNECTION_URL is not set; start bin/dev, or for example: export CONNECTION_URL=postgresql://user:password@localhost:5432/cruddur' 2
    fi
  fi
  export CONNECTION_URL=$url
}

# Splits `url` into the parts around the database's name: sets name, url_before, url_after.
split_url() {
  if [[ $url =~ ^(postgres(ql)?://[^/?]*)(/([^?]*))?(\?.*)?$ ]]; then
    url_before=${BASH_REMATCH[1]}/ url_after=${BASH_REMATCH[5]:-}
    printf -v name '%b' "${BASH_REMATCH[4]//%/\\x}"
  elif [[ $url =~ (^|[[:space:]])dbname[[:space:]]*=[[:space:]]*([^\'[:space:]]+) ]]; then
    url_before='' url_after='' name=${BASH_REMATCH[2]}
  else
    url_before='' url_after='' name=''
  fi
  if [[ -z $name ]]; then
    fail 'the connection URL names no database; for example: postgresql://user:password@localhost:5432/cruddur' 2
  fi
}

# url_of DATABASE: the same server, another database.
url_of() {
  if [[ -n $url_before ]]; then
    printf '%s' "$url_before$1$url_after"
  else
    printf '%s' "$url dbname=$1"
  fi
}

# sql URL [PSQL OPTION…]: psql without frills; an error ends it with exit code 1 or more.
sql() {
  local target=$1
  shift
  PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10} \
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$target" "$@"
}

# Sets `server`, a URL of a database of this server that is not the one in question.
choose_server_url() {
  local candidate
  for candidate in postgres template1; do
    server=$(url_of "$candidate")
    if [[ $candidate != "$name" ]] && sql "$server" --command 'SELECT' >/dev/null 2>&1; then return; fi
  done
  sql "$server" --command 'SELECT' >/dev/null || fail 'the database server cannot be reached, see above' 5
}

database_exists() {
  [[ $(sql "$server" --set name="$name" <<<"SELECT 1 FROM pg_database WHERE datname = :'name'") == 1 ]]
}

# Prints the tables that hold rows, but for the history of migrations.
tables_with_rows() {
  sql "$url" <<'SQL'
SELECT format('SELECT %L WHERE EXISTS (SELECT FROM %s)', c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND c.relname NOT IN ('schema_information', 'schema_migrations', 'schema_migrations_adopted',
                         'schema_migrations_progress')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
\gexec
SQL
}

# refuse_rows TO_DO_WHAT: ends the script when the database holds rows, unless --force was given.
refuse_rows() {
  local tables
  if $force; then return; fi
  tables=$(tables_with_rows) || fail 'the database cannot be looked at, see above; nothing was done' 5
  if [[ -n $tables ]]; then
    fail "the database $name holds rows (in ${tables//$'\n'/, }); nothing was done; add --force to $1" 4
  fi
}

# With `prod` the database's name has to be typed before anything that destroys or invents.
confirm_production() {
  local answer=''
  if ! $production; then return; fi
  printf '%s' "This is production. Type the ${2:-database}'s name to $1: " >&2
  read -r answer || true
  if [[ ! -t 0 ]]; then echo >&2; fi
  if [[ $answer != "$name" ]]; then
    fail "'$answer' is not the ${2:-database}'s name; nothing was done" 4
  fi
}

# Sets `cruddur`, the executable: CRUDDUR_BINARY, else of bin/build, else on the PATH.
find_cruddur() {
  cruddur=${CRUDDUR_BINARY:-$project/build/release/cruddur}
  if [[ -x $cruddur ]]; then return; fi
  if [[ -z ${CRUDDUR_BINARY:-} ]] && cruddur=$(command -v cruddur); then return; fi
  fail 'there is no executable yet; build it with bin/build'
}
