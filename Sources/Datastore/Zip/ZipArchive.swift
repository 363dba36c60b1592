import ByteText
import Foundation

/// A zip archive that is read in place, member by member. Stored and deflated members and archives beyond 4 GB
/// (zip64) are understood; encryption, other compressions and archives in several parts are refused.
///
/// The index is read once, when the archive is opened: cost O(members). Source: PKWARE APPNOTE 6.3.10.
struct ZipArchive: Sendable {
    struct Member: Sendable, Hashable {
        let method: UInt64
        let checksum: UInt32
        let compressedSize: UInt64
        /// Bytes of the member once unpacked.
        let size: UInt64
        /// Where its local header begins.
        let offset: UInt64
        /// Bytes of its name, which the local header repeats.
        let nameLength: UInt64
        /// The mode of the file that it was made from, as Unix knows it; 0 when the archive does not tell.
        let mode: UInt32
    }

    let members: [ExactName: Member]
    private let source: ByteSource
    /// Where the index begins, after the last member.
    private let indexOffset: UInt64

    private static let stored: UInt64 = 0
    private static let deflated: UInt64 = 8
    /// Deflate cannot pack better than about 1032 to 1, so a larger ratio is a lie that would only cost memory.
    private static let largestRatio: UInt64 = 1040
    /// Members are held in memory whole.
    private static let largestMember = ProcessInfo.processInfo.physicalMemory / 2

    /// - Throws: ``DatastoreError/malformedZip(path:reason:)``.
    init(_ source: ByteSource) async throws {
        self.source = source
        let index = try await ZipIndexLocation(source)
        let bytes = try await source.read(at: index.offset, count: index.size)
        var cursor = ByteCursor(bytes)
        var members: [ExactName: Member] = [:]
        for _ in 0..<index.memberCount {
            let (name, member) = try Self.entry(&cursor, name: source.name)
            guard members.updateValue(member, forKey: ExactName(name)) == nil else {
                throw DatastoreError.malformedZip(path: source.name, reason: "it holds '\(name)' twice")
            }
        }
        self.members = members
        indexOffset = index.offset
    }

    private static func entry(_ cursor: inout ByteCursor, name source: String) throws -> (String, Member) {
        func failure(_ reason: String) -> DatastoreError { .malformedZip(path: source, reason: reason) }
        // Signature, versions made by and needed, flags, method, time, date.
        guard cursor.integer(4) == 0x0201_4b50, let madeBy = cursor.integer(2), cursor.skip(2), let flags = cursor.integer(2),
            let method = cursor.integer(2), cursor.skip(4), let checksum = cursor.integer(4),
            var compressedSize = cursor.integer(4), var size = cursor.integer(4), let nameLength = cursor.integer(2),
            let extraLength = cursor.integer(2), let commentLength = cursor.integer(2), var disk = cursor.integer(2),
            cursor.skip(2), let attributes = cursor.integer(4), var offset = cursor.integer(4), let nameBytes = cursor.take(Int(nameLength)),
            let extra = cursor.take(Int(extraLength)), cursor.skip(Int(commentLength))
        else { throw failure("its index is damaged") }
        let name = String(decoding: nameBytes, as: UTF8.self)

        // The zip64 field holds, in this order, the numbers that did not fit above.
        var fields = ByteCursor(extra)
        while let kind = fields.integer(2), let length = fields.integer(2), let content = fields.take(Int(length)) {
            guard kind == 1 else { continue }
            var wide = ByteCursor(content)
            func widen(_ value: inout UInt64, _ mark: UInt64, _ count: Int) throws {
                guard value == mark else { return }
                guard let number = wide.integer(count) else { throw failure("the sizes of '\(name)' are damaged") }
                value = number
            }
            try widen(&size, 0xFFFF_FFFF, 8)
            try widen(&compressedSize, 0xFFFF_FFFF, 8)
            try widen(&offset, 0xFFFF_FFFF, 8)
            try widen(&disk, 0xFFFF, 4)
        }
        guard flags & 0x2041 == 0 else { throw failure("'\(name)' is encrypted") }
        guard disk == 0 else { throw failure("it is part of an archive in several files") }
        return (
            name,
            Member(
                method: method, checksum: UInt32(truncatingIfNeeded: checksum), compressedSize: compressedSize,
                size: size, offset: offset, nameLength: nameLength,
                mode: madeBy >> 8 == 3 ? UInt32(truncatingIfNeeded: attributes >> 16) : 0)
        )
    }

