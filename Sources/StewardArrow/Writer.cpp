// Tables as Parquet files.

#include "Errors.hpp"
#include "Functions.hpp"

#if defined(STEWARD_PARQUET)

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/util/bit_util.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include "Statuses.hpp"

#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

std::string text(carrow_slice slice) {
    return std::string(reinterpret_cast<const char *>(slice.bytes), static_cast<size_t>(slice.count));
}

std::shared_ptr<arrow::KeyValueMetadata> metadata(carrow_metadata pairs) {
    if (pairs.count == 0) return nullptr;
    auto result = std::make_shared<arrow::KeyValueMetadata>();
    for (int64_t index = 0; index < pairs.count; ++index) result->Append(text(pairs.keys[index]), text(pairs.values[index]));
    return result;
}

std::shared_ptr<arrow::DataType> timestamp(arrow::TimeUnit::type unit, carrow_slice zone) {
    return zone.count == 0 ? arrow::timestamp(unit) : arrow::timestamp(unit, text(zone));
}

/// The Arrow type of single cells.
std::shared_ptr<arrow::DataType> cell_type(const carrow_field &field, bool is_large) {
    switch (field.type) {
    case CARROW_BOOL: return arrow::boolean();
    case CARROW_INT8: return arrow::int8();
    case CARROW_INT16: return arrow::int16();
    case CARROW_INT32: return arrow::int32();
    case CARROW_INT64: return arrow::int64();
    case CARROW_UINT8: return arrow::uint8();
    case CARROW_UINT16: return arrow::uint16();
    case CARROW_UINT32: return arrow::uint32();
    case CARROW_UINT64: return arrow::uint64();
    case CARROW_FLOAT: return arrow::float32();
    case CARROW_DOUBLE: return arrow::float64();
    case CARROW_STRING: return is_large ? arrow::large_utf8() : arrow::utf8();
    case CARROW_BYTES: return is_large ? arrow::large_binary() : arrow::binary();
    case CARROW_TIMESTAMP_S: return timestamp(arrow::TimeUnit::SECOND, field.zone);
    case CARROW_TIMESTAMP_MS: return timestamp(arrow::TimeUnit::MILLI, field.zone);
    case CARROW_TIMESTAMP_US: return timestamp(arrow::TimeUnit::MICRO, field.zone);
    case CARROW_TIMESTAMP_NS: return timestamp(arrow::TimeUnit::NANO, field.zone);
    case CARROW_OTHER: break;
    }
    throw std::runtime_error("a column has no type");
}

std::shared_ptr<arrow::Buffer> packed(const uint8_t *flags, int64_t count, int64_t *zeros) {
    auto buffer = check(arrow::AllocateEmptyBitmap(count));
    *zeros = 0;
    for (int64_t index = 0; index < count; ++index) {
        if (flags[index]) arrow::bit_util::SetBit(buffer->mutable_data(), index);
        else ++*zeros;
    }
    return buffer;
}

