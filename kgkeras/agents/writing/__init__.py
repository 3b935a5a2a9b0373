"""Writing about facts, and reading them back."""
