/// A closed box in space, in units of the sphere's radius. If one side is empty, all are.
public struct Box3: Sendable, Hashable {
    public private(set) var x: Interval
    public private(set) var y: Interval
    public private(set) var z: Interval

    public init(_ x: Interval, _ y: Interval, _ z: Interval) {
        self.x = x
        self.y = y
        self.z = z
        enforceInvariants()
    }

    private mutating func enforceInvariants() {
        if x.isEmpty || y.isEmpty || z.isEmpty {
            x = .empty
            y = .empty
            z = .empty
        }
    }

    public static let empty = Box3(.empty, .empty, .empty)
    public static let aroundUnitSphere = Box3(Interval(-1.0, 1.0), Interval(-1.0, 1.0), Interval(-1.0, 1.0))

    public var isEmpty: Bool { x.isEmpty }

    public func contains(_ v: UnitVector) -> Bool { x.contains(v.x) && y.contains(v.y) && z.contains(v.z) }

    mutating func expand(to box: Box3) {
        x.expand(to: box.x)
        y.expand(to: box.y)
        z.expand(to: box.z)
    }

    mutating func clip(to box: Box3) {
        x.clip(to: box.x)
        y.clip(to: box.y)
        z.clip(to: box.z)
        enforceInvariants()
    }
}
