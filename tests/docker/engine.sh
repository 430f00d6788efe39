#!/usr/bin/env bash
# A Docker engine for the tests that need one, on a Debian machine, by root:
#
#   export DOCKER_HOST="$(tests/docker/engine.sh up /tmp/engine)"
#   tests/docker/engine.sh down /tmp/engine
#
# `up` installs what is missing, starts an engine that keeps all it has in that folder, and prints its address. Base
# images are made of Debian packages: `python:3.11-slim-bookworm`, and `debian:bookworm-slim`, which has no Python.
# Where they can be pulled, an engine of one's own does as well, and this script is not needed.
#
# The engine has no network of its own and changes none: containers run with the host's network, or with none.
set -euo pipefail

note() { printf 'engine.sh: %s\n' "$*" >&2; }

up() { # $1: folder
  refuse_foreign "$1"
  install_packages
  start_engine "$1"
  has_image debian:bookworm-slim || make_base_image "$1" debian:bookworm-slim ca-certificates
  has_image python:3.11-slim-bookworm || make_base_image "$1" python:3.11-slim-bookworm ca-certificates,python3,python3-venv
  echo "$DOCKER_HOST"
}

down() { # $1: folder
  local engine
  refuse_foreign "$1"
  engine="$(engine_process "$1")"
  if [ -n "$engine" ]; then
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
    kill "$engine"
    until_true "the engine to end" not_running "$engine"
  fi
  umount "$1/exec/netns/default" 2>/dev/null || true # there only if the engine was killed
  rm -rf "$1"
}

# `down` removes the folder with all that is in it.
refuse_foreign() { # $1: folder
  if [ -e "$1/engine.log" ] || [ -z "$(ls -A "$1" 2>/dev/null)" ]; then return; fi
  note "$1 has files and is not the folder of an engine: name another"
  exit 2
}

install_packages() {
  local packages=()
  command -v dockerd >/dev/null || packages+=(docker.io)
  command -v debootstrap >/dev/null || packages+=(debootstrap)
  if [ "${#packages[@]}" -eq 0 ]; then return; fi
  note "installing Debian packages: ${packages[*]}"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

start_engine() { # $1: folder
  mkdir -p "$1"
  if [ -n "$(engine_process "$1")" ]; then return; fi
  note "starting the engine, its log is $1/engine.log"
  # A session of its own: it stays when the terminal is closed.
  setsid dockerd --host "$DOCKER_HOST" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/engine.pid" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    --exec-opt native.cgroupdriver=cgroupfs --storage-driver=overlay2 </dev/null >"$1/engine.log" 2>&1 &
  until_true "the engine to answer" docker version
}

make_base_image() { # $1: folder, $2: name, $3: Debian packages
  local root="$1/root"
  note "making base image $2"
  rm -rf "$root"
  debootstrap --variant=minbase --include="$3" bookworm "$root" >"$1/debootstrap.log"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/usr/share/{doc,man,locale}/*
  tar --create --directory "$root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' . |
    docker import --change 'ENV LANG=C.UTF-8' - "$2" >/dev/null
  rm -rf "$root"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

engine_process() { # $1: folder; prints nothing when no engine runs from it
  local pid
  pid="$(cat "$1/engine.pid" 2>/dev/null || true)"
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && ! not_running "$pid"; then echo "$pid"; fi
}

not_running() { # a zombie has ended, it is only not yet waited for
  case "$(awk '/^State:/ {print $2}' "/proc/$1/status" 2>/dev/null)" in "" | Z | X) ;; *) return 1 ;; esac
}

until_true() { # $1: what is waited for, then a command
  local what="$1" deadline=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ]; then note "waited 60 s for $what" && return 1; fi
    sleep 0.2
  done
}

case "${1-} ${2-}" in
  "up /"* | "down /"*)
    export DOCKER_HOST="unix://$2/docker.sock"
    "$1" "$2"
    ;;
  *)
    note "usage: tests/docker/engine.sh up|down /ABSOLUTE/FOLDER"
    exit 2
    ;;
esac
