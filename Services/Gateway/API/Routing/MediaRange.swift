/// What a client takes, as its `Accept` says it (RFC 9110 section 12.5.1).
package enum MediaRange {
    /// Whether a header allows an answer of the type `type/subtype`. A header that cannot be read counts as absent.
    package static func allows(_ header: String?, _ mediaType: String) -> Bool {
        guard let header, !header.isEmpty else { return true }
        var best: (precision: Int, isAllowed: Bool)?
        for part in header.split(separator: ",") {
            let pieces = part.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
            guard let precision = precision(of: pieces[0].lowercased(), for: mediaType) else { continue }
            let isAllowed = !pieces.dropFirst().contains(where: isZeroWeight)
            if precision > best?.precision ?? -1 { best = (precision, isAllowed) }
        }
        return best?.isAllowed ?? false
    }

    /// The type of a `Content-Type` without its parameters, in lower case.
    package static func essence(_ contentType: String) -> String {
        trimmed(contentType.prefix { $0 != ";" }).lowercased()
    }

    private static func precision(of range: String, for mediaType: String) -> Int? {
        if range == mediaType { return 2 }
        if range == "*/*" || range == "*" { return 0 }
        guard range.hasSuffix("/*") else { return nil }
        return mediaType.hasPrefix(range.dropLast()) ? 1 : nil
    }

    private static func isZeroWeight(_ parameter: Substring) -> Bool {
        let text = parameter.filter { $0 != " " }.lowercased()
        guard text.hasPrefix("q=") else { return false }
        return text.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." } && text.count > 2
    }

    private static func trimmed(_ text: some StringProtocol) -> Substring {
        var slice = Substring(text)
        while slice.first == " " || slice.first == "\t" { slice.removeFirst() }
        while slice.last == " " || slice.last == "\t" { slice.removeLast() }
        return slice
    }
}
