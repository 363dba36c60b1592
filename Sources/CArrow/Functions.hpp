#pragma once

#include "CArrow.h"

/// What the library with Apache Arrow offers to the program: its form of each function of CArrow.h.
///
/// The program finds the table by the name of the function that returns it. The number in that name changes when this
/// or CArrow.h does, so that parts of different builds do not take each other for their own.
struct carrow_functions {
    decltype(&carrow_version) version;
    decltype(&carrow_open) open;
    decltype(&carrow_close) close;
    decltype(&carrow_row_count) row_count;
    decltype(&carrow_field_count) field_count;
    decltype(&carrow_get_field) get_field;
    decltype(&carrow_schema_metadata) schema_metadata;
    decltype(&carrow_read_column) read_column;
    decltype(&carrow_create) create;
    decltype(&carrow_begin_row_group) begin_row_group;
    decltype(&carrow_write_cells) write_cells;
    decltype(&carrow_finish) finish;
    decltype(&carrow_discard) discard;
};

#define CARROW_TABLE steward_arrow_1
