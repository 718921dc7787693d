#!/usr/bin/env bash
# Runs a program on a root file system that is mounted read-only, as a user without rights.
#
# usage: unshare --mount on-readonly-root.sh ROOT UID LOGS CONFIG STATE [NAME=VALUE...] -- COMMAND...
# LOGS and CONFIG are mounted read-only, STATE is the one place that can be written to. The mounts
# end with the process; its process id is that of the caller's child.
set -euo pipefail

root=$1 uid=$2 logs=$3 config=$4 state=$5
shift 5

read_only() { # FROM TO
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
}

mount --make-rprivate /
mount --bind "$root" "$root"
read_only "$logs" "$root/logs"
read_only "$config" "$root/etc/shipper"
mount --bind "$state" "$root/var/lib/shipper"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"

variables=()
while [[ $1 != -- ]]; do
    variables+=("$1")
    shift
done
shift
# By the Python of this machine: the image has no env and no shell to do it from inside.
exec env -i "${variables[@]}" "$(command -v python3)" -I -c '
import os, sys
root, uid, *command = sys.argv[1:]
os.chroot(root)
os.chdir("/var/lib/shipper")
os.setgroups([])
os.setgid(int(uid))
os.setuid(int(uid))
os.execvp(command[0], command)
' "$root" "$uid" "$@"
