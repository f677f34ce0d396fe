package import Observability
internal import Synchronization

/// Calls to one service, so that its trouble stays its own: bounded in number, ended by their deadline, repeated where that
/// is safe and within a budget, and not made at all while the service does not answer.
///
/// The rules are values; this class keeps them under a lock and does the waiting.
package final class Dependency: Sendable {
    /// What a service is allowed to cost.
    package struct Configuration: Sendable {
        package var circuit = CircuitBreaker.Policy()
        package var retries = RetryPolicy()
        /// The most retries that can be saved up; see `RetryBudget`.
        package var retryCapacity = 10
        /// The most calls at once.
        package var concurrency = 256
        /// The most calls that wait for one of those to end.
        package var queue = 1024

        package init() {}
    }

    private struct State {
        var circuit: CircuitBreaker
        var budget: RetryBudget
        var bulkhead: Bulkhead<Ticket>
        var lastLoss: Duration?
    }

    /// Connections that break within so long are one failure: that of the process at the other end.
    private static let lossInterval = Duration.milliseconds(100)

    /// The service, such as `expense`.
    package let name: String
    private let configuration: Configuration
    private let clock: ResilienceClock
    private let figures: DependencyFigures
    private let state: Mutex<State>

    package init(
        _ name: String, configuration: Configuration = Configuration(), clock: ResilienceClock, metrics: Metrics
    ) {
        self.name = name
        self.configuration = configuration
        self.clock = clock
        figures = DependencyFigures(name, metrics)
        state = Mutex(
            State(
                circuit: CircuitBreaker(configuration.circuit),
                budget: RetryBudget(capacity: configuration.retryCapacity),
                bulkhead: Bulkhead(limit: configuration.concurrency, queueLimit: configuration.queue)))
    }

    /// Makes a call, and again where that is allowed.
    ///
    /// - Parameters:
    ///   - timeout: for all attempts together and the waits between them.
    ///   - repetition: which failures allow another attempt.
    ///   - classify: what an error of `attempt` says of the service.
    ///   - attempt: makes one attempt within the time that it is given.
    /// - Throws: `CallRefusal` where no attempt was made, else what the last attempt threw.
    package func call<Answer: Sendable>(
        within timeout: Duration, repeating repetition: Repetition, classify: (any Error) -> CallFailure,
        _ attempt: (Duration) async throws -> Answer
    ) async throws -> Answer {
        let deadline = clock.now() + timeout
        try await enter(until: deadline)
        defer { leave() }
        var permit = try admit()
        var attempts = 1
        while true {
            let began = clock.now()
            do {
                let answer = try await attempt(max(.zero, deadline - began))
                settle(permit, nil, began: began)
                return answer
            } catch {
                let failure = classify(error)
                settle(permit, failure, began: began)
                guard repetition.allows(failure),
                    let next = await nextPermit(after: attempts, until: deadline)
                else { throw error }
                permit = next
                attempts += 1
            }
        }
    }

    // MARK: Retries

    /// Waits for the next attempt; nil when there is to be none.
    private func nextPermit(after attempts: Int, until deadline: Duration) async -> CircuitBreaker.Permit? {
        var generator = SystemRandomNumberGenerator()
        guard let delay = configuration.retries.delay(after: attempts, using: &generator),
            clock.now() + delay < deadline, state.withLock({ $0.budget.spend() })
        else { return nil }
        do {
            try await clock.sleep(delay)
            let permit = try admit()
            figures.retried()
            return permit
        } catch {
            // The caller left, or others found the service gone: the failure that there was is the answer.
            return nil
        }
    }

    // MARK: The circuit

    private func admit() throws(CallRefusal) -> CircuitBreaker.Permit {
        let now = clock.now()
        let outcome = state.withLock { state -> Result<CircuitBreaker.Permit, CircuitBreaker.Refused> in
            do throws(CircuitBreaker.Refused) {
                return .success(try state.circuit.admit(at: now))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let permit):
            if permit.isProbe { figures.circuit(.halfOpen) }
            return permit
        case .failure(let refused):
            figures.refused(.circuitOpen(retryAfter: refused.retryAfter))
            throw .circuitOpen(retryAfter: refused.retryAfter)
        }
    }

    private func settle(_ permit: CircuitBreaker.Permit, _ failure: CallFailure?, began: Duration) {
        let now = clock.now()
        let circuit = state.withLock { state in
            if failure == nil { state.budget.earn() }
            let outcome = Self.outcome(failure, at: now, isProbe: permit.isProbe, &state)
            state.circuit.record(outcome, of: permit, at: now)
            return state.circuit.state
        }
        figures.ended(failure, after: now - began)
        figures.circuit(circuit)
    }

    private static func outcome(
        _ failure: CallFailure?, at now: Duration, isProbe: Bool, _ state: inout State
    ) -> CircuitBreaker.Outcome {
        switch failure {
        case nil, .answered: return .answered
        case .unavailable, .timedOut: return .failed
        case .cancelled: return .unknown
        case .replaced: return .replaced
        // A service that nobody can reach costs nothing: the channel says so at once and looks for it by itself.
        case .unsent: return isProbe ? .failed : .unknown
        case .lost:
            let isSame = state.lastLoss.map { now - $0 < lossInterval } ?? false
            if !isSame { state.lastLoss = now }
            return isSame && !isProbe ? .unknown : .failed
        }
    }

    // MARK: The bulkhead

    private func enter(until deadline: Duration) async throws {
        let (entry, running) = state.withLock { ($0.bulkhead.enter(), $0.bulkhead.running) }
        switch entry {
        case .entered: figures.running(running)
        case .mustWait: try await wait(until: deadline)
        case .refused: throw refusal(.full)
        }
    }

    private func wait(until deadline: Duration) async throws {
        let ticket = Ticket()
        let (number, waiting) = state.withLock { ($0.bulkhead.wait(ticket), $0.bulkhead.waiting) }
        figures.waiting(waiting)
        let withdraw: @Sendable () -> Void = { [self] in
            state.withLock { $0.bulkhead.withdraw(number) }?.decide(false)
        }
        let stop = clock.schedule(max(.zero, deadline - clock.now()), withdraw)
        let isIn = await withTaskCancellationHandler {
            await ticket.decision()
        } onCancel: {
            withdraw()
        }
        stop()
        figures.waiting(state.withLock { $0.bulkhead.waiting })
        guard isIn else { throw Task.isCancelled ? CancellationError() : refusal(.timedOut) }
    }

    private func leave() {
        let (next, running) = state.withLock { ($0.bulkhead.leave(), $0.bulkhead.running) }
        figures.running(running)
        next?.decide(true)
    }

    private func refusal(_ refusal: CallRefusal) -> any Error {
        figures.refused(refusal)
        return refusal
    }
}
