package import Chronology

/// How many wrong passwords are looked at before whoever sends them has to wait.
package struct AttemptLimit: Sendable, Hashable {
    /// Wrong ones without a delay.
    package let free: Int
    /// Wrong ones and those being looked at, together, while there is no delay yet: what a burst can cost.
    package let atOnce: Int
    /// The delay doubles from a second on with each further wrong one, up to this.
    package let longestDelay: Duration
    /// After so long without an attempt all is forgotten.
    package let memory: Duration
    /// Whether a right one makes the wrong ones before it forgotten.
    package let isClearedByRight: Bool

    /// Of one account. A typist errs less often; whoever guesses gets two attempts a minute.
    package static let account = AttemptLimit(
        free: 5, atOnce: 16, longestDelay: .seconds(30), memory: .seconds(15 * 60), isClearedByRight: true)
    /// Of one network address, which many may share. A right password proves nothing about the others behind it.
    package static let network = AttemptLimit(
        free: 50, atOnce: 64, longestDelay: .seconds(30), memory: .seconds(15 * 60), isClearedByRight: false)

    /// How long to wait after so many wrong ones.
    package func delay(afterWrong count: Int) -> Duration {
        guard count >= free else { return .zero }
        return min(longestDelay, .seconds(1 << min(count - free, 20)))
    }
}

/// What became of an attempt.
package enum AttemptOutcome: Sendable, Hashable {
    case right
    case wrong
    /// It was not looked at after all.
    case abandoned
}

/// The attempts at one subject, as far as they are remembered.
package struct AttemptRecord: Sendable, Hashable {
    private let limit: AttemptLimit
    private var wrong = 0
    private var pending = 0
    private var notBefore: Timestamp
    private var last: Timestamp

    package init(_ limit: AttemptLimit, at now: Timestamp) {
        self.limit = limit
        notBefore = now
        last = now
    }

    /// Lets an attempt begin, which is to be settled afterwards.
    ///
    /// - Returns: nil where it may; else how long to wait.
    package mutating func begin(at now: Timestamp) -> Duration? {
        forgetOld(at: now)
        if wrong < limit.free {
            guard wrong + pending < limit.atOnce else { return .seconds(1) }
        } else {
            guard now >= notBefore else { return notBefore - now }
            // One at a time: what the others would learn waits for its outcome.
            guard pending == 0 else { return limit.delay(afterWrong: wrong) }
        }
        pending += 1
        last = now
        return nil
    }

    /// Tells what became of an attempt.
    package mutating func settle(_ outcome: AttemptOutcome, at now: Timestamp) {
        pending = max(0, pending - 1)
        switch outcome {
        case .abandoned: break
        case .right: if limit.isClearedByRight { wrong = 0 }
        case .wrong:
            wrong += 1
            notBefore = now + limit.delay(afterWrong: wrong)
        }
    }

    private mutating func forgetOld(at now: Timestamp) {
        guard now - last >= limit.memory else { return }
        (wrong, pending) = (0, 0)
    }
}

/// The network that a client calls from: an IPv4 address, or the 64 bits that an IPv6 client has to itself.
package struct ClientNetwork: Sendable, Hashable {
    /// Its name; `unknown` for what is no address.
    package let name: String

    /// Reads an address without a port.
    package init(_ address: String) {
        guard address.utf8.contains(UInt8(ascii: ":")) else {
            name = address.isEmpty || address.utf8.count > 64 ? "unknown" : address
            return
        }
        let groups = Self.groups(address)
        if groups.count == 8, groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF {
            name = [groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255].map(String.init)
                .joined(separator: ".")
        } else {
            name =
                groups.count == 8
                ? groups[..<4].map { String($0, radix: 16) }.joined(separator: ":") + "::/64" : "unknown"
        }
    }

    /// The eight groups of an IPv6 address (RFC 4291, section 2.2); none for what is no such address.
    private static func groups(_ address: String) -> [UInt16] {
        let bare = address.prefix { $0 != "%" }
        let halves = bare.split(separator: "::", omittingEmptySubsequences: false)
        guard 1...2 ~= halves.count else { return [] }
        let parts = halves.map { half in
            half.split(separator: ":").flatMap { piece -> [UInt16?] in
                let bytes = piece.split(separator: ".").map { UInt8($0) }
                guard bytes.count == 4 else { return [UInt16(piece, radix: 16)] }
                return stride(from: 0, to: 4, by: 2).map { place in
                    bytes[place].flatMap { high in bytes[place + 1].map { UInt16(high) << 8 | UInt16($0) } }
                }
            }
        }
        let read = parts.map { $0.compactMap(\.self) }
        guard zip(parts, read).allSatisfy({ $0.count == $1.count }) else { return [] }
        guard read.count == 2 else { return read[0] }
        let missing = 8 - read[0].count - read[1].count
        return missing < 0 ? [] : read[0] + Array(repeating: 0, count: missing) + read[1]
    }
}
