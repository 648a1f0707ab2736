#!/bin/sh
# Installs the CheapestInference CLI from its releases on GitHub. To see the options, run it with --help.
#
# Everything is in functions, and the last line calls them. So if the download of this script is cut off, it does nothing.
set -eu

repository=https://github.com/cheapestinference/cli

usage() {
  cat <<EOF
Install the CheapestInference CLI

Usage: install.sh [--version VERSION] [--to DIRECTORY]

Options:
  --version VERSION  Install this version instead of the latest
  --to DIRECTORY     Install to this directory instead of ~/.local/bin
  --help             Show this help

Environment:
  CHEAPESTINFERENCE_DOWNLOAD_URL  Download from a mirror of $repository/releases
EOF
}

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

usage_error() {
  printf 'install.sh: %s Run install.sh --help.\n' "$*" >&2
  exit 2
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Sets $version and $to.
parse() {
  version=latest to=
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h)
        usage
        exit
        ;;
      --version | --to)
        [ $# -ge 2 ] || usage_error "$1 needs a value."
        case $1 in
          --version) version=${2#v} ;;
          --to)
            [ -n "$2" ] || usage_error "--to needs a value."
            to=$2
            ;;
        esac
        shift
        ;;
      --version=*) version=${1#*=} version=${version#v} ;;
      --to=*) to=${1#*=} ;;
      *) usage_error "\"$1\" is not an option." ;;
    esac
    shift
  done
  # An action passes an empty input.
  : "${version:=latest}"
  case $version in
    latest) ;;
    [0-9]*) ;;
    *) usage_error "\"$version\" is not a valid version. Use a version such as 1.2.0." ;;
  esac
  case $version in
    *[!0-9A-Za-z.+-]*) usage_error "\"$version\" is not a valid version. Use a version such as 1.2.0." ;;
  esac
}

