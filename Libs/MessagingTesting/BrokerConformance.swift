package import Messaging

/// What the suite needs of a broker under test.
package struct BrokerUnderTest: Sendable {
    /// The publisher.
    package let publisher: any EventPublisher
    /// The subscriber.
    package let subscriber: any EventSubscriber
    /// Breaks the connections so that unsettled deliveries come again; nil where a test cannot.
    package let interrupt: (@Sendable () async throws -> Void)?
    /// Undoes what the test has set up, connections included.
    package let close: @Sendable () async -> Void

    /// Takes the two halves of a broker, empty or with a namespace of its own.
    package init(
        publisher: any EventPublisher, subscriber: any EventSubscriber,
        interrupt: (@Sendable () async throws -> Void)? = nil, close: @escaping @Sendable () async -> Void = {}
    ) {
        self.publisher = publisher
        self.subscriber = subscriber
        self.interrupt = interrupt
        self.close = close
    }
}

/// A broker did not keep what the ports promise.
package struct ConformanceFailure: Error, CustomStringConvertible {
    /// The promise that was broken.
    package let description: String
}

/// The promises of `EventPublisher` and `EventSubscriber`, checked on any implementation.
///
/// Each check makes a broker of its own, uses queues of unique names, and fails by throwing.
package struct BrokerConformance: Sendable {
    /// A check by name.
    package enum Check: String, Sendable, CaseIterable {
        case deliversWhatWasPublished
        case keepsOrder
        case routesByPattern
        case reportsUnroutableInPlace
        case redeliversWhatWasNotSettled
        case requeuesOnRetry
        case forgetsOnReject
        case holdsBackAtPrefetch
        case keepsEventsOfADurableQueue
        case dropsAnExclusiveQueue
        case redeliversAfterAnInterruption
        case publishesNothingForNothing
    }

    private let makeBroker: @Sendable () async throws -> BrokerUnderTest

    /// Takes the way to make a broker for each check.
    package init(makeBroker: @escaping @Sendable () async throws -> BrokerUnderTest) { self.makeBroker = makeBroker }

    /// Runs one check.
    ///
    /// - Throws: `ConformanceFailure` for a broken promise, or what the broker threw.
    package func run(_ check: Check) async throws {
        let broker = try await makeBroker()
        let bench = ConformanceBench(broker: broker)
        do {
            try await run(check, on: bench)
        } catch {
            await broker.close()
            throw error
        }
        await broker.close()
    }

    private func run(_ check: Check, on bench: ConformanceBench) async throws {
        switch check {
        case .deliversWhatWasPublished: try await bench.deliversWhatWasPublished()
        case .keepsOrder: try await bench.keepsOrder()
        case .routesByPattern: try await bench.routesByPattern()
        case .reportsUnroutableInPlace: try await bench.reportsUnroutableInPlace()
        case .redeliversWhatWasNotSettled: try await bench.redeliversWhatWasNotSettled()
        case .requeuesOnRetry: try await bench.requeuesOnRetry()
        case .forgetsOnReject: try await bench.forgetsOnReject()
        case .holdsBackAtPrefetch: try await bench.holdsBackAtPrefetch()
        case .keepsEventsOfADurableQueue: try await bench.keepsEventsOfADurableQueue()
        case .dropsAnExclusiveQueue: try await bench.dropsAnExclusiveQueue()
        case .redeliversAfterAnInterruption: try await bench.redeliversAfterAnInterruption()
        case .publishesNothingForNothing: try await bench.publishesNothingForNothing()
        }
    }
}
