import TestSupport
import Testing

@testable import Datastore

/// Builds zip archives byte by byte, right or wrong.
struct ZipBuilder {
    struct Member {
        var name: String
        var content: [UInt8]
        /// Raw deflate data; `nil` stores the content.
        var deflated: [UInt8]?
        var flags: UInt64 = 0
        var method: UInt64?
        var checksum: UInt32?
        var declaredSize: UInt64?
        var zip64 = false
    }

    static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    static func archive(_ members: [Member], comment: [UInt8] = [], zip64End: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        var index: [UInt8] = []
        for member in members {
            let offset = UInt64(bytes.count)
            let packed = member.deflated ?? member.content
            let method = member.method ?? (member.deflated == nil ? 0 : 8)
            let checksum = UInt64(member.checksum ?? Inflation.checksum(member.content))
            let size = member.declaredSize ?? UInt64(member.content.count)
            let name = Array(member.name.utf8)
            bytes += number(0x0403_4b50, 4) + number(20, 2) + number(member.flags, 2) + number(method, 2) + number(0, 4)
            bytes += number(checksum, 4) + number(UInt64(packed.count), 4) + number(size, 4)
            bytes += number(UInt64(name.count), 2) + number(0, 2) + name + packed
            let extra =
                member.zip64
                ? number(1, 2) + number(24, 2) + number(size, 8) + number(UInt64(packed.count), 8) + number(offset, 8)
                : []
            index +=
                number(0x0201_4b50, 4) + number(45, 2) + number(20, 2) + number(member.flags, 2) + number(method, 2)
            index += number(0, 4) + number(checksum, 4)
            index +=
                number(member.zip64 ? 0xFFFF_FFFF : UInt64(packed.count), 4)
                + number(member.zip64 ? 0xFFFF_FFFF : size, 4)
            index += number(UInt64(name.count), 2) + number(UInt64(extra.count), 2) + number(0, 2) + number(0, 2)
            index += number(0, 6) + number(member.zip64 ? 0xFFFF_FFFF : offset, 4) + name + extra
        }
        let start = UInt64(bytes.count)
        bytes += index
        let count = UInt64(members.count)
        if zip64End {
            let record = UInt64(bytes.count)
            bytes +=
                number(0x0606_4b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 4) + number(0, 4)
            bytes += number(count, 8) + number(count, 8) + number(UInt64(index.count), 8) + number(start, 8)
            bytes += number(0x0706_4b50, 4) + number(0, 4) + number(record, 8) + number(1, 4)
        }
        bytes +=
            number(0x0605_4b50, 4) + number(0, 4) + number(zip64End ? 0xFFFF : count, 2)
            + number(zip64End ? 0xFFFF : count, 2)
        bytes += number(zip64End ? 0xFFFF_FFFF : UInt64(index.count), 4) + number(zip64End ? 0xFFFF_FFFF : start, 4)
        return bytes + number(UInt64(comment.count), 2) + comment
    }
}

@Suite struct ZipArchiveTests {
    /// "hello hello hello hello\n" by raw deflate.
    static let text = Array("hello hello hello hello\n".utf8)
    static let deflated: [UInt8] = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb9, 0x00]

    func open(_ bytes: [UInt8]) async throws -> ZipArchive {
        try await ZipArchive(ByteSource(name: "a.zip", bytes: bytes))
    }

    @Test func storedAndDeflatedMembersAreRead() async throws {
        for (comment, zip64End) in [([], false), (Array("PK\u{5}\u{6} a comment".utf8), false), ([], true)] {
            let archive = try await open(
                ZipBuilder.archive(
                    [
                        .init(name: "a.yaml", content: Array("x: 1\n".utf8)),
                        .init(name: "d/é.txt", content: Self.text, deflated: Self.deflated),
                        .init(name: "empty", content: []),
                        .init(name: "big", content: Self.text, deflated: Self.deflated, zip64: true),
                    ], comment: comment, zip64End: zip64End))
            #expect(archive.members.count == 4)
            #expect(try await archive.read("a.yaml") == Array("x: 1\n".utf8))
            #expect(try await archive.read("d/é.txt") == Self.text)
            #expect(try await archive.read("big") == Self.text)
            #expect(try await archive.read("empty").isEmpty)
            await #expect(throws: DatastoreError.self) { try await archive.read("../a.yaml") }
        }
    }

    @Test(arguments: [
        ZipBuilder.Member(name: "m", content: text, flags: 1),
        .init(name: "m", content: text, method: 12),
        .init(name: "m", content: text, checksum: 1),
        .init(name: "m", content: text, declaredSize: 5),
        .init(name: "m", content: text, deflated: deflated, declaredSize: 5),
        .init(name: "m", content: text, deflated: deflated, declaredSize: 4_000_000_000),
        .init(name: "m", content: text, deflated: Array(deflated.dropLast(3))),
        .init(name: "m", content: text, deflated: deflated + [1, 2, 3]),
        .init(name: "m", content: text, deflated: [0xFF, 0xFF, 0xFF]),
        .init(name: "m", content: text, declaredSize: .max, zip64: true),
    ])
    func aDamagedOrHostileMemberIsAnError(_ member: ZipBuilder.Member) async {
        await #expect(throws: DatastoreError.self) { try await open(ZipBuilder.archive([member])).read("m") }
    }

    @Test func whatIsNoArchiveIsAnError() async {
        let good = ZipBuilder.archive([.init(name: "m", content: Self.text)])
        let twice = ZipBuilder.archive([.init(name: "m", content: [1]), .init(name: "m", content: [2])])
        for bytes in [[], [1, 2, 3], Self.text, Array(good.dropFirst(10)), Array(good.dropLast()), twice] {
            await #expect(throws: DatastoreError.self) { try await open(bytes).read("m") }
        }
    }

    @Test func noDamagedByteMakesTheReaderTrapOrReturnOtherContent() async throws {
        let good = ZipBuilder.archive(
            [
                .init(name: "m", content: Self.text, deflated: Self.deflated),
                .init(name: "n", content: Self.text, zip64: true),
            ],
            zip64End: true)
        var generator = SeededGenerator(seed: 7)
        for position in good.indices {
            for _ in 0..<4 {
                var bytes = good
                bytes[position] = UInt8.random(in: 0...255, using: &generator)
                guard let archive = try? await open(bytes) else { continue }
                for name in ["m", "n"] {
                    if let content = try? await archive.read(name) { #expect(content == Self.text) }
                }
            }
        }
        for length in good.indices {
            await #expect(throws: DatastoreError.self) { try await open(Array(good.prefix(length))) }
        }
    }
}
