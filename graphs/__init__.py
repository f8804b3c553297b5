"""How agents work: one folder per LangGraph workflow."""
