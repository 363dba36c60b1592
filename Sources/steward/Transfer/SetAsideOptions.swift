import ArgumentParser
import ByteText
import Foundation
import ImageTransfer

/// What to do with the requests that a transfer daemon has set aside, instead of running one.
struct SetAsideOptions: ParsableArguments {
    enum Action: EnumerableFlag {
        case listSetAside, retrySetAside, forgetSetAside

        static func help(for value: Self) -> ArgumentHelp? {
            switch value {
            case .listSetAside: "List requests that cannot arrive: time, ID, destination, file, bucket and key, reason."
            case .retrySetAside:
                "Have the daemon of the spool try them again. What has come under their keys since is not replaced."
            case .forgetSetAside: "Have the daemon of the spool forget them. Their files stay."
            }
        }
    }

    @Flag var action: Action?

    @Option(name: .customLong("request"), help: "Only the request of this ID; may be given several times.")
    var requests: [String] = []

    func validate() throws {
        guard requests.isEmpty || action != nil else {
            throw ValidationError("--request needs --list-set-aside, --retry-set-aside or --forget-set-aside.")
        }
        for text in requests where UUID(uuidString: text) == nil {
            throw ValidationError("--request '\(text)' is not an ID; --list-set-aside shows them.")
        }
    }

    func run(_ action: Action, spool: String) async throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: spool, isDirectory: &isFolder), isFolder.boolValue else {
            throw CommandFailure.refused(
                "There is no spool at '\(spool)'; name it with --spool or STEWARD_S3DAEMON_SPOOL.")
        }
        let wanted = requests.isEmpty ? nil : Set(requests.compactMap(UUID.init(uuidString:)))
        let entries = try SetAsideList.read(spool).filter { wanted?.contains($0.id) ?? true }
        if let wanted, case let missing = wanted.subtracting(entries.map(\.id)), !missing.isEmpty {
            let names = missing.map(\.uuidString).sorted().joined(separator: ", ")
            throw CommandFailure.refused("No such requests are set aside in '\(spool)': \(names)")
        }
        if action == .listSetAside { return list(entries) }
        guard !entries.isEmpty else { return print("Nothing is set aside.") }
        let order = try SpoolOrder(
            // Not what is set aside after this look.
            action == .retrySetAside ? .retry : .forget, entries, spool: spool)
        let count = entries.count == 1 ? "1 request" : "\(entries.count) requests"
        switch await order.wait(atMost: .seconds(5)) {
        case .done: print("The daemon has been told: \(count).")
        case .underWay: print("The daemon has been told: \(count). Some wait until half of the spool is free.")
        case .notBegun(isDaemonAtWork: true):
            print("The daemon has not done it yet, and will, or its log says why not: \(count).")
        case .notBegun(isDaemonAtWork: false):
            print("No daemon is at work with '\(spool)'. The next one will do it, as it starts: \(count).")
        }
    }

    private func list(_ entries: [SetAsideRequest]) {
        let style = Date.ISO8601FormatStyle()
        for entry in entries {
            let fields = [
                Date(timeIntervalSince1970: entry.time).formatted(style), entry.id.uuidString, entry.destination,
                entry.file,
                "\(entry.bucket)/\(entry.key)", entry.reason,
            ]
            print(fields.map(\.onOneLine).joined(separator: "\t"))
        }
    }
}
