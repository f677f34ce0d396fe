package import Chronology

/// A mail to one person, in plain text.
package struct Mail: Sendable, Hashable {
    /// The event that caused it; there is one mail for one event, and its Message-ID comes from here.
    package let eventID: UUIDv7
    package let to: String
    package let recipientName: String
    package let subject: String
    /// Lines end with a line feed.
    package let text: String
    package let date: Timestamp

    package init(
        eventID: UUIDv7, to: String, recipientName: String, subject: String, text: String, date: Timestamp
    ) {
        self.eventID = eventID
        self.to = to
        self.recipientName = recipientName
        self.subject = subject
        self.text = text
        self.date = date
    }

    /// The mail as an Internet message (RFC 5322), lines ended by CR LF, ASCII throughout: headers by RFC 2047, the text as
    /// quoted-printable (RFC 2045).
    ///
    /// The same mail always gives the same bytes, so that writing it again after a crash changes nothing.
    ///
    /// - Parameter sender: the address it comes from; its domain is that of the Message-ID.
    package func message(from sender: String) -> [UInt8] {
        let domain = sender.split(separator: "@").last.map(String.init) ?? "localhost"
        let headers = [
            "From: Florin <\(Self.unfolded(sender))>",
            "To: \(Self.phrase(recipientName)) <\(Self.unfolded(to))>",
            "Subject: \(Self.encoded(subject))",
            "Date: \(Self.date(date))",
            "Message-ID: <\(eventID)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        ]
        return Array((headers.joined(separator: "\r\n") + "\r\n\r\n" + QuotedPrintable.encode(text)).utf8)
    }

    /// A name before an address: quoted where it is ASCII, encoded otherwise.
    private static func phrase(_ name: String) -> String {
        guard isPlain(name) else { return encoded(name) }
        let escaped = name.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"\(String(escaped))\""
    }

    private static func encoded(_ text: String) -> String {
        isPlain(text) ? text : EncodedWords.encode(text)
    }

    /// Printable ASCII that a header can carry as it is.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 60 && text.utf8.allSatisfy { 0x20...0x7e ~= $0 } && !text.contains("=?")
    }

    /// An address has no line breaks; one that had would end the header.
    private static func unfolded(_ address: String) -> String {
        String(address.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f && $0 != "<" && $0 != ">" })
    }

    /// `Fri, 20 Nov 2026 09:30:00 +0000`.
    private static func date(_ instant: Timestamp) -> String {
        let day = CalendarDate(utc: instant)
        let (year, month, dayOfMonth) = day.components
        let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let weekday = weekdays[Weekday.allCases.firstIndex(of: day.weekday) ?? 0]
        // The text of an instant is `2026-11-20T09:30:00.123Z`: its time of day stands at 11 to 19.
        let time = String(decoding: Array(instant.description.utf8)[11..<19], as: UTF8.self)
        return "\(weekday), \(dayOfMonth) \(months[month - 1]) \(year) \(time) +0000"
    }
}

/// RFC 2045, section 6.7: text in lines of at most 76 ASCII characters.
enum QuotedPrintable {
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            encodeLine(Array(line.utf8), into: &output)
            output.append(contentsOf: "\r\n".utf8)
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func encodeLine(_ line: [UInt8], into output: inout [UInt8]) {
        var column = 0
        for (index, byte) in line.enumerated() {
            let isLast = index == line.count - 1
            let isBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
            let isLiteral = (0x21...0x7e ~= byte && byte != UInt8(ascii: "=")) || (isBlank && !isLast)
            let width = isLiteral ? 1 : 3
            // A soft line break takes the 76th column.
            if column + width > 75 {
                output.append(contentsOf: "=\r\n".utf8)
                column = 0
            }
            if isLiteral {
                output.append(byte)
            } else {
                appendEscaped(byte, to: &output)
            }
            column += width
        }
    }

    fileprivate static func appendEscaped(_ byte: UInt8, to output: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        output.append(UInt8(ascii: "="))
        output.append(digits[Int(byte >> 4)])
        output.append(digits[Int(byte & 15)])
    }
}

/// RFC 2047: words of at most 75 characters in the "Q" encoding; a character is never split over two words.
enum EncodedWords {
    static func encode(_ text: String) -> String {
        var words: [String] = []
        var word: [UInt8] = []
        for scalar in text.unicodeScalars {
            var piece: [UInt8] = []
            for byte in String(scalar).utf8 {
                if isLiteral(byte) {
                    piece.append(byte)
                } else if byte == UInt8(ascii: " ") {
                    piece.append(UInt8(ascii: "_"))
                } else {
                    QuotedPrintable.appendEscaped(byte, to: &piece)
                }
            }
            if word.count + piece.count > 75 - "=?utf-8?Q??=".utf8.count {
                words.append(String(decoding: word, as: UTF8.self))
                word = []
            }
            word += piece
        }
        words.append(String(decoding: word, as: UTF8.self))
        return words.map { "=?utf-8?Q?\($0)?=" }.joined(separator: "\r\n ")
    }

    private static func isLiteral(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}
