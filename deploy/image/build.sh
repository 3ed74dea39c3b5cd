#!/bin/sh
# build.sh - fills a folder with the root file system of ferula's image: the program, the shared
# libraries that it is linked with, the loader, an empty data folder for user 65534.
#
#     deploy/image/build.sh FOLDER
#
# libcurl is left out: `ferula query` and `ferula push` are for the outside.
set -eu
[ $# = 1 ] || { echo "usage: build.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

tools/setup build
make --no-print-directory ferula
mkdir -p "$out/usr/bin" "$out/etc" "$out/data" "$out/tmp"
cp build/release/ferula "$out/usr/bin/ferula"
strip "$out/usr/bin/ferula"
ldd build/release/ferula | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/[^ ]*ld-linux[^ ]*\) .*|\1|p' |
    while read -r library; do
        mkdir -p "$out$(dirname "$library")"
        cp -L "$library" "$out$library"
    done
echo 'nobody:x:65534:65534:nobody:/:/bin/false' >"$out/etc/passwd"
echo 'nogroup:x:65534:' >"$out/etc/group"
chmod 755 "$out"
chmod 1777 "$out/tmp"
if [ "$(id -u)" = 0 ]; then chown 65534:65534 "$out/data"; fi
echo "image root in $out: $(du -sh "$out" | cut -f 1)"
