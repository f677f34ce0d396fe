/// A condition that did not come about in time.
package struct DidNotHappen: Error, CustomStringConvertible {
    /// What was waited for, and where in the sources.
    package let description: String
}

/// Waits until `condition` holds; the deadline is for a machine that is far too slow.
///
/// - Throws: `DidNotHappen` after `limit`; whatever `condition` throws.
package func eventually(
    _ what: String, within limit: Duration = .seconds(60), file: StaticString = #fileID, line: Int = #line,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    var pause = Duration.microseconds(100)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw DidNotHappen(description: "\(file):\(line): did not happen within \(limit): \(what)")
        }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(20))
    }
}
