import Testing

@testable import Secrets

@Suite("Digests and codes")
struct HashingTests {
    /// Messages of FIPS 180-4's examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func digests(_ message: String, _ expected: String) {
        #expect(Hex.encode(sha256(Array(message.utf8))) == expected)
    }

    @Test func digestOfAMillionLetters() {
        let digest = sha256(Array(repeating: UInt8(ascii: "a"), count: 1_000_000))
        #expect(Hex.encode(digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    struct Code: Sendable {
        let key: [UInt8]
        let message: [UInt8]
        let expected: String
    }

    /// RFC 4231, section 4, but for the truncated case.
    static let codes = [
        Code(
            key: Array(repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            expected: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Code(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            expected: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Code(
            key: Array(repeating: 0xAA, count: 20), message: Array(repeating: 0xDD, count: 50),
            expected: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Code(
            key: Array(1...25), message: Array(repeating: 0xCD, count: 50),
            expected: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        Code(
            key: Array(repeating: 0xAA, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            expected: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        Code(
            key: Array(repeating: 0xAA, count: 131),
            message: Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
            expected: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ]

    @Test(arguments: codes)
    func authenticationCodes(_ code: Code) {
        #expect(Hex.encode(hmacSHA256(code.message, key: code.key)) == code.expected)
    }

    @Test func anEmptyKeyAndMessageAreAllowed() {
        // As Python's hmac module has it.
        let expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        #expect(Hex.encode(hmacSHA256([], key: [])) == expected)
    }

    @Test func comparison() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
        #expect(!constantTimeEquals([], [0]))
    }

    @Test func randomBytesAreAsManyAndDiffer() {
        #expect(randomBytes(0).isEmpty)
        #expect(randomBytes(1).count == 1)
        #expect(Set((0..<100).map { _ in randomBytes(16) }).count == 100)
        #expect(randomBytes(100_000).contains(0) && randomBytes(100_000).contains(255))
    }
}
