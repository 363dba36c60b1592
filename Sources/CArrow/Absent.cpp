// What the library is when it is built without Apache Arrow.

#include "Errors.hpp"

#if !defined(STEWARD_PARQUET)

static const char *const absent = "this build has no Apache Arrow";

extern "C" {

void carrow_free(char *error) { std::free(error); }
const char *carrow_version(void) { return nullptr; }

carrow_reader *carrow_open(const char *, const uint8_t *, int64_t, char **error) {
    report(error, absent);
    return nullptr;
}

void carrow_close(carrow_reader *) {}
int64_t carrow_row_count(const carrow_reader *) { return 0; }
int64_t carrow_field_count(const carrow_reader *) { return 0; }
carrow_field carrow_get_field(const carrow_reader *, int64_t) { return carrow_field{}; }
carrow_metadata carrow_schema_metadata(const carrow_reader *) { return carrow_metadata{}; }

int64_t carrow_read_column(
    carrow_reader *, int64_t, int64_t, void *, void (*)(void *, const carrow_cells *), char **error) {
    report(error, absent);
    return -1;
}

carrow_writer *carrow_create(const carrow_field *, const bool *, int64_t, carrow_metadata, char **error) {
    report(error, absent);
    return nullptr;
}

int carrow_begin_row_group(carrow_writer *, char **error) {
    report(error, absent);
    return -1;
}

int carrow_write_cells(carrow_writer *, const carrow_cells *, char **error) {
    report(error, absent);
    return -1;
}

int carrow_finish(carrow_writer *, void *, void (*)(void *, carrow_slice), char **error) {
    report(error, absent);
    return -1;
}

void carrow_discard(carrow_writer *) {}

}

#endif
