import Messaging
import MessagingTesting
import Testing

/// The faults that the in-memory broker can make.
struct InMemoryBrokerTests {
    private let broker = InMemoryBroker()

    private func event(_ id: String) -> OutboundEvent {
        OutboundEvent(id: id, routingKey: "t", contentType: "application/json", body: [])
    }

    @Test func faultsMeetTheNextEventsOneEach() async {
        broker.declare(Subscription(queue: "q", bindings: ["#"]))
        broker.injectFaults([.returned, .nacked, .lostBeforeStored, .lostAfterStored, .duplicated])
        let outcomes = await broker.publish((1...6).map { event("\($0)") })
        let confirmed = outcomes.map { $0 == .confirmed }
        #expect(confirmed == [false, false, false, false, true, true])
        guard case .unroutable = outcomes[0], case .failed = outcomes[1] else {
            Issue.record("each fault has its outcome")
            return
        }
        #expect(broker.published.map(\.id) == ["4", "5", "5", "6"])
        #expect(broker.depth(of: "q") == 4)
    }

    @Test func aBrokerThatIsDownTakesNothingAndKeepsWhatItHas() async {
        broker.declare(Subscription(queue: "q", bindings: ["#"]))
        #expect(await broker.publish([event("1")]) == [.confirmed])
        broker.setDown(true)
        guard case .failed = await broker.publish([event("2")]).first else {
            Issue.record("publishing fails")
            return
        }
        broker.setDown(false)
        #expect(broker.depth(of: "q") == 1)
        for await delivery in broker.deliveries(from: Subscription(queue: "q", bindings: [])) {
            #expect(delivery.routingKey == "t")
            #expect(broker.unsettled(of: "q") == 1)
            delivery.ack()
            break
        }
        #expect(broker.unsettled(of: "q") == 0)
    }
}
