package import AuthDomain
package import Chronology
import Synchronization

/// Attempts counted in this process's memory, at most `capacity` subjects twice over.
///
/// Not in the database: a guess that is refused must cost next to nothing, and rows that every guess at an account locks would
/// hand attackers the pool's connections. So each instance counts for itself, and a restart forgets.
package final class MemoryAttemptThrottle: AttemptThrottle {
    private struct State {
        var young: [AttemptSubject: AttemptRecord] = [:]
        var old: [AttemptSubject: AttemptRecord] = [:]
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: beyond so many subjects those are forgotten that were not tried for longest.
    package init(capacity: Int = 32_768) { self.capacity = capacity }

    package func begin(_ subjects: [AttemptSubject], at now: Timestamp) -> Duration? {
        state.withLock { state in
            var records: [(AttemptSubject, AttemptRecord)] = []
            var longest: Duration?
            for subject in subjects {
                var record = state.young[subject] ?? state.old[subject] ?? AttemptRecord(subject.limit, at: now)
                if let wait = record.begin(at: now) { longest = max(wait, longest ?? wait) }
                records.append((subject, record))
            }
            // All or none: what is refused counts against nobody.
            if let longest { return longest }
            for (subject, record) in records { keep(record, of: subject, &state) }
            return nil
        }
    }

    package func settle(_ subjects: [AttemptSubject], _ outcome: AttemptOutcome, at now: Timestamp) {
        state.withLock { state in
            for subject in subjects {
                guard var record = state.young[subject] ?? state.old[subject] else { continue }
                record.settle(outcome, at: now)
                keep(record, of: subject, &state)
            }
        }
    }

    private func keep(_ record: AttemptRecord, of subject: AttemptSubject, _ state: inout State) {
        if state.young[subject] == nil, state.young.count >= capacity {
            state.old = state.young
            state.young = [:]
        }
        state.young[subject] = record
    }
}
