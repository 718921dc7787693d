#!/usr/bin/env bash
# Builds the container image and ships a file from inside it, on a machine without a Docker engine.
#
# usage: make image-test        as root, on Debian or a relative of it; not part of `make test`
#
# 1. The Dockerfile is built unchanged, by Buildah in chroot isolation. No image is pulled: a Debian
#    made by debootstrap stands in for the base image, under the very name the Dockerfile asks for.
# 2. The image ships a file as its own user, first under Buildah, then on a read-only root.
# 3. It is built a second time, from nothing, and its layers are the same to the byte.
# 4. Everything happens in a folder of its own that is removed at the end; only the stand-in base is
#    kept, in ${XDG_CACHE_HOME:-~/.cache}/snowplow-logfile-source (KEEP=1 keeps the folder, too).
# 5. A package index, its certificates, a proxy or a mirror are taken from this machine's own pip
#    and apt settings, and are mounted into the build, never written into the image.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
python=$project/.venv/bin/python
shipper=$project/.venv/bin/shipper
image=localhost/snowplow-logfile-source:test
uid=10001
lines=1000 odd=3 more=10
config=/etc/shipper/shipper.yaml
collector_pid='' image_pid=''

step() { printf '\n== %s\n' "$*"; }
ok() { printf '   ok: %s\n' "$*"; }
die() { printf '   FAILED: %s\n' "$*" >&2; exit 1; }
expect() { # WHAT WANTED FOUND
    [[ $2 == "$3" ]] || die "$1: expected $2, found $3"
    ok "$1: $3"
}

buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }

