package import EventLoop
package import Observability

/// A part of a process that is started and stopped.
package struct Component: Sendable {
    /// The name in the log.
    package let name: String
    let start: @Sendable () async throws -> Void
    let stop: @Sendable (_ grace: Duration) async -> Void

    /// A part.
    ///
    /// - Parameters:
    ///   - start: returns when the part works or works on coming up by itself; an error ends the process.
    ///   - stop: lets work under way end within the grace, then ends it; called only after `start` returned.
    package init(
        _ name: String, start: @escaping @Sendable () async throws -> Void,
        stop: @escaping @Sendable (_ grace: Duration) async -> Void
    ) {
        self.name = name
        self.start = start
        self.stop = stop
    }

    /// A part that is one task: cancelled and awaited at the stop.
    ///
    /// - Parameter run: returns when its task is cancelled; returning earlier is logged as a fault.
    package static func task(
        _ name: String, on loop: EventLoop, logger: Logger, run: @escaping @Sendable () async -> Void
    ) -> Component {
        let owned = OwnedTask()
        return Component(
            name,
            start: {
                owned.set(
                    loop.spawn {
                        await run()
                        if !Task.isCancelled { logger.error("ended by itself", [.component: .string(name)]) }
                    })
            },
            stop: { _ in await owned.cancelAndWait() })
    }
}

/// Starts components in order and stops them in the opposite order, within a total bound.
package struct Lifecycle {
    private let loop: EventLoop
    private let logger: Logger
    private var components: [Component] = []
    private var started: [Component] = []

    package init(loop: EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
    }

    /// Adds a component after the others.
    package mutating func add(_ component: Component) { components.append(component) }

    /// Adds the components of another one that is not started.
    package mutating func adopt(_ other: Lifecycle) {
        precondition(other.started.isEmpty, "only what is not started can move")
        components += other.components
    }

    /// Starts what is not started yet.
    ///
    /// - Throws: what a component throws; `stop` then stops those that had been started.
    package mutating func start() async throws {
        for component in components[started.count...] {
            do {
                try await component.start()
            } catch {
                logger.critical("cannot start", [.component: .string(component.name), .error: .error(error)])
                throw error
            }
            started.append(component)
        }
    }

    /// Stops what was started, the last first. The grace is shared: what one part uses up, the next ones lack, but each
    /// has at least a tenth of it.
    package mutating func stop(grace: Duration) async {
        let deadline = loop.now + grace
        while let component = started.popLast() {
            let begun = loop.now
            await component.stop(max(deadline - begun, grace / 10))
            logger.debug("stopped", [.component: .string(component.name), .duration: .milliseconds(loop.now - begun)])
        }
        components.removeAll()
    }
}
