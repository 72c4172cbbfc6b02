# The gateway in a container, in two images.
#
# Listeners alone need no capability:
#   docker build -t clawpatrol .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -v ./gateway.hcl:/etc/clawpatrol/gateway.hcl:ro \
#     -v clawpatrol-state:/var/lib/clawpatrol -p 127.0.0.1:15432:15432 clawpatrol
# A listener must be on 0.0.0.0 inside the container, with listen_allow naming who may use it.
#
# The tunnel (gateway { wireguard { } }) needs NET_ADMIN and /dev/net/tun; the three other capabilities are for becoming the user `clawpatrol`,
# and gone before the gateway starts:
#   docker build --target tunnel -t clawpatrol-tunnel .
#   docker run --read-only --tmpfs /run/wireguard:mode=0700,uid=990,gid=990 --device /dev/net/tun --cap-drop ALL --cap-add NET_ADMIN \
#     --cap-add SETUID --cap-add SETGID --cap-add SETPCAP --security-opt no-new-privileges -v ./gateway.hcl:/etc/clawpatrol/gateway.hcl:ro \
#     -v clawpatrol-state:/var/lib/clawpatrol -p 51820:51820/udp -p 8444:8444 clawpatrol-tunnel
#
# Operators' commands: docker exec -u clawpatrol CONTAINER clawpatrol status
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

FROM node:20-bookworm-slim AS program
RUN groupadd --system --gid 990 clawpatrol \
  && useradd --system --uid 990 --gid 990 --home-dir /var/lib/clawpatrol --shell /usr/sbin/nologin clawpatrol \
  && install -d -m 0700 -o clawpatrol -g clawpatrol /var/lib/clawpatrol \
  && ln -s /opt/clawpatrol/bin/clawpatrol /usr/local/bin/clawpatrol
WORKDIR /opt/clawpatrol
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist/src dist/src
COPY package.json LICENSE ./
COPY bin bin
COPY config config
ENV STATE_DIRECTORY=/var/lib/clawpatrol
VOLUME /var/lib/clawpatrol
STOPSIGNAL SIGTERM

# CMD stands behind each ENTRYPOINT: that one takes away what a stage before it said.
FROM program AS tunnel
RUN apt-get update && apt-get install -y --no-install-recommends wireguard-tools wireguard-go nftables iproute2 && rm -rf /var/lib/apt/lists/* \
  && install -d -m 0700 -o clawpatrol -g clawpatrol /run/wireguard
USER root
ENTRYPOINT ["setpriv", "--reuid=clawpatrol", "--regid=clawpatrol", "--clear-groups", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", "--bounding-set=-all,+net_admin", "--no-new-privs", "/opt/clawpatrol/bin/clawpatrol"]
CMD ["gateway", "/etc/clawpatrol/gateway.hcl"]

FROM program AS gateway
USER clawpatrol
ENTRYPOINT ["/opt/clawpatrol/bin/clawpatrol"]
CMD ["gateway", "/etc/clawpatrol/gateway.hcl"]
