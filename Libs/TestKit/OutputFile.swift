package import Foundation

/// Where a program writes that a test looks at while it runs and afterwards. A pipe's reader may be behind when the program has
/// ended; in a file everything is there by then.
package final class OutputFile: Sendable {
    private let file: URL
    /// To be the program's standard output or standard error.
    package let handle: FileHandle

    package init() throws {
        file = FileManager.default.temporaryDirectory.appending(path: "florin-output-\(UUID().uuidString)")
        try Data().write(to: file)
        handle = try FileHandle(forWritingTo: file)
    }

    deinit { try? FileManager.default.removeItem(at: file) }

    /// What was written so far.
    package var text: String {
        do {
            return String(decoding: try Data(contentsOf: file), as: UTF8.self)
        } catch {
            return "the output cannot be read: \(error)"
        }
    }
}
