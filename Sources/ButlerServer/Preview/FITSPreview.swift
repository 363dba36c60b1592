import Datastore
import FITS
import StructuredData
import Tables

/// A look at one HDU of a FITS file.
enum FITSPreview {
    private static let shares = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]
    /// Decoded pixels of one HDU take no more than this.
    private static let limits = FITSLimits(maximumHDUBytes: 512 << 20, maximumHDUs: 1000)
    private static let mostCards = 1000

    /// - Parameter hdu: `nil` for the first image, or else the first table.
    static func document(_ bytes: [UInt8], hdu: Int?, rows: Int) throws -> StructuredMapping {
        let part = try FITSPart(bytes: bytes, name: "The file", hdu: hdu, maximumRows: rows, limits: limits)
        var members: StructuredMapping = [
            "kind": "header", "format": "FITS", "hdu": .int(Int64(part.index)),
            "hdus": .array(
                part.summaries.map { summary in
                    .object([
                        "kind": .string(summary.kind.rawValue), "name": .string(summary.name ?? ""),
                        "shape": .array(summary.shape.map { .int(Int64($0)) }),
                    ])
                }),
            "header": .array(part.hdu.header.cards.prefix(mostCards).map(card)),
        ]
        switch part.hdu {
        case .image(let hdu):
            guard let image = hdu.image, let reduced = ImageReduction(image) else { break }
            members["kind"] = "image"
            members["unit"] = .string(hdu.header.string("BUNIT") ?? "")
            add(reduced, to: &members)
        case .table(let hdu):
            members["kind"] = "table"
            members["row_count"] = .int(Int64(part.summaries[part.index].shape.first ?? 0))
            let columns = try hdu.table.columns.map { try TableColumn($0) }
            members["columns"] = .array(
                hdu.table.columns.map { .object(["name": .string($0.name), "unit": .string($0.unit)]) })
            members["rows"] = .array(
                (0..<hdu.table.rowCount).map { row in
                    .array(columns.map { column in column.map { TableCells.cell($0, row) } ?? .null })
                })
            members["unreadable"] = .int(Int64(columns.count { $0 == nil }))
        }
        return members
    }

    private static func add(_ image: ImageReduction, to members: inout StructuredMapping) {
        members["width"] = .int(Int64(image.width))
        members["height"] = .int(Int64(image.height))
        members["block"] = .int(Int64(image.block))
        members["columns"] = .int(Int64(image.columns))
        members["rows"] = .int(Int64(image.rows))
        members["values"] = .bytes(image.bytes)
        let quantiles = image.quantiles([0] + shares + [1])
        members["quantiles"] = .array(
            zip([0] + shares + [1], quantiles).map { .array([.float($0), .float(Double($1))]) })
    }

    private static func card(_ card: FITSCard) -> StructuredValue {
        let value: StructuredValue =
            switch card.value {
            case .bool(let flag): .bool(flag)
            case .int(let number): .int(number)
            case .float(let number): .float(number)
            case .string(let text), .commentary(let text): .string(text)
            case .undefined: .null
            }
        return .array([.string(card.keyword), value, .string(card.comment)])
    }
}
