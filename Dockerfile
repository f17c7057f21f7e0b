# Container image of backstaged: stage 1 builds the release, stage 2 holds what runs, without root.
#
#   docker build -t backstaged .
#   docker run --rm --network host backstaged
#   docker run --rm --network host -v ./plugins:/usr/lib/backstaged/plugins:ro backstaged
#
# Network. The daemon binds loopback only: it refuses any other bind without CURVE keys, and inside
# a network namespace of its own no published port reaches loopback. So clients share a namespace
# with it: --network host, or --network container:NAME (one pod) beside the service that uses it.
#
# Plugins. Mounted files must belong to root or to uid 10001 and be writable by nobody else, the
# directory and its parents too; the daemon says which one is not. Mount folders, not files.
#
# Read-only root: --read-only --tmpfs /run/backstaged:exec,uid=10001,gid=10001,mode=0755. Without
# `exec` the daemon cannot stage plugins there and takes the state directory or memory instead.

ARG BASE=debian:12

FROM ${BASE} AS build
WORKDIR /src
# The package list changes seldom: in a layer of its own it is installed once.
COPY scripts/setup.sh scripts/setup.sh
RUN scripts/setup.sh --profile run
COPY . .
RUN scripts/build.sh release daemon/all plugins/all

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="backstaged" \
      org.opencontainers.image.description="Hosts actors from plugins, reachable over ZeroMQ" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      libfmt9 libsodium23 libspdlog1.10 libstdc++6 libzmq5 \
 && rm -rf /var/lib/apt/lists/*
# A fixed number, so that files and volumes can be given to it; the name is for `ps` only.
RUN groupadd --gid 10001 backstaged \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/backstaged --no-create-home \
      --shell /usr/sbin/nologin backstaged \
 && install -d -o backstaged -g backstaged -m 0755 /run/backstaged \
 && install -d -o backstaged -g backstaged -m 0700 /var/lib/backstaged
COPY --from=build /src/build/release/bin/backstaged /src/build/release/bin/backstagectl /usr/bin/
COPY --from=build /src/build/release/plugins/*.so /usr/lib/backstaged/plugins/
COPY --from=build /src/LICENSE /usr/share/doc/backstaged/
COPY config/*.json /etc/backstaged/
# Refuses an image whose libraries are not all there, and states what was built.
RUN /usr/bin/backstaged --version

ENV RUNTIME_DIRECTORY=/run/backstaged STATE_DIRECTORY=/var/lib/backstaged
USER 10001:10001
WORKDIR /var/lib/backstaged
VOLUME ["/usr/lib/backstaged/plugins"]
# cmd, pub, ingest.
EXPOSE 7770 7771 7772
# SIGTERM drains; `docker stop --time 30` gives a loaded daemon its whole deadline.
STOPSIGNAL SIGTERM
# Pings the cmd endpoint that the running daemon wrote to the runtime directory.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/bin/backstaged", "--healthcheck"]
ENTRYPOINT ["/usr/bin/backstaged"]
