#!/bin/sh
# Builds what the suite against a real tailnet needs from Go modules: tailscaled and tailscale, and headscale, the control server.
#   sh scripts/tailnet/build.sh [FOLDER]     default: ~/.cache/clawpatrol-tailnet
# Needs Go 1.25.5 or newer. Ten minutes on two slow cores.
set -eu
HEADSCALE=v0.28.0
# The version that this headscale is built with: one set of modules for all three.
TAILSCALE=v1.94.1
target=${1:-${CLAWPATROL_TAILNET:-$HOME/.cache/clawpatrol-tailnet}}
# Written last: what an interrupted build left, or one of other versions, is built again.
built="$target/versions"
versions="headscale $HEADSCALE tailscale $TAILSCALE"
if [ -x "$target/headscale" ] && [ -x "$target/tailscaled" ] && [ -x "$target/tailscale" ] &&
  [ "$(cat "$built" 2>/dev/null)" = "$versions" ]; then
  exit 0
fi
mkdir -p "$target/source"
rm -f "$built"
cd "$target/source"
export GOFLAGS="-buildvcs=false" GOWORK=off CGO_ENABLED=0
printf 'module tailnet\n\ngo 1.25.5\n' > go.mod
go mod download "github.com/juanfont/headscale@$HEADSCALE"
# headscale's own list of checksums: not every module that it needs is in the public database.
cat "$(go env GOMODCACHE)/github.com/juanfont/headscale@$HEADSCALE/go.sum" > go.sum
go get -tool "github.com/juanfont/headscale/cmd/headscale@$HEADSCALE"
go get -tool "tailscale.com/cmd/tailscaled@$TAILSCALE" "tailscale.com/cmd/tailscale@$TAILSCALE"
nice -n 19 go build -trimpath -ldflags "-s -w" -o "$target/" \
  github.com/juanfont/headscale/cmd/headscale tailscale.com/cmd/tailscaled tailscale.com/cmd/tailscale
echo "$versions" > "$built"
ls -l "$target"
