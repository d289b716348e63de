#!/bin/sh
# Runs a command with a throw-away PostgreSQL cluster: Tests/with-postgres.sh swift test
# The command finds it in TOKENWARD_TEST_DATABASE_URL. PostgreSQL 13 or newer must be installed; PG_BIN names its
# directory of programs if it is in no usual place. TOKENWARD_TEST_FSYNC=on keeps the server's own care for data and
# its vacuum, for measurements.
set -eu

die() {
    echo "with-postgres: $1" >&2
    exit 1
}

[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }

bin=${PG_BIN:-}
if [ -z "$bin" ]; then
    for directory in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn); do
        [ -x "$directory/initdb" ] && bin=$directory && break
    done
fi
if [ -z "$bin" ] && command -v initdb >/dev/null 2>&1; then
    bin=$(dirname "$(command -v initdb)")
fi
[ -n "$bin" ] || die "no PostgreSQL programs found; install them (apt-get install postgresql) or set PG_BIN."
version=$("$bin/initdb" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
[ "$version" -ge 13 ] || die "PostgreSQL $version in $bin is too old; 13 or newer is needed."

# The server refuses to run as root.
as_owner() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || die "as root a user named postgres is needed to run the server as."
    if command -v setpriv >/dev/null 2>&1; then
        as_owner() { setpriv --reuid postgres --regid "$(id -g postgres)" --init-groups -- "$@"; }
    else
        as_owner() { su -s /bin/sh postgres -c 'exec "$@"' -- sh "$@"; }
    fi
fi

# A path of a socket must be short, so never under a deep TMPDIR.
root=$(mktemp -d /tmp/tokenward-pg.XXXXXX)
stop() {
    trap - EXIT
    cd /
    as_owner "$bin/pg_ctl" -D "$root/data" -m immediate -w stop >/dev/null 2>&1 || :
    rm -rf "$root"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [ "$(id -u)" -eq 0 ]; then chown postgres "$root"; fi
haste="-c fsync=off -c full_page_writes=off -c autovacuum=off"
if [ "${TOKENWARD_TEST_FSYNC:-off}" = on ]; then haste=""; fi
unset TOKENWARD_TEST_FSYNC
start() {
    cd "$root"
    as_owner "$bin/initdb" -D "$root/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$root/log" 2>&1 &&
        as_owner "$bin/pg_ctl" -D "$root/data" -l "$root/server.log" -w -t 60 -o "-k $root -c listen_addresses='' \
            -c synchronous_commit=on -c max_connections=200 -c max_prepared_transactions=10 $haste" \
            start >>"$root/log" 2>&1
}
if ! (start); then
    cat "$root/log" "$root/server.log" >&2 2>/dev/null || :
    die "the cluster did not start."
fi

TOKENWARD_TEST_DATABASE_URL="postgresql://postgres@/postgres?host=$root"
export TOKENWARD_TEST_DATABASE_URL
status=0
"$@" || status=$?
exit "$status"
