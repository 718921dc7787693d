# The container image of the Snowplow Logfile Source.
#
# 1. Nothing is built or downloaded but what the lock files name, checked by hash.
# 2. The final image holds an interpreter, the libraries it is linked with, and one virtual
#    environment: no shell, no package manager, no pip, no compiler (deploy/image/assemble.py).
# 3. It runs as a user without rights (10001:10001) on a read-only root file system: the one
#    place it writes to is the volume with the state.
# 4. The same sources, lock files and base give the same layers, byte for byte, where the builder
#    sets the times of files: docker buildx build --build-arg SOURCE_DATE_EPOCH=... --output
#    type=image,rewrite-timestamp=true, or buildah build --timestamp.
# 5. What it is made of stands in /usr/share/sbom/snowplow-logfile-source.cdx.json (CycloneDX).
# 6. Only plain Dockerfile instructions, so that Docker, Podman and Buildah all build it.
#
# A package index, its certificates or a proxy are the build machine's business: mount pip's
# configuration into the build, or pass PIP_* by build arguments of your own.

# Any Debian-like image with Python >= 3.11 and its venv module. For a build that can be repeated
# later, name it by its digest: --build-arg BASE=python@sha256:...
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS builder
ARG SOURCE_DATE_EPOCH=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PYTHONHASHSEED=0
WORKDIR /src
COPY requirements/build.lock requirements/run.lock requirements/
# The dependencies first: this layer changes only when the lock files do.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install -q --only-binary :all: --require-hashes -r requirements/build.lock \
 && python3 -m venv --without-pip /opt/shipper \
 && /opt/build/bin/pip --python /opt/shipper/bin/python3 install -q --no-compile \
        --only-binary :all: --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY grammars grammars
COPY shipper shipper
RUN /opt/build/bin/python3 -m hatchling build -t wheel -d /src/dist \
 && /opt/build/bin/pip --python /opt/shipper/bin/python3 install -q --no-compile \
        --no-deps --no-index /src/dist/*.whl

COPY deploy/image/assemble.py deploy/image/sbom.py /src/
RUN install -d -m 0700 /image/state/shipper && install -d /image/root/usr/share/sbom \
 && python3 /src/assemble.py /image/root /opt/shipper /image/files \
 && python3 /src/sbom.py /opt/shipper /image/files \
        >/image/root/usr/share/sbom/snowplow-logfile-source.cdx.json

FROM scratch
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Snowplow Logfile Source" \
      org.opencontainers.image.description="Tails log files into Snowplow as well-structured events" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=builder /image/root/ /
COPY --from=builder --chown=10001:10001 /image/state/ /var/lib/
COPY --from=builder /opt/shipper /opt/shipper

# TMPDIR: SQLite and Python look for a place for temporary files, and only the volume is writable.
ENV PATH=/opt/shipper/bin:/usr/local/bin:/usr/bin \
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
