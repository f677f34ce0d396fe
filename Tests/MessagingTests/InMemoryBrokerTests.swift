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
        broker.injectFaults([.returned, .nacked, .duplicated])
        let outcomes = await broker.publish((1...4).map { event("\($0)") })
        #expect(outcomes.map { $0 == .confirmed } == [false, false, true, true])
        guard case .unroutable = outcomes[0], case .failed = outcomes[1] else {
            Issue.record("each fault has its outcome")
            return
        }
        #expect(broker.published.map(\.id) == ["3", "3", "4"])
        #expect(broker.depth(of: "q") == 3)
    }

    @Test(arguments: [
        (InMemoryBroker.Fault.lostBeforeStored, ["1"]), (.lostAfterStored, ["1", "2"]),
    ])
    func aLostConnectionTakesTheRestOfTheCallAlong(fault: InMemoryBroker.Fault, stored: [String]) async {
        broker.declare(Subscription(queue: "q", bindings: ["#"]))
        broker.injectFaults([.healthy, fault])
        let outcomes = await broker.publish((1...4).map { event("\($0)") })
        #expect(outcomes.map { $0 == .confirmed } == [true, false, false, false])
        #expect(broker.published.map(\.id) == stored)
        #expect(await broker.publish([event("5")]) == [.confirmed])
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
