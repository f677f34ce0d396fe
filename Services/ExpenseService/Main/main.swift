import ServiceRuntime

await ServiceMain.run(ExpenseProgram.self)
