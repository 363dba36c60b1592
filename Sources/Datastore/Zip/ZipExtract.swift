public import ButlerModel
import Database
import StructuredData

/// A zip archive that holds some members of another one, for those who may not see the rest.
///
/// Packed members are passed on as they are, so nothing is unpacked, and only what is read of the extract is read of
/// the archive. An index of the Butler's is cut down to the members that are left. Two extracts of the same archive with the
/// same members are the same bytes.
public struct ZipExtract: Sendable {
    /// Bytes of the extract.
    public let size: Int64
    /// Differs where the members or the index differ; the archive itself has to be told apart by other means.
    public let digest: String

    private let archive: ZipArchive
    private let segments: [Segment]

    private struct Segment: Sendable {
        let offset: UInt64
        let content: Content
        let length: UInt64
    }

    private enum Content: Sendable {
        case bytes([UInt8])
        /// The packed data of a member of the archive.
        case packed(ZipArchive.Member)
    }

    /// - Parameters:
    ///   - name: what messages call the archive.
    ///   - size: bytes of the archive.
    ///   - members: what is kept, and for each member the datasets that the index may name.
    ///   - read: exactly these bytes of the archive.
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)``, also for a member that the archive does not have.
    public init(
        of name: String, size: Int64, keeping members: [String: Set<DatasetID>],
        read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]
    ) async throws {
        archive = try await ZipArchive(ByteSource(name: name, size: size, reader: read))
        var parts = ZipParts()
        var kept: [(name: String, member: ZipArchive.Member)] = []
        for name in members.keys where name != RetrievalIndex.fileName {
            kept.append((name, try archive.member(name)))
        }
        kept.sort { $0.member.offset < $1.member.offset }
        if archive.members[RetrievalIndex.fileName] != nil {
            let index = try Self.index(try await archive.read(RetrievalIndex.fileName), of: name, keeping: members)
            parts.add(RetrievalIndex.fileName, stored: index)
        }
        for (name, member) in kept { parts.add(name, member) }
        parts.finish()
        var segments: [Segment] = []
        for part in parts.parts {
            switch part {
            case .bytes(let bytes, let offset):
                segments.append(Segment(offset: offset, content: .bytes(bytes), length: UInt64(bytes.count)))
            case .packed(let member, let offset):
                segments.append(Segment(offset: offset, content: .packed(member), length: member.compressedSize))
            }
        }
        self.segments = segments
        self.size = Int64(parts.length)
        var headers: [UInt8] = []
        for segment in segments { if case .bytes(let bytes) = segment.content { headers += bytes } }
        digest = String(BLAKE2b.hexadecimalDigest(of: headers).prefix(16))
    }

    /// Exactly these bytes of the extract. Cost: the members that the range touches.
    public func read(_ range: Range<Int64>) async throws -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "the range leaves the archive")
        let wanted = UInt64(range.lowerBound)..<UInt64(range.upperBound)
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var index = segments.partitioningIndex { $0.offset + $0.length > wanted.lowerBound }
        while index < segments.count, segments[index].offset < wanted.upperBound {
            let segment = segments[index]
            let start = max(wanted.lowerBound, segment.offset) - segment.offset
            let end = min(wanted.upperBound, segment.offset + segment.length) - segment.offset
            switch segment.content {
            case .bytes(let bytes): result += bytes[Int(start)..<Int(end)]
            case .packed(let member) where start < end:
                result += try await archive.packed(member, start..<end)
            case .packed: break
            }
            index += 1
        }
        return result
    }

    /// What the Butler's index says of the members that are kept, and nothing else of what it says.
    private static func index(
        _ bytes: [UInt8], of name: String, keeping members: [String: Set<DatasetID>]
    ) throws -> [UInt8] {
        func failure(_ reason: String) -> DatastoreError {
            .malformedZip(path: name, reason: "its '\(RetrievalIndex.fileName)' \(reason)")
        }
        guard let index = try? StructuredValue(json: bytes), let refs = index["refs"]?.objectValue,
            let compact = refs["compact_refs"]?.objectValue, let types = refs["dataset_types"]?.objectValue,
            let artifacts = index["artifact_map"]?.objectValue
        else { throw failure("is not one of the known form") }
        var shown = Set<DatasetID>()
        var keptArtifacts = StructuredMapping()
        for (path, entry) in artifacts.pairs {
            guard let allowed = members[path] else { continue }
            let ids = (entry["ids"]?.arrayValue ?? []).filter { id in
                guard let id = id.stringValue.flatMap({ DatasetID($0) }), allowed.contains(id) else { return false }
                shown.insert(id)
                return true
            }
            guard !ids.isEmpty else { continue }
            keptArtifacts[path] = ["info": entry["info"] ?? .null, "ids": .array(ids)]
        }
        var keptRefs = StructuredMapping()
        var typeNames = Set<String>()
        for (text, ref) in compact.pairs {
            guard let id = DatasetID(text), shown.contains(id) else { continue }
            keptRefs[text] = ref
            if let type = ref["dataset_type_name"]?.stringValue { typeNames.insert(type) }
        }
        var container = StructuredMapping()
        for key in ["container_version", "universe_version", "universe_namespace"] { container[key] = refs[key] ?? .null }
        container["dataset_types"] = .object(StructuredMapping(types.pairs.filter { typeNames.contains($0.key) }))
        container["compact_refs"] = .object(keptRefs)
        // Records belong to no dataset in particular.
        container["dimension_records"] = refs["dimension_records"] ?? .null
        var writer = JSONWriter()
        writer.value(
            .object([
                "index_version": index["index_version"] ?? .null, "refs": .object(container),
                "artifact_map": .object(keptArtifacts),
            ]))
        return writer.bytes
    }
}

