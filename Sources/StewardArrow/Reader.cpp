// Parquet files, column by column.

#include "Errors.hpp"
#include "Functions.hpp"

#if defined(STEWARD_PARQUET)

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/io/api.h>
#include <arrow/util/config.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include "Statuses.hpp"

#include <deque>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

carrow_slice slice(const std::string &text) {
    return carrow_slice{reinterpret_cast<const uint8_t *>(text.data()), static_cast<int64_t>(text.size())};
}

/// Metadata with memory of its own.
struct Metadata {
    std::vector<std::string> texts;
    std::vector<carrow_slice> slices;
    int64_t count = 0;

    explicit Metadata(const std::shared_ptr<const arrow::KeyValueMetadata> &metadata) {
        if (metadata == nullptr) return;
        count = metadata->size();
        for (const auto &key : metadata->keys()) texts.push_back(key);
        for (const auto &value : metadata->values()) texts.push_back(value);
        for (const auto &text : texts) slices.push_back(slice(text));
    }

    carrow_metadata view() const { return carrow_metadata{slices.data(), slices.data() + count, count}; }
};

/// How a column is handed out, and the type that its cells are cast to first, if any.
struct Description {
    carrow_type type = CARROW_OTHER;
    int64_t list_size = -1;
    std::string zone;
    std::shared_ptr<arrow::DataType> cast;
};

Description describe(const arrow::DataType &type) {
    Description result;
    switch (type.id()) {
    case arrow::Type::BOOL: result.type = CARROW_BOOL; break;
    case arrow::Type::INT8: result.type = CARROW_INT8; break;
    case arrow::Type::INT16: result.type = CARROW_INT16; break;
    case arrow::Type::INT32: result.type = CARROW_INT32; break;
    case arrow::Type::INT64: result.type = CARROW_INT64; break;
    case arrow::Type::UINT8: result.type = CARROW_UINT8; break;
    case arrow::Type::UINT16: result.type = CARROW_UINT16; break;
    case arrow::Type::UINT32: result.type = CARROW_UINT32; break;
    case arrow::Type::UINT64: result.type = CARROW_UINT64; break;
    case arrow::Type::FLOAT: result.type = CARROW_FLOAT; break;
    case arrow::Type::DOUBLE: result.type = CARROW_DOUBLE; break;
    case arrow::Type::HALF_FLOAT:
        result.type = CARROW_FLOAT;
        result.cast = arrow::float32();
        break;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::NA: result.type = CARROW_STRING; break;
    case arrow::Type::STRING_VIEW:
        result.type = CARROW_STRING;
        result.cast = arrow::large_utf8();
        break;
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY: result.type = CARROW_BYTES; break;
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
        result.type = CARROW_BYTES;
        result.cast = arrow::large_binary();
        break;
    case arrow::Type::TIMESTAMP: {
        const auto &timestamp = static_cast<const arrow::TimestampType &>(type);
        switch (timestamp.unit()) {
        case arrow::TimeUnit::SECOND: result.type = CARROW_TIMESTAMP_S; break;
        case arrow::TimeUnit::MILLI: result.type = CARROW_TIMESTAMP_MS; break;
        case arrow::TimeUnit::MICRO: result.type = CARROW_TIMESTAMP_US; break;
        case arrow::TimeUnit::NANO: result.type = CARROW_TIMESTAMP_NS; break;
        }
        result.zone = timestamp.timezone();
        break;
    }
    case arrow::Type::DICTIONARY: {
        const auto &value = static_cast<const arrow::DictionaryType &>(type).value_type();
        result = describe(*value);
        // A further cast of the values is more than one column needs.
        if (result.cast != nullptr || result.list_size >= 0) return Description{};
        result.cast = value;
        break;
    }
    case arrow::Type::FIXED_SIZE_LIST: {
        const auto &list = static_cast<const arrow::FixedSizeListType &>(type);
        result = describe(*list.value_type());
        if (result.list_size >= 0) return Description{};
        result.list_size = list.list_size();
        break;
    }
    default: break;
    }
    return result;
}

