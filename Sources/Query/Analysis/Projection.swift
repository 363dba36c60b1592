import ButlerModel
import QueryModel

/// Decides how joined rows become result rows: whether rows have to be made unique, by what, and what filters need.
/// Source: query system reference, section 3.4.
struct Projection {
    let joined: PlanColumns
    var columns: PlanColumns
    let final: PlanColumns
    let searches: [ResolvedSearch]
    let findFirst: String?
    let filters: [RegionFilter]
    /// Filters of materialized rows, in terms of their table's columns.
    let inherited: [PlannedFilter]

    private(set) var uniqueness = LogicalPlan.Uniqueness.given
    /// The search that has to be ranked.
    private(set) var ranked: ResolvedSearch?
    private(set) var checksValidityRanges = false
    private(set) var plannedFilters: [PlannedFilter] = []
    /// Dataset types of which the collection's key is read.
    private(set) var readsCollection: Set<String> = []

    init(
        joined: PlanColumns, columns: PlanColumns, final: PlanColumns, searches: [ResolvedSearch], findFirst: String?,
        filters: [RegionFilter], inherited: [PlannedFilter]
    ) {
        self.joined = joined
        self.columns = columns
        self.final = final
        self.searches = searches
        self.findFirst = findFirst
        self.filters = filters
        self.inherited = inherited
    }

    mutating func decide() {
        let dropsDimensions = columns.dimensions != joined.dimensions
        let dropsDatasets = searches.contains { search in
            search.collections.count > 1 && joined.datasets[search.name]?.isEmpty == false
                && columns.datasets[search.name]?.isEmpty ?? true
        }
        for search in searches where search.collections.count > 1 {
            guard let fields = columns.datasets[search.name], !fields.isEmpty else { continue }
            if findFirst != nil || fields.contains(.timespan) || fields.contains(.collection) {
                readsCollection.insert(search.name)
            }
        }
        if let search = searches.first(where: { $0.name == findFirst }) {
            checksValidityRanges = search.isCalibrationSearch
            if search.collections.count > 1 { ranked = search }
        }
        planFilters()
        if dropsDimensions || dropsDatasets || checksValidityRanges { makeUnique() }
    }

    private mutating func planFilters() {
        let elements = DimensionSet(columns.dimensions.elements.map(\.position))
        func isKept(_ element: DimensionElement) -> Bool { elements.contains(element.position) }
        let own = filters.map { filter -> PlannedFilter in
            switch filter {
            case .overlap(let a, let b): .overlap(a, b)
            case .within(let element, let region): .within(element, region, isUnion: false)
            }
        }
        plannedFilters = (own + inherited).map { filter in
            switch filter {
            case .overlap(let a, let b) where !isKept(a) || !isKept(b):
                .overlapText(label: PlannedFilter.overlapLabel(a, b), a, b)
            case .within(let element, let region, _) where !isKept(element): .within(element, region, isUnion: true)
            case .overlap, .overlapText, .within: filter
            }
        }
    }

    private mutating func makeUnique() {
        var keys = columns.dimensions.keys.map { LogicalPlan.GroupKey.dimension($0) }
        var hasAggregates = checksValidityRanges
        var hasOtherColumns = columns.fields.values.contains { !$0.isEmpty }
        for filter in plannedFilters {
            switch filter {
            case .overlapText, .within(_, _, isUnion: true): hasAggregates = true
            case .overlap, .within: hasOtherColumns = true
            }
        }
        for (datasetType, fields) in columns.datasets.sorted(by: { $0.key < $1.key }) where !fields.isEmpty {
            guard let search = searches.first(where: { $0.name == datasetType }) else { continue }
            let isFindFirst = datasetType == findFirst
            let isAmbiguous = search.collections.count > 1
            if readsCollection.contains(datasetType) { keys.append(.collection(datasetType: datasetType)) }
            for field in fields.sorted() {
                if field == .timespan, search.isCalibrationSearch, !isFindFirst {
                    keys.append(.timespan(datasetType: datasetType))
                } else if field == .datasetID, isAmbiguous, !isFindFirst {
                    keys.append(.datasetID(datasetType: datasetType))
                } else {
                    hasOtherColumns = true
                }
            }
        }
        uniqueness = hasAggregates || hasOtherColumns ? .grouped(keys) : .distinct
    }
}
