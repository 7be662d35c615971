"""The `vario-relay` command: the composition root. It may import everything; nobody imports it."""
