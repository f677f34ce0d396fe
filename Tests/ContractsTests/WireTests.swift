import TestKit
internal import Contracts
internal import Testing

/// Messages on their way through Protocol Buffers. The bytes were made by the Python library from the same .proto files.
@Suite struct WireTests {
    static let expenseRequest = CreateExpenseRequest(
        kind: "refund", amount: Money(amount: "12.34", currency: "EUR"), spentOn: "2026-11-20", merchant: "",
        tags: ["a", "", "ü"], splits: [Split(categoryID: "c1", amount: Money(amount: "1", currency: "EUR"))])
    static let budget = Budget(
        id: "b", name: "Groceries", limit: Money(amount: "200.00", currency: "EUR"), rollover: true,
        thresholds: [80, 100, -1], version: 1 << 40)

    @Test func agreesWithAnotherImplementationOnARequest() throws {
        let bytes = hexadecimal(
            """
            0a080a06726566756e64120c0a0531322e333412034555521a0a323032362d31312d32302a003a01613a003a02c3bc420e0a02633112080a01\
            311203455552
            """)
        #expect(try Self.expenseRequest.serialized() == bytes)
        #expect(try CreateExpenseRequest(serialized: bytes) == Self.expenseRequest)
    }

    /// A large file goes in a piece of its own, which is not a copy, and reads as the whole does.
    @Test(arguments: [0, 1, 127, 128, 70_000])
    func piecesAreTheMessage(count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let request = ImportPricesRequest(format: "amfi", content: content[...])
        let pieces = try request.serializedPieces()
        #expect(try ImportPricesRequest(serialized: Array(pieces.joined())) == request)
        #expect(try ImportPricesRequest.read(Array(pieces.joined())) == request)
        #expect(pieces.count == (count == 0 ? 1 : 2) && (pieces.last == content) == (count > 0))
    }

    /// The content stays in the memory that the message came in.
    @Test func aFileIsReadWhereItLies() throws {
        let content = [UInt8](repeating: 7, count: 100_000)
        let message = try ImportPricesRequest(format: "amfi", content: content[...]).serialized()
        let request = try ImportPricesRequest.read(message)
        #expect(request.format == "amfi" && request.content == content[...])
        let start = unsafe message.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
        let found = unsafe request.content.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
        #expect(found == start + message.count - content.count)
    }

    @Test(arguments: [
        ("0a04616d66", ContractError.Code.malformedMessage), ("0a01ff", .invalidUTF8), ("0a0100", .containsNUL),
        ("0801", .malformedMessage), ("1001", .malformedMessage), ("12ffffffffff01", .malformedMessage),
        ("0b", .malformedMessage), ("00", .malformedMessage),
    ])
    func aFileThatCannotBeReadIsRefused(text: String, code: ContractError.Code) throws {
        #expect { try ImportPricesRequest.read(hexadecimal(text)) } throws: { ($0 as? ContractError)?.code == code }
        // Fields of a later contract are passed over.
        #expect(try ImportPricesRequest.read(hexadecimal("0a0161" + "9a060178" + "120162")).content == [0x62])
    }

    @Test func agreesWithAnotherImplementationOnNumbersAndFlags() throws {
        let bytes = hexadecimal(
            """
            0a0162120947726f636572696573220d0a063230302e3030120345555240014a0c5064ffffffffffffffffff0150808080808020
            """)
        #expect(try Self.budget.serialized() == bytes)
        #expect(try Budget(serialized: bytes) == Self.budget)
    }

    @Test func anEmptyMessageHasNoBytes() throws {
        #expect(try Expense().serialized().isEmpty)
        #expect(try Expense(serialized: []) == Expense())
        #expect(try Empty().serialized().isEmpty)
    }

