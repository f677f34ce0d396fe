package import Chronology
import Secrets

/// What the audit trail keeps of one event.
package struct AuditFact: Sendable, Hashable {
    package let time: Timestamp
    /// The user who acted, or the service that acted by itself.
    package let actor: String
    /// The event's type without prefix and version: `expense.expense_created`.
    package let action: String
    /// What it happened to.
    package let subject: String
    /// W3C trace id, 32 hexadecimal digits; nil where the event carries none.
    package let traceID: String?
    package let eventID: UUIDv7
    /// SHA-256 of the event's data, so that the trail vouches for what it does not repeat.
    package let dataDigest: [UInt8]

    package init(
        time: Timestamp, actor: String, action: String, subject: String, traceID: String?, eventID: UUIDv7,
        dataDigest: [UInt8]
    ) {
        self.time = time
        self.actor = actor
        self.action = action
        self.subject = subject
        self.traceID = traceID
        self.eventID = eventID
        self.dataDigest = dataDigest
    }

    /// `florin.expense.expense_created.v1` becomes `expense.expense_created`; another shape stays as it is.
    package static func action(ofType type: String) -> String {
        let parts = type.split(separator: ".")
        guard parts.count == 4, parts[0] == "florin" else { return type }
        return "\(parts[1]).\(parts[2])"
    }
}

/// One entry of a trail. Its hash covers the fact, its place and the hash before it, so that nothing can be changed, moved,
/// left out or put in without every later hash being wrong.
package struct AuditEntry: Sendable, Hashable {
    /// From 1, without gaps.
    package let sequence: Int64
    package let fact: AuditFact
    /// SHA-256, 32 bytes; zeros before the first entry.
    package let previousHash: [UInt8]
    /// SHA-256, 32 bytes.
    package let hash: [UInt8]

    package init(sequence: Int64, fact: AuditFact, previousHash: [UInt8], hash: [UInt8]) {
        self.sequence = sequence
        self.fact = fact
        self.previousHash = previousHash
        self.hash = hash
    }

    /// `hash` in lower-case hexadecimal.
    package var hashText: String { Hex.encode(hash) }
    /// `previousHash` in lower-case hexadecimal.
    package var previousHashText: String { Hex.encode(previousHash) }

    /// The hash that the entry must have.
    package var expectedHash: [UInt8] {
        AuditTrailHead.hash(of: fact, sequence: sequence, previousHash: previousHash)
    }
}

/// Where a trail ends: what the next entry is chained to.
package struct AuditTrailHead: Sendable, Hashable {
    package let sequence: Int64
    package let hash: [UInt8]

    package init(sequence: Int64, hash: [UInt8]) {
        self.sequence = sequence
        self.hash = hash
    }

    /// The head of a trail without entries.
    package static let empty = AuditTrailHead(sequence: 0, hash: [UInt8](repeating: 0, count: 32))

    /// The entry that comes next.
    package func appending(_ fact: AuditFact) -> AuditEntry {
        let next = sequence + 1
        return AuditEntry(
            sequence: next, fact: fact, previousHash: hash,
            hash: Self.hash(of: fact, sequence: next, previousHash: hash))
    }

    /// SHA-256 over a format version, the previous hash and every part with its length before it, so that no two different
    /// entries have the same bytes.
    fileprivate static func hash(of fact: AuditFact, sequence: Int64, previousHash: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = Array("florin-audit-1".utf8)
        func add(_ part: [UInt8]) {
            let length = UInt32(clamping: part.count)
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
            bytes.append(contentsOf: part)
        }
        add(previousHash)
        for text in [
            String(sequence), fact.time.microsecondDescription, fact.actor, fact.action, fact.subject,
            fact.traceID ?? "",
            fact.eventID.description,
        ] {
            add(Array(text.utf8))
        }
        add(fact.dataDigest)
        return sha256(bytes)
    }
}

/// What is wrong with a trail.
package enum AuditFault: Error, Hashable, CustomStringConvertible {
    /// An entry is missing before this one, or stands twice.
    case gap(expected: Int64, found: Int64)
    /// The entry does not continue the one before it.
    case brokenChain(sequence: Int64)
    /// The entry was changed after it was written.
    case altered(sequence: Int64)

    package var description: String {
        switch self {
        case .gap(let expected, let found): "entry \(found) stands where entry \(expected) belongs"
        case .brokenChain(let sequence): "entry \(sequence) does not continue the entry before it"
        case .altered(let sequence): "entry \(sequence) was changed after it was written"
        }
    }
}

/// Checks a trail entry by entry, in order, without holding more than its head.
package struct AuditVerifier: Sendable {
    package private(set) var head: AuditTrailHead

    package init(from head: AuditTrailHead = .empty) {
        self.head = head
    }

    /// Checks the next entry.
    package mutating func check(_ entry: AuditEntry) throws(AuditFault) {
        guard entry.sequence == head.sequence + 1 else {
            throw .gap(expected: head.sequence + 1, found: entry.sequence)
        }
        guard entry.previousHash == head.hash else { throw .brokenChain(sequence: entry.sequence) }
        guard entry.hash == entry.expectedHash else { throw .altered(sequence: entry.sequence) }
        head = AuditTrailHead(sequence: entry.sequence, hash: entry.hash)
    }
}
