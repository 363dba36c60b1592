// Where the program finds the functions of Reader.cpp and Writer.cpp.

#include "Functions.hpp"
#include "StewardArrow.h"

#if defined(STEWARD_PARQUET)

namespace arrow_library {

const char *version(void);
carrow_reader *open(const char *path, const uint8_t *bytes, int64_t count, char **error);
void close(carrow_reader *reader);
int64_t row_count(const carrow_reader *reader);
int64_t field_count(const carrow_reader *reader);
carrow_field get_field(const carrow_reader *reader, int64_t column);
carrow_metadata schema_metadata(const carrow_reader *reader);
int64_t read_column(
    carrow_reader *reader, int64_t column, int64_t limit, void *context, void (*body)(void *, const carrow_cells *),
    char **error);
carrow_writer *create(
    const carrow_field *fields, const bool *is_large, int64_t column_count, carrow_metadata metadata, char **error);
int begin_row_group(carrow_writer *writer, char **error);
int write_cells(carrow_writer *writer, const carrow_cells *cells, char **error);
int finish(carrow_writer *writer, void *context, void (*body)(void *, carrow_slice), char **error);
void discard(carrow_writer *writer);

} // namespace arrow_library

extern "C" const void *CARROW_TABLE(void) {
    using namespace arrow_library;
    static const carrow_functions table{
        version, open, close, row_count, field_count, get_field, schema_metadata, read_column,
        create, begin_row_group, write_cells, finish, discard,
    };
    return &table;
}

#else

extern "C" const void *CARROW_TABLE(void) { return nullptr; }

#endif
