import AstroTime
import ButlerModel
import ByteText
import Datastore
import Registry

/// A dataset that is to be saved, in the order in which datasets are.
struct SavedDataset: SpooledItem {
    let ref: DatasetRef

    init(_ ref: DatasetRef) { self.ref = ref }

    static func < (a: Self, b: Self) -> Bool {
        if a.ref.datasetType.name != b.ref.datasetType.name { return a.ref.datasetType.name < b.ref.datasetType.name }
        return a.ref.run.hasSameBytes(as: b.ref.run)
            ? a.ref.dataID < b.ref.dataID : a.ref.run.precedesInBytes(b.ref.run)
    }

    func write(to writer: inout PackedWriter, _ words: inout PackedWords) { words.write(ref, &writer) }

    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
        ref = try words.ref(&reader)
    }
}

/// The file of a dataset that is to be brought, in the order of sources, so that datasets in one file are neighbours.
struct FileToBring: SpooledItem {
    var saved: SavedFile
    let info: StoredFileInfo
    /// The number of the datastore that has it.
    let datastore: Int
    /// Where the file is; empty if it stays there.
    let source: String

    init(_ saved: SavedFile, _ info: StoredFileInfo, datastore: Int, source: String) {
        self.saved = saved
        self.info = info
        self.datastore = datastore
        self.source = source
    }

    static func < (a: Self, b: Self) -> Bool { a.source.precedesInBytes(b.source) }

    func isSameFile(as other: Self) -> Bool { !source.isEmpty && source.hasSameBytes(as: other.source) }

    func write(to writer: inout PackedWriter, _ words: inout PackedWords) {
        saved.write(to: &writer, &words)
        words.write(info, &writer)
        writer.write(datastore)
        writer.write(source)
    }

    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
        saved = try SavedFile(from: &reader, words)
        info = try words.info(&reader)
        datastore = try reader.int()
        source = try reader.text()
    }
}

/// A dataset and its path, in the order of the export file.
struct SavedFile: SpooledItem {
    let ref: DatasetRef
    /// As the export file gives it.
    var path: String
    let formatter: String
    /// The number of the dataset among those of its type and run, in the order in which they were saved.
    let number: Int

    init(_ ref: DatasetRef, path: String, formatter: String, number: Int) {
        self.ref = ref
        self.path = path
        self.formatter = formatter
        self.number = number
    }

    /// Whether another is of the same type and run.
    func isInSection(of other: SavedFile) -> Bool {
        ref.datasetType.name == other.ref.datasetType.name && ref.run.hasSameBytes(as: other.ref.run)
    }

    static func < (a: Self, b: Self) -> Bool {
        if a.ref.datasetType.name != b.ref.datasetType.name { return a.ref.datasetType.name < b.ref.datasetType.name }
        if !a.ref.run.hasSameBytes(as: b.ref.run) { return a.ref.run.precedesInBytes(b.ref.run) }
        return a.path.hasSameBytes(as: b.path) ? a.number < b.number : a.path.precedesInBytes(b.path)
    }

    func write(to writer: inout PackedWriter, _ words: inout PackedWords) {
        words.write(ref, &writer)
        writer.write(path)
        words.write(word: formatter, &writer)
        writer.write(number)
    }

    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
        ref = try words.ref(&reader)
        path = try reader.text()
        formatter = try words.word(&reader)
        number = try reader.int()
    }

    /// As it stands in an export file.
    var dataset: ExportFile.File.Dataset {
        .init(
            id: ref.id,
            dataID: Dictionary(
                zip(ref.datasetType.dimensions.requiredNames, ref.dataID.requiredValues),
                uniquingKeysWith: { first, _ in first }))
    }
}

/// A membership of a dataset in a collection, in the order of the export file: tags before validity ranges.
struct SavedMembership: SpooledItem {
    let id: DatasetID
    let collection: String
    let timespan: Timespan?

    init(_ association: DatasetAssociation) {
        id = association.id
        collection = association.collection
        timespan = association.timespan
    }

    /// Whether another is in the same collection at the same time.
    func isValid(as other: SavedMembership) -> Bool {
        collection.hasSameBytes(as: other.collection) && timespan == other.timespan
    }

    static func < (a: Self, b: Self) -> Bool {
        if !a.collection.hasSameBytes(as: b.collection) { return a.collection.precedesInBytes(b.collection) }
        if a.timespan == b.timespan { return a.id < b.id }
        guard let one = a.timespan, let other = b.timespan else { return a.timespan == nil }
        return (one.begin, one.end) < (other.begin, other.end)
    }

    func write(to writer: inout PackedWriter, _ words: inout PackedWords) {
        writer.write(id)
        words.write(word: collection, &writer)
        writer.write(timespan != nil)
        if let timespan { writer.write(timespan) }
    }

    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
        id = try reader.id()
        collection = try words.word(&reader)
        timespan = try reader.flag() ? try reader.timespan() : nil
    }
}
