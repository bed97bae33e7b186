"""What the integration tests stand on: a private Postgres, the real binary, tokens, clients."""
