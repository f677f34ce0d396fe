/// What dead letters have in common that failed alike: consumer, type, reason and error, but for the numbers and ids in it.
package struct DeadLetterCause: Sendable, Hashable, CustomStringConvertible {
    /// 32 hexadecimal digits, the name of the group.
    package let description: String

    /// Takes the name of a group, as a listing showed it.
    package init(_ description: String) { self.description = description }

    init(consumer: String, type: String, reason: DeadLetterReason, error: String) {
        let parts = [consumer, type, reason.rawValue, Self.generalized(error)].map { Array($0.utf8) }
        description = EventIdentity(ofMessage: parts).description.replacing("-", with: "")
    }

    /// The error with `#` in place of each number and each word that holds a digit, as ids, dates and amounts do.
    static func generalized(_ error: String) -> String {
        var text: [UInt8] = []
        var word: [UInt8] = []
        var hasDigit = false
        func endWord() {
            if hasDigit { text.append(UInt8(ascii: "#")) } else { text += word }
            word.removeAll(keepingCapacity: true)
            hasDigit = false
        }
        for byte in error.utf8 {
            switch byte {
            case 0x30...0x39:
                hasDigit = true
                word.append(byte)
            case 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), 0x80...:
                word.append(byte)
            default:
                endWord()
                text.append(byte)
            }
        }
        endWord()
        return String(decoding: text, as: UTF8.self)
    }
}
