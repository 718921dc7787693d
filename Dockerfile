# The container image of the Snowplow Logfile Source.
#
# 1. Nothing is built or downloaded but what the lock files name, checked by hash.
# 2. The final image holds Python, one virtual environment without pip, and no compiler.
# 3. It runs as a user without rights (10001:10001) on a read-only root file system: the one
#    place it writes to is the volume with the state.
# 4. Only plain Dockerfile instructions, so that Docker, Podman and Buildah all build it.
#
# A package index, its certificates or a proxy are the build machine's business: mount pip's
# configuration into the build, or pass PIP_* by build arguments of your own.

# Any Debian-like image with Python >= 3.11, its venv module, and groupadd/useradd.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.lock requirements/run.lock requirements/
# The dependencies first: this layer changes only when the lock files do.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install -q --only-binary :all: --require-hashes -r requirements/build.lock \
 && python3 -m venv --without-pip /opt/shipper \
 && /opt/build/bin/pip --python /opt/shipper/bin/python3 install -q --compile \
        --only-binary :all: --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY grammars grammars
COPY shipper shipper
RUN /opt/build/bin/python3 -m hatchling build -t wheel -d /src/dist \
 && /opt/build/bin/pip --python /opt/shipper/bin/python3 install -q --compile \
        --no-deps --no-index /src/dist/*.whl

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Snowplow Logfile Source" \
      org.opencontainers.image.description="Tails log files into Snowplow as well-structured events" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Slim Python images come without the standard library's bytecode, and a read-only root can't
# cache it: compiled here once, or the start and each health check would compile it again.
RUN python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|site-packages|dist-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
RUN groupadd --gid 10001 shipper \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home \
        --home-dir /var/lib/shipper --shell /usr/sbin/nologin shipper \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/shipper \
 && install -d /etc/shipper /logs
COPY --from=builder /opt/shipper /opt/shipper

# TMPDIR: SQLite and Python look for a place for temporary files, and only the volume is writable.
ENV PATH=/opt/shipper/bin:$PATH \
    HOME=/var/lib/shipper \
    TMPDIR=/var/lib/shipper \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# /etc/shipper/shipper.yaml: the configuration, mounted; /logs: the log files, mounted read-only.
WORKDIR /var/lib/shipper
VOLUME /var/lib/shipper
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["shipper", "status", "-c", "/etc/shipper/shipper.yaml", "--health"]
ENTRYPOINT ["shipper"]
CMD ["run", "-c", "/etc/shipper/shipper.yaml"]
