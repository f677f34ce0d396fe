import Glibc

/// Questions to the file system.
package enum FileSystem {
    /// Whether there is a regular file at `path`, or a link to one (stat(2)).
    package static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
