# Sourced by ./test and ./bench: makes the Python environment of the real Butler software.
# shellcheck shell=bash

# The real Butler, and what the tests need: sourced by ./test and ./bench, which share its environment.
# shellcheck disable=SC2034
butler_packages=(
    "lsst-daf-butler[remote]==30.2026.4300" boto3 pytest pytest-xdist numpy astropy pyarrow pandas PyYAML
    "psycopg[binary]"
)

# The real Felis, and what its tests need: sourced by ./test and ./bench, which share its environment.
# shellcheck disable=SC2034
felis_packages=(
    pytest pytest-xdist "lsst-felis==30.2026.4300" "lsst-sdm-schemas==30.2026.4300" "psycopg[binary]" pyarrow jsonschema
)

# find_python : prints a Python of version 3.13 or later, or of 3.11 or later when there is none.
find_python() {
    local candidate wanted
    for wanted in 13 12 11; do
        for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 \
            "$HOME"/.pyenv/versions/3.1[1-9].*/bin/python3; do
            if [ -n "$candidate" ] && "$candidate" -c \
                "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $wanted))" 2>/dev/null; then
                echo "$candidate"
                return 0
            fi
        done
    done
    return 1
}

# python_environment DIRECTORY PACKAGE... : makes or completes a virtual environment; prints its interpreter.
python_environment() {
    local directory=$1 python
    shift
    if [ ! -x "$directory/bin/python" ]; then
        if ! python=$(find_python); then
            install_packages python3 python3-venv >&2 || return 1
            python=$(find_python) || { echo "No Python 3.11 or later was found." >&2; return 1; }
        fi
        echo "Making the Python environment in $directory with $python" >&2
        "$python" -m venv "$directory" >&2 || return 1
    fi
    local stamp="$directory/.steward-packages"
    if [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
        "$directory/bin/pip" install -q --disable-pip-version-check "$@" >&2 || return 1
        echo "$*" >"$stamp"
    fi
    echo "$directory/bin/python"
}
