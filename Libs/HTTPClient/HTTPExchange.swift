internal import Curl
internal import Synchronization

/// A request on its way, and what came back; curl asks on one thread.
final class HTTPExchange: CurlDelegate {
    private static let maximumHeadBytes = 64 * 1024

    private let maximumBytes: Int
    private let interruptions: [Interruption]
    private var rest: ArraySlice<UInt8>
    private var headBytes = 0
    private(set) var isTooLarge = false
    private(set) var headers: [HTTPReply.Header] = []
    private(set) var body: [UInt8] = []

    init(sending body: [UInt8], maximumBytes: Int, interruptions: [Interruption]) {
        rest = body[...]
        self.maximumBytes = maximumBytes
        self.interruptions = interruptions
    }

    var isInterrupted: Bool { interruptions.contains { $0.isSet } }

    func next(atMost count: Int) -> ArraySlice<UInt8> {
        let piece = rest.prefix(count)
        rest = rest.dropFirst(piece.count)
        return piece
    }

    func receive(_ bytes: [UInt8]) -> Bool {
        isTooLarge = isTooLarge || body.count + bytes.count > maximumBytes
        if isTooLarge { return false }
        body += bytes
        return true
    }

    func receiveHeader(_ line: [UInt8]) -> Bool {
        headBytes += line.count
        isTooLarge = isTooLarge || headBytes > Self.maximumHeadBytes
        if isTooLarge { return false }
        // A new status line: what came before belongs to an interim answer (RFC 9110, section 15.2).
        if line.starts(with: Array("HTTP/".utf8)) { headers = [] }
        if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(
                HTTPReply.Header(
                    name: String(decoding: line[..<colon], as: UTF8.self).lowercased(),
                    value: Self.trimmed(line[(colon + 1)...])))
        }
        return true
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in [0x20, 0x09, 0x0D, 0x0A].contains(byte) }
        let text = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return String(decoding: text, as: UTF8.self)
    }
}

/// A wish to stop, from any thread.
final class Interruption: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}
