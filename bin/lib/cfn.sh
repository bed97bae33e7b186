# cfn.sh: the settings of aws/cfn/*/config.toml, calls of the AWS command line, and the deployment of
# a stack. Sourced after common.sh.
# shellcheck shell=bash

: "${project:?source common.sh first}"

# What is read of TOML: [section], key = 'text' | "text without escapes" | number | true | false, and
# comments. Anything else is refused with its line.
declare -A settings=()

# read_config FILE: sets settings[section.key]. Later files of one run replace earlier values.
read_config() {
  local file=$1 pairs key value
  [[ -r $file ]] || fail "there is no $file; name one with --config FILE" 2
  pairs=$(awk -v shown="${file#"$project"/}" '
    function refuse(what) { print shown ":" NR ": " what > "/dev/stderr"; bad = 1; exit 2 }
    { sub(/\r$/, "") }
    /^[[:space:]]*(#.*)?$/ { next }
    match($0, /^[[:space:]]*\[[A-Za-z0-9_-]+\][[:space:]]*(#.*)?$/) {
      section = $0
      sub(/^[[:space:]]*\[/, "", section); sub(/\].*$/, "", section)
      next
    }
    !/^[[:space:]]*[A-Za-z0-9_-]+[[:space:]]*=/ { refuse("neither [section] nor key = value: " $0) }
    {
      key = $0; sub(/^[[:space:]]*/, "", key); sub(/[[:space:]]*=.*$/, "", key)
      value = $0; sub(/^[^=]*=[[:space:]]*/, "", value)
      if (match(value, /^\047[^\047]*\047[[:space:]]*(#.*)?$/)) {
        sub(/^\047/, "", value); sub(/\047[[:space:]]*(#.*)?$/, "", value)
      } else if (match(value, /^"[^"\\]*"[[:space:]]*(#.*)?$/)) {
        sub(/^"/, "", value); sub(/"[[:space:]]*(#.*)?$/, "", value)
      } else if (match(value, /^(-?[0-9]+(\.[0-9]+)?|true|false)[[:space:]]*(#.*)?$/)) {
        sub(/[[:space:]]*(#.*)?$/, "", value)
      } else refuse("the value of " key " is no \047text\047, number, true or false")
      if (section == "") refuse(key " stands in no [section]")
      if (section "." key in seen) refuse(key " stands there twice")
      seen[section "." key] = 1
      print section "." key "=" value
    }' "$file") || fail 'mend the line above' 2
  while IFS='=' read -r key value; do
    if [[ -n $key ]]; then settings[$key]=$value; fi
  done <<<"$pairs"
  config_file=${file#"$project"/}
}

# need SECTION.KEY: prints a setting that must not be empty.
need() {
  if [[ -z ${settings[$1]:-} ]]; then
    fail "$config_file: ${1#*.} (in [${1%%.*}]) is empty; fill it in, docs/production.md says with what" 2
  fi
  printf '%s' "${settings[$1]}"
}

# read_service_config: the settings of the backend's service; sets account, region, registry and
# repository, and what the names below say. --config FILE of read_options names another file.
read_service_config() {
  read_config "${config_option:-$project/aws/cfn/service/config.toml}"
  account=$(need deploy.account)
  region=$(need deploy.region)
  [[ $account =~ ^[0-9]{12}$ ]] || fail "$config_file: account must be 12 digits, not '$account'" 2
  registry=$account.dkr.ecr.$region.amazonaws.com
  repository=$(need parameters.RepositoryName)
  cluster=$(need parameters.ClusterName)
  service=$(need parameters.ServiceName)
  # shellcheck disable=SC2034 # not every script uses it
  parameter_prefix=$(need parameters.ParameterPrefix)
}

# The tag of an image built from what is checked out: the commit, with -dirty where files differ.
image_tag() {
  local tag
  if [[ -n ${IMAGE_TAG:-} ]]; then
    tag=$IMAGE_TAG
  elif [[ -n ${CODEBUILD_RESOLVED_SOURCE_VERSION:-} ]]; then
    tag=${CODEBUILD_RESOLVED_SOURCE_VERSION:0:12}
  else
    tag=$(git -C "$project" describe --always --dirty --abbrev=12 --exclude '*') ||
      fail 'this is no git checkout; name the image with IMAGE_TAG=…' 2
  fi
  [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || fail "'$tag' is no tag of an image" 2
  printf '%s' "$tag"
}

image_uri() {
  local tag
  tag=$(image_tag) || exit # a function in $(…) does not end by itself
  printf '%s/%s:%s' "$registry" "$repository" "$tag"
}

# --- Options that the scripts share ---

dry_run=false
execute=false
config_option=''
arguments=()

# read_options ARGUMENT…: --help, --config FILE, --dry-run unless the script says `takes_dry_run=false`,
# --execute where it says `takes_execute=true`; what is left goes to `arguments`, and everything after
# -- as it is.
read_options() {
  while (($# > 0)); do
    case $1 in
    --help | -h)
      print_help
      exit 0
      ;;
    --dry-run)
      if ! ${takes_dry_run:-true}; then usage_error "unknown option '--dry-run'"; fi
      dry_run=true
      ;;
    --execute)
      if ! ${takes_execute:-false}; then usage_error "unknown option '--execute'"; fi
      execute=true
      ;;
    --config)
      (($# > 1)) || usage_error '--config needs a file'
      config_option=$2
      shift
      ;;
    --)
      shift
      arguments+=("$@")
      break
      ;;
    *) arguments+=("$1") ;;
    esac
    shift
  done
}

no_more_arguments() {
  if ((${#arguments[@]} > 0)); then usage_error "unknown argument '${arguments[0]}'"; fi
}

# --- Commands ---

need_aws() {
  have aws || fail 'the AWS command line is missing: apt-get install awscli, or https://aws.amazon.com/cli'
}

# ask COMMAND…: aws, for what only reads; runs with --dry-run too.
ask() {
  need_aws
  aws --region "$region" --no-cli-pager "$@"
}

# change COMMAND…: runs what changes something; with --dry-run it is printed instead.
change() {
  if $dry_run; then
    printf 'would run:' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
  else
    "$@"
  fi
}

# change_aws COMMAND…: the same for aws.
change_aws() {
  if ! $dry_run; then need_aws; fi
  change aws --region "$region" --no-cli-pager "$@"
}

# --- Stacks ---

# json_string TEXT: a JSON string; the texts of settings have no control characters.
json_string() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# write_parameters FILE: the settings of [parameters] for --parameter-overrides.
write_parameters() {
  local key value comma='' pairs=()
  for key in "${!settings[@]}"; do
    if [[ $key == parameters.* ]]; then
      value=$(need "$key")
      pairs+=("${key#parameters.}=$value")
    fi
  done
  {
    printf '['
    while IFS= read -r key; do
      printf '%s\n  %s' "$comma" "$(json_string "$key")"
      comma=,
    done < <(printf '%s\n' "${pairs[@]}" | sort)
    printf '\n]\n'
  } >"$1"
}

# deploy_stack NAME: makes the change set of the stack of aws/cfn/NAME with the settings read so far; with
# --execute it is carried out as well. Nothing to change is no failure. With --dry-run the parameters
# are shown.
deploy_stack() {
  local name=$1 stack options=(--no-execute-changeset)
  if $execute; then options=(--no-fail-on-empty-changeset); fi
  stack=$(need deploy.stack_name)
  region=$(need deploy.region)
  parameter_file=$(mktemp) # mode 0600
  trap 'rm -f "$parameter_file"' EXIT
  write_parameters "$parameter_file"
  if $dry_run; then
    printf 'parameters: %s\n' "$(<"$parameter_file")" >&2
  else
    say "The stack $stack"
  fi
  change_aws cloudformation deploy --stack-name "$stack" --template-file "$project/aws/cfn/$name/template.yaml" \
    --capabilities CAPABILITY_NAMED_IAM --tags project=cruddur \
    --parameter-overrides "file://$parameter_file" "${options[@]}"
}

# stack_output NAME: an output of the service's stack.
stack_output() {
  local value stack
  stack=$(need deploy.stack_name) || exit
  value=$(ask cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]" --output text) || exit 5
  if [[ -z $value || $value == None ]]; then
    fail "the stack $stack has no output $1; deploy it with bin/cfn/service" 1
  fi
  printf '%s' "$value"
}

# service_value FIELD: what the service has, by a JMESPath below services[0].
service_value() {
  ask ecs describe-services --cluster "$cluster" --services "$service" --query "services[0].$1" --output text
}

# running_image: the image that the service runs, or nothing when there is no service yet.
running_image() {
  local definition image
  definition=$(service_value taskDefinition 2>/dev/null) || return 0
  if [[ -z $definition || $definition == None ]]; then return 0; fi
  image=$(ask ecs describe-task-definition --task-definition "$definition" --output text \
    --query "taskDefinition.containerDefinitions[?name=='backend'].image | [0]") || return 0
  if [[ $image != None ]]; then printf '%s' "$image"; fi
}

# container_tool: docker, podman or buildah, whichever is there.
container_tool() {
  local tool
  if [[ -n ${CONTAINER_TOOL:-} ]]; then
    printf '%s' "$CONTAINER_TOOL"
    return
  fi
  for tool in "$@"; do
    if have "$tool"; then
      printf '%s' "$tool"
      return
    fi
  done
  fail "none of $* is there; install one, for example: apt-get install buildah"
}
