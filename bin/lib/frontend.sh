# frontend.sh: what the scripts of bin/frontend share: where the frontend is, and files of settings.
# Sourced, never run, after common.sh.
# shellcheck shell=bash

# The React app, beside this project unless FRONTEND_DIR says otherwise.
# shellcheck disable=SC2034 # not every script uses it
frontend=${FRONTEND_DIR:-$project/../frontend-react-js}

# read_settings FILE PREFIX: exports the NAME=value lines of FILE whose names begin with PREFIX, but
# what the environment has already. Values stand for themselves: nothing is evaluated.
read_settings() {
  local line name value number=0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    if ! [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z_0-9]*)=(.*)$ ]]; then
      fail "$1: line $number is no NAME=value"
    fi
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    if [[ $value =~ ^\"(.*)\"[[:space:]]*$ || $value =~ ^\'(.*)\'[[:space:]]*$ ]]; then
      value=${BASH_REMATCH[1]}
    fi
    if [[ $name == "$2"* && -z ${!name:-} ]]; then export "$name=$value"; fi
  done <"$1"
}