clean_up() {
    local status=$?
    set +e
    [[ -z $image_pid ]] || kill -KILL "$image_pid" 2>/dev/null
    [[ -z $collector_pid ]] || kill "$collector_pid" 2>/dev/null
    wait 2>/dev/null
    if ((status)); then
        for log in "$work"/*.log; do [[ ! -s $log ]] || { echo "-- $(basename "$log")"; tail -n 20 "$log"; }; done >&2
    fi
    if [[ -z ${KEEP:-} ]]; then
        buildah rm --all >/dev/null 2>&1
        buildah rmi --all --force >/dev/null 2>&1
    fi
    umount "$work/storage/overlay" 2>/dev/null
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf --one-file-system "$work"; fi
    exit "$status"
}

# What this machine has ------------------------------------------------------------------------

install_tools() {
    local missing=()
    command -v buildah >/dev/null || missing+=(buildah)
    command -v debootstrap >/dev/null || missing+=(debootstrap debian-archive-keyring)
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "install ${missing[*]} first"
    DEBIAN_FRONTEND=noninteractive apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The settings of pip here that say where packages come from, as a pip.conf of their own.
pip_settings() {
    echo '[global]'
    "$python" -m pip config list 2>/dev/null | tac | sed -nE \
        "/file:/d; s/^[^=]*\.(cert|index-url|extra-index-url|proxy|trusted-host|timeout)='(.*)'\$/\1 = \2/p" |
        awk '!seen[$1]++'
}

# Mounts for the build, in `mounts`: each only where this machine has the file.
build_mounts() {
    local certificate
    mounts=(--volume "$work/pip.conf:/etc/pip.conf:ro")
    pip_settings >"$work/pip.conf"
    [[ ! -d /etc/ssl/certs ]] || mounts+=(--volume /etc/ssl/certs:/etc/ssl/certs:ro)
    certificate=$(sed -n 's/^cert = //p' "$work/pip.conf")
    [[ -z $certificate || $certificate == /etc/ssl/certs/* || ! -f $certificate ]] ||
        mounts+=(--volume "$certificate:$certificate:ro")
}

# The image ------------------------------------------------------------------------------------

# Imports the stand-in for the base image under the name that the Dockerfile's ARG BASE has.
import_base() {
    local base container
    base=$(sed -n 's/^ARG BASE=//p' "$project/Dockerfile")
    archive=$("$here/image/make-base.sh" "${base##*-}")
    container=$(buildah from scratch)
    buildah add -q "$container" "$archive" / >/dev/null
    buildah config --cmd python3 \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit -q --rm "$container" "docker.io/library/$base" >/dev/null
    ok "$base: $archive"
}

build_image() { # TAG
    local epoch
    epoch=$(git -C "$project" log -1 --format=%ct 2>/dev/null || echo 0)
    build_mounts
    buildah build --isolation chroot --pull=never --format docker --quiet --no-cache "${mounts[@]}" \
        --timestamp "$epoch" --build-arg SOURCE_DATE_EPOCH="$epoch" \
        --tag "$1" "$project" >"$work/build.log" 2>&1 || die 'the build'
}

# The layers, not the digest of the whole: Docker's format names the container of the build, too.
build_again() {
    build_image "$image-again"
    [[ $(layers_of "$image") == "$(layers_of "$image-again")" ]] || tell_differences
    expect 'layers of a second build' "$(layers_of "$image")" "$(layers_of "$image-again")"
}

layers_of() { # IMAGE
    buildah inspect --type image --format '{{range .Docker.RootFS.DiffIDs}}{{.}} {{end}}' "$1" | sed 's/ *$//'
}

tell_differences() {
    local one other
    one=$(buildah mount "$(buildah from --pull=never "$image")")
    other=$(buildah mount "$(buildah from --pull=never "$image-again")")
    diff <(of_files "$one") <(of_files "$other") | head -n 20 || true
}

of_files() { # ROOT: a line for each file: mode, owner, time, and what is in it
    (cd "$1" && find . -xdev -mindepth 1 -printf '%m %U:%G %T@ %y %l %p\n' | sort -k 6 &&
        find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum)
}

of_image() { # GO-TEMPLATE: a field of the image's configuration, one line an element
    buildah inspect --type image --format "$1" "$image"
}

look_at_image() {
    expect 'user' "$uid:$uid" "$(of_image '{{.Docker.Config.User}}')"
    expect 'entrypoint and command' "shipper run -c $config" \
        "$(of_image '{{range .Docker.Config.Entrypoint}}{{.}} {{end}}{{range .Docker.Config.Cmd}}{{.}} {{end}}' | sed 's/ *$//')"
    # shellcheck disable=SC2016  # a Go template, not a shell variable
    expect 'volumes' '/var/lib/shipper' "$(of_image '{{range $path, $_ := .Docker.Config.Volumes}}{{$path}}{{end}}')"
    expect 'stop signal' 'SIGTERM' "$(of_image '{{.Docker.Config.StopSignal}}')"
    expect 'health check' "CMD shipper status -c $config --health" \
        "$(of_image '{{range .Docker.Config.Healthcheck.Test}}{{.}} {{end}}' | sed 's/ *$//')"
    ok "size: $(buildah images --format '{{.Size}}' "$image")"
    look_inside
}

# What can be started in it, and what it says it is made of.
look_inside() {
    local container root
    container=$(buildah from --pull=never "$image")
    root=$(buildah mount "$container")
    expect 'programs' "$(printf 'python\npython3\nshipper' | tr '\n' ' ')" \
        "$(find "$root" -xdev -path "*/bin/*" \( -type f -o -type l \) -printf '%f\n' |
            sed 's/^python3\..*/python3/' | sort -u | tr '\n' ' ' | sed 's/ $//')"
    expect 'files that run as another user' '' "$(find "$root" -xdev -type f -perm /6000)"
    expect 'files that anybody may write to' '' "$(find "$root" -xdev -type f -perm -o+w)"
    "$python" - "$root/usr/share/sbom/snowplow-logfile-source.cdx.json" <<'PYTHON' || die 'the bill of materials'
import json, sys
from collections import Counter
parts = json.load(open(sys.argv[1]))["components"]
kinds = Counter(part.get("purl", "pkg:file/").split("/")[0].removeprefix("pkg:") for part in parts)
print("   ok: parts in its bill of materials:", ", ".join(f"{n} {kind}" for kind, n in kinds.items()))
assert kinds["pypi"] > 20 and kinds["generic"] == 1
PYTHON
    find "$root" -xdev -type f -printf '%s %P\n' | awk '
        { split($2, p, "/"); kind = $2 ~ /^opt/ ? "packages" : $2 ~ /\/python3/ ? "Python" : "libraries and the rest"; sum[kind] += $1 }
        END { for (kind in sum) printf "   ok: of it %s: %.0f MB\n", kind, sum[kind] / 1e6 }' | sort
    buildah umount "$container" >/dev/null
}

