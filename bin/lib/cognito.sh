# cognito.sh: which Cognito user pool the scripts mean. Sourced after common.sh.
# shellcheck shell=bash

: "${project:?source common.sh first}"

# choose_cognito PRODUCTION: true means AWS with the credentials, the region and the pool of the
# environment; false an emulator: AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER, AWS_ENDPOINT_URL, that
# of bin/dev --aws, or port 9229 of this machine, whose pool bin/dev --aws remembers.
choose_cognito() {
  if $1; then
    unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER
    return
  fi
  local endpoint=${AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER:-${AWS_ENDPOINT_URL:-}}
  if [[ -z $endpoint && -s $project/.dev/cognito_url ]]; then
    endpoint=$(<"$project/.dev/cognito_url")
  fi
  if [[ -z ${AWS_COGNITO_USER_POOL_ID:-} && -s $project/.dev/cognito_pool_id ]]; then
    AWS_COGNITO_USER_POOL_ID=$(<"$project/.dev/cognito_pool_id")
    export AWS_COGNITO_USER_POOL_ID
  fi
  export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=${endpoint:-http://127.0.0.1:9229}
  export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-ca-central-1}
  # Emulators take any credentials, but want some.
  export AWS_EC2_METADATA_DISABLED=true
  if [[ -z ${AWS_ACCESS_KEY_ID:-} ]]; then
    export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  fi
}
