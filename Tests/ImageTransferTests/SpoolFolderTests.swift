import Foundation
import Testing

@testable import ImageTransfer

/// The folder of a spool, which says what is sent and removed, and what the files in it say.
@Suite struct SpoolFolderTests {
    private func with(_ body: (_ folder: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spool-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func itIsMadeForItsUserAlone() throws {
        try with { folder in
            let spool = folder + "/a/b"
            _ = try SpoolJournal(folder: spool, limit: 10)
            #expect(mode(spool) == 0o700)
            // An operator may let a group in.
            chmod(spool, 0o770)
            _ = try SpoolJournal(folder: spool, limit: 10)
            #expect(mode(spool) == 0o770)
        }
    }

    @Test func oneWhereOthersMayWriteIsNotUsed() throws {
        try with { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for mode: mode_t in [0o777, 0o1777, 0o702] {
                chmod(folder, mode)
                #expect(throws: DaemonError.spoolUnsafe(path: folder, reason: "all users may write there")) {
                    try SpoolJournal(folder: folder, limit: 10)
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only the superuser can give a folder away"))
    func thatOfAnotherUserIsNotUsedNorHisLink() throws {
        try with { folder in
            try FileManager.default.createDirectory(atPath: folder + "/own", withIntermediateDirectories: true)
            chmod(folder + "/own", 0o700)
            #expect(symlink("own", folder + "/link") == 0)
            _ = try SpoolJournal(folder: folder + "/link", limit: 10)
            #expect(lchown(folder + "/link", 12345, 12345) == 0)
            let theirs = DaemonError.spoolUnsafe(path: folder + "/link", reason: "it belongs to user 12345")
            for end in ["", "/", "/.", "/./", "//"] {
                #expect(throws: DaemonError.self) { try SpoolJournal(folder: folder + "/link" + end, limit: 10) }
            }
            #expect(throws: theirs) { try SpoolJournal(folder: folder + "/link", limit: 10) }
            #expect(chown(folder + "/own", 12345, 12345) == 0)
            #expect(throws: DaemonError.self) { try SpoolJournal(folder: folder + "/own", limit: 10) }
        }
    }

    /// The daemon of another user reads it, too, whatever the mask.
    @Test(.enabled(if: geteuid() == 0, "only the superuser can give a folder away"))
    func anOrderBelongsToTheFoldersOwner() throws {
        try with { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            #expect(chown(folder, 12345, 12345) == 0)
            let order = try SpoolOrder(.retry, [], spool: folder)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.count == 1)
            var status = stat()
            #expect(stat("\(folder)/\(names[0])", &status) == 0 && status.st_uid == 12345)
            order.isDone()
        }
    }

    @Test func whatCannotBeReadIsNotTakenForNothing() throws {
        try with { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/" + SetAsideList.name, withIntermediateDirectories: true)
            #expect(throws: DaemonError.self) { try SetAsideList.read(folder) }
        }
    }

    @Test(arguments: [
        "X", "D", "D x main", "F \(UUID()) main", "A \(UUID()) urgent 1.5 main keep /f b k =", "\u{0}",
        // Times that no time has.
        "F \(UUID()) main nan", "B \(UUID()) main 1e300", "A \(UUID()) urgent nan main keep /f b k = =",
    ])
    func journalsWithLinesThatCannotBeReadAreKept(line: String) throws {
        try with { folder in
            let one = TransferRequest(
                id: UUID(), file: "/f", bucket: "b", key: "k", priority: .urgent, accepted: 1.5, pending: ["main"])
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                #expect(journal.damaged == nil)
                try journal.accept(one)
            }
            let path = URL(fileURLWithPath: folder + "/journal")
            let found = Data("\(line)\n".utf8) + (try Data(contentsOf: path))
            try found.write(to: path)
            do {
                let journal = try SpoolJournal(folder: folder, limit: 10)
                #expect(journal.recovered == [one])
                let kept = try #require(journal.damaged)
                #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == found)
            }
            #expect(try SpoolJournal(folder: folder, limit: 10).damaged == nil)
        }
    }

    /// As a failing machine leaves them; what a process leaves that ends while it writes is another matter.
    @Test(arguments: ["\0\0\0", String(repeating: "A", count: 200_000)])
    func endsThatAreNoBeginningsOfLinesAreKept(end: String) throws {
        try with { folder in
            for name in ["journal", "set-aside"] {
                do { _ = try SpoolJournal(folder: folder, limit: 10) }
                let path = URL(fileURLWithPath: "\(folder)/\(name)")
                try Data(end.utf8).write(to: path)
                let journal = try SpoolJournal(folder: folder, limit: 10)
                let kept = try #require(name == "journal" ? journal.damaged : journal.setAsideList.damaged)
                #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == Data(end.utf8))
            }
        }
    }
}
