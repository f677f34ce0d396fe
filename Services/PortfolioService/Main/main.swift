import ServiceRuntime

await ServiceMain.run(PortfolioProgram.self)
