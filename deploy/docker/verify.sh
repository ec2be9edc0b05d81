#!/bin/sh
# Runs a program inside the root file system that assemble.sh makes of it, as the image would: as
# a user without rights, with nothing else there. Needs root, for chroot; no Docker.
#
#   verify.sh PROGRAM [ARGUMENT ...]        (default argument: version)
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 PROGRAM [ARGUMENT ...]" >&2
    exit 2
fi
program=$1
shift
[ $# -gt 0 ] || set -- version

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
root=$work/root
"$(dirname "$0")/assemble.sh" "$program" "$root"

for shell in bin/sh bin/bash usr/bin/sh usr/bin/bash usr/bin/env; do
    if [ -e "$root/$shell" ]; then
        echo "error: /$shell is in the image" >&2
        exit 1
    fi
done
if [ -n "$(find "$root" -perm /6000 -print -quit)" ]; then
    echo "error: a file of the image changes its user or group" >&2
    exit 1
fi

du -sh "$root" | awk '{print "image   " $1}'
(cd "$root" && find . -type f | sort | sed 's/^\./file    /')
exec_in="/usr/local/bin/$(basename "$program")"
env -i "$(command -v chroot)" --userspec=65532:65532 "$root" "$exec_in" "$@"
