package import Chronology
package import Money

/// One net asset value of AMFI's list.
package struct NAVRow: Sendable, Hashable {
    /// Line of the file, from 1.
    package let line: Int
    package let schemeCode: String
    /// The ISINs of the row: one or two, none where the list has `-`.
    package let isins: [String]
    package let schemeName: String
    package let netAssetValue: Decimal
    package let on: CalendarDate
}

/// A line of the list that looks like a row and cannot be read.
package struct NAVRejection: Sendable, Hashable {
    /// What is wrong with the line.
    package enum Code: String, Sendable {
        case wrongColumnCount = "wrong_column_count"
        case invalidSchemeCode = "invalid_scheme_code"
        case invalidNumber = "invalid_number"
        /// A value of zero: the scheme was wound up or never launched; it is no price.
        case zeroPrice = "zero_price"
        case invalidDate = "invalid_date"
    }

    /// Line of the file, from 1.
    package let line: Int
    package let code: Code
}

/// Why a text is no NAV list at all, or none that is taken.
package enum NAVFileError: String, Error {
    /// No line names the columns; AMFI's address has answered web pages in place of the list.
    case noHeader = "no_header"
    case notUTF8 = "not_utf8"
    /// More rows than may be kept at a time.
    case tooManyRows = "too_many_rows"
}

/// AMFI's list of net asset values (`NAVAll.txt`).
///
/// The columns are found by the names in the header, so that both the layout of 6 columns (until 2026-08-18) and that of 8
/// columns (`Plan` and `Option` apart) are read, as would be one in another order. Between the rows stand headings without
/// semicolons: the kind of scheme, and the name of the asset manager, which may begin with a digit.
///
/// What a list takes in memory depends on what is kept of it, not on its length: it is read line by line.
package struct NAVFile: Sendable {
    /// The most rows that are kept.
    package static let maximumRows = 100_000
    /// The most unreadable rows that are told one by one.
    package static let maximumRejections = 100

    /// Bytes of the longest line that can be a row.
    private static let longestLine = 16 << 10

    /// The rows that were kept.
    package private(set) var rows: [NAVRow] = []
    /// All rows that hold a price.
    package private(set) var rowCount = 0
    /// The first of the rows that could not be read.
    package private(set) var rejections: [NAVRejection] = []
    /// All that could not be read.
    package private(set) var rejectionCount = 0

    /// Reads a whole list. Unreadable rows are noted and passed over.
    ///
    /// - Parameters:
    ///   - limit: the most rows that are kept; with more the list is not taken.
    ///   - isKept: which rows are wanted.
    package init(
        reading bytes: ArraySlice<UInt8>, atMost limit: Int = NAVFile.maximumRows,
        keeping isKept: (NAVRow) -> Bool = { _ in true }
    ) throws(NAVFileError) {
        var columns: Columns?
        var lines = Lines(bytes)
        while let line = lines.next() {
            if line.isEmpty { continue }
            if line.count > Self.longestLine {
                if columns != nil { reject(.wrongColumnCount, line: lines.number) }
                continue
            }
            guard let text = String(validating: line, as: UTF8.self) else { throw .notUTF8 }
            let fields = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
            guard fields.count > 1 else { continue }
            if let header = Columns(header: fields) {
                columns = header
            } else if let columns {
                take(columns, fields, line: lines.number, isKept)
                if rows.count > limit { throw .tooManyRows }
            }
        }
        guard columns != nil else { throw .noHeader }
    }

    private mutating func take(
        _ columns: Columns, _ fields: [Substring], line: Int, _ isKept: (NAVRow) -> Bool
    ) {
        do throws(Unreadable) {
            let row = try columns.row(fields, line: line)
            rowCount += 1
            if isKept(row) { rows.append(row) }
        } catch {
            reject(error.code, line: line)
        }
    }

    private mutating func reject(_ code: NAVRejection.Code, line: Int) {
        rejectionCount += 1
        if rejections.count < Self.maximumRejections { rejections.append(NAVRejection(line: line, code: code)) }
    }

    private static func trimmed(_ field: Substring) -> Substring {
        var field = field
        while let first = field.unicodeScalars.first, first.properties.isWhitespace || first == "\u{feff}" {
            field = field.dropFirst()
        }
        while let last = field.last, last.isWhitespace { field = field.dropLast() }
        return field
    }
}

/// The lines of a text, which end with LF, CR LF or CR.
private struct Lines {
    private var rest: ArraySlice<UInt8>
    /// Number of the line that was read last, from 1.
    private(set) var number = 0

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        number += 1
        guard let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else {
            defer { rest = [] }
            return rest
        }
        let line = rest[..<end]
        let following = rest[end...].dropFirst()
        rest = rest[end] == 0x0D && following.first == 0x0A ? following.dropFirst() : following
        return line
    }
}

private struct Unreadable: Error {
    let code: NAVRejection.Code
}

/// Where each column stands.
private struct Columns {
    let count: Int
    let schemeCode: Int
    let netAssetValue: Int
    let date: Int
    let name: Int?
    let isins: [Int]

    /// Nil where the line is not a header: it lacks one of the columns that every layout has.
    init?(header: [Substring]) {
        let names = header.map { $0.lowercased() }
        guard let schemeCode = names.firstIndex(of: "scheme code"),
            let netAssetValue = names.firstIndex(of: "net asset value"), let date = names.firstIndex(of: "date")
        else { return nil }
        count = names.count
        self.schemeCode = schemeCode
        self.netAssetValue = netAssetValue
        self.date = date
        name = names.firstIndex(of: "scheme name")
        isins = names.indices.filter { names[$0].hasPrefix("isin") }
    }

    func row(_ fields: [Substring], line: Int) throws(Unreadable) -> NAVRow {
        guard fields.count == count else { throw Unreadable(code: .wrongColumnCount) }
        let code = fields[schemeCode]
        guard 1...10 ~= code.utf8.count, code.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            throw Unreadable(code: .invalidSchemeCode)
        }
        guard let day = Self.day(fields[date]) else { throw Unreadable(code: .invalidDate) }
        return NAVRow(
            line: line, schemeCode: String(code),
            isins: isins.map { String(fields[$0]) }.filter(Instrument.isISIN),
            schemeName: name.map { String(fields[$0]) } ?? "",
            netAssetValue: try Self.value(fields[netAssetValue]), on: day)
    }

    private static func value(_ field: Substring) throws(Unreadable) -> Decimal {
        let value: Decimal
        do {
            value = try Decimal(parsing: String(field), maximumIntegerDigits: 12, maximumScale: 8)
        } catch {
            throw Unreadable(code: .invalidNumber)
        }
        guard !value.isZero else { throw Unreadable(code: .zeroPrice) }
        guard value.isPositive else { throw Unreadable(code: .invalidNumber) }
        return value
    }

    /// `17-Aug-2026`.
    private static func day(_ field: Substring) -> CalendarDate? {
        let parts = field.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count <= 2, parts[2].utf8.count == 4, let day = Int(parts[0]),
            let month = months.firstIndex(of: parts[1].lowercased()), let year = Int(parts[2])
        else { return nil }
        return try? CalendarDate(year: year, month: month + 1, day: day)
    }

    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
}
