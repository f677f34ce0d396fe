import MessagingTesting
import Testing

/// The in-memory broker keeps what the ports promise, as the real one must.
struct BrokerConformanceTests {
    @Test(arguments: BrokerConformance.Check.allCases)
    func inMemory(check: BrokerConformance.Check) async throws {
        let suite = BrokerConformance {
            let broker = InMemoryBroker()
            return BrokerUnderTest(publisher: broker, subscriber: broker, interrupt: { broker.interrupt() })
        }
        try await suite.run(check)
    }
}
