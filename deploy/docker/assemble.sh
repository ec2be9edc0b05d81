#!/bin/sh
# Assembles the root file system of an image around one program: the program, the loader and the
# libraries it names, certificate authorities, one user. No shell, no package manager.
#
#   assemble.sh PROGRAM ROOT
#
# The libraries are those of the machine this runs on: build the program there too.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 PROGRAM ROOT" >&2
    exit 2
fi
program=$1
root=$2
certificates=${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
user=65532

for file in "$program" "$certificates"; do
    if [ ! -f "$file" ]; then
        echo "error: $file is missing" >&2
        exit 1
    fi
done
if [ -e "$root" ]; then
    echo "error: $root exists already; it would be mixed with what is in it" >&2
    exit 1
fi

install -D -m 0755 "$program" "$root/usr/local/bin/$(basename "$program")"

# A static program has none; ldd then says so and fails.
if libraries=$(ldd "$program"); then
    case $libraries in
    *"not found"*)
        echo "error: $program needs libraries that are not here:" >&2
        echo "$libraries" | grep "not found" >&2
        exit 1
        ;;
    esac
    # Each at its own path; links become files.
    echo "$libraries" | tr ' \t' '\n\n' | grep '^/' | sort -u | while read -r library; do
        install -D -m 0755 "$library" "$root$library"
    done
fi

install -D -m 0644 "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
printf 'nonroot:x:%s:%s::/nonexistent:/nonexistent\n' "$user" "$user" >"$root/etc/passwd"
printf 'nonroot:x:%s:\n' "$user" >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 0644 "$root/etc/passwd" "$root/etc/group" "$root/etc/nsswitch.conf"
mkdir -m 1777 "$root/tmp"
