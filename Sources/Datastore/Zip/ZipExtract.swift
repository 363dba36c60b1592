public import ButlerModel
import ByteText
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
        of name: String, size: Int64, keeping members: [ExactName: Set<DatasetID>],
        read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]
    ) async throws {
        archive = try await ZipArchive(ByteSource(name: name, size: size, reader: read))
        var parts = ZipParts()
        var kept: [(name: String, member: ZipArchive.Member)] = []
        for name in members.keys.map(\.text) where name != RetrievalIndex.fileName {
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
        _ bytes: [UInt8], of name: String, keeping members: [ExactName: Set<DatasetID>]
    ) throws -> [UInt8] {
        guard let text = try? StructuredValue(json: bytes), let index = IndexDocument(text) else {
            throw DatastoreError.malformedZip(
                path: name, reason: "its '\(RetrievalIndex.fileName)' is not one of the known form")
        }
        return index.keeping { members[$0]?.contains($1) ?? false }.bytes
    }
}

/// The bytes of an archive in the making: headers, packed members of another archive, and the directory at the end.
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

    private mutating func addHeader(_ entry: ZipEntry) {
        append(entry.localHeader)
        directory += entry.directoryEntry
        count += 1
    }

    mutating func add(_ name: String, _ member: ZipArchive.Member) {
        addHeader(
            ZipEntry(
                name: Array(name.utf8), method: UInt16(truncatingIfNeeded: member.method), checksum: member.checksum,
                compressedSize: member.compressedSize, size: member.size, offset: length))
        parts.append(.packed(member, offset: length))
        length += member.compressedSize
    }

    mutating func add(_ name: String, stored bytes: [UInt8]) {
        let size = UInt64(bytes.count)
        addHeader(
            ZipEntry(
                name: Array(name.utf8), method: 0, checksum: Inflation.checksum(bytes), compressedSize: size, size: size,
                offset: length))
        append(bytes)
    }

    mutating func finish() {
        let start = length
        append(directory)
        append(ZipEntry.end(entries: count, start: start, size: UInt64(directory.count)))
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
