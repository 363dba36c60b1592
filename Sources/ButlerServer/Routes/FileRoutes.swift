import ButlerModel
import ByteText
import Datastore
import HTTPTypes
import Hummingbird
import ObjectStorage
import Registry
import Serving
import StructuredData

/// Files of datasets. Source: remote Butler protocol reference, section 9.
///
/// A file is only ever chosen by dataset and component: no path comes from a client. Files of a local datastore are
/// served by this server itself; for files on other hosts it hands out URLs of those.
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
            return try await fileInfo(of: ref, files, call, endpoint: "uuid")
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
            return try await fileInfo(of: ref, files, call, endpoint: "data-id")
        }

        add("dataset/{id}/download", [.get, .head], to: routes) { call in
            let file = try await selectedFile(call)
            return try await deliver(file, call, keeping: file.zip?.members)
        }

        addNamedFiles(to: routes)

        add("file_transfer", [.post], to: routes) { call in
            let ids = try await call.request.decoded { fields throws(ButlerError) in
                try fields.datasetIDs("dataset_ids")
            }
            let files = try await queries.lookup(call) { try $0.files(of: ids) }
            var answer = StructuredMapping()
            for id in ids {
                guard let records = files[id], !records.isEmpty else { continue }
                var transfers: [StructuredValue] = []
                for record in records { transfers.append(try await transferRecord(of: record, dataset: id, call)) }
                answer[id.description] = .array(transfers)
            }
            return .json(.object(["files": .object(answer)]))
        }
    }

    /// The bytes under a URL that ends like the file, since clients go by the extension. Who has it with a signature
    /// needs no other credentials, so an ingress may lead here without any. It has a prefix of its own for that.
    private func addNamedFiles(to routes: ServiceRoutes) {
        add(
            "file/{id}/{name}", [.get, .head], to: routes,
            admission: { request, context, label in
                let target = DownloadTarget(
                    label: label, dataset: try context.datasetID().description, fileName: try context.segment("name"),
                    component: try QueryString(request)["component"])
                switch urls.signer.verdict(on: target, try QueryString(request)) {
                case nil: return try await access.admitWithoutIngress(request, to: label, of: table, logger: logger)
                case .valid:
                    guard let served = table[label] else { throw HTTPFailure.notFound }
                    return (served, Requester(request, seesEverything: true))
                case .expired: throw HTTPFailure(.forbidden, "The signed URL has expired; ask for a new one.")
                case .forged: throw HTTPFailure(.forbidden, "The signature does not fit the URL.")
                }
            }
        ) { call in
            let file = try await selectedFile(call)
            guard try call.context.segment("name") == file.location.basename else { throw HTTPFailure.notFound }
            // Whoever has the URL may be anybody, so it does not lead to other datasets where any are hidden.
            var members: [ExactName: Set<DatasetID>]?
            if let member = file.location.zipMember, try await call.repository.hasVisibilityRules() {
                members = [ExactName(member): [try call.context.datasetID()]]
            }
            return try await deliver(file, call, keeping: members)
        }
    }

    // MARK: URLs

    private func fileInfo(of ref: DatasetRef, _ files: [ServedFile], _ call: Call, endpoint: String) async throws
        -> Response
    {
        logFileAccess(to: ref, call, endpoint: endpoint)
        var artifact = StructuredValue.null
        if !files.isEmpty {
            var records: [StructuredValue] = []
            for file in files {
                let (url, credentials) = try await readingURL(of: file, dataset: ref.id, call)
                records.append(
                    .object([
                        "url": .string(url), "datastoreRecords": file.info.wire, "auth": .string(credentials.rawValue),
                    ]))
            }
            artifact = .object(["datastore_type": "file", "file_info": .array(records)])
        }
        return .json(.object(["dataset_ref": ref.wire, "artifact": artifact]))
    }

    /// Where a client reads a file, and which credentials it sends there.
    private func readingURL(
        of file: ServedFile, dataset: DatasetID, _ call: Call
    ) async throws -> (url: String, credentials: FileURLs.Credentials) {
        guard file.isLocal || file.mustBeCut else { return try await urls.external(file) }
        let target = DownloadTarget(
            label: call.served.label, dataset: dataset.description, fileName: file.location.basename,
            component: file.component)
        let url = "\(try origin(call))\(target.path)?\(urls.signer.query(for: target))\(file.urlFragment)"
        return (url, urls.ownCredentials)
    }

    /// A URL that stays valid, since a transfer may outlive signatures; in mode `cadc` the file's own.
    private func transferRecord(
        of file: ServedFile, dataset: DatasetID, _ call: Call
    ) async throws -> StructuredValue {
        var (url, credentials) = ("", urls.ownCredentials)
        if urls.authentication == .cadc, !file.isLocal, !file.mustBeCut {
            (url, credentials) = try await urls.external(file)
        } else {
            let query = file.component.map { "?component=\(PercentEncoding.encode($0))" } ?? ""
            let label = PercentEncoding.encode(call.served.label)
            url = "\(try origin(call))/api/butler/repo/\(label)/v1/dataset/\(dataset)/download\(query)"
        }
        return .object([
            "url": .string(url), "auth": .string(credentials.rawValue), "file_info": file.info.wire,
        ])
    }

    private func origin(_ call: Call) throws -> ExternalOrigin {
        try ExternalOrigin(of: call.request, context: call.context, proxies: proxies)
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

    /// The bytes of a local file, or the way to those elsewhere.
    ///
    /// - Parameter members: for a member of a zip file: which members go along; `nil` for the zip file as it is.
    private func deliver(
        _ file: ServedFile, _ call: Call, keeping members: [ExactName: Set<DatasetID>]?
    ) async throws -> Response {
        guard file.isLocal, let path = file.location.localPath else {
            let url = try await urls.external(file).url
            // A signed URL of this server's is made only where the file has to be cut.
            guard let members, file.zip?.isComplete != true else {
                return Response(status: .temporaryRedirect, headers: [.location: url])
            }
            return try await extract(of: file, at: url, call, keeping: members)
        }
        guard let members else { return try await .file(at: path, for: call.request) }
        return try await .file(at: path, for: call.request) { size, read in
            let extract = try await ZipExtract(of: path, size: size, keeping: members, read: read)
            return FileExtract(size: extract.size, digest: extract.digest, bytes: extract.read)
        }
    }

    /// The members of a zip file on another host that may be seen, by way of this server.
    private func extract(
        of file: ServedFile, at url: String, _ call: Call, keeping members: [ExactName: Set<DatasetID>]
    ) async throws -> Response {
        do {
            let remote = try await RemoteFile(String(url.prefix { $0 != "#" }))
            let extract = try await ZipExtract(
                of: file.location.withoutFragment.description, size: remote.size, keeping: members, read: remote.read)
            let state = remote.entityTag.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
            return .extract(
                FileExtract(
                    size: extract.size, digest: "\(state)-\(remote.size)-\(extract.digest)", chunk: 4 << 20,
                    bytes: extract.read), for: call.request)
        } catch let error as RemoteFileError {
            logger.error("\(error)", metadata: ["butler_repo": .string(call.served.label)])
            throw HTTPFailure(.badGateway, "The file cannot be read from its host at present.")
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
                    "username": .string(call.requester.user ?? ""), "service": .string(call.requester.service ?? ""),
                ],
            ])
    }
}
