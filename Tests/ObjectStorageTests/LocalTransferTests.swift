import Foundation
import ObjectStorage
import Testing

@Suite struct LocalTransferTests {
    private func link(_ path: String) -> String? { try? FileManager.default.destinationOfSymbolicLink(atPath: path) }
    private func inode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
    }

    @Test(arguments: TransferMode.allCases)
    func everyModeBringsTheBytesAndOnlyMoveTakesTheSource(transfer: TransferMode) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        let bytes = pattern(2_500_000)
        let source = try scratch.file("source.fits", bytes)
        let path = try ObjectPath("deep/er/target.fits")
        let sourceInode = try inode(source)
        try await store.write(path, fromLocalFile: source, transfer: transfer, mode: .createOnly)
        #expect(try await store.read(path) == bytes)
        #expect(FileManager.default.fileExists(atPath: source) == (transfer != .move))
        let target = try #require(store.localPath(path))
        switch transfer {
        case .symlink: #expect(link(target) == realPath(source))
        case .relsymlink: #expect(link(target) == "../../../source.fits")
        case .copy: #expect(try link(target) == nil && inode(target) != sourceInode)
        case .move, .link, .hardlink: #expect(try link(target) == nil && inode(target) == sourceInode)
        }
        #expect(scratch.names() == ["deep", "deep/er", "deep/er/target.fits"])
    }

    @Test(arguments: TransferMode.allCases)
    func createOnlyRefusesAndOverwriteReplacesAnExistingObject(transfer: TransferMode) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        let source = try scratch.file("source", [1, 2, 3])
        let path = try ObjectPath("target")
        try await store.write(path, bytes: [9], mode: .createOnly)
        await expectError(isAlreadyExists) {
            try await store.write(path, fromLocalFile: source, transfer: transfer, mode: .createOnly)
        }
        #expect(try await store.read(path) == [9])
        #expect(FileManager.default.fileExists(atPath: source))
        try await store.write(path, fromLocalFile: source, transfer: transfer, mode: .overwrite)
        #expect(try await store.read(path) == [1, 2, 3])
        #expect(scratch.names() == ["target"])
    }

    @Test(arguments: TransferMode.allCases)
    func aFileTransferredOntoItselfIsLeftAlone(transfer: TransferMode) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        let path = try ObjectPath("same")
        try await store.write(path, bytes: [5], mode: .createOnly)
        let own = try #require(store.localPath(path))
        try await store.write(path, fromLocalFile: own, transfer: transfer, mode: .createOnly)
        try await store.write(path, fromLocalFile: own, transfer: transfer, mode: .overwrite)
        #expect(try await store.read(path) == [5])
        #expect(link(own) == nil)
    }

    @Test func missingSourcesAndFoldersAreReported() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        await expectError(isNotFound) {
            try await store.write(
                ObjectPath("x"), fromLocalFile: scratch.path + "/none", transfer: .copy, mode: .overwrite)
        }
        await expectError({ if case .notAFile = $0 { true } else { false } }) {
            try await store.write(ObjectPath("x"), fromLocalFile: scratch.path, transfer: .copy, mode: .overwrite)
        }
    }

    @Test func symbolicLinksToTheSourceAreFollowedAndItsModeIsCopied() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        let source = try scratch.file("source", [1, 2, 3])
        #expect(chmod(source, 0o640) == 0)
        #expect(symlink("source", scratch.path + "/alias") == 0)
        let path = try ObjectPath("t")
        try await store.write(path, fromLocalFile: scratch.path + "/alias", transfer: .copy, mode: .createOnly)
        let target = try #require(store.localPath(path))
        #expect(link(target) == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: target)[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test(.enabled(if: MemoryFileSystem.isAvailable, "needs the right to mount tmpfs"))
    func otherFileSystemsAreReachedByCopyAndHardLinksToThemAreRefused() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let mount = try #require(MemoryFileSystem(scratch, options: "size=1m"))
        defer { mount.unmount() }
        let store = try POSIXObjectStore(root: ResourceURI(localPath: mount.path))
        for (index, mode) in [WriteMode.createOnly, .overwrite].enumerated() {
            let source = try scratch.file("source", [1, 2, 3])
            await expectError({ if case .linkImpossible = $0 { true } else { false } }) {
                try await store.write(
                    ObjectPath("h\(index)"), fromLocalFile: source, transfer: .hardlink, mode: mode)
            }
            try await store.write(ObjectPath("m\(index)"), fromLocalFile: source, transfer: .move, mode: mode)
            #expect(try await store.read(ObjectPath("m\(index)")) == [1, 2, 3])
            #expect(!FileManager.default.fileExists(atPath: source))
        }
        let source = try scratch.file("source", [1, 2, 3])
        try await store.write(ObjectPath("l"), fromLocalFile: source, transfer: .link, mode: .createOnly)
        #expect(link(mount.path + "/l") == realPath(source))
        #expect(scratch.names("mount") == ["l", "m0", "m1"])
    }

    private func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
