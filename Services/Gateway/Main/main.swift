import ServiceRuntime

await ServiceMain.run(GatewayProgram.self)
