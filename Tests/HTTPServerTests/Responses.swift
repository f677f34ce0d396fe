extension String {
    /// The status codes of the responses in a row, by their status lines.
    var statuses: [Int] {
        ranges(of: "HTTP/1.1 ").compactMap { Int(self[$0.upperBound...].prefix(3)) }
    }

    func count(of part: String) -> Int { ranges(of: part).count }
}
