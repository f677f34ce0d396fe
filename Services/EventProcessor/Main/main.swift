import ServiceRuntime

await ServiceMain.run(ProcessorProgram.self)