/// The bytes of an archive in the making: headers, packed members of another archive, and the directory at the end.
/// Source: PKWARE APPNOTE 6.3.10.
private struct ZipParts {
    enum Part {
        case bytes([UInt8], offset: UInt64)
        case packed(ZipArchive.Member, offset: UInt64)
    }

    private(set) var parts: [Part] = []
    private(set) var length: UInt64 = 0
    private var directory: [UInt8] = []
    private var count: UInt64 = 0

    private mutating func append(_ bytes: [UInt8]) {
        parts.append(.bytes(bytes, offset: length))
        length += UInt64(bytes.count)
    }

    mutating func add(_ name: String, _ member: ZipArchive.Member) {
        addHeader(name, member)
        parts.append(.packed(member, offset: length))
        length += member.compressedSize
    }

    mutating func add(_ name: String, stored bytes: [UInt8]) {
        addHeader(
            name,
            ZipArchive.Member(
                method: 0, checksum: Inflation.checksum(bytes), compressedSize: UInt64(bytes.count),
                size: UInt64(bytes.count), offset: 0, nameLength: UInt64(name.utf8.count), mode: 0o100644))
        append(bytes)
    }

    private mutating func addHeader(_ name: String, _ member: ZipArchive.Member) {
        let isWide = member.size >= 0xFFFF_FFFF || member.compressedSize >= 0xFFFF_FFFF || length >= 0xFFFF_FFFF
        var common: [UInt8] = []
        // Version needed, flags (names in UTF-8), method, time and date (1980-01-01), checksum.
        common.append(isWide ? 45 : 20, bytes: 2)
        common.append(0x0800, bytes: 2)
        common.append(member.method, bytes: 2)
        common.append(0, bytes: 2)
        common.append(0x0021, bytes: 2)
        common.append(UInt64(member.checksum), bytes: 4)
        common.append(isWide ? 0xFFFF_FFFF : member.compressedSize, bytes: 4)
        common.append(isWide ? 0xFFFF_FFFF : member.size, bytes: 4)
        common.append(UInt64(name.utf8.count), bytes: 2)

        var header: [UInt8] = []
        header.append(0x0403_4b50, bytes: 4)
        header += common
        header.append(isWide ? 20 : 0, bytes: 2)
        header += name.utf8
        var entry: [UInt8] = []
        entry.append(0x0201_4b50, bytes: 4)
        entry.append(isWide ? 45 : 20, bytes: 2)
        entry += common
        entry.append(isWide ? 28 : 0, bytes: 2)
        // Comment, disk, attributes.
        entry.append(0, bytes: 2)
        entry.append(0, bytes: 2)
        entry.append(0, bytes: 2)
        entry.append(0o100644 << 16, bytes: 4)
        entry.append(isWide ? 0xFFFF_FFFF : length, bytes: 4)
        entry += name.utf8
        if isWide {
            header.append(1, bytes: 2)
            header.append(16, bytes: 2)
            header.append(member.size, bytes: 8)
            header.append(member.compressedSize, bytes: 8)
            entry.append(1, bytes: 2)
            entry.append(24, bytes: 2)
            entry.append(member.size, bytes: 8)
            entry.append(member.compressedSize, bytes: 8)
            entry.append(length, bytes: 8)
        }
        append(header)
        directory += entry
        count += 1
    }

    mutating func finish() {
        let start = length
        append(directory)
        var end: [UInt8] = []
        let isWide = start >= 0xFFFF_FFFF || directory.count >= 0xFFFF_FFFF || count >= 0xFFFF
        if isWide {
            let record = length
            end.append(0x0606_4b50, bytes: 4)
            end.append(44, bytes: 8)
            end.append(45, bytes: 2)
            end.append(45, bytes: 2)
            end.append(0, bytes: 4)
            end.append(0, bytes: 4)
            end.append(count, bytes: 8)
            end.append(count, bytes: 8)
            end.append(UInt64(directory.count), bytes: 8)
            end.append(start, bytes: 8)
            end.append(0x0706_4b50, bytes: 4)
            end.append(0, bytes: 4)
            end.append(record, bytes: 8)
            end.append(1, bytes: 4)
        }
        end.append(0x0605_4b50, bytes: 4)
        end.append(0, bytes: 4)
        end.append(isWide ? 0xFFFF : count, bytes: 2)
        end.append(isWide ? 0xFFFF : count, bytes: 2)
        end.append(isWide ? 0xFFFF_FFFF : UInt64(directory.count), bytes: 4)
        end.append(isWide ? 0xFFFF_FFFF : start, bytes: 4)
        end.append(0, bytes: 2)
        append(end)
    }
}

extension [UInt8] {
    /// A little-endian number.
    fileprivate mutating func append(_ value: UInt64, bytes count: Int) {
        for position in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(position)))) }
    }
}

extension Array {
    /// The first index whose element, and all after it, fulfil a condition; by halving.
    fileprivate func partitioningIndex(where condition: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
