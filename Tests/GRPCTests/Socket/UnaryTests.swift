import EventLoop
import Testing

@testable import GRPC

@Suite struct UnaryTests {
    @Test(arguments: ["", "hello", "hé😀"])
    func answersWithWhatWasSaid(text: String) async throws {
        try await Harness.run { harness in
            let answer = try await harness.say(text)
            #expect(answer == text)
            #expect(harness.channel.state == .ready)
        }
    }

    @Test func carriesThreeMegabytesBothWays() async throws {
        try await Harness.run { harness in
            let message = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let reply = try await harness.channel.unary(EchoService.say, message, timeout: patience)
            #expect(reply.message == message)
        }
    }

    @Test func carriesStatusWithMessageDetailsAndMetadata() async throws {
        try await Harness.run { harness in
            let status = await statusThrown { _ = try await harness.say("fail") }
            #expect(status?.code == .failedPrecondition)
            #expect(status?.message == "won't: é✓ %\n")
            #expect(status?.details == [0x08, 0x09, 0x12, 0x02] + [UInt8]("no"))
            #expect(status?.metadata["x-why"] == "because")
        }
    }

    @Test func hidesTheTextOfAnUnknownError() async throws {
        try await Harness.run { harness in
            let status = await statusThrown { _ = try await harness.say("throw") }
            #expect(status == GRPCStatus(.internalError))
        }
    }

    @Test func carriesMetadataBothWays() async throws {
        try await Harness.run { harness in
            var metadata: GRPCMetadata = ["X-In": "v"]
            metadata.append("x-in-bin", binary: [0, 1, 255])
            let reply = try await harness.channel.unary(
                EchoService.say, [UInt8]("metadata"), metadata: metadata, timeout: patience)
            #expect(reply.initialMetadata["x-initial"] == "v")
            #expect(reply.trailingMetadata["x-trailing"] == "t")
            #expect(reply.trailingMetadata.binary("x-raw-bin") == [255, 1, 0])
        }
    }

    @Test func refusesMetadataThatCannotBeSent() async throws {
        try await Harness.run { harness in
            for metadata: GRPCMetadata in [["grpc-status": "0"], ["x": "é"], ["x y": "v"], ["te": "gzip"]] {
                let status = await statusThrown {
                    _ = try await harness.channel.unary(EchoService.say, [], metadata: metadata, timeout: patience)
                }
                #expect(status?.code == .internalError)
            }
            let answer = await statusThrown { _ = try await harness.say("badmetadata") }
            #expect(answer?.code == .internalError)
        }
    }

    @Test func unknownMethodIsUnimplemented() async throws {
        try await Harness.run { harness in
            for method in [
                GRPCMethod(service: "florin.test.v1.Echo", name: "Nope"), GRPCMethod(service: "no.such", name: "Say"),
            ] {
                let status = await statusThrown {
                    _ = try await harness.channel.unary(method, [1, 2], timeout: patience)
                }
                #expect(status?.code == .unimplemented)
            }
        }
    }

    @Test func answersAThousandCallsAtOnce() async throws {
        try await Harness.run(server: { $0.maximumConcurrentStreams = 100 }) { harness in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<1000 {
                    group.addTask {
                        let answer = try await harness.say("\(index)")
                        #expect(answer == "\(index)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func callsMadeOnTheLoopNeedNoOtherThread() async throws {
        try await Harness.run { harness in
            let isOnLoop = await withCheckedContinuation { continuation in
                harness.loop.spawn {
                    let reply = await statusThrown { _ = try await harness.say("hello") }
                    continuation.resume(returning: reply == nil && harness.loop.isCurrent)
                }
            }
            #expect(isOnLoop)
        }
    }

    @Test func tellsOfEachCallThatEnded() async throws {
        let (ended, continuation) = AsyncStream.makeStream(of: GRPCStatus.Code.self)
        try await Harness.run(server: { $0.onCallFinished = { _, code, _ in continuation.yield(code) } }) { harness in
            _ = try await harness.say("hello")
            _ = await statusThrown { _ = try await harness.say("fail") }
            var iterator = ended.makeAsyncIterator()
            #expect(await iterator.next() == .ok)
            #expect(await iterator.next() == .failedPrecondition)
        }
    }
}
