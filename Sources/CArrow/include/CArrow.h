// A small C face of Apache Arrow's Parquet reader and writer, as much of it as the tables of Steward need.
//
// Every function that can fail returns NULL or a negative number and then fills in `error`, which the caller frees with
// carrow_free. No C++ exception leaves a function. Calls block; a handle is used by one thread at a time.
//
// The first call loads the library StewardArrow, which lies beside the program or where the system looks for libraries.
// Without it (carrow_problem says why) every other function fails.
#ifndef STEWARD_CARROW_H
#define STEWARD_CARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The types of cells. A column of any other type is CARROW_OTHER and cannot be read.
enum carrow_type {
    CARROW_OTHER = 0,
    CARROW_BOOL,
    CARROW_INT8,
    CARROW_INT16,
    CARROW_INT32,
    CARROW_INT64,
    CARROW_UINT8,
    CARROW_UINT16,
    CARROW_UINT32,
    CARROW_UINT64,
    CARROW_FLOAT,
    CARROW_DOUBLE,
    CARROW_STRING,
    CARROW_BYTES,
    CARROW_TIMESTAMP_S,
    CARROW_TIMESTAMP_MS,
    CARROW_TIMESTAMP_US,
    CARROW_TIMESTAMP_NS,
};

/// Bytes that belong to somebody else.
typedef struct {
    const uint8_t *bytes;
    int64_t count;
} carrow_slice;

/// Key and value pairs.
typedef struct {
    const carrow_slice *keys;
    const carrow_slice *values;
    int64_t count;
} carrow_metadata;

typedef struct {
    carrow_slice name;
    enum carrow_type type;
    /// Cells in a row of a list of fixed length; -1 for single cells.
    int64_t list_size;
    /// The time zone of a timestamp; empty for none.
    carrow_slice zone;
    /// Arrow's name of the type, for messages.
    carrow_slice type_name;
    carrow_metadata metadata;
} carrow_field;

/// The cells of a column, in the layout of `type`.
typedef struct {
    /// Number of cells: rows times list_size.
    int64_t count;
    /// One byte a cell, 0 for a null; NULL when there are no nulls.
    const uint8_t *validity;
    /// Numbers one after another; a byte each for booleans; the joined bytes of texts.
    const void *values;
    /// For texts and bytes: count + 1 offsets into values.
    const int64_t *offsets;
} carrow_cells;

void carrow_free(char *error);

/// Why there is no Apache Arrow: empty when this was built without it; NULL when it is there.
const char *carrow_problem(void);

/// Arrow's version, NULL when it is not there.
const char *carrow_version(void);

// Reading

typedef struct carrow_reader carrow_reader;

/// Opens a file by path, or bytes in memory (which must stay until the reader is closed) when path is NULL.
carrow_reader *carrow_open(const char *path, const uint8_t *bytes, int64_t count, char **error);
void carrow_close(carrow_reader *reader);
int64_t carrow_row_count(const carrow_reader *reader);
int64_t carrow_field_count(const carrow_reader *reader);
/// A column's description, valid as long as the reader.
carrow_field carrow_get_field(const carrow_reader *reader, int64_t column);
/// The schema's metadata, valid as long as the reader.
carrow_metadata carrow_schema_metadata(const carrow_reader *reader);

/// Reads all of one column, hands each part of it to `body` in order, and returns the number of rows, or -1.
/// With a `limit` that is not -1 no more rows are read, and hardly more are decoded.
int64_t carrow_read_column(
    carrow_reader *reader, int64_t column, int64_t limit, void *context, void (*body)(void *context, const carrow_cells *part),
    char **error);

// Writing: a row group after the other, and in each the columns in their order.

typedef struct carrow_writer carrow_writer;

/// Begins a file in memory with Snappy compression and nullable columns.
///
/// is_large (one flag a column) gives columns of text Arrow's large type, which 2 GiB and more of text need.
carrow_writer *carrow_create(
    const carrow_field *fields, const bool *is_large, int64_t column_count, carrow_metadata metadata, char **error);

int carrow_begin_row_group(carrow_writer *writer, char **error);

/// Writes the cells of the next column. The first offset of texts need not be 0.
int carrow_write_cells(carrow_writer *writer, const carrow_cells *cells, char **error);

/// Ends the file and hands its bytes to `body`.
int carrow_finish(
    carrow_writer *writer, void *context, void (*body)(void *context, carrow_slice bytes), char **error);

/// Frees the writer, finished or not.
void carrow_discard(carrow_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
