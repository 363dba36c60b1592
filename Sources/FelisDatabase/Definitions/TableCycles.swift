import StructuredData

/// Finds what points to itself through others.
enum TableCycles {
    /// The nodes from which a way of arrows leads back to them. Cost: O(nodes · arrows), which are few.
    static func members(_ targets: [Set<Int>]) -> Set<Int> {
        Set(
            targets.indices.filter { start in
                var seen: Set<Int> = []
                var waiting = Array(targets[start])
                while let node = waiting.popLast() {
                    if node == start { return true }
                    if seen.insert(node).inserted { waiting += targets[node] }
                }
                return false
            })
    }
}

/// Numbers as Python's `str` writes them.
enum DefaultText {
    static func python(_ number: Double) -> String {
        number.isFinite ? PythonFloat.repr(number) : PythonFloat.special(number)
    }
}
