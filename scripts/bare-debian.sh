#!/usr/bin/env bash
# Proves the README's commands in a bare Debian 12: debootstrap minbase + python3, make, git, then a fresh clone.
# Root only. Usage:
#   scripts/bare-debian.sh DIR [COMMAND...]     default COMMAND: make doctor
#   MIRROR=URL of a mirror (default: debootstrap's own)  SUITE=bookworm  REF=HEAD
#   COPY="/etc/apt/apt.conf.d/95proxy /etc/pip.conf"  files of this machine that it needs to reach its mirrors
# The tree stays for a second run; the clone is made anew each time unless KEEP=1.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
tree=${1:?usage: scripts/bare-debian.sh DIR [COMMAND...]}
shift
if [ $# = 0 ]; then set -- make doctor; fi
if [ "$(id -u)" != 0 ]; then echo "bare-debian: debootstrap and chroot need root" >&2; exit 3; fi
command -v debootstrap >/dev/null || { echo "bare-debian: apt-get install debootstrap" >&2; exit 3; }

if [ ! -x "$tree/bin/sh" ]; then
    debootstrap --variant=minbase "${SUITE:-bookworm}" "$tree" ${MIRROR:+"$MIRROR"} >/dev/null
fi
for file in /etc/resolv.conf /etc/hosts ${COPY:-}; do
    mkdir -p "$tree$(dirname "$file")"
    cp -rL "$file" "$tree$(dirname "$file")/"
done

mounted=()
cleanup() {
    for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount "${mounted[i]}" || umount -l "${mounted[i]}"; done
}
trap cleanup EXIT
attach() { # TYPE-OR-BIND SOURCE TARGET
    mkdir -p "$tree$3"
    if [ "$1" = bind ]; then mount --bind "$2" "$tree$3"; else mount -t "$1" "$2" "$tree$3"; fi
    mounted+=("$tree$3")
}
attach proc proc /proc
for device in null zero random urandom full tty; do
    [ -e "$tree/dev/$device" ] || cp -a "/dev/$device" "$tree/dev/$device"
done
attach tmpfs tmpfs /dev/shm

# A bare tree: no locale, no HOME of ours, no variables of this machine but pip's own.
settings=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb)
while IFS= read -r pair; do settings+=("$pair"); done < <(env | grep '^PIP_' || true)
inside() { chroot "$tree" /usr/bin/env -i "${settings[@]}" "$@"; }

inside sh -c 'command -v python3 && command -v make && command -v git' >/dev/null ||
    inside sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 make git >/dev/null'
if [ -z "${KEEP:-}" ] || [ ! -d "$tree/srv/ioc-console" ]; then
    rm -rf "$tree/srv/ioc-console"
    git -c safe.directory='*' clone -q --no-hardlinks "$here" "$tree/srv/ioc-console"
    git -c safe.directory='*' -C "$tree/srv/ioc-console" checkout -q "${REF:-HEAD}"
fi
size_mb() { du -smx "$tree" 2>/dev/null | cut -f1 || true; }
before=$(size_mb)
started=$(date +%s)
status=0
inside sh -c 'cd /srv/ioc-console && exec "$@"' sh "$@" || status=$?
echo "bare-debian: '$*' ended with $status after $(($(date +%s) - started)) s; the tree grew from ${before} to $(size_mb) MB"
exit "$status"
