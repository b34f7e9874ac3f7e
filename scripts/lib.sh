# shellcheck shell=bash
# Shared by the scripts: source it, do not run it.
#
# Everything happens on the loopback interface and below one temporary
# directory; what `start` started is stopped when the script ends, however it
# ends.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
ONRUSH="${ONRUSH:-$TARGET/release/onrush}"
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

note() {
    printf '%s\n' "$*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# --- Installing -------------------------------------------------------------

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo; then
        sudo -n "$@"
    else
        die "needs root for: $*"
    fi
}

# apt_install PACKAGE...: from Debian, without starting the services that the
# packages bring. The policy file that forbids starting is removed again, unless
# it was there before.
apt_install() (
    has apt-get || die "install by hand, then try again: $*"
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    note "installing: $*"
    local apt=(env DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -qq -o Dpkg::Use-Pty=0)
    as_root "${apt[@]}" update >&2 </dev/null
    as_root "${apt[@]}" install -y --no-install-recommends "$@" >&2 </dev/null
)

# need COMMAND[:PACKAGE]...: installs the packages of the commands, or files
# with a whole path, that are missing, in one go.
need() {
    local item missing=()
    for item in "$@"; do
        has "${item%%:*}" || [[ "$item" == /* && -e "${item%%:*}" ]] || missing+=("${item##*:}")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        apt_install "${missing[@]}"
    fi
}

# need_cargo CRATE: a command from crates.io, built with the toolchain at hand.
need_cargo() {
    has "$1" || timeout 1200 cargo install --quiet --locked "$1" >&2 </dev/null
}

# venv PACKAGE...: makes sure that target/venv holds the packages.
VENV="$TARGET/venv"
venv() {
    need python3
    if [ ! -x "$VENV/bin/pip" ]; then
        python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
        python3 -m venv "$VENV"
    fi
    local package
    for package in "$@"; do
        "$VENV/bin/pip" show --quiet "$package" >/dev/null 2>&1 || {
            note "installing into target/venv: $*"
            timeout 600 "$VENV/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 </dev/null
            return
        }
    done
}

need_onrush() {
    [ -x "$ONRUSH" ] || die "no binary at $ONRUSH: run 'cargo build --release --locked' or set ONRUSH"
}

# --- Temporary files and servers --------------------------------------------

TMP=""
PIDS=()

# begin: a temporary directory in $TMP, removed on exit together with every
# server. It is world-readable because servers give up root before they read it.
# With KEEP=1 the directory stays.
begin() {
    TMP="$(mktemp -d "${TMPDIR:-/tmp}/onrush.XXXXXX")"
    chmod 755 "$TMP"
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

finish() {
    stop_all
    if [ -n "${KEEP:-}" ]; then
        note "kept: $TMP"
    else
        rm -rf "$TMP"
    fi
}

# free_ports COUNT: that many distinct loopback ports on one line, from below
# the range that the kernel hands out to clients, so that no connection of ours
# takes one before its server does.
free_ports() {
    python3 - "$1" <<'PY'
import random
import socket
import sys

held = []
for port in random.sample(range(20000, 32000), 2000):
    if len(held) == int(sys.argv[1]):
        break
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        continue
    held.append(listener)
print(*(listener.getsockname()[1] for listener in held))
PY
}

# start NAME PORT COMMAND...: runs a server in a process group of its own, with
# its output in $TMP/NAME.out, and returns when it accepts on 127.0.0.1:PORT.
start() {
    local name=$1 port=$2
    shift 2
    setsid "$@" >"$TMP/$name.out" 2>&1 </dev/null &
    local pid=$!
    PIDS+=("$pid")
    local try
    for ((try = 0; try < 200; try++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            break
        elif (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return 0
        fi
        sleep 0.1
    done
    note "$name does not accept on port $port:"
    tail -n 20 "$TMP/$name.out" >&2
    return 1
}

stop_all() {
    local pid try
    for pid in "${PIDS[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${PIDS[@]}"; do
        for ((try = 0; try < 30; try++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    PIDS=()
}

# make_certificates DIR: ca.pem, and server.pem and client.pem with their .key,
# signed by it. The server's is good for localhost, 127.0.0.1 and ::1.
make_certificates() {
    local dir=$1 name
    mkdir -p "$dir"
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    openssl req -x509 "${key[@]}" -days 2 -subj '/CN=onrush test CA' \
        -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
    printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' 'basicConstraints=CA:FALSE' \
        'keyUsage=digitalSignature' 'extendedKeyUsage=serverAuth' >"$dir/server.ext"
    printf '%s\n' 'subjectAltName=DNS:client' 'basicConstraints=CA:FALSE' \
        'keyUsage=digitalSignature' 'extendedKeyUsage=clientAuth' >"$dir/client.ext"
    for name in server client; do
        openssl req "${key[@]}" -subj "/CN=$name" -keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null
        openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
            -days 2 -extfile "$dir/$name.ext" -out "$dir/$name.pem" 2>/dev/null
    done
    chmod 644 "$dir"/*.key
}
