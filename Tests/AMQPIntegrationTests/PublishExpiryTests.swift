import Testing

@testable import AMQP

@Suite struct PublishExpiryTests {
    private static func batch() -> PublishBatch {
        PublishBatch([AMQPMessage(exchange: "", routingKey: "k", id: "1", properties: AMQPProperties(), body: [1])])
    }

    /// A call that comes later with a shorter bound is not kept waiting by the earlier one; one that is over stays as it is.
    @Test(.timeLimit(.minutes(1))) func eachCallHasItsOwnBound() async {
        let expiry = PublishExpiry()
        let (long, short, over) = (Self.batch(), Self.batch(), Self.batch())
        _ = expiry.begin(long, deadline: .now + .seconds(600))
        let ended = expiry.begin(over, deadline: .now + .milliseconds(1))
        over.settle(0, .confirmed)
        expiry.end(ended)
        _ = expiry.begin(short, deadline: .now + .milliseconds(20))
        let outcomes = await withCheckedContinuation { short.await($0) }
        #expect(outcomes == [.timedOut])
        #expect(await withCheckedContinuation { over.await($0) } == [.confirmed])
        #expect(!long.isSettled)
        let after = Self.batch()
        _ = expiry.begin(after, deadline: .now + .milliseconds(20))
        #expect(await withCheckedContinuation { after.await($0) } == [.timedOut])
        #expect(!long.isSettled)
        expiry.cancel()
    }
}