# Sets the absolute directory $to, if the command line doesn't.
choose_directory() {
  if [ -z "$to" ]; then
    [ "$(id -u)" != 0 ] || fail 'You are root. Choose the directory, such as --to /usr/local/bin.'
    [ -n "${HOME:-}" ] || fail 'HOME is not set. Choose the directory with --to.'
    to=$HOME/.local/bin
  fi
  case $to in
    /*) ;;
    *) to=$PWD/$to ;;
  esac
  to=${to%/}
}

# Sets the address $releases and the $protocols that curl may use.
choose_releases() {
  releases=${CHEAPESTINFERENCE_DOWNLOAD_URL:-$repository/releases}
  releases=${releases%/}
  protocols='=https'
  case $releases in
    *@*) fail "CHEAPESTINFERENCE_DOWNLOAD_URL must not contain a user name." ;;
    https://*) ;;
    http://127.0.0.1:* | http://localhost:* | 'http://[::1]:'*) protocols='=http,https' ;;
    *) fail "CHEAPESTINFERENCE_DOWNLOAD_URL is \"$releases\". Use an address that starts with https://." ;;
  esac
}

# Sets $platform.
choose_platform() {
  os=$(uname -s) machine=$(uname -m) libc=
  case $os in
    Linux) system=linux ;;
    Darwin) system=darwin ;;
    MINGW* | MSYS* | CYGWIN*) fail "This script doesn't support Windows. Use install.ps1 in PowerShell." ;;
    *) system= ;;
  esac
  case $machine in
    x86_64 | amd64) processor=x64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) processor= ;;
  esac
  if [ "$system" = linux ] && ldd --version 2>&1 | grep -qi musl; then libc=-musl; fi
  platform=$system-$processor$libc
  case $platform in
    linux-x64 | linux-x64-musl | linux-arm64 | darwin-x64 | darwin-arm64) ;;
    *)
      fail "There is no program for $os on $machine${libc:+ with musl}." \
        'Install Node.js, and run: npm install --global cheapestinference'
      ;;
  esac
}

# Sets the commands $downloader and $checksum, which prints the SHA-256 sum of its input.
choose_tools() {
  if has curl; then
    downloader=curl
  elif has wget; then
    downloader=wget
    # The wget of BusyBox doesn't try again, and has no such option.
    if wget --tries=2 --version >/dev/null 2>&1; then downloader='wget --tries=2'; fi
  else
    fail 'This script needs curl or wget. Install one of them.'
  fi
  if has sha256sum; then
    checksum=sha256sum
  elif has shasum; then
    checksum='shasum -a 256'
  elif has openssl; then
    checksum='openssl dgst -sha256 -r'
  else
    fail 'This script needs sha256sum, shasum or openssl. Install one of them.'
  fi
}

# Downloads the file $1 of the releases to the file $2. If it doesn't exist, fails with the message $3.
download() {
  url=$releases/$1 code=0 status=
  if [ "$downloader" = curl ]; then
    status=$(curl --proto "$protocols" --silent --show-error --fail --location --connect-timeout 30 \
      --write-out '%{http_code}' --output "$2" "$url" 2>"$work/log") || code=$?
  else
    LC_ALL=C $downloader -O "$2" "$url" >"$work/log" 2>&1 || code=$?
    case $(cat "$work/log") in *'ERROR 404'* | *'response 404'* | *'HTTP/'*' 404 '*) status=404 ;; esac
    # wget follows a redirect from https to http.
    if [ "$protocols" = '=https' ] && grep -qi '^ *location: *http:' "$work/log"; then
      fail "$url redirects to an address that doesn't start with https://. Nothing was installed."
    fi
  fi
  [ "$code" != 0 ] || return 0
  [ "$status" != 404 ] || fail "$3"
  case ${downloader%% *}-$code-$(cat "$work/log") in
    curl-23-* | wget-3-* | wget-*'No space left'*) fail "Could not write to $to. Check the free space." ;;
    curl-18-* | curl-56-* | wget-*'closed'*)
      fail "The download of $url was cut off. Check your connection, and run this script again."
      ;;
  esac
  fail "Could not download $url. Check your connection, and run this script again. $(tail -n 1 "$work/log")"
}

# Removes what an installation leaves behind if it fails.
# shellcheck disable=SC2317 # A trap calls it.
clean_up() {
  [ -z "$work" ] || rm -rf "$work"
  [ "$linked" = no ] || [ -e "$to/ci" ] || rm -f "$to/cheapestinference"
  # Stops at the first directory that isn't empty or was there before.
  folder=$to
  while [ "$folder" != "$existing" ] && rmdir "$folder" 2>/dev/null; do folder=${folder%/*}; done
}

# Creates the directory $to if necessary, and in it the directory $work, so that the program can be renamed at the end.
open_directory() {
  work='' linked=no existing=$to
  while [ ! -d "$existing/" ]; do existing=${existing%/*}; done
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  mkdir -p "$to" 2>/dev/null || fail "Could not create $to. Choose another directory with --to."
  [ ! -d "$to/ci" ] || fail "$to/ci is a directory. Choose another directory with --to."
  for program in ci cheapestinference; do
    if { [ -e "$to/$program" ] || [ -L "$to/$program" ]; } && [ "$(readlink "$to/cheapestinference" || :)" != ci ]; then
      fail "This script didn't install $to/$program. Remove it, or choose another directory with --to."
    fi
  done
  work=$(mktemp -d "$to/.ci-install-XXXXXX" 2>/dev/null) ||
    fail "You don't have permission to write to $to. Choose another directory with --to."
}

# Downloads the archive, checks it, and unpacks it to $work. Sets $version and the directory $unpacked.
fetch() {
  case $version in
    latest) release=latest/download missing='There is no release yet.' ;;
    *)
      release=download/v$version
      missing="There is no version $version. See the versions at $releases"
      ;;
  esac
  download "$release/SHA256SUMS" "$work/SHA256SUMS" "$missing"
  # The checksum file also names the latest version.
  line=$(grep "^[0-9a-f]\{64\}  ci-[0-9][0-9A-Za-z.+-]*-$platform\.tar\.gz\$" "$work/SHA256SUMS" | head -n 1)
  archive=${line#*  }
  name=${archive%.tar.gz}
  latest=${name#ci-} latest=${latest%"-$platform"}
  if [ "$version" = latest ] && [ -n "$line" ]; then version=$latest; fi
  [ "$name" = "ci-$version-$platform" ] ||
    fail "The $version release has no program for $platform. See the versions at $releases"
  printf 'Downloading ci %s for %s.\n' "$version" "$platform"
  download "download/v$version/$archive" "$work/$archive" "The release of version $version is incomplete: $archive is missing."
  sum=$($checksum <"$work/$archive")
  [ "${sum%% *}" = "${line%% *}" ] ||
    fail "The SHA-256 sum of $archive is wrong. Nothing was installed. Run this script again."
  unpacked=$work/$name
  { tar -xzof "$work/$archive" -C "$work" && chmod 755 "$unpacked/ci"; } 2>/dev/null ||
    fail "Could not unpack $archive to $to. Check the free space."
}

# Runs the new program, so that one that doesn't work never replaces one that does.
try() {
  reported=$("$unpacked/ci" --version 2>/dev/null </dev/null) || reported=
  [ "${reported%% *}" = "$version" ] || case $platform in
    *-musl) fail "The new program doesn't run. Install libstdc++, on Alpine Linux with: apk add libstdc++" ;;
    *)
      fail "The new program doesn't run on this machine. Nothing was installed." \
        'Install Node.js, and run: npm install --global cheapestinference'
      ;;
  esac
}

# Puts the program, its long name and its man page in place.
put_in_place() {
  [ -L "$to/cheapestinference" ] || linked=yes
  { ln -sf ci "$to/cheapestinference" && mv -f "$unpacked/ci" "$to/ci"; } 2>/dev/null ||
    fail "Could not write to $to. Choose another directory with --to."
  printf 'Installed ci %s to %s.\n' "$version" "$to"
  case $to in
    */bin)
      man=${to%/bin}/share/man/man1
      { mkdir -p "$man" && mv -f "$unpacked/ci.1" "$man/ci.1"; } 2>/dev/null ||
        printf 'Could not install the man page to %s.\n' "$man"
      ;;
  esac
}

