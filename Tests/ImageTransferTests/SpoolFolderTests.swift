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

    private func refusal(_ spool: String) -> String {
        do throws(DaemonError) {
            _ = try SpoolJournal(folder: spool, limit: 10)
            return ""
        } catch { return "\(error)" }
    }

    @Test func oneBelowAFolderWhereOthersMayWriteIsNotUsed() throws {
        try with { folder in
            let (above, spool) = (folder + "/above", folder + "/above/between/spool")
            try FileManager.default.createDirectory(atPath: above, withIntermediateDirectories: true)
            for mode: mode_t in [0o777, 0o757, 0o702] {
                chmod(above, mode)
                #expect(refusal(spool).contains("(chmod o-w '\(above)')"))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: above).isEmpty)
            // There nobody renames what is not his own.
            chmod(above, 0o1777)
            #expect(refusal(spool) == "")
            #expect(mode(above + "/between") == 0o755 && mode(spool) == 0o700)
            chmod(above, 0o777)
            #expect(refusal(spool).contains("all users may write to '\(above)'"))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only the superuser can give a folder to any group"))
    func oneBelowAFolderOfAGroupIsNotUsed() throws {
        try with { folder in
            let (above, spool) = (folder + "/above", folder + "/above/spool")
            try FileManager.default.createDirectory(atPath: above, withIntermediateDirectories: true)
            #expect(chown(above, 0, 12345) == 0 && chmod(above, 0o775) == 0)
            #expect(refusal(spool).contains("group 12345 may write to '\(above)'"))
            #expect(refusal(spool).contains("(chmod g-w '\(above)')"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: above).isEmpty)
            // One that may write to the spool could do nothing above that it cannot do there.
            #expect(mkdir(spool, 0o700) == 0 && chown(spool, 0, 12345) == 0 && chmod(spool, 0o770) == 0)
            #expect(refusal(spool) == "")
            chmod(spool, 0o750)
            #expect(refusal(spool).contains("group 12345 may write to"))
            // So may the group that a user has for himself.
            #expect(chown(above, 0, 0) == 0)
            #expect(refusal(spool) == "")
        }
    }

    @Test func theWayOfALinkCounts() throws {
        try with { folder in
            for name in ["/open/inner", "/own"] {
                try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
            }
            chmod(folder + "/open", 0o777)
            #expect(symlink("../own", folder + "/open/way") == 0)
            #expect(symlink("open/inner/../../own", folder + "/around") == 0)
            #expect(symlink(folder + "/own", folder + "/direct") == 0)
            for link in ["/open/way", "/around"] {
                #expect(refusal(folder + link + "/spool").contains("all users may write to '\(folder)/open'"))
            }
            #expect(refusal(folder + "/direct/spool") == "")
            #expect(refusal(folder + "/./own/../direct//spool/.") == "")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/own") == ["spool"])
            // What a link leads to is not made: a disk may be missing there.
            #expect(symlink("missing/disk", folder + "/dangling") == 0)
            #expect(refusal(folder + "/dangling").contains("No such file"))
            #expect(symlink("circle", folder + "/circle") == 0)
            #expect(refusal(folder + "/circle/spool").contains("symbolic links"))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only the superuser can give a folder away"))
    func oneBelowAnotherUsersFolderOrLinkIsNotUsed() throws {
        try with { folder in
            let spool = folder + "/theirs/spool"
            try FileManager.default.createDirectory(atPath: folder + "/theirs", withIntermediateDirectories: true)
            #expect(symlink("theirs", folder + "/link") == 0)
            #expect(refusal(folder + "/link/spool") == "")
            #expect(lchown(folder + "/link", 12345, 12345) == 0)
            #expect(refusal(folder + "/link/spool").contains("the link '\(folder)/link' belongs to user 12345"))
            #expect(chown(folder + "/theirs", 12345, 12345) == 0)
            #expect(refusal(spool).contains("'\(folder)/theirs' belongs to user 12345"))
            #expect(refusal(spool).contains("(chown root '\(folder)/theirs')"))
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

    @Test func whatCommandsThatDiedHaveLeftIsRemoved() throws {
        try with { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            func leave(_ name: String, age: Int) throws {
                let path = "\(folder)/\(name)"
                if name != "new-folder" { try Data("x".utf8).write(to: URL(fileURLWithPath: path)) }
                let then = timeval(tv_sec: time(nil) - age, tv_usec: 0)
                #expect(utimes(path, [then, then]) == 0)
            }
            try FileManager.default.createDirectory(atPath: folder + "/new-folder", withIntermediateDirectories: true)
            for name in ["new-old", "new-locked", "new-folder", "journal.new", "other"] { try leave(name, age: 4000) }
            try leave("new-young", age: 3000)
            // A command that was stopped may go on.
            let lock = open(folder + "/new-locked", O_RDWR | O_CLOEXEC)
            #expect(flock(lock, LOCK_EX) == 0)
            func left() throws -> Set<String> {
                #expect(try SpoolOrder.waiting(folder).orders.isEmpty)
                return Set(try FileManager.default.contentsOfDirectory(atPath: folder))
            }
            #expect(try left() == ["new-locked", "new-folder", "journal.new", "other", "new-young"])
            close(lock)
            #expect(try left() == ["new-folder", "journal.new", "other", "new-young"])
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