    @Test func absentAndZeroDiffer() throws {
        #expect(try ListExpensesRequest(limit: 0).serialized() == [0x0A, 0x00])
        #expect(try ListExpensesRequest(serialized: [0x0A, 0x00]).limit == 0)
        #expect(try ListExpensesRequest(serialized: []).limit == nil)
        let flags = CreateBudgetRequest(rollover: false)
        #expect(try CreateBudgetRequest(serialized: flags.serialized()).rollover == false)
        #expect(try CreateBudgetRequest(serialized: []).rollover == nil)
    }

    @Test func bytesMayHoldAnything() throws {
        let request = ImportPricesRequest(format: "amfi", content: [0, 1, 255, 0])
        #expect(try ImportPricesRequest(serialized: request.serialized()) == request)
        #expect(try ImportPricesRequest(serialized: ImportPricesRequest().serialized()).content.isEmpty)
    }

    @Test(arguments: [
        CreateExpenseRequest(spentOn: "2026\0"), CreateExpenseRequest(note: "\0"),
        CreateExpenseRequest(tags: ["a", "b\0c"]),
        CreateExpenseRequest(amount: Money(amount: "1\0", currency: "")),
        CreateExpenseRequest(splits: [Split(note: "\0")]),
    ])
    func refusesToEncodeNUL(_ request: CreateExpenseRequest) {
        #expect(throws: ContractError(.containsNUL)) { try request.serialized() }
    }

    @Test(arguments: ["3a026100", "12040a023100", "32030a0100", "42051a030a0100", "1a0100"])
    func refusesToDecodeNULInAnyString(_ text: String) {
        #expect(throws: ContractError(.containsNUL)) { try CreateExpenseRequest(serialized: hexadecimal(text)) }
    }

    @Test(arguments: ["1a01ff", "1a02c080", "1a03eda080", "3a01ff", "32030a01c3", "12040a02e282"])
    func refusesWhatIsNotUTF8(_ text: String) {
        #expect(throws: ContractError(.invalidUTF8)) { try CreateExpenseRequest(serialized: hexadecimal(text)) }
    }

    @Test(arguments: [
        "0a", "0a05", "1a0a3230", "ff", "0b", "1a8080808080808080808080", "12ffffffff0f", "00", "1affffffffffffffff7f",
    ])
    func refusesWhatIsNoMessage(_ text: String) {
        #expect(throws: ContractError(.malformedMessage)) { try CreateExpenseRequest(serialized: hexadecimal(text)) }
    }

    @Test func passesOverUnknownFields() throws {
        let unknown = hexadecimal("f81f05fa1f0161f51f01020304")
        #expect(try CreateExpenseRequest(serialized: Self.expenseRequest.serialized() + unknown) == Self.expenseRequest)
    }

    @Test func everyPrefixIsReadOrRefused() throws {
        let whole = try Self.expenseRequest.serialized() + Self.budget.serialized()
        for count in 0..<whole.count {
            let prefix = Array(whole[..<count])
            if let message = try? CreateExpenseRequest(serialized: prefix) {
                #expect(try CreateExpenseRequest(serialized: message.serialized()) == message)
            }
        }
    }

    @Test func survivesRandomBytes() throws {
        var generator = SeededGenerator(seed: 0xC0FFEE)
        let seed = try Self.expenseRequest.serialized()
        var read = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<(1 + generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard let message = try? CreateExpenseRequest(serialized: bytes) else { continue }
            read += 1
            #expect(try CreateExpenseRequest(serialized: message.serialized()) == message)
        }
        #expect(read > 0)
    }

    @Test func manyElementsComeThrough() throws {
        let list = ExpenseList(
            data: (0..<1_000).map { Expense(id: "\($0)", tags: ["t"], version: $0) }, nextCursor: "c")
        #expect(try ExpenseList(serialized: list.serialized()) == list)
    }

    @Test func aHugeNumberOfEmptyElementsIsRefused() {
        let bytes = (0..<4_000_000).map { $0.isMultiple(of: 2) ? UInt8(0x0A) : 0 }
        #expect(throws: ContractError.self) { try ExpenseList(serialized: bytes) }
    }
}

/// The bytes of a hexadecimal text.
func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
