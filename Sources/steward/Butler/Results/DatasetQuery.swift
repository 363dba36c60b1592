import Butler
import ButlerModel
import Query

/// A search for the datasets of some types in some collections.
struct DatasetQuery: Sendable {
    /// Names and globs of dataset types.
    let datasetTypes: [String]
    /// Names and globs of collections, in search order.
    let collections: [String]
    let expression: String
    let findsFirst: Bool
    let limit: ResultLimit
    /// Columns, possibly with `-` before the name; only for a single dataset type.
    let order: [String]

    struct Outcome: Sendable {
        /// Whether there is more than the limit lets through.
        var isCut = false
        /// Why nothing was looked for, if so.
        var remark: String?
    }

    /// - Parameters:
    ///   - datasetTypes: as given; none means all.
    ///   - options: no collections mean all.
    init(datasetTypes: [String], options: DatasetQueryOptions) throws {
        try self.init(
            datasetTypes: datasetTypes, filter: options.filter, limit: options.limit, order: options.order)
    }

    init(
        datasetTypes: [String], filter: DatasetFilterOptions, limit: ResultLimit, order: [String] = []
    ) throws {
        self.datasetTypes = datasetTypes.isEmpty ? ["*"] : datasetTypes
        collections = filter.collections.isEmpty ? ["*"] : filter.collections
        expression = filter.expression
        findsFirst = filter.findsFirst
        self.limit = limit
        self.order = order
        guard order.isEmpty || hasOneType else {
            throw CommandFailure.refused(
                "--order-by works with a single dataset type only; name one, without wildcards.")
        }
    }

    var cutWarning: String {
        "Requested limit of \(limit.maximum) hit for number of datasets returned. Use --limit to increase this limit."
    }

    private var hasOneType: Bool { datasetTypes.count == 1 && Glob(datasetTypes[0]) == nil }

    /// Hands the datasets out, each type's at once, in the order of the types' names. Each dataset once.
    /// Memory: the datasets of one type.
    func run(
        _ butler: DirectButler, _ body: (DatasetType, [DatasetRef]) async throws -> Void
    ) async throws -> Outcome {
        var outcome = Outcome()
        do {
            if hasOneType {
                var refs = try await butler.queryDatasets(
                    datasetTypes[0], collections: collections, findFirst: findsFirst, where: expression,
                    orderBy: order, limit: limit.sought)
                outcome.isCut = limit.cut(&refs, total: refs.count)
                try await hand(refs, to: body)
            } else {
                outcome.isCut = try await runAll(butler, body)
            }
        } catch let error as ButlerError where error.kind == .missingDatasetType {
            outcome.remark = error.message
        }
        return outcome
    }

    /// Hands the datasets out in pages of some thousands. Each dataset once. Memory: a page, and the identifiers.
    func visit(_ butler: DirectButler, _ body: ([DatasetRef]) async throws -> Void) async throws -> Outcome {
        var outcome = Outcome()
        var seen: Set<DatasetID> = []
        var total = 0
        func hand(_ page: [DatasetRef]) async throws {
            total += page.count
            var refs = page
            outcome.isCut = limit.cut(&refs, total: total)
            refs = refs.filter { seen.insert($0.id).inserted }
            if !refs.isEmpty { try await body(refs) }
        }
        do {
            if hasOneType {
                try await butler.visitDatasets(
                    datasetTypes[0], collections: collections, findFirst: findsFirst, where: expression,
                    orderBy: order, limit: limit.sought, hand)
            } else {
                let request = AllDatasetsRequest(
                    collections: collections, names: datasetTypes, findFirst: findsFirst, where: expression,
                    limit: limit.sought)
                for try await page in butler.query.allDatasets(request) { try await hand(page) }
            }
        } catch let error as ButlerError where error.kind == .missingDatasetType {
            outcome.remark = error.message
        }
        return outcome
    }

    private func runAll(
        _ butler: DirectButler, _ body: (DatasetType, [DatasetRef]) async throws -> Void
    ) async throws -> Bool {
        let request = AllDatasetsRequest(
            collections: collections, names: datasetTypes, findFirst: findsFirst, where: expression,
            limit: limit.sought)
        var refs: [DatasetRef] = []
        var total = 0
        for try await page in butler.query.allDatasets(request) {
            total += page.count
            if let type = refs.first?.datasetType, type != page.first?.datasetType {
                try await hand(refs, to: body)
                refs = []
            }
            refs += page
        }
        let isCut = limit.cut(&refs, total: total)
        try await hand(refs, to: body)
        return isCut
    }

    private func hand(_ refs: [DatasetRef], to body: (DatasetType, [DatasetRef]) async throws -> Void) async throws {
        guard let type = refs.first?.datasetType else { return }
        var seen: Set<DatasetID> = []
        try await body(type, refs.filter { seen.insert($0.id).inserted })
    }
}
