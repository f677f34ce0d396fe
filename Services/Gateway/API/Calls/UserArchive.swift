internal import Chronology
internal import Contracts
package import GRPC
internal import HTTPServer
internal import Resilience
internal import ServiceRuntime

/// Everything that Florin knows of somebody, as one JSON document that is never held as a whole: the pages of the services
/// are written as they come, no faster than the client reads.
package struct UserArchive: Sendable {
    /// A service that knows something of users.
    private struct Source: Sendable {
        /// What the document calls it.
        let name: String
        let client: ArchiveServiceClient
    }

    /// How long a service may take for a page.
    private static let timeout = Duration.seconds(10)

    /// The header fields of the document.
    static let fields: HTTPHeaders = [
        "Content-Type": "application/json", "Content-Disposition": #"attachment; filename="florin.json""#,
    ]

    /// The most archives of a user under way at a time: each lasts as long as its client reads.
    private static let maximumPerUser = 2

    private let sources: [Source]
    private let places = UserPlaces(limit: maximumPerUser)
    private let dependencies: Dependencies

    /// The sources over one channel to each service process, in the order of the document.
    package init(
        auth: GRPCChannel, events: GRPCChannel, expense: GRPCChannel, portfolio: GRPCChannel,
        dependencies: Dependencies
    ) {
        self.dependencies = dependencies
        sources = [("auth", auth), ("expense", expense), ("portfolio", portfolio), ("events", events)].map {
            Source(name: $0, client: ArchiveServiceClient(channel: $1))
        }
    }

    /// The document of the caller that `metadata` names. Its beginning is fetched before there is an answer, so that a service
    /// that is away is a 503; one that goes away later breaks the answer off.
    ///
    /// - Throws: 429 when the user has as many under way as may be, 503 or 504 where a service does not answer.
    func response(
        for user: UUIDv7, _ names: RequestNames, _ metadata: GRPCMetadata, at now: Timestamp
    ) async throws(Refusal) -> HTTPResponse {
        guard let place = places.take(for: user) else {
            throw Refusal(
                .tooManyStreams, "A user may have \(Self.maximumPerUser) archives under way.", retryAfter: 5)
        }
        var first: [ArchivePage] = []
        for source in sources {
            do {
                first.append(try await page(of: source, after: nil, metadata))
            } catch {
                throw Refusal(error, asking: source.name)
            }
        }
        let pages = first
        return HTTPResponse(
            headers: Self.fields,
            // The place is freed with the closure: when the document has ended, or was never begun.
            body: .stream { [place] writer in
                defer { withExtendedLifetime(place) {} }
                try await names.bound {
                    try await writer.write("{\"exported_at\":\"\(now)\"")
                    for (source, page) in zip(sources, pages) {
                        try await write(source, from: page, metadata, to: writer)
                    }
                    try await writer.write("}\n")
                }
            })
    }

    /// `,"expense":{"categories":[…],…}`
    private func write(
        _ source: Source, from first: ArchivePage, _ metadata: GRPCMetadata, to writer: HTTPBodyWriter
    ) async throws {
        var text = Section(named: source.name)
        var page = first
        while true {
            for row in page.rows { text.add(row) }
            guard let cursor = page.nextCursor else { break }
            try await writer.write(text.take())
            page = try await self.page(of: source, after: cursor, metadata)
        }
        text.end()
        try await writer.write(text.take())
    }

    private func page(
        of source: Source, after cursor: String?, _ metadata: GRPCMetadata
    ) async throws -> ArchivePage {
        try await dependencies[source.name].call(
            within: Self.timeout, repeating: .always, classify: CallFailure.init(of:)
        ) { timeLeft in
            try await source.client.readArchive(
                ArchiveRequest(cursor: cursor), metadata: metadata, timeout: timeLeft
            ).message
        }
    }

    /// The part of the document that one service fills; rows of one kind follow each other.
    private struct Section {
        private var text: [UInt8]
        private var kind: String?

        init(named name: String) { text = Array(",\"\(name)\":{".utf8) }

        mutating func add(_ row: ArchiveRow) {
            if row.kind == kind {
                text.append(UInt8(ascii: ","))
            } else {
                text += "\(kind == nil ? "" : "],")\"\(row.kind)\":[".utf8
                kind = row.kind
            }
            text += row.json.utf8
        }

        mutating func end() { text += (kind == nil ? "}" : "]}").utf8 }

        mutating func take() -> [UInt8] {
            defer { text = [] }
            return text
        }
    }
}
