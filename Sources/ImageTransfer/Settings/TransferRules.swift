import ByteText
import ObjectStorage
import StructuredData

/// How soon a file is sent: before all of a later kind.
public enum TransferPriority: String, Sendable, Hashable, CaseIterable, Comparable {
    case urgent, normal, bulk

    var lane: Int { self == .urgent ? 0 : self == .normal ? 1 : 2 }
    public static func < (a: TransferPriority, b: TransferPriority) -> Bool { a.lane < b.lane }
}

/// The rules of a site, in YAML:
///
/// ```yaml
/// priorities:                    # the first that matches the key counts; `normal` else
///   - {match: "*_guider*.fits", priority: urgent}
///   - {match: "*/calib/*", priority: bulk}
/// destinations:                  # besides the usual one
///   - name: archive
///     profile: archive           # LSST_RESOURCES_S3_PROFILE_archive
///     bucket: archive-raw        # instead of that of the request
///     prefix: copies/            # before the key
///     match: "*.fits"
///     required: true             # whether the sender waits for it
/// watch:
///   - folder: /data/guider
///     match: '(?<day>\d{8})_(?<seq>\d+)_(?<name>.*)\.fits'
///     bucket: rubin-summit
///     key: "LSSTCam/{day}/{file}"  # groups of `match`, and {file} and {path} relative to the folder
///     priority: urgent
///     settle: 1.0                # seconds without a change after which a file is whole
///     afterwards: keep           # or delete
/// ```
public struct TransferRules: Sendable {
    struct PriorityRule: Sendable {
        let pattern: FilenamePattern
        let priority: TransferPriority
    }

    struct DestinationRule: Sendable {
        let name: String
        let profile: String?
        let bucket: String?
        let prefix: String
        let pattern: FilenamePattern
        let isRequired: Bool
    }

    struct WatchRule: Sendable {
        let folder: String
        /// The text of a regular expression that the file's name has to match as a whole.
        let match: String
        let bucket: String
        let key: String
        let priority: TransferPriority?
        let settle: Double
        let deletes: Bool
    }

    var priorities: [PriorityRule] = []
    var destinations: [DestinationRule] = []
    var watched: [WatchRule] = []

    public init() {}

    init(file path: String) throws(DaemonError) {
        do {
            guard let text = try SmallFile.text(path) else {
                throw DaemonError.badFile(path: path, reason: "there is no such file")
            }
            try self.init(yaml: text)
        } catch let error as DaemonError { throw error } catch {
            throw .badFile(path: path, reason: "\(error)")
        }
    }

    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    init(yaml: String) throws {
        let document = try StructuredValue(yaml: yaml)
        guard let top = document.objectValue else { throw Problem(description: "it is not a mapping") }
        for key in top.keys where !["priorities", "destinations", "watch"].contains(key) {
            throw Problem(description: "'\(key)' is none of priorities, destinations and watch")
        }
        priorities = try Self.items(top, "priorities", ["match", "priority"]).map { item in
            PriorityRule(
                pattern: FilenamePattern(try item.text("match")),
                priority: try item.priority() ?? { throw Problem(description: "a priority rule has no 'priority'") }())
        }
        destinations = try Self.items(
            top, "destinations", ["name", "profile", "bucket", "prefix", "match", "required"]
        ).map { item in
            DestinationRule(
                name: try item.text("name"), profile: try item.optional("profile"),
                bucket: try item.optional("bucket"), prefix: try item.optional("prefix") ?? "",
                pattern: FilenamePattern(try item.optional("match") ?? "*"),
                isRequired: item.value["required"]?.boolValue ?? false)
        }
        let names = destinations.map(\.name) + ["main"]
        func isUsable(_ name: String) -> Bool { name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !name.contains(",") }
        guard Set(names).count == names.count, names.allSatisfy(isUsable) else {
            throw Problem(
                description: "names of destinations have to differ, without blanks, commas and what is not ASCII, and not "
                    + "be 'main'")
        }
        watched = try Self.items(
            top, "watch", ["folder", "match", "bucket", "key", "priority", "settle", "afterwards"]
        ).map { item in
            let match = try item.optional("match") ?? ".*"
            _ = try Regex(match)
            let afterwards = try item.optional("afterwards") ?? "keep"
            guard ["keep", "delete"].contains(afterwards) else {
                throw Problem(description: "'afterwards' is '\(afterwards)'; it should be keep or delete")
            }
            return WatchRule(
                folder: try item.text("folder"), match: match, bucket: try item.text("bucket"),
                key: try item.optional("key") ?? "{path}", priority: try item.priority(),
                settle: item.value["settle"]?.numberValue ?? 1, deletes: afterwards == "delete")
        }
    }

    func priority(of key: String) -> TransferPriority {
        priorities.first { $0.pattern.matches(key) }?.priority ?? .normal
    }

    private struct Item {
        let value: StructuredMapping
        let list: String

        func text(_ key: String) throws -> String {
            guard let text = try optional(key), !text.isEmpty else {
                throw Problem(description: "an entry of '\(list)' has no '\(key)'")
            }
            return text
        }

        func optional(_ key: String) throws -> String? {
            guard let value = value[key], !value.isNull else { return nil }
            guard let text = value.stringValue else {
                throw Problem(description: "'\(key)' of an entry of '\(list)' is not a text")
            }
            return text
        }

        func priority() throws -> TransferPriority? {
            guard let text = try optional("priority") else { return nil }
            guard let priority = TransferPriority(rawValue: text) else {
                throw Problem(description: "priority '\(text)' is none of urgent, normal and bulk")
            }
            return priority
        }
    }

    private static func items(_ top: StructuredMapping, _ list: String, _ keys: [String]) throws -> [Item] {
        guard let value = top[list], !value.isNull else { return [] }
        guard let array = value.arrayValue else { throw Problem(description: "'\(list)' is not a list") }
        return try array.map { entry in
            guard let mapping = entry.objectValue else {
                throw Problem(description: "an entry of '\(list)' is not a mapping")
            }
            for key in mapping.keys where !keys.contains(key) {
                throw Problem(
                    description: "'\(key)' of an entry of '\(list)' is none of \(keys.joined(separator: ", "))")
            }
            return Item(value: mapping, list: list)
        }
    }
}