# The story ------------------------------------------------------------------------------------

log_lines() { # FIRST LAST: access log lines with a serial number each
    seq "$1" "$2" | awk '{ printf "203.0.113.%d - - [23/Nov/2026:06:%02d:%02d +0000] \"GET /items/%d HTTP/1.1\" 200 %d \"-\" \"probe/1.0\"\n",
        $1 % 254 + 1, int($1 / 60) % 60, $1 % 60, $1, 100 + $1 }'
}

healthy_after() { # START: seconds from then until the status page says that it is alive
    "$python" - "$status_port" "$1" <<'PYTHON'
import http.client, sys, time
while time.time() < float(sys.argv[2]) + 60:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
        connection.request("GET", "/healthz")
        if connection.getresponse().status == 200:
            break
    except OSError:
        time.sleep(0.01)
else:
    sys.exit("it does not come up")
print(f"{time.time() - float(sys.argv[2]):.2f} s")
PYTHON
}

ask() { # PATH [EXPRESSION over `answer`]: asks the collector, past any proxy
    "$python" - "$port" "$@" <<'PYTHON'
import http.client, json, sys
port, path, expression = int(sys.argv[1]), sys.argv[2], (sys.argv[3:] or ["'up'"])[0]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
connection.request("GET", path)
body = connection.getresponse().read()
answer = json.loads(body) if expression != "'up'" else body
print(eval(expression))
PYTHON
}

wait_for() { # WHAT WANTED COMMAND...: until its output is as wanted, 30 seconds at most
    local what=$1 wanted=$2 found='' until=$((SECONDS + 30))
    shift 2
    while ((SECONDS < until)); do
        found=$("$@" 2>/dev/null) && [[ $found == "$wanted" ]] && { ok "$what: $found"; return 0; }
        sleep 0.2
    done
    die "$what: expected $wanted, still ${found:-nothing} after 30 s"
}