struct Field {
    std::string name;
    std::string type_name;
    Description description;
    Metadata metadata;

    explicit Field(const arrow::Field &field)
        : name(field.name()), type_name(field.type()->ToString()), description(describe(*field.type())),
          metadata(field.metadata()) {}
};

} // namespace

struct carrow_reader {
    std::unique_ptr<parquet::arrow::FileReader> file;
    std::deque<Field> fields;
    std::unique_ptr<Metadata> metadata;
};

namespace {

/// Hands out single cells, with nulls where `rows_valid` (a byte for each list of `list_size`) has none.
class Part {
  public:
    Part(std::shared_ptr<arrow::Array> array, const std::vector<uint8_t> &rows_valid, int64_t list_size)
        : array_(std::move(array)) {
        cells_.count = array_->length();
        if (array_->null_count() > 0 || !rows_valid.empty()) {
            validity_.resize(static_cast<size_t>(cells_.count));
            for (int64_t index = 0; index < cells_.count; ++index) {
                const bool row = rows_valid.empty() || rows_valid[static_cast<size_t>(index / list_size)];
                validity_[static_cast<size_t>(index)] = row && array_->IsValid(index);
            }
            cells_.validity = validity_.data();
        }
        switch (array_->type_id()) {
        case arrow::Type::BOOL: {
            const auto &booleans = static_cast<const arrow::BooleanArray &>(*array_);
            bytes_.resize(static_cast<size_t>(cells_.count));
            for (int64_t index = 0; index < cells_.count; ++index)
                bytes_[static_cast<size_t>(index)] = booleans.IsValid(index) && booleans.Value(index);
            cells_.values = bytes_.data();
            break;
        }
        case arrow::Type::STRING:
        case arrow::Type::BINARY: texts(static_cast<const arrow::BinaryArray &>(*array_)); break;
        case arrow::Type::LARGE_STRING:
        case arrow::Type::LARGE_BINARY: texts(static_cast<const arrow::LargeBinaryArray &>(*array_)); break;
        case arrow::Type::NA: offsets_.assign(static_cast<size_t>(cells_.count) + 1, 0); break;
        default: {
            const auto &primitive = static_cast<const arrow::PrimitiveArray &>(*array_);
            const int64_t width = static_cast<const arrow::FixedWidthType &>(*array_->type()).bit_width() / 8;
            if (primitive.values() != nullptr) cells_.values = primitive.values()->data() + primitive.offset() * width;
        }
        }
        if (!offsets_.empty()) cells_.offsets = offsets_.data();
    }

    const carrow_cells *view() const { return &cells_; }

  private:
    template <typename Array>
    void texts(const Array &array) {
        const int64_t first = cells_.count > 0 ? array.value_offset(0) : 0;
        offsets_.resize(static_cast<size_t>(cells_.count) + 1);
        for (int64_t index = 0; index <= cells_.count && cells_.count > 0; ++index)
            offsets_[static_cast<size_t>(index)] = array.value_offset(index) - first;
        if (array.value_data() != nullptr) cells_.values = array.value_data()->data() + first;
    }

    std::shared_ptr<arrow::Array> array_;
    carrow_cells cells_{};
    std::vector<uint8_t> validity_;
    std::vector<uint8_t> bytes_;
    std::vector<int64_t> offsets_;
};

void deliver(
    std::shared_ptr<arrow::Array> array, const Description &description, void *context,
    void (*body)(void *, const carrow_cells *)) {
    std::vector<uint8_t> rows_valid;
    if (array->type_id() == arrow::Type::FIXED_SIZE_LIST) {
        const auto &list = static_cast<const arrow::FixedSizeListArray &>(*array);
        const int64_t rows = list.length();
        if (description.list_size > 0 && list.null_count() > 0) {
            rows_valid.resize(static_cast<size_t>(rows));
            for (int64_t row = 0; row < rows; ++row) rows_valid[static_cast<size_t>(row)] = list.IsValid(row);
        }
        const int64_t first = list.value_offset(0), count = rows * description.list_size;
        if (list.values()->length() < first + count) throw std::runtime_error("a list column is shorter than its rows");
        array = list.values()->Slice(first, count);
    }
    if (description.cast != nullptr) array = check(arrow::compute::Cast(*array, description.cast));
    const Part part(array, rows_valid, description.list_size);
    body(context, part.view());
}

/// The columns of the file that make up a column of the schema.
void add_leaves(const parquet::arrow::SchemaField &field, std::vector<int> &leaves) {
    if (field.column_index >= 0) leaves.push_back(field.column_index);
    for (const auto &child : field.children) add_leaves(child, leaves);
}

} // namespace

