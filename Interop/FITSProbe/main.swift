import FITS

/// Lets tests in other languages drive the FITS module.
///
///     fits-probe describe FILE           one line per HDU: name, pixel type, shape, sum of the finite pixels; its cards
///     fits-probe copy IN OUT [ALGORITHM] reads a file and writes it again, images compressed with the algorithm
///     fits-probe masked IN OUT RECIPE    reads a masked image and writes it with a recipe
///     fits-probe bench FILE OUT          times in milliseconds: reading the file, writing it again
func run(_ arguments: [String]) throws {
    guard arguments.count >= 3 else {
        throw FITSError.invalidContent(what: "the command line", reason: "see the source")
    }
    switch arguments[1] {
    case "describe": try describe(FITSFile(contentsOf: arguments[2]))
    case "copy" where arguments.count >= 4:
        var file = try FITSFile(contentsOf: arguments[2])
        if arguments.count > 4, let algorithm = FITSCompression.Algorithm(rawValue: arguments[4]) {
            file.hdus = file.hdus.map { hdu in
                guard case .image(var image) = hdu, image.image != nil else { return hdu }
                image.compression = FITSCompression(algorithm)
                return .image(image)
            }
        }
        try file.write(to: arguments[3], overwriting: true)
    case "masked" where arguments.count >= 5:
        guard let recipe = WriteRecipe.named(arguments[4]) else {
            throw FITSError.invalidContent(what: "recipe \(arguments[4])", reason: "there is none of this name")
        }
        try MaskedImage(FITSFile(contentsOf: arguments[2])).file(recipe: recipe).write(
            to: arguments[3], overwriting: true)
    case "bench" where arguments.count >= 4:
        let clock = ContinuousClock()
        for _ in 0..<5 {
            var file = FITSFile(hdus: [])
            let reading = try clock.measure { file = try FITSFile(contentsOf: arguments[2]) }
            let coding = try clock.measure { _ = try file.bytes() }
            let writing = try clock.measure { try file.write(to: arguments[3], overwriting: true) }
            print("read \(milliseconds(reading)) encode \(milliseconds(coding)) write \(milliseconds(writing))")
        }
    default: throw FITSError.invalidContent(what: "command \(arguments[1])", reason: "see the source")
    }
}

func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }

func describe(_ file: FITSFile) {
    for (index, hdu) in file.hdus.enumerated() {
        switch hdu {
        case .image(let image):
            if let pixels = image.image {
                let (type, sum) = summary(pixels.pixels)
                print("HDU", index, hdu.name ?? "-", type, pixels.shape.map(String.init).joined(separator: "x"), sum)
            } else {
                print("HDU", index, hdu.name ?? "-", "empty")
            }
        case .table(let table):
            print("HDU", index, hdu.name ?? "-", "table", table.table.rowCount)
            for column in table.table.columns {
                print("COLUMN", column.name, column.elementsPerRow, column.values)
            }
        }
        for card in hdu.header.cards { print("CARD", card.keyword, card.value, "/", card.comment) }
    }
}

func summary(_ pixels: FITSPixels) -> (String, Double) {
    func sum<Element: BinaryInteger>(_ values: [Element]) -> Double { values.reduce(0) { $0 + Double($1) } }
    func sum<Element: BinaryFloatingPoint>(_ values: [Element]) -> Double {
        values.reduce(0) { $1.isFinite ? $0 + Double($1) : $0 }
    }
    return switch pixels {
    case .int8(let values): ("int8", sum(values))
    case .uint8(let values): ("uint8", sum(values))
    case .int16(let values): ("int16", sum(values))
    case .uint16(let values): ("uint16", sum(values))
    case .int32(let values): ("int32", sum(values))
    case .uint32(let values): ("uint32", sum(values))
    case .int64(let values): ("int64", sum(values))
    case .float(let values): ("float32", sum(values))
    case .double(let values): ("float64", sum(values))
    }
}

do { try run(CommandLine.arguments) } catch {
    print("ERROR", error)
}
