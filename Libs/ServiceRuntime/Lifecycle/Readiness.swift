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
            /// False for what the process can do without.
            package let isRequired: Bool
        }

        /// True when nothing is missing that is required.
        package var isReady: Bool { missing.isEmpty }
        /// True when nothing is missing at all.
        package var isComplete: Bool { checks.allSatisfy { $0.reason == nil } }
        /// What is missing and required, `name: reason`.
        package var missing: [String] {
            checks.compactMap { entry in entry.isRequired ? entry.reason.map { "\(entry.name): \($0)" } : nil }
        }
    }

    private struct State {
        var checks: [(name: String, isRequired: @Sendable () -> Bool, check: Check)] = []
        var isDraining = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Adds a check.
    ///
    /// - Parameter isRequired: false while the process can do without; the answer is reported all the same.
    package func add(
        _ name: String, isRequired: @escaping @Sendable () -> Bool = { true }, _ check: @escaping Check
    ) {
        state.withLock { $0.checks.append((name, isRequired, check)) }
    }

    /// From now on the process is not ready, whatever the checks say.
    package func beginDraining() { state.withLock { $0.isDraining = true } }

    /// Asks every check.
    package func report() async -> Report {
        let (checks, isDraining) = state.withLock { ($0.checks, $0.isDraining) }
        var entries: [Report.Entry] = []
        for (name, isRequired, check) in checks {
            entries.append(Report.Entry(name: name, reason: await check(), isRequired: isRequired()))
        }
        if isDraining { entries.append(Report.Entry(name: "process", reason: "stopping", isRequired: true)) }
        return Report(checks: entries)
    }
}
