# syntax=docker/dockerfile:1
# The image has the binary, certificate authorities and the C library: no shell and no package manager. It runs as user 65532 and
# writes no files, so the root file system can be read-only.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
# The commit that --version prints.
ARG COMMIT=
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    CONTACT_GATEWAY_COMMIT="$COMMIT" CARGO_PROFILE_RELEASE_STRIP=symbols \
    cargo build --locked --release --bin contact-gateway && \
    cp target/release/contact-gateway /contact-gateway

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="contact-gateway" \
      org.opencontainers.image.description="GraphQL API for internal contacts, partner assignments, account contacts and organization contacts" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/contact-gateway/
COPY --from=build /contact-gateway /usr/local/bin/contact-gateway
# The default address is not reachable from outside the container.
ENV CONTACT_GATEWAY__HTTP__LISTEN=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["/usr/local/bin/contact-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/contact-gateway"]
CMD ["serve"]
