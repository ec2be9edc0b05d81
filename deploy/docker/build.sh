#!/bin/sh
# Builds a program of the workspace so that it needs nothing of the system it runs on but the kernel:
# the C library is linked in.
#
#   build.sh PACKAGE PROGRAM FILE       (PROFILE=dist unless it says another)
#
# A target is named although it is this machine's, so that build scripts and macros, which run here
# and need shared libraries, are built as usual.
set -eu

if [ $# -ne 3 ]; then
    echo "usage: $0 PACKAGE PROGRAM FILE" >&2
    exit 2
fi
package=$1
program=$2
file=$3
profile=${PROFILE:-dist}
cd "$(dirname "$0")/../.."

target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
    cargo build --locked --profile "$profile" --target "$target" --package "$package" --bin "$program"
built=${CARGO_TARGET_DIR:-target}/$target/$profile/$program

# glibc's own words for a program without a loader.
if ldd "$built" 2>&1 | grep -qvE 'statically linked|not a dynamic executable'; then
    echo "error: $built is not static:" >&2
    ldd "$built" >&2
    exit 1
fi
objcopy --strip-debug "$built" "$file"
