import ByteText
import Crypto

/// Signatures of version 2 in the query of a URL. Source: Amazon S3 developer guide, "Signing and authenticating REST
/// requests", query string request authentication.
///
/// This is what boto3 makes by default, and what `lsst.resources` takes for a signed URL, by the names `Signature`
/// and `Expires`: such clients ask for one byte instead of sending `HEAD`, for which the URL is not valid.
enum SignatureV2 {
    /// - Parameter expires: seconds since 1970, the last at which the URL is valid.
    static func query(
        _ access: SignedAccess = .get, _ address: S3ObjectAddress, _ credentials: S3Credentials, expires: Int64
    ) -> String {
        // Neither a digest nor a type of the body: clients that send a type with a PUT are refused.
        var text = "\(access.rawValue)\n\n\n\(expires)\n"
        if let token = credentials.sessionToken { text += "x-amz-security-token:\(token)\n" }
        text += address.resource
        let key = SymmetricKey(data: Array(credentials.secretAccessKey.utf8))
        let signature = Base64.encode(Array(HMAC<Insecure.SHA1>.authenticationCode(for: Array(text.utf8), using: key)))
        var parameters = [("AWSAccessKeyId", credentials.accessKeyID), ("Signature", signature)]
        if let token = credentials.sessionToken { parameters.append(("x-amz-security-token", token)) }
        parameters.append(("Expires", String(expires)))
        return parameters.map { "\($0)=\(PercentQuoting.quoteAll($1))" }.joined(separator: "&")
    }
}