# Says how to run the program, if the shell wouldn't find it.
explain_path() {
  name=ci
  case :$PATH: in
    *:"$to":*)
      found=$(command -v ci || :)
      if [ "$found" != "$to/ci" ]; then
        printf 'On this machine, ci runs %s. Run cheapestinference instead.\n' "$found"
        name=cheapestinference
      fi
      ;;
    *)
      # shellcheck disable=SC2016 # The shell expands $PATH when it starts.
      case $to-${SHELL:-} in
        # A shell would need quotes.
        *[!A-Za-z0-9/._-]*) add='' ;;
        */fish) add="fish_add_path $to" ;;
        */zsh) add="echo 'export PATH=\"$to:\$PATH\"' >> ~/.zshrc" ;;
        */bash) add="echo 'export PATH=\"$to:\$PATH\"' >> ~/.bashrc" ;;
        *) add="echo 'export PATH=\"$to:\$PATH\"' >> ~/.profile" ;;
      esac
      if [ -n "$add" ]; then
        printf '%s is not on your PATH. To add it, run this and open a new terminal:\n\n  %s\n\n' "$to" "$add"
      else
        printf '%s is not on your PATH. Add it in the startup file of your shell.\n' "$to"
      fi
      ;;
  esac
  printf 'To set up tab completion, run: %s completion install\n' "$name"
}

main() {
  parse "$@"
  choose_directory
  choose_releases
  choose_platform
  choose_tools
  open_directory
  fetch
  try
  put_in_place
  explain_path
}

{ main "$@"; exit; }
