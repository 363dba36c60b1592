import ByteText

/// The bytes of a region's base64 text.
func decodeBase64(_ text: some Collection<UInt8>) throws(RegionDecodingError) -> [UInt8] {
    guard let bytes = Array(text).withUnsafeBufferPointer({ Base64.decode($0) }) else {
        throw .invalidBase64(problem: "the text is not padded standard base64")
    }
    return bytes
}

func encodeBase64(_ bytes: [UInt8]) -> String { Base64.encode(bytes) }
