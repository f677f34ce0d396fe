import Chronology
import ProcessorDomain
import Testing

@Suite struct AuditTrailTests {
    private func fact(_ number: Int) -> AuditFact {
        AuditFact(
            time: Timestamp(microsecondsSinceEpoch: 1_790_000_000_123_456 + Int64(number)), actor: "user",
            action: "expense.expense_created", subject: "subject-\(number)",
            traceID: number.isMultiple(of: 2) ? "0af7651916cd43dd8448eb211c80319c" : nil, eventID: .make(),
            dataDigest: [UInt8](repeating: UInt8(number), count: 32))
    }

    private func trail(_ count: Int) -> [AuditEntry] {
        var head = AuditTrailHead.empty
        return (1...count).map { number in
            let entry = head.appending(fact(number))
            head = AuditTrailHead(sequence: entry.sequence, hash: entry.hash)
            return entry
        }
    }

    private func fault(in entries: [AuditEntry]) -> AuditFault? {
        var verifier = AuditVerifier()
        do {
            for entry in entries { try verifier.check(entry) }
            return nil
        } catch {
            return error
        }
    }

    @Test func aTrailHolds() {
        let entries = trail(10)
        #expect(entries.map(\.sequence) == Array(1...10))
        #expect(entries[0].previousHash == [UInt8](repeating: 0, count: 32))
        #expect(fault(in: entries) == nil)
    }

    /// The format of the hashed bytes is fixed: a change would make every stored trail look forged.
    @Test func theHashIsThatOfTheDocumentedBytes() throws {
        let fact = AuditFact(
            time: Timestamp(microsecondsSinceEpoch: 1_790_000_000_123_456), actor: "a", action: "b.c", subject: "d",
            traceID: nil, eventID: try UUIDv7(parsing: "019aa1b2-0000-7000-8000-000000000001"), dataDigest: [1, 2])
        let entry = AuditTrailHead.empty.appending(fact)
        let hex = entry.hash.map { byte in
            let digits = Array("0123456789abcdef")
            return "\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
        #expect(hex.joined() == "4239d28a7e275bee4ac465a6c6ad4f7ebe075fb6e13ba907c56b70c853afb599")
    }

    @Test func tamperingIsFoundAndNamed() {
        let entries = trail(5)
        var missing = entries
        missing.remove(at: 2)
        #expect(fault(in: missing) == .gap(expected: 3, found: 4))
        #expect(fault(in: Array(entries.dropFirst())) == .gap(expected: 1, found: 2))
        #expect(fault(in: [entries[0], entries[0]]) == .gap(expected: 2, found: 1))

        var altered = entries
        altered[3] = AuditEntry(
            sequence: 4, fact: fact(99), previousHash: entries[3].previousHash, hash: entries[3].hash)
        #expect(fault(in: altered) == .altered(sequence: 4))

        var rewritten = entries
        rewritten[3] = AuditTrailHead(sequence: 3, hash: entries[2].hash).appending(fact(99))
        #expect(fault(in: rewritten) == .brokenChain(sequence: 5))
    }

    @Test(arguments: [
        ("florin.expense.expense_created.v1", "expense.expense_created"),
        ("florin.auth.user_deleted.v12", "auth.user_deleted"),
        ("com.example.thing", "com.example.thing"), ("other.a.b.v1", "other.a.b.v1"),
    ])
    func actionOfAType(type: String, action: String) {
        #expect(AuditFact.action(ofType: type) == action)
    }
}
