import ButlerModel
import HTTPTypes
import Hummingbird
import ObjectStorage
import Registry
import Serving
import StructuredData

/// Files of datasets. Source: remote Butler protocol reference, section 9.
///
/// A file is only ever chosen by dataset and component: no path comes from a client. Files of a local datastore are
/// served by this server itself; files on other hosts are left to those.
extension ButlerRoutes {
    func addFiles(to routes: ServiceRoutes) {
        add("get_file/{id}", [.get], to: routes) { call in
            let id = try call.context.datasetID()
            let (ref, files) = try await call.repository.read { view in
                guard let ref = try view.dataset(id) else {
                    throw ButlerError(.datasetNotFound, "Dataset ID \(id) not found")
                }
                return (ref, try view.files(of: [id])[id] ?? [])
            }
            return try fileInfo(of: ref, files, call, endpoint: "uuid")
        }

        add("get_file_by_data_id", [.post], to: routes) { call in
            let search = try await call.request.decoded { fields throws(ButlerError) in
                let timespan = try fields.timespan("timespan")
                return try DatasetSearchRequest(
                    fields, time: timespan.map { $0.isUnbounded ? .any : .during($0) } ?? .ofDataID)
            }
            let (ref, files) = try await call.repository.read { view in
                guard let ref = try search.find(in: view) else { throw search.notFound }
                return (ref, try view.files(of: [ref.id])[ref.id] ?? [])
            }
            return try fileInfo(of: ref, files, call, endpoint: "data-id")
        }

        add("dataset/{id}/download", [.get, .head], to: routes) { call in
            try await deliver(try await selectedFile(call), call)
        }

        // The same under a URL that ends like the file: clients go by the extension.
        add("dataset/{id}/file/{name}", [.get, .head], to: routes) { call in
            let file = try await selectedFile(call)
            guard try call.context.segment("name") == file.location.basename else { throw HTTPFailure.notFound }
            return try await deliver(file, call)
        }

        add("file_transfer", [.post], to: routes) { call in
            let ids = try await call.request.decoded { fields throws(ButlerError) in
                try fields.datasetIDs("dataset_ids")
            }
            let files = try await call.repository.read { try $0.files(of: ids) }
            var answer = StructuredMapping()
            for id in ids {
                guard let records = files[id], !records.isEmpty else { continue }
                answer[id.description] = .array(try records.map { try transferRecord(of: $0, dataset: id, call) })
            }
            return .json(.object(["files": .object(answer)]))
        }
    }

    // MARK: URLs

    private func fileInfo(of ref: DatasetRef, _ files: [ServedFile], _ call: Call, endpoint: String) throws -> Response
    {
        logFileAccess(to: ref, call, endpoint: endpoint)
        var artifact = StructuredValue.null
        if !files.isEmpty {
            let records = try files.map { file -> StructuredValue in
                let (url, auth) = try readingURL(of: file, dataset: ref.id, call)
                return .object(["url": .string(url), "datastoreRecords": file.info.wire, "auth": .string(auth)])
            }
            artifact = .object(["datastore_type": "file", "file_info": .array(records)])
        }
        return .json(.object(["dataset_ref": ref.wire, "artifact": artifact]))
    }

    /// Where a client reads a file, and which credentials it sends there.
    private func readingURL(of file: ServedFile, dataset: DatasetID, _ call: Call) throws -> (url: String, auth: String)
    {
        switch file.location.scheme {
        case "file":
            let name = PercentEncoding.encode(file.location.basename)
            return (try ownURL("file/\(name)", of: file, dataset: dataset, call) + file.urlFragment, ownAuthentication)
        case "http", "https":
            return (file.location.description, authentication == .cadc ? "datastore" : "none")
        case let scheme: throw UnservableFile(scheme: scheme)
        }
    }

    private func transferRecord(of file: ServedFile, dataset: DatasetID, _ call: Call) throws -> StructuredValue {
        let (url, auth): (String, String) =
            if authentication == .cadc, file.location.scheme != "file" {
                try readingURL(of: file, dataset: dataset, call)
            } else {
                (try ownURL("download", of: file, dataset: dataset, call), ownAuthentication)
            }
        return .object(["url": .string(url), "auth": .string(auth), "file_info": file.info.wire])
    }

