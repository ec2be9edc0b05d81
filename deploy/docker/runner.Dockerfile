# syntax=docker/dockerfile:1
# The runner: one program on nothing but its libraries, as a user without rights.
#
#   docker build --file deploy/docker/runner.Dockerfile --tag function-runner .
#
# The context is the repository. verify.sh tries the same file set without Docker.

FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The caches stay out of the image; the program has to leave them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --package function-mesh-runner --bin function-runner \
    && objcopy --strip-debug target/release/function-runner /function-runner \
    && deploy/docker/assemble.sh /function-runner /rootfs

FROM scratch
COPY --from=build /rootfs/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
# InstanceControl; metrics and probes.
EXPOSE 9093 9094
ENTRYPOINT ["/usr/local/bin/function-runner"]
CMD ["run", "--config", "/etc/function-mesh"]
