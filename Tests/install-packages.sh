#!/bin/bash
# Installs the Debian packages that building and testing need and that are missing. Starts no service.
set -euo pipefail

packages=(
    libcurl4-openssl-dev libpq-dev libmicrohttpd-dev pkg-config
    postgresql python3-venv prometheus openssl ca-certificates curl nodejs zsh fish chromium fonts-dejavu-core
)
# Other vendors' kubectl and Debian's cannot both be installed; either serves.
command -v kubectl >/dev/null || packages+=(kubernetes-client)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    for program in pkg-config initdb python3 openssl; do
        command -v "$program" >/dev/null || {
            echo "This is no Debian system: install what these packages hold yourself: ${packages[*]}" >&2
            exit 1
        }
    done
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
    [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || {
        echo "Missing packages: ${missing[*]}. Run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    }
    root=(sudo)
fi

# The packages' services would start and take ports; only their programs are wanted.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap '"${root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
fi

install() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        -o Dpkg::Use-Pty=0 "${missing[@]}" </dev/null
}
update() { "${root[@]}" apt-get update </dev/null; }

echo "Installing ${missing[*]}"
if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then update; fi
install || { update && install; }

if [[ -d /run/systemd/system ]]; then
    for service in postgresql prometheus; do
        [[ " ${missing[*]} " != *" $service "* ]] || "${root[@]}" systemctl disable "$service" || true
    done
fi
