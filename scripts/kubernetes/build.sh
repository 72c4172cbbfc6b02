#!/bin/sh
# Builds what the suite against a real API server needs: kube-apiserver, kubectl, a stand-in for a kubelet and an informer from Kubernetes' Go
# modules, and helm from its own.
#   sh scripts/kubernetes/build.sh [FOLDER]     default: ~/.cache/clawpatrol-kubernetes
# Needs Go 1.23 or newer, unzip, curl, and etcd in PATH when the suite runs (Debian: etcd-server). Half an hour on one slow core.
set -eu
VERSION=v1.32.13
MODULES=v0.32.13
HELM=v3.17.4
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
for program in kubelet informer; do
  mkdir -p "cmd/standin-$program"
  cp "$here/$program.go" "cmd/standin-$program/main.go"
done
export GOFLAGS="-buildvcs=false -mod=mod" GOWORK=off CGO_ENABLED=0
version="-X k8s.io/component-base/version.gitVersion=$VERSION -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=32"
for program in kube-apiserver kubectl standin-kubelet standin-informer; do
  nice -n 19 go build -trimpath -ldflags "-s -w $version" -o "$target/$program" "./cmd/$program"
done
GOFLAGS="-buildvcs=false" GOBIN="$target" nice -n 19 go install -trimpath -ldflags "-s -w" "helm.sh/helm/v3/cmd/helm@$HELM"
ls -l "$target"
