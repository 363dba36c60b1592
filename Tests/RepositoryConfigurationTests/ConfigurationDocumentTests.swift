import RepositoryConfiguration
import StructuredData
import Testing

@Test func includeTagsTakeNamesListsAndMappingsRelativeToTheIncludingFile() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("sub/a.yaml", "x: 1\nnested: !include deep/b.yaml\n")
    try directory.write("sub/deep/b.yaml", "- 2\n")
    let file = try directory.write(
        "top.yaml",
        "one: !include sub/a.yaml\nlist: !include [sub/a.yaml, sub/deep/b.yaml]\nmap: !include {k: sub/deep/b.yaml}\n")
    let document = try await ConfigurationDocument(path: file, environment: directory.environment())
    let a: StructuredValue = ["x": 1, "nested": [2]]
    #expect(document.values == ["one": a, "list": [a, [2]], "map": ["k": [2]]])
}

@Test func includeConfigsMergeBelowTheKeysBesideThem() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("conf/base.yaml", "s: {a: 1, b: 1, l: [1, 2]}\n")
    try directory.write("conf/second.yaml", "s: {b: 2}\n")
    let file = try directory.write(
        "conf/top.yaml",
        "includeConfigs: [base.yaml, second.yaml]\ns: {c: 3, l: [9]}\nt:\n  includeConfigs: second.yaml\n  u: 1\n")
    let document = try await ConfigurationDocument(path: file, environment: directory.environment())
    #expect(document.values == ["s": ["a": 1, "b": 2, "c": 3, "l": [9]], "t": ["s": ["b": 2], "u": 1]])
}

@Test func includeConfigsPreferTheCurrentDirectoryAndExpandVariables() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("x.yaml", "from: current\n")
    try directory.write("conf/x.yaml", "from: beside\n")
    let plain = try directory.write("conf/plain.yaml", "includeConfigs: x.yaml\n")
    let variable = try directory.write("conf/variable.yaml", "includeConfigs: ${WHERE}/x.yaml\n")
    let environment = directory.environment(["WHERE": directory.path + "/conf"])
    #expect(try await ConfigurationDocument(path: plain, environment: environment).values == ["from": "current"])
    #expect(try await ConfigurationDocument(path: variable, environment: environment).values == ["from": "beside"])
}

@Test func jsonFilesIncludeConfigsToo() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("base.yaml", "a: 1\n")
    let file = try directory.write("top.json", #"{"includeConfigs": "base.yaml", "b": 2}"#)
    let document = try await ConfigurationDocument(path: file, environment: directory.environment())
    #expect(document.values == ["a": 1, "b": 2])
}

@Test func circularIncludesAreReportedAsAChain() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("a.yaml", "x: !include b.yaml\n")
    try directory.write("b.yaml", "includeConfigs: a.yaml\ny: !include a.yaml\n")
    let expected = ConfigurationError.includeCycle(["a", "b", "a"].map { "\(directory.path)/\($0).yaml" })
    await #expect(throws: expected) {
        try await ConfigurationDocument(path: "a.yaml", environment: directory.environment())
    }
}

@Test func includesNestOnlySoDeep() async throws {
    let directory = try TemporaryDirectory()
    for level in 0..<40 { try directory.write("f\(level).yaml", "x: !include f\(level + 1).yaml\n") }
    try directory.write("f40.yaml", "end: true\n")
    await #expect(throws: ConfigurationError.includeTooDeep(location: "\(directory.path)/f32.yaml", limit: 32)) {
        try await ConfigurationDocument(path: "f0.yaml", environment: directory.environment())
    }
    let short = try await ConfigurationDocument(path: "f20.yaml", environment: directory.environment())
    #expect(short.values["x"]?["x"] != nil)
}

