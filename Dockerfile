# The server in a container:
#   docker build -t amplio .
#   docker run --rm -p 127.0.0.1:8080:8080 -e AMPLIO_INSECURE=true -v amplio:/data amplio
# The port is open inside of the container, so the server wants API keys (AMPLIO_KEYS=/data/keys.txt), or, where only this
# machine can reach it as above, AMPLIO_INSECURE=true.

FROM rust:1.90-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package amplio-cli

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data amplio \
    && install --directory --owner=amplio /data
COPY --from=build /src/target/release/amplio /usr/local/bin/amplio
USER amplio
VOLUME /data
ENV AMPLIO_DATA=/data/server AMPLIO_LISTEN=0.0.0.0:8080 AMPLIO_MODELS=/data/models
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["amplio", "serve", "--probe"]
# It is asked to stop by SIGTERM, and hands back what it has not finished.
STOPSIGNAL SIGTERM
ENTRYPOINT ["amplio"]
CMD ["serve"]
