import Foundation

/// A file that a user named for a result.
enum ResultFile {
    /// Replaces the file as a whole, also one that a link leads to. Devices and pipes are written into.
    static func write(_ text: String, to path: String) throws {
        let data = Data(text.utf8)
        var status = stat()
        do {
            if stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try file.write(contentsOf: data)
                try file.close()
            } else {
                try data.write(to: URL(fileURLWithPath: path).resolvingSymlinksInPath(), options: .atomic)
            }
        } catch {
            throw CommandFailure.cannotWrite(path, reason: error.localizedDescription)
        }
    }
}