prepare_folders() {
    mkdir -p "$work/logs" "$work/config"
    install -d -o "$uid" -g "$uid" -m 0700 "$work/state" "$work/state-readonly"
    log_lines 1 "$lines" >"$work/logs/access.log"
    for n in $(seq "$odd"); do echo "no access log line, number $n"; done >>"$work/logs/access.log"
    cat >"$work/config/shipper.yaml" <<YAML
state: /var/lib/shipper
collector: {url: "http://127.0.0.1:$port"}
tracker: {namespace: image-test, app_id: image-test}
status: {listen: "127.0.0.1:$status_port"}
sources:
  - {name: nginx, paths: [/logs/*.log], grammar: nginx_access, start: beginning}
YAML
    chmod -R go+rX "$work/logs" "$work/config"
    chmod 0755 "$work"
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_collector() {
    port=$(free_port)
    status_port=$(free_port)
    "$shipper" collector --listen "127.0.0.1:$port" >"$work/collector.log" 2>&1 &
    collector_pid=$!
    wait_for "collector on loopback, port $port" up ask /health
}

mount_option() { # PLACE <MOUNTINFO: ro or rw
    awk -v place="$1" '$5 == place { split($6, options, ","); found = options[1] } END { print found }'
}

expect_arrived() { # COUNT
    expect 'good events at the collector' "$1" "$(ask /micro/all 'answer["good"]')"
    expect 'of these distinct' "$1" "$(ask /micro/good 'len({item["event"]["event_id"] for item in answer})')"
    expect 'bad events at the collector' 0 "$(ask /micro/all 'answer["bad"]')"
}

expect_state_is_users() { # FOLDER
    [[ -f $1/state.db ]] || die "no state.db in the volume"
    expect 'owners of the state files' "$uid" "$(find "$1" -mindepth 1 -printf '%U\n' | sort -u | tr '\n' ' ' | sed 's/ $//')"
}

ship_under_buildah() {
    local container
    container=$(buildah from --pull=never "$image")
    # Buildah mounts a folder of its own for a declared volume, at random before or after the one
    # that is named for the same place: in this container the declaration goes.
    buildah config --volume /var/lib/shipper- "$container"
    in_image() {
        buildah run --isolation chroot --volume "$work/logs:/logs:ro" \
            --volume "$work/config:/etc/shipper:ro" --volume "$work/state:/var/lib/shipper" \
            "$container" -- "$@"
    }
    expect 'uid inside' "$uid" "$(in_image python3 -c 'import os; print(os.getuid())')"
    expect 'options of the mounted logs' 'ro' "$(in_image python3 -c 'print(open("/proc/self/mountinfo").read())' | mount_option /logs)"
    in_image shipper run -c "$config" --once >"$work/once.log" 2>&1 || die "run --once: exit $?"
    expect_arrived "$lines"
    expect_state_is_users "$work/state"
    expect 'dead letters in the volume' "$odd" "$(in_image shipper dead-letters list -c "$config" --json | wc -l)"
    in_image shipper run -c "$config" --once >"$work/again.log" 2>&1 || die "second run: exit $?"
    expect_arrived "$lines"
    ok 'a second run sent nothing'
}

ship_on_readonly_root() {
    local container root status=0
    if ! unshare --mount true 2>/dev/null; then
        echo '   not shown: this machine does not allow mounts, so no read-only root'
        return 0
    fi
    local started
    container=$(buildah from --pull=never "$image")
    root=$(buildah mount "$container")
    mapfile -t environment < <(of_image '{{range .Docker.Config.Env}}{{println .}}{{end}}' | sed '/^$/d')
    mapfile -t command < <(of_image '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}{{range .Docker.Config.Cmd}}{{println .}}{{end}}' | sed '/^$/d')
    on_readonly() {
        unshare --mount "$here/image/on-readonly-root.sh" "$root" "$uid" "$work/logs" "$work/config" \
            "$work/state-readonly" "${environment[@]}" -- "$@"
    }
    ask /micro/reset >/dev/null
    started=$EPOCHREALTIME
    # Not through the function: the process that is started is the one that gets the signal.
    unshare --mount "$here/image/on-readonly-root.sh" "$root" "$uid" "$work/logs" "$work/config" \
        "$work/state-readonly" "${environment[@]}" -- "${command[@]}" >"$work/readonly.log" 2>&1 &
    image_pid=$!
    ok "from the start of the process to /healthz: $(healthy_after "$started"), of the processor's time $(
        awk -v hertz="$(getconf CLK_TCK)" '{ printf "%.2f s", ($14 + $15) / hertz }' "/proc/$image_pid/stat")"
    wait_for "good events after ${command[*]}" "$lines" ask /micro/all 'answer["good"]'
    log_lines $((lines + 1)) $((lines + more)) >>"$work/logs/access.log"
    wait_for "good events after $more more lines" $((lines + more)) ask /micro/all 'answer["good"]'
    expect_arrived $((lines + more))
    expect 'uids of the process' "$uid $uid $uid $uid" "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$image_pid/status")"
    expect 'its root file system' 'ro' "$(mount_option / <"/proc/$image_pid/mountinfo")"
    on_readonly shipper status -c "$config" --health >"$work/health.log" 2>&1 || die "health check: exit $?"
    ok 'the health check passes'
    kill -TERM "$image_pid"
    wait "$image_pid" || status=$?
    image_pid=''
    expect 'exit code after SIGTERM' 0 "$status"
    on_readonly shipper status -c "$config" --health >"$work/health.log" 2>&1 &&
        die 'the health check passes on a stopped program'
    ok 'the health check fails now that the program has stopped'
    expect_state_is_users "$work/state-readonly"
    buildah umount "$container" >/dev/null
}

[[ $(id -u) == 0 ]] || { echo 'image-test needs root: it makes file systems and changes users' >&2; exit 1; }
[[ -x $shipper ]] || { echo 'start me with: make image-test' >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/image-test.XXXXXX")
trap clean_up EXIT
cd "$work"

step 'tools: buildah, debootstrap'
install_tools
step 'stand-in for the base image, by debootstrap'
import_base
step 'building the Dockerfile, unchanged'
build_image "$image"
look_at_image
step 'building it once more'
build_again
step 'shipping a file under Buildah, chroot isolation'
start_collector
prepare_folders
ship_under_buildah
step 'shipping it on a read-only root file system'
ship_on_readonly_root
step 'passed'
echo '   not shown here: the official base image, an engine that runs the health check at its'
echo '   intervals, and network and process namespaces (the collector was reached on this host).'
