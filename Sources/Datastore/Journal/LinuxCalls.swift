#if canImport(Glibc)
    import Glibc

    /// System calls that the Swift module of the C library leaves out; `nil` where the C library does not have them.
    enum LinuxCalls {
        static let syncfs = function("syncfs", as: (@convention(c) (Int32) -> Int32).self)

        typealias Rename =
            @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
        static let renameat2 = function("renameat2", as: Rename.self)
        /// `RENAME_NOREPLACE`: a name that is taken is an error.
        static let renameWithoutReplacing: UInt32 = 1

        typealias CopyRange =
            @convention(c) (
                Int32, UnsafeMutablePointer<Int64>?, Int32, UnsafeMutablePointer<Int64>?, Int, UInt32
            ) -> Int
        static let copyFileRange = function("copy_file_range", as: CopyRange.self)

        private static func function<Function>(_ name: String, as type: Function.Type) -> Function? {
            dlsym(nil, name).map { unsafeBitCast($0, to: type) }
        }
    }
#endif
