import Glibc

/// Writes files that are there as a whole or not at all.
package enum AtomicFile {
    /// Why a file could not be written: the step and the C error number.
    package struct Failure: Error, CustomStringConvertible {
        package let step: String
        package let errorNumber: Int32

        package var description: String { "cannot \(step) the file (errno \(errorNumber))" }
    }

    /// Writes `bytes` to `path`, replacing what is there: beside its place first, flushed to the disk, then renamed
    /// (rename(2) replaces atomically), and the folder flushed too, without which a loss of power can undo the renaming.
    /// Blocks; belongs on an `OffloadPool`.
    package static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let temporary = path + ".part"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure("create") }
        do {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor)
            guard fsync(descriptor) == 0 else { throw failure("flush") }
        }
        guard unsafe rename(temporary, path) == 0 else { throw failure("rename") }
        try flushFolder(of: path)
    }

    private static func flushFolder(of path: String) throws(Failure) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open the folder of") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("flush the folder of") }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            written += count
        }
    }

    private static func failure(_ step: String) -> Failure { Failure(step: step, errorNumber: errno) }
}
