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
        #expect("a//\u{301}b/".partsOfPath == ["a", "", "\u{301}b", ""])
    }

    @Test func beginningsAndEndsAreBytes() {
        #expect("//\u{301}a".withoutFirstSlashes.utf8.elementsEqual("\u{301}a".utf8))
        #expect("a/".withoutFirstSlashes == "a/" && "/".withoutFirstSlashes.isEmpty)
        #expect("\u{600}/".withFinalSlash.utf8.elementsEqual("\u{600}/".utf8) && "a".withFinalSlash == "a/")
        #expect("a/\u{301}b".after("a/").map { Array($0.utf8) } == Array("\u{301}b".utf8))
        #expect("\u{e9}/b".after("e\u{301}/") == nil)
    }
}
