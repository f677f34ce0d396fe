internal import Foundation

/// A mistake on the command line or in a file of seeds.
struct FuzzUsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The command line of `florin-fuzz`.
struct FuzzProgram {
    static let usage = """
        usage: florin-fuzz [--target NAME] [--seed N] [--seconds S] [--trace FILE]    changed seeds, all targets or one
               florin-fuzz --target NAME --input FILE                                one input, as a finding left it
               florin-fuzz --prepare DIRECTORY                                       seeds and words for libFuzzer
               florin-fuzz --list                                                    the targets
        Seeds are read from Tests/FuzzCorpus or --corpus DIRECTORY.
        """

    private var options: [String: String] = [:]

    init(_ arguments: [String]) throws {
        let known: Set = ["target", "seed", "seconds", "trace", "input", "prepare", "corpus"]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--list" {
                options["list"] = ""
                continue
            }
            let name = String(argument.dropFirst(2))
            guard argument.hasPrefix("--"), known.contains(name), let value = rest.popFirst() else {
                throw FuzzUsageError(Self.usage)
            }
            options[name] = value
        }
    }

    private var corpus: URL { URL(filePath: options["corpus"] ?? "Tests/FuzzCorpus") }

    private func targets() throws -> [FuzzTarget] {
        try options["target"].map { [try FuzzTarget.named($0)] } ?? FuzzTarget.all
    }

    func run() throws {
        if options["list"] != nil {
            for target in FuzzTarget.all { print(target.name) }
        } else if let file = options["input"] {
            guard options["target"] != nil else { throw FuzzUsageError(Self.usage) }
            try targets()[0].check([UInt8](Data(contentsOf: URL(filePath: file))))
            print("nothing is wrong with it")
        } else if let directory = options["prepare"] {
            try prepare(URL(filePath: directory))
        } else {
            try tryInputs()
        }
    }

    private func tryInputs() throws {
        let seed = try number("seed") ?? UInt64.random(in: 0...UInt64.max)
        let targets = try targets()
        let seconds = Double(try number("seconds") ?? 60) / Double(targets.count)
        print("seed \(seed)")
        for target in targets {
            let run = FuzzRun(
                target: target, corpus: corpus, seed: seed, trace: options["trace"].map { URL(filePath: $0) })
            print("\(target.name): \(try run.run(for: .seconds(seconds))) inputs")
        }
    }

    private func number(_ name: String) throws -> UInt64? {
        guard let text = options[name] else { return nil }
        guard let value = UInt64(text) else { throw FuzzUsageError("--\(name) takes a number") }
        return value
    }

    /// For each target a folder of seeds, a dictionary in libFuzzer's syntax and the length limit.
    private func prepare(_ directory: URL) throws {
        for target in try targets() {
            let file = try FuzzRun.seeds(of: target, in: corpus)
            let folder = directory.appending(path: target.name)
            let seeds = folder.appending(path: "seeds")
            try FileManager.default.createDirectory(at: seeds, withIntermediateDirectories: true)
            for (number, seed) in (file.seeds + (try target.madeSeeds())).enumerated() {
                try Data(seed).write(to: seeds.appending(path: "\(number)"))
            }
            let words = file.words.map { word in
                "\"" + word.map { "\\x" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\"\n"
            }
            try Data(words.joined().utf8).write(to: folder.appending(path: "words"))
            try Data("\(target.maximumBytes)\n".utf8).write(to: folder.appending(path: "length"))
        }
    }
}
