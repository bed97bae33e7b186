#!/usr/bin/env bash
# Usage: collect_image.sh EXECUTABLE BASE IMAGE SYMBOLS
#
# Runs in the build stage of Dockerfile.prod. Lays out in the folder IMAGE what the production image
# adds to its base: the executable without symbols, the shared libraries it needs that the base has
# not, the certificates of the authorities (RDS's too, where bin/rds/fetch-certificates fetched them), a
# user to run as. Each library brings its licence, and
# a note of its package for scanners (/var/lib/dpkg/status.d). The symbols go to the folder SYMBOLS.
#
# BASE holds what `begin` wrote before anything was installed:  collect_image.sh begin BASE
#
#   SOURCE_DATE_EPOCH   the time of the files, in seconds (0)
set -euo pipefail

# collect_image.sh begin BASE: remembers the base's packages and users.
begin() {
  mkdir -p "$1"
  dpkg-query -W -f '${Package}\n' | sort >"$1/packages"
  cp /etc/passwd /etc/group "$1"
}

# The package that a library belongs to; it may be registered with or without /usr.
package_of() {
  local path
  path=$(readlink -f "$1")
  path=${path#/usr}
  { dpkg-query -S "/usr$path" 2>/dev/null || dpkg-query -S "$path"; } | head -n 1 | cut -d : -f 1
}

collect_executable() {
  install -D -m 0755 "$executable" "$image/usr/local/bin/cruddur"
  mkdir -p "$symbols"
  objcopy --only-keep-debug "$executable" "$symbols/cruddur.debug"
  strip --strip-all --remove-section=.comment "$image/usr/local/bin/cruddur"
}

# Paths of the libraries that the loader finds for the executable.
list_libraries() {
  local found
  found=$(ldd "$executable")
  if grep 'not found' <<<"$found" >&2; then exit 1; fi
  awk '$2 == "=>" { print $3 }' <<<"$found"
}

describe_package() {
  install -D -m 0644 "/usr/share/doc/$1/copyright" "$image/usr/share/doc/$1/copyright"
  mkdir -p "$image/var/lib/dpkg/status.d"
  dpkg-query -s "$1" >"$image/var/lib/dpkg/status.d/$1"
}

collect_libraries() {
  local path package
  while read -r path; do
    package=$(package_of "$path")
    if grep -qxF "$package" "$base/packages"; then continue; fi
    install -D -m 0644 "$(readlink -f "$path")" "$image/usr${path#/usr}"
    describe_package "$package"
  done < <(list_libraries)
}

collect_settings() {
  install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/ca-certificates.crt"
  local bundle=aws/rds/global-bundle.pem
  if [[ -e $bundle ]]; then install -D -m 0644 "$bundle" "$image/etc/ssl/rds/global-bundle.pem"; fi
  install -m 0644 "$base/passwd" "$base/group" "$image/etc"
  echo 'cruddur:x:65532:65532:Cruddur:/nonexistent:/usr/sbin/nologin' >>"$image/etc/passwd"
  echo 'cruddur:x:65532:' >>"$image/etc/group"
}

if [[ ${1:-} == begin && $# == 2 ]]; then
  begin "$2"
  exit
fi
if (($# != 4)); then
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi
executable=$1 base=$2 image=$3 symbols=$4
collect_executable
collect_libraries
collect_settings
find "$image" "$symbols" -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH:-0}" {} +
