#!/bin/sh
# Installs a released package of Claw Patrol (what `npm pack` made), or removes it. Nothing is piped into a shell: the package and its checksum
# are files that you already have. Only its dependencies are fetched, by npm, at the versions and checksums that the package pins.
#
#   sh install.sh clawpatrol-0.1.0.tgz                      # expects clawpatrol-0.1.0.tgz.sha256 beside it
#   sh install.sh --sha256 HEX clawpatrol-0.1.0.tgz
#   sh install.sh --uninstall
#
# As root it goes to /opt/clawpatrol with a link in /usr/local/bin, else to ~/.local/share/clawpatrol with a link in ~/.local/bin.
# --prefix DIR and --bin DIR choose other folders. Running it again with the same package changes nothing; another one takes its place, and
# the one before stays beside it. Configuration and state are never touched.
set -eu

MARK='.installed-by-clawpatrol'

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

prefix='' bin='' want='' package='' uninstall=no
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --bin | --sha256)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --prefix) prefix=$2 ;;
        --bin) bin=$2 ;;
        --sha256) want=$2 ;;
      esac
      shift 2
      ;;
    --uninstall)
      uninstall=yes
      shift
      ;;
    -h | --help)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    -*) fail "unknown option $1; try --help" ;;
    *)
      [ -z "$package" ] || fail 'one package at a time'
      package=$1
      shift
      ;;
  esac
done

if [ "$(id -u)" -eq 0 ]; then
  : "${prefix:=/opt/clawpatrol}" "${bin:=/usr/local/bin}"
else
  : "${prefix:=${HOME:?}/.local/share/clawpatrol}" "${bin:=${HOME:?}/.local/bin}"
fi
case $prefix$bin in
  *'
'*) fail 'a folder with a line break in its name is not taken' ;;
esac
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
case $bin in /*) ;; *) bin=$(pwd)/$bin ;; esac
link=$bin/clawpatrol
target=$prefix/current/bin/clawpatrol

# Whether the link in the folder of programs is this installation's, or there is none.
link_is_ours() {
  [ ! -e "$link" ] && [ ! -L "$link" ] && return 0
  [ -L "$link" ] && [ "$(readlink "$link")" = "$target" ]
}

if [ "$uninstall" = yes ]; then
  [ -z "$package" ] || fail '--uninstall takes no package'
  [ -d "$prefix" ] || {
    say "nothing is installed in $prefix"
    exit 0
  }
  [ -f "$prefix/$MARK" ] || fail "$prefix was not made by this script; nothing was removed"
  if [ -L "$link" ] && link_is_ours; then
    rm -f "$link"
  fi
  rm -rf "$prefix"
  say "removed $prefix and its link; configuration and state were left alone"
  exit 0
fi

[ -n "$package" ] || fail 'which package? For example: sh install.sh clawpatrol-0.1.0.tgz'
[ -f "$package" ] || fail "there is no file $package"
command -v node >/dev/null 2>&1 || fail 'Node.js 20.19 or newer is needed; it is not in PATH'
command -v npm >/dev/null 2>&1 || fail 'npm is needed to fetch the dependencies; it is not in PATH'
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js 20.19 or newer is needed; this is $(node --version)"

# No checksum, no installation.
if [ -z "$want" ]; then
  [ -f "$package.sha256" ] || fail "give --sha256 HEX, or put $package.sha256 beside the package"
  want=$(cut -d ' ' -f 1 <"$package.sha256")
fi
want=$(printf '%s' "$want" | tr 'A-F' 'a-f')
case $want in
  *[!0-9a-f]*) fail 'the expected checksum is not 64 hexadecimal digits' ;;
esac
[ ${#want} -eq 64 ] || fail 'the expected checksum is not 64 hexadecimal digits'
if [ -e "$prefix" ] && [ ! -f "$prefix/$MARK" ] && [ -n "$(ls -A "$prefix")" ]; then
  fail "$prefix exists and was not made by this script"
fi
link_is_ours || fail "$link is something else; remove it, or choose another folder with --bin"

# What is checked is what is unpacked: a copy that nobody else can change meanwhile.
umask 022
mkdir -p "$prefix/versions" "$bin"
: >"$prefix/$MARK"
new=$(mktemp -d "$prefix/versions/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
cp "$package" "$new/package.tgz"
got=$(node -e 'process.stdout.write(require("node:crypto").createHash("sha256").update(require("node:fs").readFileSync(process.argv[1])).digest("hex"))' "$new/package.tgz")
[ "$got" = "$want" ] || fail "the checksum of $package is $got, and not $want; nothing was installed"

place=$prefix/versions/$want
if [ ! -d "$place" ]; then
  mkdir "$new/program"
  tar -xzf "$new/package.tgz" -C "$new/program" --strip-components 1
  [ -f "$new/program/npm-shrinkwrap.json" ] || fail 'the package pins no dependencies (npm-shrinkwrap.json is missing)'
  # SQLite is compiled where no ready-made one can be fetched: with the headers beside Node where they are, since node-gyp would fetch them.
  headers=$(node -p 'require("node:path").dirname(require("node:path").dirname(process.execPath))')
  if [ -z "${npm_config_nodedir:-}" ] && [ -f "$headers/include/node/node.h" ]; then
    npm_config_nodedir=$headers
    # What node-gyp reads once npm no longer hands on the first.
    npm_package_config_node_gyp_nodedir=$headers
    export npm_config_nodedir npm_package_config_node_gyp_nodedir
  fi
  say 'npm fetches the dependencies now: some minutes, more where SQLite has to be compiled'
  (cd "$new/program" && npm ci --omit=dev --no-audit --no-fund) ||
    fail 'npm could not install the dependencies; nothing was changed (SQLite is compiled where no ready-made one can be fetched: that needs python3, make and g++)'
  "$new/program/bin/clawpatrol" version >/dev/null || fail 'the program does not start; nothing was changed'
  chmod 755 "$new/program"
  mv "$new/program" "$place"
fi
ln -sfn "versions/$want" "$prefix/current"
ln -sfn "$target" "$link"
say "installed in $prefix: $("$link" version)"
case :$PATH: in
  *":$bin:"*) ;;
  *) say "$bin is not in PATH" ;;
esac
