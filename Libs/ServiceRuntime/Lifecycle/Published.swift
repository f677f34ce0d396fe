import Synchronization

/// A value that becomes known once, while a component starts.
final class Published<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)

    func set(_ value: Value) { state.withLock { $0 = value } }

    var value: Value? { state.withLock { $0 } }
}
