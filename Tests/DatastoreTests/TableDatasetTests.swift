import ButlerModel
import Parquet
import StructuredData
import Tables
import Testing

@testable import Datastore

@Suite struct TableDatasetTests {
    static let ecsv = """
        # %ECSV 1.0
        # ---
        # datatype:
        # - {name: id, datatype: int64}
        # - {name: ra, unit: deg, datatype: float64, description: right ascension}
        # - {name: name, datatype: string}
        # - {name: mat, datatype: string, subtype: 'int32[2,2]'}
        # meta: !!omap
        # - {origin: here}
        # - {LSST.BUTLER.QUANTUM: of another dataset}
        # schema: astropy-2.0
        id ra name mat
        1 1.5 "a b" [[1,2],[3,4]]
        2 nan "" [[5,6],[7,8]]

        """

    private static func ref(_ storageClass: String) throws -> DatasetRef {
        try FileDatastoreTests.detectorRef("t", storageClass: storageClass)
    }

    private static func table(_ value: DatasetValue) throws -> Table {
        guard case .table(let table) = value else { throw DatastoreError.notStored(dataset: value.kindName, datastore: "") }
        return table
    }

    private static func columns(_ names: [String], _ repository: TestRepository, _ ref: DatasetRef) async throws -> Table {
        let stored = try await repository.stored(ref.id)
        return try table(
            try await repository.datastore.read(
                ref, from: stored, ReadRequest(parameters: ReadParameters(columns: names))))
    }

    @Test func tablesAndTheirTextAreWrittenAsECSV() async throws {
        let table = try Table(ecsv: Self.ecsv)
        for value in [DatasetValue.table(table), .text(Self.ecsv)] {
            let repository = try await TestRepository()
            let ref = try Self.ref("AstropyTable")
            try await repository.put(value, ref)
            #expect(repository.artifacts == ["u/r/t/t_Cam_R7_u_r.ecsv"])
            #expect(try repository.directory.bytes(of: "u/r/t/t_Cam_R7_u_r.ecsv") == Array(Self.ecsv.utf8))
            #expect(try Self.table(try await repository.get(ref)) == table)
            // As in Python, the storage class has no parameters.
            await #expect(throws: DatastoreError.self) { try await Self.columns(["ra"], repository, ref) }
        }
        let repository = try await TestRepository()
        for value in [DatasetValue.text("no table"), .structured(1)] {
            await #expect(throws: DatastoreError.self) {
                try await repository.datastore.stage(value, try Self.ref("AstropyTable"))
            }
        }
        #expect(repository.artifacts.isEmpty)
    }

    @Test(.enabled(if: ParquetFile.isAvailable, "this build has no Apache Arrow"), arguments: [
        "ArrowAstropy", "ArrowNumpy", "ArrowNumpyDict", "ArrowTable", "DataFrame",
    ])
    func tablesAreWrittenAsParquetAndReadInParts(_ storageClass: String) async throws {
        let table = try Table(ecsv: Self.ecsv)
        let repository = try await TestRepository()
        let ref = try Self.ref(storageClass)
        try await repository.put(.table(table), ref)
        #expect(repository.artifacts == ["u/r/t/t_Cam_R7_u_r.parq"])
        let read = try Self.table(try await repository.get(ref))
        #expect(read.columnNames == table.columnNames && read.rowCount == 2)
        for (mine, its) in zip(table.columns, read.columns) {
            // pandas knows no dimensions within a list, but the file does.
            #expect(mine.hasSameCells(as: its) && mine.shape == its.shape)
            #expect(its.unit == (["ArrowAstropy", "ArrowTable"].contains(storageClass) ? mine.unit : nil))
        }
        let stored = try #require(try await repository.stored(ref.id).first)
        #expect(stored.infos.first?.formatter == "lsst.daf.butler.formatters.parquet.ParquetFormatter")
        #expect(try await repository.get(ref, "columns").structured == ["id", "ra", "name", "mat"])
        #expect(try await repository.get(ref, "rowcount").structured == 2)
        #expect(try Self.table(try await repository.get(ref, "schema")) == read.withoutRows)
        await #expect(throws: DatastoreError.self) { try await repository.get(ref, "index") }
        #expect(try await Self.columns(["ra", "m*"], repository, ref) == read.selecting(["ra", "mat"]))
        await #expect(throws: DatastoreError.self) { try await Self.columns(["RA"], repository, ref) }
    }

    @Test(.enabled(if: ParquetFile.isAvailable, "this build has no Apache Arrow"))
    func astropyTablesGetTheProvenanceOfTheirDataset() async throws {
        let repository = try await TestRepository()
        let ref = try Self.ref("ArrowAstropy")
        try await repository.put(.table(try Table(ecsv: Self.ecsv)), ref)
        let read = try Self.table(try await repository.get(ref))
        #expect(
            read.metadata.pairs.map(\.key) == [
                "origin", "LSST.BUTLER.ID", "LSST.BUTLER.RUN", "LSST.BUTLER.DATASETTYPE", "LSST.BUTLER.DATAID.DETECTOR",
                "LSST.BUTLER.DATAID.INSTRUMENT", "LSST.BUTLER.N_INPUTS",
            ])
        #expect(try read.provenance()?.dataset == ref.id)
        #expect(read.metadata["LSST.BUTLER.ID"]?.stringValue == ref.id.description)
        #expect(read.metadata["LSST.BUTLER.DATAID.DETECTOR"] == 7 && read.metadata["LSST.BUTLER.N_INPUTS"] == 0)
    }

    @Test(.enabled(if: ParquetFile.isAvailable, "this build has no Apache Arrow"))
    func schemasHoldNoRows() async throws {
        let table = try Table(ecsv: Self.ecsv)
        let repository = try await TestRepository()
        let ref = try Self.ref("ArrowSchema")
        await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.table(table), ref) }
        try await repository.put(.table(try table.withoutRows), ref)
        #expect(try Self.table(try await repository.get(ref)) == table.withoutRows)
    }

    @Test func aFileThatIsNoParquetIsOneError() async throws {
        let repository = try await TestRepository()
        let ref = try Self.ref("ArrowTable")
        try await repository.put(.opaque(OpaqueDataset(bytes: Array("PAR1 no".utf8), pathExtension: ".parq")), ref)
        do {
            _ = try await repository.get(ref)
            Issue.record("it was read")
        } catch let error as DatastoreError {
            let reason = ParquetFile.isAvailable ? "not a usable Parquet file" : "pip install pyarrow"
            #expect("\(error)".contains("t_Cam_R7_u_r.parq") && "\(error)".contains(reason))
        }
        if !ParquetFile.isAvailable {
            let table = try Table(ecsv: Self.ecsv)
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.table(table), ref) }
        }
    }
}
