import ObjectStorage

/// What a ``SortedSpool`` keeps.
package protocol SpooledItem: Sendable {
    /// The order in which items are read back.
    static func < (a: Self, b: Self) -> Bool

    func write(to writer: inout PackedWriter, _ words: inout PackedWords)
    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage)
}

/// Items that are read back in order, however many there are: some thousands in memory, the others in a file without a
/// name. Equal ones keep the order in which they were added.
///
///     var spool = SortedSpool<Dataset>()
///     for dataset in datasets { try spool.append(dataset) }
///     var sorted = try spool.sorted()
///     while let page = try sorted.page(1000) { … }
///
/// Blocks. Cost: O(n log n); each item is written once or twice. Memory: a page, and a block of each of as many runs as
/// are merged.
package struct SortedSpool<Item: SpooledItem>: Sendable {
    /// Items in order, in blocks of the file.
    private typealias Run = [Range<Int64>]

    package private(set) var count = 0
    private var page: [HeldItem<Item>] = []
    private var runs: [Run] = []
    private var words = PackedWords()
    private var file: SpoolFile?
    private let pageSize: Int
    /// The most runs that are merged at once.
    private let width: Int
    private static var blockBytes: Int { 32 << 10 }

    /// - Parameter pageSize: the most items that wait in memory for the file.
    package init(pageSize: Int = BatchSpool.batchSize, width: Int = 32) {
        self.pageSize = pageSize
        self.width = width
    }

    package var isEmpty: Bool { count == 0 }

    /// - Throws: `ObjectStorageError` when there is no room.
    package mutating func append(_ item: Item) throws {
        if page.count == pageSize {
            let sorted = page.sorted(by: HeldItem.precedes)
            page = []
            var next = sorted.makeIterator()
            runs.append(try keep { next.next()?.item })
        }
        page.append(HeldItem(item))
        count += 1
    }

    private mutating func keep(_ next: () throws -> Item?) throws -> Run {
        let file = try self.file ?? SpoolFile.nameless()
        self.file = file
        var run: Run = []
        var writer = PackedWriter()
        while let item = try next() {
            item.write(to: &writer, &words)
            guard writer.bytes.count >= Self.blockBytes else { continue }
            run.append(try file.append(writer.bytes))
            writer = PackedWriter()
        }
        if !writer.bytes.isEmpty { run.append(try file.append(writer.bytes)) }
        return run
    }

    /// The items in order. More can be added, which those that are read here do not include.
    package mutating func sorted() throws -> SortedItems<Item> {
        while runs.count >= width {
            var longer: [Run] = []
            for some in runs.pieces(of: width) {
                var merged = try merge(some, rest: [])
                longer.append(try keep { try merged.next() })
            }
            runs = longer
        }
        return try merge(runs, rest: page.sorted(by: HeldItem.precedes))
    }

    private func merge(_ runs: [Run], rest: [HeldItem<Item>]) throws -> SortedItems<Item> {
        try SortedItems(runs.map { .init(file: file, blocks: $0[...]) } + [.init(file: nil, blocks: [], items: rest)], words)
    }
}

/// An item that is compared and moved. An object, as items have many parts.
fileprivate final class HeldItem<Item: SpooledItem>: Sendable {
    let item: Item

    init(_ item: Item) { self.item = item }

    static func precedes(_ a: HeldItem, _ b: HeldItem) -> Bool { a.item < b.item }
}

/// The items of a ``SortedSpool``, which are read as they are asked for.
package struct SortedItems<Item: SpooledItem>: Sendable {
    /// A run of items that are in order.
    fileprivate struct Source: Sendable {
        let file: SpoolFile?
        /// Those that are not read yet.
        var blocks: ArraySlice<Range<Int64>>
        /// The last comes first.
        private var items: [HeldItem<Item>]
        var head: HeldItem<Item>?

        init(file: SpoolFile?, blocks: ArraySlice<Range<Int64>>, items: [HeldItem<Item>] = []) {
            self.file = file
            self.blocks = blocks
            self.items = items.reversed()
        }

        mutating func advance(_ words: PackedWords) throws {
            if items.isEmpty, let file, let block = blocks.popFirst() {
                do throws(PackedReader.Damage) {
                    var reader = PackedReader(file.read(block))
                    while !reader.isAtEnd { items.append(HeldItem(try Item(from: &reader, words))) }
                } catch {
                    throw ObjectStorageError.changedWhileReading(path: file.path)
                }
                items.reverse()
            }
            head = items.popLast()
        }
    }

    private var sources: [Source]
    /// Numbers of the sources that have something, as a heap: none comes before its parent.
    private var heap: [Int] = []
    private let words: PackedWords

    fileprivate init(_ sources: [Source], _ words: PackedWords) throws {
        self.sources = sources
        self.words = words
        for index in sources.indices {
            try self.sources[index].advance(words)
            if self.sources[index].head != nil { heap.append(index) }
        }
        for position in heap.indices.reversed() { sink(from: position) }
    }

    /// - Throws: `ObjectStorageError.changedWhileReading` when the file is damaged.
    package mutating func next() throws -> Item? {
        guard let first = heap.first, let item = sources[first].head?.item else { return nil }
        try sources[first].advance(words)
        if sources[first].head == nil {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        sink(from: 0)
        return item
    }

    /// The next items, at most so many; `nil` at the end.
    package mutating func page(_ size: Int = BatchSpool.batchSize) throws -> [Item]? {
        var page: [Item] = []
        while page.count < size, let item = try next() { page.append(item) }
        return page.isEmpty ? nil : page
    }

    private mutating func sink(from start: Int) {
        var position = start
        while true {
            var least = position
            for child in [2 * position + 1, 2 * position + 2] where child < heap.count && precedes(heap[child], heap[least]) {
                least = child
            }
            if least == position { return }
            heap.swapAt(position, least)
            position = least
        }
    }

    private func precedes(_ one: Int, _ other: Int) -> Bool {
        guard let a = sources[one].head, let b = sources[other].head else { return false }
        return a.item < b.item || (!(b.item < a.item) && one < other)
    }
}
