import ServiceRuntime

await ServiceMain.run(AuthProgram.self)
