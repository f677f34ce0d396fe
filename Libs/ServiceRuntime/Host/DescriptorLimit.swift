import Glibc

/// How many descriptors the process may have, one for each connection and file.
enum DescriptorLimit {
    /// Raises the soft limit to the hard one. The soft one is as low as 1024 in many places, for the sake of programs that use
    /// select(2), which none of the libraries here does.
    static func raise() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // It cannot fail between the two; where it would, the old limit stays, and what is over it is refused.
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// The soft limit; nil where it is not known.
    static var current: Double? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }
}
