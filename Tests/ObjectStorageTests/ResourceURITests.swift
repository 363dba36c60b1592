import ObjectStorage
import Testing

/// The expected texts were printed by `lsst.resources`.
@Suite struct ResourceURITests {
    @Test(arguments: [
        ("/a/b c/é#x.fits", "file:///a/b%20c/%C3%A9#x.fits"),
        ("file:///a/b%20c/x.tar.gz", "file:///a/b%20c/x.tar.gz"),
        ("/a/b/", "file:///a/b/"),
        ("/a/../../b", "file:///b"),
        ("/a/p%20q", "file:///a/p%20q"),
        ("/a/p%zz", "file:///a/p%25zz"),
        ("/a/b?c=1", "file:///a/b%3Fc%3D1"),
        ("https://h:80/x/y.json?q=1", "https://h:80/x/y.json?q=1"),
        ("file://localhost/a", "file://localhost/a"),
        (
            "/a;b/c~d_e-f.g+h,i@j&k=l!m'n(o)p*q$r:s",
            "file:///a%3Bb/c~d_e-f.g%2Bh%2Ci%40j%26k%3Dl%21m%27n%28o%29p%2Aq%24r%3As"
        ),
        ("file:///a/b%23c#zip-path=a%2Fb", "file:///a/b%23c#zip-path=a%2Fb"),
        ("rel/x.fits", "rel/x.fits"),
        ("s3://bucket/a%20b/c.json", "s3://bucket/a%20b/c.json"),
    ])
    func textIsTheSameAsInThePythonLibrary(text: String, expected: String) throws {
        #expect(try ResourceURI(text).description == expected)
        #expect(try ResourceURI(ResourceURI(text).description).description == expected)
    }

    @Test(arguments: [
        ("a b/c#d.fits", "file:///root%20dir/a%20b/c#d.fits"),
        ("../x", "file:///x"),
        ("/abs", "file:///abs"),
        ("a%20b", "file:///root%20dir/a%2520b"),
        ("a/../b", "file:///root%20dir/b"),
        ("zip.zip#zip-path=m%2Fn", "file:///root%20dir/zip.zip#zip-path=m%2Fn"),
        ("é?x=1", "file:///root%20dir/%C3%A9%3Fx%3D1"),
        ("file:///q/r", "file:///q/r"),
        ("a//b/./c", "file:///root%20dir/a/b/c"),
        ("d/", "file:///root%20dir/d/"),
    ])
    func joinIsTheSameAsInThePythonLibrary(relative: String, expected: String) throws {
        #expect(try ResourceURI("/root dir/").join(relative).description == expected)
    }

    @Test(arguments: [
        ("a.fits", ".fits"), ("a.fits.gz", ".fits.gz"), ("a.tar.bz2", ".tar.bz2"), ("a.fits.fz", ".fits.fz"),
        ("a.b.c.xz", ".c.xz"), ("a", ""), ("a.gz", ".gz"), ("a.json.zstd", ".zstd"), ("a.d/b", ""),
    ])
    func compressionSuffixesCountAsOneExtension(name: String, expected: String) throws {
        #expect(try ResourceURI("/x/" + name).pathExtension == expected)
    }

    @Test func partsOfALocationAreUnquoted() throws {
        let uri = try ResourceURI("file:///a/b%20c/x%23y.zip#zip-path=m%2Fn%20o")
        #expect(uri.path == "/a/b c/x#y.zip")
        #expect(uri.localPath == "/a/b c/x#y.zip")
        #expect(uri.basename == "x#y.zip")
        #expect(uri.directory.description == "file:///a/b%20c/")
        #expect(uri.zipMember == "m/n o")
        #expect(uri.withExtension("json").description == "file:///a/b%20c/x%23y.json#zip-path=m%2Fn%20o")
        #expect(try ResourceURI(localPath: "/a/b#c%20").description == "file:///a/b%23c%2520")
    }

    @Test func relativePathIsTheUnquotedRestBelowTheFolder() throws {
        let root = try ResourceURI("/root dir/")
        #expect(try root.join("a b/c").relativePath(to: root) == "a b/c")
        #expect(try ResourceURI("/root dirx/c").relativePath(to: root) == nil)
        #expect(try ResourceURI("/other").relativePath(to: root) == nil)
        #expect(try ResourceURI("s3://b/root%20dir/c").relativePath(to: root) == nil)
        #expect(try ResourceURI("s3://b/r/c").relativePath(to: ResourceURI("s3://b/")) == "r/c")
        #expect(try ResourceURI("s3://c/r/c").relativePath(to: ResourceURI("s3://b/")) == nil)
    }

    /// A mark that combines with the character before it is the beginning of a name, after a slash.
    @Test func marksThatCombineAreNoPartOfASlash() throws {
        let object = try ResourceURI("s3://b/\u{301}k#\u{301}f")
        #expect(object.authority == "b" && object.fragment.utf8.elementsEqual("\u{301}f".utf8))
        #expect(try S3Location(object).key.utf8.elementsEqual("\u{301}k".utf8))
        let file = try ResourceURI("/d#x/\u{301}y#z")
        #expect(file.fragment == "z" && file.basename.utf8.elementsEqual("\u{301}y".utf8))
    }

    @Test(arguments: [
        "../x", "a/../../x", "/etc/passwd", "file:///etc/passwd", "s3://b/k", "..", "a/../..", "..#zip-path=x",
        "%2E%2E/x#zip-path=y",
    ])
    func untrustedPathsThatLeaveTheRootAreRefusedByName(text: String) throws {
        let root = try ResourceURI("/repo/data/")
        #expect(throws: ObjectStorageError.outsideRoot(path: text)) { try root.join(untrusted: text) }
    }

    @Test func escapesInUntrustedPathsAreOnlyFileNames() throws {
        let root = try ResourceURI("/repo/data/")
        #expect(try root.join(untrusted: "%2e%2e/..%2F..%2FA").localPath == "/repo/data/%2e%2e/..%2F..%2FA")
    }

    @Test func untrustedPathsInsideTheRootAreJoined() throws {
        let root = try ResourceURI("/repo/")
        #expect(try root.join(untrusted: "u/r/a b.fits").description == "file:///repo/u/r/a%20b.fits")
        #expect(try root.join(untrusted: "u/../v").description == "file:///repo/v")
        #expect(try root.join(untrusted: "x.zip#zip-path=..%2Fy").zipMember == "../y")
    }

    @Test(arguments: ["", "file:rel", "file://otherhost/a", "/a\0b", "file:///a%00b"])
    func unusableLocationsAreRefused(text: String) {
        #expect(throws: ObjectStorageError.self) { try ResourceURI(text) }
    }

    @Test func pathsAreNormalisedAndComparedByBytes() throws {
        #expect(try ObjectPath("a//./b/../c").description == "a/c")
        #expect(try ObjectPath("\u{e9}") != ObjectPath("e\u{301}"))
        for text in ["", ".", "a/..", "a\0"] {
            #expect(throws: ObjectStorageError.self) { try ObjectPath(text) }
        }
        for text in ["/a", "..", "a/../../b"] {
            #expect(throws: ObjectStorageError.outsideRoot(path: text)) { try ObjectPath(text) }
        }
    }
}
