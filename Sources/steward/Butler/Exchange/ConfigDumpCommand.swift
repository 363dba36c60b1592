import ArgumentParser
import Butler
import Foundation
import RepositoryConfiguration
import StructuredData

struct ConfigDumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config-dump",
        abstract: "Prints the configuration of a repository with all defaults.",
        discussion: """
            With --format json it is one line: the whole configuration, or with --subset an object of that key and its value.
            """)

    @OptionGroup var repository: RepositoryArgument

    @Option(
        name: [.customShort("s", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "Print only this part: a key, or keys after a sign that stands between them, as in '.datastore.root'.",
            valueName: "key"))
    var subset: String?

    @Option(
        name: [.customShort("p", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Directories with further defaults, separated by commas.", valueName: "directories"))
    var searchpath: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("File for the configuration. (default: the standard output)", valueName: "file"))
    var file: String?

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let loaded = try await ButlerConfiguration.load(
            repository.repository, environment: .process, searchPaths: CommaSeparated.values(searchpath))
        guard case .direct(let configuration) = loaded else {
            throw CommandFailure.refused("\(repository.repository) leads to a server, whose configuration is its own.")
        }
        var text: String
        let whole = StructuredValue.object(try configuration.expanded())
        let part = try subset.map { (key: $0, value: try Self.part(of: whole, $0)) }
        if format.format == .json {
            var writer = JSONWriter()
            writer.value(part.map { .object([$0.key: $0.value]) } ?? whole.withSortedKeys)
            writer.endLine()
            text = writer.text
        } else if let (subset, part) = part {
            switch part {
            case .object: text = YAMLWriter.text(part.withSortedKeys)
            case .array(let items): text = "\(subset): \(Self.python(.array(items)))\n"
            default: text = "\(subset): \(Self.python(part))\n"
            }
        } else {
            text = YAMLWriter.text(whole.withSortedKeys)
        }
        if let file, file != "-" {
            try ResultFile.write(text, to: file)
        } else {
            if text.hasSuffix("\n") { text.removeLast() }
            var output = CommandOutput()
            try output.line(text)
            try output.flush()
        }
    }

    /// A subset is a key; when it begins with anything but a letter or digit, that separates keys.
    private static func part(of whole: StructuredValue, _ subset: String) throws -> StructuredValue {
        var keys = [subset]
        if let first = subset.first, !first.isLetter, !first.isNumber, first != "_" {
            keys = subset.dropFirst().split(separator: first, omittingEmptySubsequences: false).map(String.init)
        }
        var value = whole
        for key in keys {
            let next: StructuredValue?
            if case .array(let items) = value, let index = Int(key), items.indices.contains(index) {
                next = items[index]
            } else {
                next = value[key]
            }
            guard let next else {
                let known = whole.objectValue?.keys.sorted().joined(separator: ", ") ?? ""
                throw CommandFailure.refused(
                    "The configuration has no '\(subset)'; its keys at the top are \(known).")
            }
            value = next
        }
        return value
    }

    /// A value as Python prints it.
    private static func python(_ value: StructuredValue) -> String {
        switch value {
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .string(let text): text
        case .array(let items):
            "[" + items.map { if case .string(let text) = $0 { "'\(text)'" } else { python($0) } }
                .joined(separator: ", ") + "]"
        default: value.description
        }
    }
}

extension StructuredValue {
    /// The value with the keys of all mappings in order.
    fileprivate var withSortedKeys: StructuredValue {
        switch self {
        case .array(let items): .array(items.map(\.withSortedKeys))
        case .object(let mapping):
            .object(
                StructuredMapping(
                    mapping.pairs.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
                        .map { ($0.key, $0.value.withSortedKeys) }))
        default: self
        }
    }
}