@Test func aSyntaxErrorNamesFileLineAndColumn() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("broken.yaml", "a: 1\nb: [1, 2\n")
    let error = await #expect(throws: ConfigurationError.self) {
        try await ConfigurationDocument(path: file, environment: directory.environment())
    }
    #expect(
        error?.description.hasPrefix("Cannot parse configuration \(file): Invalid YAML at line 3, column 1") == true)
}

@Test func theTopOfAFileMustBeAMappingOrEmpty() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("empty.yaml", "")
    try directory.write("list.yaml", "- 1\n")
    try directory.write("note.txt", "a: 1\n")
    let environment = directory.environment()
    #expect(try await ConfigurationDocument(path: "empty.yaml", environment: environment).values.isEmpty)
    await #expect(
        throws: ConfigurationError.wrongType(
            location: "\(directory.path)/list.yaml", key: "(the whole file)", expected: "a mapping", found: "a list")
    ) { try await ConfigurationDocument(path: "list.yaml", environment: environment) }
    await #expect(throws: ConfigurationError.unsupportedExtension(location: "\(directory.path)/note.txt")) {
        try await ConfigurationDocument(path: "note.txt", environment: environment)
    }
}

@Test func aMissingIncludeTellsWhereItWasSought() async throws {
    let directory = try TemporaryDirectory()
    let tag = try directory.write("conf/tag.yaml", "x: !include gone.yaml\n")
    let key = try directory.write("conf/key.yaml", "includeConfigs: gone.yaml\n")
    await #expect(
        throws: ConfigurationError.includeNotFound(
            name: "gone.yaml", location: tag, searched: ["\(directory.path)/conf/"])
    ) { try await ConfigurationDocument(path: tag, environment: directory.environment()) }
    await #expect(
        throws: ConfigurationError.includeNotFound(
            name: "gone.yaml", location: key, searched: ["\(directory.path)/", "\(directory.path)/conf/"])
    ) { try await ConfigurationDocument(path: key, environment: directory.environment()) }
}

@Test func mergingReplacesScalarsAndListsAndDescendsIntoMappings() {
    let lower: StructuredMapping = ["a": ["x": 1, "y": [1, 2]], "b": 1, "c": [1]]
    let upper: StructuredMapping = ["a": ["y": [3]], "b": ["z": 1], "c": nil]
    #expect(lower.merging(upper) == ["a": ["x": 1, "y": [3]], "b": ["z": 1], "c": nil])
}

@Test(arguments: [
    ("$A/b", "1/b"), ("${A}b", "1b"), ("$AB", "$AB"), ("a$", "a$"), ("$$A", "$1"), ("${A", "${A"), ("${B}", "${B}"),
])
func variablesExpandAsInPython(text: String, expected: String) {
    let environment = ConfigurationEnvironment(variables: ["A": "1"], currentDirectory: "/")
    #expect(environment.expandingVariables(in: text) == expected)
}

@Test(arguments: [
    ("repo", "/here/repo", "file:///here/repo"), ("./x/../y/", "/here/y/", "file:///here/y/"),
    ("~/r", "/home/me/r", "file:///home/me/r"), ("$D/r", "/data/r", "file:///data/r"),
    ("file:///a%20b/c", "/a b/c", "file:///a%20b/c"), ("/a b#c", "/a b#c", "file:///a%20b%23c"),
    ("c:d", "/here/c:d", "file:///here/c%3Ad"), ("s3:b/k/", "/here/s3:b/k/", "file:///here/s3%3Ab/k/"),
    ("file:x", "/here/x", "file:///here/x"),
    ("s3://bucket/key/butler.yaml", "s3://bucket/key/butler.yaml", "s3://bucket/key/butler.yaml"),
])
func locationsResolveAsInPython(text: String, path: String, url: String) {
    let environment = ConfigurationEnvironment(
        variables: ["HOME": "/home/me", "D": "/data"], currentDirectory: "/here")
    let location = ConfigurationLocation(text, environment: environment)
    #expect(location.description == path)
    #expect(location.url == url)
}
