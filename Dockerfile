# A static binary in an image with nothing else but CA certificates.
FROM rust:1-alpine AS build
RUN apk add --no-cache build-base ca-certificates cmake perl
WORKDIR /onrush
COPY . .
RUN cargo build --release --locked

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /onrush/target/release/onrush /onrush
USER 65534:65534
ENTRYPOINT ["/onrush"]
