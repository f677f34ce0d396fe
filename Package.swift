// swift-tools-version: 6.2
// The architecture of Florin, in dependency order: a target may use only what stands above it.
import PackageDescription

/// The one set of compiler settings. Every Swift target has it; nothing is switched off anywhere.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: path ?? "Libs/\(name)", swiftSettings: settings)
}

func service(_ name: String, at path: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Services/\(path)", swiftSettings: settings)
}

func program(_ name: String, at path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

/// C modules: a module map and a shim header each. Exactly one Swift target imports each of them.
let cModules: [Target] = [
    .systemLibrary(name: "CUV", path: "Libs/CUV"),
    .systemLibrary(name: "CNghttp2", path: "Libs/CNghttp2"),
    .systemLibrary(name: "CPQ", path: "Libs/CPQ"),
    .systemLibrary(name: "CRabbitMQ", path: "Libs/CRabbitMQ"),
    .systemLibrary(name: "CCurl", path: "Libs/CCurl"),
    .systemLibrary(name: "CZlib", path: "Libs/CZlib"),
    .systemLibrary(name: "CSodium", path: "Libs/CSodium"),
    .systemLibrary(name: "COpenSSL", path: "Libs/COpenSSL"),
    .systemLibrary(name: "COath", path: "Libs/COath"),
    .systemLibrary(name: "CSSL", path: "Libs/CSSL"),
    .target(
        name: "CSimdjson", path: "Libs/CSimdjson",
        linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CContracts", path: "Libs/CContracts", linkerSettings: [.linkedLibrary("protobuf-c")]),
]

/// Values: no input or output, no C but libsodium, OpenSSL, liboath and simdjson.
let values: [Target] = [
    library("Chronology"),
    library("WireCodecs"),
    library("Money", ["Chronology"]),
    library("Validation", ["Chronology", "Money"]),
    library("Idempotency", ["Chronology"]),
    library("JSON", ["CSimdjson"]),
    library("Compression", ["CZlib"]),
    library("CloudEvents", ["Chronology", "JSON", "WireCodecs"]),
    library("Secrets", ["CSodium"]),
    library("OneTimeCodes", ["COath"]),
    library("Tokens", ["COpenSSL", "Chronology", "JSON", "Secrets"]),
]

/// Input and output on one event loop, and what every process needs.
let runtime: [Target] = [
    library("Observability", ["Chronology"]),
    library("FaultPoints"),
    library("EventLoop", ["CUV"]),
    library("Resilience", ["EventLoop", "Observability"]),
    library("TLS", ["CSSL", "EventLoop"]),
    library("HTTP2", ["CNghttp2", "EventLoop"]),
    library("HTTPServer", ["EventLoop", "HTTP2", "TLS", "WireCodecs"]),
    library("Curl", ["CCurl"]),
    library("MailTransfer", ["Curl", "EventLoop", "WireCodecs"]),
    library("HTTPClient", ["Curl", "EventLoop", "WireCodecs"]),
    library("GRPC", ["EventLoop", "HTTP2", "Observability", "WireCodecs"]),
    library("Postgres", ["CPQ", "EventLoop", "Chronology", "Money", "Observability", "WireCodecs"]),
    library("AMQP", ["CRabbitMQ", "Observability", "WireCodecs"]),
    library(
        "Messaging",
        ["CloudEvents", "Chronology", "EventLoop", "FaultPoints", "JSON", "Observability", "Postgres"]),
    library("MessagingAMQP", ["AMQP", "CloudEvents", "Messaging", "Observability"]),
    .target(
        name: "Contracts", dependencies: ["CContracts", "Chronology", "GRPC", "JSON", "WireCodecs"],
        path: "Libs/Contracts", exclude: ["problems.json", "proto"], swiftSettings: settings),
    library(
        "ServiceRuntime",
        [
            "AMQP", "Chronology", "CloudEvents", "Contracts", "EventLoop", "FaultPoints", "GRPC", "HTTPServer",
            "Idempotency", "JSON",
            "Messaging", "MessagingAMQP", "Observability", "Postgres", "Validation", "WireCodecs",
        ]),
]

/// Test kits: programs that we did not write, servers of one's own, an in-memory broker, conformance suites.
let kits: [Target] = [
    library("TestKit"),
    library("ServersTesting", ["Postgres"]),
    library("HTTPTesting", ["EventLoop", "TestKit"]),
    library("MessagingTesting", ["Chronology", "CloudEvents", "Messaging", "Postgres"]),
]

let auth: [Target] = [
    service("AuthDomain", at: "AuthService/Domain", ["Chronology", "Money", "Validation"]),
    service(
        "AuthApplication", at: "AuthService/Application",
        ["AuthDomain", "Chronology", "Idempotency", "Validation"]),
    service(
        "AuthInfrastructure", at: "AuthService/Infrastructure",
        [
            "AuthApplication", "AuthDomain", "Chronology", "CloudEvents", "Contracts", "EventLoop", "FaultPoints",
            "HTTPClient",
            "Idempotency", "JSON",
            "Messaging", "Money", "Observability", "OneTimeCodes", "Postgres", "Secrets", "ServiceRuntime", "Tokens",
            "Validation",
        ]),
    service(
        "AuthAPI", at: "AuthService/API",
        [
            "AuthApplication", "AuthDomain", "Chronology", "Contracts", "GRPC", "Idempotency", "Secrets",
            "ServiceRuntime", "Observability", "Validation",
        ]),
    program(
        "auth-service", at: "Services/AuthService/Main",
        [
            "AuthAPI", "AuthApplication", "AuthInfrastructure", "Chronology", "Contracts", "EventLoop", "GRPC",
            "HTTPClient", "Messaging", "Observability", "Postgres", "Secrets", "ServiceRuntime", "Validation",
        ]),
    service(
        "AuthTesting", at: "AuthService/Testing",
        ["AuthDomain", "AuthApplication", "Chronology", "Idempotency", "Validation"]),
]

let expense: [Target] = [
    service("ExpenseDomain", at: "ExpenseService/Domain", ["Chronology", "Money", "Validation"]),
    service(
        "ExpenseApplication", at: "ExpenseService/Application",
        ["ExpenseDomain", "Chronology", "Idempotency", "Money", "Validation"]),
    service(
        "ExpenseInfrastructure", at: "ExpenseService/Infrastructure",
        [
            "ExpenseApplication", "ExpenseDomain", "Chronology", "CloudEvents", "Contracts", "EventLoop", "FaultPoints",
            "Idempotency", "Messaging", "Money", "Postgres", "ServiceRuntime", "Validation",
        ]),
    service(
        "ExpenseAPI", at: "ExpenseService/API",
        [
            "ExpenseApplication", "ExpenseDomain", "Contracts", "GRPC", "Money",
            "ServiceRuntime",
            "Observability", "Validation",
        ]),
    program(
        "expense-service", at: "Services/ExpenseService/Main",
        [
            "Contracts", "ExpenseAPI", "ExpenseApplication", "ExpenseInfrastructure", "Messaging",
            "Postgres", "ServiceRuntime", "Chronology",
        ]),
]

let portfolio: [Target] = [
    service("PortfolioDomain", at: "PortfolioService/Domain", ["Chronology", "Money", "Validation"]),
    service(
        "PortfolioApplication", at: "PortfolioService/Application",
        ["PortfolioDomain", "Chronology", "Idempotency", "Money", "Validation"]),
    service(
        "PortfolioInfrastructure", at: "PortfolioService/Infrastructure",
        [
            "PortfolioApplication", "PortfolioDomain", "Chronology", "CloudEvents", "Contracts", "FaultPoints",
            "Idempotency", "Messaging", "Money", "Postgres", "ServiceRuntime", "Validation",
        ]),
    service(
        "PortfolioAPI", at: "PortfolioService/API",
        [
            "PortfolioApplication", "PortfolioDomain", "Contracts", "GRPC", "Money",
            "ServiceRuntime",
            "Observability",
        ]),
    program(
        "portfolio-service", at: "Services/PortfolioService/Main",
        [
            "Contracts", "PortfolioAPI", "PortfolioApplication", "PortfolioInfrastructure",
            "EventLoop", "Messaging", "Postgres", "ServiceRuntime", "Chronology",
        ]),
]

let eventProcessor: [Target] = [
    service("ProcessorDomain", at: "EventProcessor/Domain", ["Chronology", "Secrets"]),
    service(
        "ProcessorApplication", at: "EventProcessor/Application",
        ["ProcessorDomain", "Chronology", "CloudEvents", "Observability", "Validation"]),
    service(
        "ProcessorInfrastructure", at: "EventProcessor/Infrastructure",
        [
            "ProcessorApplication", "ProcessorDomain", "Chronology", "CloudEvents", "Contracts", "EventLoop",
            "FaultPoints", "MailTransfer", "Messaging", "Postgres", "Secrets", "ServiceRuntime", "Validation",
        ]),
    service(
        "ProcessorAPI", at: "EventProcessor/API",
        [
            "ProcessorApplication", "ProcessorDomain", "Contracts", "GRPC", "HTTPServer", "JSON", "Messaging",
            "ServiceRuntime", "Observability",
        ]),
    program(
        "event-processor", at: "Services/EventProcessor/Main",
        [
            "Chronology", "Contracts", "EventLoop", "GRPC", "ProcessorAPI", "ProcessorApplication",
            "ProcessorInfrastructure",
            "Messaging", "Postgres", "Secrets", "ServiceRuntime",
        ]),
]

let gateway: [Target] = [
    service(
        "GatewayAPI", at: "Gateway/API",
        [
            "Chronology", "CloudEvents", "Compression", "Contracts", "EventLoop", "GRPC", "HTTPServer", "JSON",
            "Messaging", "Observability", "Resilience", "Secrets", "ServiceRuntime", "Tokens", "Validation",
        ]),
    program(
        "gateway", at: "Services/Gateway/Main",
        [
            "GatewayAPI", "Contracts", "EventLoop", "GRPC", "HTTPServer", "Observability", "Postgres", "Resilience",
            "ServiceRuntime", "TLS",
        ]),
]

/// Tools for those who work on Florin.
let tools: [Target] = [
    program(
        "florin-fuzz", at: "Tools/Fuzz",
        [
            "Chronology", "CloudEvents", "Contracts", "EventLoop", "GRPC", "HTTP2", "HTTPServer", "JSON", "Money",
            "Observability", "PortfolioDomain", "Secrets", "Tokens", "Validation",
        ])
]

/// Tests of one target each need no server. `…IntegrationTests` start servers of their own through `ServersTesting`.
let testTargets: [Target] = [
    tests("ChronologyTests", ["Chronology"]),
    tests("WireCodecsTests", ["WireCodecs"]),
    tests("MoneyTests", ["Money", "Chronology"]),
    tests("ValidationTests", ["Validation", "Chronology", "Money"]),
    tests("JSONTests", ["JSON", "TestKit"]),
    tests("CompressionTests", ["Compression"]),
    tests("CloudEventsTests", ["CloudEvents", "Chronology", "JSON", "TestKit"]),
    tests("SecretsTests", ["Secrets"]),
    tests("OneTimeCodesTests", ["OneTimeCodes"]),
    tests("TokensTests", ["Tokens", "Chronology", "JSON", "Secrets", "TestKit"]),
    tests("ObservabilityTests", ["Observability"]),
    tests("EventLoopTests", ["EventLoop", "TestKit"]),
    tests("ResilienceTests", ["Resilience", "EventLoop", "Observability", "TestKit"]),
    tests("HTTPServerTests", ["HTTPServer", "EventLoop", "HTTPTesting", "TLS", "TestKit"]),
    tests("HTTP2Tests", ["HTTP2"]),
    tests("GRPCTests", ["GRPC", "EventLoop", "HTTP2", "Observability", "TestKit"]),
    tests(
        "PostgresIntegrationTests",
        [
            "Postgres", "EventLoop", "Chronology", "Money", "Observability", "ServersTesting", "TestKit",
        ]),
    tests(
        "AMQPIntegrationTests",
        [
            "AMQP", "Chronology", "CloudEvents", "Messaging", "MessagingAMQP", "MessagingTesting", "Observability",
            "ServersTesting", "TestKit",
        ]),
    tests(
        "MessagingTests",
        [
            "Messaging", "MessagingTesting", "CloudEvents", "Chronology", "EventLoop", "Observability", "TestKit",
        ]),
    tests(
        "MessagingIntegrationTests",
        [
            "Messaging", "MessagingAMQP", "MessagingTesting", "CloudEvents", "Chronology", "EventLoop", "Observability",
            "Postgres", "ServersTesting", "TestKit",
        ]),
    tests("ContractsTests", ["Contracts", "GRPC", "JSON", "EventLoop", "Observability", "TestKit"]),
    tests(
        "ServiceRuntimeTests",
        [
            "ServiceRuntime", "Chronology", "EventLoop", "GRPC", "Messaging", "Observability", "Postgres",
            "ServersTesting",
            "Validation", "WireCodecs",
        ]),
    tests(
        "AuthTests",
        ["AuthDomain", "AuthApplication", "AuthTesting", "Chronology", "Idempotency", "Validation"]),
    tests(
        "AuthIntegrationTests",
        [
            "AuthAPI", "AuthApplication", "AuthDomain", "AuthInfrastructure", "AuthTesting", "Chronology",
            "CloudEvents", "Contracts", "EventLoop", "GRPC", "HTTPClient", "Idempotency", "Messaging",
            "MessagingTesting", "Observability", "OneTimeCodes", "Postgres", "Secrets", "ServersTesting",
            "ServiceRuntime", "Tokens", "Validation", "auth-service", "gateway", "TestKit",
        ]),
    tests("ExpenseTests", ["ExpenseDomain", "Chronology", "Money", "Validation"]),
    tests(
        "ExpenseIntegrationTests",
        [
            "ExpenseAPI", "ExpenseApplication", "ExpenseInfrastructure", "Chronology", "CloudEvents", "Contracts",
            "EventLoop",
            "GRPC", "Idempotency", "Messaging", "MessagingTesting", "Observability", "Postgres",
            "ServersTesting", "ServiceRuntime", "TestKit", "Validation",
        ]),
    tests("PortfolioTests", ["PortfolioDomain", "Chronology", "Money", "Validation"]),
    tests(
        "PortfolioIntegrationTests",
        [
            "PortfolioAPI", "PortfolioApplication", "PortfolioInfrastructure", "Chronology", "CloudEvents", "Contracts",
            "EventLoop", "GRPC", "Messaging", "MessagingTesting", "Observability", "Postgres", "ServersTesting",
            "ServiceRuntime",
        ]),
    tests(
        "ProcessorTests",
        [
            "ProcessorAPI", "ProcessorDomain", "Chronology", "Contracts", "GRPC", "HTTPServer", "JSON", "Observability",
        ]),
    tests(
        "ProcessorIntegrationTests",
        [
            "ProcessorAPI", "ProcessorApplication", "ProcessorDomain", "ProcessorInfrastructure", "event-processor",
            "Chronology", "CloudEvents", "Contracts", "EventLoop", "GRPC", "Messaging", "MessagingAMQP",
            "MessagingTesting", "Observability", "Postgres", "Secrets", "ServersTesting", "ServiceRuntime",
            "Validation", "TestKit",
        ]),
    tests(
        "InteropTests",
        [
            "Messaging", "MessagingAMQP", "Secrets", "ServersTesting", "auth-service", "expense-service",
            "portfolio-service", "event-processor", "TestKit",
        ]),
    tests(
        "MailTransferIntegrationTests",
        [
            "MailTransfer", "ProcessorApplication", "ProcessorDomain", "ProcessorInfrastructure", "Chronology",
            "CloudEvents", "Contracts", "EventLoop", "Messaging", "MessagingTesting", "Postgres", "Secrets",
            "ServersTesting", "ServiceRuntime", "TestKit",
        ]),
    tests("HTTPClientIntegrationTests", ["HTTPClient", "TestKit"]),
    tests("FuzzTests", ["florin-fuzz"]),
    // The programs as they are run, all of them together.
    tests(
        "SystemTests",
        ["auth-service", "expense-service", "portfolio-service", "event-processor", "gateway", "TestKit"]),
    tests("FaultTests", ["auth-service", "expense-service", "portfolio-service", "event-processor", "gateway"]),
    tests(
        "GatewayTests",
        [
            "GatewayAPI", "Chronology", "CloudEvents", "Contracts", "EventLoop", "GRPC", "HTTPServer", "HTTPTesting",
            "JSON", "Messaging", "MessagingTesting", "Observability", "Resilience", "Secrets", "ServiceRuntime",
            "TestKit", "Tokens", "Validation",
        ]),
    tests(
        "GatewayIntegrationTests",
        [
            "gateway", "Chronology", "CloudEvents", "Contracts", "EventLoop", "GRPC", "HTTPTesting", "Messaging",
            "MessagingAMQP", "MessagingTesting", "Observability", "Secrets", "ServersTesting", "TestKit", "Tokens",
        ]),
]

let package = Package(
    name: "florin",
    targets: cModules + values + runtime + kits + auth + expense + portfolio + eventProcessor + gateway + tools
        + testTargets,
    cxxLanguageStandard: .cxx17
)
