#!/bin/sh
# What both images run: snakemake with the arguments that were given, or `jointreg` where it is the first of them.
set -eu
# numba reads compiled kernels only where it may also write: a copy for each user and image. It gets its name
# when it is complete, because another run may look for it at the same time.
kernels="$HOME/.cache/jointreg/kernels-$(stat -c %Y /opt/kernels)"
if [ ! -d "$kernels" ]; then
    mkdir -p "$HOME/.cache/jointreg"
    copy=$(mktemp -d "$kernels.XXXXXX")
    cp -r /opt/kernels/. "$copy"
    mv -T "$copy" "$kernels" 2> /dev/null || rm -rf "$copy"
fi
export NUMBA_CACHE_DIR="$kernels"
[ "${1-}" != jointreg ] || exec "$@"
exec snakemake -s /opt/jointreg/Snakefile "$@"
