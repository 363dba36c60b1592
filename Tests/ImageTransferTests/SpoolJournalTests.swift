import Foundation
import Testing

@testable import ImageTransfer

@Suite struct SpoolJournalTests {
    private func with(_ body: (_ folder: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spool-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func request(_ name: String, pending: [String] = ["main"]) -> TransferRequest {
        TransferRequest(
            id: UUID(), file: "/data/\(name)", bucket: "b", key: "k/\(name) %é\n", priority: .urgent, slug: "a b",
            uri: "s3://b/x y", accepted: 1.5, pending: pending, deletes: true)
    }

    @Test func whatHasNotArrivedIsThereAfterARestart() throws {
        try with { folder in
            let (one, two) = (request("one"), request("two", pending: ["main", "archive"]))
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                #expect(journal.recovered.isEmpty)
                try journal.accept(one)
                try journal.accept(two)
                #expect(try journal.finish(one.id, "main")?.file == one.file)
                #expect(try journal.finish(two.id, "archive") == nil)
                try journal.synchronize()
            }
            var rest = two
            rest.pending = ["main"]
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                #expect(journal.recovered == [rest])
                #expect(journal.count == 1)
                #expect(try journal.finish(two.id, "main") != nil)
                #expect(try journal.finish(two.id, "main") == nil)
            }
            #expect(try SpoolJournal(folder: folder, limit: 10).recovered.isEmpty)
        }
    }

    @Test func aLineThatWasCutIsIgnored() throws {
        try with { folder in
            let (one, two) = (request("one"), request("two"))
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                try journal.accept(one)
                try journal.accept(two)
            }
            let path = folder + "/journal"
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            let first = try #require(whole.firstIndex(of: 0x0A)) + 1
            for length in first..<whole.count {
                try whole.prefix(length).write(to: URL(fileURLWithPath: path))
                #expect(try SpoolJournal(folder: folder, limit: 10).recovered == [one])
            }
        }
    }

    @Test func aFullSpoolTakesNoMoreUntilSomethingArrives() throws {
        try with { folder in
            let journal = try SpoolJournal(folder: folder, limit: 2)
            let one = request("one")
            try journal.accept(one)
            try journal.accept(request("two"))
            #expect(throws: DaemonError.spoolFull(limit: 2)) { try journal.accept(request("three")) }
            try journal.finish(one.id, "main")
            try journal.accept(request("three"))
        }
    }

    @Test func oneProcessAtATime() throws {
        try with { folder in
            let journal = try SpoolJournal(folder: folder, limit: 2)
            #expect(throws: DaemonError.spoolInUse(path: folder)) { try SpoolJournal(folder: folder, limit: 2) }
            withExtendedLifetime(journal) {}
        }
    }

    @Test func theFileIsWrittenAnewWhenItHasGrown() throws {
        try with { folder in
            let kept = request("kept")
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                try journal.accept(kept)
                for number in 0..<12_000 {
                    let one = request("\(number)")
                    try journal.accept(one)
                    try journal.finish(one.id, "main")
                }
            }
            let size = try FileManager.default.attributesOfItem(atPath: folder + "/journal")[.size] as? Int
            #expect(try #require(size) < 1_500_000)
            #expect(try SpoolJournal(folder: folder, limit: 10).recovered == [kept])
        }
    }

    /// Also while nothing arrives.
    @Test func refusalsThatComeAndGoDoNotFillTheDisk() throws {
        try with { folder in
            let one = request("one")
            let journal = try SpoolJournal(folder: folder, limit: 10)
            try journal.accept(one)
            for number in 0..<12_000 {
                _ = try journal.refused(one.id, "main", now: Double(number))
                try journal.notRefused(one.id, "main")
            }
            let size = try FileManager.default.attributesOfItem(atPath: folder + "/journal")[.size] as? Int
            #expect(try #require(size) < 1_500_000)
        }
    }
}
