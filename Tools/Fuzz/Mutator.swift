/// Numbers that follow from a seed alone.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Makes inputs out of seeds and words. Each follows from the run's seed and its number, so that it can be made again.
struct Mutator: Sendable {
    private let seeds: [[UInt8]]
    private let words: [[UInt8]]
    private let maximumBytes: Int
    private let seed: UInt64

    init(seeds: [[UInt8]], words: [[UInt8]], maximumBytes: Int, seed: UInt64) {
        self.seeds = seeds.isEmpty ? [[]] : seeds
        self.words = words.isEmpty ? [[0]] : words
        self.maximumBytes = maximumBytes
        self.seed = seed
    }

    /// The input of that number: first the seeds as they are, then changed ones.
    func input(_ number: Int) -> [UInt8] {
        if number < seeds.count { return seeds[number] }
        var random = SplitMix64(seed: seed &+ UInt64(number) &* 0xD134_2543_DE82_EF95)
        var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
        for _ in 0..<(1 << Int.random(in: 0...4, using: &random)) { change(&bytes, &random) }
        return Array(bytes.prefix(maximumBytes))
    }

    private func change(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 0...16, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        case 1: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 3: bytes.removeSubrange(place..<end)
        case 4: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 5: insert(words, at: place, of: &bytes, &random)
        case 6: bytes.replaceSubrange(place..<end, with: words[Int.random(in: 0..<words.count, using: &random)])
        case 7: join(&bytes, at: place, &random)
        default: repeatRange(place..<end, of: &bytes, &random)
        }
    }

    private func insert(_ words: [[UInt8]], at place: Int, of bytes: inout [UInt8], _ random: inout SplitMix64) {
        bytes.insert(contentsOf: words[Int.random(in: 0..<words.count, using: &random)], at: place)
    }

    /// The beginning of one input and the end of another.
    private func join(_ bytes: inout [UInt8], at place: Int, _ random: inout SplitMix64) {
        let other = seeds[Int.random(in: 0..<seeds.count, using: &random)]
        let from = Int.random(in: 0...other.count, using: &random)
        bytes.replaceSubrange(place..., with: other[from...])
    }

    private func repeatRange(_ range: Range<Int>, of bytes: inout [UInt8], _ random: inout SplitMix64) {
        let room = maximumBytes / max(1, range.count)
        let piece = Array(bytes[range])
        let count = min(room, 1 << Int.random(in: 0...10, using: &random))
        for _ in 0..<count { bytes.insert(contentsOf: piece, at: range.lowerBound) }
    }
}