    /// The credentials for URLs of this server are those for its other routes.
    private var ownAuthentication: String { authentication == .cadc ? "none" : "gafaelfawr" }

    private func ownURL(_ tail: String, of file: ServedFile, dataset: DatasetID, _ call: Call) throws -> String {
        let origin = try ExternalOrigin(of: call.request, context: call.context, proxies: proxies)
        let query = file.component.map { "?component=\(PercentEncoding.encode($0))" } ?? ""
        return
            "\(origin)/api/butler/repo/\(PercentEncoding.encode(call.served.label))/v1/dataset/\(dataset)/\(tail)\(query)"
    }

    // MARK: Bytes

    /// The one file that the path and the query name. Its errors are those of HTTP, not of the Butler.
    func selectedFile(_ call: Call) async throws -> ServedFile {
        let id = try call.context.datasetID()
        let component = try QueryString(call.request)["component"]
        let (ref, files) = try await call.repository.read { view in
            (try view.dataset(id), try view.files(of: [id])[id] ?? [])
        }
        let label = call.served.label
        guard let ref else {
            throw HTTPFailure(.notFound, "Dataset id '\(id)' not found in repository '\(label)'")
        }
        guard !files.isEmpty else {
            throw HTTPFailure(.notFound, "No files are available for dataset id '\(id)' in repository '\(label)'")
        }
        guard let file = files.first(where: { $0.component == component }) else {
            let components = files.compactMap(\.component).sorted().map { "'\($0)'" }.joined(separator: ", ")
            guard let component else {
                throw HTTPFailure(
                    .unprocessableContent,
                    "Dataset '\(id)' in repository '\(label)' consists of multiple files.  Specify the 'component' query "
                        + "parameter to select one of the following: [\(components)]")
            }
            throw HTTPFailure(
                .notFound,
                "Component '\(component)' for dataset '\(id)' in repository '\(label)' not found. "
                    + "Available components: [\(components.isEmpty ? "None" : components)]")
        }
        logFileAccess(to: ref, call, endpoint: "uuid-redirect")
        return file
    }

    /// The bytes of a local file (of the whole zip file for a member), or the way to those elsewhere.
    private func deliver(_ file: ServedFile, _ call: Call) async throws -> Response {
        switch file.location.scheme {
        case "file":
            guard let path = file.location.localPath else { throw UnservableFile(scheme: file.location.scheme) }
            return try await .file(at: path, for: call.request)
        case "http", "https":
            return Response(status: .temporaryRedirect, headers: [.location: file.location.description])
        case let scheme: throw UnservableFile(scheme: scheme)
        }
    }

    /// Who reads what, for the operators. Source: remote Butler protocol reference, section 11.
    private func logFileAccess(to ref: DatasetRef, _ call: Call, endpoint: String) {
        let dataID = zip(ref.dataID.group.requiredNames, ref.dataID.requiredValues)
        logger.info(
            "file-access",
            metadata: [
                "dataset": [
                    "uuid": .string(ref.id.description), "type": .string(ref.datasetType.name),
                    "data_id": .dictionary(
                        Dictionary(uniqueKeysWithValues: dataID.map { ($0, .string($1.description)) })),
                ],
                "file_access_endpoint": .string(endpoint), "butler_repo": .string(call.served.label),
                "requester": [
                    "username": .string(call.request.headers[.xAuthRequestUser] ?? ""),
                    "service": .string(call.request.headers[.xAuthRequestService] ?? ""),
                ],
            ])
    }
}

extension ServedFile {
    /// The fragment with its `#`, made fit for a URL; escapes that are there stay.
    fileprivate var urlFragment: String {
        guard !location.fragment.isEmpty else { return "" }
        return "#"
            + location.fragment.split(separator: "=", omittingEmptySubsequences: false)
            .map { part in
                part.split(separator: "/", omittingEmptySubsequences: false)
                    .map { $0.contains("%") ? String($0) : PercentEncoding.encode($0) }.joined(separator: "/")
            }
            .joined(separator: "=")
    }
}
