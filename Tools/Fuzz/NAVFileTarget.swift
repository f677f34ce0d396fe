internal import PortfolioDomain

extension FuzzTarget {
    /// The reader of AMFI's list: rows it takes are prices, and are the same after they were written in its layout.
    static let navFile = FuzzTarget("nav-file") { input in
        guard let file = accepted({ () throws(NAVFileError) in try NAVFile(reading: input[...]) }) else { return }
        let lines = input.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
        try require(file.rowCount + file.rejectionCount < lines, "more rows than lines")
        try require(file.rows.allSatisfy(\.netAssetValue.isPositive), "a price that is not positive")
        let again = try NAVFile(reading: Array(written(file.rows).utf8)[...])
        try require(again.rejections.isEmpty, "written again a row is refused: \(again.rejections)")
        try require(again.rows.map(\.withoutLine) == file.rows.map(\.withoutLine), "written again: \(again.rows)")
    }

    private static func written(_ rows: [NAVRow]) -> String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let header = "Scheme Code;ISIN Growth;ISIN Reinvestment;Scheme Name;Net Asset Value;Date"
        let lines = rows.map { row in
            let isins = (row.isins + ["-", "-"]).prefix(2).joined(separator: ";")
            let (year, month, day) = row.on.components
            let date = "\(day)-\(months[month - 1])-\(String("000\(year)".suffix(4)))"
            return "\(row.schemeCode);\(isins);\(row.schemeName);\(row.netAssetValue);\(date)"
        }
        return ([header] + lines).joined(separator: "\n")
    }
}

extension NAVRow {
    /// What the row says, wherever it stands; a list may have more than two columns of ISINs, of which two are written.
    fileprivate var withoutLine: [String] {
        [schemeCode, schemeName, "\(netAssetValue)", "\(on)"] + isins.prefix(2)
    }
}
