# dynamodb.sh: what the scripts of bin/ddb share: which DynamoDB is meant, and the guard before anything
# that destroys or invents. Sourced after common.sh and database.sh.
# shellcheck shell=bash

: "${project:?source common.sh first}"

# choose_dynamodb ARGUMENT…: `prod` as the first one means AWS with the credentials and the region of
# the environment; otherwise it is an emulator: AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, that of
# bin/dev --aws, or port 8000 of this machine. Sets `table`; what is left goes to `arguments`.
choose_dynamodb() {
  table=${DDB_MESSAGE_TABLE:-cruddur-messages}
  production=false
  if [[ ${1:-} == prod ]]; then
    production=true
    shift
    unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_DYNAMODB
  fi
  arguments=()
  while (($# > 0)); do
    case $1 in
    --help | -h)
      print_help
      exit 0
      ;;
    --table)
      (($# > 1)) || usage_error '--table needs a name'
      table=$2
      shift
      ;;
    --table=*) table=${1#*=} ;;
    --force)
      if ! ${takes_force:-false}; then usage_error "unknown option '--force'"; fi
      arguments+=(--force)
      ;;
    --dry-run)
      if ! ${takes_dry_run:-false}; then usage_error "unknown option '--dry-run'"; fi
      dry_run=true
      ;;
    *) usage_error "unknown argument '$1'" ;;
    esac
    shift
  done
  if ! $production; then use_emulator; fi
  find_cruddur
}

# Emulators take any credentials, but want some.
use_emulator() {
  local endpoint=${AWS_ENDPOINT_URL_DYNAMODB:-${AWS_ENDPOINT_URL:-}}
  if [[ -z $endpoint && -s $project/.dev/dynamodb_url ]]; then
    endpoint=$(<"$project/.dev/dynamodb_url")
  fi
  export AWS_ENDPOINT_URL_DYNAMODB=${endpoint:-http://127.0.0.1:8000}
  export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-ca-central-1}
  export AWS_EC2_METADATA_DISABLED=true
  if [[ -z ${AWS_ACCESS_KEY_ID:-} ]]; then
    export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  fi
}

# confirm_table TO_DO_WHAT: with `prod` the table's name has to be typed.
confirm_table() {
  if $dry_run; then return; fi
  # shellcheck disable=SC2034 # read by confirm_production
  name=$table
  confirm_production "$1" table
}

# run_ddb OPERATION [ARGUMENT…]
run_ddb() {
  only_say "run: cruddur ddb $* --table $table"
  # shellcheck disable=SC2154 # set by find_cruddur
  "$cruddur" ddb "$@" --table "$table"
}
