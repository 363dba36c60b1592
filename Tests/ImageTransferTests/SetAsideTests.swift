import Foundation
import Testing

@testable import ImageTransfer

/// Requests that cannot arrive, in the files of the spool.
@Suite struct SetAsideTests {
    private struct Spool {
        let folder: String

        func open(limit: Int = 10) throws -> SpoolJournal { try SpoolJournal(folder: folder, limit: limit) }
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }
        func write(_ data: Data, _ name: String) throws {
            try data.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? [] }
    }

    private func setAside(
        _ request: TransferRequest, _ destination: String, because reason: String, _ journal: SpoolJournal
    ) throws {
        #expect(try journal.setAside(SetAsideRequest(request, destination, reason: reason, fileTag: "t, %")) == nil)
    }

    private func with(_ body: (Spool) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "aside-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(Spool(folder: folder))
    }

    private func request(_ name: String, pending: [String] = ["main"]) -> TransferRequest {
        TransferRequest(
            id: UUID(), file: "/data/\(name)", bucket: "b", key: "k/\(name) %é\n", priority: .urgent, slug: "a b",
            uri: "s3://b/x y", accepted: 1.5, pending: pending, deletes: true, isDropped: true)
    }

    @Test func theyLeaveTheSpoolAndOutliveTheProcess() throws {
        try with { spool in
            let (one, two) = (request("one"), request("two", pending: ["main", "archive"]))
            do {
                let journal = try spool.open(limit: 2)
                try journal.accept(one)
                try journal.accept(two)
                try setAside(one, "main", because: "there is no\nbucket 'é' %", journal)
                try setAside(two, "archive", because: "x", journal)
                #expect(journal.count == 1 && journal.setAsideList.count == 2)
                #expect(journal.setAsideList.contains(two.id))
                try journal.accept(request("three"))
            }
            let journal = try spool.open()
            var rest = two
            rest.pending = ["main"]
            #expect(journal.recovered.contains(rest) && journal.recovered.count == 2)
            let entries = journal.setAsideList.entries
            #expect(entries == (try SetAsideList.read(spool.folder)))
            #expect(
                entries.map(\.request.id) == [one.id, two.id] && entries.map(\.destination) == ["main", "archive"])
            #expect(entries[0].request == one && entries[0].reason == "there is no\nbucket 'é' %")
        }
    }

    /// On a full disk, for one, and the order is tried again each second.
    @Test func bringingBackAgainWritesNothingMore() throws {
        try with { spool in
            let journal = try spool.open()
            let one = request("one")
            try journal.accept(one)
            try setAside(one, "main", because: "x", journal)
            let entries = journal.setAsideList.entries
            let obstacle = "\(spool.folder)/set-aside.new"
            try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: true)
            #expect(throws: DaemonError.self) { try journal.bringBack { _ in true } }
            let size = try spool.bytes("journal").count
            #expect(throws: DaemonError.self) { try journal.bringBack { _ in true } }
            #expect(try spool.bytes("journal").count == size && journal.count == 1)
            try FileManager.default.removeItem(atPath: obstacle)
            #expect(try journal.bringBack { _ in true }.back.map(\.request.id) == [one.id])
            #expect(journal.count == 1 && journal.setAsideList.count == 0)
        }
    }

    @Test func linesThatCannotBeReadAreKept() throws {
        try with { spool in
            do {
                let journal = try spool.open()
                for name in ["one", "two"] {
                    let request = request(name)
                    try journal.accept(request)
                    try setAside(request, "main", because: "x", journal)
                }
                #expect(journal.setAsideList.damaged == nil)
            }
            var text = String(decoding: try spool.bytes("set-aside"), as: UTF8.self)
            text.replace("S ", with: "T ", maxReplacements: 1)
            try spool.write(Data(text.utf8), "set-aside")
            do {
                let list = try spool.open().setAsideList
                #expect(list.count == 1)
                let kept = try #require(list.damaged)
                #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == Data(text.utf8))
            }
            #expect(try spool.open().setAsideList.damaged == nil)
        }
    }

    /// The machine's memory of the one file is of before, that of the other of after.
    @Test func aProcessThatDiedInBetweenLeavesThemInOneOfTheTwo() throws {
        try with { spool in
            let one = request("one", pending: ["main", "archive"])
            let before: Data
            do {
                let journal = try spool.open()
                try journal.accept(one)
                before = try spool.bytes("journal")
                try setAside(one, "main", because: "x", journal)
                try journal.finish(one.id, "archive")
            }
            try spool.write(before, "journal")
            do {
                let journal = try spool.open()
                #expect(journal.recovered.map(\.pending) == [["archive"]] && journal.setAsideList.count == 1)
            }
            // The journal that was written anew says the same.
            #expect(try spool.open().recovered.map(\.pending) == [["archive"]])
            let aside = try spool.bytes("set-aside")
            do {
                let journal = try spool.open()
                #expect(try journal.bringBack { _ in true }.back.count == 1)
            }
            #expect(try spool.open().recovered.map(\.pending) == [["archive", "main"]])
            // It was back in the journal, and not yet out of the list: the order is carried out once more.
            try spool.write(aside, "set-aside")
            let journal = try spool.open()
            #expect(journal.recovered.map(\.pending) == [["archive"]] && journal.setAsideList.count == 1)
        }
    }

    @Test func aLineThatWasCutIsIgnored() throws {
        try with { spool in
            let (one, two) = (request("one"), request("two"))
            do {
                let journal = try spool.open()
                for request in [one, two] {
                    try journal.accept(request)
                    try setAside(request, "main", because: "x", journal)
                }
            }
            let whole = try spool.bytes("set-aside")
            let first = try #require(whole.firstIndex(of: 0x0A)) + 1
            for length in [first, first + 1, whole.count - 1] {
                try spool.write(whole.prefix(length), "set-aside")
                let journal = try spool.open()
                #expect(journal.setAsideList.entries.map(\.id) == [one.id])
                try journal.accept(two)
                try setAside(two, "main", because: "y", journal)
                #expect(try SetAsideList.read(spool.folder).map(\.reason) == ["x", "y"])
            }
        }
    }

    @Test func bothListsHaveALimit() throws {
        try with { spool in
            let journal = try spool.open(limit: 2)
            let all = (0..<4).map { request("\($0)") }
            for request in all[..<2] {
                try journal.accept(request)
                try setAside(request, "main", because: "x", journal)
            }
            try journal.accept(all[2])
            #expect(throws: DaemonError.setAsideFull(limit: 2)) { try setAside(all[2], "main", because: "x", journal) }
            #expect(journal.count == 1, "it stays in the spool")
            try journal.accept(all[3])
            #expect(throws: DaemonError.spoolFull(limit: 2)) { try journal.accept(request("more")) }
            #expect(try journal.bringBack { _ in true }.back.isEmpty && journal.setAsideList.count == 2)
        }
    }

    @Test func theFirstRefusalIsRemembered() throws {
        try with { spool in
            let one = request("one", pending: ["main", "archive"])
            do {
                let journal = try spool.open()
                try journal.accept(one)
                #expect(try journal.refused(one.id, "main", now: 10) == 10)
                #expect(try journal.refused(one.id, "main", now: 20) == 10)
            }
            for _ in 0..<2 {
                let journal = try spool.open()
                #expect(try journal.refused(one.id, "main", now: 30) == 10)
                #expect(journal.recovered.map(\.refused) == [["main": 10]])
            }
            let journal = try spool.open()
            try setAside(one, "main", because: "x", journal)
            // What is brought back has all its time again.
            _ = try journal.bringBack { _ in true }
            #expect(try journal.refused(one.id, "main", now: 40) == 40)
        }
    }

    @Test func ordersAreReadAsTheyWereGiven() throws {
        try with { spool in
            let journal = try spool.open()
            let entries = ["one", "two"].map { SetAsideRequest(request($0), "main", reason: "x") }
            let again = SetAsideRequest(entries[0].request, "main", reason: "y")
            let given = [
                try SpoolOrder(.forget, [entries[0]], spool: spool.folder),
                try SpoolOrder(.retry, entries, spool: spool.folder),
            ]
            try spool.write(Data("\(entries[0].id) 1.5 main\n".utf8), "retry-x")
            #expect(try SpoolOrder.waiting(spool.folder).orders == given)
            #expect(given[0].concerns(entries[0]) && !given[0].concerns(entries[1]))
            #expect(entries.allSatisfy(given[1].concerns) && !given[1].concerns(again))
            given[1].isBegun()
            let left = try SpoolOrder.waiting(spool.folder).orders
            #expect(left.map(\.isUnderWay) == [false, true] && left[1].requests == given[1].requests)
            for order in left { order.isDone() }
            #expect(spool.files == ["journal", "lock", "retry-x", "set-aside"])
            withExtendedLifetime(journal) {}
        }
    }

    @Test func whatIsNoOrderKeepsNoOrderWaiting() throws {
        try with { spool in
            let journal = try spool.open()
            func name() -> String { "retry-\(UUID().uuidString)" }
            try spool.write(Data("all\n".utf8), name())
            #expect(mkfifo("\(spool.folder)/\(name())", 0o600) == 0)
            #expect(symlink("/etc/hostname", "\(spool.folder)/\(name())") == 0)
            try FileManager.default.createDirectory(
                atPath: "\(spool.folder)/\(name())", withIntermediateDirectories: true)
            let given = try SpoolOrder(
                .retry, [SetAsideRequest(request("one"), "main", reason: "x")], spool: spool.folder)
            let (orders, problems) = try SpoolOrder.waiting(spool.folder)
            #expect(orders == [given] && problems.count == 4)
            withExtendedLifetime(journal) {}
        }
    }

    /// Half of the spool is for what is new.
    @Test func whatIsBroughtBackWaitsForRoomAndComesLast() throws {
        try with { spool in
            let journal = try spool.open(limit: 4)
            for name in ["one", "two", "three"] {
                let one = request(name)
                try journal.accept(one)
                try setAside(one, "main", because: "x", journal)
            }
            let entries = journal.setAsideList.entries
            let (back, left) = try journal.bringBack { _ in true }
            #expect(back.map(\.request.file) == ["/data/one", "/data/two"] && journal.room == 0)
            #expect(left == 1 && back.map { $0.request.priority(at: "main") } == [.bulk, .bulk])
            #expect(back.map { $0.request.broughtBack["main"] } == entries[..<2].map(\.time))
            #expect(journal.setAsideList.entries == [entries[2]])
            try journal.finish(back[0].request.id, "main")
            #expect(try journal.bringBack { $0 == entries[2] }.back.count == 1)
        }
        try with { spool in
            let one = request("one")
            do {
                let journal = try spool.open(limit: 1)
                try journal.accept(one)
                try setAside(one, "main", because: "x", journal)
                #expect(try journal.bringBack { _ in true }.back.count == 1)
            }
            let left = try spool.open(limit: 1).recovered
            #expect(left.map { $0.priority(at: "main") } == [.bulk] && left[0].broughtBack["main"] != nil)
        }
    }

    /// Whatever becomes of it at other destinations, and in whichever of the files its other half is.
    @Test func theFileOfAForgottenRequestStays() throws {
        try with { spool in
            let (one, two) = (
                request("one", pending: ["main", "archive"]), request("two", pending: ["main", "archive"])
            )
            do {
                let journal = try spool.open()
                for request in [one, two] { try journal.accept(request) }
                _ = try journal.refused(one.id, "archive", now: 10)
                try setAside(one, "main", because: "x", journal)
                for name in two.pending { try setAside(two, name, because: "x", journal) }
                #expect(try journal.forget { $0.destination == "main" } == 2)
                #expect(journal.setAsideList.hasGivenUp(Errand(one)) && journal.setAsideList.count == 1)
            }
            let journal = try spool.open()
            #expect(journal.recovered.map(\.deletes) == [false] && journal.recovered[0].refused == ["archive": 10])
            #expect(try journal.finish(one.id, "archive")?.deletes == false)
            #expect(try journal.bringBack { _ in true }.back.map(\.request.deletes) == [false])
        }
    }

    /// On a full disk the journal may not have noted that it has left.
    @Test func whatIsForgottenDoesNotComeBack() throws {
        try with { spool in
            let one = request("one")
            do {
                let journal = try spool.open()
                try journal.accept(one)
                try journal.setAsideList.add(SetAsideRequest(one, "main", reason: "x"))
                #expect(try journal.forget { _ in true } == 1)
            }
            let journal = try spool.open()
            #expect(journal.recovered.isEmpty && journal.setAsideList.count == 0)
        }
    }

    @Test func theTimeOfRefusalsBeginsAnewAfterAnotherFailure() throws {
        try with { spool in
            let one = request("one")
            do {
                let journal = try spool.open()
                try journal.accept(one)
                _ = try journal.refused(one.id, "main", now: 10)
                try journal.notRefused(one.id, "main")
            }
            #expect(try spool.open().refused(one.id, "main", now: 20) == 20)
        }
    }

    /// Each destination has a time of its own, which is that of the first time.
    @Test func timesOfSettingAsideAreRemembered() throws {
        try with { spool in
            var one = request("one", pending: ["main", "archive", "copy"])
            one.broughtBack = ["archive": 100]
            do {
                let journal = try spool.open()
                try journal.accept(one)
                try setAside(one, "archive", because: "x", journal)
                try setAside(one, "main", because: "x", journal)
            }
            do {
                let journal = try spool.open()
                let entries = journal.setAsideList.entries
                #expect(entries.map(\.firstTime) == [100, entries[1].time] && entries.map(\.fileTag) == ["t, %", "t, %"])
                #expect(try journal.bringBack { $0.destination == "archive" }.back.count == 1)
            }
            let left = try spool.open().recovered
            #expect(left.map(\.broughtBack) == [["archive": 100]])
            #expect(left[0].priority(at: "archive") == .bulk && left[0].priority(at: "copy") == .urgent)
        }
    }

    @Test func listsOfEarlierVersionsAreRead() throws {
        try with { spool in
            let one = request("one")
            do {
                let journal = try spool.open()
                try journal.accept(one)
                try setAside(one, "main", because: "x", journal)
            }
            let words = String(decoding: try spool.bytes("set-aside"), as: UTF8.self).split(separator: " ")
            try spool.write(Data(("S 12.5 " + words[2...].joined(separator: " ")).utf8), "set-aside")
            let entries = try spool.open().setAsideList.entries
            #expect(entries.map(\.firstTime) == [12.5] && entries.map(\.fileTag) == [nil])
        }
    }
}