/// Numbers stay where they are: the buffers only point to them.
std::shared_ptr<arrow::Array> cells_array(const std::shared_ptr<arrow::DataType> &type, const carrow_cells &cells) {
    int64_t nulls = 0, ignored = 0;
    std::shared_ptr<arrow::Buffer> validity;
    if (cells.validity != nullptr) validity = packed(cells.validity, cells.count, &nulls);
    const auto *values = static_cast<const uint8_t *>(cells.values);
    static const uint8_t nothing = 0;
    if (values == nullptr) values = &nothing;
    if (type->id() == arrow::Type::LARGE_STRING || type->id() == arrow::Type::LARGE_BINARY) {
        auto offsets =
            std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t *>(cells.offsets), (cells.count + 1) * 8);
        auto bytes = std::make_shared<arrow::Buffer>(values, cells.offsets[cells.count]);
        return arrow::MakeArray(arrow::ArrayData::Make(type, cells.count, {validity, offsets, bytes}, nulls));
    }
    if (type->id() == arrow::Type::STRING || type->id() == arrow::Type::BINARY) {
        const int64_t first = cells.offsets[0], size = cells.offsets[cells.count] - first;
        if (size > std::numeric_limits<int32_t>::max()) throw std::runtime_error("a column has too much text for its type");
        auto offsets = check(arrow::AllocateBuffer((cells.count + 1) * 4));
        auto *target = reinterpret_cast<int32_t *>(offsets->mutable_data());
        for (int64_t index = 0; index <= cells.count; ++index)
            target[index] = static_cast<int32_t>(cells.offsets[index] - first);
        auto bytes = std::make_shared<arrow::Buffer>(values + first, size);
        return arrow::MakeArray(
            arrow::ArrayData::Make(type, cells.count, {validity, std::shared_ptr<arrow::Buffer>(std::move(offsets)), bytes}, nulls));
    }
    std::shared_ptr<arrow::Buffer> buffer;
    if (type->id() == arrow::Type::BOOL) {
        buffer = packed(values, cells.count, &ignored);
    } else {
        const int64_t width = static_cast<const arrow::FixedWidthType &>(*type).bit_width() / 8;
        buffer = std::make_shared<arrow::Buffer>(values, cells.count * width);
    }
    return arrow::MakeArray(arrow::ArrayData::Make(type, cells.count, {validity, buffer}, nulls));
}

} // namespace

struct carrow_writer {
    std::shared_ptr<arrow::Schema> schema;
    std::shared_ptr<arrow::io::BufferOutputStream> sink;
    std::unique_ptr<parquet::arrow::FileWriter> file;
    int next_column = 0;
};

namespace arrow_library {

carrow_writer *create(
    const carrow_field *fields, const bool *is_large, int64_t column_count, carrow_metadata pairs, char **error) {
    return guarded<carrow_writer *>(error, nullptr, [&] {
        std::vector<std::shared_ptr<arrow::Field>> schema;
        for (int64_t column = 0; column < column_count; ++column) {
            const carrow_field &field = fields[column];
            auto type = cell_type(field, is_large[column]);
            if (field.list_size >= 0) type = arrow::fixed_size_list(type, static_cast<int32_t>(field.list_size));
            schema.push_back(arrow::field(text(field.name), type, true, metadata(field.metadata)));
        }
        auto writer = std::make_unique<carrow_writer>();
        writer->schema = arrow::schema(schema, metadata(pairs));
        writer->sink = check(arrow::io::BufferOutputStream::Create());
        auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
        // Arrow's own schema in the file tells types that Parquet does not know, such as lists of fixed length.
        auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
        writer->file = check(parquet::arrow::FileWriter::Open(
            *writer->schema, arrow::default_memory_pool(), writer->sink, properties, arrow_properties));
        return writer.release();
    });
}

int begin_row_group(carrow_writer *writer, char **error) {
    return guarded(error, -1, [&] {
        check(writer->file->NewRowGroup());
        writer->next_column = 0;
        return 0;
    });
}

int write_cells(carrow_writer *writer, const carrow_cells *cells, char **error) {
    return guarded(error, -1, [&] {
        const auto &type = writer->schema->field(writer->next_column++)->type();
        if (type->id() == arrow::Type::FIXED_SIZE_LIST) {
            const auto &list = static_cast<const arrow::FixedSizeListType &>(*type);
            const auto items = cells_array(list.value_type(), *cells);
            const int64_t rows = list.list_size() == 0 ? 0 : cells->count / list.list_size();
            check(writer->file->WriteColumnChunk(arrow::FixedSizeListArray(type, rows, items)));
        } else {
            check(writer->file->WriteColumnChunk(*cells_array(type, *cells)));
        }
        return 0;
    });
}

int finish(
    carrow_writer *writer, void *context, void (*body)(void *, carrow_slice), char **error) {
    return guarded(error, -1, [&] {
        check(writer->file->Close());
        const auto buffer = check(writer->sink->Finish());
        body(context, carrow_slice{buffer->data(), buffer->size()});
        return 0;
    });
}

void discard(carrow_writer *writer) {
    char *error = nullptr;
    guarded(&error, -1, [&] {
        delete writer;
        return 0;
    });
    std::free(error);
}

} // namespace arrow_library

#endif
