# The gateway in a container. Build: docker build -t clawpatrol .
# Run:   docker run -v ./gateway.hcl:/etc/clawpatrol/gateway.hcl:ro -v clawpatrol-state:/var/lib/clawpatrol -p 127.0.0.1:15432:15432 clawpatrol
# A listener must be on 0.0.0.0 inside the container, with listen_allow naming who may use it.
FROM node:20-bookworm-slim AS build
# better-sqlite3 is compiled where no prebuilt binary fits.
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY src src
COPY test test
COPY bench bench
COPY scripts scripts
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
RUN useradd --system --home-dir /var/lib/clawpatrol --shell /usr/sbin/nologin clawpatrol \
  && install -d -m 0700 -o clawpatrol -g clawpatrol /var/lib/clawpatrol
WORKDIR /opt/clawpatrol
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist/src dist/src
COPY package.json LICENSE ./
COPY bin bin
COPY config config
USER clawpatrol
ENV STATE_DIRECTORY=/var/lib/clawpatrol
VOLUME /var/lib/clawpatrol
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/clawpatrol/bin/clawpatrol"]
CMD ["gateway", "/etc/clawpatrol/gateway.hcl"]
