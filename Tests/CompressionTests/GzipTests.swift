import Compression
import Foundation
import Testing

@Suite struct GzipTests {
    /// What the program `gzip` makes of the bytes.
    private func decompress(_ bytes: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/gzip")
        process.arguments = ["-dc"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        Thread.detachNewThread {
            input.fileHandleForWriting.write(Data(bytes))
            #expect(throws: Never.self) { try input.fileHandleForWriting.close() }
        }
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return Array(data)
    }

    @Test(arguments: [100, 1024, 50_000, 1_000_000], [Gzip.Effort.fast, .thorough])
    func isReadByOthers(_ count: Int, _ effort: Gzip.Effort) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7) % 26 + 97) }
        let compressed = try #require(Gzip.compress(bytes, effort))
        #expect(compressed.count < bytes.count && compressed.starts(with: [0x1F, 0x8B]))
        #expect(try decompress(compressed) == bytes)
    }

    @Test(arguments: [0, 1, 2, 20]) func whatIsShortStays(_ count: Int) {
        #expect(Gzip.compress([UInt8](repeating: 0x61, count: count), .fast) == nil)
    }

    @Test func whatDoesNotShrinkStays() {
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(Gzip.compress(noise, .thorough) == nil)
    }
}
