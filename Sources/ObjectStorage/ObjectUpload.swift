/// An object that is stored piece by piece. Nothing can be seen of it before `finish`.
///
/// One task at a time may use it. An upload that is neither finished nor aborted can be taken up again, by another
/// process too, from its token: the caller then goes on with the byte at ``stored``.
public protocol ObjectUpload: Sendable {
    /// What `ObjectStore.upload(_:mode:resuming:)` takes to go on. It changes with the progress.
    var token: String { get async }

    /// How many bytes a resumed upload would have.
    var stored: Int64 { get async }

    func append(_ bytes: [UInt8]) async throws

    /// Makes the object visible. A failure leaves the upload as it was.
    ///
    /// - Throws: `.alreadyExists` in mode `.createOnly`.
    func finish() async throws -> ObjectStatus

    /// Gives up and removes what was stored. An upload that is over is left alone.
    func abort() async throws
}
