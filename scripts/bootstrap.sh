#!/bin/sh
# Sets up what a make target needs: system packages, a Python, .venv, the pinned dependencies. Prints only
# what it does; the second run takes no time. Usage: scripts/bootstrap.sh run|dev|bench   (PYTHON=... to choose)
# POSIX sh, because a bare Debian has nothing else.
set -eu
cd "$(dirname "$0")/.."
level=${1:-run}
case $level in
    run) groups="base qt xcb"; extra=""; covered="run dev bench" ;;
    dev) groups="base qt xcb test"; extra="[dev]"; covered="dev bench" ;;
    bench) groups="base qt xcb test bench"; extra="[dev]"; covered="bench" ;;
    *) echo "bootstrap: unknown level '$level' (run, dev, bench)" >&2; exit 2 ;;
esac
venv=${VENV:-.venv}

say() { echo "setup: $*" >&2; }

# -- system packages -------------------------------------------------------------------------------------------
has_package() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

missing_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0
    for group in $groups; do
        for choice in $(sed -n "s/^$group: //p" scripts/debian-packages.txt); do
            found=""
            for name in $(echo "$choice" | tr '|' ' '); do
                if has_package "$name"; then found=yes; break; fi
            done
            [ -n "$found" ] || echo "$choice"
        done
    done
}

first_known() {  # of "a|b" the one that this release has
    for name in $(echo "$1" | tr '|' ' '); do
        if apt-cache show "$name" >/dev/null 2>&1; then echo "$name"; return; fi
    done
    echo "${1%%|*}"
}

system_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0 # not Debian: `ioc-console doctor` names what is missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        say "installing system packages (the first time takes a few minutes)"
        apt-get update -qq || say "apt-get update failed; going on with what is known"
        names=""
        for choice in $missing; do names="$names $(first_known "$choice")"; done
        # shellcheck disable=SC2086  # a list of names
        if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >build/apt.log 2>&1; then
            tail -5 build/apt.log >&2
            say "some system packages could not be installed; the whole account is in build/apt.log"
        fi
    else
        names=""
        for choice in $missing; do names="$names $(first_known "$choice")"; done
        say "these system packages are missing; going on without. To install them:"
        say "  sudo apt-get install --no-install-recommends$names"
    fi
}

# -- Python ------------------------------------------------------------------------------------------------------
suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && suits "$name"; then command -v "$name"; return 0; fi
    done
    return 1
}

stamped() { # PREFIX SUM: has this level, or one that holds it, been set up from the same files?
    for name in $covered; do
        [ "$(cat "$1$name" 2>/dev/null)" != "$2" ] || return 0
    done
    return 1
}

mkdir -p build
packages=$(cksum <scripts/debian-packages.txt | tr -d ' ')
if ! stamped build/.system-packages- "$packages"; then
    system_packages
    [ -n "$(missing_packages)" ] || echo "$packages" >"build/.system-packages-$level"
fi

if ! python=$(find_python); then
    say "this needs Python 3.11, 3.12 or 3.13, and python3 here is: $(python3 --version 2>/dev/null || echo missing)."
    say "Install one beside it (Ubuntu: sudo apt-get install python3.12 python3.12-venv; anywhere: uv python install 3.13),"
    say "then: make PYTHON=/path/to/python3.13 run"
    exit 3
fi
sum=$(cat pyproject.toml constraints.txt | cksum | tr -d ' ')
if [ -x "$venv/bin/python" ] && stamped "$venv/.set-up-" "$sum"; then exit 0; fi

if [ ! -x "$venv/bin/python" ] || ! suits "$venv/bin/python"; then
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" 2>build/venv.log; then
        tail -3 build/venv.log >&2
        say "a virtual environment cannot be made; install python3-venv: sudo apt-get install python3-venv"
        exit 3
    fi
fi
say "installing the pinned dependencies (the first time takes a few minutes)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extra"
echo "$sum" >"$venv/.set-up-$level"
say "ready"
