import Datastore
import FITS
import Foundation
import Parquet
import Tables

/// A table that lists files: text, the first table of a FITS file, Parquet or VOTable; which of them, its content tells.
///
/// Memory: the file.
struct ListedTable: Sendable {
    let columns: [String]
    fileprivate let content: Content
    fileprivate let name: String

    fileprivate enum Content: Sendable {
        case text(TextTableFile)
        case columns([TableColumn], rowCount: Int)
    }

    /// - Throws: ``CommandFailure`` that names the file, and the line or column.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure.refused("Cannot read the table '\(path)'; check that it exists.")
        }
        name = path
        let found: [TableColumn]
        let rowCount: Int
        if data.starts(with: Array("SIMPLE  =".utf8)) {
            guard let table = try FITSFile(contentsOf: path).hdus.lazy.compactMap(\.table).first else {
                throw CommandFailure.refused("The FITS file '\(path)' has no table; give one that lists files.")
            }
            found = try table.columns.map { column in
                guard let readable = try TableColumn(column) else {
                    throw CommandFailure.refused("\(path): column '\(column.name)' is of a type that cannot be read.")
                }
                return readable
            }
            rowCount = table.rowCount
        } else if data.starts(with: Array("PAR1".utf8)) {
            let table = try ParquetFile(contentsOf: path).read()
            (found, rowCount) = (table.columns, table.rowCount)
        } else if VOTableReader.recognizes(data) {
            do {
                let table = try VOTableReader.table(Array(data))
                (found, rowCount) = (table.columns, table.rowCount)
            } catch {
                throw CommandFailure.refused("\(path): \(error).")
            }
        } else {
            try Self.refuseUnknown(data, path)
            let text = try TextTableFile(bytes: Array(data), name: path)
            (columns, content) = (text.columns, .text(text))
            return
        }
        if let list = found.first(where: { !$0.shape.isEmpty }) {
            throw CommandFailure.refused("\(path): column '\(list.name)' holds lists; a value for each file is needed.")
        }
        guard !found.isEmpty else { throw CommandFailure.refused("The table '\(path)' has no columns.") }
        columns = found.map(\.name)
        content = .columns(found, rowCount: rowCount)
    }

    /// Formats that Python reads and Steward does not. HDF5 would tie every build to a library of its own, for one option of
    /// one command.
    private static func refuseUnknown(_ data: Data, _ path: String) throws {
        let start = String(decoding: data.prefix(512), as: UTF8.self).lowercased()
        let format = data.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) ? "HDF5"
            : start.contains("<html") || start.contains("<!doctype html") ? "HTML" : nil
        guard let format else { return }
        throw CommandFailure.refused(
            "The table '\(path)' is \(format), which is not read here; save it as ECSV or Parquet, such as with astropy: "
                + "Table.read('\(path)').write('table.ecsv').")
    }

    var rows: Rows { Rows(table: self) }

    /// The rows, one after another, as texts.
    struct Rows: Sendable {
        private let table: ListedTable
        private var text: TextTableFile.Rows?
        private var row = 0

        fileprivate init(table: ListedTable) {
            self.table = table
            if case .text(let file) = table.content { text = file.rows }
        }

        /// - Throws: ``CommandFailure`` that names the file, and the line or row.
        mutating func next() throws -> [String]? {
            guard case .columns(let columns, let count) = table.content else { return try text?.next() }
            guard row < count else { return nil }
            defer { row += 1 }
            return try columns.map { column in
                guard !column.isNull(row), let text = Self.text(column.values, row) else {
                    throw CommandFailure.refused(
                        "\(table.name): row \(row + 1) has no text or number in column '\(column.name)'.")
                }
                return text
            }
        }

        private static func text(_ values: ColumnValues, _ row: Int) -> String? {
            switch values {
            case .bool(let cells): cells[row] ? "True" : "False"
            case .int8(let cells): String(cells[row])
            case .int16(let cells): String(cells[row])
            case .int32(let cells): String(cells[row])
            case .int64(let cells): String(cells[row])
            case .uint8(let cells): String(cells[row])
            case .uint16(let cells): String(cells[row])
            case .uint32(let cells): String(cells[row])
            case .uint64(let cells): String(cells[row])
            case .float(let cells): String(cells[row])
            case .double(let cells): String(cells[row])
            case .string(let cells), .bytes(let cells): String(validating: cells[row], as: UTF8.self)
            case .timestamp: nil
            }
        }
    }
}