namespace arrow_library {

const char *version(void) { return ARROW_VERSION_STRING; }

carrow_reader *open(const char *path, const uint8_t *bytes, int64_t count, char **error) {
    return guarded<carrow_reader *>(error, nullptr, [&] {
        std::shared_ptr<arrow::io::RandomAccessFile> source;
        if (path != nullptr) {
            source = check(arrow::io::ReadableFile::Open(path));
        } else {
            source = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(bytes, count));
        }
        parquet::arrow::FileReaderBuilder builder;
        check(builder.Open(source));
        auto reader = std::make_unique<carrow_reader>();
        reader->file = check(builder.Build());
        std::shared_ptr<arrow::Schema> schema;
        check(reader->file->GetSchema(&schema));
        for (const auto &field : schema->fields()) reader->fields.emplace_back(*field);
        reader->metadata = std::make_unique<Metadata>(schema->metadata());
        return reader.release();
    });
}

void close(carrow_reader *reader) { delete reader; }

int64_t row_count(const carrow_reader *reader) { return reader->file->parquet_reader()->metadata()->num_rows(); }

int64_t field_count(const carrow_reader *reader) { return static_cast<int64_t>(reader->fields.size()); }

carrow_field get_field(const carrow_reader *reader, int64_t column) {
    const Field &field = reader->fields[static_cast<size_t>(column)];
    return carrow_field{
        slice(field.name), field.description.type, field.description.list_size, slice(field.description.zone),
        slice(field.type_name), field.metadata.view()};
}

carrow_metadata schema_metadata(const carrow_reader *reader) { return reader->metadata->view(); }

int64_t read_column(
    carrow_reader *reader, int64_t column, int64_t limit, void *context, void (*body)(void *, const carrow_cells *),
    char **error) {
    return guarded<int64_t>(error, -1, [&] {
        const Description &description = reader->fields.at(static_cast<size_t>(column)).description;
        if (description.type == CARROW_OTHER) throw std::runtime_error("the type of the column is not supported");
        int64_t rows = 0;
        const int groups = reader->file->num_row_groups();
        if (limit >= 0) {
            std::vector<int> some, leaves;
            int64_t covered = 0;
            for (int group = 0; group < groups && covered < limit; ++group) {
                some.push_back(group);
                covered += reader->file->parquet_reader()->metadata()->RowGroup(group)->num_rows();
            }
            if (limit == 0 || some.empty()) return rows;
            add_leaves(reader->file->manifest().schema_fields.at(static_cast<size_t>(column)), leaves);
            reader->file->set_batch_size(limit);
            const auto batches = check(reader->file->GetRecordBatchReader(some, leaves));
            while (rows < limit) {
                std::shared_ptr<arrow::RecordBatch> batch;
                check(batches->ReadNext(&batch));
                if (batch == nullptr) break;
                auto cells = batch->column(0);
                if (cells->length() > limit - rows) cells = cells->Slice(0, limit - rows);
                if (cells->length() == 0) continue;
                deliver(cells, description, context, body);
                rows += cells->length();
            }
            return rows;
        }
        for (int group = 0; group < groups; ++group) {
            std::shared_ptr<arrow::ChunkedArray> chunks;
            check(reader->file->RowGroup(group)->Column(static_cast<int>(column))->Read(&chunks));
            for (const auto &chunk : chunks->chunks()) {
                if (chunk->length() == 0) continue;
                deliver(chunk, description, context, body);
                rows += chunk->length();
            }
        }
        return rows;
    });
}

} // namespace arrow_library

#endif