    /// Makes sure that an archive from elsewhere is what it seems to be: every member has room of its own before the
    /// index, is a plain file, and has a plain name below the archive. Reads nothing. Cost: O(n log n) in members.
    ///
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)``.
    func checkLayout() throws(DatastoreError) {
        func failure(_ reason: String) -> DatastoreError { .malformedZip(path: source.name, reason: reason) }
        let inOrder = members.sorted { ($0.value.offset, $0.key) < ($1.value.offset, $1.key) }
        for (index, (name, member)) in inOrder.enumerated() {
            guard ArchiveName.isPlain(name.text) else {
                throw failure("the name '\(name)' of a member leads out of the archive or is not plain")
            }
            // Types other than regular files, if a type is told at all.
            guard [0, 0o100000].contains(member.mode & 0o170000) else {
                throw failure("the member '\(name)' is a link or another special file")
            }
            let limit = index + 1 < inOrder.count ? inOrder[index + 1].value.offset : indexOffset
            let (head, headOverflow) = member.offset.addingReportingOverflow(30 + member.nameLength)
            let (end, overflow) = head.addingReportingOverflow(member.compressedSize)
            guard !headOverflow, !overflow, end <= limit else {
                throw failure("the member '\(name)' overlaps what follows it")
            }
        }
    }

    /// The bytes of a member, checked against its checksum. Memory: its packed and unpacked size.
    ///
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)`` for an unknown or damaged member.
    func read(_ name: String) async throws -> [UInt8] {
        func failure(_ reason: String) -> DatastoreError { .malformedZip(path: source.name, reason: reason) }
        let member = try member(name)
        guard member.size <= Self.largestMember, member.compressedSize <= Self.largestMember else {
            throw failure(
                "'\(name)' has \(max(member.size, member.compressedSize)) bytes, more than half of this machine's memory; "
                    + "unpack it elsewhere")
        }
        guard member.method != Self.deflated || member.size / Self.largestRatio <= member.compressedSize else {
            throw failure("the packed data of '\(name)' is damaged")
        }
        let packed = try await packed(member, 0..<member.compressedSize)
        let bytes: [UInt8]
        switch member.method {
        case Self.stored:
            guard member.size == member.compressedSize else {
                throw failure("the sizes of '\(name)' contradict each other")
            }
            bytes = packed
        case Self.deflated:
            guard let unpacked = Inflation.inflate(packed, size: Int(member.size)) else {
                throw failure("the packed data of '\(name)' is damaged")
            }
            bytes = unpacked
        default: throw failure("'\(name)' is packed with the unknown method \(member.method)")
        }
        guard Inflation.checksum(bytes) == member.checksum else { throw failure("the checksum of '\(name)' is wrong") }
        return bytes
    }

    /// - Throws: ``DatastoreError/malformedZip(path:reason:)`` when there is none of this name.
    func member(_ name: String) throws -> Member {
        guard let member = members[name] else {
            throw DatastoreError.malformedZip(path: source.name, reason: "it has no member '\(name)'")
        }
        return member
    }

    /// A part of a member's data as the archive holds it.
    func packed(_ member: Member, _ range: Range<UInt64>) async throws -> [UInt8] {
        let failure = DatastoreError.malformedZip(path: source.name, reason: "its index points to no member")
        var header = ByteCursor(try await source.read(at: member.offset, count: 30))
        guard header.integer(4) == 0x0403_4b50, header.skip(22), let nameLength = header.integer(2),
            let extraLength = header.integer(2)
        else { throw failure }
        let (start, overflow) = member.offset.addingReportingOverflow(30 + nameLength + extraLength)
        guard !overflow, start <= .max - range.upperBound else { throw failure }
        return try await source.read(at: start + range.lowerBound, count: range.upperBound - range.lowerBound)
    }
}

