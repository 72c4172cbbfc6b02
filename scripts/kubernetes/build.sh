#!/bin/sh
# Builds what the suite against a real API server needs: kube-apiserver, kubectl and a stand-in for a kubelet, from Kubernetes' Go modules.
#   sh scripts/kubernetes/build.sh [FOLDER]     default: ~/.cache/clawpatrol-kubernetes
# Needs Go 1.23 or newer, unzip, curl, and etcd in PATH when the suite runs (Debian: etcd-server). Half an hour on one slow core.
set -eu
VERSION=v1.32.13
MODULES=v0.32.13
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-${CLAWPATROL_KUBERNETES:-$HOME/.cache/clawpatrol-kubernetes}}
mkdir -p "$target/source"
proxy=$(go env GOPROXY | sed 's/,.*//')
cd "$target/source"
if [ ! -d "k8s.io/kubernetes@$VERSION" ]; then
  curl -sSf -o kubernetes.zip "$proxy/k8s.io/kubernetes/@v/$VERSION.zip"
  unzip -q kubernetes.zip
fi
cd "k8s.io/kubernetes@$VERSION"
# The module leaves its staging modules out; they are published on their own. Those that a proxy lacks are not needed: empty ones stand in.
sed -i -E "s#^(\tk8s.io/([a-z-]+)) => ./staging/src/k8s.io/.*#\1 => k8s.io/\2 $MODULES#" go.mod
for module in $(grep -oE "^\sk8s.io/[a-z-]+ => k8s.io" go.mod | awk '{print $1}'); do
  name=${module#k8s.io/}
  if ! curl -sf -o /dev/null "$proxy/$module/@v/$MODULES.mod"; then
    mkdir -p "standin/$name"
    printf 'module %s\n\ngo 1.23\n' "$module" > "standin/$name/go.mod"
    sed -i "s#$module => k8s.io/$name $MODULES#$module => ./standin/$name#" go.mod
  fi
done
mkdir -p cmd/standin-kubelet
cp "$here/kubelet.go" cmd/standin-kubelet/main.go
export GOFLAGS="-buildvcs=false -mod=mod" GOWORK=off CGO_ENABLED=0
version="-X k8s.io/component-base/version.gitVersion=$VERSION -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=32"
for program in kube-apiserver kubectl standin-kubelet; do
  nice -n 19 go build -trimpath -ldflags "-s -w $version" -o "$target/$program" "./cmd/$program"
done
ls -l "$target"
