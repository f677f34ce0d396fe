#if FLORIN_FAULTS
internal import Glibc
internal import Synchronization
#endif

/// Named places where the fault suite can have a process die.
///
/// They exist in builds with `-Xswiftc -DFLORIN_FAULTS` only; in any other build a call is nothing at all.
package enum FaultPoint {
    #if FLORIN_FAULTS
    /// Kills this process with SIGKILL when FLORIN_CRASH_AT names this place, as `name` or `name:nth` (from 1).
    package static func reached(_ name: StaticString) {
        guard let armed, armed.name == name.description else { return }
        guard visits.add(1, ordering: .relaxed).newValue == armed.visit else { return }
        let line = "fault point \(armed.name) reached, visit \(armed.visit)\n"
        _ = unsafe line.utf8CString.withUnsafeBytes { bytes in
            unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count - 1)
        }
        kill(getpid(), SIGKILL)
        // The signal is sent to the process; nothing more may happen on this thread until it takes effect.
        while true { pause() }
    }

    private static let armed: (name: String, visit: Int)? = {
        guard let value = unsafe getenv("FLORIN_CRASH_AT") else { return nil }
        let parts = unsafe String(cString: value).split(separator: ":", maxSplits: 1)
        guard let name = parts.first else { return nil }
        return (String(name), parts.count == 2 ? Int(parts[1]) ?? 1 : 1)
    }()

    private static let visits = Atomic<Int>(0)
    #else
    /// Nothing: this build has no fault points.
    @inlinable @inline(__always)
    package static func reached(_ name: StaticString) {}
    #endif
}
