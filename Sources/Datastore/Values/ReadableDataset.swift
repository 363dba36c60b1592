import AstroTime
import FITS
import StructuredData
import Tables

/// A type that datasets can be read as.
public protocol ReadableDataset: Sendable {
    /// What messages call such a value, with its article.
    static var datasetKind: String { get }

    /// `nil` for a dataset of another kind.
    /// - Throws: what is wrong with a dataset of this kind.
    init?(dataset value: DatasetValue) throws
}

extension DatasetValue {
    /// This value as a type of the caller's choice.
    ///
    /// - Parameter dataset: for messages.
    /// - Throws: ``DatastoreError/wrongType(dataset:expected:found:)`` for a value of another kind, and what the type
    ///   itself objects to.
    public func converted<Value: ReadableDataset>(to type: Value.Type, dataset: String) throws -> Value {
        let problem: String
        do {
            if let value = try Value(dataset: self) { return value }
            problem = kindName
        } catch let error as FITSError {
            problem = "\(kindName) that is not complete: \(error)"
        } catch let error as TableError {
            problem = "\(kindName) in which \(error)"
        }
        throw DatastoreError.wrongType(dataset: dataset, expected: Value.datasetKind, found: problem)
    }
}

extension DatasetValue: ReadableDataset {
    public static var datasetKind: String { "any value" }
    public init?(dataset value: DatasetValue) { self = value }
}

// MARK: - Structured data

extension StructuredValue: ReadableDataset {
    public static var datasetKind: String { "structured data" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured else { return nil }
        self = content
    }
}

extension StructuredMapping: ReadableDataset {
    public static var datasetKind: String { "a mapping" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured?.objectValue else { return nil }
        self = content
    }
}

extension Int64: ReadableDataset {
    public static var datasetKind: String { "an integer" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured?.intValue else { return nil }
        self = content
    }
}

extension Int: ReadableDataset {
    public static var datasetKind: String { "an integer" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured?.intValue else { return nil }
        self.init(exactly: content)
    }
}

extension Double: ReadableDataset {
    public static var datasetKind: String { "a number" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured?.numberValue else { return nil }
        self = content
    }
}

extension Bool: ReadableDataset {
    public static var datasetKind: String { "a boolean" }

    public init?(dataset value: DatasetValue) {
        guard let content = value.structured?.boolValue else { return nil }
        self = content
    }
}

/// A text file, or a string in structured data.
extension String: ReadableDataset {
    public static var datasetKind: String { "text" }

    public init?(dataset value: DatasetValue) {
        switch value {
        case .text(let text), .structured(.string(let text)): self = text
        default: return nil
        }
    }
}

/// A list whose members all are of the given type.
extension Array: ReadableDataset where Element: ReadableDataset {
    public static var datasetKind: String { "a list in which each member is \(Element.datasetKind)" }

    public init?(dataset value: DatasetValue) throws {
        guard let items = value.structured?.arrayValue else { return nil }
        self = []
        for item in items {
            guard let element = try Element(dataset: .structured(item)) else { return nil }
            append(element)
        }
    }
}

/// A mapping, or a composite, whose members all are of the given type.
extension Dictionary: ReadableDataset where Key == String, Value: ReadableDataset {
    public static var datasetKind: String { "a mapping in which each value is \(Value.datasetKind)" }

    public init?(dataset value: DatasetValue) throws {
        self = [:]
        if case .composite(let components) = value {
            for (name, component) in components {
                guard let member = try Value(dataset: component) else { return nil }
                self[name] = member
            }
            return
        }
        guard let mapping = value.structured?.objectValue else { return nil }
        for (name, content) in mapping.pairs {
            guard let member = try Value(dataset: .structured(content)) else { return nil }
            self[name] = member
        }
    }
}

extension Timespan: ReadableDataset {
    public static var datasetKind: String { "a timespan" }

