import ObjectStorage

extension ServeOptions {
    /// How signed access tokens are checked.
    public struct Tokens: Sendable, Equatable {
        public var rules: TokenRules
        public var keys: Keys

        public enum Keys: Sendable, Equatable {
            /// A file with a JSON Web Key Set.
            case file(String)
            /// An `https` URL of one; plain `http` on this machine only.
            case url(String)
            /// A file whose first line is the shared secret of HS256.
            case secretFile(String)
        }
    }

    /// `nil` when no setting is about tokens.
    static func tokens(_ settings: ServeSettings) throws(ServeError) -> Tokens? {
        func text(_ name: String) throws(ServeError) -> (setting: ServeSettings.Setting, text: String)? {
            guard let setting = settings["tokens.\(name)", "STEWARD_TOKEN_\(name.uppercased())"] else { return nil }
            return (setting, try setting.text())
        }
        let keySet = try text("key_set")
        let secret = try text("secret_file")
        let (issuer, audience) = (try text("issuer"), try text("audience"))
        let (user, groups) = (try text("user_claim"), try text("groups_claim"))
        guard let first = keySet ?? secret ?? issuer ?? audience ?? user ?? groups else { return nil }
        guard let issuer = issuer?.text, !issuer.isEmpty, let audience = audience?.text, !audience.isEmpty else {
            throw first.setting.failure("needs both tokens.issuer and tokens.audience beside it")
        }
        var rules = TokenRules(issuer: issuer, audience: audience)
        if let user { rules.userClaim = user.text }
        if let groups { rules.groupsClaim = groups.text }
        switch (keySet, secret) {
        case (let keySet?, nil):
            guard keySet.text.contains("://") else { return Tokens(rules: rules, keys: .file(keySet.text)) }
            guard keySet.text.hasPrefix("https://") || isLocal(keySet.text) else {
                throw keySet.setting.failure("is '\(keySet.text)'; it must be a path or an https URL")
            }
            return Tokens(rules: rules, keys: .url(keySet.text))
        case (nil, let secret?): return Tokens(rules: rules, keys: .secretFile(secret.text))
        default: throw first.setting.failure("needs either tokens.key_set or tokens.secret_file")
        }
    }

    private static func isLocal(_ url: String) -> Bool {
        ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { host in
            url.hasPrefix(host + "/") || url.hasPrefix(host + ":") && !url.dropFirst(host.count).contains("@")
        }
    }
}

extension ServeOptions.Tokens.Keys {
    /// Where the keys come from; `download` is to be shut down.
    func source() -> (source: TokenKeySource, download: KeySetDownload?) {
        switch self {
        case .file(let path):
            let source = TokenKeySource {
                guard let text = try SmallFile.text(path) else {
                    throw ServeError.badFile(path: path, reason: "with the keys for tokens does not exist")
                }
                return try await TokenKeys(keySet: Array(text.utf8))
            }
            return (source, nil)
        case .url(let url):
            let download = KeySetDownload(url: url)
            return (TokenKeySource { try await download.keys() }, download)
        case .secretFile(let path):
            let source = TokenKeySource(lifetime: nil) {
                let line = try SmallFile.text(path)?.split(whereSeparator: \.isNewline).first ?? ""
                // As long as the digest, as RFC 7518 demands.
                guard line.utf8.count >= 32 else {
                    throw ServeError.badFile(
                        path: path, reason: "must hold a secret of at least 32 characters in one line")
                }
                return try await TokenKeys(secret: Array(line.utf8))
            }
            return (source, nil)
        }
    }
}
