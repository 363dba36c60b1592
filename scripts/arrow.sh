# Sourced by ./run, ./test and ./bench: finds Apache Arrow C++, with which Steward reads and writes Parquet, and builds
# the library that the program loads for it.
# shellcheck shell=bash

# build_arrow_library OPTION... : builds the library beside the program, unless this build is one without.
build_arrow_library() {
    [ "${STEWARD_ARROW-unset}" != "" ] || return 0
    swift build --product StewardArrow "$@" >&2
}

# find_arrow : sets STEWARD_ARROW for Package.swift, unless it is set (empty: build without).
find_arrow() {
    local folder
    [ -z "${STEWARD_ARROW+set}" ] || return 0
    for folder in "$PWD"/.venv/lib/python3.*/site-packages/pyarrow; do
        if [ -f "$folder/include/parquet/arrow/reader.h" ]; then
            export STEWARD_ARROW=$folder
            return 0
        fi
    done
    [ -f /usr/include/parquet/arrow/reader.h ] && return 0
    echo "Without Apache Arrow this build reads no Parquet. To add it, and then build again:" >&2
    echo "    python3 -m venv .venv && .venv/bin/pip install pyarrow" >&2
    return 0
}
