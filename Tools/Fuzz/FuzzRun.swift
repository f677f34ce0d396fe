internal import Foundation

/// Tries inputs on a target until one breaks a property or the bound is reached.
struct FuzzRun {
    /// An input that broke a property.
    struct Finding: Error, CustomStringConvertible {
        let target: String
        let number: Int
        let input: [UInt8]
        let reason: String

        var description: String {
            let hexadecimal = input.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            return "\(target): input \(number): \(reason)\n\(hexadecimal)"
        }
    }

    let target: FuzzTarget
    let corpus: URL
    let seed: UInt64
    /// Where each input is written before it is tried, so that one which ends the process is not lost.
    var trace: URL?

    /// Tries that many inputs, or as many as the time allows; throws a `Finding`.
    func run(inputs: Int = .max, for duration: Duration = .seconds(1_000_000)) throws -> Int {
        let mutator = try mutator()
        let end = ContinuousClock.now.advanced(by: duration)
        var number = 0
        while number < inputs, number & 63 != 0 || ContinuousClock.now < end {
            let input = mutator.input(number)
            if let trace { try Data(input).write(to: trace) }
            do {
                try target.check(input)
            } catch {
                throw Finding(target: target.name, number: number, input: input, reason: String(describing: error))
            }
            number += 1
        }
        return number
    }

    private func mutator() throws -> Mutator {
        let file = try Self.seeds(of: target, in: corpus)
        return Mutator(
            seeds: file.seeds + (try target.madeSeeds()), words: file.words, maximumBytes: target.maximumBytes,
            seed: seed)
    }

    /// The seeds and words of a target; every target has some.
    static func seeds(of target: FuzzTarget, in corpus: URL) throws -> SeedFile {
        try SeedFile(String(contentsOf: corpus.appending(path: "\(target.name).txt"), encoding: .utf8))
    }
}
