#!/usr/bin/env bash
# Makes a Debian with Python as an archive, once, and prints the archive's path.
#
# usage: make-base.sh SUITE
# The archive is kept in ${XDG_CACHE_HOME:-~/.cache}/snowplow-logfile-source; delete it for a new one.
set -euo pipefail

suite=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/snowplow-logfile-source
archive=$cache/base-$suite-$(dpkg --print-architecture).tar

if [[ ! -s $archive ]]; then
    mkdir -p "$cache"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/image-base.XXXXXX")
    trap 'rm -rf --one-file-system "$folder"' EXIT
    # The mirror that this machine's apt uses for Debian; without one, debootstrap's own choice.
    # shellcheck disable=SC2016  # apt's own placeholders
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        'Component: main' 2>/dev/null | grep -v security | head -n 1 || true)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" \
        "$folder/root" ${mirror:+"$mirror"} >"$folder/log" 2>&1 ||
        { tail -n 20 "$folder/log" >&2; exit 1; }
    rm -rf "$folder"/root/var/cache/apt/archives/*.deb "$folder"/root/var/lib/apt/lists/*
    tar -C "$folder/root" --one-file-system --exclude='./dev/*' --exclude='./proc/*' \
        --exclude='./sys/*' -cf "$archive.part" .
    mv "$archive.part" "$archive"
fi
echo "$archive"
