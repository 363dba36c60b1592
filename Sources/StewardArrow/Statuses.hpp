#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <stdexcept>
#include <utility>

/// Throws what Arrow answers with; `guarded` makes an error of it.
inline void check(const arrow::Status &status) {
    if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename Value>
Value check(arrow::Result<Value> result) {
    check(result.status());
    return std::move(result).ValueOrDie();
}