/// Where the index of an archive is, found from the end of the file.
private struct ZipIndexLocation {
    let offset: UInt64
    let size: UInt64
    let memberCount: UInt64

    private static let endSize = 22
    private static let longestComment = 0xFFFF

    init(_ source: ByteSource) async throws {
        func failure(_ reason: String) -> DatastoreError { .malformedZip(path: source.name, reason: reason) }
        let tailSize = min(UInt64(source.size), UInt64(Self.endSize + Self.longestComment))
        let tailStart = UInt64(source.size) - tailSize
        let tail = try await source.read(at: tailStart, count: tailSize)
        guard let end = Self.endRecord(in: tail) else { throw failure("it has no zip index at its end") }
        var cursor = ByteCursor(tail[end...])
        guard cursor.skip(4), var disk = cursor.integer(2), var indexDisk = cursor.integer(2),
            var countHere = cursor.integer(2), var count = cursor.integer(2), var size = cursor.integer(4),
            var offset = cursor.integer(4)
        else { throw failure("it has no zip index at its end") }

        if count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
            let locatorStart = tailStart + UInt64(end)
            guard locatorStart >= 20 else { throw failure("its zip64 index is missing") }
            var locator = ByteCursor(try await source.read(at: locatorStart - 20, count: 20))
            if locator.integer(4) == 0x0706_4b50, locator.skip(4), let position = locator.integer(8) {
                var record = ByteCursor(try await source.read(at: position, count: 56))
                guard record.integer(4) == 0x0606_4b50, record.skip(12), let wideDisk = record.integer(4),
                    let wideIndexDisk = record.integer(4), let wideHere = record.integer(8),
                    let wideCount = record.integer(8), let wideSize = record.integer(8),
                    let wideOffset = record.integer(8)
                else { throw failure("its zip64 index is damaged") }
                (disk, indexDisk, countHere, count) = (wideDisk, wideIndexDisk, wideHere, wideCount)
                (size, offset) = (wideSize, wideOffset)
            }
        }
        guard disk == 0, indexDisk == 0, countHere == count else {
            throw failure("it is part of an archive in several files")
        }
        // Every entry takes at least 46 bytes, so the count cannot make us loop for long.
        guard count <= size / 46 else { throw failure("its index is too short for \(count) members") }
        (self.offset, self.size, memberCount) = (offset, size, count)
    }

    /// The last end record whose comment reaches exactly to the end of the file.
    private static func endRecord(in tail: [UInt8]) -> Int? {
        guard tail.count >= endSize else { return nil }
        return (0...(tail.count - endSize)).last { start in
            tail[start] == 0x50 && tail[start + 1] == 0x4b && tail[start + 2] == 5 && tail[start + 3] == 6
                && Int(tail[start + 20]) + Int(tail[start + 21]) << 8 == tail.count - start - endSize
        }
    }
}

/// Names of members that can be used as relative paths.
enum ArchiveName {
    /// Whether a name has only proper components: not absolute, without `.`, `..`, empty ones, backslashes and control
    /// characters, and without `#`, which would begin a fragment where the name is recorded.
    static func isPlain(_ name: String) -> Bool {
        guard !name.isEmpty, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0x5C || $0 == 0x23 }),
            !name.unicodeScalars.contains("\u{FFFD}")
        else { return false }
        return name.partsOfPath.allSatisfy { part in !part.isEmpty && part != "." && part != ".." }
    }
}
