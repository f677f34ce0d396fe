internal import Chronology
internal import Money
internal import Observability
internal import Validation

extension FuzzTarget {
    /// The readers of single values: what they take they write as it was.
    static let values = [
        FuzzTarget("decimal", maximumBytes: 64) { input in
            guard let value = accepted({ () throws(MoneyError) in try Decimal(parsing: input.text) }) else { return }
            let isNegativeZero = value.isZero && input.first == UInt8(ascii: "-")
            try require(isNegativeZero || value.description == input.text, "written as \(value)")
            let again = try Decimal(parsing: value.description)
            try require(again == value && again.scale == value.scale, "read again it is \(again)")
            try require(again.hashValue == value.normalized.hashValue, "equal values hash differently")
            for code in ["EUR", "JPY", "KWD"] {
                let money = accepted { () throws(MoneyError) in try Money(amount: input.text, currency: code) }
                if let money { try require(money.amount == value, "as money it is \(money)") }
            }
        },
        FuzzTarget("calendar-date", maximumBytes: 32) { input in
            guard let date = accepted({ () throws(ChronologyError) in try CalendarDate(parsing: input.text) }) else {
                return
            }
            try require(date.description == input.text, "written as \(date)")
            try require(date.adding(days: 1).adding(days: -1) == date, "a day and back is another day")
            try require((1...12).contains(date.adding(months: 13).month), "a month that there is not")
        },
        FuzzTarget("timestamp", maximumBytes: 64) { input in
            guard let time = accepted({ () throws(ChronologyError) in try Timestamp(parsing: input.text) }) else {
                return
            }
            let again = try Timestamp(parsing: time.microsecondDescription)
            try require(again == time, "written as \(time.microsecondDescription) it is \(again)")
            try require(Timestamp(rfc3339: input.text) == time, "the other initializer disagrees")
        },
        FuzzTarget("uuid", maximumBytes: 64) { input in
            guard let id = accepted({ () throws(ChronologyError) in try UUIDv7(parsing: input.text) }) else { return }
            try require(id.description == input.text.lowercased(), "written as \(id)")
        },
        FuzzTarget("page-cursor", maximumBytes: 256) { input in
            for count in 1...3 {
                guard let cursor = PageCursor(input.text, keyCount: count) else { continue }
                try require(cursor.keys.count == count && cursor.text == input.text, "written as \(cursor.text)")
            }
        },
        FuzzTarget("trace-context", maximumBytes: 1024) { input in
            let (parent, state) = input.split(atFirst: 0x0A)
            guard let context = TraceContext(traceparent: parent.text, tracestate: state.text) else { return }
            let again = TraceContext(traceparent: context.traceparent, tracestate: context.tracestate)
            try require(again == context, "written as \(context.traceparent)")
            try require((context.tracestate?.utf8.count ?? 0) <= 512, "a trace state that is too long")
        },
    ]
}
