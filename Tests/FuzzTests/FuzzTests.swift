internal import Foundation
internal import Testing

@testable import florin_fuzz

/// A short run of every target with a fixed seed; `make fuzz` runs them longer.
@Suite struct FuzzTests {
    private static let corpus = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "FuzzCorpus")

    @Test(arguments: FuzzTarget.all.map(\.name))
    func everyTargetHoldsForItsSeedsAndTheirNeighbours(name: String) throws {
        let run = FuzzRun(target: try .named(name), corpus: Self.corpus, seed: 2)
        // A bound on time too: no input takes long, but the machine may be slow.
        #expect(try run.run(inputs: 1000, for: .seconds(20)) > 0)
    }

    @Test func aBrokenPropertyIsFoundAndMadeAgain() throws {
        let target = FuzzTarget("decimal") { input in
            try require(!input.contains(UInt8(ascii: "7")), "a seven")
        }
        let run = FuzzRun(target: target, corpus: Self.corpus, seed: 5)
        let first = try #require(throws: FuzzRun.Finding.self) { try run.run(inputs: 10_000) }
        let second = try #require(throws: FuzzRun.Finding.self) { try run.run(inputs: 10_000) }
        #expect(first.input.contains(UInt8(ascii: "7")) && first.reason == "a seven")
        #expect(first.input == second.input && first.number == second.number)
        #expect(first.description.hasSuffix(first.input.map { String(format: "%02x", $0) }.joined()))
    }

    @Test func inputsFollowFromSeedAndNumber() {
        let words = [Array("word".utf8)]
        let one = Mutator(seeds: [Array("one".utf8)], words: words, maximumBytes: 100, seed: 1)
        let other = Mutator(seeds: [Array("one".utf8)], words: words, maximumBytes: 100, seed: 2)
        #expect(one.input(0) == Array("one".utf8))
        #expect((0..<200).map(one.input) == (0..<200).map(one.input))
        #expect((0..<200).map(one.input) != (0..<200).map(other.input))
        #expect(Set((0..<200).map(one.input)).count > 100)
        #expect((0..<2000).allSatisfy { one.input($0).count <= 100 })
    }

    @Test func seedFilesAreReadWithTheirEscapes() throws {
        let file = try SeedFile("# remark\na\\n\\r\\\\\\xff\n\nword:\\x00b\n")
        #expect(file.seeds == [[0x61, 0x0A, 0x0D, 0x5C, 0xFF]])
        #expect(file.words == [[0, 0x62]])
        for wrong in ["\\q", "a\\", "\\xg0", "\\x1"] {
            #expect(throws: FuzzUsageError.self) { try SeedFile(wrong) }
        }
    }

    @Test(arguments: [
        ["--seed"], ["--seed", "x", "--seconds", "1"], ["--nothing", "1"], ["--input", "x"], ["--target", "none"],
    ])
    func wrongCommandLinesAreRefused(arguments: [String]) {
        #expect(throws: FuzzUsageError.self) { try FuzzProgram(arguments).run() }
    }
}
