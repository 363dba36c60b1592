/// A pixelization whose pixels are divided in four per level, with the children of pixel i at 4i … 4i + 3.
protocol PixelTree: Pixelization {
    /// The indices of the pixels at level 0.
    var roots: Range<UInt64> { get }

    /// The corners of each pixel.
    static var cornerCount: Int { get }

    /// Adds the corners of a root pixel, counter-clockwise.
    func appendRoot(_ index: UInt64, to corners: inout [UnitVector])

    /// Adds the corners of the four children of a pixel at `level`, whose own corners begin at `parent`.
    func appendChildren(of index: UInt64, level: Int, parent: Int, to corners: inout [UnitVector])
}

/// A region that pixels are compared with.
private protocol SearchTarget {
    func relation(of pixel: borrowing Span<UnitVector>) -> Relationship
}

extension Circle: SearchTarget {
    func relation(of pixel: borrowing Span<UnitVector>) -> Relationship { relateLoop(pixel, to: self) }
}

extension Box: SearchTarget {
    func relation(of pixel: borrowing Span<UnitVector>) -> Relationship { relateLoop(pixel, to: self) }
}

extension ConvexPolygon: SearchTarget {
    func relation(of pixel: borrowing Span<UnitVector>) -> Relationship { relateLoop(pixel, to: vertices.span) }
}

extension PixelTree {
    public var universe: RangeSet {
        RangeSet(descendants(of: roots, bits: 2 * level))
    }

    public func envelope(of region: Region, maxRanges: Int) -> RangeSet {
        find(region, interiorOnly: false, maxRanges: maxRanges)
    }

    public func interior(of region: Region, maxRanges: Int) -> RangeSet {
        find(region, interiorOnly: true, maxRanges: maxRanges)
    }

    private func find(_ region: Region, interiorOnly: Bool, maxRanges: Int) -> RangeSet {
        switch region {
        case .circle(let circle): search(circle, interiorOnly, maxRanges)
        // Upstream looks at the circle around an ellipse, for its interior too.
        case .ellipse(let ellipse): search(ellipse.boundingCircle, interiorOnly, maxRanges)
        case .box(let box): search(box, interiorOnly, maxRanges)
        case .polygon(let polygon): search(polygon, interiorOnly, maxRanges)
        case .union(let union):
            union.operands.reduce(RangeSet()) {
                $0.union(find($1, interiorOnly: interiorOnly, maxRanges: maxRanges))
            }
        case .intersection(let intersection):
            intersection.operands.reduce(universe) {
                $0.intersection(find($1, interiorOnly: interiorOnly, maxRanges: maxRanges))
            }
        }
    }

    private func search(_ target: some SearchTarget, _ interiorOnly: Bool, _ maxRanges: Int) -> RangeSet {
        var finder = PixelFinder(
            tree: self, target: target, interiorOnly: interiorOnly, maxRanges: maxRanges > 0 ? maxRanges : .max)
        for root in roots {
            finder.corners.removeAll(keepingCapacity: true)
            appendRoot(root, to: &finder.corners)
            finder.visit(root, level: 0, corners: 0)
        }
        return finder.found
    }
}

/// Walks the pixel tree from the roots and keeps what meets the target.
private struct PixelFinder<Tree: PixelTree, Target: SearchTarget> {
    let tree: Tree
    let target: Target
    let interiorOnly: Bool
    let maxRanges: Int
    /// How deep the walk goes; falls when there are too many ranges.
    var depth: Int
    var found = RangeSet()
    /// The corners of the pixels on the path to the current one, and of their siblings.
    var corners: [UnitVector] = []

    init(tree: Tree, target: Target, interiorOnly: Bool, maxRanges: Int) {
        self.tree = tree
        self.target = target
        self.interiorOnly = interiorOnly
        self.maxRanges = maxRanges
        depth = tree.level
        corners.reserveCapacity(4 * Tree.cornerCount * (tree.level + 1))
    }

    mutating func visit(_ index: UInt64, level: Int, corners start: Int) {
        if level > depth { return }
        let relation = target.relation(of: corners.span.extracting(start..<(start + Tree.cornerCount)))
        if relation.contains(.disjoint) { return }
        if relation.contains(.within) { return insert(index, level) }
        if level == depth {
            if !interiorOnly { insert(index, level) }
            return
        }
        let children = corners.count
        tree.appendChildren(of: index, level: level, parent: start, to: &corners)
        for child in 0..<4 {
            visit(index * 4 + UInt64(child), level: level + 1, corners: children + child * Tree.cornerCount)
        }
        corners.removeLast(corners.count - children)
    }

    private mutating func insert(_ index: UInt64, _ level: Int) {
        var shift = 2 * (tree.level - level)
        if index < UInt64.max { found.insert(descendants(of: index..<(index + 1), bits: shift)) }
        while found.ranges.count > maxRanges {
            depth -= 1
            shift += 2
            if interiorOnly {
                found = found.complement().simplified(bits: shift).complement()
            } else {
                found = found.simplified(bits: shift)
            }
        }
    }
}

/// The indices of the pixels within some pixels, `bits` / 2 levels down.
///
/// The last pixel of MQ3C level 30 has index 2⁶⁴ − 1, which range sets do not hold; it is left out.
private func descendants(of pixels: Range<UInt64>, bits: Int) -> Range<UInt64> {
    let lower = pixels.lowerBound << UInt64(bits)
    let upper = pixels.upperBound << UInt64(bits)
    return lower..<(upper == 0 ? UInt64.max : upper)
}
