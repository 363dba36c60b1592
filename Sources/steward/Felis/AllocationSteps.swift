#if canImport(Glibc)
    import CMalloc
#endif

/// How memory grows while schemas are read.
enum AllocationSteps {
    /// Lets each thread's memory begin with 2 MiB rather than grow by pages, which takes hundreds of calls of the
    /// kernel in a run of some milliseconds. For short programs: the memory is not given back.
    static func makeLarge() {
        #if canImport(Glibc)
            _ = mallopt(M_TOP_PAD, 2 << 20)
            // Setting the first ends the adaptation of the second, which would grow to this.
            _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        #endif
    }
}
