"""Training every demo on every backend: what is trained, how a training goes on, what came of it, the ledger."""
