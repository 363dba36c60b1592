// Loads the library with Apache Arrow when it is first needed, and hands each call on to it.
//
// Arrow costs a process tens of megabytes and a noticeable part of its start, and few processes touch a Parquet file.

#include "Errors.hpp"
#include "Functions.hpp"

#include <string>

#if defined(STEWARD_PARQUET)

#include <dlfcn.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include <climits>
#include <cstdlib>
#include <vector>

#endif

namespace {

struct Library {
    /// NULL when the library cannot be used.
    const carrow_functions *functions = nullptr;
    /// Why; empty in a build without Apache Arrow.
    std::string problem;
};

#if defined(STEWARD_PARQUET)

#if defined(__APPLE__)
const char *const file_name = "libStewardArrow.dylib";
#else
const char *const file_name = "libStewardArrow.so";
#endif

#define TEXT_OF(name) #name
#define TEXT_OF_VALUE(name) TEXT_OF(name)

/// The folder of the running program; empty when the system does not say.
std::string program_folder() {
    std::vector<char> path(PATH_MAX + 1, 0);
#if defined(__APPLE__)
    uint32_t size = PATH_MAX;
    if (_NSGetExecutablePath(path.data(), &size) != 0) return "";
    const std::string program = path.data();
#else
    const ssize_t length = readlink("/proc/self/exe", path.data(), PATH_MAX);
    if (length <= 0) return "";
    const std::string program(path.data(), static_cast<size_t>(length));
#endif
    return program.substr(0, program.rfind('/'));
}

Library load() {
    Library library;
    const std::string folder = program_folder();
    std::string place = file_name;
    for (const char *relative : {"/", "/../lib/"}) {
        const std::string candidate = folder + relative + file_name;
        if (folder.empty() || access(candidate.c_str(), R_OK) != 0) continue;
        place = candidate;
        break;
    }
    void *handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char *reason = dlerror();
        library.problem = place == file_name
            ? std::string(file_name) + " is neither in " + folder + " nor among the libraries of the system"
            : std::string(reason == nullptr ? "the system does not say why" : reason);
        return library;
    }
    void *table = dlsym(handle, TEXT_OF_VALUE(CARROW_TABLE));
    if (table != nullptr) {
        library.functions = static_cast<const carrow_functions *>(reinterpret_cast<const void *(*)(void)>(table)());
    }
    if (library.functions == nullptr) library.problem = place + " belongs to another build";
    return library;
}

#else

Library load() { return Library{}; }

#endif

/// The library, loaded once; it stays.
const Library &library() {
    static const Library found = load();
    return found;
}

/// The functions, or NULL after handing out an error.
const carrow_functions *functions(char **error) {
    return guarded<const carrow_functions *>(error, nullptr, [&] {
        const Library &found = library();
        if (found.functions == nullptr) report(error, found.problem);
        return found.functions;
    });
}

} // namespace

extern "C" {

void carrow_free(char *error) { std::free(error); }

const char *carrow_problem(void) {
    const Library &found = library();
    return found.functions == nullptr ? found.problem.c_str() : nullptr;
}

const char *carrow_version(void) {
    const Library &found = library();
    return found.functions == nullptr ? nullptr : found.functions->version();
}

carrow_reader *carrow_open(const char *path, const uint8_t *bytes, int64_t count, char **error) {
    const carrow_functions *found = functions(error);
    return found == nullptr ? nullptr : found->open(path, bytes, count, error);
}

// Whoever has a reader or a writer has the library.

void carrow_close(carrow_reader *reader) { library().functions->close(reader); }
int64_t carrow_row_count(const carrow_reader *reader) { return library().functions->row_count(reader); }
int64_t carrow_field_count(const carrow_reader *reader) { return library().functions->field_count(reader); }

carrow_field carrow_get_field(const carrow_reader *reader, int64_t column) {
    return library().functions->get_field(reader, column);
}

carrow_metadata carrow_schema_metadata(const carrow_reader *reader) {
    return library().functions->schema_metadata(reader);
}

int64_t carrow_read_column(
    carrow_reader *reader, int64_t column, int64_t limit, void *context, void (*body)(void *, const carrow_cells *),
    char **error) {
    return library().functions->read_column(reader, column, limit, context, body, error);
}

carrow_writer *carrow_create(
    const carrow_field *fields, const bool *is_large, int64_t column_count, carrow_metadata metadata, char **error) {
    const carrow_functions *found = functions(error);
    return found == nullptr ? nullptr : found->create(fields, is_large, column_count, metadata, error);
}

int carrow_begin_row_group(carrow_writer *writer, char **error) {
    return library().functions->begin_row_group(writer, error);
}

int carrow_write_cells(carrow_writer *writer, const carrow_cells *cells, char **error) {
    return library().functions->write_cells(writer, cells, error);
}

int carrow_finish(carrow_writer *writer, void *context, void (*body)(void *, carrow_slice), char **error) {
    return library().functions->finish(writer, context, body, error);
}

void carrow_discard(carrow_writer *writer) { library().functions->discard(writer); }

}