    public init?(dataset value: DatasetValue) {
        guard let bounds = value.structured?.arrayValue, bounds.count == 2, let begin = bounds[0].intValue,
            let end = bounds[1].intValue
        else { return nil }
        self.init(storedNanoseconds: begin, end)
    }
}

// MARK: - Files

extension OpaqueDataset: ReadableDataset {
    public static var datasetKind: String { "a file that is not looked at" }

    public init?(dataset value: DatasetValue) {
        guard case .opaque(let file) = value else { return nil }
        self = file
    }
}

extension FITSFile: ReadableDataset {
    public static var datasetKind: String { "a FITS file" }

    public init?(dataset value: DatasetValue) throws {
        switch value {
        case .fits(let file): self = file
        case .image(let content): self = try content.file(recipe: .noCompression)
        default: return nil
        }
    }
}

/// The first image of the file.
extension FITSImage: ReadableDataset {
    public static var datasetKind: String { "a FITS image" }

    public init?(dataset value: DatasetValue) throws {
        guard let image = try FITSFile(dataset: value)?.hdus.lazy.compactMap(\.image).first else { return nil }
        self = image
    }
}

/// The first table of the file.
extension FITSTable: ReadableDataset {
    public static var datasetKind: String { "a FITS table" }

    public init?(dataset value: DatasetValue) throws {
        guard let table = try FITSFile(dataset: value)?.hdus.lazy.compactMap(\.table).first else { return nil }
        self = table
    }
}

/// The header of the primary HDU.
extension FITSHeader: ReadableDataset {
    public static var datasetKind: String { "a FITS header" }

    public init?(dataset value: DatasetValue) throws {
        guard let header = try FITSFile(dataset: value)?.hdus.first?.header else { return nil }
        self = header
    }
}

/// A file with the three planes, or a composite with a file for each.
extension MaskedImage: ReadableDataset {
    public static var datasetKind: String { kindName }

    public init?(dataset value: DatasetValue) throws {
        switch value {
        case .image(let content as MaskedImage): self = content
        case .composite(let components):
            guard let image = try components["image"].flatMap({ try FITSFile(dataset: $0) }),
                let mask = try components["mask"].flatMap({ try FITSFile(dataset: $0) }),
                let variance = try components["variance"].flatMap({ try FITSFile(dataset: $0) })
            else { return nil }
            try self.init(image: image, mask: mask, variance: variance)
        default:
            guard let file = try FITSFile(dataset: value) else { return nil }
            try self.init(file)
        }
    }
}

extension Exposure: ReadableDataset {
    public static var datasetKind: String { kindName }

    public init?(dataset value: DatasetValue) throws {
        switch value {
        case .image(let content as Exposure): self = content
        case .composite:
            guard let image = try MaskedImage(dataset: value) else { return nil }
            self.init(image)
        default:
            guard let file = try FITSFile(dataset: value) else { return nil }
            try self.init(file)
        }
    }
}

/// Where an image lies in its parent image: the component `bbox` of images and exposures.
extension PixelBox: ReadableDataset {
    public static var datasetKind: String { "a box of pixels" }

    public init?(dataset value: DatasetValue) {
        guard let x = Self.range(value.structured?["x"]), let y = Self.range(value.structured?["y"]) else { return nil }
        self.init(x: x, y: y)
    }

    private static func range(_ value: StructuredValue?) -> Range<Int>? {
        guard let bounds = value?.arrayValue?.compactMap({ $0.intValue.map { Int($0) } }), bounds.count == 2,
            bounds[0] <= bounds[1]
        else { return nil }
        return bounds[0]..<bounds[1]
    }

    /// The form that ``init(dataset:)`` reads.
    var structured: StructuredValue {
        [
            "x": [.int(Int64(x.lowerBound)), .int(Int64(x.upperBound))],
            "y": [.int(Int64(y.lowerBound)), .int(Int64(y.upperBound))],
        ]
    }
}
