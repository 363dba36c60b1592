/// The sizes of parts that objects were stored in.
enum PartSizes {
    /// Those that programs are known to use, in mebibytes: 5 (s3nd), 8 (boto3, `S3Upload`), 16 (`S3Client`, MinIO) first.
    private static let usual: [Int64] = [5, 8, 16, 10, 15, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024]

    /// Which of them an object can have been stored in, as its tag says how many parts it has: `"…-7"`. None for other
    /// tags.
    ///
    /// - Parameter own: looked at first.
    static func likely(for object: ObjectStatus, own: Int64) -> [Int64] {
        guard let dash = object.etag.lastIndex(of: "-"),
            let count = Int64(object.etag[object.etag.index(after: dash)...].prefix { $0 != "\"" }), count > 0
        else { return [] }
        // A single part is the whole, whatever the size of parts.
        if count == 1 { return [max(1, object.size)] }
        // Of what would have more than ten thousand of the usual parts.
        let least = (object.size + 9_999) / 10_000
        var seen: Set<Int64> = []
        return ([own, max(own, least)] + usual.map { $0 << 20 } + [least]).filter { size in
            size > 0 && (object.size + size - 1) / size == count && seen.insert(size).inserted
        }
    }
}
