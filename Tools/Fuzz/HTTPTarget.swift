internal import HTTPServer

extension FuzzTarget {
    /// The request parser: the same however the bytes are cut, and what it took can be written and taken again.
    ///
    /// The first byte chooses the limits and the cuts.
    static let http = FuzzTarget("http", maximumBytes: 2048) { input in
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        let limits = choice & 1 == 0 ? HTTPLimits() : HTTPLimits(requestLine: 24, headers: 96, headerCount: 4)
        let bodyLimit = choice & 2 == 0 ? 1 << 20 : 16
        let whole = try HTTPTrace(of: [bytes], limits: limits, bodyLimit: bodyLimit)
        let size = Int(choice >> 2) + 1
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        let cut = try HTTPTrace(of: pieces, limits: limits, bodyLimit: bodyLimit)
        try require(whole == cut, "cut into pieces of \(size): \(cut), whole: \(whole)")
        try whole.checkHeads()
    }
}

extension HTTPLimits {
    fileprivate init(requestLine: Int, headers: Int, headerCount: Int) {
        self.init()
        self.requestLine = requestLine
        self.headers = headers
        self.headerCount = headerCount
    }
}

/// What the parser made of some bytes, in a form that compares.
private struct HTTPTrace: Equatable {
    struct Request: Equatable {
        var lines: [String]
        var body: [UInt8] = []
        var isComplete = false
    }

    private var requests: [Request] = []
    private var refusal: HTTPRefusal?
    /// The heads, for the checks that need more than their text.
    private var heads: [HTTPRequestHead] = []

    static func == (left: HTTPTrace, right: HTTPTrace) -> Bool {
        left.requests == right.requests && left.refusal == right.refusal
    }

    init(of pieces: [[UInt8]], limits: HTTPLimits, bodyLimit: Int) throws(BrokenProperty) {
        var parser = HTTPRequestParser(limits: limits, bodyLimit: bodyLimit)
        for piece in pieces {
            try feed(piece, to: &parser)
            if refusal != nil { break }
        }
        for request in requests {
            try require(request.body.count <= bodyLimit, "content over the limit: \(request.body.count)")
        }
    }

    private mutating func feed(_ piece: [UInt8], to parser: inout HTTPRequestParser) throws(BrokenProperty) {
        var offset = 0
        // Each event but the last takes a byte or ends a head or a request.
        for _ in 0...(2 * piece.count + 2) {
            switch unsafe parser.next(in: piece.span.bytes, from: &offset) {
            case .needsInput:
                return try require(
                    offset == piece.count, "more input is asked for with \(offset) of \(piece.count) read")
            case .head(let head):
                requests.append(Request(lines: head.lines))
                heads.append(head)
            case .body(let range):
                try require(!requests.isEmpty && range.upperBound <= piece.count, "content out of bounds: \(range)")
                requests[requests.count - 1].body += piece[range]
            case .end:
                try require(!requests.isEmpty, "the end of a request without a head")
                requests[requests.count - 1].isComplete = true
            case .refused(let refusal):
                self.refusal = refusal
                if case .refused(refusal) = unsafe parser.next(in: piece.span.bytes, from: &offset) { return }
                throw BrokenProperty("a refusal does not last")
            }
        }
        throw BrokenProperty("more events than the input can have")
    }

    func checkHeads() throws(BrokenProperty) {
        for head in heads {
            let segments = head.pathSegments + head.query.flatMap { [$0.name, $0.value] }
            try require(segments.allSatisfy { !$0.utf8.contains(0) }, "NUL in a target")
            let again = try HTTPTrace(
                of: [Array((head.lines + ["", ""]).joined(separator: "\r\n").utf8)], limits: HTTPLimits(),
                bodyLimit: 1 << 20)
            try require(again.refusal == nil || again.requests.count == 1, "written again it is refused: \(head.lines)")
            try require(again.requests.first?.lines == head.lines, "written again it reads \(again)")
        }
    }
}

extension HTTPRequestHead {
    /// The request line and the field lines.
    fileprivate var lines: [String] {
        let line = "\(method.rawValue) \(target) HTTP/\(version == .http11 ? "1.1" : "1.0")"
        return [line] + headers.all.map { "\($0.name): \($0.value)" }
    }
}
