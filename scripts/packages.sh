# Sourced by ./run, ./test and ./bench: finds and installs the system packages that Steward is built with.
# shellcheck shell=bash

# Debian package : file or pkg-config module that shows that it is there.
steward_build_packages=(
    "libsqlite3-dev:sqlite3"
    "libcfitsio-dev:cfitsio"
    "liberfa-dev:erfa"
    "zlib1g-dev:zlib"
)

have_module() { command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1" 2>/dev/null; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else
        echo "Missing system packages, and this user is neither root nor has sudo. As root, run: $*" >&2
        return 1
    fi
}

# install_packages NAME... : installs Debian packages, refreshing the package lists first.
install_packages() {
    [ "$#" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Please install the counterparts of these Debian packages: $*" >&2
        return 1
    fi
    echo "Installing system packages: $*" >&2
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

install_build_packages() {
    local missing=() entry
    command -v pkg-config >/dev/null 2>&1 || missing+=(pkg-config)
    for entry in "${steward_build_packages[@]}"; do
        have_module "${entry#*:}" || missing+=("${entry%%:*}")
    done
    # Loaded when a repository is in PostgreSQL.
    ldconfig -p 2>/dev/null | grep -q 'libpq\.so\.5 ' || missing+=(libpq5)
    install_packages "${missing[@]}"
    if ! command -v swift >/dev/null 2>&1; then
        echo "Swift 6.3 or later is needed and 'swift' is not on the PATH; see https://www.swift.org/install/." >&2
        return 1
    fi
}

# For the tests of the page; they are skipped where it cannot be installed. Takes about half a minute.
install_browser() {
    command -v chromium >/dev/null 2>&1 && return 0
    install_packages chromium || echo "Without Chromium the tests of the page are skipped." >&2
    return 0
}

# For the tests on PostgreSQL; they are skipped where it cannot be installed.
install_postgresql() {
    local server
    if ! compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
        install_packages postgresql || echo "Without a PostgreSQL server its tests are skipped." >&2
    fi
    for server in /usr/lib/postgresql/*/bin/initdb; do
        server=${server%/bin/initdb}
        [ -d "$server" ] && ! [ -f "/usr/share/postgresql/${server##*/}/extension/pg_sphere.control" ] || continue
        install_packages "postgresql-${server##*/}-pgsphere" || echo "Without pgSphere some tests of ObsCore are skipped." >&2
    done
    if ! command -v pgbouncer >/dev/null 2>&1; then
        install_packages --no-install-recommends pgbouncer || echo "Without PgBouncer one test of PostgreSQL is skipped." >&2
    fi
    return 0
}

# For the tests of object storage; those are skipped that lack their service. Takes about a minute.
install_storage_services() {
    if ! [ -f /usr/lib/nginx/modules/ngx_http_dav_ext_module.so ]; then
        install_packages --no-install-recommends nginx-light libnginx-mod-http-dav-ext \
            || echo "Without nginx some tests of WebDAV are skipped." >&2
    fi
    if ! command -v radosgw >/dev/null 2>&1; then
        install_packages --no-install-recommends ceph-mon ceph-osd radosgw ceph-common \
            || echo "Without Ceph some tests of S3 are skipped." >&2
    fi
    return 0
}
