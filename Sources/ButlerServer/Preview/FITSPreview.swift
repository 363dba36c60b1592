import FITS
import StructuredData

/// A look at one HDU of a FITS file.
enum FITSPreview {
    private static let shares = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]
    /// Decoded pixels of one HDU take no more than this.
    private static let limits = FITSLimits(maximumHDUBytes: 1 << 30, maximumHDUs: 1000)
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
            let columns = hdu.table.columns.filter { $0.values.count != nil }
            members["columns"] = .array(
                hdu.table.columns.map { .object(["name": .string($0.name), "unit": .string($0.unit)]) })
            members["rows"] = .array(
                (0..<hdu.table.rowCount).map { row in .array(hdu.table.columns.map { $0.cell(row) }) })
            members["unreadable"] = .int(Int64(hdu.table.columns.count - columns.count))
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

extension FITSColumn {
    /// A cell as JSON has it: a list for several elements, null for what cannot be read.
    fileprivate func cell(_ row: Int) -> StructuredValue {
        guard elementsPerRow != 1 else { return element(row) }
        return .array((row * elementsPerRow..<(row + 1) * elementsPerRow).prefix(16).map(element))
    }

    private func element(_ index: Int) -> StructuredValue {
        switch values {
        case .bool(let cells): .bool(cells[index])
        case .int8(let cells): .int(Int64(cells[index]))
        case .uint8(let cells): .int(Int64(cells[index]))
        case .int16(let cells): .int(Int64(cells[index]))
        case .uint16(let cells): .int(Int64(cells[index]))
        case .int32(let cells): .int(Int64(cells[index]))
        case .uint32(let cells): .int(Int64(cells[index]))
        // Browsers have doubles only.
        case .int64(let cells): .string(String(cells[index]))
        case .uint64(let cells): .string(String(cells[index]))
        case .float(let cells): Double(cells[index]).isFinite ? .string("\(cells[index])") : .null
        case .double(let cells): cells[index].isFinite ? .float(cells[index]) : .null
        case .string(let cells, _): .string(cells[index])
        case .unsupported: .null
        }
    }
}
