import Foundation
import ObjectStorage

/// Stores on other machines: of roots there, and of files that were left where they were.
package enum RemoteStores {
    /// As the process's environment says.
    package static let process = ObjectStores(environment: ProcessInfo.processInfo.environment)
}

extension FileDatastore {
    /// The store and path of a recorded file of another machine, and the zip member; `nil` for files of this machine,
    /// and where files of others are not looked at.
    func remotePlace(
        of info: StoredFileInfo
    ) throws -> (store: any ObjectStore, path: ObjectPath, member: String?)? {
        switch try ArtifactLocation(recorded: info.path) {
        case .inside(let path, let member): return remote.map { ($0, path, member) }
        case .outside(let uri, let member):
            guard uri.localPath == nil, let remotes else { return nil }
            let (store, path) = try remotes.place(of: uri)
            return (store, path, member)
        }
    }
}
