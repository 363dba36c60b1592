/// A scale on which astronomers count time.
public enum TimeScale: String, CaseIterable, Sendable {
    /// International Atomic Time.
    case tai
    /// Coordinated Universal Time: TAI less a whole number of leap seconds.
    case utc
    /// Terrestrial Time: TAI + 32.184 s.
    case tt
    /// Barycentric Dynamical Time.
    case tdb
    /// Barycentric Coordinate Time.
    case tcb
    /// Geocentric Coordinate Time.
    case tcg
    /// Universal Time, the rotation angle of the Earth. Known by measurement only: no conversion is offered.
    case ut1

    /// The next scale on the way to TAI. The scales form a tree with TAI at its root.
    private var parent: TimeScale? {
        switch self {
        case .tai: nil
        case .utc, .tt: .tai
        case .tdb, .tcg: .tt
        case .tcb: .tdb
        case .ut1: .utc
        }
    }

    private var ancestors: [TimeScale] {
        var line = [self]
        while let parent = line[line.count - 1].parent { line.append(parent) }
        return line
    }

    /// The scales from this one to `target`, both included; each step is one ERFA conversion.
    func path(to target: TimeScale) -> [TimeScale] {
        let up = ancestors
        let down = target.ancestors
        guard let meeting = up.first(where: down.contains) else { return [] }
        return up.prefix { $0 != meeting } + [meeting] + down.prefix { $0 != meeting }.reversed()
    }
}
