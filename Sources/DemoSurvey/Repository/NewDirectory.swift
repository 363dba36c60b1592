import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A directory that appears under its name only when it is complete.
///
/// Until then its content is in a hidden directory beside it.
struct NewDirectory: Sendable {
    /// Absolute path of the final directory.
    let path: String
    /// Where to put the content meanwhile.
    let draft: String

    /// - Throws: ``DemoSurveyError`` when something other than an empty directory has the name, or the draft cannot be
    ///   made.
    init(_ argument: String) throws {
        let url = URL(fileURLWithPath: argument).standardizedFileURL
        path = url.path
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
            guard isDirectory.boolValue else { throw DemoSurveyError.notADirectory(path) }
            let content: [String]
            do { content = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
                throw DemoSurveyError.cannotMake(path, reason: Self.reason(error))
            }
            guard content.isEmpty else { throw DemoSurveyError.notEmpty(path) }
        }
        let parent = url.deletingLastPathComponent()
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        draft = parent.appendingPathComponent("\(Self.draftPrefix(path))\(digits)\(Self.draftEnding)").path
        do {
            try FileManager.default.createDirectory(atPath: parent.path, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: draft, withIntermediateDirectories: false)
        } catch {
            throw DemoSurveyError.cannotMake(path, reason: Self.reason(error))
        }
    }

    /// Gives the draft its name. An empty directory of that name is replaced, anything else is not.
    func publish() throws {
        guard rename(draft, path) == 0 else {
            let code = errno
            if code == ENOTEMPTY || code == EEXIST { throw DemoSurveyError.notEmpty(path) }
            throw DemoSurveyError.cannotMake(path, reason: String(cString: strerror(code)))
        }
    }

    /// Removes the draft.
    func discard() throws { try FileManager.default.removeItem(atPath: draft) }

    /// The drafts of attempts at this directory that did not come to their end, unless they are at work.
    func abandonedDrafts() -> [String] {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let prefix = Self.draftPrefix(path)
        return ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [])
            .filter { $0.hasPrefix(prefix) && $0.hasSuffix(Self.draftEnding) && "\(parent)/\($0)" != draft }
            .sorted().map { "\(parent)/\($0)" }
    }

    private static let draftEnding = ".partial"
    private static func draftPrefix(_ path: String) -> String { ".\(URL(fileURLWithPath: path).lastPathComponent)." }

    private static func reason(_ error: any Error) -> String {
        let nested = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        return (nested ?? (error as NSError)).localizedDescription
    }
}
