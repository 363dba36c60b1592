#pragma once

#include "CArrow.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

/// Hands an error to the caller. Without memory even for that there is an error without a text.
inline void report(char **error, const std::string &text) {
    if (error == nullptr) return;
    *error = static_cast<char *>(std::malloc(text.size() + 1));
    if (*error != nullptr) std::memcpy(*error, text.c_str(), text.size() + 1);
}

/// Runs `body` and turns what it throws into an error and `failure`.
template <typename Result, typename Body>
Result guarded(char **error, Result failure, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        report(error, "there is not enough memory");
    } catch (const std::exception &problem) {
        report(error, problem.what());
    } catch (...) {
        report(error, "an unknown failure in Apache Arrow");
    }
    return failure;
}
