# syntax=docker/dockerfile:1
# The controller: one static program on nothing else, as a user without rights.
#
#   docker build --file deploy/docker/controller.Dockerfile --tag function-mesh-controller .
#
# The context is the repository. `cargo xtask images` builds the same image with buildah and without
# a base image, of a program that was built before.

FROM scratch AS base
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
# Metrics and probes.
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/function-mesh-controller"]
CMD ["run"]

# With a context that assemble.sh made.
FROM base AS assembled
COPY rootfs/ /

FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The caches stay out of the image; the program has to leave them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    deploy/docker/build.sh function-mesh-controller function-mesh-controller /function-mesh-controller \
    && deploy/docker/assemble.sh /function-mesh-controller /rootfs

FROM base
COPY --from=build /rootfs/ /
