import Foundation
import Parquet
import StructuredData
import Tables

/// Drives the table readers and writers from a test in another language.
///
///     table-probe describe FILE           one JSON document with names, types, cells and metadata
///     table-probe copy FILE FILE [STYLE]  from ECSV (.ecsv, .csv) or Parquet to either; the style is for Parquet
///     table-probe select FILE COLUMN...   as describe, of some columns
func table(_ path: String, _ columns: [String]?) throws -> Table {
    if path.hasSuffix(".parq") || path.hasSuffix(".parquet") {
        return try ParquetFile(contentsOf: path).read(columns: columns)
    }
    if path.hasSuffix(".vot") { return try VOTableReader.table(Array(try Data(contentsOf: URL(fileURLWithPath: path)))) }
    let table = try Table(ecsv: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    return try columns.map { try table.selecting($0) } ?? table
}

func cells(_ column: TableColumn) -> [StructuredValue] {
    (0..<column.values.count).map { cell in
        if column.isNull(cell) { return .null }
        switch column.values {
        case .bool(let cells): return .bool(cells[cell])
        case .int8(let cells): return .int(Int64(cells[cell]))
        case .int16(let cells): return .int(Int64(cells[cell]))
        case .int32(let cells): return .int(Int64(cells[cell]))
        case .int64(let cells), .timestamp(let cells, _): return .int(cells[cell])
        case .uint8(let cells): return .int(Int64(cells[cell]))
        case .uint16(let cells): return .int(Int64(cells[cell]))
        case .uint32(let cells): return .int(Int64(cells[cell]))
        case .uint64(let cells): return .string(String(cells[cell]))
        case .float(let cells): return .float(Double(cells[cell]))
        case .double(let cells): return .float(cells[cell])
        case .string(let cells): return .string(cells.text(cell))
        case .bytes(let cells): return .bytes(Array(cells[cell]))
        }
    }
}

func describe(_ table: Table) -> StructuredValue {
    [
        "rows": .int(Int64(table.rowCount)), "metadata": .object(table.metadata),
        "schema_metadata": .object(table.schemaMetadata),
        "columns": .array(
            table.columns.map { column in
                [
                    "name": .string(column.name), "type": .string(column.type.description),
                    "shape": .array(column.shape.map { .int(Int64($0)) }),
                    "unit": column.unit.map { .string($0) } ?? .null,
                    "description": column.description.map { .string($0) } ?? .null, "cells": .array(cells(column)),
                ]
            }),
    ]
}

let arguments = Array(CommandLine.arguments.dropFirst())
do {
    switch arguments.first {
    case "version": print(ParquetFile.libraryVersion ?? "none")
    case "describe" where arguments.count == 2: print(describe(try table(arguments[1], nil)))
    case "select" where arguments.count > 2: print(describe(try table(arguments[1], Array(arguments[2...]))))
    case "copy" where arguments.count >= 3:
        let source = try table(arguments[1], nil)
        let target = arguments[2]
        let bytes: [UInt8]
        if target.hasSuffix(".parq") {
            let styles: [String: ParquetStyle] = [
                "arrow": .arrow, "astropy": .astropy, "numpy": .numpy, "pandas": .pandas,
            ]
            bytes = try source.parquet(style: styles[arguments.count > 3 ? arguments[3] : "astropy"] ?? .astropy)
        } else {
            bytes = try source.ecsv(delimiter: target.hasSuffix(".csv") ? .comma : .blank)
        }
        try Data(bytes).write(to: URL(fileURLWithPath: target))
    default: print("ERROR usage: table-probe describe FILE | select FILE COLUMN... | copy FILE FILE [STYLE] | version")
    }
} catch {
    print("ERROR \(error)")
}
