import StructuredData

/// Puts tables after those that they point to, and finds those that point to themselves through others.
enum TableCycles {
    /// The nodes from which a way of arrows leads back to them. Cost: O(nodes + arrows).
    ///
    /// Source: Tarjan, "Depth-first search and linear graph algorithms", 1972; without recursion, as ways may be long.
    static func members(_ targets: [Set<Int>]) -> Set<Int> {
        var state = Search(count: targets.count)
        for start in targets.indices where state.numbers[start] == nil { state.visit(start, targets) }
        return state.cyclic
    }

    /// The nodes in the order in which passes over them would take each whose targets earlier passes took.
    /// Cost: O(nodes + arrows).
    ///
    /// - Parameter targets: without circles.
    static func layered(_ targets: [Set<Int>]) -> [Int] {
        var waiting = targets.map(\.count)
        var users = Array(repeating: [Int](), count: targets.count)
        for (node, nodeTargets) in targets.enumerated() { for target in nodeTargets { users[target].append(node) } }
        var layer = targets.indices.filter { waiting[$0] == 0 }
        var order: [Int] = []
        while !layer.isEmpty {
            order += layer
            var next: [Int] = []
            for user in layer.flatMap({ users[$0] }) {
                waiting[user] -= 1
                if waiting[user] == 0 { next.append(user) }
            }
            layer = next.sorted()
        }
        return order
    }

    private struct Search {
        var numbers: [Int?]
        private var lowest: [Int]
        private var isOpen: [Bool]
        private var open: [Int] = []
        private var count = 0
        var cyclic: Set<Int> = []

        init(count: Int) {
            numbers = Array(repeating: nil, count: count)
            lowest = Array(repeating: 0, count: count)
            isOpen = Array(repeating: false, count: count)
        }

        private mutating func enter(_ node: Int) {
            numbers[node] = count
            lowest[node] = count
            count += 1
            open.append(node)
            isOpen[node] = true
        }

        mutating func visit(_ start: Int, _ targets: [Set<Int>]) {
            enter(start)
            var way = [(node: start, rest: targets[start].makeIterator())]
            while let last = way.indices.last {
                let node = way[last].node
                if let target = way[last].rest.next() {
                    if numbers[target] == nil {
                        enter(target)
                        way.append((target, targets[target].makeIterator()))
                    } else if isOpen[target] {
                        lowest[node] = min(lowest[node], numbers[target] ?? 0)
                    }
                    continue
                }
                way.removeLast()
                if let before = way.last?.node { lowest[before] = min(lowest[before], lowest[node]) }
                if lowest[node] == numbers[node] { close(node, targets) }
            }
        }

        /// Takes the circle that begins at a node off the open ones.
        private mutating func close(_ node: Int, _ targets: [Set<Int>]) {
            var members: [Int] = []
            while let last = open.popLast() {
                isOpen[last] = false
                members.append(last)
                if last == node { break }
            }
            if members.count > 1 || targets[node].contains(node) { cyclic.formUnion(members) }
        }
    }
}

/// Numbers as Python's `str` writes them.
enum DefaultText {
    static func python(_ number: Double) -> String {
        number.isFinite ? PythonFloat.repr(number) : PythonFloat.special(number)
    }
}
