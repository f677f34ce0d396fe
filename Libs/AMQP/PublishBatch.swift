internal import Synchronization

/// Messages published in one call, and their outcomes. Each message gets exactly one, from whoever is first: the broker's
/// answer, the loss of the channel, or the bound of the call.
final class PublishBatch: Sendable {
    private struct State {
        var outcomes: [AMQPPublishOutcome?]
        var unsettled: Int
        var continuation: CheckedContinuation<[AMQPPublishOutcome], Never>?
    }

    let messages: [AMQPMessage]
    /// Body bytes of all messages.
    let size: Int
    private let state: Mutex<State>

    init(_ messages: [AMQPMessage]) {
        self.messages = messages
        size = messages.reduce(0) { $0 + $1.body.count }
        state = Mutex(State(outcomes: Array(repeating: nil, count: messages.count), unsettled: messages.count))
    }

    /// Whether every message has its outcome, so that none of them needs to be sent any more.
    var isSettled: Bool { state.withLock { $0.unsettled == 0 } }

    /// Resumes the continuation once every message has its outcome; at once when they all have.
    func await(_ continuation: CheckedContinuation<[AMQPPublishOutcome], Never>) {
        let ready: [AMQPPublishOutcome]? = state.withLock { state in
            if state.unsettled == 0 { return state.outcomes.compactMap(\.self) }
            state.continuation = continuation
            return nil
        }
        if let ready { continuation.resume(returning: ready) }
    }

    /// Gives one message its outcome, unless it has one.
    func settle(_ index: Int, _ outcome: AMQPPublishOutcome) {
        resume { state in
            guard state.outcomes[index] == nil else { return }
            state.outcomes[index] = outcome
            state.unsettled -= 1
        }
    }

    /// Gives every message that has no outcome this one.
    func settleRest(_ outcome: AMQPPublishOutcome) {
        resume { state in
            for index in state.outcomes.indices where state.outcomes[index] == nil { state.outcomes[index] = outcome }
            state.unsettled = 0
        }
    }

    private func resume(_ change: (inout State) -> Void) {
        let done: (CheckedContinuation<[AMQPPublishOutcome], Never>, [AMQPPublishOutcome])? = state.withLock { state in
            change(&state)
            guard state.unsettled == 0, let continuation = state.continuation else { return nil }
            state.continuation = nil
            return (continuation, state.outcomes.compactMap(\.self))
        }
        if let (continuation, outcomes) = done { continuation.resume(returning: outcomes) }
    }
}
