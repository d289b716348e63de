FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libcurl4-openssl-dev libpq-dev libmicrohttpd-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# The dependencies first, so that a change of our own sources does not fetch them again.
COPY Package.swift ./
RUN swift package resolve
COPY Sources Sources
# The package names its test targets, so their folders must be there; none is built.
COPY Tests Tests
COPY templates templates
RUN swift build --configuration release --static-swift-stdlib --product tokenward \
    && install -D --strip "$(swift build --configuration release --show-bin-path)/tokenward" /out/tokenward

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates libcurl4 libmicrohttpd12 libpq5 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/tokenward \
        --shell /usr/sbin/nologin tokenward \
    && install --directory --owner=tokenward --group=tokenward --mode=0700 /var/lib/tokenward
COPY --from=build /out/tokenward /usr/local/bin/tokenward
ENV TOKENWARD_DATA_DIR=/var/lib/tokenward \
    TOKENWARD_LISTEN=0.0.0.0:8080
USER 10001:10001
VOLUME /var/lib/tokenward
EXPOSE 8080
# The journal is written to its end within the shutdown timeout of 40 s: stop with `docker stop --time 45`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/tokenward"]
CMD ["serve"]
