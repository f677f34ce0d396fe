import Foundation
import Testing

/// Outbox, relay, inbox, retries, parking and replay under seeded faults: nothing lost, nothing twice, everything in order.
///
/// `FLORIN_SIMULATION_STEPS` sets the steps of each of four seeds, `FLORIN_SIMULATION_SEED` the first of them.
struct DeliverySimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let steps = environment["FLORIN_SIMULATION_STEPS"].flatMap { Int($0) } ?? 250_000
    private static let firstSeed = environment["FLORIN_SIMULATION_SEED"].flatMap { UInt64($0) } ?? 1

    @Test(arguments: 0..<4)
    func keepsItsPromises(number: UInt64) {
        let seed = Self.firstSeed + number
        let simulation = DeliverySimulation(seed: seed)
        let violation = simulation.run(steps: Self.steps)
        #expect(violation == nil, "seed \(seed)")
        let counts = simulation.counts
        print(
            "seed \(seed): \(simulation.steps) steps, \(simulation.outbox.committed) events,",
            "\(simulation.inboxes.map(\.effects)) effects, \(counts)")
        #expect(simulation.outbox.committed > Self.steps / 100)
        let kinds = [
            counts.crashes, counts.takeovers, counts.cuts, counts.nacks, counts.unroutable, counts.late,
            counts.redeliveries, counts.duplicates, counts.replayed, simulation.inboxes[0].parkedEver,
            simulation.inboxes[1].parkedEver,
        ]
        #expect(kinds.allSatisfy { $0 > 10 }, "each kind of trouble happens: \(kinds)")
    }

    @Test func isTheSameForTheSameSeed() {
        let runs = (0..<2).map { _ in
            let simulation = DeliverySimulation(seed: 7)
            _ = simulation.run(steps: 20_000)
            return [
                simulation.steps, simulation.outbox.committed, simulation.counts.duplicates, simulation.counts.nacks,
            ]
        }
        #expect(runs[0] == runs[1])
    }

    /// The simulation is only worth something if it finds what is wrong.
    @Test(arguments: DeliverySimulation.PlantedBug.allCases)
    func findsAPlantedBug(bug: DeliverySimulation.PlantedBug) {
        let found = (1...5).first { DeliverySimulation(seed: $0, plantedBug: bug).run(steps: 40_000) != nil }
        #expect(found != nil)
    }
}
