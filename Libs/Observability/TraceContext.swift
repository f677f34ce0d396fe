/// Where a piece of work stands in a distributed trace: W3C Trace Context, levels 1 and 2
/// (https://www.w3.org/TR/trace-context/).
///
/// It travels as the pair `traceparent`, `tracestate`: HTTP headers, gRPC metadata, columns of the outbox, CloudEvents
/// extensions. Within a process it travels as the task-local `current`.
package struct TraceContext: Sendable, Hashable {
    /// The trace context of the work that the current task does, if any.
    @TaskLocal package static var current: TraceContext?

    /// The upper and the lower half of the 16-byte trace id; never both zero.
    package let traceIDHigh, traceIDLow: UInt64
    /// The 8-byte id of the span ("parent-id" on the wire); never zero.
    package let spanID: UInt64
    /// Bit 0: sampled, bit 1: the trace id is random (level 2); other bits are not passed on.
    package let flags: UInt8
    /// The vendors' list, valid and within its limits; nil when there is none.
    package let tracestate: String?

    /// A new trace: random ids, sampled.
    package static func root() -> TraceContext {
        TraceContext(
            traceIDHigh: .random(in: 1 ... .max), traceIDLow: .random(in: 1 ... .max),
            spanID: .random(in: 1 ... .max), flags: 0b11, tracestate: nil)
    }

    /// The context that arrived from outside.
    ///
    /// - Parameters:
    ///   - traceparent: the header as it came; nil is returned unless it is exactly what the standard allows.
    ///   - tracestate: the header (several lines joined by commas); dropped when it is not valid.
    package init?(traceparent: String, tracestate: String? = nil) {
        guard let fields = TraceparentFields(Array(traceparent.utf8)) else { return nil }
        traceIDHigh = fields.traceIDHigh
        traceIDLow = fields.traceIDLow
        spanID = fields.spanID
        flags = fields.flags & 0b11
        self.tracestate = tracestate.flatMap(TraceState.validated)
    }

    private init(traceIDHigh: UInt64, traceIDLow: UInt64, spanID: UInt64, flags: UInt8, tracestate: String?) {
        self.traceIDHigh = traceIDHigh
        self.traceIDLow = traceIDLow
        self.spanID = spanID
        self.flags = flags
        self.tracestate = tracestate
    }

    /// A new span of the same trace.
    package func child() -> TraceContext {
        TraceContext(
            traceIDHigh: traceIDHigh, traceIDLow: traceIDLow, spanID: .random(in: 1 ... .max), flags: flags,
            tracestate: tracestate)
    }

    /// The value of the `traceparent` header, always of version 00.
    package var traceparent: String {
        var text: [UInt8] = [0x30, 0x30, 0x2D]
        text.reserveCapacity(55)
        Hexadecimal.append(traceIDHigh, digits: 16, to: &text)
        Hexadecimal.append(traceIDLow, digits: 16, to: &text)
        text.append(0x2D)
        Hexadecimal.append(spanID, digits: 16, to: &text)
        text.append(0x2D)
        Hexadecimal.append(UInt64(flags), digits: 2, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The trace id as 32 lower-case hexadecimal digits.
    package var traceID: String {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        Hexadecimal.append(traceIDHigh, digits: 16, to: &text)
        Hexadecimal.append(traceIDLow, digits: 16, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// True when the caller asks for the trace to be recorded.
    package var isSampled: Bool { flags & 1 != 0 }
}

/// The four fields of a `traceparent` header.
private struct TraceparentFields {
    var traceIDHigh, traceIDLow, spanID: UInt64
    var flags: UInt8

    /// `version "-" 32HEXDIGLC "-" 16HEXDIGLC "-" 2HEXDIGLC`; a later version may have more after another dash.
    init?(_ text: [UInt8]) {
        let dash = UInt8(ascii: "-")
        guard text.count >= 55, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = Hexadecimal.parse(text[0..<2]), version != 0xFF,
            text.count == 55 || (version > 0 && text[55] == dash),
            let high = Hexadecimal.parse(text[3..<19]), let low = Hexadecimal.parse(text[19..<35]),
            high | low != 0,
            let span = Hexadecimal.parse(text[36..<52]), span != 0,
            let flags = Hexadecimal.parse(text[53..<55])
        else { return nil }
        traceIDHigh = high
        traceIDLow = low
        spanID = span
        self.flags = UInt8(flags)
    }
}

/// Lower-case hexadecimal of fixed width.
enum Hexadecimal {
    static func append(_ value: UInt64, digits: Int, to text: inout [UInt8]) {
        for index in stride(from: digits - 1, through: 0, by: -1) {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(index * 4)) & 0xF
            text.append(nibble < 10 ? 0x30 + nibble : 0x57 + nibble)
        }
    }

    /// The value of up to 16 digits; upper case is refused, as the standard asks.
    static func parse(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(digit - 0x57)
            default: return nil
            }
        }
        return value
    }
}
