"""The commands of `agenkit`, each with `run(arguments) -> exit code`."""
