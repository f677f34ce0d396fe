import Messaging
import MessagingTesting
import Testing
import TestKit

/// From the commit of a change to its effect elsewhere, under trouble on every hop.
struct DeliveryTests {
    @Test func fromOutboxToEffectUnderTrouble() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let handler = RecordingHandler { _, attempt in
                attempt == 1 && Int.random(in: 0..<30) == 0 ? Refusal() : nil
            }
            try await bench.consuming(.all, handler) {
                for round in 0..<6 {
                    let faults: [InMemoryBroker.Fault] = [.lostAfterStored, .duplicated, .healthy, .lostBeforeStored]
                    bench.broker.injectFaults(faults)
                    // A relay per round: each is cut off in the middle of its work by the next.
                    try await bench.relaying { _ in
                        for step in 1...10 {
                            let sequence = Int64(round * 10 + step)
                            try await bench.write(try (0..<8).map { try event("k\($0)", sequence) })
                        }
                        bench.broker.interrupt()
                    }
                }
                try await bench.relaying { _ in
                    try await eventually("the outbox empties") { try await bench.count("outbox") == 0 }
                }
                try await eventually("every event has its effect") { try await bench.count("effects") == 480 }
            }
            let effects = try await bench.effects()
            #expect(effects.count == 8)
            for (key, sequences) in effects { #expect(sequences == Array(1...60), "\(key)") }
            #expect(try await bench.count("dead_letters") == 0)
        }
    }
}
