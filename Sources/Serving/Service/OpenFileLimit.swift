#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How many files and sockets the process may have open.
public enum OpenFileLimit {
    /// Takes as many as the system grants; connections are limited elsewhere.
    /// - Returns: how many that is.
    @discardableResult
    public static func raise() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return .max }
        let granted = limit.rlim_cur
        if granted < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = granted }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
