import Synchronization

/// What a process needs in order to serve, asked by name.
package final class Readiness: Sendable {
    /// Returns why the thing is not ready, nil when it is. Must not wait for the network.
    package typealias Check = @Sendable () async -> String?

    /// The answer of all checks.
    package struct Report: Sendable, Equatable {
        /// Reasons by name, in the order in which the checks were added; nil = ready.
        package let checks: [Entry]

        /// One named check.
        package struct Entry: Sendable, Equatable {
            package let name: String
            /// nil when ready.
            package let reason: String?
        }

        /// True when nothing is missing.
        package var isReady: Bool { checks.allSatisfy { $0.reason == nil } }
        /// What is missing, `name: reason`.
        package var missing: [String] { checks.compactMap { entry in entry.reason.map { "\(entry.name): \($0)" } } }
    }

    private struct State {
        var checks: [(name: String, check: Check)] = []
        var isDraining = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Adds a check.
    package func add(_ name: String, _ check: @escaping Check) {
        state.withLock { $0.checks.append((name, check)) }
    }

    /// From now on the process is not ready, whatever the checks say.
    package func beginDraining() { state.withLock { $0.isDraining = true } }

    /// Asks every check.
    package func report() async -> Report {
        let (checks, isDraining) = state.withLock { ($0.checks, $0.isDraining) }
        var entries: [Report.Entry] = []
        for (name, check) in checks { entries.append(Report.Entry(name: name, reason: await check())) }
        if isDraining { entries.append(Report.Entry(name: "process", reason: "stopping")) }
        return Report(checks: entries)
    }
}
