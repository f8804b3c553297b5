"""The model that is always there: SmolLM2-135M-Instruct in a child process, behind OpenAI's wire format."""
