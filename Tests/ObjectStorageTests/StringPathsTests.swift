import ByteText
import Testing

/// Paths by their bytes.
struct StringPathsTests {
    @Test(arguments: [
        ("/a/b", "b", "/a"), ("/a/\u{301}b", "\u{301}b", "/a"), ("b", "b", nil), ("/b", "b", ""), ("/a/", "", "/a"),
        ("/x\u{600}/b", "b", "/x\u{600}"), ("", "", nil),
    ])
    func namesFollowTheLastSlash(path: String, name: String, folder: String?) {
        #expect(path.nameInPath.utf8.elementsEqual(name.utf8))
        #expect(path.folderInPath.map { Array($0.utf8) } == folder.map { Array($0.utf8) })
    }

    @Test(arguments: [("/x\u{600}/", "/x\u{600}"), ("/", "/"), ("/a", "/a"), ("/a//", "/a/"), ("", "")])
    func oneSlashAtTheEndGoes(path: String, shorter: String) {
        #expect(path.withoutFinalSlash.utf8.elementsEqual(shorter.utf8))
    }

    @Test func foldersOnTheWay() {
        #expect("/a/\u{301}b/c".pathsOnTheWay() == ["/a", "/a/\u{301}b", "/a/\u{301}b/c"])
        #expect("/a/b/c".pathsOnTheWay(after: "/a") == ["/a/b", "/a/b/c"])
        #expect("a/b".pathsOnTheWay() == ["a", "a/b"])
        #expect("/a".pathsOnTheWay(after: "/a/b").isEmpty)
        #expect("/a//\u{301}b/".namesInPath == ["a", "\u{301}b"])
    }
}
